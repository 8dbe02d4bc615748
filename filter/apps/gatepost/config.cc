// gatepost config: the configuration in force, with where each value comes from; the sample and
// manual.

#include <cstdio>

#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  bool origin = false;
  bool sample = false;
  bool manual = false;
};

int run(const Options& options) {
  if (options.sample || options.manual) {
    std::fputs((options.sample ? config::sample() : config::manual()).c_str(), stdout);
    return kOk;
  }
  const auto configuration = options.common.load();
  if (!configuration) return kConfig;
  Json json = Json::object();
  for (const config::Origin& origin : configuration->origins) {
    if (options.common.json)
      json[origin.key] = {{"value", text(origin.value)}, {"origin", text(origin.place)}};
    else if (options.origin)
      std::printf("%s = %s  # %s\n", origin.key.c_str(), origin.value.c_str(),
                  origin.place.c_str());
    else
      std::printf("%s = %s\n", origin.key.c_str(), origin.value.c_str());
  }
  if (options.common.json) std::printf("%s\n", json.dump(2).c_str());
  return kOk;
}

}  // namespace

void add_config(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("config", "show the configuration in force");
  options->common.add_to(*app);
  app->add_flag("--origin", options->origin, "also show where each value was set");
  app->add_flag("--sample", options->sample, "print the documented sample file instead");
  app->add_flag("--manual", options->manual,
                "print the settings as a part of a manual page instead");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
