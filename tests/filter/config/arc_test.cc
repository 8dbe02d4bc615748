// [arc]: whom to trust, and the key that seals.

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "dkim/arc/seal.h"
#include "filter/config/configuration.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::config {
namespace {

class Arc : public testing::Test {
 protected:
  Arc() : folder_("arc") {}

  void write_key(const std::string& name, dkim::KeyType type, mode_t mode = 0600) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << (*dkim::PrivateKey::generate(type, 2048))->pem();
    ::chmod(path.c_str(), mode);
  }
  LoadResult load(const std::string& text) {
    std::ofstream(folder_ / "gatepost.toml") << text;
    return config::load(folder_ / "gatepost.toml");
  }
  /// The only fault, without the folder's name.
  std::string fault(const std::string& text) {
    const auto loaded = load(text);
    if (loaded.errors.size() != 1) return std::to_string(loaded.errors.size()) + " faults";
    std::string said = loaded.errors.front().text();
    const std::string folder = folder_ / "";
    for (auto at = said.find(folder); at != std::string::npos; at = said.find(folder))
      said.erase(at, folder.size());
    return said;
  }

  test::TempFolder folder_;
};

TEST_F(Arc, IsOffByDefault) {
  const auto loaded = load("");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.configuration.policy->arc_seal, nullptr);
  EXPECT_FALSE(loaded.configuration.policy->enabled("sealing"));
  EXPECT_TRUE(loaded.configuration.policy->enabled("arc"));
  EXPECT_TRUE(loaded.configuration.policy->arc_trusted_sealers.empty());
}

TEST_F(Arc, KeyIsFoundBesideTheConfiguration) {
  write_key("keys/our.example/a1.private", dkim::KeyType::rsa);
  const auto loaded = load(
      "[arc]\nseal = true\ndomain = 'Our.Example'\nselector = 'a1'\n"
      "trusted_sealers = ['lists.example', '.Relays.example']\n");
  ASSERT_TRUE(loaded.ok()) << loaded.errors.front().text();
  const Policy& policy = *loaded.configuration.policy;
  ASSERT_NE(policy.arc_seal, nullptr);
  EXPECT_EQ(policy.arc_seal->domain, "our.example");
  EXPECT_EQ(policy.arc_seal->selector, "a1");
  EXPECT_TRUE(policy.enabled("sealing"));
  EXPECT_TRUE(policy.arc_trusted_sealers.match_name("lists.example").has_value());
  EXPECT_TRUE(policy.arc_trusted_sealers.match_name("a.relays.example").has_value());
  EXPECT_FALSE(policy.arc_trusted_sealers.match_name("a.lists.example").has_value());
}

TEST_F(Arc, FaultsNameThemselves) {
  write_key("ed.pem", dkim::KeyType::ed25519);
  write_key("open.pem", dkim::KeyType::rsa, 0644);
  const std::string on = "[arc]\nseal = true\n";
  EXPECT_EQ(fault(on),
            "gatepost.toml:2:8: arc.domain: expected the domain that seals, because "
            "arc.seal = true");
  EXPECT_EQ(fault(on + "domain = 'our.example'\n"),
            "gatepost.toml:2:8: arc.selector: expected the selector of the key that seals, because "
            "arc.seal = true");
  const std::string named = on + "domain = 'our.example'\nselector = 'a1'\n";
  EXPECT_THAT(fault(named), testing::StartsWith("gatepost.toml:4:12: arc.key_file: key file "
                                                "keys/our.example/a1.private "));
  EXPECT_EQ(fault(named + "key_file = 'ed.pem'\n"),
            "gatepost.toml:5:12: arc.key_file: key file ed.pem holds an Ed25519 key, expected RSA");
  EXPECT_THAT(fault(named + "key_file = 'open.pem'\n"),
              testing::StartsWith("gatepost.toml:5:12: arc.key_file: key file open.pem "));
  for (const char* wrong : {"a@lists.example", "192.0.2.0/24", "a..b", "", "."}) {
    EXPECT_EQ(fault("[arc]\ntrusted_sealers = ['" + std::string(wrong) + "']\n"),
              "gatepost.toml:2:19: arc.trusted_sealers: expected domains such as "
              "\"lists.example\" or \".example\", got [ '" +
                  std::string(wrong) + "' ]");
  }
}

}  // namespace
}  // namespace gatepost::config
