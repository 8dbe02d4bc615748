#include "rules/conditional.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

constexpr int kMaxDepth = 30;
constexpr double kPerlVersion = 5.036;

// What files ask for before they use it, and Gatepost has.
constexpr std::string_view kFeatures[] = {
    // `tflags multiple` of body rules counts as documented
    "Mail::SpamAssassin::Conf::feature_bug6558_free",
    // possessive quantifiers, named captures, \K and the like
    "Mail::SpamAssassin::Conf::perl_min_version_5010000",
    "Mail::SpamAssassin::Conf::feature_originating_ip_headers",
    "Mail::SpamAssassin::Conf::feature_registryboundaries",
    "Mail::SpamAssassin::Conf::feature_welcomelist_blocklist",
    "Mail::SpamAssassin::Plugin::BodyEval::has_check_body_length",
    "Mail::SpamAssassin::Plugin::BodyEval::has_plaintext_body_sig_ratio",
    "Mail::SpamAssassin::Plugin::DKIM::has_arc",
    "Mail::SpamAssassin::Plugin::MIMEEval::has_check_abundant_unicode_ratio",
    "Mail::SpamAssassin::Plugin::MIMEEval::has_check_for_ascii_text_illegal",
    "Mail::SpamAssassin::Plugin::MIMEEval::has_check_qp_ratio",
    "Mail::SpamAssassin::Plugin::MIMEHeader::has_all_header",
    "Mail::SpamAssassin::Plugin::MIMEHeader::has_tflags_multiple",
    "Mail::SpamAssassin::Plugin::SPF::has_check_for_spf_errors",
    "Mail::SpamAssassin::Plugin::URIDetail::has_host_key",
};

// What these add to the language Gatepost has by itself.
constexpr std::string_view kPlugins[] = {
    "BodyEval",  "DKIM",       "DMARC",         "Dmarc",       "DNSEval",
    "FreeMail",  "HTMLEval",   "HTTPSMismatch", "HeaderEval",  "ImageInfo",
    "MIMEEval",  "MIMEHeader", "RelayEval",     "ReplaceTags", "SPF",
    "URIDetail", "URIEval",    "VBounce",       "WLBLEval",    "WelcomeListSubject"};
constexpr std::string_view kPluginPrefix = "Mail::SpamAssassin::Plugin::";

bool is_word_char(char c) {
  return is_alnum(c) || c == '_' || c == ':';
}

class Evaluator {
 public:
  // All plugins and features are there when `all_there`.
  Evaluator(std::string_view text, const ParseOptions& options, bool all_there)
      : text_(text), options_(options), all_there_(all_there) {}

  bool run(Condition& out, ConditionFault& fault) {
    double value = 0;
    bool ok = any(value, 0);
    skip();
    if (ok && at_ < text_.size()) ok = fail("expected '&&', '||' or the end of the condition");
    if (!ok) fault = std::move(fault_);
    out = {value != 0, misses_features_};
    return ok;
  }

 private:
  void skip() {
    while (at_ < text_.size() && is_wsp(text_[at_])) ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  bool fail(std::string what) {
    skip();
    if (at_ < text_.size()) what += ", found '" + printable(text_.substr(at_, 30), 60) + "'";
    fault_ = {std::move(what), at_};
    return false;
  }

  bool any(double& value, int depth) {
    if (!all(value, depth)) return false;
    while (take("||")) {
      double right = 0;
      if (!all(right, depth)) return false;
      value = value != 0 || right != 0 ? 1 : 0;
    }
    return true;
  }

  bool all(double& value, int depth) {
    if (!comparison(value, depth)) return false;
    while (take("&&")) {
      double right = 0;
      if (!comparison(right, depth)) return false;
      value = value != 0 && right != 0 ? 1 : 0;
    }
    return true;
  }

  bool comparison(double& value, int depth) {
    if (!primary(value, depth)) return false;
    constexpr std::string_view kOperators[] = {"==", "!=", ">=", "<=", ">", "<"};
    for (std::size_t i = 0; i < std::size(kOperators); ++i) {
      if (!take(kOperators[i])) continue;
      double right = 0;
      if (!primary(right, depth)) return false;
      const bool results[] = {value == right, value != right, value >= right,
                              value <= right, value > right,  value < right};
      value = results[i] ? 1 : 0;
      return true;
    }
    return true;
  }

  bool primary(double& value, int depth) {
    if (depth > kMaxDepth) return fail("nested too deep");
    if (take("!")) {
      if (!primary(value, depth + 1)) return false;
      value = value == 0 ? 1 : 0;
      return true;
    }
    if (take("(")) {
      if (!any(value, depth + 1)) return false;
      return take(")") || fail("expected ')'");
    }
    skip();
    if (at_ < text_.size() && is_digit(text_[at_])) {
      const char* end = text_.data() + text_.size();
      const auto [stop, error] =
          std::from_chars(text_.data() + at_, end, value, std::chars_format::fixed);
      if (error != std::errc()) return fail("expected a number");
      at_ = static_cast<std::size_t>(stop - text_.data());
      return true;
    }
    return name(value);
  }

  std::string_view word() {
    skip();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word_char(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  bool name(double& value) {
    skip();
    const std::size_t begin = at_;
    const std::string_view what = word();
    if (what == "version") return value = options_.version, true;
    if (what == "perl_version") return value = kPerlVersion, true;
    if (what == "local_tests_only") return value = 0, true;
    if (what != "plugin" && what != "can" && what != "has") {
      at_ = begin;
      return fail("expected version, plugin(NAME), can(NAME), has(NAME) or a number");
    }
    if (!take("(")) return fail("expected '(' behind " + std::string(what));
    const std::string_view argument = word();
    if (argument.empty()) return fail("expected a name such as Mail::SpamAssassin::Plugin::SPF");
    if (!take(")")) return fail("expected ')' behind '" + printable(argument, 100) + "'");
    value = (what == "plugin" ? has_plugin(argument, options_) : has_feature(argument)) ? 1 : 0;
    if (all_there_) value = 1;
    if (value == 0) misses_features_ = true;
    return true;
  }

  bool has_feature(std::string_view feature) const {
    return std::find(std::begin(kFeatures), std::end(kFeatures), feature) != std::end(kFeatures) ||
           std::find(options_.features.begin(), options_.features.end(), feature) !=
               options_.features.end();
  }

  std::string_view text_;
  const ParseOptions& options_;
  std::size_t at_ = 0;
  const bool all_there_;
  bool misses_features_ = false;
  ConditionFault fault_;
};

}  // namespace

bool has_plugin(std::string_view name, const ParseOptions& options) {
  if (name.starts_with(kPluginPrefix) &&
      std::find(std::begin(kPlugins), std::end(kPlugins), name.substr(kPluginPrefix.size())) !=
          std::end(kPlugins)) {
    return true;
  }
  return std::find(options.plugins.begin(), options.plugins.end(), name) != options.plugins.end();
}

bool evaluate_condition(std::string_view text, const ParseOptions& options, Condition& out,
                        ConditionFault& fault) {
  if (!Evaluator(text, options, false).run(out, fault)) return false;
  if (out.misses_features) {
    Condition whole;
    out.misses_features =
        Evaluator(text, options, true).run(whole, fault) && whole.holds != out.holds;
  }
  return true;
}

}  // namespace gatepost::rules
