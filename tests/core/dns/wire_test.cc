#include "core/dns/wire.h"

#include <gtest/gtest.h>

#include "tests/support/dns_packet.h"

namespace gatepost::dns {
namespace {

using testing::encode;
using testing::wire_name;
using testing::wire_records;
using testing::wire_soa;
using testing::wire_strings;
using testing::wire_u16;
using testing::WireRecord;
using testing::WireResponse;

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kMx = 15;
constexpr std::uint16_t kTxt = 16;
constexpr std::uint16_t kPtr = 12;
const std::string kAddress("\xC0\x00\x02\x01", 4);

/// "ok 192.0.2.1 … ttl", or the status with its reason.
std::string show(const Answer& answer) {
  std::string text = to_string(answer.status);
  for (const auto& address : answer.addresses) text += " " + address.text();
  for (const auto& one : answer.texts) text += " [" + one + "]";
  for (const auto& name : answer.names) text += " " + name;
  for (const auto& mx : answer.mx) text += " " + std::to_string(mx.preference) + ":" + mx.exchange;
  if (is_temporary(answer.status)) return text + ": " + answer.reason;
  return text + " " + std::to_string(answer.ttl);
}

struct Case {
  const char* name;
  RrType type;
  std::uint16_t flags;
  std::vector<WireRecord> answers;
  std::vector<WireRecord> authority;
  const char* expected;
};

std::vector<WireRecord> chain(int length) {
  std::vector<WireRecord> records;
  std::string name = "a.example";
  for (int i = 0; i < length; ++i) {
    const std::string next = "c" + std::to_string(i) + ".example";
    records.push_back({name, kCname, 300, wire_name(next)});
    name = next;
  }
  records.push_back({name, kA, 300, kAddress});
  return records;
}

const std::vector<Case> kCases = {
    {"a", RrType::a, 0x8180, {{"a.example", kA, 60, kAddress}}, {}, "ok 192.0.2.1 60"},
    {"owner_of_other_case",
     RrType::a,
     0x8180,
     {{"A.Example", kA, 60, kAddress}},
     {},
     "ok 192.0.2.1 60"},
    {"smallest_ttl_of_the_set",
     RrType::a,
     0x8180,
     {{"a.example", kA, 60, kAddress}, {"a.example", kA, 30, std::string(4, '\1')}},
     {},
     "ok 192.0.2.1 1.1.1.1 30"},
    {"ttl_with_top_bit_is_0_rfc2181_8",
     RrType::a,
     0x8180,
     {{"a.example", kA, 0x80000001U, kAddress}},
     {},
     "ok 192.0.2.1 0"},
    {"txt_strings_joined_rfc7208_3_3",
     RrType::txt,
     0x8180,
     {{"a.example", kTxt, 60, wire_strings({"v=spf1 ", "-all"})},
      {"a.example", kTxt, 60, wire_strings({""})}},
     {},
     "ok [v=spf1 -all] [] 60"},
    {"null_mx_rfc7505_3",
     RrType::mx,
     0x8180,
     {{"a.example", kMx, 60, wire_u16(0) + wire_name("")}},
     {},
     "ok 0: 60"},
    {"cname_followed_in_any_order",
     RrType::a,
     0x8180,
     {{"b.example", kA, 60, kAddress}, {"a.example", kCname, 30, wire_name("B.example")}},
     {},
     "ok 192.0.2.1 30"},
    {"cname_asked_itself",
     RrType::cname,
     0x8180,
     {{"a.example", kCname, 30, wire_name("b.example")}},
     {},
     "ok b.example 30"},
    {"cname_to_nothing_is_no_data",
     RrType::a,
     0x8180,
     {{"a.example", kCname, 30, wire_name("b.example")}},
     {wire_soa("example", 60, 90)},
     "no_data 30"},
    {"cname_to_nxdomain_rfc6604_3",
     RrType::a,
     0x8183,
     {{"a.example", kCname, 300, wire_name("b.example")}},
     {wire_soa("example", 60, 90)},
     "nxdomain 60"},
    {"cname_loop",
     RrType::a,
     0x8180,
     {{"a.example", kCname, 30, wire_name("a.example")}},
     {},
     "lying: its CNAMEs go in a circle"},
    {"chain_of_16", RrType::a, 0x8180, chain(16), {}, "ok 192.0.2.1 300"},
    {"chain_of_17", RrType::a, 0x8180, chain(17), {}, "malformed: more than 16 CNAMEs in a row"},
    {"only_records_of_another_name",
     RrType::a,
     0x8180,
     {{"x.example", kA, 60, kAddress}},
     {wire_soa("example", 60, 90)},
     "lying: the answer is for another name"},
    {"records_of_other_classes_ignored",
     RrType::a,
     0x8180,
     {{"a.example", kA, 60, kAddress, 3}},
     {},
     "no_data 0"},
    {"negative_ttl_is_the_soa_minimum_rfc2308_5",
     RrType::a,
     0x8183,
     {},
     {wire_soa("example", 900, 90)},
     "nxdomain 90"},
    {"negative_without_soa_is_not_kept_rfc2308_5", RrType::a, 0x8183, {}, {}, "nxdomain 0"},
    {"servfail", RrType::a, 0x8182, {}, {}, "servfail: SERVFAIL"},
    {"refused", RrType::a, 0x8185, {}, {}, "refused: REFUSED"},
    {"other_rcode", RrType::a, 0x8184, {}, {}, "malformed: rcode 4"},
    {"truncated", RrType::a, 0x8380, {}, {}, "truncated: the response is truncated"},
    {"a_query_is_no_response", RrType::a, 0x0100, {}, {}, "malformed: not a response"},
    {"other_opcode", RrType::a, 0xA180, {}, {}, "malformed: not a response"},
    {"short_address",
     RrType::a,
     0x8180,
     {{"a.example", kA, 60, "abc"}},
     {},
     "malformed: A record with broken data"},
    {"txt_without_string_rfc1035_3_3_14",
     RrType::txt,
     0x8180,
     {{"a.example", kTxt, 60, ""}},
     {},
     "malformed: TXT record with broken data"},
    {"txt_string_beyond_its_record",
     RrType::txt,
     0x8180,
     {{"a.example", kTxt, 60, "\5ab"}},
     {},
     "malformed: TXT record with broken data"},
    {"mx_without_name",
     RrType::mx,
     0x8180,
     {{"a.example", kMx, 60, wire_u16(1)}},
     {},
     "malformed: MX record with broken data"},
    {"name_with_rest",
     RrType::ptr,
     0x8180,
     {{"a.example", kPtr, 60, wire_name("b") + "x"}},
     {},
     "malformed: PTR record with broken data"},
    {"name_with_a_dot_in_a_label_left_out",
     RrType::ptr,
     0x8180,
     {{"a.example", kPtr, 60, std::string("\3a.b\0", 5)}, {"a.example", kPtr, 60, wire_name("c")}},
     {},
     "ok c 60"},
    {"reserved_label_type",
     RrType::ptr,
     0x8180,
     {{"a.example", kPtr, 60,
       "\x41"
       "a"}},
     {},
     "malformed: PTR record with broken data"},
    {"broken_soa",
     RrType::a,
     0x8183,
     {},
     {{"example", 6, 60, "x"}},
     "malformed: the SOA is broken"},
};

TEST(Wire, DecodesResponses) {
  for (const auto& c : kCases) {
    WireResponse response;
    response.flags = c.flags;
    response.question = {"a.example", c.type};
    response.answers = c.answers;
    response.authority = c.authority;
    EXPECT_EQ(show(decode_response(encode(response), response.question)), c.expected) << c.name;
  }
}

TEST(Wire, AnotherQuestionIsALie) {
  WireResponse response;
  response.question = {"a.example", RrType::a};
  for (const Query& query : {Query{"b.example", RrType::a}, Query{"a.example", RrType::aaaa}}) {
    EXPECT_EQ(show(decode_response(encode(response), query)),
              "lying: the response is for another question");
  }
}

TEST(Wire, EveryCutIsSurvived) {
  WireResponse response;
  response.question = {"a.example", RrType::mx};
  response.answers = {{"a.example", kMx, 60, wire_u16(10) + wire_name("mail.example")}};
  response.authority = {wire_soa("example", 60, 60)};
  const std::string packet = encode(response);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_EQ(decode_response(packet.substr(0, size), response.question).status, Status::malformed)
        << size;
  }
  EXPECT_EQ(decode_response(packet, response.question).status, Status::ok);
}

std::string with_answer(const std::string& record) {
  WireResponse response;
  response.question = {"a.example", RrType::cname};
  std::string packet = encode(response);
  packet[7] = 1;
  return packet + record;
}

TEST(Wire, Compression) {
  const Query query{"a.example", RrType::cname};
  const std::string head = wire_u16(0xC00C) + wire_u16(5) + wire_u16(1) + std::string(4, '\0');
  // The question starts at 12, "example" at 14; the answer at 27, its data at 39.
  EXPECT_EQ(
      show(decode_response(with_answer(head + wire_u16(4) + "\1b" + wire_u16(0xC00E)), query)),
      "ok b.example 0");
  const char* broken = "malformed: CNAME record with broken data";
  for (const unsigned target : {39U, 40U, 41U, 0x3FFFU}) {  // itself, forward, outside
    EXPECT_EQ(
        show(decode_response(with_answer(head + wire_u16(2) + wire_u16(0xC000 | target)), query)),
        broken)
        << target;
  }
  // A name that is longer than 255 by pointing back again and again.
  const std::string part = '\x3F' + std::string(63, 'x');
  std::string data = wire_name("");
  WireResponse response;
  response.question = query;
  response.answers = {{"other.example", kTxt, 0, part + part + part + part + std::string(1, '\0')}};
  std::string packet = encode(response);
  packet[7] = 2;
  const auto at = static_cast<unsigned>(packet.find(part));
  packet += head + wire_u16(2) + wire_u16(0xC000 | at);
  EXPECT_EQ(show(decode_response(packet, query)), broken);
}

TEST(Wire, TooManyRecords) {
  WireResponse response;
  response.question = {"a.example", RrType::a};
  std::string packet = encode(response);
  packet[6] = packet[7] = '\xFF';
  EXPECT_EQ(show(decode_response(packet, response.question)), "malformed: too many records");
}

TEST(Wire, RoundTripOfAllTypes) {
  Answer answer;
  answer.status = Status::ok;
  answer.ttl = 77;
  const auto check = [&](RrType type) {
    WireResponse response;
    response.question = {"a.example", type};
    response.answers = wire_records("a.example", type, answer);
    EXPECT_EQ(decode_response(encode(response), response.question), answer) << to_string(type);
  };
  answer.texts = {std::string(700, 't'), "", std::string("\0\xFF", 2)};
  check(RrType::txt);
  answer.texts.clear();
  answer.addresses = {*IpAddress::parse("2001:db8::7")};
  check(RrType::aaaa);
  answer.addresses.clear();
  answer.mx = {{10, "m1.example"}, {0, ""}};
  check(RrType::mx);
  answer.mx.clear();
  answer.names = {"x.example", "_y.example"};
  for (const auto type : {RrType::ptr, RrType::ns, RrType::cname}) check(type);
}

TEST(Wire, TextOfTwoThousandStringsAndOf64Kilobytes) {
  for (const auto& [strings, each] :
       {std::pair{2000, 1}, std::pair{255, 255}, std::pair{2000, 0}}) {
    WireResponse response;
    response.question = {"a.example", RrType::txt};
    response.answers = {
        {"a.example", static_cast<std::uint16_t>(RrType::txt), 60,
         wire_strings(std::vector<std::string>(static_cast<std::size_t>(strings),
                                               std::string(static_cast<std::size_t>(each), 'x')))}};
    const Answer answer = decode_response(encode(response), response.question);
    ASSERT_EQ(answer.status, Status::ok) << strings << " " << answer.reason;
    EXPECT_EQ(answer.texts.front().size(), static_cast<std::size_t>(strings * each));
  }
}

}  // namespace
}  // namespace gatepost::dns
