#include "rules/eval_context.h"

#include <algorithm>
#include <atomic>

#include "core/base/text.h"

namespace gatepost::rules {
namespace {

void add_unique(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(one);
  }
}

struct Senders {
  std::vector<std::string> list;
};
struct Recipients {
  std::vector<std::string> list;
};
struct Tree {
  MimeTree tree;
};

}  // namespace

FixedPattern::FixedPattern(std::string_view expression, std::string_view modifiers) {
  Expression out{std::string(expression)};
  out.caseless = modifiers.find('i') != modifiers.npos;
  out.multiline = modifiers.find('m') != modifiers.npos;
  out.dotall = modifiers.find('s') != modifiers.npos;
  out.extended = modifiers.find('x') != modifiers.npos;
  regex_ = Regex::compile(out);
  if (!regex_) throw std::bad_alloc();  // ours all compile: memory is short
}

std::string squeeze(std::string_view text) {
  std::string out(text.size(), ' ');
  char* to = out.data();
  bool blank = false;  // before
  for (const char c : text) {
    const bool here = is_wsp(c);
    *to = here ? ' ' : c;
    to += static_cast<std::ptrdiff_t>(!(here && blank));
    blank = here;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return out;
}

std::string_view EvalContext::raw_body() {
  if (!raw_body_) {
    const std::string_view full = subject_.content.full;
    const std::size_t end = full.starts_with('\n') ? 0 : full.find("\n\n");
    const std::size_t begin = full.starts_with('\n') ? 1 : end + 2;
    raw_body_ = end == full.npos ? std::string_view() : full.substr(begin);
  }
  return *raw_body_;
}

const MimeTree& EvalContext::mime() {
  return once<Tree>([&] { return Tree{read_mime_tree(subject_.fields, raw_body())}; }).tree;
}

std::size_t EvalContext::next_slot() {
  static std::atomic<std::size_t> slots{0};
  return slots.fetch_add(1, std::memory_order_relaxed);
}

const std::vector<std::string>& EvalContext::senders() {
  return once<Senders>([&] {
           Senders out;
           out.list = list("Resent-From:first:addr");
           if (!out.list.empty()) return out;
           for (const char* name : {"From:addr", "Envelope-Sender:addr", "Resent-Sender:addr",
                                    "X-Envelope-From:addr", "EnvelopeFrom:addr"}) {
             for (std::string address : list(name)) {
               // "foo@bar..example" is "foo@bar.example"
               address.erase(std::unique(address.begin(), address.end(),
                                         [](char a, char b) { return a == '.' && b == '.'; }),
                             address.end());
               if (!address.empty()) add_unique(out.list, {address});
             }
           }
           return out;
         })
      .list;
}

const std::vector<std::string>& EvalContext::recipients() {
  return once<Recipients>([&] {
           Recipients out;
           add_unique(out.list, list("Resent-To:first:addr"));
           add_unique(out.list, list("Resent-Cc:first:addr"));
           if (!out.list.empty()) return out;
           static const FixedPattern kFor(R"( for <?\K\S+@[^\s>;]+(?=>?;))");
           const std::vector<std::string>& received = list("Received");
           for (std::size_t i = 0; i < received.size() && i < 3; ++i) {
             if (matches(kFor, received[i])) add_unique(out.list, {std::string(found())});
           }
           for (const char* name :
                {"To:addr", "Apparently-To:addr", "Delivered-To:addr", "Envelope-Recipients:addr",
                 "Apparently-Resent-To:addr", "X-Envelope-To:addr", "Envelope-To:addr",
                 "X-Delivered-To:addr", "X-Original-To:addr", "X-Rcpt-To:addr", "X-Real-To:addr",
                 "Cc:addr"}) {
             add_unique(out.list, list(name));
           }
           return out;
         })
      .list;
}

bool EvalContext::matches(const Regex& regex, std::string_view text) {
  if (runner_.find(regex, text) != RegexRunner::Found::yes) return false;
  found_ = text.substr(runner_.begin(), runner_.end() - runner_.begin());
  return true;
}

}  // namespace gatepost::rules
