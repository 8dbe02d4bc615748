#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "filter/config/configuration.h"
#include "filter/config/settings.h"

namespace gatepost::config {
namespace {

std::string all_faults(const LoadResult& loaded) {
  std::string texts;
  for (const Error& error : loaded.errors) texts += error.text() + "\n";
  return texts;
}

// Takes the '#' from commented settings, which stand without a blank behind it.
std::string uncommented(const std::string& sample) {
  std::string text;
  for (const std::string_view line : split(sample, '\n')) {
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    text += std::string(setting ? line.substr(1) : line) + "\n";
  }
  return text;
}

TEST(Sample, IsAConfigurationThatChangesNothing) {
  const LoadResult loaded = load_text(sample(), "sample");
  EXPECT_EQ(all_faults(loaded), "");
  for (const Origin& origin : loaded.configuration.origins)
    EXPECT_EQ(origin.place, "default") << origin.key;
}

TEST(Sample, EverySettingMayBeUncommented) {
  const LoadResult loaded = load_text(uncommented(sample()), "sample");
  ASSERT_EQ(all_faults(loaded), "");
  const LoadResult defaults = load("");
  std::size_t set = 0;
  for (const Origin& origin : defaults.configuration.origins) {
    for (const Origin& mine : loaded.configuration.origins) {
      if (mine.key != origin.key) continue;
      ++set;
      EXPECT_EQ(mine.value, origin.value) << mine.key << ": what the sample says is the default";
      EXPECT_TRUE(mine.place.starts_with("sample:")) << mine.key << " is not in the sample";
    }
  }
  EXPECT_EQ(set, settings().size());
  for (const FindingInfo& info : finding_table()) {
    const FindingRule rule = loaded.configuration.policy->rule(info.name);
    EXPECT_DOUBLE_EQ(rule.score, info.score) << info.name;
    EXPECT_EQ(rule.action, info.action) << info.name;
  }
  ASSERT_EQ(loaded.configuration.policy->dns_lists.size(), 1U);
  EXPECT_EQ(loaded.configuration.policy->dns_lists[0].weight, 4);
}

TEST(Sample, LinesFitATerminal) {
  const std::string text = sample();
  for (const std::string_view line : split(text, '\n')) EXPECT_LE(line.size(), 100U) << line;
}

TEST(Sample, TheShippedFileIsThis) {
  std::ifstream file(GATEPOST_SOURCE_DIR "/contrib/gatepost.toml", std::ios::binary);
  const std::string shipped((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
  EXPECT_EQ(shipped, sample()) << "make it again: gatepost config --sample > contrib/gatepost.toml";
}

TEST(Manual, NamesEverySettingAndFinding) {
  const std::string text = manual();
  for (const Setting& setting : settings())
    EXPECT_NE(text.find("\n.B " + std::string(setting.key) + " = "), std::string::npos)
        << setting.key;
  for (const FindingInfo& info : finding_table())
    EXPECT_NE(text.find("\n.B " + std::string(info.name) + "\n"), std::string::npos) << info.name;
}

// A line that begins with a dot or quote is a request: only those we know may stand.
TEST(Manual, HasNoStrayRequests) {
  const std::string text = manual();
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty() || (line[0] != '.' && line[0] != '\'')) continue;
    const std::string_view request = line.substr(0, line.find(' '));
    EXPECT_TRUE(request == ".SH" || request == ".TP" || request == ".B" || request == ".BR")
        << line;
  }
}

}  // namespace
}  // namespace gatepost::config
