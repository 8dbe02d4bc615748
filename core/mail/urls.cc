#include "core/mail/urls.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory_resource>
#include <unordered_set>

#include "core/base/text.h"
#include "core/mail/text_urls.h"

namespace gatepost::mail {

namespace {

const Registries kNone;

void add_once(std::vector<std::string>& list, std::string_view text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.emplace_back(text);
}

bool is_word(char c) {
  return is_alnum(c) || c == '_';
}

// "http:", "https://": nothing behind the scheme.
bool is_bare_scheme(std::string_view uri) {
  std::size_t at = 0;
  while (at < uri.size() && is_word(uri[at])) ++at;
  if (at == 0 || at >= uri.size() || uri[at] != ':') return false;
  const std::string_view rest = uri.substr(at + 1);
  return rest.empty() || rest == "/" || rest == "//";
}

bool is_numbered_www(std::string_view uri) {
  if (!istarts_with(uri, "www")) return false;
  std::size_t at = 3;
  while (at < 5 && at < uri.size() && is_digit(uri[at])) ++at;
  return at < uri.size() && uri[at] == '.';
}

// "skype:", "e-mail:" before an address of mail in running text.
std::string_view without_label(std::string_view uri) {
  for (const std::string_view label : {"skype", "email", "e-mail", "mail", ""}) {
    if (!istarts_with(uri, label)) continue;
    std::size_t at = label.size();
    while (at < uri.size() && uri[at] == ':') ++at;
    if (at > label.size()) return uri.substr(at);
  }
  return uri;
}

class Collector {
 public:
  explicit Collector(const UrlSettings& settings)
      : settings_(settings),
        registries_(settings.registries != nullptr ? *settings.registries : kNone) {}

  void text(const PieceText& body) {
    for (std::size_t i = 0; i < body.pieces.size() && !out_.too_many; ++i) {
      find_text_urls(body.piece(i), registries_, [this](const TextUrl& url) {
        from_text(url);
        return !out_.too_many;
      });
    }
  }

  void html(const HtmlFacts& facts) {
    for (const HtmlUri& uri : facts.uris) {
      if (out_.too_many) return;
      // SpamAssassin calls what stood in no element for itself "parsed".
      static const std::vector<std::string> kParsed = {"parsed"};
      Url* url = add(uri.uri, uri.types.empty() ? kParsed : uri.types, false);
      if (url == nullptr) continue;
      for (const std::string& text : uri.anchor_texts) add_once_of_many(*url, text);
    }
  }

  UrlList finish() {
    for (Url& url : out_.urls) url.shows_other_domain = shows_other(url);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kMaxAnchorTexts = 100;

  static void add_once_of_many(Url& url, const std::string& text) {
    if (url.anchor_texts.size() < kMaxAnchorTexts) add_once(url.anchor_texts, text);
  }

  void from_text(const TextUrl& found) {
    if (seen_.size() >= settings_.max_urls) {
      out_.too_many = true;
      return;
    }
    if (!seen_.insert(found.text).second) return;
    const std::string raw(found.text);
    if (found.kind == TextUrlKind::mail && raw.find('@') == std::string::npos) return;
    if (found.kind == TextUrlKind::schemeless && !is_host_name(to_lower(found.host))) return;
    if (istarts_with(raw, "cid:") || istarts_with(raw, "mid:") || is_bare_scheme(raw)) return;
    std::vector<std::string> types = {"parsed"};
    auto uri = with_scheme(raw, types);
    if (!uri) return;
    if (istarts_with(*uri, "mailto:") && !is_good_mail(*uri)) return;
    add(*uri, types, true);
  }

  // The scheme that is missing, by what the address looks like.
  static std::optional<std::string> with_scheme(const std::string& raw,
                                                std::vector<std::string>& types) {
    for (const std::string_view scheme : {"http:", "https:", "ftp:", "mailto:"}) {
      if (istarts_with(raw, scheme)) return raw;
    }
    const std::size_t sign = raw.find('@');
    const std::size_t slash = raw.find('/');
    std::string uri;
    if (istarts_with(raw, "ftp.")) {
      uri = "ftp://" + raw;
    } else if (is_numbered_www(raw)) {
      uri = "http://" + raw;
    } else if (slash != std::string::npos && raw.rfind('@') != std::string::npos &&
               raw.rfind('@') > slash + 1) {
      uri = "http://" + raw;
    } else if (sign != std::string::npos) {
      if (raw.find('.', std::min(sign + 2, raw.size())) == std::string::npos) return std::nullopt;
      if (raw.find("&nbsp;") != std::string::npos) return std::nullopt;
      uri = "mailto:" + std::string(without_label(raw));
    } else {
      if (raw.find('.') == std::string::npos) return std::nullopt;
      uri = "http://" + raw;
      types.emplace_back("unlinked");
    }
    types.emplace_back("schemeless");
    return uri;
  }

  bool is_good_mail(std::string& uri) const {
    const auto is_hex = [&](std::size_t at) {
      return at < uri.size() && std::isxdigit(static_cast<unsigned char>(uri[at])) != 0;
    };
    for (std::size_t at = uri.find('%'); at != std::string::npos; at = uri.find('%', at + 1)) {
      if (!is_hex(at + 1) || !is_hex(at + 2)) continue;
      uri = decode_percent(uri);
      break;
    }
    const std::size_t sign = uri.find('@');
    if (sign == std::string::npos) return false;
    std::string host = uri.substr(sign + 1);
    host = to_lower(host.substr(0, host.find_first_of("?&>")));
    while (host.ends_with("%20")) host.resize(host.size() - 3);
    return registries_.is_known(host);
  }

  Url* add(const std::string& raw, const std::vector<std::string>& types, bool needs_domain) {
    const auto known = index_.find(raw);
    if (known == index_.end() && out_.urls.size() >= settings_.max_urls) {
      out_.too_many = true;
      return nullptr;
    }
    std::vector<std::string> forms = url_forms(raw, settings_);
    std::vector<std::pair<std::string, std::string>> hosts;
    for (const std::string& form : forms) {
      auto host = host_and_domain(form, registries_);
      if (host && std::find(hosts.begin(), hosts.end(), *host) == hosts.end())
        hosts.push_back(*std::move(host));
    }
    if (forms.empty() || (needs_domain && hosts.empty())) return nullptr;
    if (known == index_.end()) {
      index_.emplace(raw, out_.urls.size());
      out_.urls.emplace_back().raw = raw;
    }
    Url& url = out_.urls[known == index_.end() ? out_.urls.size() - 1 : known->second];
    if (url.cleaned.empty())
      url.cleaned = std::move(forms);  // different ones
    else
      for (const std::string& form : forms) add_once(url.cleaned, form);
    for (auto& host : hosts) {
      add_once(url.domains, host.second);
      if (std::find(url.hosts.begin(), url.hosts.end(), host) == url.hosts.end())
        url.hosts.push_back(std::move(host));
    }
    for (const std::string& type : types) add_once(url.types, type);
    return &url;
  }

  bool shows_other(const Url& url) const {
    if (url.domains.empty()) return false;
    bool other = false;
    for (const std::string& text : url.anchor_texts) {
      find_text_urls(text, registries_, [&](const TextUrl& shown) {
        if (shown.kind == TextUrlKind::mail) return true;
        const auto host = host_and_domain(shown.text, registries_);
        if (host &&
            std::find(url.domains.begin(), url.domains.end(), host->second) == url.domains.end())
          other = true;
        return false;
      });
    }
    return other;
  }

  const UrlSettings& settings_;
  const Registries& registries_;
  UrlList out_;
  std::array<std::byte, 4096> first_memory_;
  std::pmr::monotonic_buffer_resource memory_{first_memory_.data(), first_memory_.size()};
  std::pmr::unordered_map<std::string, std::size_t> index_{&memory_};
  std::pmr::unordered_set<std::string_view> seen_{&memory_};  // texts of the body
};

}  // namespace

bool Url::has_type(std::string_view type) const {
  return std::find(types.begin(), types.end(), type) != types.end();
}

UrlList find_urls(const PieceText& body, std::span<const HtmlFacts> html,
                  const UrlSettings& settings) {
  Collector collector(settings);
  collector.text(body);
  for (const HtmlFacts& facts : html) collector.html(facts);
  return collector.finish();
}

}  // namespace gatepost::mail
