#include "filter/config/arc_key.h"

#include <utility>

#include "core/base/text.h"
#include "filter/config/key_file.h"

namespace gatepost::config {

Result<LoadedArcKey> read_arc_key(const ArcKey& settings, const std::filesystem::path& folder,
                                  const std::string& user, bool all_keys) {
  LoadedArcKey result;
  if (!settings.seal) return result;
  if (settings.domain.empty())
    return config_error("expected the domain that seals, because arc.seal = true", "arc.domain");
  if (settings.selector.empty()) {
    return config_error("expected the selector of the key that seals, because arc.seal = true",
                        "arc.selector");
  }
  const std::string path = (folder / (!settings.file.empty() ? settings.file
                                                             : "keys/" + settings.domain + "/" +
                                                                   settings.selector + ".private"))
                               .string();
  const std::string name = "key file " + printable(path) + " ";
  if (!all_keys && is_forbidden(path)) {
    result.warnings.push_back(name + "may not be read by us, nothing is sealed with it here");
    return result;
  }
  auto loaded = read_key_file(path, user);
  if (!loaded) return config_error(name + loaded.error().what, "arc.key_file");
  // A set has one seal, and few verifiers read one of another kind.
  if (loaded->key->type() != dkim::KeyType::rsa)
    return config_error(name + "holds an Ed25519 key, expected RSA", "arc.key_file");
  for (const std::string& warning : loaded->warnings)
    result.warnings.push_back(name + "is not as it should be: " + warning);
  arc::SealOptions options;
  options.domain = settings.domain;
  options.selector = settings.selector;
  options.key = std::move(loaded->key);
  result.seal = std::make_shared<const arc::SealOptions>(std::move(options));
  return result;
}

}  // namespace gatepost::config
