#include "tests/spf/zone.h"

#include <memory>
#include <utility>

namespace gatepost::spf::test {

Zone::Node& Zone::node(std::string_view name) {
  return nodes_[dns::make_query(name, dns::RrType::a).name];
}

dns::Answer& Zone::records(std::string_view name, dns::RrType type) {
  dns::Answer& answer = node(name).answers[type];
  answer.status = dns::Status::ok;
  return answer;
}

void Zone::txt(std::string_view name, std::string text) {
  records(name, dns::RrType::txt).texts.push_back(std::move(text));
}

void Zone::address(std::string_view name, std::string_view address) {
  const IpAddress parsed = IpAddress::parse(address).value();
  records(name, parsed.is_v4() ? dns::RrType::a : dns::RrType::aaaa).addresses.push_back(parsed);
}

void Zone::mx(std::string_view name, std::string exchange) {
  exchange = dns::make_query(exchange, dns::RrType::mx).name;
  records(name, dns::RrType::mx).mx.push_back({10, std::move(exchange)});
}

void Zone::ptr(std::string_view name, std::string_view target) {
  records(name, dns::RrType::ptr).names.push_back(dns::make_query(target, dns::RrType::a).name);
}

void Zone::cname(std::string_view name, std::string_view target) {
  node(name).cname = dns::make_query(target, dns::RrType::a).name;
}

void Zone::timeout(std::string_view name) {
  node(name).times_out = true;
}

void Zone::status(std::string_view name, dns::RrType type, dns::Status status) {
  node(name).answers[type].status = status;
}

void Zone::exists(std::string_view name) {
  node(name);
}

dns::Answer Zone::answer(const dns::Query& query) const {
  dns::Answer result;
  std::string name = query.name;
  for (int links = 0; links < 10; ++links) {
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) {
      result.status = dns::Status::nxdomain;
      return result;
    }
    const auto records = found->second.answers.find(query.type);
    if (records != found->second.answers.end()) return records->second;
    if (found->second.cname.empty()) {
      result.status = found->second.times_out ? dns::Status::timeout : dns::Status::no_data;
      return result;
    }
    name = found->second.cname;
  }
  result.status = dns::Status::servfail;
  result.reason = "CNAME loop";
  return result;
}

CheckRun check(const Zone& zone, const Request& request) {
  CheckHost flow(request);
  return drive(zone, flow);
}

CheckRun drive(const Zone& zone, Flow<Outcome>& flow) {
  CheckRun run;
  Answers answers(kNow);
  while (run.steps < 100) {
    ++run.steps;
    Step<Outcome> step = flow.step(answers);
    if (auto* outcome = std::get_if<Outcome>(&step)) {
      run.outcome = std::move(*outcome);
      run.finished = true;
      return run;
    }
    const auto& questions = std::get<std::vector<Question>>(step);
    if (questions.empty()) run.contract_kept = false;
    for (const Question& question : questions) {
      const auto& query = std::get<dns::Query>(question);
      if (answers.find(query) != nullptr) run.contract_kept = false;
      run.asked.push_back(query);
      answers.add(query, std::make_shared<const dns::Answer>(zone.answer(query)));
    }
  }
  return run;
}

Request request_for(std::string_view client, std::string_view domain) {
  Request request;
  request.client = IpAddress::parse(client).value();
  request.helo = "mail.example.com";
  request.mail_from = "alice@" + std::string(domain);
  request.receiver = "mx.example.net";
  return request;
}

}  // namespace gatepost::spf::test
