#include "core/mail/uri_reference.h"

#include <algorithm>
#include <optional>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

// RFC 3986 appendix B.
struct Reference {
  std::optional<std::string_view> scheme, authority, query, fragment;
  std::string_view path;
};

std::string_view take(std::string_view& text, std::string_view stops) {
  const std::size_t end = std::min(text.find_first_of(stops), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

Reference parse(std::string_view text) {
  Reference out;
  const std::size_t colon = text.find_first_of(":/?#");
  if (colon != std::string_view::npos && colon != 0 && text[colon] == ':') {
    out.scheme = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (text.starts_with("//")) {
    text.remove_prefix(2);
    out.authority = take(text, "/?#");
  }
  out.path = take(text, "?#");
  if (text.starts_with('?')) {
    text.remove_prefix(1);
    out.query = take(text, "#");
  }
  if (text.starts_with('#')) out.fragment = text.substr(1, text.find('\n') - 1);
  return out;
}

// RFC 3986 section 5.2.4; "./" and "../" at the begin become "/".
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  bool slash = false;  // a '/' stands before `path`, taken off
  if (path.starts_with("./")) {
    path.remove_prefix(1);
  } else if (path.starts_with("../")) {
    path.remove_prefix(2);
  }
  while (!path.empty() || slash) {
    if (!slash && path.front() == '/') {
      slash = true;
      path.remove_prefix(1);
    }
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (slash && (segment == "." || segment == "..")) {
      if (segment == "..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      path.remove_prefix(std::min(end + 1, path.size()));
      continue;  // the '/' stays
    }
    if (slash) out += '/';
    out += segment;
    slash = false;
    path.remove_prefix(end);
  }
  return out;
}

std::string merged(const Reference& base, std::string_view path) {
  if (base.authority && base.path.empty()) return "/" + std::string(path);
  const std::size_t slash = base.path.rfind('/');
  std::string out(base.path.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
  return out += path;
}

bool has_numbered_prefix(std::string_view host, std::string_view prefix) {
  if (!istarts_with(host, prefix)) return false;
  host.remove_prefix(prefix.size());
  while (!host.empty() && is_digit(host.front())) host.remove_prefix(1);
  return host.starts_with('.');
}

}  // namespace

std::string resolve_reference(std::string_view base_text, std::string_view text) {
  const Reference base = parse(base_text);
  Reference r = parse(text);
  if (r.scheme && base.scheme && *r.scheme == *base.scheme) r.scheme.reset();
  std::optional<std::string_view> scheme = r.scheme;
  std::optional<std::string_view> authority = r.authority;
  std::optional<std::string_view> query = r.query;
  std::string path;
  if (r.scheme || r.authority) {
    path = remove_dot_segments(r.path);
  } else {
    authority = base.authority;
    if (r.path.empty()) {
      path = base.path;
      if (!query) query = base.query;
    } else {
      path = remove_dot_segments(r.path[0] == '/' ? std::string(r.path) : merged(base, r.path));
    }
  }
  if (!scheme) scheme = base.scheme;
  std::string out;
  if (scheme) {
    out.append(*scheme) += ':';
  } else if (authority) {
    if (has_numbered_prefix(*authority, "www")) out = "http:";
    if (has_numbered_prefix(*authority, "ftp")) out = "ftp:";
  }
  if (authority) out.append("//").append(*authority);
  out += path;
  if (query) (out += '?').append(*query);
  if (r.fragment) (out += '#').append(*r.fragment);
  return out;
}

}  // namespace gatepost::mail
