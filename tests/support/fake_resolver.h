#pragma once
// A Resolver whose answers are written in the test. No network, no threads of its own.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/dns/resolver.h"
#include "core/dns/zone.h"

namespace gatepost::testing {

/// Answers come from set(), fail() and add_zone(), in this order; all other names are nxdomain.
/// They are asked for (cached() knows nothing) unless set_cached(true) or warm().
/// Equal questions in flight are one question. Thread rule: any thread; callbacks run on the thread
/// that asks, or that releases.
class FakeResolver final : public dns::Resolver {
 public:
  FakeResolver() = default;
  /// With these records; a faulty text fails the test at once (it throws).
  explicit FakeResolver(std::string_view master_file) { add_zone(master_file); }
  ~FakeResolver() override;

  /// @name Script
  void add_zone(std::string_view master_file);
  void set(const dns::Query& query, dns::Answer answer);
  /// One TXT record.
  void set_txt(std::string_view name, std::string_view text);
  /// Every type of the name, or the one type, ends with this status.
  void fail(std::string_view name, dns::Status status);
  void fail(const dns::Query& query, dns::Status status);
  /// Whether cached() knows all answers at once. Default: no.
  void set_cached(bool cached);
  /// cached() knows this question from now on.
  void warm(const dns::Query& query);

  /// Whether answers wait for release(). Default: no, ask() answers before it returns.
  void hold(bool hold);
  /// Answers what is held for the query, or all. @return how many questions.
  std::size_t release(const dns::Query& query);
  std::size_t release_all();
  /// Answers what is held for the query with a timeout, as at its deadline.
  std::size_t time_out(const dns::Query& query);
  std::size_t time_out_all();

  /// @name What happened
  std::size_t questions() const;  ///< asked, equal ones in flight once
  std::size_t batches() const;    ///< calls of ask()
  std::size_t held() const;       ///< questions that wait for release
  std::vector<dns::Query> asked() const;
  std::size_t times_asked(const dns::Query& query) const;
  Deadline last_deadline() const;

  dns::AnswerPtr cached(const dns::Query& query) override;
  void ask(std::vector<dns::Query> batch, Deadline deadline, Callback done) override;

 private:
  using Waiting = std::map<dns::Query, std::vector<Callback>>;

  dns::AnswerPtr answer(const dns::Query& query) const;  // mutex_ held
  std::size_t answer_held(Waiting held, bool time_out);
  Waiting take_held(const dns::Query& query);

  mutable std::mutex mutex_;
  dns::Zone zone_;
  std::map<dns::Query, dns::AnswerPtr> answers_;
  std::map<std::string, dns::Status, std::less<>> failures_;
  std::map<dns::Query, bool> warm_;
  bool cached_ = false;
  bool hold_ = false;
  Waiting held_;
  std::vector<dns::Query> asked_;
  std::size_t batches_ = 0;
  Deadline last_deadline_;
};

/// An ok answer with this one text, for FakeResolver::set() and Answers::add().
dns::Answer txt_answer(std::string_view text, std::uint32_t ttl = 300);

}  // namespace gatepost::testing
