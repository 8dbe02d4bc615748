#include "core/mail/received.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/text.h"
#include "core/mail/fields.h"

namespace gatepost::mail {

namespace {

/// One word or one comment of the field, in order; ';' and what is behind it are left out.
struct Piece {
  bool comment = false;
  std::string text;  // of a comment: without the outer parentheses
};

// A field has a dozen pieces; what has far more is no trace of a server.
constexpr std::size_t kMaxPieces = 100;
constexpr std::size_t kMaxDepth = 8;

/// Takes a comment from behind its '(' to its end.
Result<std::string> take_comment(std::string_view text, std::size_t& at) {
  std::string content;
  for (std::size_t depth = 1; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '(' && ++depth > kMaxDepth) return permanent_error("comments are nested too deeply");
    if (c == ')' && --depth == 0) {
      ++at;
      return content;
    }
    if (c == '\\' && at + 1 < text.size()) content += text[at++];
    content += text[at];
  }
  return permanent_error("a comment is not closed");
}

Result<std::vector<Piece>> take_pieces(std::string_view value) {
  if (value.size() > kMaxReceivedValue) return permanent_error("the field is too long");
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < value.size() && value[at] != ';';) {
    if (is_wsp(value[at])) {
      ++at;
      continue;
    }
    if (pieces.size() == kMaxPieces) return permanent_error("the field has too many words");
    if (value[at] == '(') {
      auto comment = take_comment(value, ++at);
      if (!comment) return comment.error();
      for (char& c : *comment) c = is_wsp(c) ? ' ' : c;
      pieces.push_back({true, std::string(trim(*comment))});
      continue;
    }
    const std::size_t start = at;
    while (at < value.size() && !is_wsp(value[at]) && value[at] != '(' && value[at] != ';') ++at;
    pieces.push_back({false, std::string(value.substr(start, at - start))});
  }
  return pieces;
}

/// "[192.0.2.1]", "[IPv6:2001:db8::1]" at the beginning of `text`, which is moved behind it.
std::optional<IpAddress> take_literal(std::string_view& text) {
  if (!text.starts_with('[')) return std::nullopt;
  const auto end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(1, end - 1));
  if (address) text.remove_prefix(end + 1);
  return address;
}

/// ":4711", Exim's port, is stepped over.
void skip_port(std::string_view& text) {
  if (!text.starts_with(':')) return;
  std::size_t end = 1;
  while (end < text.size() && is_digit(text[end])) ++end;
  if (end > 1) text.remove_prefix(end);
}

/// The word behind "KEY" ("helo=", "HELO ") where it stands as a word of its own.
std::string word_behind(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at + key.size() <= text.size(); ++at) {
    if ((at > 0 && text[at - 1] != ' ') || !istarts_with(text.substr(at), key)) continue;
    const std::string_view rest = text.substr(at + key.size());
    return std::string(rest.substr(0, rest.find(' ')));
  }
  return {};
}

/// What a comment says about the client's address: RFC 5321's TCP-info and its relatives.
struct TcpInfo {
  IpAddress address;
  std::string helo;
};

/// "[192.0.2.1]", "[192.0.2.1]:4711 helo=x ident=y" (Exim), "[192.0.2.1] (may be forged)".
std::optional<TcpInfo> read_literal_first(std::string_view text) {
  const auto address = take_literal(text);
  if (!address) return std::nullopt;
  skip_port(text);
  if (!text.empty() && text.front() != ' ') return std::nullopt;
  return TcpInfo{*address, word_behind(text, "helo=")};
}

/// "name [192.0.2.1]", "user@name [192.0.2.1] (may be forged)". The name, and a user that an ident
/// server told, are not ours to believe: a bracket or a blank in them makes the place unclear.
std::optional<TcpInfo> read_name_and_literal(std::string_view text) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(0, blank);
  if (name.find_first_of("[]()=") != std::string_view::npos || iequals(name, "HELO") ||
      iequals(name, "EHLO"))
    return std::nullopt;
  std::string_view rest = text.substr(blank + 1);
  const auto address = take_literal(rest);
  if (!address) return std::nullopt;
  skip_port(rest);
  if (!rest.empty() && rest != " (may be forged)") return std::nullopt;
  return TcpInfo{*address, ""};
}

/// "192.0.2.1" (Exchange, qmail), "user@192.0.2.1" (qmail with ident).
std::optional<TcpInfo> read_bare_address(std::string_view text) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  const auto address = text.starts_with('[') ? std::nullopt : IpAddress::parse(text);
  if (!address) return std::nullopt;
  return TcpInfo{*address, ""};
}

std::optional<TcpInfo> read_tcp_info(std::string_view comment) {
  if (auto info = read_literal_first(comment)) return info;
  if (auto info = read_name_and_literal(comment)) return info;
  return read_bare_address(comment);
}

/// Comments with which a server tells the HELO name and stands the address itself before or behind.
std::string helo_comment(std::string_view text) {
  for (const std::string_view key : {"HELO ", "EHLO "}) {
    if (istarts_with(text, key)) return word_behind(text, key);
  }
  return {};
}

/// Comments that only a server writes whose word behind "from" is the address it saw: Exim's
/// "(helo=x)", "(port=1 helo=x)", CommuniGate's "(HELO x)" and "(account ann HELO x)".
bool says_word_is_seen(std::string_view text) {
  return istarts_with(text, "helo=") || istarts_with(text, "port=") ||
         istarts_with(text, "ident=") || istarts_with(text, "account ") ||
         !helo_comment(text).empty();
}

bool is_login(std::string_view protocol) {
  static constexpr std::array<std::string_view, 8> kProtocols = {
      "ESMTPA", "ESMTPSA", "UTF8SMTPA", "UTF8SMTPSA", "LMTPA", "LMTPSA", "UTF8LMTPA", "UTF8LMTPSA"};
  return std::any_of(kProtocols.begin(), kProtocols.end(),
                     [&](std::string_view p) { return iequals(p, protocol); });
}

/// Word and comments between "from" and "by".
Result<ReceivedClient> read_client(std::span<const Piece> from) {
  if (from.empty() || from.front().comment) return permanent_error("nothing stands behind from");
  const std::string& word = from.front().text;
  const auto comments = from.subspan(1);
  if (std::any_of(comments.begin(), comments.end(), [](const Piece& p) { return !p.comment; }))
    return permanent_error("more than one word stands behind from");
  if (comments.empty()) return permanent_error("it names no address of a client");
  const std::string helo = helo_comment(comments.front().text);
  if (auto info = read_tcp_info(comments.front().text))
    return ReceivedClient{info->address, info->helo.empty() ? word : info->helo};
  if (!helo.empty() && comments.size() > 1) {  // qmail: name (HELO x) (address)
    if (const auto info = read_tcp_info(comments[1].text))
      return ReceivedClient{info->address, helo};
  }
  std::string_view literal = word;
  const auto seen = take_literal(literal);
  skip_port(literal);
  if (!seen || !literal.empty() || !says_word_is_seen(comments.front().text))
    return permanent_error("it names no address of a client");
  const std::string& text = comments.front().text;
  for (const std::string_view key : {"helo=", "HELO ", "EHLO "}) {
    if (auto found = word_behind(text, key); !found.empty())
      return ReceivedClient{*seen, std::move(found)};
  }
  return ReceivedClient{*seen, word};
}

bool is_qmail_step(const std::vector<Piece>& pieces) {
  if (pieces.size() != 1 || !pieces.front().comment) return false;
  const std::string& text = pieces.front().text;
  return text.starts_with("qmail ") && text.ends_with(" invoked from network");
}

}  // namespace

Result<std::optional<ReceivedClient>> parse_received(std::string_view value) {
  auto pieces = take_pieces(value);
  if (!pieces) return pieces.error();
  if (is_qmail_step(*pieces)) return std::optional<ReceivedClient>();
  const auto is_word = [](std::string_view word) {
    return [word](const Piece& piece) { return !piece.comment && iequals(piece.text, word); };
  };
  if (pieces->empty() || !is_word("from")(pieces->front()))
    return permanent_error("it does not begin with from: no client handed the message in");
  const auto by = std::find_if(pieces->begin() + 1, pieces->end(), is_word("by"));
  if (by == pieces->end()) return permanent_error("it does not say by whom");
  auto client = read_client(std::span<const Piece>(pieces->begin() + 1, by));
  if (!client) return client.error();
  const auto with = std::find_if(by, pieces->end(), is_word("with"));
  if (with != pieces->end() && with + 1 != pieces->end())
    client->authenticated = is_login((with + 1)->text);
  return std::optional<ReceivedClient>(std::move(*client));
}

Result<ReceivedClient> first_outside_client(std::span<const HeaderField> fields,
                                            const std::function<bool(const IpAddress&)>& trusted) {
  std::size_t seen = 0;
  for (const HeaderField& field : fields) {
    if (!is_named(field, "Received")) continue;
    const std::string place = "Received field " + std::to_string(++seen);
    if (seen > kMaxReceivedFields) return permanent_error("too many Received fields");
    auto client = parse_received(field.value);
    if (!client) return permanent_error(place + ": " + client.error().what);
    if (!*client) continue;
    const IpAddress& address = (*client)->address;
    // What a login hands in is the relay's own mail, however it came to it.
    if ((*client)->authenticated) return permanent_error(place + ": a login handed it in");
    if (address.is_loopback() || trusted(address)) continue;
    if (address.is_private())
      return permanent_error(place + ": " + address.text() +
                             " is a private address and on no list of ours");
    return std::move(**client);
  }
  return permanent_error(seen == 0 ? "no Received field" : "all Received fields are of our own");
}

}  // namespace gatepost::mail
