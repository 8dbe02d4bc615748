#include "filter/apps/gatepostd/first_load.h"

#include <cstdio>

#include "filter/apps/rules_loader.h"
#include "filter/milter/socket_address.h"

namespace gatepost {

namespace {

/// Where the socket was set.
std::string listen_origin(const Flags& flags, const config::Configuration& configuration) {
  if (!flags.socket.empty()) return "--socket";
  for (const config::Origin& origin : configuration.origins) {
    if (origin.key == "milter.listen") return origin.place;
  }
  return {};
}

int refuse(const std::vector<Error>& errors) {
  for (const Error& error : errors) complain(error);
  std::fprintf(stderr, "gatepostd: %zu fault%s in the configuration, nothing was started\n",
               errors.size(), errors.size() == 1 ? "" : "s");
  return kExitConfig;
}

}  // namespace

int load_first(const Flags& flags, config::Configuration& configuration) {
  config::LoadResult loaded = config::load(flags.config_file, {.user = flags.user});
  flags.apply_to(loaded.configuration);
  for (const Error& warning : loaded.warnings)
    std::fprintf(stderr, "gatepostd: warning: %s\n", warning.text().c_str());
  for (const std::string& socket : loaded.configuration.daemon.listen) {
    if (const auto parsed = milter::parse_socket(socket); !parsed.ok()) {
      loaded.errors.push_back(config_error("milter.listen: " + parsed.error().what,
                                           listen_origin(flags, loaded.configuration)));
    }
  }
  RuleSources rules = read_rules(loaded.configuration);
  if (!loaded.ok() || !rules.errors.empty()) {
    const LoadedRules compiled =
        compile_rules(loaded.configuration, std::move(rules), {.cache = RulesCache::if_ours});
    loaded.errors.insert(loaded.errors.end(), compiled.errors.begin(), compiled.errors.end());
    return refuse(loaded.errors);
  }
  configuration = std::move(loaded.configuration);
  return 0;
}

int check_and_print(const config::Configuration& configuration) {
  const LoadedRules rules =
      compile_rules(configuration, read_rules(configuration), {.cache = RulesCache::if_ours});
  if (!rules.policy) return refuse(rules.errors);
  for (const std::string& note : rules.notes) std::printf("note      %s\n", note.c_str());
  std::printf("rules     %zu\n", rules.rules);
  const auto socket = milter::parse_socket(configuration.daemon.listen[0]);
  std::printf("configuration is good: %s\n", configuration.policy->source.c_str());
  std::printf("mode      %s\n", configuration.policy->mode == Mode::observe
                                    ? "observe (nothing is refused or changed)"
                                    : "enforce");
  std::printf("Sendmail  S=%s\n", socket->for_libmilter().c_str());
  std::printf("Postfix   smtpd_milters = %s\n", socket->for_postfix().c_str());
  return 0;
}

}  // namespace gatepost
