#include "core/mail/from_field.h"

#include <gtest/gtest.h>

#include "core/mail/lexical.h"

namespace gatepost::mail {
namespace {

struct ListCase {
  const char* name;
  std::string value;
  const char* expected;  // "name <address>" joined by " | "; null = error
};

std::string text_of(const AddressList& list) {
  std::string text;
  for (const Mailbox& mailbox : list.mailboxes) {
    if (!text.empty()) text += " | ";
    if (!mailbox.display_name.empty()) text += mailbox.display_name + " ";
    text += "<" + mailbox.address.text() + ">";
  }
  return text;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '(') + std::string(depth, ')') + "a@b.example";
}

const ListCase kLists[] = {
    {"addr-spec, RFC 5322 3.4.1", " a@b.example", "<a@b.example>"},
    {"angle-addr, RFC 5322 3.4", " <a@b.example>", "<a@b.example>"},
    {"display name", " John Doe <a@b.example>", "John Doe <a@b.example>"},
    {"display name with dots, RFC 5322 4.1", " John Q. Public <a@b.example>",
     "John Q. Public <a@b.example>"},
    {"quoted display name", " \"Doe, \\\"J\\\" <x@y>\" <a@b.example>",
     "Doe, \"J\" <x@y> <a@b.example>"},
    {"encoded display name, RFC 2047 5", " =?utf-8?q?J=C3=B6rg?= <a@b.example>",
     "J\xc3\xb6rg <a@b.example>"},
    {"UTF-8 display name, RFC 6532 3.2", " J\xc3\xb6rg <a@b.example>", "J\xc3\xb6rg <a@b.example>"},
    {"8-bit display name", " J\xf6rg <a@b.example>", "J\xf6rg <a@b.example>"},
    {"list", " a@b.example, C <c@d.example>", "<a@b.example> | C <c@d.example>"},
    {"empty elements, RFC 5322 4.4", " ,a@b.example, ,,", "<a@b.example>"},
    {"fold, RFC 5322 2.2.3", " John\r\n Doe\r\n\t<a@b.example>", "John Doe <a@b.example>"},
    {"comments, RFC 5322 3.2.2", "(x) a(y)@(z)b(1).(2)example (3(4)\\))", "<a@b.example>"},
    {"comment holds what looks like an address", " (<c@d.example>,) a@b.example (,e@f)",
     "<a@b.example>"},
    {"blanks around dots and at, RFC 5322 4.4", " a . b @ c . example", "<a.b@c.example>"},
    {"quoted local part, RFC 5322 3.4.1", " \"a b\"@b.example", "<\"a b\"@b.example>"},
    {"quoted words with a dot, RFC 5322 4.4", " \"a\".\"b\"@b.example", "<a.b@b.example>"},
    {"at in a quoted local part", " \"a@x.example\"@b.example", "<\"a@x.example\"@b.example>"},
    {"source route, RFC 5322 4.4", " <@x.example,@y.example:a@b.example>", "<a@b.example>"},
    {"source route with empty elements", " <,@x.example, ,@y.example:a@b.example>",
     "<a@b.example>"},
    {"domain literal", " a@[192.0.2.1]", "<a@[192.0.2.1]>"},
    {"U-label, RFC 6532 3.2",
     " a@b\xc3\xbc"
     "cher.example",
     "<a@xn--bcher-kva.example>"},
    {"UTF-8 local part", " \xc3\xbc@b.example", "<\xc3\xbc@b.example>"},
    {"group, RFC 6854 2.1", " G H: a@b.example, X <c@d.example>;",
     "<a@b.example> | X <c@d.example>"},
    {"group and mailbox", " G:a@b.example;, c@d.example", "<a@b.example> | <c@d.example>"},
    {"empty group", " Undisclosed:;", ""},
    {"empty group of comments", " G:(nobody) , ; (x)", ""},
    {"nothing", " ", ""},
    {"comments to the limit", nested(Lexer::kMaxCommentDepth), "<a@b.example>"},

    {"comments beyond the limit", nested(Lexer::kMaxCommentDepth + 1), nullptr},
    {"NUL", std::string(" a@b\0.example", 13), nullptr},
    {"NUL in a name", std::string(" a\0b <a@b.example>", 18), nullptr},
    {"NUL in a comment", std::string(" (\0) a@b.example", 16), nullptr},
    {"control in a name", " a\x1b <a@b.example>", nullptr},
    {"control in quotes", " \"a\x01\" <a@b.example>", nullptr},
    {"bare CR", " a@b.example\r", nullptr},
    {"bare LF before a blank", " a@b.example,\n c@d.example", nullptr},
    {"CRLF without a blank", " a@b.example\r\nTo: x", nullptr},
    {"CRLF in quotes that is no fold", " \"a\r\nb\" <a@b.example>", nullptr},
    {"quoted line break", " \"a\\\r\n b\" <a@b.example>", nullptr},
    {"quotes not closed", " \"John <a@b.example>", nullptr},
    {"quotes not closed at a backslash", " \"John\\", nullptr},
    {"comment not closed", " a@b.example (x", nullptr},
    {"comment not opened", " a@b.example )", nullptr},
    {"angle bracket not closed", " <a@b.example", nullptr},
    {"angle bracket not opened", " a@b.example>", nullptr},
    {"two angle brackets", " <<a@b.example>>", nullptr},
    {"two angle addresses", " <a@b.example> <c@d.example>", nullptr},
    {"text behind the address", " <a@b.example>c@d.example", nullptr},
    {"word behind the address", " a@b.example John", nullptr},
    {"unquoted at in a name", " c@d.example <a@b.example>", nullptr},
    {"unquoted comma in a name", " Doe, John <a@b.example>", nullptr},
    {"backslash outside of quotes", " <a@b.example>\\,<c@d.example>", nullptr},
    {"word alone", " John", nullptr},
    {"quoted word alone", " \"a@b.example\"", nullptr},
    {"local part alone in brackets", " <john>", nullptr},
    {"empty brackets", " <>", nullptr},
    {"no local part", " @b.example", nullptr},
    {"no domain", " a@", nullptr},
    {"two ats", " a@x.example@b.example", nullptr},
    {"two dots in the local part, RFC 5322 3.4.1", " a..b@b.example", nullptr},
    {"dot at the end of the local part", " a.@b.example", nullptr},
    {"dot at the start of the local part", " .a@b.example", nullptr},
    {"words without a dot in the local part", " a b@b.example", nullptr},
    {"two dots in the domain", " a@b..example", nullptr},
    {"dot at the end of the domain", " a@b.example.", nullptr},
    {"blank in the domain", " a@b exa.example", nullptr},
    {"encoded word for an address, RFC 2047 5", " =?utf-8?B?PGFkbWluQGIuZXhhbXBsZT4=?=", nullptr},
    {"encoded word in a local part", " =?utf-8?q?a?=@b.example", nullptr},
    {"encoded word in a domain", " a@=?utf-8?q?b?=.example", nullptr},
    {"encoded word in a quoted local part", " \"=?utf-8?q?a?=\"@b.example", nullptr},
    {"invalid UTF-8 in a local part", " \xff@b.example", nullptr},
    {"invalid UTF-8 in a domain", " a@\xff.example", nullptr},
    {"tab in a local part", " \"a\tb\"@b.example", nullptr},
    {"literal not closed", " a@[192.0.2.1", nullptr},
    {"literal with a fold", " a@[192.0.2.1\r\n ]", nullptr},
    {"text behind a literal", " a@[192.0.2.1].example", nullptr},
    {"group not closed", " G: a@b.example", nullptr},
    {"group in a group", " G: H: a@b.example;;", nullptr},
    {"group without a name", " : a@b.example;", nullptr},
    {"semicolon without a group", " a@b.example;", nullptr},
    {"two semicolons", " G:;;", nullptr},
    {"no comma behind a group", " G:; H:;", nullptr},
    {"source route without colon", " <@x.example a@b.example>", nullptr},
    {"local part of 513", " " + std::string(513, 'a') + "@b.example", nullptr},
    {"beyond the octets", std::string(kMaxAddressListOctets, ' ') + "a@b.example", nullptr},
};

TEST(AddressList, Rules) {
  for (const auto& c : kLists) {
    const auto list = parse_address_list(c.value);
    EXPECT_EQ(list.ok(), c.expected != nullptr) << c.name;
    EXPECT_EQ(list ? text_of(*list) : "", c.expected ? c.expected : "") << c.name;
    EXPECT_TRUE(list || !list.error().what.empty()) << c.name;
  }
}

TEST(AddressList, NumberOfMailboxesIsLimited) {
  std::string value;
  for (std::size_t i = 0; i < kMaxMailboxes; ++i) value += "a@b.example,";
  EXPECT_EQ(parse_address_list(value).value().mailboxes.size(), kMaxMailboxes);
  EXPECT_FALSE(parse_address_list(value + "a@b.example").ok());
}

struct AuthorCase {
  const char* name;
  std::vector<HeaderField> fields;
  AuthorIdentity::Status status;
  const char* domain;
  const char* address;
};

const AuthorCase kAuthors[] = {
    {"single",
     {{"From", " A <User@B.Example>"}},
     AuthorIdentity::single,
     "b.example",
     "User@b.example"},
    {"single in a group, RFC 6854",
     {{"FROM", " G: a@b.example;"}},
     AuthorIdentity::single,
     "b.example",
     "a@b.example"},
    {"missing",
     {{"Subject", " x"}, {"Resent-From", " a@b.example"}},
     AuthorIdentity::missing,
     "",
     ""},
    {"two fields, RFC 5322 3.6",
     {{"From", " a@b.example"}, {"from", " a@b.example"}},
     AuthorIdentity::several_fields,
     "",
     ""},
    {"two fields, a blank before the colon",
     {{"From", " a@b.example"}, {"From ", " c@d.example"}},
     AuthorIdentity::several_fields,
     "",
     ""},
    {"two fields, a blank before the name",
     {{" From", " a@b.example"}, {"From", " c@d.example"}},
     AuthorIdentity::several_fields,
     "",
     ""},
    {"two fields, a fold before the colon",
     {{"From\r\n ", " a@b.example"}, {"From", " c@d.example"}},
     AuthorIdentity::several_fields,
     "",
     ""},
    {"two mailboxes",
     {{"From", " a@b.example, c@d.example"}},
     AuthorIdentity::several_mailboxes,
     "",
     ""},
    {"two mailboxes of one domain",
     {{"From", " a@b.example, c@B.example"}},
     AuthorIdentity::several_mailboxes,
     "b.example",
     ""},
    {"empty group", {{"From", " G:;"}}, AuthorIdentity::group_empty, "", ""},
    {"empty", {{"From", " (x) ,"}}, AuthorIdentity::malformed, "", ""},
    {"malformed", {{"From", " a@b.example c"}}, AuthorIdentity::malformed, "", ""},
    {"literal",
     {{"From", " a@[192.0.2.1]"}},
     AuthorIdentity::single,
     "[192.0.2.1]",
     "a@[192.0.2.1]"},
};

TEST(AuthorIdentity, Rules) {
  for (const auto& c : kAuthors) {
    const AuthorIdentity author = author_identity(c.fields);
    EXPECT_STREQ(to_string(author.status), to_string(c.status)) << c.name;
    EXPECT_EQ(author.domain, c.domain) << c.name;
    EXPECT_EQ(author.address, c.address) << c.name;
    EXPECT_EQ(author.reason.empty(), c.status == AuthorIdentity::single) << c.name;
  }
}

}  // namespace
}  // namespace gatepost::mail
