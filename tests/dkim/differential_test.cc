// libopendkim's own verification (with its own key decoding) is the oracle: on generated messages
// both must agree on pass or not, and our header hash must equal its own.

#include <random>
#include <string>

#include "dkim/header_hash.h"
#include "dkim/signature.h"
#include "tests/dkim/dkim_test.h"
#include "tests/dkim/oracle.h"

namespace gatepost::dkim {
namespace {

using namespace test;

class Generator {
 public:
  Message message() {
    Message made = sample_message();
    for (int i = below(6); i > 0; --i) {
      made.fields.push_back({pick({"X-A", "x-a", "Subject", "Received", "Reply-To"}), text(true)});
    }
    made.body.clear();
    for (int i = below(12); i > 0; --i) made.body += text(false) + "\r\n";
    return made;
  }

  SignOptions options() {
    SignOptions made;
    made.form = pick({"simple", "relaxed", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"});
    made.headers = {"From"};
    for (int i = below(6); i > 0; --i) {
      made.headers.push_back(pick({"Subject", "X-A", "to", "received", "Date", "From", "X-None"}));
    }
    made.fold_b = below(2) == 0;
    return made;
  }

  void damage(Message& message) {
    switch (below(5)) {
      case 0:
        message.body += pick({"\r\n", "x\r\n", " \r\n", "\r\n\r\n"});
        break;
      case 1:
        message.fields[2 + below(3)].value += pick({" ", "x", "\r\n\t", "\r\n y"});
        break;
      case 2:
        message.fields.push_back({pick({"X-A", "Subject", "X-Unknown"}), " late"});
        break;
      case 3:
        if (!message.body.empty()) message.body.insert(message.body.begin(), ' ');
        break;
      default:
        break;
    }
  }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  std::string pick(std::initializer_list<const char*> from) {
    return from.begin()[below(static_cast<int>(from.size()))];
  }
  std::string text(bool folds) {
    std::string made = folds ? " " : "";
    for (int i = below(6); i > 0; --i) {
      made += pick({"word", " ", "\t ", "  two", "\xc3\xa4", "=", ";b=x"});
      if (folds && below(6) == 0) made += "\r\n\t";
    }
    return folds ? made + "." : made;
  }

  std::mt19937 random_{20260101};
};

TEST(Differential, SameVerdictAsLibopendkim) {
  Oracle oracle;
  Generator generator;
  Zone zone = zone_of(rsa_key());
  zone["ed._domainkey.example.com"] = ed25519_key().record();
  int passed = 0;
  int failed = 0;
  for (int round = 0; round < 300; ++round) {
    Message message = generator.message();
    add_signature(message, ed25519_key(), [&] {
      SignOptions options = generator.options();
      options.selector = "ed";
      return options;
    }());
    add_signature(message, rsa_key(), generator.options());
    if (round % 2 == 1) generator.damage(message);
    const std::vector<bool> expected = oracle.verify(message, zone);
    const auto results = verify(message, zone, {.chunk = 7});
    ASSERT_EQ(results.size(), expected.size());
    for (std::size_t i = 0; i < results.size(); ++i) {
      // Policy is ours alone: without it the signature would have passed.
      const bool correct =
          results[i].outcome == Outcome::pass || results[i].outcome == Outcome::policy;
      EXPECT_EQ(correct, expected[i]) << summary(results) << "\n" << to_text(message);
      ++(correct ? passed : failed);
    }
  }
  EXPECT_GT(passed, 300);
  EXPECT_GT(failed, 50);
}

TEST(Differential, SameHeaderHashAsLibopendkim) {
  Generator generator;
  for (int round = 0; round < 300; ++round) {
    Message message = generator.message();
    add_signature(message, ed25519_key(), generator.options());
    std::vector<KeptField> fields;
    OpendkimMessage theirs(library());
    for (const auto& field : message.fields) {
      fields.push_back(keep_field(field));
      ASSERT_TRUE(theirs.header(fields.back().text));
    }
    ASSERT_TRUE(theirs.end_of_headers());
    ASSERT_TRUE(theirs.finish().ok());
    const auto signature = parse_signature(message.fields.front().value);
    EXPECT_EQ(header_hash(fields, 0, signature.fields), theirs.hashes().at(0).header)
        << to_text(message);
  }
}

}  // namespace
}  // namespace gatepost::dkim
