#pragma once
// The addresses of a message in every form that rules look for.

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/mail/content.h"
#include "core/mail/html.h"
#include "core/mail/registries.h"

namespace gatepost::mail {

/// One address, as SpamAssassin's get_uri_detail_list has it.
struct Url {
  std::string raw;                   ///< as written; text gets its missing scheme
  std::vector<std::string> cleaned;  ///< raw and its plainer forms: what `uri` rules look at
  /// "parsed" for text, with "schemeless" and "unlinked" (readers of mail make no link of it); else
  /// the elements of HTML that it stood in.
  std::vector<std::string> types;
  std::vector<std::string> domains;                        ///< below a registry, or an IP address
  std::vector<std::pair<std::string, std::string>> hosts;  ///< and the domain of each
  std::vector<std::string> anchor_texts;                   ///< different ones
  /// An anchor text is itself an address, of none of `domains`.
  bool shows_other_domain = false;

  bool has_type(std::string_view type) const;
};

struct UrlSettings {
  const Registries* registries =
      nullptr;  ///< without them nothing is found in text but with scheme
  /// What a redirector's address leads to (redirector_pattern), or nothing. May be empty.
  std::function<std::optional<std::string>(std::string_view uri)> redirect;
  bool idn = true;               ///< also the A-labels of a host with other letters (IDNA 2008)
  std::size_t max_urls = 10000;  ///< different ones
  std::size_t max_forms = 100;   ///< of one address; a redirector may name the next
};

/// The forms of one address, `uri` first: percent signs and character references decoded, back
/// slashes turned, user, port and punctuation gone, numbers as IP addresses, redirectors' targets.
/// The whole of SpamAssassin's uri_list_canonicalize. Pure, any thread.
std::vector<std::string> url_forms(std::string_view uri, const UrlSettings& settings);

/// "%HH" of printable ASCII decoded; octets that must not stand in an address become "%hh".
std::string decode_percent(std::string_view uri);

/// The host of one form and its domain, when it is a name with a known top level domain or an IPv4
/// address.
std::optional<std::pair<std::string, std::string>> host_and_domain(std::string_view uri,
                                                                   const Registries& registries);

struct UrlList {
  std::vector<Url> urls;  ///< first those of text, then those of HTML
  bool too_many = false;  ///< more than max_urls
};

/// All addresses of rendered text and of HTML. Linear in the length of both.
UrlList find_urls(const PieceText& body, std::span<const HtmlFacts> html,
                  const UrlSettings& settings);

}  // namespace gatepost::mail
