// A message and a DNS that both want to harm us. Lines of input: "a DOMAIN" author, "s[pt] DOMAIN"
// SPF, "d[pt] DOMAIN" DKIM (p passed, t temporary error), "m" psl mode; every other line answers
// the questions in turn: "!servfail"-like statuses by number ("!0" to "!7"), else a TXT record.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/text.h"
#include "dmarc/disposition.h"
#include "dmarc/evaluate.h"

namespace {

using namespace gatepost;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Input {
  dmarc::Request request;
  std::vector<std::string_view> answers;
};

dmarc::Authentication authentication(char c) {
  return c == 't' ? dmarc::Authentication::temperror : dmarc::Authentication::pass;
}

Input read(std::string_view text) {
  Input input;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view rest = line.size() > 3 ? line.substr(3) : std::string_view();
    if (line.starts_with("a ")) {
      input.request.author_domain = line.substr(2);
    } else if (line.starts_with("sp ") || line.starts_with("st ")) {
      input.request.spf = dmarc::SpfIdentity{std::string(rest), authentication(line[1])};
    } else if (line.starts_with("dp ") || line.starts_with("dt ")) {
      input.request.dkim.push_back({std::string(rest), "s", authentication(line[1])});
    } else if (line == "m") {
      input.request.mode = dmarc::DiscoveryMode::psl;
    } else {
      input.answers.push_back(line);
    }
  }
  return input;
}

dns::AnswerPtr next_answer(const Input& input, std::size_t& next) {
  auto answer = std::make_shared<dns::Answer>();
  answer->status = dns::Status::nxdomain;
  if (input.answers.empty()) return answer;
  const std::string_view line = input.answers[next++ % input.answers.size()];
  if (line.size() == 2 && line[0] == '!' && line[1] >= '0' && line[1] <= '7') {
    answer->status = static_cast<dns::Status>(line[1] - '0');
  } else {
    answer->status = dns::Status::ok;
    for (const std::string_view piece : split(line, '|')) answer->texts.emplace_back(piece);
  }
  return answer;
}

void check(const dmarc::Outcome& outcome, std::size_t asked) {
  require(outcome.queries <= asked);
  require(!outcome.reason.empty());
  require(outcome.result != dmarc::ResultCode::pass || outcome.spf.aligned || outcome.dkim.aligned);
  require(outcome.result == dmarc::ResultCode::fail ||
          outcome.applied_policy == dmarc::Policy::none);
  require(outcome.result != dmarc::ResultCode::fail || outcome.record.has_value());
  for (const auto enforcement :
       {dmarc::Enforcement::off, dmarc::Enforcement::standard, dmarc::Enforcement::strict}) {
    const auto disposition = dmarc::decide_disposition(outcome, {.enforcement = enforcement});
    require(disposition.action != dmarc::Action::reject ||
            enforcement == dmarc::Enforcement::strict);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input = read({reinterpret_cast<const char*>(data), size});
  dmarc::Evaluate flow(input.request);
  Answers answers(0);
  std::size_t next = 0;
  std::size_t asked = 0;
  for (int round = 0;; ++round) {
    require(round <= 2);
    auto step = flow.step(answers);
    if (const auto* outcome = std::get_if<dmarc::Outcome>(&step)) {
      check(*outcome, asked);
      return 0;
    }
    const auto& questions = std::get<std::vector<Question>>(step);
    require(!questions.empty());
    asked += questions.size();
    require(asked <= dmarc::kMaxQueries);
    for (const Question& question : questions) {
      const auto& query = std::get<dns::Query>(question);
      require(answers.find(query) == nullptr);
      answers.add(query, next_answer(input, next));
    }
  }
}
