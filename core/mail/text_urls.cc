#include "core/mail/text_urls.h"

#include <algorithm>
#include <string>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMaxRest = 2048;
constexpr std::size_t kMaxMailSide = 251;
constexpr std::size_t kMaxHost = 252;

enum : unsigned char {
  kWord = 1,         // of \b
  kEnds = 2,         // an address
  kEndsMail = 4,     // an address of mail
  kStarts = 8,       // may stand before any address
  kStartsHost = 16,  // must stand before a host's name without scheme
  kHost = 32,
};

struct Classes {
  unsigned char of[256];
  constexpr Classes() : of() {
    const auto set = [this](std::string_view octets, unsigned char bits) {
      for (const char c : octets) of[static_cast<unsigned char>(c)] |= bits;
    };
    set("><\"`}]{[| \t\n\v\f\r\x1b\xa0", kEnds | kEndsMail);
    set(",('", kEndsMail);
    for (int c = 0x80; c < 0x100; ++c) of[c] |= kEndsMail;
    set("><\"'`,{[(| \t\n\v\f\r\x1b\xa0", kStarts);
    set("!\"#$&'()*+,/:;<=>?@[\\]^`{|}~ \t\n\v\f\r\x1b\xa0", kStartsHost);
    for (int c = 0; c < 128; ++c) {
      if (is_alnum(static_cast<char>(c))) of[c] |= kWord | kHost;
    }
    set("_", kWord | kHost);
    set(".-", kHost);
  }
};
constexpr Classes kClasses;

unsigned char class_of(char c) {
  return kClasses.of[static_cast<unsigned char>(c)];
}

// The next octet of a kind, remembered: questions come from left to right.
template <typename Is>
class Next {
 public:
  Next(std::string_view text, Is is) : text_(text), is_(is) {}

  std::size_t from(std::size_t at) {
    if (at < begin_ || at > found_ || begin_ == std::string_view::npos) {
      begin_ = at;
      found_ = at;
      while (found_ < text_.size() && !is_(text_[found_])) ++found_;
    }
    return found_;
  }

 private:
  std::string_view text_;
  Is is_;
  std::size_t begin_ = std::string_view::npos;
  std::size_t found_ = 0;
};

constexpr auto kIsEnd = [](char c) { return (class_of(c) & kEnds) != 0; };
constexpr auto kIsMailEnd = [](char c) { return (class_of(c) & kEndsMail) != 0; };
constexpr auto kIsMailEndOrAt = [](char c) { return c == '@' || (class_of(c) & kEndsMail) != 0; };
constexpr auto kIsNoHost = [](char c) { return (class_of(c) & kHost) == 0; };

class Finder {
 public:
  Finder(std::string_view text, const Registries& registries)
      : text_(text), registries_(registries) {}

  void run(const std::function<bool(const TextUrl&)>& found) {
    std::size_t at = 0;
    std::size_t mark = 0;  // every address has one, at its begin or behind it
    while (at < text_.size()) {
      if (mark <= at) {
        mark = next_mark(at);
        if (mark == text_.size()) return;
        at = word_begin(at, mark);
      }
      TextUrl url;
      const std::size_t end = may_start(at) ? match(at, url) : 0;
      if (end == 0) {
        ++at;
        continue;
      }
      url.text = text_.substr(at, end - at);
      at = end;
      trim_end(url.text);
      if (!found(url)) return;
    }
  }

 private:
  // The next '.', ':' or '@' from `at` on: "http://", "www.", "mailto:", what has a host's name.
  std::size_t next_mark(std::size_t at) const {
    constexpr std::size_t kBlock = 32;  // looked at together
    const auto is_mark = [](char c) { return (c == '.') | (c == ':') | (c == '@'); };
    for (; text_.size() - at >= kBlock; at += kBlock) {
      // One sum for each, else the compiler looks at octet after octet.
      unsigned char dots = 0, colons = 0, signs = 0;
      for (std::size_t i = 0; i < kBlock; ++i) {
        const char c = text_[at + i];
        dots |= static_cast<unsigned char>(c == '.');
        colons |= static_cast<unsigned char>(c == ':');
        signs |= static_cast<unsigned char>(c == '@');
      }
      if ((dots | colons | signs) != 0) break;
    }
    while (at < text_.size() && !is_mark(text_[at])) ++at;
    return at;
  }

  // Nothing before it can be the begin of an address that `mark` is in: what stands between a
  // begin and the first mark ends no address of mail, let alone another one.
  std::size_t word_begin(std::size_t from, std::size_t mark) const {
    while (mark > from && (class_of(text_[mark - 1]) & kEndsMail) == 0) --mark;
    return mark;
  }

  bool is(std::size_t at, unsigned char bits) const {
    return at < text_.size() && (class_of(text_[at]) & bits) != 0;
  }

  bool may_start(std::size_t at) const {
    const bool word_before = at > 0 && is(at - 1, kWord);
    if (word_before != is(at, kWord)) return true;
    if (at > 0 && is(at - 1, kStarts)) return true;
    return at >= 3 && text_[at - 3] == '\x1b' && text_[at - 2] == '(';  // a shift of ISO 2022
  }

  // The end of the address at `at`, or 0.
  std::size_t match(std::size_t at, TextUrl& url) {
    if (const std::size_t end = known(at)) {
      url.kind = TextUrlKind::known;
      return end;
    }
    if (const std::size_t end = mail(at)) {
      url.kind = TextUrlKind::mail;
      return end;
    }
    url.kind = TextUrlKind::schemeless;
    return schemeless(at, url);
  }

  std::size_t known(std::size_t at) {
    const char first = ascii_lower(text_[at]);
    if (first != 'h' && first != 'f' && first != 'w') return 0;
    const std::string_view rest = text_.substr(at, 10);
    std::size_t prefix = 0;
    for (const std::string_view scheme : {"http://", "https://", "ftp://", "ftp."}) {
      if (istarts_with(rest, scheme)) prefix = scheme.size();
    }
    if (istarts_with(rest, "www")) {
      std::size_t dot = 3;
      while (dot < 5 && dot < rest.size() && is_digit(rest[dot])) ++dot;
      if (dot < rest.size() && rest[dot] == '.') prefix = dot + 1;
    }
    if (prefix == 0) return 0;
    const std::size_t end = end_.from(at + prefix);
    const std::size_t length = end - at - prefix;
    return length >= 1 && length <= kMaxRest ? end : 0;
  }

  std::size_t mail(std::size_t at) {
    if (istarts_with(text_.substr(at, 7), "mailto:")) {
      const std::size_t end = mail_end_.from(at + 7);
      if (end - at - 7 >= 1 && end - at - 7 <= kMaxRest) return end;
    }
    const std::size_t sign = mail_sign_.from(at);
    if (sign >= text_.size() || text_[sign] != '@') return 0;
    if (sign == at || sign - at > kMaxMailSide) return 0;
    const std::size_t end = mail_end_.from(sign + 1);
    const std::size_t length = end - sign - 1;
    return length >= 1 && length <= kMaxMailSide ? end : 0;
  }

  std::size_t schemeless(std::size_t at, TextUrl& url) {
    if (!is_alnum(text_[at]) || (at > 0 && !is(at - 1, kStartsHost))) return 0;
    std::size_t end = no_host_.from(at);
    std::string_view host = text_.substr(at, end - at);
    if (host.ends_with('.')) host.remove_suffix(1);
    const std::size_t dot = host.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || dot > kMaxHost) return 0;
    if (host.size() - dot > 64) return 0;
    if (!registries_.is_top_level(to_lower(host.substr(dot + 1)))) return 0;
    std::size_t digits = 0;
    if (end < text_.size() && text_[end] == ':') {
      while (digits < 5 && end + 1 + digits < text_.size() && is_digit(text_[end + 1 + digits]))
        ++digits;
      if (digits > 0) end += 1 + digits;
    }
    if (end < text_.size() && text_[end] == '/') {
      const std::size_t path_end = path_end_.from(end + 1);
      const std::size_t length = path_end - end - 1;
      if (length < 1 || length > kMaxRest) return 0;
      end = path_end;
    }
    if (end < text_.size() && !is(end, kEnds)) return 0;
    url.host = host;
    return end;
  }

  // A ')' ends it unless a '(' stands before; what ends sentences goes.
  static void trim_end(std::string_view& url) {
    const std::size_t parenthesis = url.find_first_of("()");
    if (parenthesis != std::string_view::npos && url[parenthesis] == ')')
      url = url.substr(0, parenthesis);
    const std::size_t last = url.find_last_not_of("-~!@#^&*()_+=:;'?,.");
    url = url.substr(0, last == std::string_view::npos ? 0 : last + 1);
  }

  std::string_view text_;
  const Registries& registries_;
  Next<std::remove_const_t<decltype(kIsEnd)>> end_{text_, kIsEnd};
  Next<decltype(kIsEnd)> path_end_{text_, kIsEnd};
  Next<decltype(kIsMailEnd)> mail_end_{text_, kIsMailEnd};
  Next<decltype(kIsMailEndOrAt)> mail_sign_{text_, kIsMailEndOrAt};
  Next<decltype(kIsNoHost)> no_host_{text_, kIsNoHost};
};

}  // namespace

void find_text_urls(std::string_view text, const Registries& registries,
                    const std::function<bool(const TextUrl&)>& found) {
  Finder(text, registries).run(found);
}

}  // namespace gatepost::mail
