#include "rules/compile.h"

#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rules/cache.h"
#include "rules/chunk.h"
#include "tests/rules/engine.h"

namespace gatepost::rules::test {
namespace {

namespace fs = std::filesystem;

HelperProgram helper(const char* mode) {
  return {fs::path(GATEPOST_BINARY_DIR) / "bin/rules_test_helper", {mode}};
}

RuleFile sample(int rules = 30) {
  std::vector<Rule> out;
  for (int i = 0; i < rules; ++i)
    out.push_back(
        make_rule("R" + std::to_string(i), RuleType::body, "/foo" + std::to_string(i) + "\\b/"));
  out.push_back(header_rule("S", "Subject =~ /^hello(?! there)/"));
  out.push_back(header_rule("F", "From:addr =~ /x/"));
  return file_of(out);
}

std::string sample_hits(const RuleSet& set) {
  mail::Content content;
  content.body = pieces_of({"foo3 foo7x foo12", "foo29"});
  return hits(set, content, {{"Subject", " hello"}});
}
constexpr const char* kSampleHits = "R3 R12 R29 S";

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder)) out.push_back(entry.path());
  return out;
}

Compiled must_compile(const RuleFile& file, const CompileOptions& options) {
  auto compiled = compile(file, options);
  EXPECT_TRUE(compiled.ok()) << compiled.error().text();
  return compiled.ok() ? std::move(*compiled) : Compiled{};
}

TEST(Compile, InAChildAndFromTheCache) {
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path() / "cache";
  options.helper = helper("good");
  const Compiled first = must_compile(sample(), options);
  ASSERT_TRUE(first.rules);
  EXPECT_EQ(sample_hits(*first.rules), kSampleHits);
  EXPECT_GT(first.stats.children, 0U);
  EXPECT_EQ(first.stats.jobs_from_cache, 0U);
  EXPECT_TRUE(first.diagnostics.empty());

  options.helper = helper("crash");  // must not be needed
  const Compiled second = must_compile(sample(), options);
  EXPECT_EQ(second.stats.children, 0U);
  EXPECT_EQ(second.stats.jobs_from_cache, second.stats.jobs);
  EXPECT_EQ(sample_hits(*second.rules), kSampleHits);
  EXPECT_EQ(second.stats.confirmed, first.stats.confirmed);
  EXPECT_EQ(second.rules->hash(), first.rules->hash());
}

// What is left is checked, hits the same, and is not kept.
TEST(Compile, WhatIsMissingCanBeLeft) {
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path() / "cache";
  options.helper = helper("crash");  // must not be needed
  options.missing = Missing::leave;
  const Compiled left = must_compile(sample(), options);
  ASSERT_TRUE(left.rules);
  EXPECT_EQ(left.stats.left, 32U);
  EXPECT_EQ(left.stats.children + left.stats.databases, 0U);
  EXPECT_EQ(sample_hits(*left.rules), kSampleHits);
  EXPECT_TRUE(left.diagnostics.empty());
  EXPECT_TRUE(files_in(options.cache_directory).empty());
  EXPECT_EQ(left.rules->hash(), content_hash(sample()));

  const Compiled faulty = must_compile(
      file_of({make_rule("A", RuleType::body, "/a/"), make_rule("B", RuleType::body, "/(b/")}),
      options);
  EXPECT_FALSE(faulty.rules);
  ASSERT_EQ(faulty.diagnostics.size(), 1U);
  EXPECT_EQ(faulty.diagnostics[0].severity, Diagnostic::Severity::error);

  options.helper = helper("good");
  options.missing = Missing::compile;
  EXPECT_EQ(must_compile(sample(), options).stats.left, 0U);
  options.helper = helper("crash");
  options.missing = Missing::leave;
  const Compiled cached = must_compile(sample(), options);
  EXPECT_EQ(cached.stats.left, 0U);
  EXPECT_GT(cached.stats.databases, 0U);
}

struct DamageCase {
  const char* name;
  void (*damage)(const fs::path& file);
};

void change_octet(const fs::path& file, std::streamoff from_end) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(-from_end, std::ios::end);
  const char c = static_cast<char>(stream.get() ^ 1);
  stream.seekp(-from_end, std::ios::end);
  stream.put(c);
}

const DamageCase kDamages[] = {
    {"empty", [](const fs::path& file) { fs::resize_file(file, 0); }},
    {"cut", [](const fs::path& file) { fs::resize_file(file, fs::file_size(file) - 1); }},
    {"head_only", [](const fs::path& file) { fs::resize_file(file, 20); }},
    {"octet", [](const fs::path& file) { change_octet(file, 40); }},
    {"first_octet",
     [](const fs::path& file) {
       change_octet(file, static_cast<std::streamoff>(fs::file_size(file)));
     }},
    {"another_key",
     [](const fs::path& file) {
       change_octet(file, static_cast<std::streamoff>(fs::file_size(file)) - 20);
     }},
    {"writable_by_others", [](const fs::path& file) { chmod(file.c_str(), 0666); }},
    {"a_link",
     [](const fs::path& file) {
       fs::rename(file, file.parent_path() / "moved");
       fs::create_symlink(file.parent_path() / "moved", file);
     }},
};

TEST(Compile, DamagedCacheFilesAreCompiledAgain) {
  for (const DamageCase& c : kDamages) {
    const TemporaryFolder folder;
    CompileOptions options;
    options.cache_directory = folder.path();
    must_compile(sample(), options);
    for (const fs::path& file : files_in(folder.path())) c.damage(file);
    const Compiled again = must_compile(sample(), options);
    EXPECT_EQ(again.stats.jobs_from_cache, 0U) << c.name;
    EXPECT_EQ(sample_hits(*again.rules), kSampleHits) << c.name;
    EXPECT_EQ(must_compile(sample(), options).stats.jobs_from_cache, again.stats.jobs) << c.name;
  }
}

// Another Hyperscan or processor made it: the digest is right, Hyperscan refuses the version.
TEST(Compile, DatabasesOfAnotherVersionAreCompiledAgain) {
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path();
  must_compile(sample(), options);
  const auto cache = Cache::open(folder.path());
  ASSERT_TRUE(cache.ok());
  for (const fs::path& file : files_in(folder.path())) {
    const std::string key = file.stem().string().substr(6);
    std::string data = *cache->load(key);
    // The version stands behind the magic of a serialised database ("\xdb\xdb\xdb\xdb").
    const std::size_t at = data.find("\xdb\xdb\xdb\xdb");
    ASSERT_NE(at, std::string::npos);
    data[at + 4] = static_cast<char>(data[at + 4] + 1);
    ASSERT_TRUE(cache->store(key, data).ok());
  }
  const Compiled again = must_compile(sample(), options);
  EXPECT_EQ(again.stats.jobs_from_cache, 0U);
  EXPECT_EQ(sample_hits(*again.rules), kSampleHits);
}

TEST(Compile, ForeignCacheFoldersAreRefused) {
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path();
  chmod(folder.path().c_str(), 0770);
  auto refused = compile(sample(), options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::config);
  EXPECT_EQ(refused.error().where, folder.path().string());
  EXPECT_NE(refused.error().what.find("must belong to the user"), std::string::npos);
  chmod(folder.path().c_str(), 0700);
  if (geteuid() == 0) {
    ASSERT_EQ(chown(folder.path().c_str(), 65534, 65534), 0);
    EXPECT_FALSE(compile(sample(), options).ok());
    ASSERT_EQ(chown(folder.path().c_str(), 0, 0), 0);
  }
  options.cache_directory = folder.path() / "file";
  std::ofstream(options.cache_directory) << "x";
  EXPECT_FALSE(compile(sample(), options).ok());
  options.cache_directory = folder.path() / "no" / "such";
  EXPECT_FALSE(compile(sample(), options).ok());
}

struct ChildCase {
  const char* mode;
  const char* says;
  bool kept;  // the failure is remembered on disk
};

constexpr ChildCase kChildren[] = {
    {"hang", "took longer than 100 ms", true}, {"eat", "took more than 64 MiB", true},
    {"crash", "was ended by signal 9", false}, {"garbage", "gave no result", false},
    {"refuse", "ended with status 64", false},
};

// Whatever happens to the compiling process: the rules load and hit, and it is said.
TEST(Compile, FailedChildrenCostSpeedOnly) {
  for (const ChildCase& c : kChildren) {
    const TemporaryFolder folder;
    CompileOptions options;
    options.cache_directory = folder.path();
    options.helper = helper(c.mode);
    options.limits.time =
        std::chrono::milliseconds(std::string_view(c.mode) == "hang" ? 100 : 20000);
    options.limits.memory = std::size_t{64} << 20;
    const Compiled compiled = must_compile(sample(), options);
    ASSERT_TRUE(compiled.rules) << c.mode;
    EXPECT_EQ(sample_hits(*compiled.rules), kSampleHits) << c.mode;
    EXPECT_EQ(compiled.stats.pcre_only, 32U) << c.mode;
    ASSERT_FALSE(compiled.diagnostics.empty()) << c.mode;
    EXPECT_EQ(compiled.diagnostics[0].severity, Diagnostic::Severity::warning);
    EXPECT_NE(compiled.diagnostics[0].what.find(c.says), std::string::npos)
        << compiled.diagnostics[0].what;
    EXPECT_EQ(compiled.diagnostics[0].place.line, 7);
    options.helper = helper("good");
    options.limits = {};
    const Compiled again = must_compile(sample(), options);
    EXPECT_EQ(again.stats.pcre_only, c.kept ? 32U : 0U) << c.mode;
    EXPECT_EQ(again.diagnostics.empty(), !c.kept) << c.mode;
    EXPECT_EQ(sample_hits(*again.rules), kSampleHits) << c.mode;
  }
}

TEST(Compile, AHelperThatIsNotThere) {
  CompileOptions options;
  options.helper = {"/nonexistent/helper", {}};
  const auto compiled = compile(sample(), options);
  ASSERT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().kind, ErrorKind::internal);
}

TEST(Compile, BadPatternsAreDiagnosticsWithPlaces) {
  std::vector<Rule> rules = {
      make_rule("GOOD", RuleType::body, "/foo/"), make_rule("BAD", RuleType::body, "/abc[z-a]/"),
      make_rule("CODE", RuleType::body, "/(?{1})/"), make_rule("OPEN", RuleType::full, "/(foo/")};
  const auto compiled = compile(file_of(rules), {});
  ASSERT_TRUE(compiled.ok());
  EXPECT_FALSE(compiled->rules);
  ASSERT_EQ(compiled->diagnostics.size(), 3U);
  EXPECT_EQ(compiled->diagnostics[0].place.text(), "test.cf:7:16");
  EXPECT_EQ(compiled->diagnostics[0].what, "BAD: pattern: range out of order in character class");
  EXPECT_EQ(compiled->diagnostics[1].severity, Diagnostic::Severity::unsupported);
  EXPECT_EQ(compiled->diagnostics[2].severity, Diagnostic::Severity::error);

  rules.erase(rules.begin() + 3);
  rules.erase(rules.begin() + 1);
  rules.push_back(meta_rule("M", "GOOD && !CODE"));
  const Compiled loaded = must_compile(file_of(rules), {});
  ASSERT_TRUE(loaded.rules);
  mail::Content content;
  content.body = pieces_of({"foo"});
  EXPECT_EQ(hits(*loaded.rules, content), "GOOD M");
}

TEST(Compile, HashIsOfWhatMatters) {
  const auto hash = [](const RuleFile& file) { return must_compile(file, {}).rules->hash(); };
  RuleFile file = sample(3);
  const std::string first = hash(file);
  EXPECT_EQ(first.size(), 64U);
  file.rules[0].description = "another text";
  EXPECT_EQ(hash(file), first);
  file.rules[0].scores[1] = 2;
  EXPECT_NE(hash(file), first);
}

TEST(Compile, AnEditCompilesOneChunk) {
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path();
  options.chunk_size = 1;  // and 80 of the cheapest ones
  const Compiled first = must_compile(sample(1000), options);
  ASSERT_GT(first.stats.jobs, 8U);
  RuleFile edited = sample(1000);
  edited.rules[0].pattern.expression = "another";
  const Compiled second = must_compile(edited, options);
  EXPECT_GE(second.stats.jobs_from_cache + 2, second.stats.jobs);
}

// Patterns of a word each and then `wordless` ones without any, as one chunk.
std::size_t databases_of(std::size_t wordless, bool long_text) {
  Chunk chunk;
  chunk.long_text = long_text;
  for (const char* text : {"\\bword \\d", "another"})
    chunk.patterns.push_back({{text, false, false, false, false}, true, false});
  for (std::size_t i = 1; i <= wordless; ++i)
    chunk.patterns.push_back(
        {{"[a-z]{" + std::to_string(i) + "}[0-9]", false, false, false, false}, true, false});
  const ChunkOutcome outcome = compile_chunk(chunk);
  for (const PatternOutcome& pattern : outcome.patterns) EXPECT_EQ(pattern.route, Route::exact);
  for (const ChunkPart& part : outcome.parts) {
    EXPECT_FALSE(part.database.empty());
    EXPECT_LE(part.first + part.count, chunk.patterns.size());
  }
  return outcome.parts.size();
}

TEST(Chunk, InLongTextsAPatternWithoutAWordStandsAlone) {
  EXPECT_EQ(databases_of(5, false), 1U);
  EXPECT_EQ(databases_of(5, true), 1U + 5U);
  EXPECT_EQ(databases_of(0, true), 1U);
  // More than 64 of them share databases.
  EXPECT_EQ(databases_of(65, true), 1U + 33U);
}

TEST(Compile, PatternsWithoutWordsHitInDatabasesOfTheirOwn) {
  std::vector<Rule> rules;
  for (int i = 1; i <= 70; ++i)
    rules.push_back(make_rule("R" + std::to_string(i), RuleType::body,
                              "/\\b[a-z]{" + std::to_string(i) + "}[0-9]\\b/"));
  rules.push_back(make_rule("FIRST", RuleType::body, "/^[^\\W\\d]\\d/"));
  rules.push_back(multiple(make_rule("EACH", RuleType::body, "/[0-9]/")));
  rules.push_back(multiple(make_rule("TWICE", RuleType::body, "/[0-9]/"), 2));
  Rule nosubject = make_rule("BODY", RuleType::body, "/[0-9]/");
  nosubject.flags.others = {"nosubject"};
  rules.push_back(nosubject);
  const auto set = compile_here(file_of(rules));
  ASSERT_TRUE(set);
  mail::Content content;
  content.body = pieces_of({"abc1", "x a2", "b3 " + std::string(70, 'c') + "4"});
  EXPECT_EQ(hits(*set, content), "R1 R3 R70 FIRST EACH*4 TWICE*2 BODY");
  content.body = pieces_of({"only the subject has a 1", "no"});
  EXPECT_EQ(hits(*set, content), "EACH TWICE");
}

TEST(Compile, TenThousandRules) {
  std::vector<Rule> rules;
  for (int i = 0; i < 10000; ++i)
    rules.push_back(make_rule("R" + std::to_string(i), RuleType::body,
                              "/\\bword" + std::to_string(i) + " (?:offer|deal)s?\\b/i"));
  const TemporaryFolder folder;
  CompileOptions options;
  options.cache_directory = folder.path();
  options.helper = helper("good");
  const Compiled compiled = must_compile(file_of(rules), options);
  ASSERT_TRUE(compiled.rules);
  EXPECT_EQ(compiled.stats.exact, 10000U);
  mail::Content content;
  content.body = pieces_of({"Word77 offers", "a WORD9999 deal and word5", "word123 deals"});
  EXPECT_EQ(hits(*compiled.rules, content), "R77 R123 R9999");
  EXPECT_EQ(must_compile(file_of(rules), options).stats.children, 0U);
}

TEST(Job, WhatIsNoJobIsRefused) {
  Job job(1);
  job[0].patterns.push_back({{"foo", true, false, false, false}, true, false});
  const std::string good = encode_job(job);
  ASSERT_TRUE(decode_job(good));
  EXPECT_TRUE(decode_job(good)->at(0).patterns[0].expression == job[0].patterns[0].expression);
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(decode_job(good.substr(0, cut)));
  const std::string outcome = encode_outcome({compile_chunk(job[0])});
  ASSERT_TRUE(decode_outcome(outcome, job));
  EXPECT_FALSE(decode_outcome(outcome, Job(2)));
  for (std::size_t cut = 0; cut < outcome.size(); cut += 7)
    EXPECT_FALSE(decode_outcome(outcome.substr(0, cut), job));
}

}  // namespace
}  // namespace gatepost::rules::test
