// gatepost spf lint and flatten: for those who publish records.

#include <algorithm>
#include <cstdio>
#include <optional>

#include "core/base/text.h"
#include "core/dns/name.h"
#include "filter/apps/gatepost/command.h"
#include "filter/apps/gatepost/waiting.h"
#include "spf/flatten.h"
#include "spf/lint.h"

namespace gatepost::command {

namespace {

struct Options {
  Common common;
  std::string domain;
  std::optional<std::string> record;

  /// The domain as DNS has it, empty when none was given.
  Result<std::string> ascii_domain() const {
    return domain.empty() ? Result<std::string>(std::string()) : dns::to_ascii_name(domain);
  }
};

std::string number(std::size_t n, const char* of_one) {
  return std::to_string(n) + " " + of_one + (n == 1 ? "" : "s");
}

Json json_of(const spf::LintReport& report) {
  Json faults = Json::array();
  for (const spf::LintFault& fault : report.faults) {
    faults.push_back({{"severity", to_string(fault.severity)},
                      {"rule", fault.rule},
                      {"domain", text(fault.domain)},
                      {"column", fault.column},
                      {"term", text(fault.term)},
                      {"text", text(fault.what)}});
  }
  Json records = Json::array();
  for (const spf::LintRecord& record : report.records) {
    records.push_back({{"depth", record.depth},
                       {"domain", text(record.domain)},
                       {"term", text(record.term)},
                       {"record", text(record.text)},
                       {"lookups", record.lookups}});
  }
  return {{"domain", text(report.domain)},
          {"record", text(report.record)},
          {"octets", report.record.size()},
          {"lookups", report.lookups},
          {"void_lookups", report.void_lookups},
          {"errors", report.errors()},
          {"warnings", report.faults.size() - report.errors()},
          {"faults", std::move(faults)},
          {"records", std::move(records)}};
}

void print_report(const spf::LintReport& report) {
  std::vector<std::pair<std::string, std::string>> rows;
  if (!report.domain.empty()) rows.emplace_back("domain", report.domain);
  rows.emplace_back("record", report.record);
  rows.emplace_back("size", std::to_string(report.record.size()) + " octets, 450 are safe");
  rows.emplace_back("lookups", std::to_string(report.lookups) + " of 10, " +
                                   std::to_string(report.void_lookups) + " void of 2");
  print_rows(rows);
  if (report.records.size() > 1) {
    std::printf("\nlookups  record of\n");
    for (const spf::LintRecord& record : report.records)
      std::printf("%7d  %*s%s%s%s\n", record.lookups, 2 * record.depth, "",
                  printable(record.domain, 100).c_str(), record.term.empty() ? "" : "  by ",
                  record.term.c_str());
  }
  if (!report.faults.empty()) std::printf("\n");
  for (const spf::LintFault& fault : report.faults) {
    const std::string place =
        fault.column == 0 ? "" : "column " + std::to_string(fault.column) + ": ";
    const bool said = fault.term.empty() || fault.what.find(fault.term) != std::string::npos;
    std::printf("%s: %s%s%s%s\n", to_string(fault.severity), place.c_str(),
                said ? "" : fault.term.c_str(), said ? "" : ": ", fault.what.c_str());
  }
  std::printf("\n%s, %s\n", number(report.errors(), "error").c_str(),
              number(report.faults.size() - report.errors(), "warning").c_str());
}

/// What a flow about the domain and its record finds. Nothing when it cannot: that is told, and
/// `exit_code` is set.
template <class DomainFlow>
std::optional<typename DomainFlow::ResultType> ask_dns(const Options& options, int& exit_code) {
  const auto domain = options.ascii_domain();
  if (!domain.ok()) return exit_code = fail(domain.error()), std::nullopt;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return std::nullopt;
  Answers answers(tools->clock.unix_time());
  DomainFlow flow(*domain, options.record);
  auto found = [&] {
    const Waiting waiting("asking DNS");
    return tools->run(flow, answers);
  }();
  if (!found.ok()) return exit_code = fail(found.error()), std::nullopt;
  return *std::move(found);
}

int lint(const Options& options) {
  if (options.domain.empty() && !options.record)
    return fail(permanent_error("spf lint: expected a domain or --record TEXT")), kUsage;
  int exit_code = kOk;
  const auto report = ask_dns<spf::Lint>(options, exit_code);
  if (!report) return exit_code;
  if (options.common.json)
    std::printf("%s\n", json_of(*report).dump(2).c_str());
  else
    print_report(*report);
  if (report->temporary) return kTemporary;
  return report->errors() != 0 ? kDataError : kOk;
}

/// A text as strings of at most 255 octets each, for a master file.
std::string master_strings(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size(); at += 255) {
    out += out.empty() ? "\"" : " \"";
    for (const char c : value.substr(at, 255)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

Json json_of(const spf::Flattening& flat) {
  Json records = Json::array(), kept = Json::array(), warnings = Json::array();
  for (const spf::FlatRecord& record : flat.records)
    records.push_back({{"name", text(record.name)}, {"record", text(record.text)}});
  for (const spf::KeptTerm& term : flat.kept)
    kept.push_back({{"term", text(term.term)}, {"why", text(term.why)}});
  for (const std::string& warning : flat.warnings) warnings.push_back(text(warning));
  return {{"domain", text(flat.domain)},    {"original", text(flat.original)},
          {"records", std::move(records)},  {"kept", std::move(kept)},
          {"networks", flat.networks},      {"ttl", flat.ttl},
          {"warnings", std::move(warnings)}};
}

void print_flattening(const spf::Flattening& flat) {
  std::printf("; flattened from: %s\n", printable(flat.original, 2000).c_str());
  std::printf("; %s, %s\n", number(flat.networks, "network").c_str(),
              number(flat.records.size(), "record").c_str());
  for (const spf::KeptTerm& kept : flat.kept)
    std::printf("; kept: %s (%s)\n", printable(kept.term, 200).c_str(), kept.why.c_str());
  for (const spf::FlatRecord& record : flat.records)
    std::printf("%s. %u IN TXT %s\n", record.name.c_str(), static_cast<unsigned>(flat.ttl),
                master_strings(record.text).c_str());
  for (const std::string& warning : flat.warnings)
    std::fprintf(stderr, "gatepost: warning: %s\n", printable(warning, 1000).c_str());
  std::fprintf(stderr,
               "gatepost: warning: valid for %u s, the shortest TTL of what was asked; others may "
               "change their records at any time: make it anew that often\n",
               static_cast<unsigned>(flat.ttl));
}

int flatten(const Options& options) {
  int exit_code = kOk;
  const auto flat = ask_dns<spf::Flatten>(options, exit_code);
  if (!flat) return exit_code;
  if (!flat->fault.empty())
    return fail(flat->temporary ? temporary_error(flat->fault) : permanent_error(flat->fault));
  if (options.common.json)
    std::printf("%s\n", json_of(*flat).dump(2).c_str());
  else
    print_flattening(*flat);
  return kOk;
}

}  // namespace

void add_spf_publishing(CLI::App& spf, int& exit_code) {
  const auto add = [&](const char* name, const char* help, int (*run)(const Options&)) {
    auto options = std::make_shared<Options>();
    CLI::App* app = spf.add_subcommand(name, help);
    options->common.add_to(*app);
    app->add_option("--record", options->record, "this text instead of the published record");
    app->callback([options, run, &exit_code] { exit_code = run(*options); });
    return app->add_option("domain", options->domain, "whose record");
  };
  add("lint", "faults of an SPF record, and what it costs its readers", lint);
  add("flatten", "the record with includes, a and mx resolved to networks", flatten)->required();
}

}  // namespace gatepost::command
