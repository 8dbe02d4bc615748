#include "filter/session/record.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "filter/session/dmarc_record.h"
#include "filter/session/json_text.h"
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
    if (!list.empty()) list += ',';
    list.append(reason.finding).append(":").append(number(reason.score, 1));
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

// As text(), written at once.
void add_text(JsonText& json, std::string_view name, std::string_view value) {
  if (is_valid_utf8(value))
    json.member(name, value);
  else
    json.member(name, printable(value, 4096));
}

// What most records have little of, or nothing. ASCII alone, like the rest.
void add_tree(JsonText& json, std::string_view name, const Json& tree) {
  json.key(name);
  json.raw(tree.dump(-1, ' ', true, Json::error_handler_t::replace));
}

void add_findings(JsonText& json, const Record& record) {
  json.key("findings");
  json.begin('[');
  for (const Finding& finding : record.findings) {
    const FindingRule rule = record.policy ? record.policy->rule(finding) : FindingRule{};
    json.begin('{');
    json.member("name", finding.name);
    json.member("stage", to_string(finding.stage));
    json.member("score", rule.score * finding.factor);
    if (finding.shadow) json.member("shadow", true);
    if (!finding.category.empty()) json.member("category", finding.category);
    if (!finding.detail.empty()) add_text(json, "detail", finding.detail);
    json.end('}');
  }
  json.end(']');
}

void add_reasons(JsonText& json, const Verdict& verdict) {
  json.key("reasons");
  json.begin('[');
  for (const Reason& reason : verdict.reasons) {
    json.begin('{');
    json.member("name", reason.finding);
    json.member("score", reason.score);
    json.member("action", to_string(reason.action));
    json.end('}');
  }
  json.end(']');
}

void add_envelope(JsonText& json, const Record& record) {
  add_text(json, "queue_id", record.envelope.queue_id);
  json.member("client", record.connection.client ? record.connection.client->text() : "");
  add_text(json, "client_name", record.connection.client_name);
  add_text(json, "helo", record.connection.helo);
  add_text(json, "mail_from", record.envelope.mail_from);
  json.key("recipients");
  json.begin('[');
  for (const Recipient& recipient : record.envelope.recipients) {
    if (is_valid_utf8(recipient.address))
      json.value(recipient.address);
    else
      json.value(printable(recipient.address, 4096));
  }
  json.end(']');
  add_text(json, "login", record.envelope.auth_authen);
  add_text(json, "message_id", record.message_id);
  json.member("size", record.message_size);
}

// What is there only when it was found.
void add_rest(JsonText& json, const Record& record) {
  const Facts& f = record.facts;
  if (f.spf_helo) json.member("spf_helo", spf::to_string(f.spf_helo->code));
  if (f.spf_client) json.member("spf_client", f.spf_client->text());
  if (!f.relayed.empty()) add_tree(json, "relayed", relayed_json(f));
  if (f.dmarc) {
    Json tree = Json::object();
    add_dmarc(tree, record);
    add_tree(json, "dmarc_evaluation", tree);
  }
  if (f.arc && f.arc->status != arc::ChainStatus::none) add_tree(json, "arc", arc_json(*f.arc));
  if (!record.verdict.hold_reason.empty())
    add_text(json, "hold_reason", record.verdict.hold_reason);
  if (!record.refused_recipient.empty())
    add_text(json, "refused_recipient", record.refused_recipient);
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

// ASCII alone: what a terminal would obey (bidirectional controls) is an escape, and nothing is
// lost.
std::string to_json(const Record& record) {
  const Verdict& v = record.verdict;
  const Facts& f = record.facts;
  JsonText json;
  json.begin('{');
  json.member("version", Record::kVersion);
  json.member("time", record.unix_time);
  json.member("reference", record.reference);
  json.member("session", record.session_id);
  add_envelope(json, record);
  json.member("verdict", verdict_word(v));
  json.member("observed", v.observed);
  json.member("stage", to_string(v.stage));
  json.member("score", v.score);
  json.member("class", class_word(v));
  json.member("reply", v.reply.line());
  add_reasons(json, v);
  add_findings(json, record);
  json.member("spf", f.spf_mail_from ? spf::to_string(f.spf_mail_from->code) : "none");
  add_tree(json, "dkim", dkim_json(f));
  json.member("dmarc", f.dmarc ? dmarc::to_string(f.dmarc->result) : "none");
  add_tree(json, "answers", answers_json(record.answers));
  json.member("policy", record.policy ? record.policy->hash : "");
  json.member("rules_hash", rules_hash(record));
  json.member("microseconds", record.duration_us);
  add_rest(json, record);
  json.end('}');
  return json.take();
}

}  // namespace gatepost
