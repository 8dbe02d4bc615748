// Lists that an operator wrote.

#include "filter/policy/match_list.h"

#include <gtest/gtest.h>

namespace gatepost {
namespace {

struct ListCase {
  const char* entry;
  const char* subject;
  bool matches;
};

constexpr ListCase kListCases[] = {
    {"mail.example", "u@mail.example", true},   {"mail.example", "u@sub.mail.example", false},
    {".example", "u@sub.mail.example", true},   {".example", "u@example", false},
    {"U@Mail.Example", "u@mail.example", true}, {"u@", "u@anything.example", true},
    {"u@", "v@anything.example", false},        {"v@mail.example", "u@mail.example", false},
};

TEST(MatchList, Addresses) {
  for (const auto& c : kListCases) {
    EXPECT_EQ(MatchList::parse({c.entry})->match_address(c.subject).has_value(), c.matches)
        << c.entry << " " << c.subject;
  }
}

TEST(MatchList, RefusesWhatItCannotMatch) {
  for (const char* entry : {"", "@", "@mail.example", "a b", "192.0.2.0/33", "x@y z"}) {
    const auto list = MatchList::parse({entry});
    ASSERT_FALSE(list.ok()) << entry;
    EXPECT_NE(list.error().what.find("is no network"), std::string::npos);
  }
}

}  // namespace
}  // namespace gatepost
