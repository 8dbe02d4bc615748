#pragma once
// libopendkim's own verification, with its own key decoding: what others would say of a signature.

#include <cstring>
#include <string>
#include <vector>

#include "dkim/opendkim_message.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim::test {

/// The library as an application would use it: keys by callback, one status a signature.
class Oracle {
 public:
  Oracle() : library_(dkim_init(nullptr, nullptr)) {
    dkim_set_key_lookup(library_, [](DKIM* dkim, DKIM_SIGINFO* sig, u_char* buf, size_t size) {
      const auto& zone = *static_cast<const Zone*>(dkim_get_user_context(dkim));
      const auto found =
          zone.find(std::string(reinterpret_cast<char*>(dkim_sig_getselector(sig))) +
                    "._domainkey." + reinterpret_cast<char*>(dkim_sig_getdomain(sig)));
      if (found == zone.end()) return DKIM_CBSTAT_NOTFOUND;
      std::strncpy(reinterpret_cast<char*>(buf), found->second.c_str(), size);
      return DKIM_CBSTAT_CONTINUE;
    });
  }
  ~Oracle() { dkim_close(library_); }

  std::vector<bool> verify(const Message& message, const Zone& zone) {
    DKIM_STAT status = DKIM_STAT_OK;
    DKIM* dkim = dkim_verify(library_, reinterpret_cast<const u_char*>("-"), nullptr, &status);
    dkim_set_user_context(dkim, const_cast<Zone*>(&zone));
    for (const auto& field : message.fields) {
      std::string text = field.name + ":" + field.value;
      dkim_header(dkim, reinterpret_cast<u_char*>(text.data()), text.size());
    }
    dkim_eoh(dkim);
    std::string body = message.body;
    if (!body.empty()) dkim_body(dkim, reinterpret_cast<u_char*>(body.data()), body.size());
    dkim_eom(dkim, nullptr);
    DKIM_SIGINFO** signatures = nullptr;
    int count = 0;
    std::vector<bool> passed;
    if (dkim_getsiglist(dkim, &signatures, &count) == DKIM_STAT_OK) {
      for (int i = 0; i < count; ++i) {
        passed.push_back(DKIM_SIG_CHECK(signatures[i]) &&
                         dkim_sig_geterror(signatures[i]) == DKIM_SIGERROR_OK);
      }
    }
    dkim_free(dkim);
    return passed;
  }

 private:
  DKIM_LIB* library_;
};

}  // namespace gatepost::dkim::test
