// DNS answers made of the input: a check ends within its budget whatever they say, and asking
// ahead does not change what it says.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "spf/evaluate.h"

using namespace gatepost;

namespace {

constexpr int kMaxSteps = 40;
constexpr std::size_t kMaxQuestions = 160;

std::vector<std::string_view> lines_of(std::string_view input) {
  std::vector<std::string_view> lines;
  while (!input.empty() && lines.size() < 64) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    lines.push_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return lines;
}

/// The same question always has the same answer: a line chosen by the question's hash.
dns::Answer answer_of(const dns::Query& query, const std::vector<std::string_view>& lines) {
  const std::size_t hash = std::hash<dns::Query>()(query);
  dns::Answer answer;
  answer.status =
      hash % 7 == 0 ? static_cast<dns::Status>(hash / 7 % dns::kStatuses) : dns::Status::ok;
  if (answer.status != dns::Status::ok) return answer;
  const std::string line(lines.empty() ? std::string_view() : lines[hash % lines.size()]);
  const std::size_t many = hash % 13;
  for (std::size_t i = 0; i <= many; ++i) {
    const std::string name = dns::make_query(line, query.type).name;
    answer.mx.push_back({10, std::to_string(i) + name});
    answer.names.push_back(std::to_string(i) + name);
  }
  const bool v4 = query.type == dns::RrType::a;
  answer.addresses.push_back(*IpAddress::parse(v4 ? "192.0.2.1" : "2001:db8::1"));
  answer.texts.push_back("v=spf1 " + line);
  if (hash % 5 == 0) answer.texts.front() = line;
  return answer;
}

spf::Outcome run(const std::vector<std::string_view>& lines, std::string_view sender,
                 bool prefetch) {
  spf::Request request;
  request.client = *IpAddress::parse(sender.size() % 2 == 0 ? "192.0.2.1" : "2001:db8::1");
  request.helo = "helo.example";
  request.mail_from = std::string(sender) + "@a.example";
  request.prefetch = prefetch;
  spf::CheckHost flow(request);
  Answers answers(0);
  std::size_t asked = 0;
  for (int i = 0; i < kMaxSteps; ++i) {
    auto step = flow.step(answers);
    if (auto* outcome = std::get_if<spf::Outcome>(&step)) return *outcome;
    const auto& questions = std::get<std::vector<Question>>(step);
    asked += questions.size();
    if (questions.empty() || asked > kMaxQuestions) std::abort();
    for (const auto& question : questions) {
      const auto& query = std::get<dns::Query>(question);
      if (answers.find(query) != nullptr) std::abort();
      answers.add(query, std::make_shared<const dns::Answer>(answer_of(query, lines)));
    }
  }
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto lines = lines_of({reinterpret_cast<const char*>(data), size});
  std::string_view sender = "alice";
  if (!lines.empty()) {
    sender = lines.front();
    lines.erase(lines.begin());
  }
  const spf::Outcome outcome = run(lines, sender, true);
  if (outcome != run(lines, sender, false)) std::abort();
  if (outcome.lookups > 10 || outcome.void_lookups > 3) std::abort();
  return 0;
}
