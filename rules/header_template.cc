#include "rules/header_template.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

const std::unordered_map<std::string_view, HeaderTag>& known_tags() {
  static const std::unordered_map<std::string_view, HeaderTag> kTags = {
      {"AUTHORDOMAIN", HeaderTag::author_domain},
      {"DATE", HeaderTag::date},
      {"HITS", HeaderTag::score},
      {"HOSTNAME", HeaderTag::host_name},
      {"REPORT", HeaderTag::report},
      {"REQD", HeaderTag::required},
      {"REQUIRED", HeaderTag::required},
      {"SCORE", HeaderTag::score},
      {"SENDERDOMAIN", HeaderTag::sender_domain},
      {"STARS", HeaderTag::stars},
      {"SUBTESTS", HeaderTag::subtests},
      {"SUBVERSION", HeaderTag::subversion},
      {"SUMMARY", HeaderTag::summary},
      {"TESTS", HeaderTag::tests},
      {"TESTSSCORES", HeaderTag::tests_scores},
      {"VERSION", HeaderTag::version},
      {"YESNO", HeaderTag::yes_no},
      {"YESNOCAPS", HeaderTag::yes_no_caps},
  };
  return kTags;
}

// Of SpamAssassin 4 and its plugins: nothing here has their values. Sorted.
constexpr std::string_view kUnsupported[] = {
    "ADDEDHEADER",
    "ADDEDHEADERHAM",
    "ADDEDHEADERSPAM",
    "ASN",
    "ASNCIDR",
    "AUTOLEARN",
    "AUTOLEARNSCORE",
    "AWL",
    "AWLCOUNT",
    "AWLMEAN",
    "AWLPRESCORE",
    "BAYES",
    "BAYESTC",
    "BAYESTCHAMMY",
    "BAYESTCLEARNED",
    "BAYESTCSPAMMY",
    "CONTACTADDRESS",
    "DCCB",
    "DCCR",
    "DCCREP",
    "DKIMDOMAIN",
    "DKIMIDENTITY",
    "DKIMSELECTOR",
    "FIRSTTRUSTEDIP",
    "FIRSTTRUSTEDREVIP",
    "HAMMYTOKENS",
    "HEADER",
    "LANGUAGES",
    "LASTEXTERNALHELO",
    "LASTEXTERNALIP",
    "LASTEXTERNALRDNS",
    "LASTEXTERNALREVIP",
    "PREVIEW",
    "PYZOR",
    "RBL",
    "RELAYCOUNTRY",
    "RELAYCOUNTRYALL",
    "RELAYCOUNTRYAUTH",
    "RELAYCOUNTRYEXT",
    "RELAYSEXTERNAL",
    "RELAYSINTERNAL",
    "RELAYSTRUSTED",
    "RELAYSUNTRUSTED",
    "REMOTEHOSTADDR",
    "REMOTEHOSTNAME",
    "RULESVERSION",
    "SCTYPE",
    "SPAMMYTOKENS",
    "SUBJPREFIX",
    "SUBTESTSCOLLAPSED",
    "TEXTCATRESULTS",
    "TIMING",
    "TOKENSUMMARY",
    "TXREP",
    "URIDOMAINS",
    "URIHOSTS",
    "URILIST",
};

std::string_view meant_by(std::string_view name) {
  static const std::vector<std::string> kShown = [] {
    std::vector<std::string> shown;
    for (const auto& [known, tag] : known_tags()) shown.push_back("_" + std::string(known) + "_");
    std::sort(shown.begin(), shown.end());
    return shown;
  }();
  static const std::vector<std::string_view> kViews(kShown.begin(), kShown.end());
  return did_you_mean(name, kViews);
}

bool is_capital(char c) {
  return (c >= 'A' && c <= 'Z') || is_digit(c);
}

// The text with its escapes read, and where each octet stood.
struct Unescaped {
  std::string text;
  std::vector<std::uint32_t> offsets;

  void add(char c, std::size_t offset) {
    text += c;
    offsets.push_back(static_cast<std::uint32_t>(offset));
  }
};

Unescaped unescape(std::string_view text, Backslashes backslashes) {
  Unescaped out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || backslashes == Backslashes::stay) {
      out.add(text[i], i);
      continue;
    }
    // A backslash at the end says nothing, as one before any other character.
    if (++i == text.size()) break;
    if (text[i] == 'n') out.add('\n', i - 1);
    if (text[i] == 't') out.add('\t', i - 1);
    if (text[i] == '\\') out.add('\\', i - 1);
  }
  return out;
}

// A tag in the text from one `_` to the other.
struct Found {
  std::string_view name;      // "SCORE"
  std::string_view argument;  // "0"
  std::size_t end = 0;        // behind the last `_`; 0: there is none
};

// _NAME_ or _NAME(ARGUMENT)_ at `at`, the longest name first: capitals, digits and single `_`.
Found find_tag(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 1;
  if (begin >= text.size() || !is_capital(text[begin]) || is_digit(text[begin])) return {};
  std::size_t end = begin;
  std::size_t last_underscore = 0;  // a shorter name could end there
  while (end < text.size()) {
    if (is_capital(text[end])) {
      ++end;
    } else if (text[end] == '_' && end + 1 < text.size() && is_capital(text[end + 1])) {
      last_underscore = end++;
    } else {
      break;
    }
  }
  const std::string_view name = text.substr(begin, end - begin);
  if (end < text.size() && text[end] == '_') return {name, {}, end + 1};
  if (end < text.size() && text[end] == '(') {
    const std::size_t close = text.find(")_", end);
    if (close != text.npos) return {name, text.substr(end + 1, close - end - 1), close + 2};
  }
  if (last_underscore == 0) return {};
  return {text.substr(begin, last_underscore - begin), {}, last_underscore + 1};
}

class TemplateReader {
 public:
  TemplateReader(const Unescaped& unescaped, std::vector<TagRemark>& remarks)
      : text_(unescaped.text), offsets_(unescaped.offsets), remarks_(remarks) {}

  HeaderTemplate run() {
    std::size_t at = 0;
    while (at < text_.size()) {
      const Found tag = text_[at] == '_' ? find_tag(text_, at) : Found();
      if (tag.end == 0) {
        literal_ += text_[at++];
        continue;
      }
      take(tag, at);
      at = tag.end;
    }
    end_literal();
    return std::move(out_);
  }

 private:
  void take(const Found& tag, std::size_t at) {
    const auto known = known_tags().find(tag.name);
    if (known != known_tags().end()) {
      if (tag.argument.size() > kMaxTagArgument)
        return remark(TagRemark::Kind::long_argument, tag.name, at);
      end_literal();
      out_.pieces.push_back({known->second, std::string(tag.argument)});
      return;
    }
    if (std::binary_search(std::begin(kUnsupported), std::end(kUnsupported), tag.name))
      return remark(TagRemark::Kind::unsupported, tag.name, at);
    literal_ += text_.substr(at, tag.end - at);
    remark(TagRemark::Kind::unknown, tag.name, at);
  }

  void remark(TagRemark::Kind kind, std::string_view name, std::size_t at) {
    std::string shown = "_" + std::string(name) + "_";
    const std::string_view meant =
        kind == TagRemark::Kind::unknown ? meant_by(shown) : std::string_view();
    remarks_.push_back({kind, std::move(shown), offsets_[at], meant});
  }

  void end_literal() {
    if (!literal_.empty()) out_.pieces.push_back({std::nullopt, std::move(literal_)});
    literal_.clear();
  }

  std::string_view text_;
  const std::vector<std::uint32_t>& offsets_;
  std::vector<TagRemark>& remarks_;
  std::string literal_;
  HeaderTemplate out_;
};

}  // namespace

bool HeaderTemplate::uses(HeaderTag tag) const {
  return std::any_of(pieces.begin(), pieces.end(),
                     [&](const Piece& piece) { return piece.tag == tag; });
}

HeaderTemplate parse_header_template(std::string_view text, Backslashes backslashes,
                                     std::vector<TagRemark>& remarks) {
  const Unescaped unescaped = unescape(text, backslashes);
  return TemplateReader(unescaped, remarks).run();
}

}  // namespace gatepost::rules
