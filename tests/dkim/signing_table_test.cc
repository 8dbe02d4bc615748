// KeyTable and SigningTable as opendkim.conf(5) describes them: what is read, in which order rows
// are found, and how faults are told.

#include "dkim/signing_table.h"

#include "core/base/text.h"
#include "dkim/signing_keys.h"
#include "tests/dkim/dkim_test.h"

namespace gatepost::dkim {
namespace {

using enum TableForm;

std::string shown(const std::vector<TableFault>& faults) {
  std::string text;
  for (const auto& fault : faults) {
    text += (text.empty() ? "" : " | ") + std::to_string(fault.line) + ":" +
            std::to_string(fault.column) + ": " + (fault.warning ? "warning: " : "") + fault.what;
  }
  return text;
}

struct DatasetCase {
  const char* spec;
  const char* expected;
};

TEST(Dataset, Forms) {
  const DatasetCase rows[] = {
      {"file:/etc/k", "file /etc/k"},
      {"file: /etc/k", "file /etc/k"},
      {"refile:/etc/s", "refile /etc/s"},
      {"/etc/k", "file /etc/k"},
      {"./k", "file ./k"},
      {"csl:a=b:c:/d", "list a=b:c:/d"},
      {"a=b:c:/d,e=f:g:/h", "list a=b:c:/d,e=f:g:/h"},
      {"dsn:mysql://x",
       "expected a table in a text file (file:PATH or refile:PATH): databases of "
       "opendkim are not read"},
      {"/etc/k.db",
       "expected a table in a text file (file:PATH or refile:PATH): databases of "
       "opendkim are not read"},
      {"refil:/etc/k",
       "expected file:PATH, refile:PATH or NAME=VALUE rows (did you mean refile:?)"},
      {"", "expected file:PATH, refile:PATH or NAME=VALUE rows"},
  };
  for (const auto& row : rows) {
    const auto set = Dataset::parse(row.spec);
    const char* forms[] = {"file ", "refile ", "list "};
    EXPECT_EQ(set ? forms[static_cast<int>(set->form)] + set->text : set.error().text(),
              row.expected)
        << row.spec;
  }
}

struct KeyCase {
  const char* name;
  const char* text;
  const char* expected;  ///< NAME>DOMAIN/SELECTOR/KEY, "*" before an inline key; then the faults
  TableForm form = file;
};

constexpr char kInline[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

const KeyCase kKeyCases[] = {
    {"one", "s1 our.example:s1:/k/s1.private\n", "s1>our.example/s1//k/s1.private"},
    {"tabs_and_no_line_end", "s1\t\tour.example:s1:./s1", "s1>our.example/s1/./s1"},
    {"crlf", "s1 our.example:s1:/k\r\n\r\n", "s1>our.example/s1//k"},
    {"comments", "# a\n  # b\ns1 our.example:s1:/k # c\n", "s1>our.example/s1//k"},
    {"blanks_in_the_value", "s1 our.example : S1 : ../k\n", "s1>our.example/s1/../k"},
    {"percent_is_the_authors_domain", "s1 %:s1:/k/%/s1\n", "s1>%/s1//k/%/s1"},
    {"case_and_script",
     "s1 B\xc3\xbc"
     "cher.Example:S1:/k\n",
     "s1>xn--bcher-kva.example/s1//k"},
    {"colon_in_a_path", "s1 our.example:s1:/k:1\n", "s1>our.example/s1//k:1"},
    {"inline", "s1 our.example:s1:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n",
     "s1>our.example/s1/*nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="},
    {"name_like_an_address", "s1._domainkey.our.example our.example:s1:/k\n",
     "s1._domainkey.our.example>our.example/s1//k"},
    {"list", "a=our.example:s1:/k,b=b.example:s2:/l", "a>our.example/s1//k b>b.example/s2//l",
     list},
    {"list_with_blanks", " a = our.example:s1:/k , ", "a>our.example/s1//k", list},
    {"same_name_twice_rfc_none", "a our.example:s1:/k\na our.example:s2:/l\n",
     "a>our.example/s1//k 2:1: warning: 'a' stands in line 1 already, which counts"},
    {"no_value", "s1\n", " 1:3: expected NAME DOMAIN:SELECTOR:KEY, got only 's1'"},
    {"blanks_for_colons", "s1 our.example s1 /k\n",
     " 1:4: expected DOMAIN:SELECTOR:KEY, the parts divided by ':', got 'our.example s1 /k'"},
    {"two_parts", "s1 our.example:/k\n",
     " 1:4: expected DOMAIN:SELECTOR:KEY, got 'our.example:/k'"},
    {"no_key", "s1 our.example:s1:\n", " 1:4: the key is missing behind 'our.example:s1:'"},
    {"file_name_without_a_folder", "s1 our.example:s1:s1.private\n",
     " 1:4: 's1.private' is no path (it begins with '/', './' or '../') and no key, did you mean "
     "'./s1.private'?"},
    {"control_character", "s1 our.example:s1:/k\x01\n", " 1:1: holds a control character"},
    {"all_faults_at_once", "a\nb our.example:s1:/k\nc x\n",
     "b>our.example/s1//k 1:2: expected NAME DOMAIN:SELECTOR:KEY, got only 'a' | 3:3: expected "
     "DOMAIN:SELECTOR:KEY, got 'x'"},
};

class KeyTables : public testing::TestWithParam<KeyCase> {};

TEST_P(KeyTables, AreRead) {
  std::vector<TableFault> faults;
  const auto table = KeyTable::parse(GetParam().text, GetParam().form, faults);
  std::string text;
  for (const auto& entry : table.entries())
    text += (text.empty() ? "" : " ") + entry.name + ">" + entry.domain + "/" + entry.selector +
            "/" + (entry.is_file ? "" : "*") + entry.key;
  if (!faults.empty()) text += " " + shown(faults);
  EXPECT_EQ(text, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(SigningTable, KeyTables, testing::ValuesIn(kKeyCases),
                         [](const auto& row) { return row.param.name; });

TEST(SigningTable, BadNamesOfDomainsAndSelectorsAreTold) {
  std::vector<TableFault> faults;
  KeyTable::parse("a our..example:s1:/k\nb our.example:s 1:/k\nc %%:s1:/k\n", file, faults);
  ASSERT_EQ(faults.size(), 3U);
  EXPECT_TRUE(faults[0].what.starts_with("'our..example' is no domain: ")) << faults[0].what;
  EXPECT_TRUE(faults[1].what.starts_with("'s 1' is no selector: ")) << faults[1].what;
  EXPECT_TRUE(faults[2].what.starts_with("'%%' is no domain: ")) << faults[2].what;
}

// opendkim.conf(5), SigningTable: "user@host is checked first, then simply host, then user@.domain
// (with all superdomains checked in sequence …), then .domain, then user@*, and finally *".
constexpr char kOrder[] =
    "* all\n"
    "ann@* any-ann\n"
    ".com dot-com\n"
    ".example.com dot-example\n"
    "ann@.com ann-com\n"
    "ann@.example.com ann-example\n"
    "foo.example.com host\n"
    "ann@foo.example.com ann\n"
    "Bob@Foo.Example.com bob\n";

// Wildcards: "Entries are checked in the order in which they appear in the file."
constexpr char kPatterns[] =
    "ann@our.example ann\n"
    "*+news@our.example news\n"
    "*@our.example all\n"
    "*@*.our.example below\n"
    "sales*@* sales\n"
    "*@our.example second\n";

struct LookupCase {
  const char* name;
  const char* table;
  TableForm form;
  const char* author;
  const char* keys;  ///< found when all matches count; the first word when one does
  int first = 1;     ///< how many of them count without MultipleSignatures
};

const LookupCase kLookups[] = {
    {"all_steps_in_the_documented_order", kOrder, file, "ann@foo.example.com",
     "ann host ann-example ann-com dot-example dot-com any-ann all"},
    {"another_user", kOrder, file, "eve@foo.example.com", "host dot-example dot-com all"},
    {"letter_case_does_not_count", kOrder, file, "BOB@foo.example.com",
     "bob host dot-example dot-com all"},
    {"dot_domain_is_below_only", kOrder, file, "ann@example.com", "ann-com dot-com any-ann all"},
    {"another_top_level", kOrder, file, "ann@our.example", "any-ann all"},
    {"everything_else", kOrder, file, "eve@our.example", "all"},
    {"patterns_in_file_order", kPatterns, refile, "ann@our.example", "ann all second"},
    {"pattern_in_a_local_part", kPatterns, refile, "x+news@our.example", "news all second"},
    {"the_same_pattern_twice_is_two_keys", kPatterns, refile, "eve@our.example", "all second", 2},
    {"subdomains_by_pattern", kPatterns, refile, "eve@a.b.our.example", "below"},
    {"letter_case_in_patterns", kPatterns, refile, "ANN@our.example", "ann all second"},
    {"pattern_at_the_start", kPatterns, refile, "sales-eu@shop.example", "sales"},
    {"a_star_matches_dots_and_at", "*our.example k\n", refile, "ann@not-our.example", "k"},
    {"file_form_knows_no_patterns", "*@our.example k\n", file, "ann@our.example", ""},
    {"whole_address_only_in_refile", "our.example k\n", refile, "ann@our.example", ""},
    {"nobody", kPatterns, refile, "ann@elsewhere.example", ""},
    {"same_sender_twice", "our.example r\nour.example e\n", file, "ann@our.example", "r e", 2},
    {"list_form", "our.example=k,*=l", list, "ann@our.example", "k l"},
    {"at_in_a_local_part", "*@our.example k\n", refile, "\"a@b\"@our.example", "k"},
};

class Lookups : public testing::TestWithParam<LookupCase> {};

TEST_P(Lookups, FindRowsInOrder) {
  const LookupCase& row = GetParam();
  std::vector<TableFault> faults;
  const auto table = SigningTable::parse(row.table, row.form, faults);
  const std::string author = row.author;
  const auto at = author.rfind('@');
  const auto found = [&](bool multiple) {
    std::string keys;
    for (const auto* entry : table.lookup(author.substr(0, at), author.substr(at + 1), multiple))
      keys += (keys.empty() ? "" : " ") + entry->key;
    return keys;
  };
  EXPECT_EQ(found(true), row.keys);
  std::string first;
  const auto words = split(row.keys, ' ');
  for (int i = 0; i < row.first && static_cast<std::size_t>(i) < words.size(); ++i)
    first += (i == 0 ? "" : " ") + std::string(words[static_cast<std::size_t>(i)]);
  EXPECT_EQ(found(false), first);
}
INSTANTIATE_TEST_SUITE_P(SigningTable, Lookups, testing::ValuesIn(kLookups),
                         [](const auto& row) { return row.param.name; });

struct FaultCase {
  const char* text;
  TableForm form;
  const char* expected;
};

TEST(SigningTable, FaultsAndDeadRowsAreTold) {
  const FaultCase rows[] = {
      {"our.example k\n*@a.example k\n", refile,
       "1:1: warning: 'our.example' is no address and has no '*': it never matches, did you mean "
       "'*@our.example'?"},
      {"*@our.example k\n", file,
       "1:1: warning: '*' has a meaning in tables with refile: only, did you mean 'refile:', or "
       "'our.example'?"},
      {"ann@* k\n* k\n", file, ""},
      {"our.example\n", file, "1:12: expected SENDER KEYNAME, got only 'our.example'"},
      {"our.example k1 k2\n", file, "1:13: expected the name of a key, got 'k1 k2'"},
      {"our.example :x@our.example\n", file,
       "1:13: expected the name of a key, got ':x@our.example'"},
      {"our.example k:ann\n", file, "1:15: expected USER@DOMAIN or @DOMAIN for i=, got 'ann'"},
      {"our.example k:@our.example\nb.example k:x@%\nc.example k:\n", file, ""},
  };
  for (const auto& row : rows) {
    std::vector<TableFault> faults;
    SigningTable::parse(row.text, row.form, faults);
    EXPECT_EQ(shown(faults), row.expected) << row.text;
  }
}

TEST(SigningTable, WildcardsAreBoundedWork) {
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*c*", "abcabc"));
  EXPECT_FALSE(matches_wildcard("a*d", "abc"));
  EXPECT_FALSE(matches_wildcard("", "a"));
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "*a";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(5000, 'a')));
}

TEST(SigningTable, LimitsAreFaults) {
  std::vector<TableFault> faults;
  KeyTable::parse(std::string(kMaxTableLine + 1, 'a') + "\nb our.example:s:/k\n", file, faults);
  EXPECT_EQ(shown(faults), "1:1: line has more than 16,384 octets");
  faults.clear();
  std::string many;
  for (std::size_t i = 0; i <= kMaxTableRows; ++i) many += "a" + std::to_string(i) + " k\n";
  EXPECT_EQ(SigningTable::parse(many, file, faults).entries().size(), kMaxTableRows);
  EXPECT_EQ(shown(faults), "100001:1: has more than 100,000 rows");
  faults.clear();
  EXPECT_TRUE(KeyTable::parse(std::string(kMaxTable + 1, '\n'), file, faults).entries().empty());
  EXPECT_EQ(shown(faults), "1:1: is larger than 16 MiB");
}

// What comes of the two tables together.
struct ChosenCase {
  const char* author;
  const char* expected;  ///< SELECTOR@DOMAIN, "/IDENTITY"
};

TEST(SigningTable, ChoosesKeys) {
  const auto key = PrivateKey::decode(kInline);
  ASSERT_TRUE(key);
  std::vector<TableFault> faults;
  SigningTables tables;
  tables.keys = KeyTable::parse(
      "own our.example:s1:/k/s1\n"
      "any %:mail:/k/%/mail\n"
      "shop.example shop.example:s3:/k/s3\n",
      file, faults);
  tables.senders = SigningTable::parse(
      "*@our.example own\n"
      "boss@*.our.example own:boss@our.example\n"
      "*@*.our.example own:@%\n"
      "*@wrong.example own:@%\n"
      "*@free.example any\n"
      "*@undecoded.example any\n"
      "*@shop.example %\n"
      "*@none.example %\n",
      refile, faults);
  EXPECT_EQ(shown(faults), "");
  for (const char* name : {"/k/s1", "/k/free.example/mail", "/k/s3"}) tables.decoded[name] = *key;
  const SigningKeys keys({{"elsewhere.example", "t", *key, false}}, {}, std::move(tables));
  const ChosenCase rows[] = {
      {"ann@our.example", "s1@our.example"},
      {"ann@OUR.example", "s1@our.example"},
      {"boss@news.our.example", "s1@our.example/boss@our.example"},
      {"ann@news.our.example", "s1@our.example/@news.our.example"},
      {"ann@wrong.example", "s1@our.example"},  // i= that conflicts with d= is left out
      {"ann@free.example", "mail@free.example"},
      {"ann@undecoded.example", ""},
      {"ann@shop.example", "s3@shop.example"},
      {"ann@none.example", ""},
      {"ann@elsewhere.example", "t@elsewhere.example"},  // [[signing]] beside the tables
      {"ann@[192.0.2.1]", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    std::string text;
    for (const SigningKey& found : keys.keys_for(row.author))
      text += found.selector + "@" + found.domain +
              (found.identity.empty() ? "" : "/" + found.identity);
    EXPECT_EQ(text, row.expected) << row.author;
  }
}

TEST(SigningTable, SelectorsInUse) {
  const auto read = [](std::string_view text) {
    const auto list = parse_selectors(text);
    if (!list) return list.error().text();
    std::string joined;
    for (const auto& selector : *list) joined += (joined.empty() ? "" : " ") + selector;
    return joined;
  };
  EXPECT_EQ(read("# in use\nS1\n\n e1 # ed25519\ns1\n"), "s1 e1");
  EXPECT_EQ(read("\n# none\n"), "names no selector, expected one a line");
  EXPECT_TRUE(read("s 1\n").starts_with("has 's 1', expected a selector: "));
  EXPECT_EQ(read("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n"), "names more than 10 selectors");
}

}  // namespace
}  // namespace gatepost::dkim
