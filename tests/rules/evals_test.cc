// One table for each family of evals: a rule line, a message, whether it hits.

#include <gtest/gtest.h>

#include "core/mail/header_block.h"
#include "core/mail/view.h"
#include "rules/compile.h"
#include "rules/evals/locales.h"
#include "rules/evals/mail_date.h"
#include "rules/mime_tree.h"
#include "rules/parse.h"

namespace gatepost::rules {
namespace {

constexpr std::string_view kTlds = "util_rb_tld com org example uk\nutil_rb_2tld co.uk\n";

class Answers final : public FindingAnswers {
 public:
  bool holds(std::string_view function, std::span<const std::string> arguments) const override {
    return function == "check_for_spf_pass" ||
           (function == "check_rbl" && arguments.size() > 1 && arguments[1] == "listed.example.");
  }
  bool is_signed_by(std::string_view domain) const override { return domain == "signed.example"; }
};

std::string names_of_hits(const std::string& rules, std::string_view message,
                          std::string_view sender) {
  const Source source{"r.cf", std::string(kTlds) + rules};
  const RuleFile file = parse({&source, 1}, {});
  for (const Diagnostic& d : file.diagnostics) ADD_FAILURE() << d.place.text() << ": " << d.what;
  auto compiled = compile(file, {});
  if (!compiled.ok() || !compiled->rules) return "does not compile";
  const mail::ParsedMessage parsed = mail::parse_message(message);
  mail::Message whole({}, std::make_shared<mail::ByteBudget>(std::size_t{1} << 24), "/tmp");
  for (const mail::HeaderField& field : parsed.fields) whole.add_field(field);
  EXPECT_TRUE(whole.append_body(parsed.body).ok());
  whole.freeze();
  auto view = mail::MessageView::open(whole).value();
  const Answers answers;
  Subject subject{whole.fields(), view.content(), sender};
  subject.urls = view.urls(compiled->rules->url_settings());
  subject.html = view.html();
  subject.answers = &answers;
  subject.now = 1700000000;
  std::string out;
  for (const Hit& hit : compiled->rules->match(subject).hits)
    out += (out.empty() ? "" : " ") + hit.rule->name;
  return out;
}

struct Case {
  const char* name;
  const char* rule;
  const char* message;
  bool hits;
  const char* sender = "me@sender.example";
};

void run(std::span<const Case> cases) {
  for (const Case& c : cases)
    EXPECT_EQ(names_of_hits(c.rule, c.message, c.sender), c.hits ? "R" : "") << c.name;
}

TEST(Evals, Header) {
  constexpr Case kCases[] = {
      {"caps", "header R eval:subject_is_all_caps()", "Subject: BUY THIS NOW\n\n", true},
      {"caps_behind_re", "header R eval:subject_is_all_caps()", "Subject: Re: BUY THIS NOW\n\n",
       true},
      {"caps_one_word", "header R eval:subject_is_all_caps()", "Subject: BUYTHISNOW\n\n", false},
      {"caps_short", "header R eval:subject_is_all_caps()", "Subject: BUY NOW\n\n", false},
      {"no_caps", "header R eval:subject_is_all_caps()", "Subject: BUY THIS now\n\n", false},
      {"illegal", "header R eval:check_illegal_chars('Subject','0.00','2')",
       "Subject: a\xff\xfe\xfd\n\n", true},
      {"utf8_is_legal", "header R eval:check_illegal_chars('Subject','0.00','2')",
       "Subject: \xC3\xA4\xC3\xB6\n\n", false},
      {"count", "header R eval:check_header_count_range('Subject','2','9')",
       "Subject: a\nSubject: b\n\n", true},
      {"equal_ones_count_once", "header R eval:check_header_count_range('Subject','2','9')",
       "Subject: a\nSubject: a\n\n", false},
      {"no_to", "header R eval:check_for_missing_to_header()", "Subject: a\n\n", true},
      {"to", "header R eval:check_for_missing_to_header()", "To: a@b.example\n\n", false},
      {"other_domain", "header R eval:check_equal_from_domains()", "From: a@other.example\n\n",
       true},
      {"same_domain", "header R eval:check_equal_from_domains()", "From: a@x.sender.example\n\n",
       false},
      {"sorted", "header R eval:sorted_recipients()",
       "To: a@x.com, b@x.com, c@x.com, d@x.com, e@x.com, f@x.com, g@x.com\n\n", true},
      {"not_sorted", "header R eval:sorted_recipients()",
       "To: b@x.com, a@x.com, c@x.com, d@x.com, e@x.com, f@x.com, g@x.com\n\n", false},
      {"similar", "header R eval:similar_recipients('0.65','undef')",
       "To: ab@x.com, abc@x.com, abd@x.com, abe@x.com, abf@x.com\n\n", true},
      {"to_in_subject", "header R eval:check_for_to_in_subject('user')",
       "To: joe@x.com\nSubject: joe, look\n\n", true},
      {"to_not_in_subject", "header R eval:check_for_to_in_subject('user')",
       "To: joe@x.com\nSubject: hello joey\n\n", false},
      {"template", "header R eval:check_unresolved_template()", "X-Foo: %RANDOM_WORD\n\n", true},
      {"template_in_to", "header R eval:check_unresolved_template()", "To: %RANDOM_WORD\n\n",
       false},
  };
  run(kCases);
}

TEST(Evals, ReceivedAndRelays) {
  constexpr const char* kReceived =
      "Received: from mail.example.com (mail.example.com [93.184.216.34]) by mx.example.org with "
      "ESMTP id A1; Tue, 14 Nov 2023 10:00:00 +0000\n";
  const std::string trail = kReceived;
  const std::string late = trail + "Date: Tue, 14 Nov 2023 14:30:00 +0000\n\n";
  const std::string same = trail + "Date: Tue, 14 Nov 2023 11:00:00 +0100\n\n";
  const std::string numeric =
      "Received: from 93.184.216.1 (unknown [8.8.8.8]) by mx.example.org with ESMTP id A1; Tue, 14 "
      "Nov 2023 10:00:00 +0000\n\n";
  const std::string yahoo = trail + "From: a@yahoo.com\n\n";
  const Case kCases[] = {
      {"ahead", "header R eval:check_for_shifted_date('3', '6')", late.c_str(), true},
      {"ahead_not_so_far", "header R eval:check_for_shifted_date('6', '12')", late.c_str(), false},
      {"zones", "header R eval:check_for_shifted_date('1', 'undef')", same.c_str(), false},
      {"recent", "header R eval:received_within_months('0','1')", same.c_str(), true},
      {"numeric_helo", "header R eval:check_for_numeric_helo()", numeric.c_str(), true},
      {"named_helo", "header R eval:check_for_numeric_helo()", same.c_str(), false},
      {"helo_ip", "header R eval:helo_ip_mismatch()", numeric.c_str(), true},
      {"no_relays", "header R eval:check_no_relays()", "Subject: x\n\n", true},
      {"relays", "header R eval:check_no_relays()", same.c_str(), false},
      {"all_trusted", "trusted_networks 93.184.216.34\nheader R eval:check_all_trusted()",
       same.c_str(), true},
      {"not_all_trusted", "header R eval:check_all_trusted()", same.c_str(), false},
      {"forged_yahoo", "header R eval:check_for_forged_yahoo_received_headers()", yahoo.c_str(),
       true},
      {"not_yahoo", "header R eval:check_for_forged_yahoo_received_headers()", same.c_str(), false},
      {"no_bounce_relays", "header R eval:have_any_bounce_relays()", "\n", false},
      {"our_bounce",
       "welcomelist_bounce_relays relay*.example\nbody R eval:check_whitelist_bounce_relays()",
       "Subject: x\n\nReceived: from a.example by relay1.example (Postfix)\n", true},
      {"other_bounce",
       "welcomelist_bounce_relays relay*.example\nbody R eval:check_whitelist_bounce_relays()",
       "Subject: x\n\nReceived: from a.example by b.example (Postfix)\n", false},
  };
  run(kCases);
}

constexpr const char* kAlternative =
    "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain\n\nfoo bar "
    "baz\n--x\nContent-Type: text/html; charset=iso-9999-x\nContent-Transfer-Encoding: "
    "quoted-printable\n\n<p>other words here</p><img src=3D\"http://a.example/b.png\">\n--x--\n";

TEST(Evals, Mime) {
  constexpr Case kCases[] = {
      {"qp", "body R eval:check_for_mime('mime_multipart_alternative')", kAlternative, true},
      {"attachment", "body R eval:check_for_mime('mime_attachment')", kAlternative, false},
      {"charset", "body R eval:check_for_mime('mime_bad_iso_charset')", kAlternative, true},
      {"unknown", "body R eval:check_for_mime('mime_base64_blanks')", kAlternative, false},
      {"html", "body R eval:check_for_mime_html()", kAlternative, true},
      {"html_only", "body R eval:check_for_mime_html_only()", kAlternative, false},
      {"html_only_message", "body R eval:check_for_mime_html_only()",
       "Content-Type: text/html\n\n<p>x", true},
      {"ratio", "body R eval:check_mime_multipart_ratio('0.00','0.5')", kAlternative, true},
      {"illegal", "body R eval:check_for_ascii_text_illegal()",
       "Content-Type: text/plain; charset=us-ascii\n\n\xE4\n", true},
      {"legal", "body R eval:check_for_ascii_text_illegal()",
       "Content-Type: text/plain; charset=utf-8\n\n\xC3\xA4\n", false},
      {"entities", "body R eval:check_abundant_unicode_ratio(0.02)",
       "Content-Type: text/plain\n\n&#xABCD;&#x1234; some words\n", true},
      {"long_base64", "body R eval:check_base64_length('79')",
       "Content-Transfer-Encoding: base64\n\n"
       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
       true},
      {"no_separator", "body R eval:check_msg_parse_flags('missing_mime_head_body_separator')",
       "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\nfoo "
       "bar\n--x--\n",
       true},
      {"separator", "body R eval:check_msg_parse_flags('missing_mime_head_body_separator')",
       kAlternative, false},
      {"epilogue", "body R eval:check_msg_parse_flags('mime_epilogue_exists')",
       "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x--\nmore\n", true},
      {"difference", "body R eval:multipart_alternative_difference('99', '100')", kAlternative,
       true},
      {"non_text", "body R eval:check_ma_non_text()",
       "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: "
       "image/png\n\na\n--x--\n",
       true},
      {"mimeheader", "mimeheader R Content-Type =~ /^text\\/html;/", kAlternative, true},
      {"mimeheader_raw", "mimeheader R Content-Type:raw =~ /iso-9999-x$/", kAlternative, true},
      {"mimeheader_no_part", "mimeheader R Content-Type !~ /image/", kAlternative, true},
      {"mimeheader_a_part", "mimeheader R Content-Type !~ /html/", kAlternative, false},
      {"mimeheader_unset", "mimeheader R X-Foo =~ /^none$/ [if-unset: none]", kAlternative, true},
  };
  run(kCases);
}

TEST(Evals, Body) {
  const std::string capitals = "Subject: x\n\n" + [] {
    std::string out;
    for (int i = 0; i < 60; ++i) out += "BUY NOW ";
    return out;
  }() + "\n";
  const Case kCases[] = {
      {"capitals", "body R eval:check_for_uppercase('75', '100')", capitals.c_str(), true},
      {"short", "body R eval:check_for_uppercase('75', '100')", "Subject: x\n\nBUY NOW\n", false},
      {"length", "body R eval:check_body_length('10')", "Subject: x\n\nfoo\n", true},
      {"length_beyond", "body R eval:check_body_length('10')", "Subject: x\n\nfoo foo foo foo\n",
       false},
      {"vertical", "body R eval:tvd_vertical_words('50','100')", "Subject: x\n\nf o o b a r\n",
       true},
      {"blank", "body R eval:check_blank_line_ratio('60','90','2')", "Subject: x\n\n\n\n\nfoo\n",
       true},
      {"stock", "body R eval:check_stock_info('2')",
       "Subject: x\n\nSymbol: ABCD\nTarget: 2.00\nHello there\n", true},
      {"signature", "body R eval:plaintext_sig_length('5')", "Subject: x\n\nfoo\n-- \nme myself\n",
       true},
  };
  run(kCases);
}

TEST(Evals, Html) {
  constexpr const char* kHtml =
      "Content-Type: text/html\nSubject: x\n\n<html><head><title>A long title for it</title></head>"
      "<body><!-- saved from url=(0022) --><a href=\"http://one.com/\">https://two.com/</a>"
      "<iframe src=\"http://a.com/\"></iframe></body></html>\n";
  constexpr Case kCases[] = {
      {"tag", "body R eval:html_tag_exists('iframe')", kHtml, true},
      {"no_tag", "body R eval:html_tag_exists('bgsound')", kHtml, false},
      {"balance", "body R eval:html_tag_balance('body', '!= 0')", kHtml, false},
      {"test", "body R eval:html_test('html')", kHtml, true},
      {"no_html", "body R eval:html_test('html')", "Subject: x\n\nfoo\n", false},
      {"eval", "body R eval:html_eval('length', '< 384')", kHtml, true},
      {"range", "body R eval:html_range('length', '0', '1024')", kHtml, true},
      {"range_open", "body R eval:html_range('max_size', '6', 'inf')", kHtml, false},
      {"comment", "body R eval:html_text_match('comment', 'saved from url=\\(\\d{4}\\)')", kHtml,
       true},
      {"title", "body R eval:html_title_subject_ratio('3.5')", kHtml, true},
      {"iframe", "body R eval:check_iframe_src()", kHtml, true},
      {"mismatch", "body R eval:check_https_http_mismatch('1','10')", kHtml, true},
      {"uri", "uri R m{^http://one\\.com/$}", kHtml, true},
      {"uri_miss", "uri R /^one/", kHtml, false},
      {"detail", "uri_detail R text =~ /two\\.com/ domain =~ /^one\\.com$/", kHtml, true},
      {"detail_of_several", "uri_detail R text =~ /two\\.com/ domain =~ /^a\\.com$/", kHtml, false},
      {"detail_type", "uri_detail R type =~ /^iframe$/ raw !~ /one/", kHtml, true},
  };
  run(kCases);
}

TEST(Evals, Lists) {
  constexpr Case kCases[] = {
      {"from_list", "enlist_addrlist (L) *@bank.example\nheader R eval:check_from_in_list('L')",
       "From: a@bank.example\n\n", true},
      {"not_in_list", "enlist_addrlist (L) *@bank.example\nheader R eval:check_from_in_list('L')",
       "From: a@bank.example.org\n\n", false},
      {"reply_to", "enlist_addrlist (L) *@x.com\nheader R eval:check_replyto_in_list('L')",
       "Reply-To: a@x.com\n\n", true},
      {"blocked", "blacklist_from *@bad.example\nheader R eval:check_from_in_blacklist()",
       "From: a@bad.example\n\n", true},
      {"welcome", "whitelist_from *@good.example\nheader R eval:check_from_in_welcomelist()",
       "From: a@good.example\n\n", true},
      {"to", "whitelist_to me@x.com\nheader R eval:check_to_in_welcomelist()",
       "To: \"Me\" <ME@x.com>\n\n", true},
      {"host", "enlist_uri_host (H) com !www.com\nbody R eval:check_uri_host_listed('H')",
       "Subject: x\n\nsee http://a.one.com/\n", true},
      {"host_taken_out", "enlist_uri_host (H) com !one.com\nbody R eval:check_uri_host_listed('H')",
       "Subject: x\n\nsee http://a.one.com/\n", false},
      {"subject", "blocklist_subject cheap*\nheader R eval:check_subject_in_blocklist()",
       "Subject: Cheap pills\n\n", true},
      {"from_relay",
       "def_whitelist_from_rcvd *@x.com mail.example.com\n"
       "header R eval:check_from_in_default_whitelist()",
       "Received: from mail.example.com (mail.example.com [93.184.216.34]) by mx.example.org with "
       "ESMTP id A1; Tue, 14 Nov 2023 10:00:00 +0000\nFrom: a@x.com\n\n",
       true},
      {"freemail", "freemail_domains free.com\nheader R eval:check_freemail_from('\\d@')",
       "From: a1@free.com\n\n", true, ""},
      {"freemail_regex", "freemail_domains free.com\nheader R eval:check_freemail_from('\\d@')",
       "From: a@free.com\n\n", false, ""},
      {"freemail_reply", "freemail_domains free.com\nheader R eval:check_freemail_replyto('reply')",
       "From: a@free.com\nReply-To: b@free.com\n\n", true},
      {"freemail_reply_in_body",
       "freemail_domains free.com\nheader R eval:check_freemail_replyto('reply')",
       "From: a@free.com\n\nwrite to b@free.com now\n", true},
      {"freemail_quoted",
       "freemail_domains free.com\nheader R eval:check_freemail_replyto('reply')",
       "From: a@free.com\n\n<b@free.com> wrote:\n", false},
  };
  run(kCases);
}

TEST(Evals, ImagesAndAnswers) {
  constexpr const char* kGif =
      "Content-Type: image/gif; name=a.gif\nContent-Transfer-Encoding: base64\n\n"
      "R0lGODlhLAEsAYAAAP///wAAACwAAAAAAQABAAACAkQBADs=\n";
  constexpr Case kCases[] = {
      {"count", "body R eval:image_count('gif','1','1')", kGif, true},
      {"count_all", "body R eval:image_count('all',2)", kGif, false},
      {"pixels", "body R eval:pixel_coverage('gif','90000','90000')", kGif, true},
      {"exact", "body R eval:image_size_exact('all',300,300)", kGif, true},
      {"range", "body R eval:image_size_range('gif',301,300)", kGif, false},
      {"named", "body R eval:image_named('a.gif')", kGif, true},
      {"spf", "header R eval:check_for_spf_pass()", "\n", true},
      {"spf_fail", "header R eval:check_for_spf_fail()", "\n", false},
      {"rbl", "header R eval:check_rbl('x', 'listed.example.')", "\n", true},
      {"rbl_other", "header R eval:check_rbl('x', 'other.example.')", "\n", false},
      {"spf_list",
       "def_whitelist_auth *@sender.example\nheader R eval:check_for_def_spf_whitelist_from()",
       "\n", true},
      {"dkim_list",
       "whitelist_from_dkim *@a.example signed.example\n"
       "header R eval:check_for_dkim_whitelist_from()",
       "From: x@a.example\n\n", true},
      {"dkim_list_own",
       "whitelist_from_dkim *@a.example\nheader R eval:check_for_dkim_whitelist_from()",
       "From: x@a.example\n\n", false},
  };
  run(kCases);
}

TEST(HeaderModifiers, OfMessages) {
  constexpr const char* kMessage =
      "Received: from one.example.com (one.example.com [93.184.216.34]) by mx.example.org with "
      "ESMTP id A1; Tue, 14 Nov 2023 10:00:00 +0000\nX-Above: 1\n"
      "Received: from two.example.com (two.example.com [8.8.8.8]) by one.example.com with ESMTP id "
      "B2; Tue, 14 Nov 2023 09:00:00 +0000\nX-Below: 1\n"
      "From: \"=?utf-8?Q?J=C3=B6?=\" <joe@www.foo.co.uk>\nX-Ip: seen at [192.0.2.7] and 192.0.2.8\n"
      "\n";
  constexpr Case kCases[] = {
      {"domain", "header R From:addr:domain =~ /^foo\\.co\\.uk$/", kMessage, true},
      {"host", "header R From:addr:host =~ /^www\\.foo\\.co\\.uk$/", kMessage, true},
      {"ip", "header R X-Ip:ip =~ /^192\\.0\\.2\\.7$/", kMessage, true},
      {"revip", "header R X-Ip:revip =~ /^7\\.2\\.0\\.192$/", kMessage, true},
      {"first", "header R Received:first =~ /^from one(?!.*two)/s", kMessage, true},
      {"last", "header R Received:last =~ /^from two/", kMessage, true},
      {"raw_name", "header R From:name:raw =~ /^=\\?utf-8/", kMessage, true},
      {"relays", "header R X-Spam-Relays-Untrusted =~ /^\\[ ip=93\\.184\\.216\\.34 rdns=one/",
       kMessage, true},
      {"no_trusted", "header R X-Spam-Relays-Trusted =~ /^$/", kMessage, true},
      {"all_untrusted", "header R ALL-UNTRUSTED =~ /X-Below/", kMessage, true},
      {"all_trusted",
       "trusted_networks 93.184.216.34\nheader R ALL-TRUSTED =~ "
       "/X-Above.*two\\.example(?!.*X-Bel)/s",
       kMessage, true},
  };
  run(kCases);
}

TEST(MailDate, Forms) {
  struct DateCase {
    const char* text;
    std::int64_t seconds;  // -1: none
  };
  constexpr DateCase kCases[] = {
      {"Tue, 14 Nov 2023 22:13:20 +0000", 1700000000},
      {"14 Nov 2023 23:13:20 +0100 (CET)", 1700000000},
      {"Tue, 14 Nov 2023 17:13:20 EST", 1700000000},
      {"Tue Nov 14 22:13:20 2023", 1699920000},  // its time goes, as SpamAssassin has it
      {"14 Nov 23 22:13:20 GMT", 1700000000},
      {"14 Nov 2023", 1699920000},
      {"31 Feb 2023 00:00:00 +0000", 1677628800},
      {"1 Jan 1900 00:00:00 +0000", 0},
      {"yesterday", -1},
      {"", -1},
  };
  for (const DateCase& c : kCases)
    EXPECT_EQ(read_mail_date(c.text).value_or(-1), c.seconds) << c.text;
}

TEST(Locales, Charsets) {
  const std::vector<std::string> english = {"en"};
  const std::vector<std::string> japanese = {"ja"};
  EXPECT_TRUE(is_usual_charset("ISO-8859-15", english));
  EXPECT_TRUE(is_usual_charset("utf-8", english));
  EXPECT_FALSE(is_usual_charset("iso-2022-jp", english));
  EXPECT_TRUE(is_usual_charset("iso-2022-jp", japanese));
  EXPECT_TRUE(may_look_like_capitals("koi8-r"));
  EXPECT_FALSE(may_look_like_capitals("utf-8"));
}

std::string shape(const MimeTree& tree) {
  std::string out;
  for (const MimePart& part : tree.parts) {
    out += std::string(2 * part.depth, ' ') + part.type;
    if (part.leaf) out += " [" + std::string(part.raw) + "]";
    out += "\n";
  }
  return out;
}

TEST(MimeTree, Shapes) {
  const std::vector<mail::HeaderField> mixed = {
      {"Content-Type", " multipart/mixed; boundary=\"x y\""}};
  EXPECT_EQ(shape(read_mime_tree(mixed,
                                 "preamble\n--x y\n\none\n--x y\nContent-Type: text/html\n\ntwo\n\n"
                                 "--x y--\nepilogue\n")),
            "multipart/mixed\n  text/plain [one]\n  text/html [two\n]\n");
  EXPECT_EQ(shape(read_mime_tree(mixed,
                                 "--x y\nContent-Type: message/rfc822\n\nSubject: a\nContent-Type: "
                                 "image/png\n\ndata\n--x y--\n")),
            "multipart/mixed\n  message/rfc822\n    image/png [data]\n");
  EXPECT_EQ(shape(read_mime_tree(mixed, "--x y\n\none\n")),
            "multipart/mixed\n  text/plain [one\n]\n");
  const std::vector<mail::HeaderField> none = {{"Content-Type", " multipart/mixed"}};
  EXPECT_EQ(shape(read_mime_tree(none, "text\n")), "text/plain [text\n]\n");
}

TEST(MimeTree, LimitsHold) {
  std::string deep;
  std::vector<mail::HeaderField> fields = {{"Content-Type", " multipart/mixed; boundary=b0"}};
  for (int i = 0; i < 200; ++i) {
    deep += "--b" + std::to_string(i) + "\nContent-Type: multipart/mixed; boundary=b" +
            std::to_string(i + 1) + "\n\n";
  }
  EXPECT_LE(read_mime_tree(fields, deep).parts.size(), 22u);
  std::string wide;
  for (int i = 0; i < 3000; ++i) wide += "--b0\n\nx\n";
  const MimeTree tree = read_mime_tree(fields, wide);
  EXPECT_EQ(tree.parts.size(), 1000u);
  EXPECT_TRUE(tree.too_many_parts);
}

}  // namespace
}  // namespace gatepost::rules
