#include "filter/rule_tools/file_envelope.h"

#include <utility>

#include "core/base/text.h"
#include "core/mail/fields.h"
#include "core/mail/from_field.h"
#include "rules/envelope_from.h"
#include "rules/header_values.h"
#include "rules/relays.h"
#include "rules/stage_fields.h"

namespace gatepost::rule_tools {

using rules::StageField;

FileEnvelope::FileEnvelope(std::span<const mail::HeaderField> fields,
                           const rules::PreparedSettings& settings) {
  rules::FieldIndex index;
  index.read(fields);
  rules::MessageFacts facts(index, "", settings.settings(), settings.registries());
  if (auto sender = rules::guess_envelope_from(facts)) {
    knows_sender_ = true;
    sender_ = std::move(*sender);
  }
  const auto above = fields.first(take_client(fields, settings.settings().networks));
  take_recipients(above);
  const mail::HeaderField* path = mail::first_field(above, "Return-Path");
  if (path != nullptr && trim(path->value) == "<>") knows_sender_ = true;
  views_.assign(recipients_.begin(), recipients_.end());
  texts_ = {.ip = ip_, .host = host_, .helo = helo_, .sender = sender_, .recipients = views_};
  const auto unknown = [&](StageField field, bool known) {
    if (!known) texts_.unknown |= rules::unknown_field(field);
  };
  unknown(StageField::ip, knows_client());
  unknown(StageField::host, !host_.empty());
  unknown(StageField::name, !helo_.empty());
  unknown(StageField::sender, knows_sender_);
  unknown(StageField::recipient, knows_recipients());
  unknown(StageField::daemon, false);
  unknown(StageField::login, false);
}

std::size_t FileEnvelope::take_client(std::span<const mail::HeaderField> fields,
                                      const rules::RelayNetworks& networks) {
  // Originating addresses are no clients of ours.
  rules::RelayNetworks hops = networks;
  hops.originating_ip_headers.clear();
  rules::Relays relays = rules::read_relays(fields, hops);
  const bool outside = !relays.external.empty();
  if (!outside && relays.internal.empty()) return fields.size();
  rules::Relay& client = outside ? relays.external.front() : relays.internal.back();
  ip_ = std::move(client.ip);
  helo_ = std::move(client.helo);
  // As an MTA tells it a filter when there is no name.
  host_ = !client.rdns.empty() ? std::move(client.rdns) : client.looked_up_dns ? "unknown" : "";
  std::size_t left = relays.internal_fields + (outside ? 1 : 0);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (iequals(mail::trimmed_name(fields[i]), "Received") && --left == 0) return i;
  }
  return fields.size();
}

void FileEnvelope::take_recipients(std::span<const mail::HeaderField> above) {
  constexpr std::string_view kNames[][2] = {
      {"X-Original-To", ""}, {"Envelope-To", "X-Envelope-To"}, {"Delivered-To", ""}};
  for (const auto& names : kNames) {
    for (const mail::HeaderField& field : above) {
      const std::string_view name = mail::trimmed_name(field);
      if (!iequals(name, names[0]) && !iequals(name, names[1])) continue;
      const auto list = mail::parse_address_list(field.value);
      if (!list.ok()) continue;
      for (const mail::Mailbox& mailbox : list->mailboxes) {
        if (recipients_.size() < kMaxRecipients) recipients_.push_back(mailbox.address.text());
      }
    }
    if (!recipients_.empty()) return;
  }
}

}  // namespace gatepost::rule_tools
