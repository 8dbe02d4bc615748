// The control commands, as the daemon answers them.

#include "filter/apps/greylist_control.h"

#include <gtest/gtest.h>

#include "core/store/memory_store.h"
#include "filter/checks/greylist_entry.h"

namespace gatepost {
namespace {

class GreylistControl : public ::testing::Test {
 protected:
  GreylistControl() : policy_(std::make_shared<const Policy>()) {
    add_greylist_commands(commands_, store_, clock_, policy_);
  }
  Json ask(const Json& request) {
    const std::string line = commands_.answer(request.dump());
    EXPECT_EQ(line.find('\n'), std::string::npos);
    return Json::parse(line);
  }
  greylist::Triplet wait_for(const std::string& network, const std::string& sender,
                             const std::string& recipient) {
    const auto triplet = greylist::make_triplet(network, sender, recipient);
    const store::Write write = store::Put{
        greylist::pending_key(triplet), std::string(greylist::kWaiting), clock_.unix_time(), 86400};
    EXPECT_TRUE(store_.apply(std::span(&write, 1)).ok());
    return triplet;
  }
  std::string state(const greylist::Triplet& triplet) {
    return store_.now(store::Read{greylist::pending_key(triplet)})->value.data;
  }

  FakeClock clock_;
  store::MemoryStore store_{clock_};
  Snapshot<Policy> policy_;
  ControlCommands commands_;
};

TEST_F(GreylistControl, FaultyRequestsAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "unknown command, expected one of: greylist-allow, greylist-list, greylist-release"},
      {"[]", "unknown command"},
      {R"({"command":7})", "unknown command"},
      {R"({"command":"greylist-list","what":"x"})", "expected waiting, known, passed or allowed"},
      {R"({"command":"greylist-list","after":"xyz"})", "after: expected what the page before"},
      {R"({"command":"greylist-release"})", "expected a key or CLIENT/SENDER/RECIPIENT"},
      {R"({"command":"greylist-release","pattern":"a/b"})", "'a/b': expected a key or"},
      {R"({"command":"greylist-allow"})", "expected at least one"},
      {R"({"command":"greylist-allow","entries":["x"]})", "'x': expected an address or network"},
      {R"({"command":"greylist-allow","entries":[{}]})", "'': expected an address or network"},
  };
  for (const auto& [request, error] : cases) {
    const Json answer = Json::parse(commands_.answer(request));
    EXPECT_NE(text_of(answer, "error").find(error), std::string::npos) << request << answer;
  }
}

TEST_F(GreylistControl, HandlerThatThrowsIsAnError) {
  commands_.add("bad", [](const Json&) -> Json { throw std::runtime_error("broken"); });
  EXPECT_EQ(text_of(ask({{"command", "bad"}}), "error"), "internal error: broken");
}

TEST_F(GreylistControl, ListIsPagedAndEscaped) {
  for (int i = 0; i < 5; ++i)
    wait_for("192.0.2.0/24", "s" + std::to_string(i) + "@a.example", "bob@b.example");
  wait_for("192.0.3.0/24", "\x1b]0;x\x07\xe2\x80\xae@evil.example", "bob@b.example");
  Json request = {{"command", "greylist-list"}, {"limit", 2}};
  std::vector<std::string> senders;
  for (int pages = 0; pages < 10; ++pages) {
    const Json page = ask(request);
    ASSERT_LE(page["entries"].size(), 2U) << page;
    for (const Json& row : page["entries"]) {
      senders.push_back(text_of(row, "sender"));
      EXPECT_EQ(row["passes_at"].get<std::int64_t>(), row["first_seen"].get<std::int64_t>() + 300);
    }
    if (!page.contains("next")) break;
    request["after"] = page["next"];
  }
  ASSERT_EQ(senders.size(), 6U);
  EXPECT_EQ(senders[0], "s0@a.example");
  EXPECT_EQ(senders[5], "\\x1b]0;x\\x07\\xe2\\x80\\xae@evil.example");
}

TEST_F(GreylistControl, ReleaseByKeyAddressOrPattern) {
  const struct {
    const char* name;
    const char* pattern;
    int released;
  } cases[] = {
      {"sender", "ann@a.example", 2},
      {"recipient_without_case", "BOB@b.example", 2},
      {"address_with_star", "*@b.example", 3},
      {"all_parts", "192.0.2.0/24/ann@a.example/bob@b.example", 1},
      {"address_in_the_network", "192.0.2.77/*/*", 2},
      {"any_client", "*/eve@e.example/*", 1},
      {"everything", "*/*/*", 3},
      {"nobody", "nobody@a.example", 0},
      {"no_key", "0123456789abcdef", 0},
  };
  for (const auto& c : cases) {
    const auto first = wait_for("192.0.2.0/24", "ann@a.example", "bob@b.example");
    wait_for("192.0.2.0/24", "eve@e.example", "bob@b.example");
    wait_for("198.51.100.0/24", "ann@a.example", "carol@b.example");
    const Json answer = ask({{"command", "greylist-release"}, {"pattern", c.pattern}});
    EXPECT_EQ(answer.value("released", -1), c.released) << c.name << answer;
    const bool released_first = c.released > 0 && std::string_view(c.name) != "any_client";
    EXPECT_EQ(state(first), released_first ? greylist::kReleased : greylist::kWaiting) << c.name;
  }
  wait_for("192.0.2.0/24", "ann@a.example", "bob@b.example");
  const Json list = ask({{"command", "greylist-list"}});
  const Json key = list["entries"][0]["key"];
  EXPECT_EQ(ask({{"command", "greylist-release"}, {"pattern", key}})["released"], 1);
  EXPECT_EQ(ask({{"command", "greylist-release"}, {"pattern", key}})["released"], 0)
      << "it is released already";
}

TEST_F(GreylistControl, AllowAndRemove) {
  const Json entries = {"192.0.2.7/24", "Mail.Example"};
  EXPECT_EQ(ask({{"command", "greylist-allow"}, {"entries", entries}})["changed"], 2);
  const Json list = ask({{"command", "greylist-list"}, {"what", "allowed"}});
  ASSERT_EQ(list["entries"].size(), 2U) << list;
  EXPECT_EQ(list["entries"][0]["entry"], "192.0.2.0/24");
  EXPECT_EQ(list["entries"][1]["entry"], "mail.example");
  ask({{"command", "greylist-allow"}, {"entries", entries}, {"remove", true}});
  EXPECT_EQ(ask({{"command", "greylist-list"}, {"what", "allowed"}})["entries"].size(), 0U);
}

}  // namespace
}  // namespace gatepost
