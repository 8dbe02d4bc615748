// rules_hits --rules FOLDER --now T [--cache FOLDER] [--score-set N] [--feature NAME] [--needed]
// [--list FILE] FILES…
//
// What our rules hit: one JSON object a line, {"file", "hits"}, subrules included, for the oracle
// beside it. The first line is {"supported": [...], "unsupported": {NAME: why}, "network": [those
// with tflags net], "metas": {NAME: [rules it uses]}}. With --needed subrules that change no other
// rule's hit are not looked for, as in the daemon.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/mail/header_block.h"
#include "core/mail/view.h"
#include "rules/chunk.h"
#include "rules/compile.h"
#include "rules/envelope_from.h"
#include "rules/meta.h"
#include "rules/parse.h"
#include "rules/prepared_settings.h"

namespace {

using namespace gatepost;
using nlohmann::json;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

struct Options {
  std::string rules;
  std::string list;
  std::string cache;
  std::int64_t now = 0;
  int score_set = 0;
  bool matched = false;
  bool needed = false;
  std::vector<std::string> features;
  std::vector<std::string> files;
};

bool read_options(int argc, char** argv, Options& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const bool has_value = arg.starts_with("--") && arg != "--matched" && arg != "--needed";
    if (has_value && i + 1 >= argc) return false;
    if (arg == "--rules")
      out.rules = argv[++i];
    else if (arg == "--list")
      out.list = argv[++i];
    else if (arg == "--cache")
      out.cache = argv[++i];
    else if (arg == "--now")
      out.now = std::stoll(argv[++i]);
    else if (arg == "--score-set")
      out.score_set = std::stoi(argv[++i]);
    else if (arg == "--feature")
      out.features.emplace_back(argv[++i]);
    else if (arg == "--matched")
      out.matched = true;
    else if (arg == "--needed")
      out.needed = true;
    else if (has_value)
      return false;
    else
      out.files.push_back(arg);
  }
  if (!out.list.empty()) {
    std::ifstream in(out.list);
    for (std::string line; std::getline(in, line);) out.files.push_back(line);
  }
  return !out.rules.empty();
}

rules::RuleFile load(const Options& options) {
  std::vector<std::string> names;
  if (std::filesystem::is_directory(options.rules)) {
    for (const auto& entry : std::filesystem::directory_iterator(options.rules)) {
      if (entry.path().extension() == ".cf") names.push_back(entry.path());
    }
    std::sort(names.begin(), names.end());
  } else {
    names.push_back(options.rules);
  }
  std::vector<rules::Source> sources;
  for (const std::string& name : names) sources.push_back({name, read_file(name)});
  rules::ParseOptions how;
  how.features = options.features;
  return rules::parse(sources, how);
}

json describe(const rules::RuleFile& file, const std::vector<rules::Diagnostic>& compiled) {
  json out;
  json unsupported = json::object();
  for (const rules::Diagnostic& d : compiled) {
    if (d.severity == rules::Diagnostic::Severity::unsupported)
      unsupported[d.what.substr(0, d.what.find(':'))] = d.what;
  }
  json supported = json::array();
  for (const rules::Rule& rule : file.rules) {
    if (!unsupported.contains(rule.name)) supported.push_back(rule.name);
  }
  for (const rules::UnsupportedRule& rule : file.unsupported) unsupported[rule.name] = "?";
  for (const rules::Diagnostic& d : file.diagnostics) {
    if (unsupported.contains(d.rule)) unsupported[d.rule] = d.what;
  }
  json network = json::array();
  for (const rules::Rule& rule : file.rules) {
    const auto& flags = rule.flags.others;
    if (std::find(flags.begin(), flags.end(), "net") != flags.end()) network.push_back(rule.name);
  }
  json metas = json::object();
  for (const rules::Rule& rule : file.rules) {
    if (rule.type != rules::RuleType::meta) continue;
    rules::MetaExpression expression;
    rules::MetaFault fault;
    json uses = json::array();
    if (rules::parse_meta(rule.meta, expression, fault)) {
      for (const rules::MetaName& name : expression.names) uses.push_back(name.name);
    }
    metas[rule.name] = uses;
  }
  return {{"supported", supported},
          {"unsupported", unsupported},
          {"network", network},
          {"metas", metas}};
}

json hits_of(const rules::RuleSet& set, const rules::RuleFile& file, const std::string& path,
             const Options& options, const rules::PreparedSettings& settings) {
  const mail::ParsedMessage parsed = mail::parse_message(read_file(path));
  mail::Message message({}, std::make_shared<mail::ByteBudget>(std::size_t{1} << 30), "/tmp");
  for (const mail::HeaderField& field : parsed.fields) message.add_field(field);
  if (!message.append_body(parsed.body).ok()) return {};
  message.freeze();
  auto view = mail::MessageView::open(message);
  if (!view.ok()) return {};
  rules::FieldIndex index;
  index.read(message.fields());
  rules::MessageFacts facts(index, "", file.settings, settings.registries());
  const std::string from = rules::guess_envelope_from(facts).value_or("");
  mail::UrlSettings urls = set.url_settings();
  urls.idn = false;
  rules::Subject subject{message.fields(), view->content(), from, options.matched};
  subject.urls = view->urls(urls);
  subject.html = view->html();
  subject.now = options.now;
  subject.want_subrules = !options.needed;
  const rules::MatchOutcome outcome =
      options.needed ? set.conclude(subject, set.scan(subject)) : set.match(subject);
  json hits = json::array();
  json matched = json::object();
  for (const rules::Hit& hit : outcome.hits) {
    hits.push_back(hit.rule->name);
    if (options.matched) matched[hit.rule->name] = hit.matched;
  }
  json out{{"file", path}, {"hits", hits}, {"limited", outcome.limited}};
  if (options.matched) out["matched"] = matched;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--compile-rules")
    return rules::compile_process_main();
  Options options;
  if (!read_options(argc, argv, options)) {
    std::cerr << "usage: rules_hits --rules FOLDER --now UNIXTIME [--score-set N] "
                 "[--feature NAME] [--matched] [--needed] [--list FILE] FILES...\n";
    return 64;
  }
  const rules::RuleFile file = load(options);
  for (const rules::Diagnostic& d : file.diagnostics) {
    if (d.severity == rules::Diagnostic::Severity::error)
      std::cerr << d.place.text() << ": " << d.what << '\n';
  }
  rules::CompileOptions how;
  how.score_set = options.score_set;
  how.cache_directory = options.cache;
  how.helper = {"/proc/self/exe", {"--compile-rules"}};
  auto compiled = rules::compile(file, how);
  if (!compiled.ok()) {
    std::cerr << compiled.error().text() << '\n';
    return 78;
  }
  for (const rules::Diagnostic& d : compiled->diagnostics) {
    if (d.severity != rules::Diagnostic::Severity::warning)
      std::cerr << d.place.text() << ": " << d.what << '\n';
  }
  if (!compiled->rules) return 78;
  std::cout
      << describe(file, compiled->diagnostics).dump(-1, ' ', false, json::error_handler_t::replace)
      << '\n';
  const rules::PreparedSettings settings(file.settings);
  for (const std::string& path : options.files) {
    std::cout << hits_of(*compiled->rules, file, path, options, settings)
                     .dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }
}
