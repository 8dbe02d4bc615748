#include "filter/rule_tools/file_envelope.h"

#include <gtest/gtest.h>

#include "core/mail/header_block.h"
#include "rules/parse.h"
#include "rules/stage_fields.h"

namespace gatepost::rule_tools {
namespace {

// "ip host name sender recipients", "?" for what is not known.
std::string told(const std::string& fields, const std::string& lines) {
  const rules::Source source{"r.cf", lines};
  const rules::PreparedSettings settings(rules::parse({&source, 1}).settings);
  const mail::ParsedMessage message = mail::parse_message(fields + "\n");
  const FileEnvelope envelope(message.fields, settings);
  const rules::SmtpTexts& smtp = envelope.texts();
  const auto shown = [&](std::string_view text, rules::StageField field) {
    const bool unknown = (smtp.unknown & rules::unknown_field(field)) != 0;
    return unknown ? std::string("? ") : std::string(text) + " ";
  };
  std::string out = shown(smtp.ip, rules::StageField::ip) +
                    shown(smtp.host, rules::StageField::host) +
                    shown(smtp.helo, rules::StageField::name) +
                    shown("<" + std::string(smtp.sender) + ">", rules::StageField::sender);
  std::string recipients;
  for (const std::string_view one : smtp.recipients)
    recipients += (recipients.empty() ? "" : ",") + std::string(one);
  return out + shown(recipients, rules::StageField::recipient) +
         shown("daemon", rules::StageField::daemon) + shown("login", rules::StageField::login);
}

#define BORDER                                                                                 \
  "Received: from helo.example (mail.example [192.0.2.7])\n by mx.our.example (Postfix) with " \
  "ESMTP id 1; Thu, 1 Jan 2026 00:00:00 +0000\n"
#define INSIDE                                                                                     \
  "Received: from mx.our.example (mx.our.example [10.0.0.1])\n by box.our.example (Postfix) with " \
  "LMTP id 2; Thu, 1 Jan 2026 00:00:01 +0000\n"
#define PARTNER                                                                                 \
  "Received: from fwd.example (fwd.example [198.51.100.9])\n by mx.our.example (Postfix) with " \
  "ESMTP id 3; Thu, 1 Jan 2026 00:00:02 +0000\n"

struct Case {
  const char* name;
  const char* fields;
  const char* lines;
  const char* told;
};
const Case kCases[] = {
    {"nothing", "From: a@b.example\n", "", "? ? ? ? ? ? ? "},
    {"border", BORDER, "", "192.0.2.7 mail.example helo.example ? ? ? ? "},
    {"inside_is_looked_through", INSIDE BORDER, "", "192.0.2.7 mail.example helo.example ? ? ? ? "},
    {"trusted_is_looked_through", PARTNER BORDER, "trusted_networks 198.51.100.0/24",
     "192.0.2.7 mail.example helo.example ? ? ? ? "},
    {"not_trusted_is_the_client", PARTNER BORDER, "",
     "198.51.100.9 fwd.example fwd.example ? ? ? ? "},
    {"all_inside", INSIDE, "", "10.0.0.1 mx.our.example mx.our.example ? ? ? ? "},
    {"no_name",
     "Received: from x (unknown [192.0.2.7]) by mx.our.example (Postfix) with SMTP id "
     "1; Thu, 1 Jan 2026 00:00:00 +0000\n",
     "", "192.0.2.7 unknown x ? ? ? ? "},
    {"no_client_of_ours", "X-Originating-IP: [203.0.113.5]\n", "", "? ? ? ? ? ? ? "},
    {"postfix_box",
     "Return-Path: <s@list.example>\nX-Original-To: sales@our.example\n"
     "Delivered-To: ann@our.example\n" BORDER,
     "", "192.0.2.7 mail.example helo.example <s@list.example> sales@our.example ? ? "},
    {"null_path", "Return-Path: <>\nDelivered-To: ann@our.example\n" BORDER, "",
     "192.0.2.7 mail.example helo.example <> ann@our.example ? ? "},
    {"exim_box", "Return-path: <s@list.example>\nEnvelope-to: a@our.example, b@our.example\n", "",
     "? ? ? <s@list.example> a@our.example,b@our.example ? ? "},
    // What stands below our own field was there before.
    {"of_others", BORDER "Delivered-To: list@other.example\n", "",
     "192.0.2.7 mail.example helo.example ? ? ? ? "},
    {"between_our_hosts", INSIDE "Delivered-To: ann@our.example\n" BORDER, "",
     "192.0.2.7 mail.example helo.example ? ann@our.example ? ? "},
    {"no_address", "Delivered-To: ann\n", "", "? ? ? ? ? ? ? "},
};

TEST(FileEnvelope, IsWhatOurOwnHostsWrote) {
  for (const Case& c : kCases) EXPECT_EQ(told(c.fields, c.lines), c.told) << c.name;
}

TEST(FileEnvelope, RecipientsAreBounded) {
  std::string fields = "Envelope-To: a@our.example";
  for (int i = 0; i < 1000; ++i) fields += ", a" + std::to_string(i) + "@our.example";
  const rules::PreparedSettings settings({});
  const FileEnvelope envelope(mail::parse_message(fields + "\n\n").fields, settings);
  EXPECT_EQ(envelope.texts().recipients.size(), FileEnvelope::kMaxRecipients);
}

}  // namespace
}  // namespace gatepost::rule_tools
