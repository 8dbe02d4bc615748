#include "core/mail/registries.h"

#include <algorithm>
#include <vector>

#include "core/base/text.h"

namespace gatepost::mail {
namespace {

// States of the US, whose domain has registries four labels deep (RFC 1480).
constexpr std::string_view kStates =
    " ak al ar az ca co ct dc de fl ga gu hi ia id il in ks ky la ma md me mi mn mo ms mt nc nd ne "
    "nh nj nm nv ny oh ok or pa pr ri sc sd tn tx ut va vi vt wa wi wv wy ";

bool is_state(std::string_view label) {
  return label.size() == 2 && kStates.find(" " + std::string(label) + " ") != std::string::npos;
}

std::string joined(const std::vector<std::string_view>& labels, std::size_t from) {
  std::string out;
  for (std::size_t i = from; i < labels.size(); ++i) {
    if (i != from) out += '.';
    out += labels[i];
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
  return top_.contains(std::string(name));
}

bool Registries::is_known(std::string_view host) const {
  const std::size_t dot = host.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == host.size()) return false;
  if (host.find_first_of(" \t\n\r\f\v") != std::string_view::npos) return false;
  return is_top_level(host.substr(dot + 1));
}

std::string Registries::domain_of(std::string_view host) const {
  std::vector<std::string_view> labels;
  for (const std::string_view label : split(host, '.')) {
    if (!label.empty()) labels.push_back(label);
  }
  std::size_t from = 0;
  for (; labels.size() - from > 1; ++from) {
    const std::size_t left = labels.size() - from;
    const auto label = [&](std::size_t i) { return labels[from + i]; };
    if (left == 2 && two_.contains(joined(labels, from))) break;
    if (left == 3 && label(2) == "us") {
      if (is_state(label(1))) break;
    } else if (left == 3 && three_.contains(joined(labels, from))) {
      break;
    }
    const bool local =
        left == 4 && label(3) == "us" &&
        ((label(0) == "pvt" && label(1) == "k12") || label(0) == "ci" || label(0) == "co");
    if (local && is_state(label(2))) break;
  }
  // One label of the registrant's belongs to it.
  return joined(labels, from == 0 ? 0 : from - 1);
}

bool is_host_name(std::string_view host) {
  while (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  const auto labels = split(host, '.');
  if (labels.size() < 2) return false;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string_view label = labels[i];
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    const bool last_two = i + 2 >= labels.size();
    const bool good = std::all_of(label.begin(), label.end(), [&](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || (c == '_' && !last_two);
    });
    if (!good) return false;
  }
  return true;
}

}  // namespace gatepost::mail
