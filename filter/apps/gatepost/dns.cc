// gatepost dns: one question, answered as the daemon would see it.

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/base/text.h"
#include "core/dns/name.h"
#include "filter/apps/gatepost/command.h"

namespace gatepost::command {

namespace {

using dns::RrType;
using dns::Status;

struct Options {
  Common common;
  std::string name;
  std::string type;
};

constexpr std::array<RrType, 8> kTypes = {RrType::a,     RrType::aaaa, RrType::mx,  RrType::txt,
                                          RrType::cname, RrType::ptr,  RrType::soa, RrType::ns};

/// Asks the one question and gives its answer.
class OneQuestion final : public Flow<bool> {
 public:
  explicit OneQuestion(dns::Query query) : query_(std::move(query)) {}
  Step<bool> step(const Answers& answers) override {
    if (answers.find(query_) == nullptr) return std::vector<Question>{query_};
    return true;
  }

 private:
  dns::Query query_;
};

Result<dns::Query> query_of(const Options& options) {
  RrType type = RrType::a;
  std::string name = options.name;
  if (const auto ip = IpAddress::parse(name)) {
    type = RrType::ptr;
    name = ip->reverse_name();
  }
  if (!options.type.empty()) {
    const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](RrType known) {
      return iequals(to_string(known), options.type);
    });
    if (found == kTypes.end()) {
      return permanent_error(
          "'" + printable(options.type, 40) +
          "' is no record type, expected A, AAAA, MX, TXT, CNAME, PTR, SOA or NS");
    }
    type = *found;
  }
  auto query = dns::make_query(name, type);
  if (const auto ascii = dns::to_ascii_name(query.name); ascii.ok()) query.name = *ascii;
  if (!dns::is_wire_name(query.name)) {
    return permanent_error("'" + printable(options.name, 300) +
                           "' is no domain name: labels have 1 to 63 octets, 253 in all");
  }
  return query;
}

/// What a DNS client would call it. Libunbound says SERVFAIL to all that it could not use.
const char* rcode_of(Status status) {
  switch (status) {
    case Status::ok:
    case Status::no_data:
      return "NOERROR";
    case Status::nxdomain:
      return "NXDOMAIN";
    case Status::refused:
      return "REFUSED";
    case Status::timeout:
      return "none";
    default:
      return "SERVFAIL";
  }
}

/// What it means to a check.
const char* class_of(Status status) {
  if (status == Status::ok) return "answer";
  return dns::is_temporary(status) ? "temporary error" : "does not exist";
}

const char* dnssec_of(const dns::Answer& answer, bool validates) {
  if (answer.status == Status::bogus) return "bogus";
  if (!validates) return "not validated";
  if (answer.secure) return "secure";
  return dns::is_temporary(answer.status) ? "unknown" : "insecure";
}

std::vector<std::string> records_of(const dns::Answer& answer) {
  std::vector<std::string> records;
  for (const auto& address : answer.addresses) records.push_back(address.text());
  for (const auto& name : answer.names) records.push_back(name);
  for (const auto& mx : answer.mx)
    records.push_back(std::to_string(mx.preference) + " " +
                      (mx.exchange.empty() ? "." : mx.exchange));
  for (const auto& value : answer.texts) records.push_back(value);
  return records;
}

std::string servers_of(const Options& options, const Tools& tools) {
  const auto& servers = options.common.nameservers.empty() ? tools.configuration.daemon.dns_servers
                                                           : options.common.nameservers;
  std::string list;
  for (const auto& server : servers) list += (list.empty() ? "" : ", ") + server;
  return list.empty() ? "recursion from the root" : list;
}

void print_answer(const dns::Query& query, const dns::Answer& answer, const char* dnssec,
                  const std::string& servers, double milliseconds) {
  char time[40];
  std::snprintf(time, sizeof time, "%.1f ms", milliseconds);
  std::vector<std::pair<std::string, std::string>> rows = {
      {"question", query.name + " " + to_string(query.type)},
      {"status", dns::to_string(answer.status)},
      {"rcode", rcode_of(answer.status)},
      {"class", class_of(answer.status)},
      {"ttl", std::to_string(answer.ttl) + " s"},
      {"dnssec", dnssec},
      {"time", time},
      {"servers", servers}};
  if (!answer.reason.empty()) rows.emplace_back("reason", answer.reason);
  for (auto& record : records_of(answer)) rows.emplace_back("record", std::move(record));
  print_rows(rows);
}

int run(const Options& options) {
  const auto query = query_of(options);
  if (!query.ok()) return fail(query.error()), kUsage;
  int exit_code = kOk;
  const auto tools = Tools::open(options.common, exit_code);
  if (!tools) return exit_code;
  Answers answers(tools->clock.unix_time());
  OneQuestion flow(*query);
  const SteadyTime begin = tools->clock.steady();
  if (const auto asked = tools->run(flow, answers); !asked.ok()) return fail(asked.error());
  const std::chrono::duration<double, std::milli> took = tools->clock.steady() - begin;
  const dns::Answer& answer = *answers.find(*query);
  const auto& configuration = tools->configuration;
  const bool validates =
      !configuration.daemon.dns_trust_anchor.empty() || configuration.policy->report_dnssec;
  const char* dnssec = dnssec_of(answer, validates);
  const std::string servers = servers_of(options, *tools);
  if (options.common.json) {
    Json records = Json::array();
    for (const auto& record : records_of(answer)) records.push_back(text(record));
    const Json json = {{"name", text(query->name)},
                       {"type", to_string(query->type)},
                       {"status", dns::to_string(answer.status)},
                       {"rcode", rcode_of(answer.status)},
                       {"class", class_of(answer.status)},
                       {"temporary", dns::is_temporary(answer.status)},
                       {"ttl", answer.ttl},
                       {"dnssec", dnssec},
                       {"milliseconds", took.count()},
                       {"servers", text(servers)},
                       {"reason", text(answer.reason)},
                       {"records", std::move(records)}};
    std::printf("%s\n", json.dump().c_str());
  } else {
    print_answer(*query, answer, dnssec, servers, took.count());
  }
  return dns::is_temporary(answer.status) ? kTemporary : kOk;
}

}  // namespace

void add_dns(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("dns", "ask DNS one question, as the daemon would");
  options->common.add_to(*app);
  app->add_option("NAME", options->name, "a domain name, or an address for its reverse name")
      ->required();
  app->add_option("TYPE", options->type, "A (default), AAAA, MX, TXT, CNAME, PTR, SOA or NS");
  app->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace gatepost::command
