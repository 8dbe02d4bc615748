#include "rules/parse.h"

#include <gtest/gtest.h>

namespace gatepost::rules {
namespace {

RuleFile read(std::string text, const ParseOptions& options = {}) {
  const Source source{"r.cf", std::move(text)};
  return parse({&source, 1}, options);
}

const Rule* find(const RuleFile& file, std::string_view name) {
  for (const Rule& rule : file.rules) {
    if (rule.name == name) return &rule;
  }
  return nullptr;
}

std::string told(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    out += d.place.text() + " " + std::string(to_string(d.severity)) + ": " + d.what + "\n";
  }
  return out;
}

// Type, selector and pattern of a rule in one line.
std::string show(const Rule& rule) {
  std::string out(to_string(rule.type));
  const HeaderSelector& h = rule.header;
  if (rule.type == RuleType::header || rule.type == RuleType::mimeheader || is_stage(rule.type)) {
    constexpr const char* kParts[] = {"", ":raw", ":addr", ":name", ":name:raw"};
    constexpr const char* kPicks[] = {"", ":first", ":last"};
    constexpr const char* kExtracts[] = {"", ":host", ":domain", ":ip", ":revip"};
    out += " " + h.name + kParts[static_cast<int>(h.part)] + kPicks[static_cast<int>(h.pick)] +
           kExtracts[static_cast<int>(h.extract)];
    if (h.exists) return out + " exists";
    out += h.negated ? " !~" : " =~";
  }
  if (rule.type == RuleType::meta) return out + " " + rule.meta;
  if (rule.type == RuleType::eval) {
    out = std::string(to_string(rule.eval.text)) + " " + rule.eval.function + "(";
    for (const std::string& argument : rule.eval.arguments) out += "[" + argument + "]";
    return out + ")";
  }
  for (const UriCondition& c : rule.conditions) {
    constexpr const char* kTargets[] = {"raw", "type", "cleaned", "text", "domain", "host"};
    out += std::string(" ") + kTargets[static_cast<int>(c.target)] + (c.negated ? " !~ " : " =~ ") +
           c.pattern.expression + (c.pattern.caseless ? " i" : "");
  }
  if (rule.type == RuleType::uri_detail) return out;
  out += " " + rule.pattern.expression + " ";
  if (rule.pattern.caseless) out += 'i';
  if (rule.pattern.multiline) out += 'm';
  if (rule.pattern.dotall) out += 's';
  if (rule.pattern.extended) out += 'x';
  if (h.if_unset) out += " unset=" + *h.if_unset;
  return out;
}

struct RuleCase {
  const char* line;
  const char* shown;
};
const RuleCase kRules[] = {
    {"body A /x/", "body x "},
    {"body A /x/imsx", "body x imsx"},
    {"  body   A\t/x y/i  ", "body x y i"},
    {"BODY A /x/", "body x "},
    {"rawbody A m{a/b}i", "rawbody a/b i"},
    {"rawbody A m(a)", "rawbody a "},
    {"rawbody A m[a]s", "rawbody a s"},
    {"rawbody A m<a>", "rawbody a "},
    {"full A m!a/b!", "full a/b "},
    {"full A m,a,", "full a "},
    {"full A qr{a}m", "full a m"},
    {"full A m{a{2}}", "full a{2} "},
    {R"(body A /a\/b/)", R"(body a\/b )"},
    {R"(body A m!a\!b!)", R"(body a\!b )"},
    {R"(body A /a\\/)", R"(body a\\ )"},
    {R"(body A /a\#b/ # a comment)", "body a#b "},
    {"body A /x/adp", "body x "},
    {"header A Subject =~ /x/i", "header Subject =~ x i"},
    {"header A Subject=~/x/", "header Subject =~ x "},
    {"header A Subject !~ /x/", "header Subject !~ x "},
    {"header A Subject: =~ /x/", "header Subject =~ x "},
    {"header A Subject:raw =~ /x/", "header Subject:raw =~ x "},
    {"header A From:addr =~ /x/", "header From:addr =~ x "},
    {"header A From:name =~ /x/", "header From:name =~ x "},
    {"header A ALL =~ /x/m", "header ALL =~ x m"},
    {"header A exists:X-Foo", "header X-Foo exists"},
    {"header A X-Foo =~ /x/ [if-unset: UN SET]", "header X-Foo =~ x  unset=UN SET"},
    {"header A X-Foo =~ /[if-unset: x]/", "header X-Foo =~ [if-unset: x] "},
    {"meta A B && !(C > 2)", "meta B && !(C > 2)"},
    {"header A From:addr:domain =~ /x/", "header From:addr:domain =~ x "},
    {"header A From:addr:host =~ /x/", "header From:addr:host =~ x "},
    {"header A From:addr:raw =~ /x/", "header From:addr =~ x "},
    {"header A From:raw:name =~ /x/", "header From:name:raw =~ x "},
    {"header A Received:last:ip !~ /x/", "header Received:last:ip !~ x "},
    {"header A Received:first:revip =~ /x/", "header Received:first:revip =~ x "},
    {"header A X-Spam-Relays-External =~ /x/", "header X-Spam-Relays-External =~ x "},
    {"header A ALL-EXTERNAL:raw =~ /x/m", "header ALL-EXTERNAL:raw =~ x m"},
    {"uri A /x/", "uri x "},
    {"uri A m{^https?://x/}i", "uri ^https?://x/ i"},
    {"mimeheader A Content-Type =~ /x/i", "mimeheader Content-Type =~ x i"},
    {"mimeheader A Content-Type:raw !~ /x/s", "mimeheader Content-Type:raw !~ x s"},
    {"mimeheader A Content-ID =~ /x/ [if-unset: y]", "mimeheader Content-ID =~ x  unset=y"},
    {"uri_detail A domain =~ /x/", "uri_detail domain =~ x"},
    {"uri_detail A text =~ /a b/i type !~ m{^a$}", "uri_detail text =~ a b i type !~ ^a$"},
    {"header A eval:check_rbl('x', 'y')", "header check_rbl([x][y])"},
    {"body A eval:html_range('ratio', '0.5', 'inf')", "body html_range([ratio][0.5][inf])"},
    {"rawbody A eval:image_count(\"gif\", 1,2)", "rawbody image_count([gif][1][2])"},
    {"body A eval:html_text_match('title', 'it\\'s, (a|b)')",
     "body html_text_match([title][it\\'s, (a|b)])"},
    {"connect A ip =~ /^192\\.0\\.2\\./", "connect ip =~ ^192\\.0\\.2\\. "},
    {"connect A host !~ m{x}i", "connect host !~ x i"},
    {"connect A daemon=~/x/", "connect daemon =~ x "},
    {"helo A name =~ /x/", "helo name =~ x "},
    {"helo A ip =~ /x/", "helo ip =~ x "},
    {"mail A sender =~ /^$/", "mail sender =~ ^$ "},
    {"mail A login !~ /^$/", "mail login !~ ^$ "},
    {"rcpt A recipient =~ /x/i", "rcpt recipient =~ x i"},
    {"rcpt A sender =~ /x/", "rcpt sender =~ x "},
    {"RCPT A host =~ /x/", "rcpt host =~ x "},
    {"full A eval:check_for_mime( 'mime_qp_count' )", "full check_for_mime([mime_qp_count])"},
};

TEST(Parse, Rules) {
  for (const RuleCase& c : kRules) {
    const RuleFile file = read(c.line);
    EXPECT_TRUE(file.diagnostics.empty()) << c.line << "\n" << told(file.diagnostics);
    ASSERT_EQ(file.rules.size(), 1u) << c.line;
    EXPECT_EQ(show(file.rules[0]), c.shown) << c.line;
  }
}

struct FaultCase {
  const char* text;
  const char* told;  // begin of the first diagnostic
};
const FaultCase kFaults[] = {
    {"headre A Subject =~ /x/",
     "r.cf:1:1 error: unknown directive 'headre', did you mean 'header'?"},
    {"frobnicate A", "r.cf:1:1 error: unknown directive 'frobnicate'"},
    {"\n\n  bdy A /x/", "r.cf:3:3 error: unknown directive 'bdy', did you mean 'body'?"},
    {"bayes_\x01\xff x", "r.cf:1:1 error: unknown directive 'bayes_\\x01\\xff'"},
    {"body", "r.cf:1:5 error: expected a rule name behind 'body'"},
    {"body 1A /x/", "r.cf:1:6 error: '1A' is no rule name"},
    {"body A-B /x/", "r.cf:1:6 error: 'A-B' is no rule name"},
    {"body A", "r.cf:1:7 error: A: expected a pattern"},
    {"body A foo", "r.cf:1:8 error: A: expected a pattern such as /text/i or m{text}, found 'foo'"},
    {"body A m\xd3x\xd3",
     "r.cf:1:8 error: A: expected a pattern such as /text/i or m{text}, found"},
    {"body A /foo", "r.cf:1:8 error: A: the pattern is not closed, expected '/'"},
    {"body A m{foo", "r.cf:1:8 error: A: the pattern is not closed, expected '}'"},
    {R"(body A /foo\/)", "r.cf:1:13 error: A: the pattern is not closed, its last '/' has a"},
    {"body A /a/b/", "r.cf:1:10 error: A: '/' inside the pattern needs a backslash"},
    {"body A /a/ foo", "r.cf:1:11 error: A: expected the end of the line or modifiers behind the"},
    {"body A /a/e", "r.cf:1:11 error: A: unknown modifier 'e', expected i, m, s or x"},
    {"body A //", "r.cf:1:9 error: A: the pattern is empty and would always hit"},
    {"header A /x/", "r.cf:1:10 error: A: expected a header field such as Subject =~"},
    {"header A Subject /x/", "r.cf:1:18 error: A: expected =~ or !~ behind the header field"},
    {"header A From:adr =~ /x/",
     "r.cf:1:14 error: A: unknown header modifier ':adr', did you mean ':addr'?"},
    {"header A exists:", "r.cf:1:17 error: A: expected a header field"},
    {"header A exists:X Y", "r.cf:1:18 error: A: expected the end of the line behind exists:X"},
    {"header A eval:foo", "r.cf:1:18 error: A: expected eval:function(arguments)"},
    {"header A eval:", "r.cf:1:15 error: A: expected eval:function(arguments)"},
    {"header A eval:check_rbl('x, y)", "r.cf:1:25 error: A: the text is not closed"},
    {"header A eval:check_rbl('x'", "r.cf:1:24 error: A: expected eval:function(arguments)"},
    {"header A eval:check_rbl('x', y z)", "r.cf:1:32 error: A: expected ',' or ')', found"},
    {"header A eval:check_rbl('x')",
     "r.cf:1:10 error: A: check_rbl() takes 2 or more arguments, found 1"},
    {"body A eval:html_range('ratio', 'x', '1')",
     "r.cf:1:8 error: A: html_range(): expected a number as argument 2, found 'x'"},
    {"body A eval:html_text_match('title', '(')",
     "r.cf:1:8 error: A: html_text_match(): argument 2: pattern: "},
    {"uri_detail A", "r.cf:1:13 error: A: expected conditions such as text =~ /pattern/"},
    {"uri_detail A link =~ /x/",
     "r.cf:1:14 error: A: expected raw, type, cleaned, text, domain or host, found 'link'"},
    {"uri_detail A raw /x/", "r.cf:1:18 error: A: expected =~ or !~ behind 'raw'"},
    {"mimeheader A exists:X", "r.cf:1:14 error: A: expected a field such as Content-Type"},
    {"mimeheader A From:addr =~ /x/", "r.cf:1:14 error: A: expected a field such as"},
    {"connect A", "r.cf:1:10 error: A: expected ip, host or daemon and =~ or !~"},
    {"connect A /x/", "r.cf:1:11 error: A: expected ip, host or daemon and =~ or !~"},
    {"connect A name =~ /x/",
     "r.cf:1:11 error: A: 'name' is not known before helo, expected ip, host or daemon and"},
    {"helo A recipient =~ /x/",
     "r.cf:1:8 error: A: 'recipient' is not known before rcpt, expected ip, host, daemon or name"},
    {"mail A sendre =~ /x/",
     "r.cf:1:8 error: A: expected ip, host, daemon, name, sender or login and =~ or !~, found "
     "'sendre', did you mean 'sender'?"},
    {"rcpt A recipient /x/", "r.cf:1:18 error: A: expected =~ or !~ behind 'recipient'"},
    {"rcpt A recipient =~ x", "r.cf:1:21 error: A: expected a pattern such as"},
    {"helo A name =~ /x", "r.cf:1:16 error: A: the pattern is not closed, expected '/'"},
    {"action", "r.cf:1:7 error: expected a rule name behind 'action'"},
    {"action A", "r.cf:1:9 error: A: expected none, tag, hold, store, quarantine, tempfail or rej"},
    {"action A rejct",
     "r.cf:1:10 error: A: expected none, tag, hold, store, quarantine, tempfail or reject, found "
     "'rejct', did you mean 'reject'?"},
    {"action A reject now", "r.cf:1:17 error: A: expected the end of the line, found 'now'"},
    {"action __A reject", "r.cf:1:8 error: __A: a subrule has no score and does nothing by itself"},
    {"shadow", "r.cf:1:7 error: expected a rule name behind 'shadow'"},
    {"shadow A-B", "r.cf:1:8 error: 'A-B' is no rule name"},
    {"shadow A 1B", "r.cf:1:10 error: A: '1B' is no rule name"},
    {"shadow A __B", "r.cf:1:10 error: A: a subrule has no score"},
    {"category A", "r.cf:1:11 error: A: expected a word of letters, digits, '_', '-' and '.'"},
    {"category A a/b",
     "r.cf:1:12 error: A: expected a word of letters, digits, '_', '-' and '.', at most 40, found"},
    {"category A a b", "r.cf:1:14 error: A: expected the end of the line, found 'b'"},
    {"replace_tag V", "r.cf:1:14 error: expected a name and a text behind 'replace_tag'"},
    {"trusted_networks x", "r.cf:1:18 error: trusted_networks: expected an address or a network"},
    {"trusted_networks", "r.cf:1:17 error: trusted_networks: expected a network such as"},
    {"enlist_addrlist BANKS a@b",
     "r.cf:1:17 error: enlist_addrlist: expected a list in parentheses such as (BANKS)"},
    {"body_part_scan_size much",
     "r.cf:1:21 error: body_part_scan_size: expected a number, found 'much'"},
    {"redirector_pattern x", "r.cf:1:20 error: redirector_pattern: expected a pattern such as"},
    {"meta A", "r.cf:1:7 error: A: expected an expression such as"},
    {"meta A (B", "r.cf:1:8 error: A: '(' is not closed"},
    {"meta A B C", "r.cf:1:10 error: A: expected an operator such as && || + > between"},
    {"score A", "r.cf:1:8 error: A: expected 1 or 4 scores"},
    {"score A 1 2", "r.cf:1:12 error: A: expected 1 or 4 scores"},
    {"score A 1 2 3 4 5", "r.cf:1:17 error: A: expected 1 or 4 scores, found more"},
    {"score A x", "r.cf:1:9 error: A: expected a score such as 2.5, -1 or (0.5), found 'x'"},
    {"score A nan", "r.cf:1:9 error: A: expected a score"},
    {"score A 1e9", "r.cf:1:9 error: A: expected a score"},
    {"score A (1)", "r.cf:1:12 error: A: a relative score needs a score line before it"},
    {"describe A", "r.cf:1:11 error: A: expected a description"},
    {"tflags A", "r.cf:1:9 error: A: expected flags such as nice or multiple"},
    {"tflags A maxhits=0", "r.cf:1:10 error: A: expected maxhits=N with N from 1"},
    {"test A good x", "r.cf:1:8 error: A: expected 'ok' or 'fail' and a text, found 'good'"},
    {"test A ok", "r.cf:1:10 error: A: expected a text behind 'ok'"},
    {"if\nendif", "r.cf:1:3 error: expected a condition"},
    {"if (version >= )\nendif", "r.cf:1:16 error: condition: expected version, plugin(NAME)"},
    {"if foo\nendif", "r.cf:1:4 error: condition: expected version"},
    {"endif", "r.cf:1:1 error: 'endif' without an 'if' before it in this file"},
    {"else", "r.cf:1:1 error: 'else' without an 'if' before it in this file"},
    {"if 1\nelse\nelse\nendif", "r.cf:3:1 error: a second 'else' for the 'if' at r.cf:1:1"},
    {"if 1\nbody A /x/", "r.cf:1:1 error: 'if' without an 'endif' in this file"},
    {"include x.cf", "r.cf:1:9 error: include is not possible here"},
    {"include", "r.cf:1:8 error: expected a file behind 'include'"},
    {"lang de", "r.cf:1:6 error: expected a language and a directive"},
    {"# \x01 binary \xff\n\x01\x02\x7f", "r.cf:2:1 error: unknown directive '\\x01\\x02\\x7f'"},
};

TEST(Parse, FaultsNameTheirPlaceAndWhatWasExpected) {
  for (const FaultCase& c : kFaults) {
    const RuleFile file = read(c.text);
    EXPECT_TRUE(file.has_errors()) << c.text;
    const std::string all = told(file.diagnostics);
    EXPECT_TRUE(all.starts_with(c.told)) << c.text << "\ngives " << all << "not   " << c.told;
  }
}

const FaultCase kUnsupported[] = {
    {"askdns A _AUTHORDOMAIN_ TXT /x/", "r.cf:1:8 unsupported: A: rule type 'askdns'"},
    {"body A eval:check_bayes('0.00', '0.01')",
     "r.cf:1:6 unsupported: A: eval:check_bayes() is not supported"},
    {"header A eval:check_for_mising_to_header()",
     "r.cf:1:8 unsupported: A: eval:check_for_mising_to_header() is not supported, did you mean "
     "'check_for_missing_to_header'?"},
    {"header A X-Languages =~ /x/", "r.cf:1:8 unsupported: A: header 'X-Languages' is not"},
    {"body A /x/u", "r.cf:1:6 unsupported: A: modifier 'u' is not supported"},
    {"body A /x%{FOO}/", "r.cf:1:6 unsupported: A: text captured by another rule"},
    {"meta A rules_matching(__B*)", "r.cf:1:6 unsupported: A: rules_matching() is not supported"},
    {"ifplugin Mail::SpamAssassin::Plugin::TextCat\nheader A exists:X\nendif",
     "r.cf:2:8 unsupported: A: skipped by 'ifplugin Mail::SpamAssassin::Plugin::TextCat'"},
    {"if can(X::y)\nif version > 3\nbody A /x/\nendif\nendif",
     "r.cf:3:6 unsupported: A: skipped by 'if can(X::y)'"},
    {"if !plugin(X)\nelse\nbody A /x/\nendif",
     "r.cf:3:6 unsupported: A: skipped by 'else of if !plugin(X)'"},
};

TEST(Parse, WhatIsNotSupportedIsToldRuleByRuleAndIsNoError) {
  for (const FaultCase& c : kUnsupported) {
    const RuleFile file = read(c.text);
    EXPECT_FALSE(file.has_errors()) << c.text;
    EXPECT_TRUE(file.rules.empty()) << c.text;
    EXPECT_TRUE(told(file.diagnostics).starts_with(c.told)) << told(file.diagnostics);
    ASSERT_EQ(file.unsupported.size(), 1u) << c.text;
    EXPECT_EQ(file.unsupported[0].name, "A");
  }
}

TEST(Parse, SettingsAreToldOnceForEachName) {
  const RuleFile file = read("report a\nreport b\nbayes_path /x\nuse-dcc 0\nreport c\n");
  EXPECT_EQ(told(file.diagnostics),
            "r.cf:1:1 unsupported: 'report' is not supported (3 lines, this is the first)\n"
            "r.cf:3:1 unsupported: 'bayes_path' is not supported\n"
            "r.cf:4:1 unsupported: 'use_dcc' is not supported\n");
}

TEST(Parse, LinesWithoutEffectAreTakenInSilence) {
  const RuleFile file = read("body A /x/\npriority A -100\nreuse A\nrequire_version @@VERSION@@\n");
  EXPECT_TRUE(file.diagnostics.empty()) << told(file.diagnostics);
}

TEST(Parse, AllFaultsAtOnceInTheirOrder) {
  const RuleFile file = read("bdy A /x/\nbody B /x\nscore C\nbody D /d/\n");
  ASSERT_EQ(file.diagnostics.size(), 3u) << told(file.diagnostics);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(file.diagnostics[i].place.line, i + 1);
  EXPECT_NE(find(file, "D"), nullptr);
  EXPECT_EQ(file.refused, std::vector<std::string>{"B"});
}

struct ScoreCase {
  const char* text;
  std::array<double, 4> scores;
};
const ScoreCase kScores[] = {
    {"body A /x/", {1, 1, 1, 1}},
    {"body A /x/\ntflags A nice", {-1, -1, -1, -1}},
    {"tflags A nice\nbody A /x/", {-1, -1, -1, -1}},
    {"body T_A /x/", {0.01, 0.01, 0.01, 0.01}},
    {"body T_A /x/\ntflags T_A nice", {-0.01, -0.01, -0.01, -0.01}},
    {"body __A /x/", {0, 0, 0, 0}},
    {"body __A /x/\nscore __A 3", {0, 0, 0, 0}},
    {"score A 2.5\nbody A /x/", {2.5, 2.5, 2.5, 2.5}},
    {"body A /x/\nscore A 1 2 3 -4", {1, 2, 3, -4}},
    {"body A /x/\nscore A +1", {1, 1, 1, 1}},
    {"body A /x/\nscore A 1\nscore A (0.5)", {1.5, 1.5, 1.5, 1.5}},
    {"body A /x/\nscore A 1 2 3 4\nscore A (-1)", {0, 1, 2, 3}},
    {"body A /x/\nscore A 1\nscore A 2", {2, 2, 2, 2}},
};

TEST(Parse, Scores) {
  for (const ScoreCase& c : kScores) {
    const RuleFile file = read(c.text);
    ASSERT_EQ(file.rules.size(), 1u) << c.text << told(file.diagnostics);
    EXPECT_EQ(file.rules[0].scores, c.scores) << c.text;
    EXPECT_FALSE(file.has_errors()) << c.text;
  }
}

TEST(Parse, FlagsDescriptionsAndTests) {
  const RuleFile file = read(
      "body A /x/\ndescribe A  What it   is\ntflags A multiple maxhits=5 net nosubject\n"
      "test A ok   a text\ntest A fail \\# none # comment\n");
  ASSERT_EQ(file.rules.size(), 1u);
  const Rule& rule = file.rules[0];
  EXPECT_EQ(rule.description, "What it   is");
  EXPECT_TRUE(rule.flags.multiple);
  EXPECT_EQ(rule.flags.max_hits, 5);
  EXPECT_EQ(rule.flags.others, (std::vector<std::string>{"net", "nosubject"}));
  ASSERT_EQ(file.tests.size(), 2u);
  EXPECT_TRUE(file.tests[0].must_hit);
  EXPECT_EQ(file.tests[0].text, "a text");
  EXPECT_FALSE(file.tests[1].must_hit);
  EXPECT_EQ(file.tests[1].text, "# none");
}

TEST(Parse, ActionShadowAndCategory) {
  const RuleFile file = read(
      "action A reject\nbody A /x/\ncategory A phish-1.x\nbody B /y/\naction B tag\n"
      "action B quarantine\nshadow B C\nbody C /z/\nbody D /d/\nshadow NOBODY\n");
  EXPECT_TRUE(file.diagnostics.empty()) << told(file.diagnostics);
  ASSERT_EQ(file.rules.size(), 4u);
  EXPECT_EQ(file.rules[0].action, RuleAction::reject);
  EXPECT_EQ(file.rules[0].category, "phish-1.x");
  EXPECT_FALSE(file.rules[0].shadow);
  EXPECT_EQ(file.rules[1].action, RuleAction::quarantine) << "the last line counts";
  EXPECT_TRUE(file.rules[1].shadow);
  EXPECT_TRUE(file.rules[2].shadow);
  EXPECT_EQ(file.rules[3].action, RuleAction::none);
  EXPECT_FALSE(file.rules[3].shadow);
  ASSERT_EQ(file.orphans.size(), 1u);
  EXPECT_EQ(file.orphans[0].directive + file.orphans[0].rule, "shadowNOBODY");
}

TEST(Parse, ALaterDefinitionReplacesAndKeepsTheScore) {
  const RuleFile file = read("body A /x/\nscore A 3\nbody B /b/\nheader A Subject =~ /y/\n");
  ASSERT_EQ(file.rules.size(), 2u);
  EXPECT_EQ(show(file.rules[0]), "header Subject =~ y ");
  EXPECT_EQ(file.rules[0].scores[0], 3);
  EXPECT_EQ(told(file.diagnostics),
            "r.cf:4:8 warning: A is defined again; the definition at r.cf:1:6 has no effect\n");
  // As one that is not supported, too.
  const RuleFile other = read("body A /x/\nbody B /b/\naskdns A /y/\n");
  EXPECT_EQ(find(other, "A"), nullptr);
  EXPECT_NE(find(other, "B"), nullptr);
}

TEST(Parse, LinesForRulesOfNobody) {
  const RuleFile file =
      read("score A 1\ndescribe A x\ntest B ok x\nuri C /x/\nscore C 1\nbody D (\nscore D 1");
  ASSERT_EQ(file.orphans.size(), 2u);
  EXPECT_EQ(file.orphans[0].rule + file.orphans[0].directive, "Ascore");
  EXPECT_EQ(file.orphans[1].rule + file.orphans[1].directive, "Btest");
}

struct ConditionCase {
  const char* condition;
  bool holds;
};
const ConditionCase kConditions[] = {
    {"version >= 3.004000", true},
    {"(version >= 4.000000)", true},
    {"version > 4.1", false},
    {"version < 4.000000", false},
    {"!(version >= 3.004)", false},
    {"version == 4.000001", true},
    {"version != 4.000001", false},
    {"version <= 4.000001 && perl_version >= 5.010000", true},
    {"0 || version > 3", true},
    {"plugin(Mail::SpamAssassin::Plugin::SPF)", true},
    {"plugin(Mail::SpamAssassin::Plugin::TextCat)", false},
    {"!plugin ( Mail::SpamAssassin::Plugin::TextCat )", true},
    {"can(Mail::SpamAssassin::Plugin::DKIM::has_arc)", true},
    {"plugin(Present)", true},
    {"can(Mail::SpamAssassin::Conf::feature_x)", false},
    {"can(Mail::SpamAssassin::Conf::feature_bug6558_free)", true},
    {"has(Some::thing)", true},
    {"local_tests_only", false},
};

TEST(Parse, Conditions) {
  ParseOptions options;
  options.plugins = {"Present"};
  options.features = {"Some::thing"};
  for (const ConditionCase& c : kConditions) {
    const RuleFile file =
        read("if " + std::string(c.condition) + "\nbody A /x/\nelse\nbody B /x/\nendif\n", options);
    EXPECT_FALSE(file.has_errors()) << c.condition << told(file.diagnostics);
    EXPECT_EQ(find(file, "A") != nullptr, c.holds) << c.condition;
    EXPECT_EQ(find(file, "B") != nullptr, !c.holds) << c.condition;
  }
}

TEST(Parse, NestedConditionsSkipAllInside) {
  const RuleFile file = read(
      "if version < 3\nif version > 3\nbody A /x/\nelse\nbody B /x/\nendif\nuri C /x/\n"
      "bogus\nelse\nbody D /x/\nendif\n");
  EXPECT_EQ(file.diagnostics.size(), 3U) << "A, B and C are never read: " << told(file.diagnostics);
  EXPECT_FALSE(file.has_errors());
  ASSERT_EQ(file.rules.size(), 1u);
  EXPECT_EQ(file.rules[0].name, "D");
}

TEST(Parse, ASkippedRuleThatIsDefinedElsewhereIsNotTold) {
  const RuleFile file = read("ifplugin X\nuri A /x/\nelse\nmeta A 0\nendif\n");
  EXPECT_TRUE(file.diagnostics.empty()) << told(file.diagnostics);
  EXPECT_EQ(file.rules.size(), 1u);
}

TEST(Parse, Languages) {
  const RuleFile file =
      read("body A /x/\nlang de describe A Deutsch\nlang en describe A English\n");
  EXPECT_EQ(file.rules[0].description, "English");
  ParseOptions options;
  options.language = "de_AT";
  EXPECT_EQ(
      read("body A /x/\ndescribe A E\nlang de describe A Deutsch\n", options).rules[0].description,
      "Deutsch");
}

TEST(Parse, VersionsOfOtherFilesSkipTheRest) {
  const RuleFile file = read("body A /x/\nrequire_version 3.002\nbody B /x/\n");
  EXPECT_EQ(file.rules.size(), 1u);
  EXPECT_EQ(told(file.diagnostics),
            "r.cf:2:1 unsupported: the file is for SpamAssassin 3.002 alone; the rest of it is "
            "skipped\n");
  EXPECT_EQ(read("require_version 4.000001\nbody B /x/\n").rules.size(), 1u);
}

TEST(Parse, ContinuedLinesKeepTheirPlaces) {
  const RuleFile file =
      read("meta A B && \\\n   C && \\\r\n  D D\nbody E /a\\\n  b\\#\\x/\n# no \\\nbody F /f/");
  ASSERT_EQ(file.diagnostics.size(), 1u) << told(file.diagnostics);
  EXPECT_EQ(file.diagnostics[0].place, (Place{"r.cf", 3, 5}));
  const Rule* rule = find(file, "E");
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->pattern.expression, "ab#\\x");
  EXPECT_EQ(rule->pattern.place_at(0), (Place{"r.cf", 4, 9}));
  EXPECT_EQ(rule->pattern.place_at(1), (Place{"r.cf", 5, 3}));
  EXPECT_EQ(rule->pattern.place_at(2), (Place{"r.cf", 5, 5}));
  EXPECT_EQ(rule->pattern.place_at(3), (Place{"r.cf", 5, 6}));
  EXPECT_NE(find(file, "F"), nullptr);
}

TEST(Parse, ByteOrderMarkAndLineEnds) {
  const RuleFile file = read(
      "\xEF\xBB\xBF"
      "body A /x/\r\nbody B /y/i\r\n");
  EXPECT_TRUE(file.diagnostics.empty()) << told(file.diagnostics);
  EXPECT_EQ(file.rules.size(), 2u);
}

TEST(Parse, Includes) {
  ParseOptions options;
  options.load = [](const std::string& path) -> Result<std::string> {
    if (path == "d/a.cf") return std::string("body A /a/\nif 1\ninclude b.cf\nendif\n");
    if (path == "d/b.cf") return std::string("body B /b\ninclude a.cf\n");
    return config_error("cannot be read", path);
  };
  const Source source{"d/r.cf", "include a.cf\ninclude /none.cf\nbody C /c/\n"};
  const RuleFile file = parse({&source, 1}, options);
  EXPECT_EQ(file.files, (std::vector<std::string>{"d/r.cf", "d/a.cf", "d/b.cf"}));
  EXPECT_EQ(told(file.diagnostics),
            "d/r.cf:2:9 error: include of '/none.cf': cannot be read\n"
            "d/b.cf:1:8 error: B: the pattern is not closed, expected '/'\n"
            "d/b.cf:2:9 error: include of 'd/a.cf', which includes this file\n");
  EXPECT_NE(find(file, "A"), nullptr);
  EXPECT_NE(find(file, "C"), nullptr);
}

TEST(Parse, IncludesAreBounded) {
  ParseOptions options;
  int loads = 0;
  options.load = [&](const std::string& path) -> Result<std::string> {
    ++loads;
    return "include " + path + "x\ninclude " + path + "y\n";
  };
  const RuleFile file = read("include f\n", options);
  EXPECT_TRUE(file.has_errors());
  EXPECT_LE(loads, options.limits.max_includes);
}

TEST(Parse, BudgetsAreErrorsOnce) {
  struct Case {
    const char* name;
    std::function<void(ParseLimits&)> limit;
    std::string text;
    const char* told;
  };
  const Case cases[] = {
      {"file", [](ParseLimits& l) { l.max_file = 3; }, "body A /x/",
       "r.cf:1:1 error: the file is larger than 0 MiB\n"},
      {"total", [](ParseLimits& l) { l.max_total = 3; }, "body A /x/",
       "r.cf:1:1 error: all files together are larger than 0 MiB\n"},
      {"line", [](ParseLimits& l) { l.max_line = 12; },
       "body A /x/\nbody B /xxxxxxxxxxxx/\nbody C \\\n/\\\nyyyyyyyy/",
       "r.cf:2:1 error: the line is longer than 12 octets\nr.cf:3:1 error: the line is longer than "
       "12 octets\n"},
      {"pattern", [](ParseLimits& l) { l.max_pattern = 3; }, "body A /xxx/\nbody B /xxxx/",
       "r.cf:2:9 error: B: the pattern has 4 octets, at most 3 are taken\n"},
      {"rules", [](ParseLimits& l) { l.max_rules = 1; }, "body A /x/\nbody B /x/\nbody C /x/",
       "r.cf:2:6 error: more than 1 rules\n"},
      {"tests", [](ParseLimits& l) { l.max_tests = 1; },
       "body A /x/\ntest A ok x\ntest A ok x\ntest A ok x",
       "r.cf:3:6 error: more than 1 test lines\n"},
      {"errors", [](ParseLimits& l) { l.max_errors = 2; }, "a\nb\nc\nd",
       "r.cf:1:1 error: unknown directive 'a'\nr.cf:2:1 error: unknown directive 'b'\nr.cf:3:1 "
       "error: and 2 more errors from here on\n"},
      {"nul", [](ParseLimits&) {}, std::string("body A /x/\n\0", 12),
       "r.cf:2:1 error: this is no text: octet 12 is NUL\n"},
  };
  for (const Case& c : cases) {
    ParseOptions options;
    c.limit(options.limits);
    EXPECT_EQ(told(read(c.text, options).diagnostics), c.told) << c.name;
  }
}

TEST(Parse, ManyRulesAndDeepConditionsAreBounded) {
  std::string text;
  for (int i = 0; i < 20000; ++i)
    text += "body R" + std::to_string(i) + " /x" + std::to_string(i) + "/\n";
  EXPECT_EQ(read(text).rules.size(), 20000u);
  EXPECT_TRUE(read(text + "body ONE_MORE /x/\n").has_errors());
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "if 1\n";
  for (int i = 0; i < 1000; ++i) deep += "endif\n";
  EXPECT_EQ(told(read(deep).diagnostics), "r.cf:51:1 error: 'if' inside more than 50 others\n");
  EXPECT_TRUE(read("if " + std::string(60000, '(') + "\nendif").has_errors());
  EXPECT_TRUE(read("if " + std::string(60000, '!') + "1\nendif").has_errors());
}

TEST(Parse, RulesThatAreNeverReadAreTold) {
  struct Case {
    const char* text;
    const char* told;
  };
  const Case cases[] = {
      {"if (version < 3)\nbody A /x/\nendif\n",
       "r.cf:2:6 warning: A is never read: it stands in 'if (version < 3)', and that never holds "
       "here\n"},
      {"if 0\nif (version >= 4)\nmeta A 1\nendif\nendif\n",
       "r.cf:3:6 warning: A is never read: it stands in 'if 0', and that never holds here\n"},
      {"if (version >= 4)\nelse\nbody A /x/\nendif\n",
       "r.cf:3:6 warning: A is never read: it stands in 'else of if (version >= 4)', and that "
       "never "
       "holds here\n"},
      // What it asks for is here, or the version alone is in the way.
      {"if !plugin(Mail::SpamAssassin::Plugin::SPF)\nbody A /x/\nendif\n",
       "r.cf:2:6 warning: A is never read: it stands in 'if "
       "!plugin(Mail::SpamAssassin::Plugin::SPF)', and that never holds here\n"},
      {"ifplugin Mail::SpamAssassin::Plugin::SPF\nelse\nbody A /x/\nendif\n",
       "r.cf:3:6 warning: A is never read: it stands in 'else of ifplugin "
       "Mail::SpamAssassin::Plugin::SPF', and that never holds here\n"},
      {"if (version < 3) && plugin(X)\nbody A /x/\nendif\n",
       "r.cf:2:6 warning: A is never read: it stands in 'if (version < 3) && plugin(X)', and that "
       "never holds here\n"},
      {"if (version >= 4) && plugin(X)\nbody A /x/\nendif\n",
       "r.cf:2:6 unsupported: A: skipped by 'if (version >= 4) && plugin(X)'\n"},
      // Another line defines it.
      {"if (version < 3)\nbody A /x/\nelse\nbody A /y/\nendif\n", ""},
      {"if (version < 3)\nscore A 2\nendif\n", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(told(read(c.text).diagnostics), c.told) << c.text;
}

}  // namespace
}  // namespace gatepost::rules
