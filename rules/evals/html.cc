// What HTML parts are made of.

#include <algorithm>
#include <cmath>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"
#include "rules/evals/locales.h"

namespace gatepost::rules {
namespace {

using mail::HtmlFacts;

template <class Test>
bool any_part(EvalContext& message, Test test) {
  const auto& html = message.subject().html;
  return std::any_of(html.begin(), html.end(), test);
}

// A value that html_range, html_eval and html_test name; nothing when the part has none.
std::optional<double> value_of(const HtmlFacts& html, std::string_view name) {
  struct Value {
    std::string_view name;
    std::optional<double> (*get)(const HtmlFacts&);
  };
  using Number = std::optional<double>;
  constexpr Value kValues[] = {
      {"backhair_count",
       [](const HtmlFacts& h) {
         return h.backhair_count > 0 ? Number(static_cast<double>(h.backhair_count)) : Number();
       }},
      {"bad_tag_ratio", [](const HtmlFacts& h) { return h.bad_tag_ratio; }},
      {"closed_extra_ratio", [](const HtmlFacts& h) { return h.closed_extra_ratio; }},
      {"embeds", [](const HtmlFacts& h) { return Number(h.embeds); }},
      {"font_face_bad", [](const HtmlFacts& h) { return Number(h.font_face_bad); }},
      {"font_invalid_color", [](const HtmlFacts& h) { return Number(h.font_invalid_color); }},
      {"font_low_contrast", [](const HtmlFacts& h) { return Number(h.font_low_contrast); }},
      {"form_action_mailto", [](const HtmlFacts& h) { return Number(h.form_action_mailto); }},
      {"html", [](const HtmlFacts&) { return Number(1); }},
      {"html_length",
       [](const HtmlFacts& h) { return Number(static_cast<double>(h.html_length)); }},
      {"image_area", [](const HtmlFacts& h) { return Number(h.image_area); }},
      {"length", [](const HtmlFacts& h) { return Number(static_cast<double>(h.length)); }},
      {"max_size", [](const HtmlFacts& h) { return Number(static_cast<double>(h.max_size)); }},
      {"min_size", [](const HtmlFacts& h) { return Number(static_cast<double>(h.min_size)); }},
      {"non_element_ratio", [](const HtmlFacts& h) { return h.non_element_ratio; }},
      {"non_space_len",
       [](const HtmlFacts& h) { return Number(static_cast<double>(h.non_space_len)); }},
      {"obfuscation_ratio", [](const HtmlFacts& h) { return h.obfuscation_ratio; }},
      {"ratio", [](const HtmlFacts& h) { return h.ratio; }},
  };
  for (const Value& one : kValues) {
    if (one.name == name) return one.get(html);
  }
  return std::nullopt;
}

// "< 384", "!= 0": compares a number.
bool compare(double value, std::string_view expression) {
  expression = trim(expression);
  constexpr std::string_view kOperators[] = {"<=", ">=", "==", "!=", "<", ">"};
  for (const std::string_view op : kOperators) {
    if (!expression.starts_with(op)) continue;
    const std::string text(trim(expression.substr(op.size())));
    char* end = nullptr;
    const double other = std::strtod(text.c_str(), &end);
    if (end == text.c_str()) return false;
    if (op == "<=") return value <= other;
    if (op == ">=") return value >= other;
    if (op == "==") return value == other;
    if (op == "!=") return value != other;
    return op == "<" ? value < other : value > other;
  }
  return false;
}

bool tag_balance(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message, [&](const HtmlFacts& html) {
    const auto known = html.inside.find(arguments.text(0));
    return known != html.inside.end() && compare(known->second, arguments.text(1));
  });
}
bool tag_exists(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message,
                  [&](const HtmlFacts& html) { return html.inside.contains(arguments.text(0)); });
}

bool image_only(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message, [&](const HtmlFacts& html) {
    const double length = static_cast<double>(html.length);
    return html.inside.contains("img") && length > arguments[0].number &&
           length <= arguments[1].number;
  });
}
bool image_ratio(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message, [&](const HtmlFacts& html) {
    if (html.image_area <= 0) return false;
    const double ratio = static_cast<double>(html.non_space_len) / html.image_area;
    return ratio > arguments[0].number && ratio <= arguments[1].number;
  });
}

bool charset_faraway(EvalContext& message, const EvalArguments& /*arguments*/) {
  const auto& locales = message.settings().ok_locales;
  if (std::find(locales.begin(), locales.end(), "all") != locales.end()) return false;
  return any_part(message, [&](const HtmlFacts& html) {
    int usual = 0;
    int other = 0;
    for (const std::string_view charset : split(html.charsets, ' ')) {
      if (!charset.empty()) ++(is_usual_charset(charset, locales) ? usual : other);
    }
    return other > 0 && other >= usual;
  });
}

bool test(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message, [&](const HtmlFacts& html) {
    return value_of(html, arguments.text(0)).value_or(0) != 0;
  });
}
bool eval(EvalContext& message, const EvalArguments& arguments) {
  return any_part(message, [&](const HtmlFacts& html) {
    const auto value = value_of(html, arguments.text(0));
    return value && compare(*value, arguments.text(1));
  });
}
bool range(EvalContext& message, const EvalArguments& arguments) {
  const bool open = arguments.size() < 3 || arguments.text(2) == "inf";
  return any_part(message, [&](const HtmlFacts& html) {
    const auto value = value_of(html, arguments.text(0));
    return value && *value > arguments[1].number && (open || *value <= arguments[2].number);
  });
}

const std::vector<std::string>* texts_of(const HtmlFacts& html, std::string_view name) {
  if (name == "title") return &html.title;
  if (name == "comment") return &html.comment;
  if (name == "script") return &html.script;
  if (name == "anchor") return &html.anchor;
  return nullptr;
}
bool match_texts(EvalContext& message, const EvalArguments& arguments, bool wanted) {
  if (arguments.regex() == nullptr) return false;
  return any_part(message, [&](const HtmlFacts& html) {
    const std::vector<std::string>* texts = texts_of(html, arguments.text(0));
    return texts != nullptr &&
           std::any_of(texts->begin(), texts->end(), [&](const std::string& text) {
             return message.matches(*arguments.regex(), text) == wanted;
           });
  });
}
bool text_match(EvalContext& message, const EvalArguments& arguments) {
  return match_texts(message, arguments, true);
}
bool text_not_match(EvalContext& message, const EvalArguments& arguments) {
  return match_texts(message, arguments, false);
}

bool title_subject_ratio(EvalContext& message, const EvalArguments& arguments) {
  const std::string& subject = message.get("Subject");
  if (subject.empty()) return false;
  return any_part(message, [&](const HtmlFacts& html) {
    return std::any_of(html.title.begin(), html.title.end(), [&](const std::string& title) {
      return static_cast<double>(title.size()) / static_cast<double>(subject.size()) >
             arguments[0].number;
    });
  });
}

bool iframe_src(EvalContext& message, const EvalArguments& /*arguments*/) {
  return any_part(message, [](const HtmlFacts& html) {
    return std::any_of(html.uris.begin(), html.uris.end(), [](const mail::HtmlUri& uri) {
      return std::find(uri.types.begin(), uri.types.end(), "iframe") != uri.types.end();
    });
  });
}

// Links that go to one domain and show another one's https address.
bool https_http_mismatch(EvalContext& message, const EvalArguments& arguments) {
  static const FixedPattern kHost(R"(^https?://\K[^/:?#]+)", "i");
  static const FixedPattern kShown(R"(https://\K[^\s/:?#]+)", "i");
  const double least = arguments.size() > 0 && arguments[0].number > 0 ? arguments[0].number : 1;
  const auto domain_of = [&](std::string_view host) {
    const std::string domain = message.registries().domain_of(to_lower(host));
    return message.registries().is_known(domain) ? domain : std::string();
  };
  return any_part(message, [&](const HtmlFacts& html) {
    bool hit = false;
    double anchors = 0;
    for (const mail::HtmlUri& uri : html.uris) {
      if (uri.anchor_texts.empty() || !message.matches(kHost, uri.uri)) continue;
      if (IpAddress::parse(message.found())) continue;
      const std::string target = domain_of(message.found());
      if (target.empty()) continue;
      ++anchors;
      for (const std::string& text : uri.anchor_texts) {
        if (!message.matches(kShown, text)) continue;
        const std::string host(message.found());
        const std::string shown = IpAddress::parse(host) ? host : domain_of(host);
        if (shown.empty() || shown == target) continue;
        hit = true;
        break;
      }
    }
    return hit && anchors >= least && (arguments.size() < 2 || anchors < arguments[1].number);
  });
}

constexpr EvalFunction kFunctions[] = {
    {"check_https_http_mismatch", "|nn", https_http_mismatch},
    {"check_iframe_src", "", iframe_src},
    {"html_charset_faraway", "", charset_faraway},
    {"html_eval", "tt", eval},
    {"html_image_only", "nn", image_only},
    {"html_image_ratio", "nn", image_ratio},
    {"html_range", "tn|n", range},
    {"html_tag_balance", "tt", tag_balance},
    {"html_tag_exists", "t", tag_exists},
    {"html_test", "t", test},
    {"html_text_match", "tp", text_match},
    {"html_text_not_match", "tp", text_not_match},
    {"html_title_subject_ratio", "n", title_subject_ratio},
};

}  // namespace

std::span<const EvalFunction> html_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
