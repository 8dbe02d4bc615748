// [[signing]], its key files, and who may send as whom: everything that is read from other files.

#include <fstream>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dkim/signing_keys.h"
#include "filter/config/configuration.h"
#include "filter/policy/sender_map.h"
#include "tests/support/system/temp_folder.h"

namespace gatepost::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string key_text(dkim::KeyType type = dkim::KeyType::ed25519, int bits = 0) {
  const auto key = dkim::PrivateKey::generate(type, bits);
  EXPECT_TRUE(key);
  return (*key)->pem();
}

class Signing : public testing::Test {
 protected:
  Signing() : folder_("signing") {}

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
    ::chmod(path(name).c_str(), mode);
  }
  LoadResult load(const std::string& text, const LoadOptions& options = {}) {
    write("gatepost.toml", text, 0644);
    return config::load(path("gatepost.toml"), options);
  }
  /// Faults without the folder's own name.
  std::vector<std::string> texts(const std::vector<Error>& errors) const {
    std::vector<std::string> list;
    for (const Error& error : errors) {
      EXPECT_EQ(error.kind, ErrorKind::config);
      std::string text = error.text();
      const std::string folder = path("");
      for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
        text.erase(at, folder.size());
      list.push_back(text);
    }
    return list;
  }
  std::vector<std::string> faults(const std::string& text) { return texts(load(text).errors); }

  test::TempFolder folder_;
};

constexpr char kOne[] = "[[signing]]\ndomain = 'our.example'\nselector = 's1'\n";

TEST_F(Signing, KeysAreFoundBesideTheConfiguration) {
  write("keys/our.example/s1.private", key_text());
  const auto loaded = load(kOne);
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings), IsEmpty());
  const auto& keys = loaded.configuration.policy->signing_keys;
  ASSERT_NE(keys, nullptr);
  ASSERT_EQ(keys->keys_for("our.example").size(), 1U);
  EXPECT_TRUE(keys->keys_for("news.our.example").empty());
}

TEST_F(Signing, EverythingCanBeSet) {
  write("a.pem", key_text());
  write("b.pem", key_text(dkim::KeyType::rsa, 2048));
  const auto loaded = load(
      "[dkim]\nsign_lifetime = '7d'\nsign_canonicalization = 'relaxed/simple'\n"
      "[[signing]]\ndomain = 'B\xc3\xbc"
      "cher.Example'\nselector = 'S1'\nkey_file = 'a.pem'\n"
      "subdomains = true\n[[signing]]\nselector = 'r'\nkey_file = '" +
      path("b.pem") + "'\ndomain = 'xn--bcher-kva.example'\n");
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const auto& keys = *loaded.configuration.policy->signing_keys;
  ASSERT_EQ(keys.keys_for("xn--bcher-kva.example").size(), 2U);
  EXPECT_EQ(keys.keys()[0].selector, "s1");
  EXPECT_TRUE(keys.keys()[0].subdomains);
  EXPECT_EQ(keys.keys()[1].key->bits(), 2048);
  EXPECT_EQ(keys.options().lifetime, 7 * 86400);
  EXPECT_EQ(keys.options().header_form, dkim::Canonicalization::relaxed);
  EXPECT_EQ(keys.options().body_form, dkim::Canonicalization::simple);
}

TEST_F(Signing, NothingIsSignedWithoutTables) {
  EXPECT_EQ(load("").configuration.policy->signing_keys, nullptr);
}

TEST_F(Signing, AnotherKeyIsAnotherPolicy) {
  write("keys/our.example/s1.private", key_text());
  const std::string before = load(kOne).configuration.policy->hash;
  EXPECT_EQ(load(kOne).configuration.policy->hash, before);
  write("keys/our.example/s1.private", key_text());
  EXPECT_NE(load(kOne).configuration.policy->hash, before);
}

TEST_F(Signing, TablesAreChecked) {
  write("k", key_text());
  EXPECT_THAT(
      faults("signing = 1"),
      ElementsAre("gatepost.toml:1:11: signing: expected [[signing]] tables, or a table with "
                  "key_table and signing_table"));
  EXPECT_THAT(faults("[[signing]]\n"),
              ElementsAre("gatepost.toml:1:1: signing: domain is missing"));
  EXPECT_THAT(faults("[[signing]]\ndomain = 'our.example'\nkey_file = 'k'\n"),
              ElementsAre("gatepost.toml:1:1: signing: selector is missing"));
  EXPECT_THAT(faults("[[signing]]\ndomain = 'a b'\nselector = 3\nkey_file = 'k'\nsubdomains = 1\n"
                     "selectors = 'x'\n"),
              ElementsAre("gatepost.toml:2:10: signing.domain: expected the name of a domain, got "
                          "'a b'",
                          "gatepost.toml:3:12: signing.selector: expected a selector such as "
                          "\"s1\", got 3",
                          "gatepost.toml:5:14: signing.subdomains: expected true or false, got 1",
                          "gatepost.toml:6:1: signing: unknown key 'selectors', expected domain, "
                          "selector, key_file, folder or subdomains"));
  const std::string row = std::string(kOne) + "key_file = 'k'\n";
  EXPECT_THAT(faults(row + row),
              ElementsAre("gatepost.toml:5:1: signing: our.example has the selector s1 already"));
}

struct BadKey {
  const char* name;
  std::string text;
  mode_t mode;
  const char* fault;
};

TEST_F(Signing, BadKeyFilesAreNamed) {
  const BadKey rows[] = {
      {"no_key", "hello", 0600, "is no private key, expected PEM (-----BEGIN PRIVATE KEY-----)"},
      {"empty", "", 0600, "is no private key, expected PEM (-----BEGIN PRIVATE KEY-----)"},
      {"others_read", key_text(), 0604, "has mode 0604 (group "},
      {"group_writes", key_text(), 0660, "has mode 0660 (group "},
      {"world_writes", key_text(), 0602, "has mode 0602 (group "},
  };
  for (const BadKey& row : rows) {
    write("keys/our.example/s1.private", row.text, row.mode);
    EXPECT_THAT(faults(kOne),
                ElementsAre(HasSubstr(std::string("gatepost.toml:1:1: signing: key file "
                                                  "keys/our.example/s1.private ") +
                                      row.fault)))
        << row.name;
  }
}

TEST_F(Signing, MissingKeyIsAFaultAtItsLine) {
  EXPECT_THAT(faults(std::string(kOne) + "key_file = 'none.pem'\n"),
              ElementsAre("gatepost.toml:4:12: signing: key file none.pem there is no such file, "
                          "expected a private key"));
  EXPECT_THAT(faults(std::string(kOne) + "key_file = '/dev/null'\n"),
              ElementsAre("gatepost.toml:4:12: signing: key file /dev/null is no file, expected a "
                          "private key"));
}

TEST_F(Signing, GroupOfOursMayRead) {
  write("keys/our.example/s1.private", key_text(), 0640);
  EXPECT_THAT(faults(kOne), IsEmpty());
}

TEST_F(Signing, ShortRsaKeysAreToldButUsed) {
  write("keys/our.example/s1.private", key_text(dkim::KeyType::rsa, 1024));
  const auto loaded = load(kOne);
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre("gatepost.toml:1:1: signing: key file keys/our.example/s1.private is not "
                          "as it should be: RSA "
                          "key has 1024 bits, expected 2048 or more (RFC 8301)"));
  EXPECT_NE(loaded.configuration.policy->signing_keys, nullptr);
}

TEST_F(Signing, SelectorsInUseAreRead) {
  constexpr char kCurrent[] = "[[signing]]\ndomain = 'our.example'\n";
  EXPECT_THAT(faults(kCurrent),
              ElementsAre("gatepost.toml:1:1: signing: keys/our.example/current cannot be read, "
                          "expected the selectors in use, one a line"));
  write("keys/our.example/current", "# rotated\nr1\ne1\n", 0644);
  write("keys/our.example/r1.private", key_text());
  EXPECT_THAT(faults(kCurrent),
              ElementsAre("gatepost.toml:1:1: signing: key file keys/our.example/e1.private there "
                          "is no such file, expected a private key"));
  write("keys/our.example/e1.private", key_text());
  const auto loaded = load(kCurrent);
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const auto found = loaded.configuration.policy->signing_keys->keys_for("our.example");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].selector + found[1].selector, "r1e1");
  write("keys/our.example/current", "e1\n", 0644);
  EXPECT_NE(load(kCurrent).configuration.policy->hash, loaded.configuration.policy->hash);
  write("elsewhere/current", "x\n", 0644);
  write("elsewhere/x.private", key_text());
  EXPECT_THAT(faults("[[signing]]\ndomain = 'our.example'\nfolder = 'elsewhere'\n"), IsEmpty());
}

// opendkim's own tables.
constexpr char kTables[] =
    "[signing]\nkey_table = 'file:KeyTable'\nsigning_table = 'refile:SigningTable'\n";

TEST_F(Signing, TablesOfOpendkim) {
  write("k/s1.private", key_text());
  write("k/our.example.pem", key_text(dkim::KeyType::rsa, 2048));
  write("KeyTable",
        "# keys\ns1 our.example:s1:./k/s1.private\nr1 %:r1:./k/%.pem\n"
        "in in.example:i:nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n"
        "unused unused.example:u:/nowhere/u\n",
        0644);
  write("SigningTable", "*@our.example s1\n*@our.example r1 # both\n*@in.example in\n", 0644);
  const auto loaded = load(kTables);
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings), IsEmpty());
  const auto& keys = *loaded.configuration.policy->signing_keys;
  const auto found = keys.keys_for("ann@our.example");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].selector, "s1");
  EXPECT_EQ(found[1].domain + " " + found[1].selector, "our.example r1");
  EXPECT_EQ(found[1].key->bits(), 2048);
  EXPECT_EQ(keys.keys_for("x@in.example").size(), 1U);
  EXPECT_TRUE(keys.keys_for("x@unused.example").empty());
  write("SigningTable", "*@our.example s1\n", 0644);
  EXPECT_NE(load(kTables).configuration.policy->hash, loaded.configuration.policy->hash);
}

TEST_F(Signing, TablesAndTablesOfOurs) {
  write("k", key_text());
  const std::string list =
      "[signing]\nkey_table = 'csl:s1=our.example:s1:./k'\nsigning_table = "
      "'csl:ann@our.example=s1'\nmultiple = true\n"
      "[[signing.key]]\ndomain = 'our.example'\nselector = 't'\nkey_file = 'k'\n";
  // A list has no folder: its paths begin where the configuration's do.
  const auto loaded = load(list);
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const auto& keys = *loaded.configuration.policy->signing_keys;
  EXPECT_EQ(keys.keys_for("ann@our.example").at(0).selector, "s1");
  EXPECT_EQ(keys.keys_for("bob@our.example").at(0).selector, "t");
}

TEST_F(Signing, FaultsOfTablesNameTheirPlace) {
  write("KeyTable",
        "first our.example:s1:./none\nr1 our.example r1 /k\ne1 our.example:e1:" +
            std::string(60, '!') + "\np1 %:p1:./p/%.pem\n",
        0644);
  write("SigningTable", "*@our.example frist\nour.example first\n*@a.example e1\n* p1\nx\n", 0644);
  const auto loaded = load(kTables);
  EXPECT_THAT(
      texts(loaded.errors),
      ElementsAre(
          "KeyTable:2:4: expected DOMAIN:SELECTOR:KEY, the parts divided by ':', got 'our.example "
          "r1 /k'",
          "KeyTable:1:22: key file none there is no such file, expected a private key",
          "KeyTable:3:19: the key of 'e1' is no private key, expected PEM (-----BEGIN PRIVATE "
          "KEY-----)",
          "KeyTable:4:9: no file fits p/%.pem with a domain in place of '%'",
          "SigningTable:5:2: expected SENDER KEYNAME, got only 'x'",
          "SigningTable:1:15: the key table has no key 'frist', did you mean 'first'?"));
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre("SigningTable:2:1: 'our.example' is no address and has no '*': it never "
                          "matches, did you mean '*@our.example'?"));
}

TEST_F(Signing, SettingsOfTablesAreChecked) {
  write("SigningTable", "* k\n", 0644);
  EXPECT_THAT(faults("[signing]\nkey_table = 'file:K'\n"),
              ElementsAre("gatepost.toml:2:13: signing: signing_table is missing beside key_table: "
                          "it says whose mail a key signs"));
  EXPECT_THAT(faults("[signing]\nsigning_table = 'refile:SigningTable'\n"),
              ElementsAre("gatepost.toml:2:17: signing: key_table is missing beside signing_table: "
                          "it says where a key is"));
  EXPECT_THAT(faults("[signing]\nkey_table = 'file:K'\nsigning_table = 'refil:S'\n"),
              ElementsAre("gatepost.toml:2:13: signing.key_table: expected the path of a readable "
                          "file, got 'K'",
                          "gatepost.toml:3:17: signing.signing_table: expected file:PATH, "
                          "refile:PATH or NAME=VALUE rows (did you mean refile:?), got 'refil:S'"));
  EXPECT_THAT(faults("[signing]\nkey_tabel = 'x'\nmultiple = 1\nsigning_table = 7\nxyzzy = 1\n"),
              ElementsAre("gatepost.toml:2:1: signing: unknown key 'key_tabel', did you mean "
                          "'key_table'?",
                          "gatepost.toml:3:12: signing.multiple: expected true or false, got 1",
                          "gatepost.toml:4:17: signing.signing_table: expected file:PATH or "
                          "refile:PATH, got 7",
                          "gatepost.toml:5:1: signing: unknown key 'xyzzy', expected key_table, "
                          "signing_table, multiple or [[signing.key]]"));
  EXPECT_THAT(faults("[signing]\nkey_table = 'csl:a=b'\nsigning_table = 'csl:x=a'\n"),
              ElementsAre("gatepost.toml:2:13: signing.key_table: row 1: expected "
                          "DOMAIN:SELECTOR:KEY, got 'b'",
                          "gatepost.toml:3:17: signing.signing_table: row 1: the key table has no "
                          "key 'a'"));
}

TEST_F(Signing, KeysOfTablesAreCheckedForWhoReadsThem) {
  write("k", key_text(), 0644);
  write("KeyTable", "a our.example:s1:./k\n", 0644);
  write("SigningTable", "* a\n", 0644);
  EXPECT_THAT(faults(kTables),
              ElementsAre(HasSubstr("KeyTable:1:18: key file k has mode 0644 (group ")));
}

TEST_F(Signing, OversignIsOneOfThree) {
  write("keys/our.example/s1.private", key_text());
  const auto mode = [&](const std::string& word) {
    return load("dkim.oversign = '" + word + "'\n" + kOne)
        .configuration.policy->signing_keys->options()
        .oversign;
  };
  EXPECT_EQ(load(kOne).configuration.policy->signing_keys->options().oversign,
            dkim::Oversign::list_safe);
  EXPECT_EQ(mode("none"), dkim::Oversign::none);
  EXPECT_EQ(mode("all"), dkim::Oversign::all);
  EXPECT_THAT(faults("dkim.oversign = 'list-save'\n"),
              ElementsAre("gatepost.toml:1:17: dkim.oversign: expected one of \"list-safe\", "
                          "\"none\", \"all\" (did you mean \"list-safe\"?), got 'list-save'"));
}

// As root only: another user's files, and what happens when root is given up.
class SigningAsRoot : public Signing {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    other_ = ::getpwnam("nobody");
    if (other_ == nullptr) GTEST_SKIP() << "there is no user nobody";
    ::chmod(path("").c_str(), 0755);
    write("keys/our.example/s1.private", key_text());
    key_ = path("keys/our.example/s1.private");
  }
  /// What a process of user nobody reads; its faults and warnings.
  std::string as_nobody(const LoadOptions& options) {
    int ends[2];
    if (::pipe(ends) != 0) return "no pipe";
    const pid_t child = ::fork();
    if (child == 0) {
      std::string text = "cannot become nobody";
      if (::setgroups(0, nullptr) == 0 && ::setgid(other_->pw_gid) == 0 &&
          ::setuid(other_->pw_uid) == 0) {
        const auto loaded = config::load(path("gatepost.toml"), options);
        text = "";
        for (const Error& error : loaded.errors) text += error.text() + "\n";
        for (const Error& error : loaded.warnings) text += "warning: " + error.text() + "\n";
      }
      (void)!::write(ends[1], text.data(), text.size());
      ::_exit(0);
    }
    ::close(ends[1]);
    std::string text;
    char chunk[4096];
    for (ssize_t size; (size = ::read(ends[0], chunk, sizeof chunk)) > 0;)
      text.append(chunk, static_cast<std::size_t>(size));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return text;
  }
  std::string nobodys_group() const { return ::getgrgid(other_->pw_gid)->gr_name; }

  const passwd* other_ = nullptr;
  std::string key_;
};

TEST_F(SigningAsRoot, KeyOfAStrangerIsRefused) {
  ASSERT_EQ(::chown(key_.c_str(), other_->pw_uid, other_->pw_gid), 0);
  EXPECT_THAT(faults(kOne), ElementsAre(HasSubstr("belongs to nobody, expected root or root")));
}

TEST_F(SigningAsRoot, KeyOfTheDaemonsUserIsGood) {
  ASSERT_EQ(::chown(key_.c_str(), other_->pw_uid, other_->pw_gid), 0);
  const auto loaded = load("[daemon]\nuser = 'nobody'\n" + std::string(kOne));
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings), IsEmpty());
  EXPECT_THAT(texts(load(kOne, {.user = "nobody"}).errors), IsEmpty()) << "--user";
}

TEST_F(SigningAsRoot, KeyOfRootForTheDaemonsGroupIsGood) {
  ASSERT_EQ(::chown(key_.c_str(), 0, other_->pw_gid), 0);
  ::chmod(key_.c_str(), 0640);
  const auto loaded = load("[daemon]\nuser = 'nobody'\n" + std::string(kOne));
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings), IsEmpty());
  EXPECT_EQ(as_nobody({}), "");
  EXPECT_THAT(faults(kOne), ElementsAre(HasSubstr("has mode 0640 (group " + nobodys_group())))
      << "it is not the group of a daemon that stays root";
}

TEST_F(SigningAsRoot, KeyThatAReloadCannotReadIsToldAtTheStart) {
  const auto loaded = load("[daemon]\nuser = 'nobody'\n" + std::string(kOne));
  EXPECT_THAT(texts(loaded.errors), IsEmpty());
  EXPECT_THAT(texts(loaded.warnings),
              ElementsAre(HasSubstr("user nobody will not be able to read it at the next reload; "
                                    "give it to the daemon's group: chgrp " +
                                    nobodys_group() + " and chmod 0640")));
}

TEST_F(SigningAsRoot, ReloadWithoutRootSaysHow) {
  load(kOne);
  EXPECT_THAT(as_nobody({}),
              HasSubstr("cannot be read by user nobody, root is given up after the start; give it "
                        "to the daemon's group: chgrp " +
                        nobodys_group() + " and chmod 0640"));
}

TEST_F(SigningAsRoot, ToolsRunWithoutKeysTheyMayNotRead) {
  load(kOne);
  const std::string said = as_nobody({.all_keys = false});
  EXPECT_TRUE(said.starts_with("warning: ")) << said;
  EXPECT_THAT(said, HasSubstr("may not be read by us, nothing is signed with it here"));
}

TEST_F(Signing, SendersComeFromBothPlaces) {
  write("senders", "# Postfix's\nann@our.example ann\n");
  const auto loaded = load(
      "[submission]\nsender_map = 'senders'\n[submission.senders]\n"
      "bob = ['bob@our.example', '@shop.example']\n");
  ASSERT_THAT(texts(loaded.errors), IsEmpty());
  const Policy& policy = *loaded.configuration.policy;
  EXPECT_TRUE(may_send_as(policy, "ann", "ann@our.example"));
  EXPECT_TRUE(may_send_as(policy, "bob", "x@shop.example"));
  EXPECT_FALSE(may_send_as(policy, "bob", "ann@our.example"));
  EXPECT_EQ(sender_check(policy), SenderCheck::both);
}

TEST_F(Signing, SendersAreCheckedOnlyWhenGivenOrAskedFor) {
  EXPECT_EQ(sender_check(*load("").configuration.policy), SenderCheck::off);
  EXPECT_EQ(sender_check(*load("[submission]\ncheck_sender = 'envelope'").configuration.policy),
            SenderCheck::envelope);
  EXPECT_EQ(sender_check(*load("[submission.senders]\nann = []").configuration.policy),
            SenderCheck::both)
      << "ann may use nothing";
}

TEST_F(Signing, FaultsOfSendersNameTheirPlace) {
  write("senders", "ann@our.example\nbob bob\n");
  EXPECT_THAT(
      faults("[submission]\nsender_map = 'senders'\ncheck_sender = 'from'\n"
             "[submission.senders]\nbob = 'bob@our.example'\ncarol = ['carol']\n"),
      ElementsAre("senders:1: expected a login behind ann@our.example",
                  "senders:2: 'bob' is no sender, expected user@domain or @domain",
                  "gatepost.toml:3:16: submission.check_sender: expected one of \"auto\", \"off\", "
                  "\"envelope\", \"both\", got 'from'",
                  "gatepost.toml:5:7: submission.senders.bob: expected LOGIN = [\"user@domain\", "
                  "\"@domain\"], got 'bob@our.example'",
                  "gatepost.toml:6:9: submission.senders.carol: 'carol' is no sender, expected "
                  "user@domain or @domain"));
  EXPECT_THAT(faults("[submission]\nsender_map = 'nowhere'\n"),
              ElementsAre("gatepost.toml:2:14: submission.sender_map: expected the path of a "
                          "readable file, got 'nowhere'"));
}

}  // namespace
}  // namespace gatepost::config
