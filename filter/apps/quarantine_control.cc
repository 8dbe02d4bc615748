#include "filter/apps/quarantine_control.h"

#include "core/base/text.h"
#include "filter/quarantine/entry_file.h"

namespace gatepost {

namespace {

using quarantine::DiskQuarantine;
using quarantine::Entry;

Json failure(const Error& error) {
  return {{"error", error.text()}, {"kind", to_string(error.kind)}};
}

Json no_such_entry(const std::string& reference) {
  return failure(permanent_error("there is no entry '" + printable(reference, 64) + "'"));
}

/// A request that lacks something or has it in another type is the asker's fault, not ours.
ControlCommands::Handler checked(DiskQuarantine& quarantine,
                                 Json (*run)(DiskQuarantine&, const Json&)) {
  return [&quarantine, run](const Json& request) -> Json {
    try {
      return run(quarantine, request);
    } catch (const nlohmann::json::exception& error) {
      return failure(permanent_error(std::string("malformed request: ") + error.what()));
    }
  };
}

/// With the first recipients only: a page must fit into an answer.
Json short_json(const Entry& entry) {
  constexpr std::size_t kShown = 20;
  Entry cut = entry;
  if (cut.recipients.size() > kShown) cut.recipients.resize(kShown);
  if (cut.released.size() > kShown) cut.released.resize(kShown);
  Json json = to_json(cut);
  json["recipient_count"] = entry.recipients.size();
  return json;
}

Json list(DiskQuarantine& quarantine, const Json& request) {
  quarantine::Filter filter;
  filter.from = request.value("from", "");
  filter.to = request.value("to", "");
  filter.since = request.value("since", std::int64_t{0});
  filter.after = request.value("after", "");
  filter.limit = request.value("limit", 100);
  if (const std::string state = request.value("state", ""); !state.empty()) {
    filter.state = quarantine::parse_state(state);
    if (!filter.state)
      return failure(
          permanent_error("unknown state, expected unconfirmed, stored, releasing or released"));
  }
  const auto entries = quarantine.list(filter);
  if (!entries.ok()) return failure(entries.error());
  const auto totals = quarantine.totals();
  if (!totals.ok()) return failure(totals.error());
  Json rows = Json::array();
  for (const Entry& entry : *entries) rows.push_back(short_json(entry));
  return {{"entries", std::move(rows)},
          {"messages", totals->messages},
          {"octets", totals->octets},
          {"directory", quarantine.directory().string()}};
}

Json show(DiskQuarantine& quarantine, const Json& request) {
  const std::string reference = request.at("reference");
  const auto entry = quarantine.find(reference);
  if (!entry.ok()) return failure(entry.error());
  const auto file = quarantine.file_of(reference);
  if (!*entry || !file) return no_such_entry(reference);
  const auto head = quarantine::EntryFolder::read_head(*file);
  if (!head.ok()) return failure(head.error());
  Json json = to_json(**entry);
  json["file"] = file->string();
  json["message_at"] = head->message_at;
  json["record"] = Json::parse(head->record, nullptr, false);
  return json;
}

Json erase(DiskQuarantine& quarantine, const Json& request) {
  const std::string reference = request.at("reference");
  const auto gone = quarantine.erase(reference);
  if (!gone.ok()) return failure(gone.error());
  return *gone ? Json{{"deleted", reference}} : no_such_entry(reference);
}

Json begin(DiskQuarantine& quarantine, const Json& request) {
  const std::string reference = request.at("reference");
  const auto begun = quarantine.begin_release(reference, request.value("again", false));
  if (!begun.ok()) return failure(begun.error());
  if (!*begun) return no_such_entry(reference);
  Json entry = to_json((*begun)->entry);
  entry["nonce"] = (*begun)->entry.nonce;
  return {{"entry", std::move(entry)}, {"recipients", (*begun)->recipients}};
}

Json end(DiskQuarantine& quarantine, const Json& request) {
  const auto ended = quarantine.end_release(request.at("reference"), request.at("nonce"),
                                            request.at("delivered").get<std::vector<std::string>>(),
                                            request.value("whole", false));
  if (!ended.ok()) return failure(ended.error());
  return {{"passed", *ended}};
}

}  // namespace

Json to_json(const Entry& entry) {
  return {{"reference", entry.reference},
          {"time", entry.time},
          {"state", quarantine::to_string(entry.state)},
          {"mail_from", entry.mail_from},
          {"recipients", entry.recipients},
          {"released", entry.released},
          {"smtputf8", entry.smtputf8},
          {"from", entry.header_from},
          {"subject", entry.subject},
          {"message_id", entry.message_id},
          {"client", entry.client},
          {"queue_id", entry.queue_id},
          {"reason", entry.reason},
          {"score", entry.score},
          {"size", entry.size},
          {"let_pass_at", entry.passed}};
}

Entry entry_from_json(const Json& json) {
  Entry entry;
  entry.reference = json.at("reference");
  entry.time = json.at("time");
  entry.state = quarantine::parse_state(json.at("state").get<std::string>())
                    .value_or(quarantine::State::unconfirmed);
  entry.mail_from = json.at("mail_from");
  entry.recipients = json.at("recipients").get<std::vector<std::string>>();
  entry.released = json.at("released").get<std::vector<std::string>>();
  entry.smtputf8 = json.at("smtputf8");
  entry.header_from = json.at("from");
  entry.subject = json.at("subject");
  entry.message_id = json.at("message_id");
  entry.client = json.at("client");
  entry.queue_id = json.at("queue_id");
  entry.reason = json.at("reason");
  entry.score = json.at("score");
  entry.size = json.at("size");
  entry.passed = json.at("let_pass_at");
  entry.nonce = json.value("nonce", "");
  return entry;
}

void add_quarantine_commands(ControlCommands& commands, DiskQuarantine& quarantine) {
  commands.add("quarantine-list", checked(quarantine, list));
  commands.add("quarantine-show", checked(quarantine, show));
  commands.add("quarantine-delete", checked(quarantine, erase));
  commands.add("quarantine-begin", checked(quarantine, begin));
  commands.add("quarantine-end", checked(quarantine, end));
}

}  // namespace gatepost
