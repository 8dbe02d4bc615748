#include "dkim/signing_keys.h"

#include <utility>

#include "core/base/text.h"

namespace gatepost::dkim {

const std::vector<std::string>& list_safe_headers() {
  static const std::vector<std::string> kNames = {"From",
                                                  "To",
                                                  "Cc",
                                                  "Subject",
                                                  "Date",
                                                  "Message-ID",
                                                  "Reply-To",
                                                  "In-Reply-To",
                                                  "References",
                                                  "Sender",
                                                  "MIME-Version",
                                                  "Content-Type",
                                                  "Content-Transfer-Encoding",
                                                  "Resent-From",
                                                  "Resent-To",
                                                  "Resent-Date",
                                                  "Resent-Message-ID",
                                                  "List-Id",
                                                  "List-Help",
                                                  "List-Unsubscribe",
                                                  "List-Unsubscribe-Post",
                                                  "List-Subscribe",
                                                  "List-Post",
                                                  "List-Owner",
                                                  "List-Archive"};
  return kNames;
}

SigningKeys::SigningKeys(std::vector<SigningKey> keys, SignOptions options)
    : keys_(std::move(keys)), options_(std::move(options)) {}

std::vector<const SigningKey*> SigningKeys::keys_for(std::string_view author_domain) const {
  const std::string domain = to_lower(author_domain);
  const auto of = [&](std::string_view name, bool below) {
    std::vector<const SigningKey*> found;
    for (const SigningKey& key : keys_) {
      if (key.domain == name && (!below || key.subdomains)) found.push_back(&key);
    }
    return found;
  };
  std::string_view name = domain;
  auto found = of(name, false);
  while (found.empty()) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) break;
    name.remove_prefix(dot + 1);
    found = of(name, true);
  }
  return found;
}

}  // namespace gatepost::dkim
