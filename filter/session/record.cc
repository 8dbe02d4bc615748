#include "filter/session/record.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "filter/session/dmarc_record.h"
#include "rules/rule_set.h"

namespace gatepost {

namespace {

using Json = nlohmann::ordered_json;

// Of what DNS said to one message; a hostile one can bring 64 KB with each of 300 answers.
constexpr std::size_t kMaxAnswers = 500;
constexpr std::size_t kMaxAnswerText = 64 * 1024;

std::string number(double value, int digits) {
  char text[330];  // the longest double
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits);
  return {text, end.ptr};
}

std::string_view verdict_word(const Verdict& verdict) {
  return verdict.action == Action::none ? "accept" : to_string(verdict.action);
}

std::string_view class_word(const Verdict& verdict) {
  switch (verdict.action) {
    case Action::none:
      return "ham";
    case Action::tempfail:
      return "unknown";
    default:
      return "spam";
  }
}

std::string dkim_word(const Facts& facts) {
  const dkim::SignatureResult* best = nullptr;
  for (const auto& signature : facts.dkim) {
    if (best == nullptr || signature.outcome == dkim::Outcome::pass) best = &signature;
    if (best->outcome == dkim::Outcome::pass) break;
  }
  return best == nullptr ? "none" : dkim::to_string(best->outcome);
}

std::string reasons(const Verdict& verdict) {
  std::string list;
  std::size_t left = 100;
  for (const Reason& reason : verdict.reasons) {
    if (left-- == 0) return list + ",...";
    list += (list.empty() ? "" : ",") + reason.finding + ":" + number(reason.score, 1);
  }
  return list.empty() ? "none" : list;
}

/// Foreign text as one word: without blanks nobody can write a key=value of his own into the line.
std::string word(std::string_view text, std::size_t limit = 512) {
  std::string out = printable(text, limit);
  for (std::size_t at = 0; (at = out.find(' ', at)) != std::string::npos;)
    out.replace(at, 1, "\\x20");
  return out;
}

// Words of findings, each once: " shadow=A,B", or nothing.
template <class WordOf>
std::string words_of(const Record& record, const char* key, WordOf word_of) {
  std::vector<std::string_view> words;
  for (const Finding& finding : record.findings) {
    const std::string_view word = word_of(finding);
    if (!word.empty() && std::find(words.begin(), words.end(), word) == words.end())
      words.push_back(word);
  }
  std::string out;
  for (std::size_t i = 0; i < words.size() && i < 100; ++i)
    out += (i == 0 ? key : ",") + std::string(words[i]);
  return words.size() > 100 ? out + ",..." : out;
}

std::string shadow_and_category(const Record& record) {
  using View = std::string_view;
  const auto shadow = [](const Finding& f) { return f.shadow ? View(f.name) : View(); };
  const auto category = [](const Finding& f) { return f.shadow ? View() : View(f.category); };
  return words_of(record, " shadow=", shadow) + words_of(record, " category=", category);
}

// Of the content rules that the message was judged by; empty without any.
std::string rules_hash(const Record& record) {
  return record.policy && record.policy->rules ? record.policy->rules->hash() : "";
}

// Where what was done is not what was published.
std::string disposition_words(const Facts& facts) {
  if (!facts.dmarc_disposition || facts.dmarc_disposition->overrides.empty()) return {};
  std::string words =
      std::string(" dmarc_disposition=") + dmarc::to_string(facts.dmarc_disposition->action);
  char before = '(';
  for (const dmarc::OverrideReason& reason : facts.dmarc_disposition->overrides) {
    words += before + std::string(dmarc::to_string(reason.type));
    before = ',';
  }
  return words + ")";
}

std::string recipients(const Record& record) {
  std::string list;
  const auto add = [&](const std::string& address) {
    list += (list.empty() ? "<" : ",<") + address + ">";
  };
  if (!record.refused_recipient.empty()) {
    add(record.refused_recipient);
  } else {
    for (const Recipient& recipient : record.envelope.recipients) {
      if (list.size() > 400) return word(list) + ",...";
      add(recipient.address);
    }
  }
  return list.empty() ? "<>" : word(list);
}

// JSON strings must be UTF-8; anything else of a hostile message is shown as escapes.
Json text(std::string_view value) {
  return is_valid_utf8(value) ? std::string(value) : printable(value, 4096);
}

Json store_json(const store::Question& question, const store::Answer& answer) {
  const auto* add = std::get_if<store::Add>(&question);
  Json row = {{"store", store::key_of(question).space},
              {"name", text(store::key_of(question).name)},
              {"type", add != nullptr ? "add" : "read"},
              {"status", store::to_string(answer.status)}};
  if (add != nullptr) row["by"] = add->by;
  if (answer.status == store::Status::found) {
    row["data"] = text(answer.value.data);
    row["number"] = answer.value.number;
    row["expires"] = answer.value.expires;
  } else if (!answer.reason.empty()) {
    row["reason"] = text(answer.reason);
  }
  return row;
}

/// What an answer says, cut at kMaxAnswerText octets of all answers together.
Json answer_data(const dns::Answer& answer, std::size_t& room, bool& cut) {
  Json data = Json::array();
  const auto add = [&](std::string_view value) {
    if (room < value.size()) {
      cut = true;
      return;
    }
    room -= value.size();
    data.push_back(text(value));
  };
  for (const auto& address : answer.addresses) add(address.text());
  for (const auto& value : answer.texts) add(value);
  for (const auto& name : answer.names) add(name);
  for (const auto& mx : answer.mx) add(std::to_string(mx.preference) + " " + mx.exchange);
  return data;
}

Json answers_json(const Answers& answers) {
  Json list = Json::array();
  std::size_t room = kMaxAnswerText;
  for (const auto& [query, answer] : answers.dns()) {
    if (list.size() >= kMaxAnswers) {
      list.push_back({{"omitted", answers.dns().size() - kMaxAnswers}});
      break;
    }
    bool cut = false;
    Json row = {{"name", text(query.name)},
                {"type", dns::to_string(query.type)},
                {"status", dns::to_string(answer->status)}};
    Json data = answer_data(*answer, room, cut);
    if (cut) row["cut"] = true;
    if (answer->ttl > 0) row["ttl"] = answer->ttl;
    if (!answer->reason.empty()) row["reason"] = text(answer->reason);
    if (!data.empty()) row["data"] = std::move(data);
    if (answer->secure) row["secure"] = true;
    list.push_back(std::move(row));
  }
  for (const auto& [question, answer] : answers.store())
    list.push_back(store_json(question, answer));
  return list;
}

Json dkim_json(const Facts& facts) {
  Json list = Json::array();
  for (const auto& s : facts.dkim) {
    list.push_back({{"domain", text(s.domain)},
                    {"selector", text(s.selector)},
                    {"algorithm", text(s.algorithm)},
                    {"result", dkim::to_string(s.outcome)},
                    {"reason", text(s.reason)}});
  }
  return list;
}

Json relayed_json(const Facts& facts) {
  Json list = Json::array();
  for (const auto& field : facts.relayed) list.push_back(text(authres::format(field, " ")));
  return list;
}

Json arc_json(const arc::ChainResult& chain) {
  Json sets = Json::array();
  for (const arc::SetResult& set : chain.sets) {
    sets.push_back({{"instance", set.instance},
                    {"domain", text(set.seal.domain)},
                    {"selector", text(set.seal.selector)},
                    {"cv", set.cv}});
  }
  Json json = {{"result", arc::to_string(chain.status)},
               {"instance", chain.instance},
               {"reason", text(chain.reason)},
               {"sets", std::move(sets)}};
  if (chain.oldest_pass) json["oldest_pass"] = *chain.oldest_pass;
  return json;
}

Json findings_json(const Record& record) {
  Json list = Json::array();
  for (const Finding& finding : record.findings) {
    const FindingRule rule = record.policy ? record.policy->rule(finding) : FindingRule{};
    Json row = {{"name", finding.name},
                {"stage", to_string(finding.stage)},
                {"score", rule.score * finding.factor}};
    if (finding.shadow) row["shadow"] = true;
    if (!finding.category.empty()) row["category"] = finding.category;
    if (!finding.detail.empty()) row["detail"] = text(finding.detail);
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace

std::string summary_line(const Record& record) {
  const Verdict& v = record.verdict;
  const Facts& f = record.facts;
  const double required = record.policy ? record.policy->reject_score : 0;
  const std::string client = record.connection.client ? record.connection.client->text() : "local";
  std::string line =
      record.envelope.queue_id.empty() ? "NOQUEUE" : word(record.envelope.queue_id, 64);
  line += v.observed ? ": verdict=accept would=" : ": verdict=";
  line += verdict_word(v);
  line += " stage=" + std::string(to_string(v.stage));
  line += " score=" + number(v.score, 1) + "/" + number(required, 1);
  line += " class=" + std::string(class_word(v));
  line += " rules=" + reasons(v);
  line += shadow_and_category(record);
  line += " spf=" + std::string(f.spf_mail_from ? spf::to_string(f.spf_mail_from->code) : "none");
  line += " dkim=" + dkim_word(f);
  line += " dmarc=" + std::string(f.dmarc ? dmarc::to_string(f.dmarc->result) : "none");
  line += disposition_words(f);
  if (f.arc && f.arc->status != arc::ChainStatus::none)
    line += std::string(" arc=") + arc::to_string(f.arc->status);
  for (const auto& signature : f.signatures)
    line += " signed=" + word(signature.selector + "._domainkey." + signature.domain);
  if (f.arc_set)
    line += " sealed=" + word(f.arc_set->selector + "._domainkey." + f.arc_set->domain);
  line += " from=<" + word(record.envelope.mail_from, 256) + ">";
  line += " rcpt=" + recipients(record);
  line += " client=[" + client + "]";
  line += " helo=" + word(record.connection.helo.empty() ? "-" : record.connection.helo, 128);
  if (!record.message_id.empty()) line += " message-id=" + word(record.message_id, 200);
  if (v.reply.code != 0) line += " reply=\"" + printable(v.reply.line()) + "\"";
  line += " size=" + std::to_string(record.message_size);
  line += " session=" + record.session_id;
  line += " id=" + record.reference;
  line += " policy=" + (record.policy ? record.policy->hash : "-");
  if (const std::string hash = rules_hash(record); !hash.empty())
    line += " ruleset=" + hash.substr(0, 12);
  line += " time=" + number(static_cast<double>(record.duration_us) / 1000, 1) + "ms";
  return line;
}

std::string to_json(const Record& record) {
  const Verdict& v = record.verdict;
  const Facts& f = record.facts;
  Json recipients = Json::array();
  for (const Recipient& recipient : record.envelope.recipients)
    recipients.push_back(text(recipient.address));
  Json reasons = Json::array();
  for (const Reason& reason : v.reasons) {
    reasons.push_back(
        {{"name", reason.finding}, {"score", reason.score}, {"action", to_string(reason.action)}});
  }
  Json json = {
      {"version", Record::kVersion},
      {"time", record.unix_time},
      {"reference", record.reference},
      {"session", record.session_id},
      {"queue_id", text(record.envelope.queue_id)},
      {"client", record.connection.client ? record.connection.client->text() : ""},
      {"client_name", text(record.connection.client_name)},
      {"helo", text(record.connection.helo)},
      {"mail_from", text(record.envelope.mail_from)},
      {"recipients", std::move(recipients)},
      {"login", text(record.envelope.auth_authen)},
      {"message_id", text(record.message_id)},
      {"size", record.message_size},
      {"verdict", verdict_word(v)},
      {"observed", v.observed},
      {"stage", to_string(v.stage)},
      {"score", v.score},
      {"class", class_word(v)},
      {"reply", v.reply.line()},
      {"reasons", std::move(reasons)},
      {"findings", findings_json(record)},
      {"spf", f.spf_mail_from ? spf::to_string(f.spf_mail_from->code) : "none"},
      {"dkim", dkim_json(f)},
      {"dmarc", f.dmarc ? dmarc::to_string(f.dmarc->result) : "none"},
      {"answers", answers_json(record.answers)},
      {"policy", record.policy ? record.policy->hash : ""},
      {"rules_hash", rules_hash(record)},
      {"microseconds", record.duration_us},
  };
  if (f.spf_helo) json["spf_helo"] = spf::to_string(f.spf_helo->code);
  if (f.spf_client) json["spf_client"] = f.spf_client->text();
  if (!f.relayed.empty()) json["relayed"] = relayed_json(f);
  if (f.dmarc) add_dmarc(json["dmarc_evaluation"] = Json::object(), record);
  if (f.arc && f.arc->status != arc::ChainStatus::none) json["arc"] = arc_json(*f.arc);
  if (!v.hold_reason.empty()) json["hold_reason"] = text(v.hold_reason);
  if (!record.refused_recipient.empty()) json["refused_recipient"] = text(record.refused_recipient);
  // ASCII alone: what a terminal would obey (bidirectional controls) is an escape, and nothing is
  // lost.
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace gatepost
