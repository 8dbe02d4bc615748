// gatepost-drive SOCKET LOG FOLDER: plays the MTA. Sends the sample messages of FOLDER to the
// daemon on the milter socket SOCKET, looks its records up in LOG (log.format = "json") and prints
// a table.
// Exit codes: 0 every sample met its expectation, 1 one did not, 64 usage, 65 bad sample,
// 69 the daemon cannot be reached or breaks the protocol.

#include <algorithm>
#include <cstdio>

#include "core/base/text.h"
#include "tests/support/drive/record_log.h"
#include "tests/support/drive/sample.h"
#include "tests/support/milter/transaction.h"

namespace gatepost::drive {
namespace {

using nlohmann::json;
using test::milter::MilterClient;
using test::milter::Outcome;

constexpr int kExitMismatch = 1;
constexpr int kExitUsage = 64;
constexpr int kExitData = 65;
constexpr int kExitUnavailable = 69;
constexpr std::chrono::milliseconds kRecordWait{5000};
constexpr const char* kRowFormat = "%-24s %-9s %-5s %-9s %-9s %-9s %6s %8s  %s\n";

/// What the table shows of one message.
struct Row {
  std::map<std::string, std::string> words;  ///< the keys of Sample::expected
  std::string reply;                         ///< as the SMTP client sees it
  std::string reasons;
  double score = 0;
  double milliseconds = 0;
  test::milter::HeaderFields headers;  ///< of the message as delivered
};

Result<Outcome> send(const test::Endpoint& endpoint, const Sample& sample,
                     const std::string& queue_id) {
  auto client = MilterClient::open(endpoint);
  if (!client.ok()) return client.error();
  if (const auto agreed = client->negotiate(); !agreed.ok()) return agreed.error();
  client->set_macro("j", "mx.example");
  if (const auto reply = client->connect(sample.client); !reply.ok()) return reply.error();
  if (const auto reply = client->helo(sample.helo); !reply.ok()) return reply.error();
  if (!sample.login.empty()) {
    client->set_macro("{auth_type}", "PLAIN");
    client->set_macro("{auth_authen}", sample.login);
  }
  auto outcome = test::milter::run_transaction(*client, {.mail_from = sample.mail_from,
                                                         .recipients = sample.recipients,
                                                         .message = sample.message,
                                                         .queue_id = queue_id});
  if (!outcome.ok()) return outcome.error();
  if (const auto ended = client->quit(); !ended.ok()) return ended.error();
  return outcome;
}

/// "pass" when one signature passed, else the first one's result.
std::string dkim_word(const json& record) {
  std::string word = "none";
  for (const json& signature : record.at("dkim")) {
    const std::string result = signature.at("result");
    if (word == "none" || result == "pass") word = result;
  }
  return word;
}

/// What the daemon did, not what it says that it did.
std::string effective_word(const Outcome& outcome, const json& record) {
  const bool observed = record.at("observed");
  const std::string recorded = record.at("verdict");
  using test::milter::Verdict;
  const bool refused = recorded == "reject" || recorded == "tempfail";
  const Verdict wanted = recorded == "reject"     ? Verdict::reject
                         : recorded == "tempfail" ? Verdict::tempfail
                                                  : Verdict::proceed;
  const Verdict given = outcome.delivered() ? Verdict::proceed : outcome.final.verdict;
  if (given != (observed && refused ? Verdict::proceed : wanted)) {
    return "told " + std::string(test::milter::to_string(given));
  }
  if ((recorded == "hold") != outcome.final.quarantine().has_value() && !observed)
    return "not held";
  return recorded;
}

Row make_row(const Outcome& outcome, const json& record) {
  Row row;
  row.words = {{"verdict", effective_word(outcome, record)},
               {"stage", record.at("stage")},
               {"spf", record.at("spf")},
               {"dkim", dkim_word(record)},
               {"dmarc", record.at("dmarc")}};
  row.headers = outcome.edited.headers;
  row.reply = outcome.final.smtp();
  row.score = record.at("score");
  row.milliseconds = record.at("microseconds").get<double>() / 1000;
  for (const json& reason : record.at("reasons")) {
    if (!row.reasons.empty()) row.reasons += ' ';
    row.reasons += reason.at("name").get<std::string>();
  }
  return row;
}

Result<Row> run_sample(const test::Endpoint& endpoint, RecordLog& log, const Sample& sample,
                       std::size_t number) {
  const std::string queue_id = "DEMO" + std::to_string(100 + number);
  const auto outcome = send(endpoint, sample, queue_id);
  if (!outcome.ok()) return outcome.error();
  const auto record = log.find(reference_of(outcome->final.smtp()), queue_id, kRecordWait);
  if (!record.ok()) return record.error();
  try {
    return make_row(*outcome, *record);
  } catch (const json::exception& error) {
    return permanent_error(std::string("the record is not as expected: ") + error.what());
  }
}

bool has_line(const Row& row, const std::string& beginning) {
  return std::any_of(row.headers.begin(), row.headers.end(), [&](const auto& field) {
    return (field.first + ":" + field.second).starts_with(beginning);
  });
}

/// What is not as the sample expects, a line each.
std::vector<std::string> differences(const Sample& sample, const Row& row) {
  std::vector<std::string> list;
  for (const auto& [key, expected] : sample.expected) {
    const std::string& got = row.words.at(key);
    if (got != expected) list.push_back(key + " is " + got + ", expected " + expected);
  }
  for (const std::string& line : sample.header_lines) {
    if (!has_line(row, line)) list.push_back("the message has no " + line);
  }
  for (const std::string& line : sample.lost_header_lines) {
    if (has_line(row, line)) list.push_back("the message still has " + line);
  }
  return list;
}

/// Prints the row. @return whether it is as expected.
bool show(const Sample& sample, const Row& row) {
  char score[32];
  char time[32];
  std::snprintf(score, sizeof score, "%.1f", row.score);
  std::snprintf(time, sizeof time, "%.1f ms", row.milliseconds);
  const auto word = [&](const char* key) { return row.words.at(key).c_str(); };
  std::printf(kRowFormat, sample.name.c_str(), word("verdict"), word("stage"), word("spf"),
              word("dkim"), word("dmarc"), score, time, row.reasons.c_str());
  if (!row.reply.empty()) std::printf("%26s%s\n", "", printable(row.reply).c_str());
  const std::vector<std::string> differing = differences(sample, row);
  for (const std::string& line : differing) {
    std::printf("%26sDIFFERS: %s\n", "", printable(line).c_str());
  }
  std::fflush(stdout);
  return differing.empty();
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() != 3) {
    std::fprintf(stderr, "usage: gatepost-drive SOCKET LOG FOLDER\n");
    return kExitUsage;
  }
  const auto complain = [](const Error& error, int exit_code) {
    std::fprintf(stderr, "gatepost-drive: %s\n", error.text().c_str());
    return exit_code;
  };
  const auto endpoint = test::Endpoint::parse(arguments[0]);
  if (!endpoint.ok()) return complain(endpoint.error(), kExitUsage);
  const auto samples = read_samples(arguments[2]);
  if (!samples.ok()) return complain(samples.error(), kExitData);
  RecordLog log(arguments[1]);
  std::printf(kRowFormat, "message", "verdict", "stage", "SPF", "DKIM", "DMARC", "score", "time",
              "findings");
  std::size_t differing = 0;
  for (std::size_t i = 0; i < samples->size(); ++i) {
    const Sample& sample = (*samples)[i];
    const auto row = run_sample(*endpoint, log, sample, i);
    if (!row.ok()) {
      std::fprintf(stderr, "gatepost-drive: %s: ", sample.name.c_str());
      return complain(row.error(), kExitUnavailable);
    }
    if (!show(sample, *row)) ++differing;
  }
  std::printf("\n%zu messages, %zu not as expected\n", samples->size(), differing);
  return differing == 0 ? 0 : kExitMismatch;
}

}  // namespace
}  // namespace gatepost::drive

int main(int argc, char** argv) {
  return gatepost::drive::run({argv + 1, argv + argc});
}
