#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filter/config/configuration.h"
#include "filter/config/settings.h"
#include "spf/libspf2.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::config {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> faults(const LoadResult& loaded) {
  std::vector<std::string> texts;
  for (const Error& error : loaded.errors) {
    EXPECT_EQ(error.kind, ErrorKind::config) << error.text();
    texts.push_back(error.text());
  }
  return texts;
}

std::string origin_of(const Configuration& configuration, std::string_view key) {
  for (const Origin& origin : configuration.origins) {
    if (origin.key == key) return origin.value + " from " + origin.place;
  }
  return "no such key";
}

// One row a fault: the file, and the whole sentence with its place.
struct FaultCase {
  const char* name;
  const char* text;
  const char* fault;
};

const FaultCase kFaults[] = {
    {"unknown_key", "xyzzy = 1", "f:1:1: unknown setting 'xyzzy'"},
    {"unknown_key_meant", "authserv_ids = 'a'",
     "f:1:1: unknown setting 'authserv_ids', did you mean 'authserv_id'?"},
    {"unknown_key_in_a_section", "[milter]\nlisten_ = 1",
     "f:2:1: unknown setting 'milter.listen_', did you mean 'milter.listen'?"},
    {"right_key_wrong_section", "query_timeout = '5s'",
     "f:1:1: unknown setting 'query_timeout', did you mean 'dns.query_timeout'?"},
    {"unknown_section", "[doman]\nx = 1", "f:1:2: unknown setting 'doman'"},
    {"unknown_section_meant", "[[dns_lists]]\nzone = 'a'",
     "f:1:3: unknown setting 'dns_lists', did you mean 'dns_list'?"},
    {"key_with_controls_is_escaped", "\"a\\u001b[31m\" = 1", "f:1:1: unknown setting 'a\\x1b[31m'"},

    {"text_expected", "authserv_id = 3", "f:1:15: authserv_id: expected a string, got 3"},
    {"number_expected", "[score]\ntag = 'x'", "f:2:7: score.tag: expected a number, got 'x'"},
    {"number_not_infinite", "[score]\ntag = inf", "f:2:7: score.tag: expected a number, got inf"},
    {"integer_expected", "[dkim]\nmax_signatures = 1.5",
     "f:2:18: dkim.max_signatures: expected a whole number, got 1.5"},
    {"boolean_expected", "[headers]\nspam = 'yes'",
     "f:2:8: headers.spam: expected true or false, got 'yes'"},
    {"duration_expected", "[dns]\nquery_timeout = '5 s'",
     "f:2:17: dns.query_timeout: expected a duration such as \"5s\", \"500ms\" or \"2m\", got '5 "
     "s'"},
    {"duration_needs_a_unit", "[dns]\nquery_timeout = 5",
     "f:2:17: dns.query_timeout: expected a duration such as \"5s\", \"500ms\" or \"2m\", got 5"},
    {"size_expected", "[dns]\ncache_size = '16MB'",
     "f:2:14: dns.cache_size: expected a size such as \"2MiB\" or a number of octets, got '16MB'"},
    {"size_not_negative", "[dns]\ncache_size = -1",
     "f:2:14: dns.cache_size: expected a size such as \"2MiB\" or a number of octets, got -1"},
    {"list_expected", "[dns]\nservers = '127.0.0.1'",
     "f:2:11: dns.servers: expected a list of strings, got '127.0.0.1'"},
    {"list_of_strings_only", "own_authserv_ids = ['a', 3]",
     "f:1:20: own_authserv_ids: expected a list of strings, got [ 'a', 3 ]"},
    {"table_for_a_value", "[mode]\na = 1\nb = 2", "f:1:1: mode: expected a string, got a table"},

    {"integer_too_small", "[dkim]\nmax_signatures = 0",
     "f:2:18: dkim.max_signatures: expected a value from 1 to 100, got 0"},
    {"integer_too_large", "[milter]\nmax_waiting = 10001",
     "f:2:15: milter.max_waiting: expected a value from 1 to 10000, got 10001"},
    {"duration_too_long", "[dns]\ncheck_timeout = '1m'",
     "f:2:17: dns.check_timeout: expected a value from 10ms to 25s, got '1m'"},
    {"size_too_small", "[message]\nmax_header_bytes = 1",
     "f:2:20: message.max_header_bytes: expected a value from 64KiB to 64MiB, got 1"},
    {"word_of_a_choice", "mode = 'enforced'",
     "f:1:8: mode: expected one of \"observe\", \"enforce\" (did you mean \"enforce\"?), got "
     "'enforced'"},
    {"unknown_check", "disabled_checks = ['dkim', 'dmark']",
     "f:1:19: disabled_checks: expected names of checks, and 'dmark' is none (did you mean "
     "\"dmarc\"?), got [ 'dkim', 'dmark' ]"},
    {"socket_mode_is_octal", "[milter]\nsocket_mode = '0999'",
     "f:2:15: milter.socket_mode: expected octal permissions such as \"0660\", got '0999'"},
    {"log_target", "[log]\ntarget = 'mail.log'",
     "f:2:10: log.target: expected \"syslog\", \"stderr\" or the absolute path of a file, got "
     "'mail.log'"},
    {"public_suffix_list_missing", "[dmarc]\npublic_suffix_list = '/nowhere/list.dat'",
     "f:2:22: dmarc.public_suffix_list: expected the path of a readable file, got "
     "'/nowhere/list.dat'"},

    {"public_suffix_list_is_a_folder", "[dmarc]\npublic_suffix_list = '/'",
     "f:2:22: dmarc.public_suffix_list: expected the path of a readable file, got '/'"},

    {"spf_action", "[spf]\non_fail = 'rejekt'",
     "f:2:11: spf.on_fail: expected one of \"score\", \"reject\", \"tempfail\" (did you mean "
     "\"reject\"?), got 'rejekt'"},
    {"spf_engine", "[spf]\nengine = 'libspf'",
     "f:2:10: spf.engine: expected one of \"native\", \"libspf2\" (did you mean \"libspf2\"?), got "
     "'libspf'"},
    {"one_action_in_two_places",
     "[findings]\nSPF_FAIL = { action = 'hold' }\n[spf]\non_fail = 'reject'",
     "f:4:11: spf.on_fail: expected the action that findings.SPF_FAIL has, or one of the two left "
     "out"},
    {"bad_network", "trusted_relays = ['192.0.2.0/33']",
     "f:1:18: trusted_relays: '192.0.2.0/33' is no network (192.0.2.0/24), name (mail.example), "
     "suffix (.example) or address (user@mail.example, user@), got [ '192.0.2.0/33' ]"},
    {"bad_address", "[lists]\ndeny_senders = ['@mail.example']",
     "f:2:16: lists.deny_senders: '@mail.example' is no network (192.0.2.0/24), name "
     "(mail.example), suffix (.example) or address (user@mail.example, user@), got [ "
     "'@mail.example' ]"},

    {"quarantine_as_word", "[score]\nquarantine_as = 'tag'",
     "f:2:17: score.quarantine_as: expected one of \"hold\", \"store\", got 'tag'"},
    {"release_to_without_a_port", "[quarantine]\nrelease_to = 'localhost'",
     "f:2:14: quarantine.release_to: expected HOST:PORT, such as \"127.0.0.1:25\" or "
     "\"[::1]:25\", got 'localhost'"},
    {"quarantine_directory_is_absolute", "[quarantine]\ndirectory = 'spam'",
     "f:2:13: quarantine.directory: expected an absolute path, or nothing, got 'spam'"},
    {"retention_is_at_least_an_hour", "[quarantine]\nretention = '5m'",
     "f:2:13: quarantine.retention: expected a value from 3600s to 315360000s, got '5m'"},

    {"dmarc_domains_is_a_table", "[dmarc]\ndomains = ['bank.example']",
     "f:2:11: dmarc.domains: expected a table of NAME = \"word\", got [ 'bank.example' ]"},
    {"dmarc_domains_are_words", "[dmarc.domains]\n'bank.example' = 1",
     "f:1:1: dmarc.domains: expected a table of NAME = \"word\", got a table"},
    {"dmarc_domains_mode", "[dmarc]\ndomains = { 'bank.example' = 'strickt' }",
     "f:2:11: dmarc.domains: 'bank.example': expected one of \"off\", \"standard\", \"strict\" "
     "(did "
     "you mean \"strict\"?), got a table"},
    {"dmarc_domains_name", "[dmarc]\nlists = { '192.0.2.1' = 'off' }",
     "f:2:9: dmarc.lists: '192.0.2.1': expected names (bank.example, .bank.example), not an "
     "address, got a table"},
    {"dmarc_forwarders_name", "[dmarc]\nforwarders = { 'a b' = 'off' }",
     "f:2:14: dmarc.forwarders: 'a b': expected an address, network (192.0.2.0/24), name "
     "(mail.example) or suffix (.mail.example), got a table"},
    {"dmarc_author", "[dmarc]\nauthor = 'first'",
     "f:2:10: dmarc.author: expected one of \"agreed\", \"strict\", got 'first'"},

    {"findings_is_a_table", "findings = 3",
     "f:1:12: findings: expected a table of NAME = { score = …, action = … }"},
    {"unknown_finding_meant", "[findings]\nSPF_FIAL = {}",
     "f:2:1: unknown finding 'SPF_FIAL', did you mean 'SPF_FAIL'?"},
    {"finding_is_a_table", "[findings]\nSPF_FAIL = 3",
     "f:2:12: SPF_FAIL: expected { score = NUMBER, action = WORD }, got 3"},
    {"finding_score", "[findings]\nSPF_FAIL = { score = '3' }",
     "f:2:22: SPF_FAIL.score: expected a number, got '3'"},
    {"finding_action", "[findings]\nSPF_FAIL = { action = 'refuse' }",
     "f:2:23: SPF_FAIL.action: expected \"none\", \"tag\", \"hold\", \"store\", \"tempfail\" or "
     "\"reject\", "
     "got 'refuse'"},
    {"finding_key", "[findings]\nSPF_FAIL = { colour = 1 }",
     "f:2:14: SPF_FAIL: unknown key 'colour', expected score or action"},

    {"dns_list_is_tables", "dns_list = 3", "f:1:12: dns_list: expected [[dns_list]] tables"},
    {"dns_list_row_is_a_table", "dns_list = ['list.example']",
     "f:1:13: dns_list: expected a table with a zone"},
    {"dns_list_zone_missing", "[[dns_list]]\nweight = 1", "f:1:1: dns_list: zone is missing"},
    {"dns_list_zone_empty", "[[dns_list]]\nzone = ''",
     "f:2:8: dns_list.zone: expected the name of a zone, got ''"},
    {"dns_list_weight", "[[dns_list]]\nzone = 'a.example'\nweight = -0.5",
     "f:3:10: dns_list.weight: expected a number from 0 on, got -0.5"},
    {"dns_list_allows", "[[dns_list]]\nzone = 'a.example'\nallows = 1",
     "f:3:10: dns_list.allows: expected true or false, got 1"},
    {"dns_list_codes", "[[dns_list]]\nzone = 'a.example'\ncodes = [2, 256]",
     "f:3:9: dns_list.codes: expected a list of last octets, 0 to 255, got [ 2, 256 ]"},
    {"dns_list_key", "[[dns_list]]\nzone = 'a.example'\ncode = 2",
     "f:3:1: dns_list: unknown key 'code', expected zone, weight, allows or codes"},

    {"scores_together", "[score]\nreject = 4.5\ntag = 5",
     "f:2:10: score.reject: expected at least "
     "score.tag"},
    {"scores_together_one_is_default", "[score]\ntag = 20",
     "f:2:7: score.reject: expected at least score.tag"},
    {"timeouts_together", "[dns]\ncheck_timeout = '4s'",
     "f:2:17: dns.query_timeout: expected at most dns.check_timeout"},
    {"one_socket", "[milter]\nlisten = []", "f:2:10: milter.listen: expected exactly one socket"},

    {"syntax", "mode = 'observe'\n[score\n",
     "f:2:7: Error while parsing table header: expected ']', saw '\\n'"},
    {"three_brackets", "[[[x]]]",
     "f:1:3: Error while parsing key: expected bare key starting character or string delimiter, "
     "saw '['"},
    {"doubled_key", "mode = 'observe'\nmode = 'observe'\n",
     "f:2:8: Error while parsing key-value pair: cannot redefine existing string 'mode'"},
};

class LoadFault : public ::testing::TestWithParam<FaultCase> {};

TEST_P(LoadFault, IsToldWithItsPlace) {
  const LoadResult loaded = load_text(GetParam().text, "f");
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(faults(loaded), ElementsAre(GetParam().fault));
}

INSTANTIATE_TEST_SUITE_P(Rows, LoadFault, ::testing::ValuesIn(kFaults),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Load, LongValuesAreCut) {
  const LoadResult loaded = load_text("[log]\ntarget = '" + std::string(5000, 'x') + "'", "f");
  ASSERT_EQ(loaded.errors.size(), 1U);
  EXPECT_LT(loaded.errors[0].what.size(), 200U);
  EXPECT_TRUE(loaded.errors[0].what.ends_with("xxx...")) << loaded.errors[0].what;
}

TEST(Load, AllFaultsAtOnceInTheOrderOfTheFile) {
  const LoadResult loaded = load_text(
      "trusted_relays = ['x y']\nmode = 1\n[score]\nreject = 'x'\ntag = 20\n[dns]\nservers = 1\n"
      "[findings]\nSPF_NOPE = {}\n[[dns_list]]\n",
      "f");
  std::vector<std::string> places;
  for (const Error& error : loaded.errors) places.push_back(error.where);
  // No word on score.reject and score.tag together: one of them is wrong by itself.
  EXPECT_THAT(places, ElementsAre("f:1:18", "f:2:8", "f:4:10", "f:7:11", "f:9:1", "f:10:1"));
}

TEST(Load, DmarcHasExceptions) {
  const LoadResult loaded = load_text(
      "[dmarc]\nlists = { 'lists.example' = 'off' }\n[dmarc.domains]\n'Bank.Example' = 'strict'\n"
      "'.bank.example' = 'standard'\n[dmarc.forwarders]\n'192.0.2.0/24' = 'off'\n",
      "f");
  ASSERT_THAT(faults(loaded), ElementsAre());
  const Policy& policy = *loaded.configuration.policy;
  using dmarc::Enforcement;
  EXPECT_EQ(policy.dmarc_domains.of_name("bank.example")->enforcement, Enforcement::strict);
  EXPECT_EQ(policy.dmarc_domains.of_name("a.bank.example")->enforcement, Enforcement::standard);
  EXPECT_EQ(policy.dmarc_lists.of_name("lists.example")->enforcement, Enforcement::off);
  EXPECT_EQ(policy.dmarc_forwarders.of_address(*IpAddress::parse("192.0.2.7"))->enforcement,
            Enforcement::off);
  EXPECT_TRUE(origin_of(loaded.configuration, "dmarc.domains").ends_with(" from f:3"))
      << origin_of(loaded.configuration, "dmarc.domains");
}

TEST(Load, DmarcRecordsHaveAFolder) {
  const auto folder = [](const char* text) {
    return dmarc_records_folder(load_text(text, "f").configuration.daemon);
  };
  EXPECT_EQ(folder(""), "/var/lib/gatepost/dmarc");
  EXPECT_EQ(folder("[dmarc]\nrecords = '/srv/dmarc'"), "/srv/dmarc");
  EXPECT_EQ(folder("[dmarc]\nrecords = ''"), "");
  EXPECT_EQ(folder("[daemon]\nstate_directory = ''"), "");
}

// A name that is none of ours may be a content rule's: who loads the rules says whether it is.
TEST(Load, FindingsOfContentRulesAreKept) {
  const LoadResult loaded =
      load_text("[findings]\nXYZZY = { score = 2 }\nPLUGH = { action = 'reject' }\n", "f");
  ASSERT_THAT(faults(loaded), ElementsAre());
  const auto& found = loaded.configuration.rule_findings;
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "PLUGH");
  EXPECT_EQ(found[0].action, Action::reject);
  EXPECT_FALSE(found[0].score);
  EXPECT_EQ(found[1].score, 2);
  EXPECT_EQ(found[1].unknown.text(),
            "f:2:1: unknown finding 'XYZZY': neither a finding nor one of the content rules");
}

// What is good and how it is stored.
TEST(Load, ValuesAreStored) {
  const LoadResult loaded = load_text(R"(
mode = "enforce"
answer_at = "connect"
trusted_relays = ["192.0.2.0/24", "2001:db8::1"]
disabled_checks = ["iprev"]
[score]
tag = 4
reject = 9.5
[dmarc]
enforce = "strict"
quarantine_as = "hold"
discovery = "psl"
[dns]
query_timeout = "1500ms"
cache_size = "2MiB"
[message]
max_header_bytes = 131072
[milter]
listen = ["unix:/run/gp.sock"]
socket_mode = "0600"
[findings]
SPF_FAIL = { action = "reject" }
IPREV_FAIL = { score = 2 }
[[dns_list]]
zone = "List.Example"
weight = 3
codes = [2, 4]
[[dns_list]]
zone = "good.example"
allows = true
)",
                                      "f");
  ASSERT_THAT(faults(loaded), ElementsAre());
  const Policy& p = *loaded.configuration.policy;
  const DaemonSettings& d = loaded.configuration.daemon;
  EXPECT_EQ(p.mode, Mode::enforce);
  EXPECT_FALSE(p.answer_at_rcpt);
  EXPECT_TRUE(p.trusted_relays.match(*IpAddress::parse("192.0.2.77")));
  EXPECT_TRUE(p.trusted_relays.match(*IpAddress::parse("2001:db8::1")));
  EXPECT_FALSE(p.trusted_relays.match(*IpAddress::parse("2001:db8::2")));
  EXPECT_FALSE(p.enabled("iprev"));
  EXPECT_TRUE(p.enabled("spf"));
  EXPECT_EQ(p.tag_score, 4);
  EXPECT_EQ(p.reject_score, 9.5);
  EXPECT_EQ(p.dmarc_enforce, dmarc::Enforcement::strict);
  EXPECT_EQ(p.dmarc_quarantine_as, Action::hold);
  EXPECT_EQ(p.dmarc_discovery, dmarc::DiscoveryMode::psl);
  EXPECT_EQ(p.query_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(p.max_header_bytes, 131072U);
  EXPECT_EQ(d.dns_cache_bytes, std::size_t{2} << 20);
  EXPECT_THAT(d.listen, ElementsAre("unix:/run/gp.sock"));
  EXPECT_EQ(d.socket_mode, 0600);
  EXPECT_EQ(p.rule("SPF_FAIL").action, Action::reject);
  EXPECT_EQ(p.rule("SPF_FAIL").score, find_finding("SPF_FAIL")->score) << "kept from the table";
  EXPECT_EQ(p.rule("IPREV_FAIL").score, 2);
  ASSERT_EQ(p.dns_lists.size(), 2U);
  EXPECT_EQ(p.dns_lists[0].zone, "list.example");
  EXPECT_EQ(p.dns_lists[0].weight, 3);
  EXPECT_THAT(p.dns_lists[0].codes, ElementsAre(2, 4));
  EXPECT_FALSE(p.dns_lists[0].allows);
  EXPECT_TRUE(p.dns_lists[1].allows);
  EXPECT_TRUE(p.may_answer(Stage::connect)) << "finish() was called with the values";
}

struct UnitCase {
  const char* text;
  std::int64_t value;  // -1: refused
};

TEST(Load, Durations) {
  for (const UnitCase& row : {UnitCase{"5s", 5000},
                              {"500ms", 500},
                              {"2m", 120000},
                              {"1h", 3600000},
                              {"1d", 86400000},
                              {"0s", 0},
                              {"5", -1},
                              {"s", -1},
                              {"-1s", -1},
                              {"1.5s", -1},
                              {"5S", -1},
                              {" 5s", -1},
                              {"9223372036854775807d", -1},
                              {"99999999999999999999s", -1},
                              {"", -1}}) {
    const auto parsed = parse_duration(row.text);
    EXPECT_EQ(parsed ? *parsed : -1, row.value) << row.text;
  }
}

TEST(Load, Sizes) {
  for (const UnitCase& row : {UnitCase{"512", 512},
                              {"512B", 512},
                              {"64KiB", 65536},
                              {"2MiB", 2097152},
                              {"1GiB", 1073741824},
                              {"1KB", -1},
                              {"1kib", -1},
                              {"-1", -1},
                              {"1 MiB", -1},
                              {"", -1},
                              {"9223372036854775807GiB", -1}}) {
    const auto parsed = parse_size(row.text);
    EXPECT_EQ(parsed ? *parsed : -1, row.value) << row.text;
  }
}

void write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(Load, LaterFilesWinAndOriginsSayWhich) {
  const test::TempFolder folder("config");
  const std::string main = folder / "gatepost.toml";
  const std::string first = folder / "conf.d/10-site.toml";
  const std::string second = folder / "conf.d/20-host.toml";
  write(main, "mode = 'enforce'\nauthserv_id = 'main.example'\n[score]\ntag = 3\n");
  write(second, "[score]\ntag = 4\n[findings]\nSPF_FAIL = { score = 4 }\n");
  write(first, "authserv_id = 'site.example'\n\n[score]\ntag = 2\n");
  write(folder / "conf.d/30-off.toml.dpkg-old", "mode = 'observe'\nnonsense\n");
  const LoadResult loaded = load(main);
  ASSERT_THAT(faults(loaded), ElementsAre());
  const Configuration& c = loaded.configuration;
  EXPECT_EQ(c.policy->mode, Mode::enforce);
  EXPECT_EQ(c.policy->authserv_id, "site.example");
  EXPECT_EQ(c.policy->tag_score, 4);
  EXPECT_EQ(c.policy->source, main);
  EXPECT_EQ(origin_of(c, "mode"), "'enforce' from " + main + ":1");
  EXPECT_EQ(origin_of(c, "authserv_id"), "'site.example' from " + first + ":1");
  EXPECT_EQ(origin_of(c, "score.tag"), "4 from " + second + ":2");
  EXPECT_EQ(origin_of(c, "score.reject"), "15.0 from default");
  EXPECT_EQ(origin_of(c, "findings.SPF_FAIL"), "{ score = 4 } from " + second + ":4");
}

TEST(Load, FaultsOfAllFilesAreTold) {
  const test::TempFolder folder("config");
  const std::string main = folder / "gatepost.toml";
  write(main, "mode = 1\n[score]\nreject = 8\n");
  write(folder / "conf.d/b.toml", "[score]\ntag = 9\n");
  write(folder / "conf.d/a.toml", "[score\n");
  const LoadResult loaded = load(main);
  std::vector<std::string> places;
  for (const Error& error : loaded.errors) places.push_back(error.where);
  EXPECT_THAT(places, ElementsAre(main + ":1:8", main + ":3:10",
                                  (folder / "conf.d/a.toml").string() + ":1:7"));
}

TEST(Load, FilesThatCannotBeRead) {
  const test::TempFolder folder("config");
  const std::string missing = folder / "no.toml";
  EXPECT_THAT(faults(load(missing)),
              ElementsAre(missing + ": cannot be read: expected a readable TOML file"));
  EXPECT_THAT(
      faults(load(folder.path())),
      ElementsAre(folder.path().string() + ": cannot be read: expected a readable TOML file"));
  const std::string main = folder / "gatepost.toml";
  write(main, "");
  std::filesystem::create_directories(folder / "conf.d/x.toml");
  EXPECT_THAT(faults(load(main)), ElementsAre((folder / "conf.d/x.toml").string() +
                                              ": cannot be read: expected a readable TOML file"));
}

TEST(Load, EmptyNameGivesTheEmbeddedDefaults) {
  const LoadResult loaded = load("");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.configuration.policy->source, "embedded defaults");
  for (const Origin& origin : loaded.configuration.origins)
    EXPECT_EQ(origin.place, "default") << origin.key;
  EXPECT_EQ(loaded.configuration.origins.size(), settings().size());
}

TEST(Load, HashIsThatOfTheContent) {
  const auto hash = [](const char* text) {
    return load_text(text, "f").configuration.policy->hash;
  };
  EXPECT_EQ(hash("mode = 'observe'"), hash("mode = 'observe'"));
  EXPECT_NE(hash("mode = 'observe'"), hash("mode = 'enforce'"));
  EXPECT_EQ(hash("mode = 'observe'").size(), 12U);
}

// spf.on_… is the action of a finding under another name; its score stays.
TEST(Load, SpfSettingsAreActionsOfFindings) {
  const LoadResult loaded = load_text(R"(
[findings]
SPF_FAIL = { score = 7, action = "reject" }
SPF_SOFTFAIL = { score = 3 }
[spf]
engine = "libspf2"
on_fail = "reject"
on_softfail = "tempfail"
on_permerror = "reject"
on_temperror = "tempfail"
no_mail_domain = "reject"
received_spf = true
)",
                                      "f");
  ASSERT_THAT(faults(loaded), ElementsAre());
  const Policy& p = *loaded.configuration.policy;
  EXPECT_EQ(p.rule("SPF_FAIL"), (FindingRule{7, Action::reject}));
  EXPECT_EQ(p.rule("SPF_SOFTFAIL"), (FindingRule{3, Action::tempfail}));
  EXPECT_EQ(p.rule("SPF_PERMERROR").action, Action::reject);
  EXPECT_EQ(p.rule("SPF_TEMPERROR"), (FindingRule{0, Action::tempfail}));
  EXPECT_EQ(p.rule("SPF_NO_MAIL_DOMAIN").action, Action::reject);
  EXPECT_EQ(p.rule("SPF_HELO_FAIL").action, Action::none);
  EXPECT_EQ(p.spf_engine, spf::Engine::libspf2);
  EXPECT_TRUE(p.add_received_spf);
  EXPECT_TRUE(p.needs(Stage::rcpt, "spf"));
  EXPECT_FALSE(p.may_answer(Stage::mail)) << "answered at RCPT";
}

// A Policy made by hand in a test or by the embedded defaults is the same policy.
TEST(Load, EmbeddedDefaultsAreThoseOfPolicy) {
  const Policy by_hand;
  const LoadResult loaded = load("");
  const Policy& p = *loaded.configuration.policy;
  EXPECT_EQ(p.mode, by_hand.mode);
  EXPECT_EQ(p.answer_at_rcpt, by_hand.answer_at_rcpt);
  EXPECT_EQ(p.authserv_id, by_hand.authserv_id);
  EXPECT_EQ(p.own_authserv_ids, by_hand.own_authserv_ids);
  EXPECT_EQ(p.tag_score, by_hand.tag_score);
  EXPECT_EQ(p.reject_score, by_hand.reject_score);
  EXPECT_EQ(p.quarantine_score, by_hand.quarantine_score);
  EXPECT_EQ(p.add_authentication_results, by_hand.add_authentication_results);
  EXPECT_EQ(p.add_spam_headers, by_hand.add_spam_headers);
  EXPECT_EQ(p.help_url, by_hand.help_url);
  EXPECT_EQ(p.disabled_checks, by_hand.disabled_checks);
  EXPECT_EQ(p.dns_lists.size(), by_hand.dns_lists.size());
  EXPECT_EQ(p.dkim_max_signatures, by_hand.dkim_max_signatures);
  EXPECT_EQ(p.spf_engine, by_hand.spf_engine);
  EXPECT_EQ(p.spf_engine, spf::Engine::native);
  EXPECT_EQ(p.add_received_spf, by_hand.add_received_spf);
  EXPECT_EQ(p.dmarc_enforce, by_hand.dmarc_enforce);
  EXPECT_EQ(p.dmarc_discovery, by_hand.dmarc_discovery);
  EXPECT_EQ(p.public_suffixes, by_hand.public_suffixes);
  EXPECT_EQ(p.dmarc_quarantine_as, by_hand.dmarc_quarantine_as);
  EXPECT_EQ(p.query_timeout, by_hand.query_timeout);
  EXPECT_EQ(p.flow_timeout, by_hand.flow_timeout);
  EXPECT_EQ(p.max_header_fields, by_hand.max_header_fields);
  EXPECT_EQ(p.max_header_bytes, by_hand.max_header_bytes);
  EXPECT_EQ(p.trusted_relays.empty(), by_hand.trusted_relays.empty());
  for (const FindingInfo& info : finding_table()) {
    EXPECT_EQ(p.rule(info.name).score, by_hand.rule(info.name).score) << info.name;
    EXPECT_EQ(p.rule(info.name).action, by_hand.rule(info.name).action) << info.name;
  }
  EXPECT_EQ(loaded.configuration.daemon.socket_mode, DaemonSettings{}.socket_mode);
}

TEST(RestartNeeded, NamesDaemonSettingsThatDiffer) {
  const auto configuration = [](const char* text) { return load_text(text, "f").configuration; };
  const Configuration running = configuration("[milter]\nmax_sessions = 10\n");
  EXPECT_THAT(restart_needed(running, configuration("[milter]\nmax_sessions = 10\n")),
              ElementsAre());
  EXPECT_THAT(restart_needed(running, configuration("mode = 'enforce'\n[score]\ntag = 1\n"
                                                    "[milter]\nmax_sessions = 10\n")),
              ElementsAre())
      << "these are reloaded";
  EXPECT_THAT(restart_needed(running, configuration("[log]\ntarget = 'stderr'\n"
                                                    "[dns]\nservers = ['127.0.0.1']\n")),
              ElementsAre("dns.servers", "milter.max_sessions", "log.target"));
}

}  // namespace
}  // namespace gatepost::config
