#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <map>
#include <thread>

#include "core/base/text.h"
#include "core/dns/zone.h"
#include "core/mail/header_block.h"
#include "dkim/arc/chain.h"
#include "dkim/verify.h"
#include "filter/config/settings.h"
#include "tests/support/scenario/target.h"

namespace gatepost::test {

namespace {

using Arguments = std::vector<std::string>;

std::string argument(const Step& step, std::size_t index) {
  return index < step.arguments.size() ? step.arguments[index] : "";
}

/// Messages that nobody wants to write by hand: `generate KIND NUMBER`.
Result<std::string> generate(const Step& step) {
  const std::string head =
      "From: Ann <ann@client.example>\nSubject: generated\nMessage-ID: <g@client.example>\n";
  const std::size_t number = std::stoul(argument(step, 1).empty() ? "0" : argument(step, 1));
  const std::string& kind = step.arguments.at(0);
  std::string text = head;
  if (kind == "body") {
    text += "\n";
    while (text.size() < number) text += std::string(76, 'x') + "\n";
  } else if (kind == "header") {
    text += "X-Large:";
    for (std::size_t at = 0; at < number; at += 70) text += " " + std::string(68, 'y') + "\n";
    text += "\nbody\n";
  } else if (kind == "fields") {
    for (std::size_t i = 0; i < number; ++i) text += "X-Field-" + std::to_string(i) + ": value\n";
    text += "\nbody\n";
  } else if (kind == "depth") {
    text += "MIME-Version: 1.0\n";
    for (std::size_t i = 0; i < number; ++i) {
      const std::string boundary = "b" + std::to_string(i);
      text += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
    }
    text += "Content-Type: text/plain\n\ninner\n";
    for (std::size_t i = number; i > 0; --i) text += "--b" + std::to_string(i - 1) + "--\n";
  } else if (kind == "nul") {
    text += "\nbefore" + std::string(1, '\0') + "behind\n";
  } else if (kind == "bare-cr") {
    text += "\nbefore\rbehind\n";
  } else {
    return permanent_error("unknown kind '" + kind + "'", step.place);
  }
  return text;
}

/// `NAME` or `NAME ~ TEXT` against "Name: value" lines.
bool has_header(const std::vector<std::string>& header, const std::string& wanted,
                bool first_only) {
  const auto tilde = wanted.find(" ~ ");
  const std::string name = std::string(trim(wanted.substr(0, tilde))) + ":";
  const std::string text = tilde == std::string::npos ? "" : wanted.substr(tilde + 3);
  for (const std::string& line : header) {
    if (!istarts_with(line, name)) continue;
    if (line.find(text, name.size()) != std::string::npos) return true;
    if (first_only) return false;
  }
  return false;
}

/// The log is written beside the answer, so it may come a moment later.
bool logged(Target& target, const std::function<bool(const std::string&)>& holds) {
  for (int tries = 0; tries < 100; ++tries) {
    if (holds(target.log())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

/// The last record: targets log JSON.
std::string last_record(const std::string& log) {
  const auto at = log.rfind("{\"version\":");
  return at == std::string::npos ? "" : log.substr(at, log.find('\n', at) - at);
}

Result<TargetReply> act(const Step& step, Target& target) {
  const std::string& verb = step.verb;
  if (verb == "connect") return target.connect(argument(step, 0), argument(step, 1));
  if (verb == "ehlo") return target.ehlo(argument(step, 0));
  if (verb == "auth") return target.auth(argument(step, 0));
  if (verb == "mail") {
    std::string parameters;
    for (std::size_t i = 1; i < step.arguments.size(); ++i)
      parameters += (i > 1 ? " " : "") + step.arguments[i];
    return target.mail(argument(step, 0), parameters);
  }
  if (verb == "rcpt") return target.rcpt(argument(step, 0));
  if (verb == "message") return target.message(step.message);
  if (verb == "generate") {
    const auto text = generate(step);
    return text.ok() ? target.message(*text) : Result<TargetReply>(text.error());
  }
  if (verb == "wait") {
    const auto time = config::parse_duration(argument(step, 0));
    if (!time.ok()) return time.error();
    return target.wait(std::chrono::seconds(*time / 1000));
  }
  if (verb == "rset") return target.rset();
  if (verb == "abort-data") return target.abort_data();
  if (verb == "sendmail") {
    auto reply = target.sendmail(argument(step, 0), argument(step, 1), step.message);
    return reply ? *reply
                 : Result<TargetReply>(permanent_error("this target has no sendmail", step.place));
  }
  return target.quit();
}

Result<void> check_reply(const Step& step, const TargetReply& reply) {
  const Expectation& e = step.expected;
  const bool positive = reply.code >= 200 && reply.code < 400;
  const bool code_fits = e.code == 250 ? positive : reply.code == e.code;
  if (code_fits && (e.enhanced.empty() || e.enhanced == reply.enhanced) && e.held == reply.held &&
      e.stored == reply.stored)
    return {};
  return permanent_error(step.verb + " was answered " + std::to_string(reply.code) + " " +
                             reply.enhanced + " " + reply.text + (reply.held ? " (held)" : "") +
                             (reply.stored ? " (stored)" : "") + ", expected " +
                             (e.held     ? "hold"
                              : e.stored ? "store"
                                         : std::to_string(e.code) + " " + e.enhanced),
                         step.place);
}

/// "pass/our.example fail/shop.example": the signatures of a message from the top, with keys of the
/// zone; or "none".
Result<std::string> dkim_results(const std::string& text, const std::string& zone_text) {
  dns::Zone zone;
  if (const auto added = zone.add_text(zone_text); !added.ok()) return added.error();
  const auto library = dkim::Library::open();
  if (!library.ok()) return library.error();
  const auto now = std::time(nullptr);
  const mail::ParsedMessage message = mail::parse_message(text);
  dkim::Verifier verifier(**library, {}, now);
  Answers answers(now);
  for (const auto& field : message.fields) {
    const auto query = verifier.header(field);
    if (query) answers.add(*query, std::make_shared<dns::Answer>(zone.lookup(*query).answer));
  }
  if (const auto ended = verifier.end_of_headers(); !ended.ok()) return ended.error();
  verifier.body(message.body);
  const auto results = verifier.finish(answers);
  if (!results.ok()) return results.error();
  std::string list;
  for (const auto& result : *results)
    list += (list.empty() ? "" : " ") + std::string(dkim::to_string(result.outcome)) + "/" +
            result.domain;
  return list.empty() ? "none" : list;
}

/// "pass/2/list.example": the chain of a message, its newest instance and sealer; or "none".
Result<std::string> arc_result(const std::string& text, const std::string& zone_text) {
  dns::Zone zone;
  if (const auto added = zone.add_text(zone_text); !added.ok()) return added.error();
  const auto now = std::time(nullptr);
  const mail::ParsedMessage message = mail::parse_message(text);
  dkim::PublicKeyCache keys;
  arc::ChainVerifier verifier(keys, message.fields, {}, now);
  verifier.body(message.body);
  Answers answers(now);
  for (const auto& query : verifier.key_queries())
    answers.add(query, std::make_shared<dns::Answer>(zone.lookup(query).answer));
  const arc::ChainResult chain = verifier.finish(answers);
  if (chain.status == arc::ChainStatus::none) return std::string("none");
  return std::string(arc::to_string(chain.status)) + "/" + std::to_string(chain.instance) + "/" +
         (chain.sets.empty() ? "" : chain.sets.back().seal.domain);
}

Result<void> check_assertion(const Step& step, Target& target, const Scenario& scenario) {
  const std::string what = argument(step, 0);
  const auto failed = [&](const std::string& seen) {
    return permanent_error(step.verb + " " + what + " does not hold; seen: " + seen, step.place);
  };
  if (step.verb == "log") {
    if (logged(target, [&](const std::string& log) {
          return last_record(log).find(what) != std::string::npos;
        }))
      return {};
    return failed(last_record(target.log()));
  }
  if (step.verb.ends_with("finding")) {
    const bool wanted = step.verb == "finding";
    const auto has = [&](const std::string& log) {
      const std::string record = last_record(log);
      return !record.empty() &&
             (record.find("{\"name\":\"" + what + "\",\"stage\"") != std::string::npos) == wanted;
    };
    return logged(target, has) ? Result<void>() : failed(last_record(target.log()));
  }
  if (step.verb == "dkim" || step.verb == "arc") {
    const auto message = target.delivered_message();
    if (!message.ok()) return permanent_error(message.error().text(), step.place);
    const auto results = step.verb == "dkim" ? dkim_results(*message, scenario.zone)
                                             : arc_result(*message, scenario.zone);
    if (!results.ok()) return permanent_error(results.error().text(), step.place);
    return *results == what ? Result<void>() : failed(*results + "\n" + *message);
  }
  const auto header = target.delivered_header();
  if (!header.ok()) return permanent_error(header.error().text(), step.place);
  const bool wanted = step.verb != "no-header";
  if (has_header(*header, what, step.verb == "first-header") == wanted) return {};
  std::string seen;
  for (const std::string& line : *header) seen += "\n  " + printable(line, 300);
  return failed(seen);
}

}  // namespace

std::vector<std::string> header_without_trace(const std::string& content) {
  std::vector<std::string> header;
  for (std::size_t at = 0; at < content.size();) {
    const auto end = std::min(content.find("\r\n", at), content.size());
    const std::string line = content.substr(at, end - at);
    if (line.empty()) break;
    if ((line[0] == ' ' || line[0] == '\t') && !header.empty())
      header.back() += line;
    else
      header.push_back(line);
    at = end + 2;
  }
  std::erase_if(header, [](const std::string& field) {
    return field.starts_with("Received:") || field.starts_with("Return-Path:");
  });
  return header;
}

Result<void> run_scenario(const Scenario& scenario, Target& target) {
  for (const Step& step : scenario.steps) {
    if (step.verb.ends_with("header") || step.verb.ends_with("finding") || step.verb == "log" ||
        step.verb == "dkim" || step.verb == "arc") {
      if (const auto held = check_assertion(step, target, scenario); !held.ok()) return held;
    } else if (step.verb == "delivered") {
      const auto wanted = std::stoul(argument(step, 0));
      if (const auto count = target.delivered_count(); count != wanted) {
        return permanent_error(
            std::to_string(count) + " messages were delivered, expected " + std::to_string(wanted),
            step.place);
      }
    } else {
      const auto reply = act(step, target);
      if (!reply.ok()) return permanent_error(reply.error().text(), step.place);
      if (const auto fits = check_reply(step, *reply); !fits.ok()) return fits;
    }
  }
  return {};
}

}  // namespace gatepost::test
