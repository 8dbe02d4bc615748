// The Received field of the current hop, as rules read it.

#include "filter/session/current_hop.h"

#include <gtest/gtest.h>

#include "rules/relays.h"

namespace gatepost {
namespace {

struct Case {
  const char* name;
  void (*arrange)(Connection&, Envelope&);
  const char* field;  // "": none
  const char* relay;
};

// 2026-11-26 12:00:00 UTC
constexpr std::int64_t kTime = 1795694400;

const Case kCases[] = {
    {"esmtp", [](Connection&, Envelope&) {},
     " from mail.client.example (mx.client.example [192.0.2.9])\r\n\tby mx.our.example (Gatepost) "
     "with ESMTP; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=mail.client.example by=mx.our.example ident= "
     "envfrom= intl=0 id= auth= msa=0 ]"},
    {"queue_id_and_one_recipient",
     [](Connection&, Envelope& e) {
       e.queue_id = "4XyZ12";
       e.recipients = {{"bob@our.example", false}};
     },
     " from mail.client.example (mx.client.example [192.0.2.9])\r\n\tby mx.our.example (Gatepost) "
     "with ESMTP id 4XyZ12\r\n\tfor <bob@our.example>; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=mail.client.example by=mx.our.example ident= "
     "envfrom= intl=0 id=4XyZ12 auth= msa=0 ]"},
    {"several_recipients_are_not_told",
     [](Connection&, Envelope& e) {
       e.recipients = {{"a@our.example", false}, {"b@our.example", false}};
     },
     " from mail.client.example (mx.client.example [192.0.2.9])\r\n\tby mx.our.example (Gatepost) "
     "with ESMTP; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=mail.client.example by=mx.our.example ident= "
     "envfrom= intl=0 id= auth= msa=0 ]"},
    {"tls_and_login_rfc3848",
     [](Connection& c, Envelope& e) {
       c.tls_version = "TLSv1.3";
       e.auth_authen = "ann";
     },
     " from mail.client.example (mx.client.example [192.0.2.9])\r\n\t(using TLSv1.3)\r\n\tby "
     "mx.our.example (Gatepost) with ESMTPSA; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=mail.client.example by=mx.our.example ident= "
     "envfrom= intl=1 id= auth=ESMTPSA msa=0 ]"},
    {"client_without_a_name", [](Connection& c, Envelope&) { c.client_name = "[192.0.2.9]"; },
     " from mail.client.example (unknown [192.0.2.9])\r\n\tby mx.our.example (Gatepost) with "
     "ESMTP; "
     "Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns= helo=mail.client.example by=mx.our.example ident= envfrom= intl=0 id= "
     "auth= msa=0 ]"},
    {"ipv6", [](Connection& c, Envelope&) { c.client = IpAddress::parse("2001:db8::9"); },
     " from mail.client.example (mx.client.example [IPv6:2001:db8::9])\r\n\tby mx.our.example "
     "(Gatepost) with ESMTP; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=2001:db8::9 rdns=mx.client.example helo=mail.client.example by=mx.our.example ident= "
     "envfrom= intl=0 id= auth= msa=0 ]"},
    {"a_helo_cannot_forge_the_field",
     [](Connection& c, Envelope&) { c.helo = "x (mail.bank.example [198.51.100.1])\n by y;\x80"; },
     " from x??mail.bank.example?[198.51.100.1]???by?y?? (mx.client.example [192.0.2.9])\r\n\tby "
     "mx.our.example (Gatepost) with ESMTP; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=x??mail.bank.example?!198.51.100.1!???by?y?? "
     "by=mx.our.example ident= envfrom= intl=0 id= auth= msa=0 ]"},
    {"mail_without_helo", [](Connection& c, Envelope&) { c.helo.clear(); },
     " from mx.client.example (mx.client.example [192.0.2.9])\r\n\tby mx.our.example (Gatepost) "
     "with "
     "ESMTP; Thu, 26 Nov 2026 12:00:00 +0000 (UTC)",
     "[ ip=192.0.2.9 rdns=mx.client.example helo=mx.client.example by=mx.our.example ident= "
     "envfrom= intl=0 id= auth= msa=0 ]"},
    {"local_mail_has_none", [](Connection& c, Envelope&) { c.local = true; }, "", ""},
    {"unknown_family_has_none", [](Connection& c, Envelope&) { c.client.reset(); }, "", ""},
};

class CurrentHop : public ::testing::TestWithParam<Case> {};

TEST_P(CurrentHop, Row) {
  Connection connection;
  connection.client = IpAddress::parse("192.0.2.9");
  connection.client_name = "mx.client.example";
  connection.helo = "mail.client.example";
  connection.mta_name = "mx.our.example";
  Envelope envelope;
  GetParam().arrange(connection, envelope);
  const auto field = received_of(connection, envelope, kTime);
  EXPECT_EQ(field ? field->value : "", GetParam().field);
  if (!field) return;
  EXPECT_EQ(field->name, "Received");
  const std::vector<mail::HeaderField> fields = {*field};
  const rules::Relays relays = rules::read_relays(fields, {});
  EXPECT_EQ(rules::relays_text(relays.untrusted) + rules::relays_text(relays.trusted),
            GetParam().relay);
}

INSTANTIATE_TEST_SUITE_P(Rows, CurrentHop, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost
