// Mail that is made to cost: each kind meets a budget, says so, and is counted.

#include "tests/filter/checks/checks_test.h"
#include "tests/filter/checks/live_rules.h"
#include "tests/support/archives/archive_maker.h"

namespace gatepost::test {
namespace {

std::string times(std::size_t count, std::string_view text) {
  std::string out;
  out.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

std::string base64(std::string_view octets) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t line = 0;
  for (const char c : octets) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (have += 8; have >= 6; have -= 6) {
      out += kAlphabet[bits >> (have - 6) & 63];
      if (++line % 76 == 0) out += '\n';
    }
  }
  if (have > 0) out += kAlphabet[bits << (6 - have) & 63];
  return out + "\n";
}

std::string attached(std::string_view name, std::string_view octets) {
  return "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee below\n--b\nContent-Type: "
         "application/octet-stream; name=" +
         std::string(name) + "\nContent-Transfer-Encoding: base64\n\n" + base64(octets) + "--b--\n";
}

using File = ArchivedFile;

std::vector<File> many_files(std::size_t count) {
  std::vector<File> files;
  for (std::size_t i = 0; i < count; ++i) files.push_back({std::to_string(i) + ".txt", "x"});
  return files;
}

std::string deep_multipart(int levels) {
  std::string out = "Content-Type: multipart/mixed; boundary=b0\n\n";
  for (int i = 0; i < levels; ++i) {
    const std::string n = std::to_string(i);
    out +=
        "--b" + n + "\nContent-Type: multipart/mixed; boundary=b" + std::to_string(i + 1) + "\n\n";
  }
  return out + "--b" + std::to_string(levels) + "\n\nbottom\n";
}

std::string html(const std::string& text) {
  return "Content-Type: text/html\n\n<html><body>" + text + "</body></html>\n";
}

std::string urls(std::size_t from, std::size_t to, std::string_view before,
                 std::string_view behind) {
  std::string out;
  for (std::size_t i = from; i < to; ++i) {
    out += before;
    out += "http://192.0." + std::to_string(i / 250 % 250) + '.' + std::to_string(i % 250) + "/" +
           std::to_string(i);
    out += behind;
  }
  return out;
}

struct Case {
  const char* name;
  std::string (*text)();
  const char* findings;  // in order
};

const Case kCases[] = {
    {"plain_mail", [] { return std::string("Subject: s\n\nsee http://192.0.2.1/\n"); },
     "ALWAYS HAS_URL"},
    {"zip_bomb",
     [] {
       return attached("a.zip", archive_of("zip", {{"a", std::string(40 << 20, '0')}}));
     },
     "ARCHIVE_LIMIT ALWAYS"},
    {"zip_bomb_without_its_directory",
     [] {
       const std::string whole = archive_of("zip", {{"a", std::string(40 << 20, '0')}});
       return attached("a.zip", whole.substr(0, whole.find("PK\x01\x02")));
     },
     "ARCHIVE_LIMIT ALWAYS"},
    {"tar_gz_bomb",
     [] {
       return attached("a.tar.gz",
                       archive_of("ustar", {{"a", std::string(40 << 20, '0')}}, "", nullptr, true));
     },
     "ARCHIVE_LIMIT ALWAYS"},
    {"archive_with_10000_files",
     [] { return attached("a.zip", archive_of("zip", many_files(10000))); },
     "ARCHIVE_LIMIT ALWAYS"},
    {"encrypted_archive",
     [] {
       return attached("a.zip",
                       archive_of("zip", {{"a.txt", "secret"}}, "encryption=zipcrypt", "123"));
     },
     "ARCHIVE_ENCRYPTED ALWAYS"},
    {"program_in_an_archive",
     [] {
       return attached("a.zip", archive_of("zip", {{"invoice.pdf.exe", "MZ"}}));
     },
     "ATTACHMENT_PROGRAM ALWAYS"},
    {"program_by_its_name", [] { return attached("invoice.pdf.scr", "x"); },
     "ATTACHMENT_PROGRAM ALWAYS"},
    {"program_by_its_content",
     [] { return attached("invoice.pdf", "MZ" + std::string(100, '\0')); },
     "ATTACHMENT_PROGRAM ALWAYS"},
    {"archive_that_is_none", [] { return attached("a.zip", "PK\x03\x04 and then nothing at all"); },
     "ALWAYS"},
    {"300_attachments",
     [] {
       return "Content-Type: multipart/mixed; boundary=b\n\n" +
              times(300, "--b\nContent-Type: image/png\n\nx\n") + "--b--\n";
     },
     "ATTACHMENT_LIMIT ALWAYS"},
    {"10000_parts",
     [] {
       return "Content-Type: multipart/mixed; boundary=b\n\n" + times(10000, "--b\n\nx\n") +
              "--b--\n";
     },
     "MIME_LIMIT ALWAYS"},
    {"multipart_500_deep", [] { return deep_multipart(500); }, "MIME_LIMIT ALWAYS"},
    {"100000_nested_tags", [] { return html(times(100000, "<b>") + "x"); }, "HTML_LIMIT ALWAYS"},
    {"100000_nested_tags_that_are_closed",
     [] { return html(times(100000, "<i>") + "x" + times(100000, "</i>")); },
     "PART_TRUNCATED HTML_LIMIT ALWAYS"},
    {"html_10000_levels_deep",
     [] {
       return html(times(10000, "<div style=\"color:red\"><table><tr><td>") + "x" +
                   times(10000, "</td></tr></table></div>"));
     },
     "PART_TRUNCATED HTML_LIMIT ALWAYS"},
    {"10000_unclosed_paragraphs_are_usual", [] { return html(times(10000, "<p>x<br>")); },
     "ALWAYS"},
    {"unknown_charset",
     [] { return std::string("Content-Type: text/plain; charset=x-klingon\n\n\xe9t\xe9\n"); },
     "CHARSET_UNKNOWN ALWAYS"},
    {"octets_that_its_charset_has_not",
     [] {
       return "Content-Type: text/plain; charset=shift_jis\n\n" + times(1000, "\xff\xfd\x80 ") +
              "\n";
     },
     "ALWAYS"},
    {"500_parts_in_charsets",
     [] {
       return "Content-Type: multipart/mixed; boundary=b\n\n" +
              times(500, "--b\nContent-Type: text/plain; charset=koi8-r\n\n\xc1\n") + "--b--\n";
     },
     "CHARSET_LIMIT ALWAYS"},
    {"broken_base64",
     [] {
       return std::string("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n") +
              "aGVsb!G8gd29ybGQh*\n";
     },
     "ENCODING_BROKEN ALWAYS"},
    {"50_mb_of_base64",
     [] {
       return "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" +
              times(std::size_t{50} << 14,
                    "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm8KCgo\n");
     },
     "RULES_TRUNCATED PART_TRUNCATED ALWAYS"},
    {"100000_urls_in_a_text", [] { return "Subject: s\n\n" + urls(0, 100000, "", "\n"); },
     "RULES_TRUNCATED PART_TRUNCATED ALWAYS HAS_URL"},
    {"100000_urls_in_many_texts",
     [] {
       std::string out = "Content-Type: multipart/mixed; boundary=b\n\n";
       for (std::size_t i = 0; i < 100000; i += 2500)
         out += "--b\n\n" + urls(i, i + 2500, "", "\n");
       return out + "--b--\n";
     },
     "RULES_TRUNCATED PART_TRUNCATED URL_LIMIT ALWAYS HAS_URL"},
    {"70000_urls_in_html", [] { return html(urls(0, 70000, "<a href=\"", "\">x</a>")); },
     "RULES_TRUNCATED PART_TRUNCATED HTML_LIMIT ALWAYS HAS_URL"},
};

constexpr const char* kRules =
    "meta ALWAYS 1\n"
    "uri HAS_URL /^http:/\n"
    "rawbody __RAW /x.{1,20}y/s\n"
    "full __FULL /x.{1,20}y\\z/s\n"
    "body __HTML eval:html_tag_exists('b')\n"
    "body __RATIO eval:html_text_match('title', '.')\n"
    "mimeheader __MIME Content-Type =~ /never/\n";

class HostileMail : public ::testing::TestWithParam<Case> {};

TEST_P(HostileMail, Row) {
  static const auto rules = live_rules(kRules);
  SessionRig rig(program_checks({"attachments", "rules"}));
  rig.set_policy([&](Policy& p) { p.rules = rules; });
  Letter letter;
  letter.text = GetParam().text();
  rig.send(letter);
  EXPECT_EQ(rig.findings(), GetParam().findings);
  for (const Finding& finding : rig.records.back().findings)
    EXPECT_EQ(rig.metrics.counter("finding." + finding.name).value(), 1) << finding.name;
}

INSTANTIATE_TEST_SUITE_P(Rows, HostileMail, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace gatepost::test
