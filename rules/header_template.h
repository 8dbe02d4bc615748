#pragma once
// Texts with tags for header fields, as rewrite_header and add_header of rule files have them:
// `[SPAM _SCORE_]`.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::rules {

/// What a tag stands for. Its value is known with the verdict: the session fills it in.
enum class HeaderTag {
  yes_no,         ///< _YESNO_, _YESNO(SPAM,HAM)_
  yes_no_caps,    ///< _YESNOCAPS_, the same in capitals
  score,          ///< _SCORE(PAD)_, _HITS(PAD)_: zeros or blanks to pad with
  required,       ///< _REQD_, _REQUIRED_
  tests,          ///< _TESTS(SEPARATOR)_
  tests_scores,   ///< _TESTSSCORES(SEPARATOR)_
  subtests,       ///< _SUBTESTS(SEPARATOR)_
  stars,          ///< _STARS(CHARACTER)_
  report,         ///< _REPORT_
  summary,        ///< _SUMMARY_
  host_name,      ///< _HOSTNAME_
  version,        ///< _VERSION_
  subversion,     ///< _SUBVERSION_
  date,           ///< _DATE_
  sender_domain,  ///< _SENDERDOMAIN_
  author_domain,  ///< _AUTHORDOMAIN_
};

/// A text in pieces.
struct HeaderTemplate {
  struct Piece {
    std::optional<HeaderTag> tag;  ///< none: `text` stands as it is
    std::string text;              ///< of a tag what stands in its parentheses, or empty
    bool operator==(const Piece&) const = default;
  };
  std::vector<Piece> pieces;

  bool uses(HeaderTag tag) const;
  bool operator==(const HeaderTemplate&) const = default;
};

/// Something to say about a tag.
struct TagRemark {
  enum class Kind {
    unsupported,    ///< SpamAssassin or one of its plugins has it: it stays empty here
    unknown,        ///< nobody has it: it stays as text, as in SpamAssassin
    long_argument,  ///< more than kMaxTagArgument octets in its parentheses
  };
  Kind kind = Kind::unsupported;
  std::string name;        ///< "_BAYES_"
  std::size_t offset = 0;  ///< of its first `_` in the text
  std::string_view meant;  ///< of an unknown one: what it may have meant, "_SCORE_", or empty
};

/// Octets between a tag's parentheses.
constexpr std::size_t kMaxTagArgument = 100;

/// How backslashes are read: add_header knows `\n`, `\t` and `\\` and drops all others with the
/// character behind them; rewrite_header leaves them as they are.
enum class Backslashes { escape, stay };

/// Reads a text with tags (Mail::SpamAssassin::Conf, TEMPLATE TAGS). A name is as long as it can
/// be: `_YESNO_SCORE_` is one tag, which nobody has. Pure; linear but for tags whose parentheses do
/// not end.
/// @param remarks  what there is to say is added here, in the order of the text
HeaderTemplate parse_header_template(std::string_view text, Backslashes backslashes,
                                     std::vector<TagRemark>& remarks);

}  // namespace gatepost::rules
