#pragma once
// A made-up DNS for DMARC flows: names that are not in it do not exist.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/flow/flow.h"
#include "dmarc/evaluate.h"

namespace gatepost::dmarc::test {

class Zone {
 public:
  Zone() = default;
  /// Record at `_dmarc.NAME` for each pair; "servfail" and "timeout" as text fail instead,
  /// "no_data" is an existing name without TXT.
  Zone(std::initializer_list<std::pair<const char*, const char*>> records) {
    for (const auto& [domain, text] : records) add("_dmarc." + std::string(domain), text);
  }

  Zone& add(const std::string& name, const std::string& text) {
    dns::Answer& answer = answers_[dns::make_query(name, dns::RrType::txt)];
    if (text == "servfail" || text == "timeout") {
      answer.status = text == "timeout" ? dns::Status::timeout : dns::Status::servfail;
    } else if (text == "no_data") {
      answer.status = dns::Status::no_data;
    } else {
      answer.status = dns::Status::ok;
      answer.texts.push_back(text);
    }
    return *this;
  }
  Zone& address(const std::string& name, dns::Status status) {
    answers_[dns::make_query(name, dns::RrType::a)].status = status;
    return *this;
  }

  dns::Answer answer(const dns::Query& query) const {
    const auto found = answers_.find(query);
    if (found != answers_.end()) return found->second;
    dns::Answer nothing;
    nothing.status = dns::Status::nxdomain;
    return nothing;
  }

 private:
  std::map<dns::Query, dns::Answer> answers_;
};

struct FlowRun {
  Outcome outcome;
  std::vector<std::vector<std::string>> rounds;  // names asked, round by round
  std::size_t asked = 0;
};

/// Runs the flow to its end; checks what Flow promises about questions.
inline FlowRun run(const Request& request, const Zone& zone) {
  FlowRun result;
  Evaluate flow(request);
  Answers answers(1767225600);
  for (int round = 0; round < 10; ++round) {
    auto step = flow.step(answers);
    if (auto* outcome = std::get_if<Outcome>(&step)) {
      EXPECT_FALSE(outcome->reason.empty());
      EXPECT_LE(outcome->queries, result.asked);
      result.outcome = std::move(*outcome);
      return result;
    }
    auto& names = result.rounds.emplace_back();
    std::set<dns::Query> distinct;
    for (const Question& question : std::get<std::vector<Question>>(step)) {
      const auto& query = std::get<dns::Query>(question);
      EXPECT_TRUE(distinct.insert(query).second) << query.name << " asked twice";
      EXPECT_EQ(answers.find(query), nullptr) << query.name << " is known";
      names.push_back((query.type == dns::RrType::a ? "A " : "") + query.name);
      answers.add(query, std::make_shared<dns::Answer>(zone.answer(query)));
    }
    EXPECT_FALSE(names.empty());
    result.asked += names.size();
  }
  ADD_FAILURE() << "the flow does not end";
  return result;
}

inline Request author(const std::string& domain) {
  Request request;
  request.author_domain = domain;
  return request;
}

inline Request with_spf(Request request, const std::string& domain,
                        Authentication result = Authentication::pass) {
  request.spf = SpfIdentity{domain, result};
  return request;
}

inline Request with_dkim(Request request, const std::string& domain,
                         Authentication result = Authentication::pass) {
  request.dkim.push_back({domain, "s" + std::to_string(request.dkim.size()), result});
  return request;
}

}  // namespace gatepost::dmarc::test
