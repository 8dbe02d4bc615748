#include "rules/eval_text.h"

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

bool is_bare(char c) {
  return is_alnum(c) || c == '.' || c == ':' || c == '-' || c == '_';
}

}  // namespace

bool parse_eval(std::string_view text, EvalCall& out, EvalTextFault& fault) {
  const auto fail = [&](std::string what, std::size_t at) {
    if (at < text.size()) what += ", found '" + printable(text.substr(at, 30), 60) + "'";
    fault = {std::move(what), at};
    return false;
  };
  std::size_t at = 0;
  while (at < text.size() && (is_alnum(text[at]) || text[at] == '_')) ++at;
  if (at == 0) return fail("expected eval:function(arguments)", at);
  out.function = text.substr(0, at);
  out.arguments.clear();
  if (at >= text.size() || text[at] != '(' || text.back() != ')') {
    return fail("expected eval:function(arguments)", at);
  }
  const std::size_t end = text.size() - 1;
  const auto skip = [&] {
    while (at < end && is_wsp(text[at])) ++at;
  };
  ++at;
  for (skip(); at < end; skip()) {
    const char quote = text[at];
    if (quote == '"' || quote == '\'') {
      // The first quote that a comma or the end follows.
      std::size_t close = at;
      do {
        close = text.find(quote, close + 1);
        if (close >= end) return fail("the text is not closed", at);
        std::size_t next = close + 1;
        while (next < end && is_wsp(text[next])) ++next;
        if (next == end || text[next] == ',') break;
      } while (true);
      out.arguments.emplace_back(text.substr(at + 1, close - at - 1));
      at = close + 1;
    } else {
      const std::size_t begin = at;
      while (at < end && is_bare(text[at])) ++at;
      if (at == begin) return fail("expected a text in quotes or a number", at);
      out.arguments.emplace_back(text.substr(begin, at - begin));
    }
    skip();
    if (at >= end) break;
    if (text[at] != ',') return fail("expected ',' or ')'", at);
    ++at;
  }
  return true;
}

}  // namespace gatepost::rules
