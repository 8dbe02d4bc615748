// Addresses in the text that are not what they seem.

#include <algorithm>

#include "core/base/text.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

// An address whose path or query holds another host's.
bool http_redirector(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kHost(R"(^https?://\K[^/:?]+)", "i");
  static const FixedPattern kInner(R"(^https?://[^/:?]+.+?\Khttps?:/{0,2}[^/:?]+.*$)", "is");
  static const FixedPattern kInnerHost(R"(^https?:/{0,2}\K[^/:?]+)", "i");
  const auto domain = [&](std::string_view host) {
    const std::string lower = to_lower(host);
    return message.registries().is_known(lower) ? message.registries().domain_of(lower) : lower;
  };
  for (const mail::Url& url : message.subject().urls) {
    for (const std::string& form : url.cleaned) {
      std::string_view rest = form;
      for (int depth = 0; depth < 20 && message.matches(kInner, rest); ++depth) {
        const std::string_view inner = message.found();
        if (!message.matches(kHost, rest)) break;
        const std::string from = domain(message.found());
        if (!message.matches(kInnerHost, inner)) break;
        if (from != domain(message.found())) return true;
        rest = inner;
      }
    }
  }
  return false;
}

// A link to an IP address that shows a name with https.
bool https_ip_mismatch(EvalContext& message, const EvalArguments& /*arguments*/) {
  static const FixedPattern kToAddress(R"(^https?:/*(?:[^@/]+@)?\d+\.\d+\.\d+\.\d+)", "i");
  static const FixedPattern kShowsAddress(R"(^https:/*(?:[^@/]+@)?\d+\.\d+\.\d+\.\d+)", "i");
  static const FixedPattern kShowsHttps("https:", "i");
  for (const mail::HtmlFacts& html : message.subject().html) {
    for (const mail::HtmlUri& uri : html.uris) {
      if (!message.matches(kToAddress, uri.uri)) continue;
      for (const std::string& text : uri.anchor_texts) {
        if (!message.matches(kShowsAddress, text) && message.matches(kShowsHttps, text))
          return true;
      }
    }
  }
  return false;
}

bool uri_truncated(EvalContext& message, const EvalArguments& /*arguments*/) {
  const auto& html = message.subject().html;
  return std::any_of(html.begin(), html.end(),
                     [](const mail::HtmlFacts& one) { return one.uri_truncated; });
}

constexpr EvalFunction kFunctions[] = {
    {"check_for_http_redirector", "", http_redirector},
    {"check_https_ip_mismatch", "", https_ip_mismatch},
    {"check_uri_truncated", "", uri_truncated},
};

}  // namespace

std::span<const EvalFunction> uri_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
