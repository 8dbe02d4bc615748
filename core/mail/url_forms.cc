// The forms of one address.

#include <algorithm>
#include <charconv>

#include <idn2.h>

#include "core/base/text.h"
#include "core/mail/urls.h"

namespace gatepost::mail {
namespace {

constexpr std::size_t kMaxUri = 8192;

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = ascii_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
// The octet of "%HH" at `at`, or -1.
int percent_octet(std::string_view text, std::size_t at) {
  if (at + 2 >= text.size() || text[at] != '%') return -1;
  const int high = hex_value(text[at + 1]);
  const int low = hex_value(text[at + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}
bool has_percent_octet(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (percent_octet(text, at) >= 0) return true;
  }
  return false;
}

bool starts_with_scheme(std::string_view uri) {
  std::size_t at = 0;
  while (at < uri.size() && (is_alnum(uri[at]) || uri[at] == '-' || uri[at] == '_')) ++at;
  return at > 0 && at < uri.size() && uri[at] == ':';
}

std::string joined(std::string_view a, std::string_view b, std::string_view c) {
  std::string out;
  out.reserve(a.size() + b.size() + c.size());
  return out.append(a).append(b).append(c);
}

// "http:", "http:/" and "http://" all become "http://".
std::string with_slashes(std::string_view uri) {
  for (const std::string_view scheme : {"http:", "https:"}) {
    if (!istarts_with(uri, scheme)) continue;
    std::size_t rest = scheme.size();
    while (rest < uri.size() && rest < scheme.size() + 2 && uri[rest] == '/') ++rest;
    return joined(uri.substr(0, scheme.size()), "//", uri.substr(rest));
  }
  return std::string(uri);
}

std::size_t http_prefix(std::string_view uri) {
  return istarts_with(uri, "http://") ? 7 : istarts_with(uri, "https://") ? 8 : 0;
}

// Character references of printable ASCII and of dots.
std::string without_references(std::string_view uri) {
  std::string out;
  for (std::size_t at = 0; at < uri.size();) {
    if (uri.compare(at, 2, "&#") != 0) {
      out += uri[at++];
      continue;
    }
    const std::size_t end = uri.substr(at, 40).find(';');
    std::string_view number =
        end == std::string_view::npos ? std::string_view() : uri.substr(at + 2, end - 2);
    const bool small_x = number.starts_with('x');
    const bool hex = small_x || number.starts_with('X');
    if (hex) number.remove_prefix(1);
    unsigned value = 0;
    const auto [stop, error] =
        std::from_chars(number.data(), number.data() + number.size(), value, hex ? 16 : 10);
    const bool whole =
        !number.empty() && error == std::errc() && stop == number.data() + number.size();
    const bool printable = value >= 33 && value <= 126 && (!hex || small_x);
    const bool dot = value == 0x2e || value == 0x3002 || value == 0xff0e || value == 0xff61;
    if (whole && (printable || dot)) {
      out += printable ? static_cast<char>(value) : '.';
      at += end + 1;
    } else {
      out += uri[at++];
    }
  }
  return out;
}

std::string dotted(std::uint32_t address) {
  return std::to_string(address >> 24) + '.' + std::to_string(address >> 16 & 255) + '.' +
         std::to_string(address >> 8 & 255) + '.' + std::to_string(address & 255);
}

// One of four numbers of an address: hexadecimal, octal or decimal, with zeros before it.
std::optional<std::string> plain_octet(std::string_view text) {
  if (istarts_with(text, "0x") && text.size() > 2) {
    std::string_view digits = text.substr(2);
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return hex_value(c) >= 0; }))
      return std::nullopt;
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    std::uint64_t value = ~std::uint64_t{0};
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return value == 0 ? std::string() : std::to_string(value);  // zeros go, here as below
  }
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  const bool zeros = text.front() == '0';
  while (!text.empty() && text.front() == '0') text.remove_prefix(1);
  const bool octal = zeros && !text.empty() &&
                     std::all_of(text.begin(), text.end(), [](char c) { return c <= '7'; }) &&
                     text.size() <= (text.front() <= '3' ? 3U : 2U);
  if (!octal) return std::string(text);
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 8);
  return std::to_string(value);
}

// A host that is an IP address in disguise.
std::optional<std::string> plain_address(std::string_view host) {
  // The last number begins with a digit, also "0x7f".
  const std::size_t last = host.rfind('.') + 1;  // npos + 1 is 0
  if (last >= host.size() || !is_digit(host[last])) return std::nullopt;
  const auto parts = split(host, '.');
  if (parts.size() == 4) {
    std::string out;
    for (const std::string_view part : parts) {
      const auto octet = plain_octet(part);
      if (!octet) return std::nullopt;
      if (!out.empty()) out += '.';
      out += *octet;
    }
    return out;
  }
  if (parts.size() != 1) return std::nullopt;
  std::uint32_t value = 0;
  if (istarts_with(host, "0x") && host.size() > 2) {
    std::string_view digits = host.substr(2);
    if (!std::all_of(digits.begin(), digits.end(), [](char c) { return hex_value(c) >= 0; }))
      return std::nullopt;
    if (digits.size() > 8) digits.remove_prefix(digits.size() - 8);
    std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return dotted(value);
  }
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_digit)) return std::nullopt;
  // As Perl prints it in hexadecimal: what is larger than 32 bits leads with its upper octets.
  std::uint64_t large = ~std::uint64_t{0};
  std::from_chars(host.data(), host.data() + host.size(), large);
  while (large > 0xffffffff) large >>= 4;
  return dotted(static_cast<std::uint32_t>(large));
}

std::string to_a_labels(std::string_view host) {
  char* out = nullptr;
  const std::string name(host);
  const int status = ::idn2_to_ascii_8z(name.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  std::string result = status == IDN2_OK ? std::string(out) : to_lower(host);
  if (out != nullptr) ::idn2_free(out);
  return result;
}

class Forms {
 public:
  explicit Forms(const UrlSettings& settings) : settings_(settings) {}

  std::vector<std::string> run(std::string_view uri) {
    sources_.emplace_back(uri);
    for (std::size_t i = 0; i < sources_.size() && i < settings_.max_forms; ++i) read(sources_[i]);
    std::vector<std::string> out;
    for (auto* list : {&sources_, &forms_}) {
      for (std::string& form : *list) {
        if (form.size() > kMaxUri) form.resize(kMaxUri);
        if (out.size() >= settings_.max_forms) return out;
        if (std::find(out.begin(), out.end(), form) == out.end()) out.push_back(std::move(form));
      }
    }
    return out;
  }

 private:
  void add(std::string form) { forms_.push_back(std::move(form)); }

  void read(std::string& source) {
    std::erase_if(source, [](char c) { return c == '\n' || c == '\r'; });
    std::string_view uri = source;
    while (!uri.empty() && is_blank(uri.front())) uri.remove_prefix(1);
    while (!uri.empty() && is_blank(uri.back())) uri.remove_suffix(1);
    if (uri.size() != source.size()) {
      source = std::string(uri);
      uri = source;
    }
    if (uri.size() <= 1 || uri[0] == '#' || uri[0] == '?' || uri[0] == '&') return;
    if (uri[0] == '/' && uri[1] != '/') return;
    const std::size_t sign = uri.find('@');
    if (istarts_with(uri, "mailto:") || (sign != std::string_view::npos && uri.find(':') > sign))
      return mail(uri);
    std::string form(uri);
    std::replace(form.begin(), form.end(), '\\', '/');
    if (http_prefix(form) == 0) form = with_slashes(form);
    if (has_percent_octet(form)) form = decode_percent(form);
    if (!starts_with_scheme(form)) form.insert(0, form.starts_with("ftp.") ? "ftp://" : "http://");
    if (const std::size_t prefix = http_prefix(form)) {
      const std::size_t end = form.find_first_of("/?#", prefix);
      if (end != std::string::npos && end > prefix && form[end] != '/') form.insert(end, "/");
    }
    if (form.find("&#") != form.npos) form = without_references(form);
    if (form != source) add(form);
    if (http_prefix(form) != 0) web(form);
  }

  // What readers of mail take for the address: not its parameters, not blanks around it.
  void mail(std::string_view uri) {
    const std::size_t sign = uri.find('@');
    if (sign == std::string_view::npos) return;
    if (sign != 0) {
      const std::size_t question = uri.find('?', sign + 1);
      if (question != std::string_view::npos && question > sign + 1)
        add(std::string(uri.substr(0, question)));
      const std::size_t both = uri.find_first_of("?&", sign + 1);
      if (both != std::string_view::npos && uri[both] == '&' && both > sign + 1)
        add(std::string(uri.substr(0, both)));
    }
    if (uri.find("%20") != std::string_view::npos) {
      std::string_view rest = uri;
      if (istarts_with(rest, "mailto:")) rest.remove_prefix(7);
      while (rest.starts_with("%20")) rest.remove_prefix(3);
      const std::size_t at = rest.find('@');
      const std::size_t end = at == std::string_view::npos ? at : rest.find_first_of("?&%", at + 1);
      if (at != std::string_view::npos && at != 0 && std::min(end, rest.size()) > at + 1)
        add("mailto:" + std::string(rest.substr(0, end)));
    }
    const std::size_t open = uri.substr(0, uri.find_first_of("?&")).rfind('<');
    if (open == std::string_view::npos) return;
    const std::string_view inner = uri.substr(open + 1);
    const std::size_t at = inner.find_first_of("@>");
    if (at == std::string_view::npos || at == 0 || inner[at] != '@') return;
    const std::size_t close = inner.find('>', at + 1);
    if (close != std::string_view::npos && close > at + 1)
      add("mailto:" + std::string(inner.substr(0, close)));
  }

  void web(const std::string& form) {
    const std::string_view scheme = std::string_view(form).substr(0, http_prefix(form));
    std::string_view rest = std::string_view(form).substr(scheme.size());
    const std::size_t user_end = rest.find_first_of("@/?#");
    const bool user = user_end != std::string_view::npos && rest[user_end] == '@';
    if (user) rest.remove_prefix(user_end + 1);
    const std::size_t host_end = std::min(rest.find_first_of("/?#:"), rest.size());
    if (host_end == 0) return;
    std::string host(rest.substr(0, host_end));
    const std::string_view tail = rest.substr(host_end);
    std::string_view port;
    if (tail.starts_with(':')) {
      std::size_t digits = 1;
      while (digits < tail.size() && is_digit(tail[digits])) ++digits;
      port = tail.substr(1, digits - 1);
    }
    std::string_view tail_without_port = port.empty() ? std::string_view() : tail;
    const std::string_view usual = scheme == "http://" ? ":80" : ":443";
    if (!port.empty() && port == usual.substr(1) &&
        !(tail.size() > usual.size() && tail[usual.size()] == '_') &&
        ends_word(tail, usual.size())) {
      tail_without_port = tail.substr(usual.size());
      add(joined(scheme, host, tail_without_port));
    }
    std::string plain = to_lower(host);
    if (settings_.idn && !is_ascii(host)) {
      std::string labels = to_a_labels(host);
      if (labels != plain) {
        add(joined(scheme, labels, tail));
        if (!tail_without_port.empty()) add(joined(scheme, labels, tail_without_port));
        host = labels;
      }
      plain = std::move(labels);
    }
    if (std::erase_if(host, [](char c) { return static_cast<unsigned char>(c) <= ' '; }) != 0)
      add(joined(scheme, host, tail));
    redirected(joined(scheme, host, tail), tail);
    const std::size_t last = host.find_last_not_of('\0');
    std::size_t end = host.size();
    while (end > 0 && !is_alnum(host[end - 1])) --end;
    if (end != host.size() && last != std::string::npos) {
      host.resize(end);
      add(joined(scheme, host, tail));
    }
    if (const auto address = plain_address(host)) return add(joined(scheme, *address, tail));
    const bool default_port = port.empty() ? scheme == "http://" : port == "80";
    if (scheme == "http://" && !user && plain != "localhost" && default_port)
      guess_name(plain, tail);
  }

  static bool ends_word(std::string_view text, std::size_t at) {
    return at >= text.size() || !(is_alnum(text[at]) || text[at] == '_');
  }

  // Browsers look for www.NAME.com where there is no dot.
  void guess_name(std::string_view host, std::string_view tail) {
    if (settings_.registries != nullptr && settings_.registries->is_known(host)) return;
    std::string_view name = host;
    if (name.starts_with("www.") && name.size() > 4) name.remove_prefix(4);
    if (name.find('.') != std::string_view::npos) return;
    add(joined("http://www.", name, joined(".com", tail, "")));
  }

  void redirected(const std::string& uri, std::string_view tail) {
    if (settings_.redirect) {
      if (auto target = settings_.redirect(uri)) {
        sources_.push_back(*std::move(target));
        return;
      }
    }
    for (std::size_t at = 0; at < tail.size(); ++at) {
      if (ascii_lower(tail[at]) != 'h') continue;
      const std::string_view rest = tail.substr(at);
      std::size_t begin = istarts_with(rest, "http:") ? 5 : istarts_with(rest, "https:") ? 6 : 0;
      if (begin == 0) continue;
      for (int i = 0; i < 2 && begin < rest.size() && rest[begin] == '/'; ++i) ++begin;
      std::size_t end = std::min(rest.find_first_of("&#", begin), rest.size());
      if (end == begin) continue;
      if (rest.substr(0, end).find('.') != std::string_view::npos)
        sources_.emplace_back(rest.substr(0, end));
      return;
    }
  }

  const UrlSettings& settings_;
  std::vector<std::string> sources_;
  std::vector<std::string> forms_;
};

bool is_ipv4(std::string_view host) {
  if (host.empty() || !is_digit(host.back())) return false;
  const auto parts = split(host, '.');
  if (parts.size() != 4) return false;
  return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    unsigned value = 256;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size() && value < 256 &&
           (part.size() == 1 || part[0] != '0');
  });
}

}  // namespace

std::string decode_percent(std::string_view uri) {
  std::string out;
  constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t at = 0; at < uri.size();) {
    const int octet = percent_octet(uri, at);
    if (octet > 0x20 && octet < 0x7f) {
      out += static_cast<char>(octet);
      at += 3;
    } else if (octet >= 0) {
      out += uri.substr(at, 3);
      at += 3;
    } else {
      const auto c = static_cast<unsigned char>(uri[at++]);
      if (c <= 0x20 || c >= 0x7f || c == '"' || c == '%' || c == '<' || c == '>') {
        out += '%';
        out += kHex[c >> 4];
        out += kHex[c & 15];
      } else {
        out += static_cast<char>(c);
      }
    }
  }
  return out;
}

std::vector<std::string> url_forms(std::string_view uri, const UrlSettings& settings) {
  return Forms(settings).run(uri);
}

std::optional<std::pair<std::string, std::string>> host_and_domain(std::string_view uri,
                                                                   const Registries& registries) {
  std::string_view host = uri;
  for (const std::string_view scheme : {"javascript:", "cid:", "file:"}) {
    if (istarts_with(host, scheme)) return std::nullopt;
  }
  if (istarts_with(host, "mailto:")) {
    host.remove_prefix(7);
    host = host.substr(0, host.find('?'));
    const std::size_t sign = host.find('@');
    if (sign == std::string_view::npos) return std::nullopt;
    if (host.find('@', sign + 1) > sign + 1 && host.find('@', sign + 1) != std::string_view::npos)
      return std::nullopt;
    host.remove_prefix(host.rfind('@') + 1);
  } else {
    std::size_t scheme = 0;
    while (scheme < host.size() && is_alpha(host[scheme])) ++scheme;
    if (scheme > 0 && scheme < host.size() && host[scheme] == ':') {
      ++scheme;
      for (int i = 0; i < 2 && scheme < host.size() && host[scheme] == '/'; ++i) ++scheme;
      host.remove_prefix(scheme);
    }
    host = host.substr(0, host.find_first_of("/?#"));
    const std::size_t sign = host.rfind('@');
    if (sign != std::string_view::npos) host.remove_prefix(sign + 1);
    std::size_t end = host.size();
    while (end > 0 && is_digit(host[end - 1])) --end;
    if (end > 0 && host[end - 1] == ':') host = host.substr(0, end - 1);
  }
  for (std::size_t at = host.find('%'); at != std::string_view::npos; at = host.find('%', at + 1)) {
    const int octet = percent_octet(host, at);
    if (octet >= 0x21 && octet <= 0x7e) return std::nullopt;
  }
  const std::string lower = to_lower(host);
  host = lower;
  if (is_ipv4(host)) return std::pair{std::string(host), std::string(host)};
  if (!is_host_name(host) || !registries.is_known(host)) return std::nullopt;
  return std::pair{std::string(host), registries.domain_of(host)};
}

}  // namespace gatepost::mail
