#include "core/mail/registries.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

// States of the US, whose domain has registries four labels deep (RFC 1480).
constexpr std::string_view kStates =
    " ak al ar az ca co ct dc de fl ga gu hi ia id il in ks ky la ma md me mi mn mo ms mt nc nd ne "
    "nh nj nm nv ny oh ok or pa pr ri sc sd tn tx ut va vi vt wa wi wv wy ";

bool is_state(std::string_view label) {
  if (label.size() != 2) return false;
  for (std::size_t at = 1; at < kStates.size(); at += 3) {
    if (kStates.substr(at, 2) == label) return true;
  }
  return false;
}

// Without empty labels.
std::string without_empty(std::string_view host) {
  std::string out;
  for (const std::string_view label : split(host, '.')) {
    if (label.empty()) continue;
    if (!out.empty()) out += '.';
    out += label;
  }
  return out;
}

}  // namespace

void Registries::clear() {
  top_.clear();
  two_.clear();
  three_.clear();
}

bool Registries::is_top_level(std::string_view name) const {
  return top_.contains(name);
}

bool Registries::is_known(std::string_view host) const {
  const std::size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == host.size()) return false;
  if (host.find_first_of(" \t\n\r\f\v") != std::string_view::npos) return false;
  return is_top_level(host.substr(dot + 1));
}

std::string Registries::domain_of(std::string_view host) const {
  std::string cleaned;
  if (host.starts_with('.') || host.ends_with('.') || host.find("..") != host.npos)
    host = cleaned = without_empty(host);
  // The last labels, together: ends[n] are n of them. No registry has more than four.
  constexpr std::size_t kMost = 5;
  std::string_view ends[kMost + 1];
  std::size_t count = 0;
  for (std::size_t at = host.size(); count < kMost && at != host.npos && !host.empty();) {
    at = at == 0 ? host.npos : host.rfind('.', at - 1);
    ends[++count] = host.substr(at + 1);  // npos + 1 is 0
  }
  const auto label = [&](std::size_t from_end) {  // 1: the last one
    return ends[from_end].substr(0, ends[from_end].find('.'));
  };
  const auto is_registry = [&](std::size_t labels) {
    const bool of_us = label(1) == "us";
    if (labels == 2) return two_.contains(ends[2]);
    if (labels == 3) return of_us ? is_state(label(2)) : three_.contains(ends[3]);
    return of_us && is_state(label(2)) &&
           ((label(4) == "pvt" && label(3) == "k12") || label(4) == "ci" || label(4) == "co");
  };
  std::size_t labels = std::min(count, kMost - 1);
  while (labels > 1 && !is_registry(labels)) --labels;
  // One label of the registrant's belongs to it.
  return std::string(ends[std::min(labels + 1, count)]);
}

bool is_host_name(std::string_view host) {
  while (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  const std::size_t dot = host.rfind('.');
  if (dot == host.npos || dot == 0) return false;
  const std::size_t last_two = host.rfind('.', dot - 1) + 1;  // npos + 1 is 0
  for (std::size_t at = 0; at <= host.size();) {
    const std::size_t end = std::min(host.find('.', at), host.size());
    const std::string_view label = host.substr(at, end - at);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    const bool good = std::all_of(label.begin(), label.end(), [&](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || (c == '_' && at < last_two);
    });
    if (!good) return false;
    at = end + 1;
  }
  return true;
}

}  // namespace gatepost::mail
