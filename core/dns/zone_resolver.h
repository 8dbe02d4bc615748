#pragma once
// Answers from master files first, from another resolver for all other names: `--zone`.

#include <memory>

#include "core/dns/resolver.h"
#include "core/dns/zone.h"

namespace gatepost::dns {

class ZoneResolver final : public Resolver {
 public:
  /// @param next  for names that the zone does not cover and for CNAMEs that lead out of it. Must
  ///              outlive this; null: those names do not exist.
  explicit ZoneResolver(std::shared_ptr<const Zone> zone, Resolver* next = nullptr)
      : zone_(std::move(zone)), next_(next) {}

  AnswerPtr cached(const Query& query) override;
  void ask(std::vector<Query> batch, Deadline deadline, Callback done) override;

 private:
  /// The answer, or null: then `forward` is what the next resolver is to be asked instead.
  AnswerPtr from_zone(const Query& query, Query& forward, std::uint32_t& chain_ttl) const;

  std::shared_ptr<const Zone> zone_;
  Resolver* next_;
};

}  // namespace gatepost::dns
