#include "tests/support/milter/wire.h"

#include <gtest/gtest.h>

namespace gatepost::test::milter {
namespace {

using namespace std::string_literals;

struct EncodeCase {
  const char* name;
  std::string packet;
  std::string expected;
};

TEST(Encode, CommandsAsTheWireHasThem) {
  const ClientInfo v4{"mail.example.com", ClientInfo::Family::inet, 0x1234, "192.0.2.1"};
  const ClientInfo unknown{"unknown", ClientInfo::Family::unknown, 1, "x"};
  const EncodeCase cases[] = {
      {"negotiate", encode_negotiate(6, 0x1ff, 0x1fffff),
       "\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"s},
      {"macros", encode_macros(Event::mail, {{"i", "4Y"}, {"{mail_addr}", ""}}),
       "\0\0\0\x14"
       "DMi\0"
       "4Y\0{mail_addr}\0\0"s},
      {"no_macros", encode_macros(Event::helo, {}), "\0\0\0\x02"s + "DH"},
      {"connect", encode_connect(v4),
       "\0\0\0\x1f"s + "Cmail.example.com\0" + "4\x12\x34"s + "192.0.2.1\0"s},
      {"connect_unknown", encode_connect(unknown), "\0\0\0\x0a"s + "Cunknown\0U"s},
      {"helo", encode_helo("a.example"), "\0\0\0\x0bHa.example\0"s},
      {"mail", encode_mail("<a@b.example>", {"SIZE=10", "SMTPUTF8"}),
       "\0\0\0\x20M<a@b.example>\0SIZE=10\0SMTPUTF8\0"s},
      {"rcpt", encode_rcpt("<>", {}), "\0\0\0\x04R<>\0"s},
      {"data", encode_data(), "\0\0\0\x01T"s},
      {"header", encode_header("Subject", " a\n b"), "\0\0\0\x0fLSubject\0 a\n b\0"s},
      {"end_of_headers", encode_end_of_headers(), "\0\0\0\x01N"s},
      {"body", encode_body("a\r\n"), "\0\0\0\x04"s + "Ba\r\n"},
      {"end_of_message", encode_end_of_message(), "\0\0\0\x01"s + "E"},
      {"abort", encode_abort(), "\0\0\0\x01"s + "A"},
      {"quit", encode_quit(), "\0\0\0\x01Q"s},
      {"quit_new_connection", encode_quit_new_connection(), "\0\0\0\x01K"s},
      {"unknown", encode_unknown("FOO bar"), "\0\0\0\x09UFOO bar\0"s},
  };
  for (const EncodeCase& c : cases) {
    std::string expected = c.expected;
    if (std::string_view(c.name) == "connect") {  // the literal above cannot hold "\0" and "4"
      expected = encode_packet('C', "mail.example.com\0"s + "4\x12\x34"s + "192.0.2.1\0"s);
    }
    EXPECT_EQ(c.packet, expected) << c.name;
  }
}

/// One line that says what was read, or "error: ..." for a refusal.
std::string show(const Result<ReplyPacket>& reply) {
  if (!reply) return "error: " + reply.error().text();
  std::string text = to_string(*reply);
  if (const auto* code = std::get_if<ReplyCode>(&*reply)) {
    text += " " + std::to_string(code->code) + " [" + code->enhanced + "]";
    for (const std::string& line : code->lines) text += " (" + line + ")";
  } else if (const auto* add = std::get_if<AddHeader>(&*reply)) {
    text += " " + add->name + "=" + add->value;
  } else if (const auto* insert = std::get_if<InsertHeader>(&*reply)) {
    text += " " + std::to_string(insert->index) + " " + insert->name + "=" + insert->value;
  } else if (const auto* change = std::get_if<ChangeHeader>(&*reply)) {
    text += " " + std::to_string(change->index) + " " + change->name + "=" + change->value;
  } else if (const auto* recipient = std::get_if<AddRecipient>(&*reply)) {
    text += " " + recipient->address + " [" + recipient->parameters + "]";
  } else if (const auto* gone = std::get_if<DeleteRecipient>(&*reply)) {
    text += " " + gone->address;
  } else if (const auto* from = std::get_if<ChangeFrom>(&*reply)) {
    text += " " + from->address + " [" + from->parameters + "]";
  } else if (const auto* body = std::get_if<ReplaceBody>(&*reply)) {
    text += " " + body->chunk;
  } else if (const auto* held = std::get_if<Quarantine>(&*reply)) {
    text += " " + held->reason;
  } else if (const auto* answer = std::get_if<Negotiated>(&*reply)) {
    text += " " + std::to_string(answer->version) + " " + std::to_string(answer->actions) + " " +
            std::to_string(answer->steps);
    for (const auto& [event, names] : answer->macro_lists) {
      text += std::string(" ") + to_string(event) + ":";
      for (const std::string& name : names) text += name + ",";
    }
  }
  return text;
}

struct DecodeCase {
  const char* name;
  std::string packet;
  const char* expected;
};

const DecodeCase kDecodeCases[] = {
    {"continue", "c", "continue"},
    {"accept", "a", "accept"},
    {"reject", "r", "reject"},
    {"tempfail", "t", "tempfail"},
    {"discard", "d", "discard"},
    {"skip", "s", "skip"},
    {"progress", "p", "progress"},
    {"shutdown", "4", "shutdown"},
    {"conn_fail", "f", "conn_fail"},
    {"payload_behind_continue", "cx", "error: continue: octets are left over"},
    {"unknown_reply", "z", "error: z: no reply of the protocol"},
    {"unprintable_reply", "\x01", "error: \\x01: no reply of the protocol"},
    {"empty", "", "error: a packet without a command"},
    {"reply_code", "y550 5.7.1 no\0"s, "reply code 550 [5.7.1] (no)"},
    {"reply_code_without_enhanced", "y451 later\0"s, "reply code 451 [] (later)"},
    {"reply_code_alone", "y550\0"s, "reply code 550 [] ()"},
    {"reply_code_and_status_only", "y550 5.7.1\0"s, "reply code 550 [5.7.1] ()"},
    {"reply_code_lines_rfc5321_4_2_1", "y451-4.7.1 one\r\n451-4.7.1 two\r\n451 4.7.1 three\0"s,
     "reply code 451 [4.7.1] (one) (two) (three)"},
    {"status_of_other_class_is_text_rfc3463_2", "y550 4.7.1 x\0"s, "reply code 550 [] (4.7.1 x)"},
    {"reply_code_of_success", "y250 ok\0"s,
     "error: reply code: expected a line that starts with 4xx or 5xx, got \"250 ok\""},
    {"reply_code_unterminated", "y550 no", "error: reply code: a string does not end"},
    {"reply_code_not_a_number", "y5x0 no\0"s,
     "error: reply code: expected a line that starts with 4xx or 5xx, got \"5x0 no\""},
    {"reply_code_lines_differ", "y451-a\r\n551 b\0"s,
     "error: reply code: lines with different codes"},
    {"reply_code_goes_on_after_the_last", "y451 a\r\n451 b\0"s,
     "error: reply code: continuation mark and number of lines disagree"},
    {"reply_code_never_ends", "y451-a\0"s,
     "error: reply code: continuation mark and number of lines disagree"},
    {"reply_code_bare_lf", "y451 a\n250 b\0"s, "error: reply code: a bare CR or LF"},
    {"add_header", "hX-A\0b\0"s, "add header X-A=b"},
    {"add_header_cut", "hX-A\0b"s, "error: add header: a string does not end"},
    {"add_header_without_name", "h\0b\0"s, "error: add header: the field has no name"},
    {"add_header_and_more", "hX-A\0b\0c"s, "error: add header: octets are left over"},
    {"insert_header", "i\0\0\0\x01X-A\0b\0"s, "insert header 1 X-A=b"},
    {"insert_header_cut_index", "i\0\0"s, "error: insert header: a string does not end"},
    {"change_header_delete", "m\0\0\0\x02Subject\0\0"s, "change header 2 Subject="},
    {"add_recipient", "+<a@b>\0"s, "add recipient <a@b> []"},
    {"add_recipient_parameters", "2<a@b>\0NOTIFY=NEVER\0"s, "add recipient <a@b> [NOTIFY=NEVER]"},
    {"add_recipient_parameters_none", "2<a@b>\0"s, "add recipient <a@b> []"},
    {"delete_recipient", "-<a@b>\0"s, "delete recipient <a@b>"},
    {"change_from", "e<>\0"s, "change from <> []"},
    {"change_from_parameters", "e<a@b>\0SIZE=1\0"s, "change from <a@b> [SIZE=1]"},
    {"replace_body", "bnew\r\n", "replace body new\r\n"},
    {"quarantine", "qreason\0"s, "quarantine reason"},
    {"quarantine_cut", "qreason", "error: quarantine: a string does not end"},
    {"negotiation", "O\0\0\0\x06\0\0\0\x01\0\0\0\x02"s, "negotiation 6 1 2"},
    {"negotiation_cut", "O\0\0\0\x06\0\0\0\x01\0\0"s, "error: negotiation: a number is cut off"},
    {"negotiation_macro_lists",
     "O\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\x00j, {client_addr}\0\0\0\0\x05\0"s,
     "negotiation 6 256 0 CONNECT:j,{client_addr}, END-OF-MESSAGE:"},
    {"negotiation_unknown_stage_is_dropped", "O\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\x07j\0"s,
     "negotiation 6 256 0"},
    {"negotiation_stage_twice", "O\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\0j\0\0\0\0\0j\0"s,
     "error: CONNECT: two macro lists for one stage"},
    {"negotiation_list_unterminated", "O\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\0j"s,
     "error: negotiation: a string does not end"},
};

TEST(Decode, RepliesAndTheirFaults) {
  for (const DecodeCase& c : kDecodeCases)
    EXPECT_EQ(show(decode_reply(c.packet)), c.expected) << c.name;
}

TEST(Decode, LengthsHaveABudget) {
  Limits limits;
  limits.packet = 100;
  EXPECT_EQ(decode_length("\0\0\0\x64"s, limits).value(), 100U);
  EXPECT_FALSE(decode_length("\0\0\0\x65"s, limits));
  EXPECT_FALSE(decode_length("\xff\xff\xff\xff", limits));
  EXPECT_FALSE(decode_length("\0\0\0\0"s, limits));
  EXPECT_FALSE(decode_length("\0\0\0"s, limits));
  EXPECT_FALSE(decode_reply("b" + std::string(100, 'x'), limits));
}

TEST(Decode, ListsHaveABudget) {
  Limits limits;
  limits.reply_lines = 2;
  limits.macros_in_list = 2;
  EXPECT_TRUE(decode_reply("y451-a\r\n451 b\0"s, limits));
  EXPECT_FALSE(decode_reply("y451-a\r\n451-b\r\n451 c\0"s, limits));
  const std::string head = "O\0\0\0\x06\0\0\x01\0\0\0\0\0\0\0\0\0"s;
  EXPECT_TRUE(decode_reply(head + "a b\0"s, limits));
  EXPECT_FALSE(decode_reply(head + "a b c\0"s, limits));
}

TEST(Versions, KnowTheirSteps) {
  EXPECT_EQ(step::known(2), 0x7fU);
  EXPECT_EQ(step::known(3) & ~step::known(2), step::kNoUnknown);
  EXPECT_EQ(step::known(4) & ~step::known(3), step::kNoData);
  EXPECT_EQ(step::known(6), step::kAll);
  EXPECT_EQ(action::known(2), 0x3fU);
}

}  // namespace
}  // namespace gatepost::test::milter
