// ARC through a session: what is stated, what a trusted sealer changes, and sets of ours.

#include "tests/dkim/arc/arc_test.h"

#include "filter/checks/arc_trust.h"
#include "tests/filter/checks/checks_test.h"
#include "tests/support/session/fake_quarantine.h"

namespace gatepost::test {
namespace {

// --- trust ---------------------------------------------------------------------------------------

arc::ChainResult chain_of(std::vector<std::pair<const char*, const char*>> sets) {
  arc::ChainResult chain;
  chain.status = arc::ChainStatus::pass;
  chain.author_signed = true;
  chain.oldest_pass = 0;
  for (const auto& [domain, results] : sets) {
    arc::SetResult set;
    set.instance = ++chain.instance;
    set.seal.domain = domain;
    set.seal.selector = "s";
    set.results = results;
    chain.sets.push_back(std::move(set));
  }
  return chain;
}

dmarc::Outcome failed() {
  dmarc::Outcome outcome;
  outcome.result = dmarc::ResultCode::fail;
  outcome.author_domain = "news.author.example";
  outcome.org_domain = "author.example";
  return outcome;
}

constexpr char kProof[] = " mx.list.example; dmarc=pass header.from=news.author.example";

struct TrustCase {
  const char* name;
  std::vector<std::pair<const char*, const char*>> sets;
  const char* answer;  ///< "-": nothing to say
  const char* detail;
  void (*change)(arc::ChainResult&, dmarc::Outcome&) = [](arc::ChainResult&, dmarc::Outcome&) {};
};

const TrustCase kTrustCases[] = {
    {"no_chain", {}, "-", ""},
    {"sealer_not_on_the_list", {{"other.example", kProof}}, "-", ""},
    {"subdomain_of_a_listed_name_is_another", {{"x.list.example", kProof}}, "-", ""},
    {"names_below_a_dot",
     {{"a.relays.example", kProof}},
     "yes",
     "a.relays.example (set 1) says dmarc=pass for news.author.example"},
    {"dmarc_passed",
     {{"list.example", kProof}},
     "yes",
     "list.example (set 1) says dmarc=pass for news.author.example"},
    {"dmarc_failed_there_too",
     {{"list.example", " mx; dmarc=fail header.from=news.author.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"dmarc_passed_for_another_author",
     {{"list.example", " mx; dmarc=pass header.from=evil.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"dmarc_passed_for_whom",
     {{"list.example", " mx; dmarc=pass"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"spf_aligned",
     {{"list.example", " mx; spf=pass smtp.mailfrom=bounce@author.example"}},
     "yes",
     "list.example (set 1) says spf=pass for news.author.example"},
    {"spf_not_aligned",
     {{"list.example", " mx; spf=pass smtp.mailfrom=a@evil.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"spf_helo_is_no_identity_of_dmarc",
     {{"list.example", " mx; spf=pass smtp.helo=news.author.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"dkim_aligned",
     {{"list.example", " mx; dkim=pass header.d=author.example"}},
     "yes",
     "list.example (set 1) says dkim=pass for news.author.example"},
    {"dkim_aligned_by_i",
     {{"list.example", " mx; dkim=pass header.i=@news.author.example"}},
     "yes",
     "list.example (set 1) says dkim=pass for news.author.example"},
    {"dkim_failed",
     {{"list.example", " mx; dkim=fail header.d=author.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"strict_alignment",
     {{"list.example", " mx; dkim=pass header.d=author.example"}},
     "no",
     "no trusted set says that news.author.example was authenticated",
     [](arc::ChainResult&, dmarc::Outcome& o) { o.dkim.mode = dmarc::AlignmentMode::strict; }},
    {"strict_alignment_of_the_same_domain",
     {{"list.example", " mx; dkim=pass header.d=news.author.example"}},
     "yes",
     "list.example (set 1) says dkim=pass for news.author.example",
     [](arc::ChainResult&, dmarc::Outcome& o) { o.dkim.mode = dmarc::AlignmentMode::strict; }},
    {"older_trusted_set_knows",
     {{"list.example", kProof}, {"list.example", " mx; dmarc=fail"}},
     "yes",
     "list.example (set 1) says dmarc=pass for news.author.example"},
    {"not_behind_one_who_is_not_trusted",
     {{"list.example", kProof}, {"evil.example", " x; none"}, {"list.example", " mx; dmarc=fail"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"results_that_cannot_be_read",
     {{"list.example", " mx; dmarc=pass (never"}},
     "no",
     "no trusted set says that news.author.example was authenticated"},
    {"broken_chain",
     {{"list.example", kProof}},
     "no",
     "sealed by list.example, but ARC-Seal of set 1: signature does not match",
     [](arc::ChainResult& c, dmarc::Outcome&) {
       c.status = arc::ChainStatus::fail;
       c.reason = "ARC-Seal of set 1: signature does not match";
     }},
    {"key_not_available_now",
     {{"list.example", kProof}},
     "unknown",
     "sealed by list.example, but ARC-Seal of set 1: key query: timeout",
     [](arc::ChainResult& c, dmarc::Outcome&) {
       c.status = arc::ChainStatus::fail;
       c.temporary = true;
       c.reason = "ARC-Seal of set 1: key query: timeout";
     }},
    {"from_not_signed",
     {{"list.example", kProof}},
     "no",
     "list.example did not sign the From field",
     [](arc::ChainResult& c, dmarc::Outcome&) { c.author_signed = false; }},
};

class Trust : public ::testing::TestWithParam<TrustCase> {};

TEST_P(Trust, IsGivenForProofOnly) {
  const TrustCase& row = GetParam();
  arc::ChainResult chain = chain_of(row.sets);
  dmarc::Outcome outcome = failed();
  row.change(chain, outcome);
  const auto trust =
      arc_trust(chain, *MatchList::parse({"list.example", ".relays.example"}), outcome);
  const std::string answer = !trust                                       ? "-"
                             : trust->answer == ArcTrust::Answer::yes     ? "yes"
                             : trust->answer == ArcTrust::Answer::unknown ? "unknown"
                                                                          : "no";
  EXPECT_EQ(answer, row.answer);
  EXPECT_EQ(trust ? trust->detail : "", row.detail);
  EXPECT_EQ(trust && !trust->comment.empty(), answer == "yes");
}
INSTANTIATE_TEST_SUITE_P(Arc, Trust, ::testing::ValuesIn(kTrustCases),
                         [](const auto& row) { return row.param.name; });

TEST(ArcTrustComment, IsForReports) {
  const auto chain = chain_of({{"a.relays.example", kProof}, {"list.example", " mx; none"}});
  const auto trust =
      arc_trust(chain, *MatchList::parse({"list.example", ".relays.example"}), failed());
  ASSERT_TRUE(trust.has_value());
  EXPECT_EQ(trust->comment,
            "arc=pass as[2].d=list.example as[2].s=s as[1].d=a.relays.example as[1].s=s");
  arc::ChainResult many = chain;
  for (int i = 0; i < 45; ++i) many.sets.push_back(many.sets.back());
  EXPECT_LE(arc_trust(many, *MatchList::parse({"list.example", ".relays.example"}), failed())
                ->comment.size(),
            340U);
}

// --- in a session --------------------------------------------------------------------------------

/// A message of author.example that list.example passed on with a footer.
std::string forwarded_letter(const char* results, const char* tampered = "") {
  arc::test::Message message = dkim::test::parse_message(
      "From: Ann <ann@author.example>\nTo: list@list.example\nSubject: [list] hello\n"
      "Date: Fri, 2 Jan 2026 10:00:00 +0000\n\nhello\n-- \nA footer of the list.\n");
  arc::SealOptions options{"list.example", "s", arc::test::key()};
  auto sealer = arc::Sealer::begin(message.fields, options, 1700000000);
  sealer->body(message.body);
  const auto set = sealer->finish({}, *authres::parse(results));
  EXPECT_TRUE(set.ok());
  arc::test::add_set(message, *set);
  message.body += tampered;
  return dkim::test::to_text(message);
}

/// A TXT record in strings of at most 255 octets.
std::string strings(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 200)
    out += (at == 0 ? "\"" : " \"") + text.substr(at, 200) + "\"";
  return out;
}

std::string zone() {
  return R"(
author.example.         TXT "v=spf1 -all"
_dmarc.author.example.  TXT "v=DMARC1; p=reject"
list.example.           TXT "v=spf1 ip4:192.0.2.1 -all"
s._domainkey.list.example. TXT )" +
         strings(arc::test::key()->record()) + "\n";
}

constexpr char kPassed[] = "mx.list.example; dmarc=pass header.from=author.example";

struct Case {
  const char* name;
  std::string text;
  const char* findings;
  Action action;
  void (*arrange)(SessionRig&, Policy&) = [](SessionRig&, Policy&) {};
};

std::vector<Case> cases() {
  const auto trusted = [](SessionRig&, Policy& p) {
    p.arc_trusted_sealers = *MatchList::parse({"list.example"});
  };
  return {
      {"trusted", forwarded_letter(kPassed),
       "ARC_PASS(i=1 sealed by list.example) DMARC_REJECT(author.example) "
       "ARC_TRUSTED(list.example (set 1) says dmarc=pass for author.example; arc=pass "
       "as[1].d=list.example as[1].s=s)",
       Action::none, trusted},
      {"not_trusted", forwarded_letter(kPassed),
       "ARC_PASS(i=1 sealed by list.example) DMARC_REJECT(author.example)", Action::reject},
      {"trusted_without_proof", forwarded_letter("mx.list.example; dmarc=fail"),
       "ARC_PASS(i=1 sealed by list.example) DMARC_REJECT(author.example) "
       "ARC_TRUSTED_UNPROVEN(no trusted set says that author.example was authenticated)",
       Action::reject, trusted},
      {"trusted_and_changed_since", forwarded_letter(kPassed, "more\r\n"),
       "ARC_FAIL(ARC-Message-Signature of set 1: body hash does not match) "
       "DMARC_REJECT(author.example) "
       "ARC_TRUSTED_UNPROVEN(sealed by list.example, but ARC-Message-Signature of set 1: body hash "
       "does not match)",
       Action::reject, trusted},
      {"trusted_and_dns_is_down", forwarded_letter(kPassed),
       "ARC_TEMPERROR(ARC-Message-Signature of set 1: key query: servfail (servfail)) "
       "DMARC_REJECT(author.example) "
       "ARC_TRUSTED_TEMPERROR(sealed by list.example, but ARC-Message-Signature of set 1: key "
       "query: servfail (servfail))",
       Action::tempfail,
       [](SessionRig& rig, Policy& p) {
         p.arc_trusted_sealers = *MatchList::parse({"list.example"});
         rig.resolver.fail("s._domainkey.list.example", dns::Status::servfail);
       }},
      {"trusted_with_the_check_left_out", forwarded_letter(kPassed), "DMARC_REJECT(author.example)",
       Action::reject,
       [](SessionRig&, Policy& p) {
         p.arc_trusted_sealers = *MatchList::parse({"list.example"});
         p.disabled_checks = {"arc"};
       }},
  };
}

/// Findings of the checks arc and dmarc with their details.
std::string our_findings(const SessionRig& rig) {
  std::string text;
  for (const Finding& finding : rig.records.back().findings) {
    const FindingInfo* info = info_of(finding);
    if (info == nullptr || (info->check != "arc" && info->check != "dmarc")) continue;
    text += (text.empty() ? "" : " ") + finding.name + "(" + finding.detail + ")";
  }
  return text;
}

class ArcSession : public ::testing::TestWithParam<Case> {};

TEST_P(ArcSession, FindingsAndAction) {
  const Case& row = GetParam();
  SessionRig rig(program_checks({"message", "dkim", "spf", "arc", "dmarc"}), zone());
  rig.set_policy([&](Policy& p) {
    p.dmarc_enforce = dmarc::Enforcement::strict;
    p.disabled_checks = {};
    row.arrange(rig, p);
  });
  Letter letter;
  letter.mail_from = "<list-bounces@list.example>";
  letter.text = row.text;
  const Verdict verdict = rig.send(letter);
  ASSERT_FALSE(rig.records.empty());
  EXPECT_EQ(our_findings(rig), row.findings);
  EXPECT_EQ(verdict.action, row.action) << verdict.reply.line();
  if (row.action == Action::none) {
    EXPECT_EQ(verdict.score, 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Arc, ArcSession, ::testing::ValuesIn(cases()),
                         [](const auto& row) { return row.param.name; });

TEST(ArcSessionFields, SayWhatWasDone) {
  SessionRig rig(program_checks({"message", "dkim", "spf", "arc", "dmarc"}), zone());
  rig.set_policy([](Policy& p) {
    p.dmarc_enforce = dmarc::Enforcement::strict;
    p.arc_trusted_sealers = *MatchList::parse({"list.example"});
  });
  Letter letter;
  letter.mail_from = "<list-bounces@list.example>";
  letter.text = forwarded_letter(kPassed);
  const Verdict verdict = rig.send(letter);
  std::string field = results_field(verdict);
  std::erase(field, '\n');
  std::replace(field.begin(), field.end(), '\t', ' ');
  EXPECT_NE(field.find("arc=pass (i=1 sealed by list.example) header.oldest-pass=0 "
                       "smtp.remote-ip=192.0.2.1"),
            std::string::npos)
      << field;
  EXPECT_NE(field.find("dmarc=fail (p=reject dis=none override=trusted_forwarder) "
                       "header.from=author.example"),
            std::string::npos)
      << field;
  const std::string line = summary_line(rig.records.back());
  EXPECT_NE(line.find(" dmarc=fail dmarc_disposition=none(trusted_forwarder) arc=pass "),
            std::string::npos)
      << line;
  const std::string json = to_json(rig.records.back());
  EXPECT_NE(json.find(R"("overrides":[{"type":"trusted_forwarder","comment":"list.example (set 1) )"
                      R"(says dmarc=pass for author.example; arc=pass as[1].d=list.example )"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(R"("arc":{"result":"pass","instance":1)"), std::string::npos) << json;
}

// --- sealing -------------------------------------------------------------------------------------

void seal_with_our_key(Policy& policy) {
  policy.dmarc_enforce = dmarc::Enforcement::off;  // what is refused is not sealed
  policy.authserv_id = "mx.our.example";
  policy.arc_seal = std::make_shared<const arc::SealOptions>(
      arc::SealOptions{"our.example", "a1", arc::test::key()});
}

std::string zone_with_ours() {
  return zone() + "a1._domainkey.our.example. TXT " + strings(arc::test::key()->record()) + "\n";
}

std::string edit(const Verdict& verdict, std::string_view name) {
  for (const HeaderEdit& each : verdict.edits) {
    if (each.kind == HeaderEdit::Kind::insert && each.name == name) return each.value;
  }
  return "";
}

Letter list_letter(const std::string& text) {
  Letter letter;
  letter.mail_from = "<list-bounces@list.example>";
  letter.text = text;
  return letter;
}

/// The message as it goes out, validated as whoever comes next would.
arc::ChainResult next_hop(const Verdict& verdict, const std::string& text) {
  auto message = dkim::test::parse_message(text);
  for (const HeaderEdit& each : verdict.edits) {
    if (each.kind != HeaderEdit::Kind::insert) continue;
    std::string value = " ";
    for (const char c : each.value) value += c == '\n' ? std::string("\r\n") : std::string(1, c);
    message.fields.insert(message.fields.begin(), {each.name, value});
  }
  return arc::test::validate(message,
                             {{"a1._domainkey.our.example", arc::test::key()->record()},
                              {"s._domainkey.list.example", arc::test::key()->record()}},
                             {.now = 4000000000});
}

TEST(Sealing, AddsASetThatTheNextHopValidates) {
  SessionRig rig(program_checks(), zone_with_ours());
  rig.set_policy([](Policy& p) { seal_with_our_key(p); });
  const std::string plain = "From: ann@list.example\nSubject: hello\nX-Spam-Flag: NO\n\nhello \n\n";
  const Verdict verdict = rig.send(list_letter(plain));
  ASSERT_EQ(verdict.edits.back().name, "ARC-Seal") << "it stands on top";
  EXPECT_NE(findings_with_details(rig).find("ARC_SEALED(d=our.example s=a1 i=1 cv=none)"),
            std::string::npos)
      << findings_with_details(rig);
  const arc::ChainResult chain = next_hop(verdict, plain);
  EXPECT_EQ(arc::test::summary(chain), "pass");
  EXPECT_TRUE(chain.author_signed);
  // Word for word what we say ourselves.
  EXPECT_EQ(edit(verdict, "ARC-Authentication-Results"),
            "i=1; " + edit(verdict, "Authentication-Results"));
  EXPECT_NE(edit(verdict, "ARC-Authentication-Results").find("iprev="), std::string::npos);
  EXPECT_NE(summary_line(rig.records.back()).find(" sealed=a1._domainkey.our.example"),
            std::string::npos);
}

TEST(Sealing, GoesOnWithAChain) {
  SessionRig rig(program_checks(), zone_with_ours());
  rig.set_policy([](Policy& p) { seal_with_our_key(p); });
  const std::string text = forwarded_letter(kPassed);
  const Verdict verdict = rig.send(list_letter(text));
  const arc::ChainResult chain = next_hop(verdict, text);
  EXPECT_EQ(arc::test::summary(chain), "pass");
  EXPECT_EQ(chain.instance, 2) << findings_with_details(rig);
  EXPECT_NE(chain.sets.back().results.find("arc=pass"), std::string::npos);
}

TEST(Sealing, SaysThatAChainIsBroken) {
  SessionRig rig(program_checks(), zone_with_ours());
  rig.set_policy([](Policy& p) { seal_with_our_key(p); });
  const std::string text = forwarded_letter(kPassed, "more\r\n");
  const Verdict verdict = rig.send(list_letter(text));
  EXPECT_NE(edit(verdict, "ARC-Seal").find("cv=fail"), std::string::npos);
  EXPECT_TRUE(next_hop(verdict, text).ended);
}

TEST(Sealing, ResultsOfOurRelayGoOn) {
  SessionRig rig(program_checks(), zone_with_ours());
  rig.set_policy([](Policy& p) {
    seal_with_our_key(p);
    p.trusted_relays = *MatchList::parse({"192.0.2.1"});
  });
  const std::string text =
      "Authentication-Results: mx.our.example; dmarc=pass header.from=list.example;\n"
      " arc=pass\n"
      "Authentication-Results: mx.other.example; spf=pass\nFrom: ann@list.example\n\nhello\n";
  const std::string results = edit(rig.send(list_letter(text)), "ARC-Authentication-Results");
  EXPECT_NE(results.find("dmarc=pass header.from=list.example"), std::string::npos) << results;
  EXPECT_EQ(results.find("\tarc="), std::string::npos) << results;
}

struct NotSealedCase {
  const char* name;
  const char* finding;
  void (*arrange)(Connection&, Policy&) = [](Connection&, Policy&) {};
  const char* login = "";
  const char* text = "From: ann@list.example\n\nhello\n";
};

const NotSealedCase kNotSealed[] = {
    {"off", "", [](Connection&, Policy& p) { p.arc_seal.reset(); }},
    {"observe_mode", "", [](Connection&, Policy& p) { p.mode = Mode::observe; }},
    {"check_left_out", "", [](Connection&, Policy& p) { p.disabled_checks = {"sealing"}; }},
    {"without_validation", "ARC_NOT_SEALED(the check arc is left out)",
     [](Connection&, Policy& p) { p.disabled_checks = {"arc"}; }},
    {"login", "", [](Connection&, Policy&) {}, "ann@our.example"},
    {"submit_network", "",
     [](Connection&, Policy& p) { p.submit_networks = *MatchList::parse({"192.0.2.1"}); }},
    {"local_mail", "", [](Connection& c, Policy&) { c.local = true; }},
    {"refused", "",
     [](Connection&, Policy& p) {
       p.set_rule("FROM_SEVERAL", {0, Action::reject});
     },
     "", "From: a@list.example, b@list.example\n\nhello\n"},
    {"no_from", "ARC_NOT_SEALED(message has no From field)", [](Connection&, Policy&) {}, "",
     "Subject: x\n\nhello\n"},
    {"chain_without_instances", "ARC_NOT_SEALED(no ARC field of the message has an instance)",
     [](Connection&, Policy&) {}, "", "ARC-Seal: i=a\nFrom: ann@list.example\n\nhello\n"},
};

class NotSealed : public ::testing::TestWithParam<NotSealedCase> {};

TEST_P(NotSealed, SaysWhy) {
  const NotSealedCase& row = GetParam();
  SessionRig rig(program_checks({"message", "arc", "sealing"}));
  Connection connection = SessionRig::client();
  rig.set_policy([&](Policy& p) {
    seal_with_our_key(p);
    row.arrange(connection, p);
  });
  rig.connect(connection);
  rig.helo("mx");
  rig.mail("<ann@list.example>", row.login);
  rig.rcpt();
  const Verdict verdict = rig.content(row.text);
  EXPECT_EQ(edit(verdict, "ARC-Seal"), "");
  EXPECT_EQ(edit(verdict, "ARC-Authentication-Results"), "");
  const std::string found = findings_with_details(rig);
  if (std::string_view(row.finding).empty())
    EXPECT_EQ(found.find("SEALED"), std::string::npos) << found;
  else
    EXPECT_NE(found.find(row.finding), std::string::npos) << found;
}
INSTANTIATE_TEST_SUITE_P(Arc, NotSealed, ::testing::ValuesIn(kNotSealed),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace gatepost::test
