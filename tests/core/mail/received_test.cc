#include "core/mail/received.h"

#include <gtest/gtest.h>

namespace gatepost::mail {
namespace {

// What is read of a field: "address helo", with " login"; "step" for qmail's own; "? reason".
std::string shown(std::string_view value) {
  const auto client = parse_received(value);
  if (!client) return "? " + client.error().what;
  if (!*client) return "step";
  return (*client)->address.text() + " " + (*client)->helo +
         ((*client)->authenticated ? " login" : "");
}

struct Case {
  const char* name;
  const char* value;
  const char* shown;
};

constexpr const char* kNoAddress = "? it names no address of a client";

const Case kCases[] = {
    {"postfix",
     " from mail.a.example (mail.a.example [192.0.2.1])\r\n\tby mx.b.example (Postfix) with ESMTP "
     "id 4Zq1\r\n\tfor <x@b.example>; Thu, 26 Nov 2026 09:00:00 +0000 (UTC)",
     "192.0.2.1 mail.a.example"},
    {"postfix_no_reverse_name_and_tls",
     "from a (unknown [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 "
     "bits))"
     " (No client certificate requested) by mx.b.example (Postfix) with ESMTPS id 1; date",
     "192.0.2.1 a"},
    {"postfix_ipv6",
     "from a.example (a.example [IPv6:2001:db8::1]) by b.example (Postfix) with ESMTP id 1; d",
     "2001:db8::1 a.example"},
    {"postfix_helo_is_a_literal",
     "from [10.0.0.1] (unknown [192.0.2.1]) by b.example (Postfix) with ESMTP id 1; d",
     "192.0.2.1 [10.0.0.1]"},
    {"postfix_login",
     "from pc (h.example [192.0.2.1]) (Authenticated sender: ann) by b.example (Postfix) with "
     "ESMTPSA id 1; d",
     "192.0.2.1 pc login"},
    {"postfix_local", "by b.example (Postfix, from userid 1000) id 1; d",
     "? it does not begin with from: no client handed the message in"},
    {"sendmail",
     "from a.example (a.example [192.0.2.1])\r\n by b.example (8.17.1/8.17.1) with ESMTP id x; d",
     "192.0.2.1 a.example"},
    {"sendmail_no_reverse_name", "from a ([192.0.2.1]) by b.example (8.17.1) with SMTP id x; d",
     "192.0.2.1 a"},
    {"sendmail_may_be_forged",
     "from a (h.example [192.0.2.1] (may be forged)) by b.example (8.17.1) with ESMTP id x; d",
     "192.0.2.1 a"},
    {"sendmail_ident",
     "from a (IDENT:ann@h.example [192.0.2.1]) by b.example (8.17.1) with ESMTP id x; d",
     "192.0.2.1 a"},
    {"sendmail_ipv6",
     "from a (h.example [IPv6:2001:db8:0:0:0:0:0:1]) by b.example (8.17.1) with ESMTP id x; d",
     "2001:db8::1 a"},
    {"sendmail_local", "(from root@localhost) by b.example (8.17.1/8.17.1/Submit) id x; d",
     "? it does not begin with from: no client handed the message in"},
    {"exim_with_name",
     "from h.example ([192.0.2.1] helo=a.example)\r\n\tby b.example with esmtps (TLS1.3) tls "
     "TLS_AES_256_GCM_SHA384 (Exim 4.96) id 1; d",
     "192.0.2.1 a.example"},
    {"exim_with_port",
     "from h.example ([192.0.2.1]:4711 helo=a ident=x) by b.example with esmtp (Exim 4.96); d",
     "192.0.2.1 a"},
    {"exim_helo_is_the_name", "from h.example ([2001:db8::1]) by b.example with esmtp (Exim 4); d",
     "2001:db8::1 h.example"},
    {"exim_without_name", "from [192.0.2.1] (helo=a) by b.example with esmtp (Exim 4.96); d",
     "192.0.2.1 a"},
    {"exim_without_name_with_port",
     "from [192.0.2.1] (port=4711 helo=a) by b.example with esmtp (Exim 4.96); d", "192.0.2.1 a"},
    {"exim_login",
     "from h.example ([192.0.2.1] helo=pc) by b.example with esmtpsa (TLS1.3) (Exim 4.96); d",
     "192.0.2.1 pc login"},
    {"exim_local", "from ann by b.example with local (Exim 4.96) id 1; d", kNoAddress},
    {"exchange",
     "from A.example (192.0.2.1) by B.example (10.1.2.3) with Microsoft SMTP Server "
     "(version=TLS1_2,"
     " cipher=X) id 15.20.1; d",
     "192.0.2.1 A.example"},
    {"exchange_ipv6", "from A (2001:db8::1) by B (2001:db8::2) with Microsoft SMTP Server id 15; d",
     "2001:db8::1 A"},
    {"exchange_2003", "from a ([192.0.2.1]) by b with Microsoft SMTPSVC(6.0.3790.4675);\r\n\t d",
     "192.0.2.1 a"},
    {"qmail", "from unknown (HELO a.example) (192.0.2.1) by b.example with SMTP; d",
     "192.0.2.1 a.example"},
    {"qmail_helo_is_the_name", "from a.example (192.0.2.1) by b.example with SMTP; d",
     "192.0.2.1 a.example"},
    {"qmail_ident", "from h.example (HELO a) (ann@192.0.2.1) by b.example with SMTP; d",
     "192.0.2.1 a"},
    {"qmail_own_step", "(qmail 4711 invoked from network); 26 Nov 2026 09:00:00 -0000", "step"},
    {"qmail_local", "(qmail 4711 invoked by uid 89); 26 Nov 2026 09:00:00 -0000",
     "? it does not begin with from: no client handed the message in"},
    {"courier_mapped_address",
     "from a (h.example [::ffff:192.0.2.1]) by b.example with ESMTP id 1; d", "192.0.2.1 a"},
    {"communigate", "from [192.0.2.1] (HELO a) by b.example (CommuniGate Pro SMTP 6) with SMTP; d",
     "192.0.2.1 a"},
    {"google_trailing_dot",
     "from a.example (a.example. [192.0.2.1]) by mx.google.com with ESMTPS id x; d",
     "192.0.2.1 a.example"},
    {"google_internal", "by 2002:a05:6402:1 with SMTP id x; d",
     "? it does not begin with from: no client handed the message in"},

    // What the client said is never the address.
    {"a_literal_alone_is_a_helo_name", "from [192.0.2.1] by b.example with SMTP; d", kNoAddress},
    {"a_literal_before_an_unknown_comment",
     "from [192.0.2.1] (something else) by b.example with SMTP; d", kNoAddress},
    {"a_literal_in_exims_helo",
     "from h.example ([192.0.2.1] helo=[203.0.113.6]) by b.example with esmtp; d",
     "192.0.2.1 [203.0.113.6]"},
    {"a_literal_in_an_ident_reply",
     "from a (IDENT:x[203.0.113.6]@h.example [192.0.2.1]) by b.example (8.17.1); d", kNoAddress},
    {"an_ident_reply_with_a_blank",
     "from a (x [203.0.113.6] @h.example [192.0.2.1]) by b.example (8.17.1); d", kNoAddress},
    {"only_the_first_comment_counts", "from a (b c) (h.example [192.0.2.1]) by b.example; d",
     kNoAddress},
    {"behind_by_is_too_late", "from a by b.example (h.example [192.0.2.1]) with SMTP; d",
     kNoAddress},
    {"two_words", "from a b (h.example [192.0.2.1]) by b.example with SMTP; d",
     "? more than one word stands behind from"},
    {"no_word", "from (h.example [192.0.2.1]) by b.example; d", "? nothing stands behind from"},
    {"no_by", "from a (h.example [192.0.2.1]); d", "? it does not say by whom"},
    {"bad_address", "from a (h.example [192.0.2.256]) by b.example; d", kNoAddress},
    {"open_comment", "from a (h.example [192.0.2.1] by b.example; d", "? a comment is not closed"},
    {"escaped_parenthesis", "from a (h\\) [192.0.2.1]) by b.example; d", kNoAddress},
    {"deep_comment", "from a ((((((((((x)))))))))) by b.example; d",
     "? comments are nested too deeply"},
    {"empty", "", "? it does not begin with from: no client handed the message in"},
};

class ParseReceived : public ::testing::TestWithParam<Case> {};
TEST_P(ParseReceived, Row) {
  EXPECT_EQ(shown(GetParam().value), GetParam().shown);
}
INSTANTIATE_TEST_SUITE_P(Rows, ParseReceived, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ParseReceived, HasABudget) {
  EXPECT_EQ(shown("from a (h [192.0.2.1]) by b " + std::string(kMaxReceivedValue, 'x')),
            "? the field is too long");
  std::string words = "from a (h [192.0.2.1]) by b";
  for (int i = 0; i < 200; ++i) words += " x";
  EXPECT_EQ(shown(words), "? the field has too many words");
}

std::string hop(const std::string& address, const std::string& protocol = "ESMTP") {
  return "from h (h.example [" + address + "]) by b.example with " + protocol + " id 1; d";
}

struct WalkCase {
  const char* name;
  std::vector<std::string> received;
  const char* found;  // address, or "? reason"
};

// 198.51.100.0/24 is ours.
const WalkCase kWalks[] = {
    {"none", {}, "? no Received field"},
    {"top_one", {hop("192.0.2.1"), hop("203.0.113.6")}, "192.0.2.1"},
    {"through_our_own", {hop("198.51.100.1"), hop("198.51.100.2"), hop("192.0.2.1")}, "192.0.2.1"},
    {"loopback_is_the_server_itself", {hop("127.0.0.1"), hop("192.0.2.1")}, "192.0.2.1"},
    {"qmail_step", {"(qmail 7 invoked from network); d", hop("192.0.2.1")}, "192.0.2.1"},
    {"only_our_own", {hop("198.51.100.1")}, "? all Received fields are of our own"},
    {"private",
     {hop("198.51.100.1"), hop("10.0.0.7")},
     "? Received field 2: 10.0.0.7 is a private address and on no list of ours"},
    {"login", {hop("192.0.2.1", "ESMTPSA")}, "? Received field 1: a login handed it in"},
    {"cannot_be_read_ends_it",
     {"from a by b; d", hop("192.0.2.1")},
     "? Received field 1: it names no address of a client"},
};

std::string walk(const std::vector<std::string>& received) {
  std::vector<HeaderField> fields = {{"Subject", " x"}};
  for (const std::string& value : received) fields.push_back({"Received", " " + value});
  const auto network = *IpNetwork::parse("198.51.100.0/24");
  const auto client =
      first_outside_client(fields, [&](const IpAddress& a) { return network.contains(a); });
  return client.ok() ? client->address.text() : "? " + client.error().what;
}

TEST(FirstOutsideClient, Rows) {
  for (const WalkCase& row : kWalks) EXPECT_EQ(walk(row.received), row.found) << row.name;
}

TEST(FirstOutsideClient, HasABudget) {
  std::vector<std::string> received(kMaxReceivedFields, hop("198.51.100.1"));
  received.back() = hop("192.0.2.1");
  EXPECT_EQ(walk(received), "192.0.2.1");
  received.insert(received.begin(), hop("198.51.100.1"));
  EXPECT_EQ(walk(received), "? too many Received fields");
}

}  // namespace
}  // namespace gatepost::mail
