#include "filter/checks/dkim_options.h"

namespace gatepost {

dkim::VerifyOptions verify_options(const Policy& policy) {
  dkim::VerifyOptions options;
  options.max_signatures = static_cast<std::size_t>(policy.dkim_max_signatures);
  options.min_rsa_bits = policy.dkim_min_key_bits;
  options.allow_partial_body = policy.dkim_allow_partial_body;
  options.clock_skew =
      std::chrono::duration_cast<std::chrono::seconds>(policy.dkim_clock_skew).count();
  return options;
}

}  // namespace gatepost
