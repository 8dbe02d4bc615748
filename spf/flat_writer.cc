#include "spf/flat_writer.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace gatepost::spf {

namespace {

constexpr std::size_t kMaxRecordOctets = 450;  // RFC 7208 section 3.4

std::string network_term(const IpNetwork& network) {
  return (network.base.is_v4() ? "ip4:" : "ip6:") + network.text();
}

std::string qualified(Qualifier qualifier, const std::string& term) {
  return qualifier == Qualifier::pass ? term : static_cast<char>(qualifier) + term;
}

std::string write_main(const std::vector<FlatSegment>& segments,
                       const std::vector<std::string>& tail) {
  std::string text = "v=spf1";
  for (const FlatSegment& segment : segments) {
    for (const IpNetwork& network : segment.networks)
      text += " " + qualified(segment.qualifier, network_term(network));
    for (const std::string& term : segment.kept) text += " " + qualified(segment.qualifier, term);
  }
  for (const std::string& term : tail) text += " " + term;
  return text;
}

void merge(std::vector<FlatSegment>& segments) {
  std::vector<IpNetwork> earlier;
  for (FlatSegment& segment : segments) {
    segment.networks = merge_networks(std::move(segment.networks));
    std::erase_if(segment.networks, [&](const IpNetwork& network) {
      return std::any_of(earlier.begin(), earlier.end(),
                         [&](const IpNetwork& first) { return covers(first, network); });
    });
    earlier.insert(earlier.end(), segment.networks.begin(), segment.networks.end());
  }
}

/// Moves the networks of a segment to records of their own and includes these.
void move_out(FlatSegment& segment, Flattening& out) {
  std::vector<std::string> includes;
  std::string text;
  const std::string end = " -all";  // an include only asks whether it passes
  const auto close = [&] {
    if (text.empty()) return;
    const std::string name = "_spf" + std::to_string(out.records.size()) + "." + out.domain;
    out.records.push_back({name, text + end});
    includes.push_back("include:" + name);
    text.clear();
  };
  for (const IpNetwork& network : segment.networks) {
    const std::string term = " " + network_term(network);
    if (!text.empty() && text.size() + term.size() + end.size() > kMaxRecordOctets) close();
    if (text.empty()) text = "v=spf1";
    text += term;
  }
  close();
  segment.networks.clear();
  segment.kept.insert(segment.kept.begin(), includes.begin(), includes.end());
}

}  // namespace

void write_records(std::vector<FlatSegment> segments, const std::vector<std::string>& tail,
                   Flattening& out) {
  merge(segments);
  for (const FlatSegment& segment : segments) out.networks += segment.networks.size();
  out.records.push_back({out.domain, write_main(segments, tail)});
  while (out.records[0].text.size() > kMaxRecordOctets) {
    const auto longest = std::max_element(
        segments.begin(), segments.end(),
        [](const auto& a, const auto& b) { return a.networks.size() < b.networks.size(); });
    if (longest == segments.end() || longest->networks.size() < 3) break;
    move_out(*longest, out);
    out.records[0].text = write_main(segments, tail);
  }
  if (out.records[0].text.size() > kMaxRecordOctets)
    out.warnings.push_back("the record has " + std::to_string(out.records[0].text.size()) +
                           " octets: above 450 answers may not fit one UDP packet");
  if (out.records.size() > 11)
    out.warnings.push_back("it takes " + std::to_string(out.records.size() - 1) +
                           " includes, at most 10 lookups are allowed: do not publish this");
}

}  // namespace gatepost::spf
