// Rules see the same texts here as in SpamAssassin: its own view of the corpus is the oracle.
// VIEW_ORACLE_MESSAGES sets how many messages of the corpus are asked (300), VIEW_ORACLE_SHOW how
// many differences of a kind are shown (3).

#include "tests/core/mail/view_oracle.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/mail/view.h"
#include "tests/core/mail/content_support.h"

namespace gatepost::mail {
namespace {

using gatepost::test::octets_of;
using gatepost::test::pieces_of;
using nlohmann::json;

std::size_t setting(const char* name, std::size_t otherwise) {
  const char* set = std::getenv(name);
  return set != nullptr ? std::stoul(set) : otherwise;
}

// How many messages were equal in one respect, and what the others looked like.
class Tally {
 public:
  void add(const std::string& name, bool equal, const std::string& how) {
    Row& row = rows_[name];
    ++row.asked;
    if (equal)
      ++row.equal;
    else if (++row.shown <= show_)
      std::printf("%s: %s\n", name.c_str(), how.c_str());
  }
  double share(const std::string& name) const {
    const auto row = rows_.find(name);
    if (row == rows_.end()) return 0;
    return static_cast<double>(row->second.equal) / static_cast<double>(row->second.asked);
  }
  void print() const {
    for (const auto& [name, row] : rows_)
      std::printf("%-24s %zu of %zu equal (%.2f %%)\n", name.c_str(), row.equal, row.asked,
                  100 * share(name));
  }

 private:
  struct Row {
    std::size_t asked = 0;
    std::size_t equal = 0;
    std::size_t shown = 0;
  };
  std::map<std::string, Row> rows_;
  std::size_t show_ = setting("VIEW_ORACLE_SHOW", 3);
};

std::string quoted(const std::string& text) {
  return text.size() > 300 ? printable(text.substr(0, 300)) + "…" : printable(text);
}

void compare_pieces(Tally& tally, const std::string& name, const std::string& file,
                    const std::vector<std::string>& theirs, const std::vector<std::string>& ours) {
  std::size_t at = 0;
  while (at < theirs.size() && at < ours.size() && theirs[at] == ours[at]) ++at;
  const bool equal = theirs == ours;
  std::string how;
  if (!equal) {
    std::string a = at < theirs.size() ? theirs[at] : "(none)";
    std::string b = at < ours.size() ? ours[at] : "(none)";
    std::size_t same = 0;
    while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
    const std::size_t from = same > 40 ? same - 40 : 0;
    how = file + " piece " + std::to_string(at) + " of " + std::to_string(theirs.size()) + "/" +
          std::to_string(ours.size()) +
          "\n  theirs: " + quoted(a.substr(std::min(from, a.size()))) +
          "\n  ours:   " + quoted(b.substr(std::min(from, b.size())));
  }
  tally.add(name, equal, how);
}

double number_of(const json& value) {
  return value.is_number()   ? value.get<double>()
         : value.is_string() ? std::stod(value.get<std::string>())
                             : NAN;
}

void compare_facts(Tally& tally, const std::string& file, const json& theirs,
                   const HtmlFacts& ours) {
  const auto number = [&](const char* name, std::optional<double> mine) {
    const std::optional<double> other =
        theirs.contains(name) ? std::make_optional(number_of(theirs[name])) : std::nullopt;
    const bool equal =
        other.has_value() == mine.has_value() && (!mine || std::abs(*mine - *other) < 1e-9);
    tally.add(std::string("html ") + name, equal,
              file + " theirs " + (other ? std::to_string(*other) : "none") + " ours " +
                  (mine ? std::to_string(*mine) : "none"));
  };
  const auto flag = [&](const char* name, bool mine) {
    tally.add(std::string("html ") + name, theirs.contains(name) == mine, file);
  };
  number("html_length", static_cast<double>(ours.html_length));
  number("non_space_len", static_cast<double>(ours.non_space_len));
  number("ratio", ours.ratio);
  number("image_area", ours.image_area);
  number("min_size", static_cast<double>(ours.min_size));
  number("max_size", static_cast<double>(ours.max_size));
  number("bad_tag_ratio", ours.bad_tag_ratio);
  number("non_element_ratio", ours.non_element_ratio);
  number("closed_extra_ratio", ours.closed_extra_ratio);
  number("obfuscation_ratio", ours.obfuscation_ratio);
  if (theirs.contains("backhair_count"))
    number("backhair_count", static_cast<double>(ours.backhair_count));
  flag("font_low_contrast", ours.font_low_contrast);
  flag("font_invalid_color", ours.font_invalid_color);
  flag("font_face_bad", ours.font_face_bad);
  flag("form_action_mailto", ours.form_action_mailto);
  flag("embeds", ours.embeds);
  std::map<std::string, int> inside;
  for (const auto& [name, count] : theirs.at("inside").items()) inside[name] = count;
  tally.add("html inside",
            inside == std::map<std::string, int>(ours.inside.begin(), ours.inside.end()), file);
  const auto texts = [&](const char* name, const std::vector<std::string>& mine) {
    std::vector<std::string> other;
    for (const auto& text : theirs.at(name)) {
      // Ours are always UTF-8.
      std::string octets = octets_of(text);
      if (!is_valid_utf8(octets)) octets = text.get<std::string>();
      other.push_back(std::move(octets));
    }
    compare_pieces(tally, std::string("html ") + name, file, other, mine);
  };
  texts("title", ours.title);
  texts("comment", ours.comment);
  texts("script", ours.script);
  texts("anchor", ours.anchor);
}

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

void compare_urls(Tally& tally, const std::string& file, const json& theirs,
                  const std::vector<Url>& urls) {
  std::map<std::string, const Url*> ours;
  for (const Url& url : urls) ours[url.raw] = &url;
  bool all = true;
  for (const auto& [key, info] : theirs.items()) {
    const std::string raw = octets_of(json(key));
    const auto found = ours.find(raw);
    tally.add("url found", found != ours.end(), file + " misses " + quoted(raw));
    if (found == ours.end()) {
      all = false;
      continue;
    }
    const Url& url = *found->second;
    const auto compare = [&](const char* name, const std::vector<std::string>& mine) {
      std::vector<std::string> other;
      for (const auto& text : info.at(name)) other.push_back(octets_of(text));
      const bool equal = sorted(other) == sorted(mine);
      if (!equal && name != std::string_view("anchor")) all = false;
      tally.add(std::string("url ") + name, equal,
                file + " " + quoted(raw) + "\n  theirs " +
                    quoted(json(other).dump(-1, ' ', true, json::error_handler_t::replace)) +
                    "\n  ours   " +
                    quoted(json(mine).dump(-1, ' ', true, json::error_handler_t::replace)));
    };
    compare("cleaned", url.cleaned);
    compare("types", url.types);
    compare("domains", url.domains);
    compare("anchor", url.anchor_texts);
    ours.erase(found);
  }
  for (const auto& [raw, url] : ours) {
    all = false;
    tally.add("url found", false, file + " has " + quoted(raw) + " too much");
  }
  tally.add("urls of message", all, file);
}

TEST(ViewOracle, RulesSeeWhatSpamAssassinsRulesSee) {
  const std::filesystem::path folder = GATEPOST_BINARY_DIR "/view-oracle";
  if (!gatepost::test::spamassassin_is_here()) GTEST_SKIP() << "no spamassassin";
  const auto files = gatepost::test::oracle_messages(folder, setting("VIEW_ORACLE_MESSAGES", 300));
  if (files.empty()) GTEST_SKIP() << "no shared data";
  Tally tally;
  const Registries registries = gatepost::test::registries_of_spamassassin();
  // Redirectors are told by the rules' patterns; those that name their target in the open are not.
  const UrlSettings url_settings{.registries = &registries, .redirect = {}, .idn = false};
  ASSERT_TRUE(gatepost::test::ask_spamassassin(
      files, folder, [&](const std::string& file, const json& theirs) {
        const auto message = gatepost::test::message_of(gatepost::test::read_file(file));
        auto view = MessageView::open(*message).value();
        compare_pieces(tally, "body", file, pieces_of(theirs.at("body")),
                       pieces_of(view.content().body));
        compare_pieces(tally, "visible body", file, pieces_of(theirs.at("visible")),
                       pieces_of(view.visible_body()));
        compare_pieces(tally, "invisible body", file, pieces_of(theirs.at("invisible"), false),
                       pieces_of(view.invisible_body()));
        compare_pieces(tally, "rawbody", file, pieces_of(theirs.at("rawbody"), false),
                       pieces_of(view.content().rawbody));
        std::vector<std::string> types;
        for (const auto& part : view.parts()) types.push_back(part.type);
        compare_pieces(tally, "types", file, theirs.at("types").get<std::vector<std::string>>(),
                       types);
        compare_urls(tally, file, theirs.value("uris", json::object()), view.urls(url_settings));
        const json html = theirs.value("html", json::array());
        tally.add("html parts", html.size() == view.html().size(), file);
        for (std::size_t i = 0; i < std::min(html.size(), view.html().size()); ++i)
          compare_facts(tally, file, html[i], view.html()[i]);
      }));
  tally.print();
  // What is left of 330 messages, and why:
  // - spam/016: its first delimiter stands where a field may stand and has a colon, so it is a
  // field
  //   for us (and for an MTA); theirs looks for the boundary in the header.
  // - spam/bsmtp: the commands of SMTP in front are the header's first lines for theirs.
  // - spam-2-34fe…: "==" at the end of a line and "3D" in the next are one "=" for theirs, which
  //   joins soft line breaks before it decodes; RFC 2045 section 6.7 allows no such thing.
  // - spam-2-b05d… (Big5), backhair_count alone, 2 for theirs and 0 for ours: the cause is not
  // known.
  EXPECT_GE(tally.share("body"), 0.99);
  EXPECT_GE(tally.share("visible body"), 0.99);
  EXPECT_GE(tally.share("invisible body"), 0.99);
  EXPECT_GE(tally.share("rawbody"), 0.985);
  EXPECT_GE(tally.share("types"), 0.99);
  EXPECT_GE(tally.share("html inside"), 0.98);
  EXPECT_GE(tally.share("url found"), 0.99);
  EXPECT_GE(tally.share("url cleaned"), 0.99);
}

}  // namespace
}  // namespace gatepost::mail
