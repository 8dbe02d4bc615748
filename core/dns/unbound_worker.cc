#include "core/dns/unbound_worker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/dns/name.h"
#include "core/dns/unbound_log.h"
#include "core/dns/wire.h"

namespace gatepost::dns {

namespace {

// What libunbound says about DNSSEC; 0 is insecure.
constexpr int kBogus = 1;
constexpr int kSecure = 2;

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

/// A canonical name as libunbound reads it: absolute, odd octets as \DDD (RFC 1035 section 5.1).
std::string presentation(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (is_alnum(c) || c == '.' || c == '-' || c == '_') {
      text += c;
      continue;
    }
    const unsigned octet = static_cast<unsigned char>(c);
    text += '\\';
    text += static_cast<char>('0' + octet / 100);
    text += static_cast<char>('0' + octet / 10 % 10);
    text += static_cast<char>('0' + octet % 10);
  }
  return text + ".";
}

unsigned sockets_within_limit(unsigned wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return static_cast<unsigned>(std::clamp<rlim_t>(limit.rlim_cur / 2, 16, std::max(wanted, 16U)));
}

bool is_readable(const std::string& path) {
  return std::ifstream(path).good();
}

/// What libunbound failed with, from its rcode and from what it wrote about that.
Answer failure(int rcode, const Query& query) {
  Answer answer;
  answer.status = rcode == 5 ? Status::refused : Status::servfail;
  answer.reason = take_servfail_reason(presentation(query.name), to_string(query.type));
  if (answer.reason.empty()) {
    answer.reason = "the DNS server failed (rcode " + std::to_string(rcode) + ")";
  } else {
    answer.status = status_of_reason(answer.reason);
  }
  return answer;
}

AnswerPtr timeout_answer() {
  return empty_answer(Status::timeout, 0, "no answer by the deadline");
}

}  // namespace

UnboundResolver::Worker::Worker(UnboundOptions options)
    : options_(std::move(options)),
      cache_(options_.cache),
      dead_zones_(options_.dead_zone_period) {}

UnboundResolver::Worker::~Worker() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(queue_mutex_);
      stopping_ = true;
    }
    eventfd_write(wake_fd_, 1);
    thread_.join();
  }
  deliver_.reset();
  timer_.reset();
  wake_.reset();
  unbound_.reset();
  base_.reset();
  if (wake_fd_ >= 0) close(wake_fd_);
}

Result<void> UnboundResolver::Worker::start() {
  if (auto ready = set_up_events(); !ready) return ready;
  if (auto ready = set_up_unbound(); !ready) return ready;
  // Signals belong to the threads that wait for them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

Result<void> UnboundResolver::Worker::set_up_events() {
  base_.reset(event_base_new());
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (base_ == nullptr || wake_fd_ < 0) {
    return internal_error(std::string("the DNS thread cannot be set up: ") + std::strerror(errno));
  }
  wake_.reset(event_new(
      base_.get(), wake_fd_, EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* self) { static_cast<Worker*>(self)->take_batches(); },
      this));
  timer_.reset(event_new(
      base_.get(), -1, 0,
      [](evutil_socket_t, short, void* self) { static_cast<Worker*>(self)->expire(); }, this));
  deliver_.reset(event_new(
      base_.get(), -1, 0,
      [](evutil_socket_t, short, void* self) { static_cast<Worker*>(self)->deliver(); }, this));
  if (!wake_ || !timer_ || !deliver_ || event_add(wake_.get(), nullptr) != 0) {
    return internal_error("the events of the DNS thread cannot be made");
  }
  return {};
}

Result<void> UnboundResolver::Worker::set_up_unbound() {
  unbound_.reset(ub_ctx_create_event(base_.get()));
  if (unbound_ == nullptr) return internal_error("libunbound cannot be set up");
  catch_unbound_log(unbound_.get());
  const std::pair<const char*, std::string> settings[] = {
      {"msg-cache-size:", options_.msg_cache_size},
      {"rrset-cache-size:", options_.rrset_cache_size},
      // A cancelled question lives on for about 17 s: room for the dead ones.
      {"num-queries-per-thread:", std::to_string(options_.queries_per_thread)},
      {"outgoing-range:", std::to_string(sockets_within_limit(options_.outgoing_range))},
      {"outgoing-num-tcp:", std::to_string(options_.outgoing_tcp)},
      {"use-syslog:", "no"},
      // Its answer is SERVFAIL whatever the servers did; the line says what that was.
      {"log-servfail:", "yes"},
      {"val-log-squelch:", "no"},  // the library's default keeps that line back
      {"cache-min-ttl:", std::to_string(options_.cache.min_ttl)},
      {"cache-max-ttl:", std::to_string(options_.cache.max_ttl)},
      {"cache-max-negative-ttl:", std::to_string(options_.cache.max_negative_ttl)},
      // Else it answers for private reverse zones itself, and iprev of LAN clients fails.
      {"unblock-lan-zones:", "yes"},
      {"insecure-lan-zones:", "yes"},
      // A server that was down is found again at once when it is up.
      {"infra-keep-probing:", "yes"},
  };
  for (const auto& [name, value] : settings) {
    if (const int rc = ub_ctx_set_option(unbound_.get(), name, value.c_str()); rc != 0) {
      return config_error(std::string("libunbound refuses ") + name + " " + value + ": " +
                          ub_strerror(rc));
    }
  }
  if (auto ready = set_up_servers(); !ready) return ready;
  if (!options_.trust_anchor_file.empty()) {
    if (!is_readable(options_.trust_anchor_file)) {
      return config_error("the trust anchor file cannot be read", options_.trust_anchor_file);
    }
    ub_ctx_add_ta_file(unbound_.get(), options_.trust_anchor_file.c_str());
  }
  // It answers NXDOMAIN for these itself. Also ends the set-up: what was wrong is told here.
  for (const char* zone : {"test.", "invalid."}) {
    if (const int rc = ub_ctx_zone_remove(unbound_.get(), zone); rc != 0) {
      return config_error(std::string("libunbound refuses the DNS settings: ") + ub_strerror(rc),
                          options_.trust_anchor_file);
    }
  }
  return {};
}

Result<void> UnboundResolver::Worker::set_up_servers() {
  bool loopback = false;
  for (const auto& text : options_.servers) {
    auto server = parse_server(text);
    if (!server) return std::move(server).error();
    loopback = loopback || IpAddress::parse(server->substr(0, server->find('@')))->is_loopback();
    if (const int rc = ub_ctx_set_fwd(unbound_.get(), server->c_str()); rc != 0) {
      return config_error("libunbound refuses the server " + *server + ": " + ub_strerror(rc));
    }
  }
  if (!options_.resolv_conf.empty()) {
    const int rc = ub_ctx_resolvconf(unbound_.get(), options_.resolv_conf.c_str());
    if (rc != 0) return config_error("the file cannot be used for DNS", options_.resolv_conf);
    loopback = true;  // it may name one
  }
  if (loopback) ub_ctx_set_option(unbound_.get(), "do-not-query-localhost:", "no");
  // A resolver answers from its cache in no time and needs seconds for the rest. libunbound would
  // expect the former always and give up after 0.7 s; from 400 ms on our own deadline comes first.
  if (!options_.servers.empty() || !options_.resolv_conf.empty()) {
    ub_ctx_set_option(unbound_.get(), "infra-cache-min-rtt:", "400");
  }
  return {};
}

UnboundCounters UnboundResolver::Worker::counters() const {
  UnboundCounters counters;
  counters.asked = count_.asked;
  counters.sent = count_.sent;
  counters.coalesced = count_.coalesced;
  counters.answered = count_.answered;
  counters.failed = count_.failed;
  counters.bogus = count_.bogus;
  counters.timeouts = count_.timeouts;
  counters.dead_zone_skips = count_.dead_zone_skips;
  counters.waiting = count_.waiting;
  for (std::size_t i = 0; i < kStatuses; ++i) counters.by_status[i] = count_.by_status[i];
  counters.cache = cache_.counters();
  return counters;
}

void UnboundResolver::Worker::ask(std::vector<Query> batch, Deadline deadline,
                                  const Callback& done) {
  const SteadyTime now = steady_now();
  const SteadyTime latest = std::min(deadline.at, now + options_.query_timeout);
  std::vector<std::pair<Query, AnswerPtr>> known;
  count_.asked += batch.size();
  std::erase_if(batch, [&](Query& query) {
    AnswerPtr answer;
    if (!is_wire_name(query.name)) {
      answer = empty_answer(Status::nxdomain, 3600);
    } else if (latest <= now) {
      answer = timeout_answer();
      ++count_.timeouts;
    } else if (count_.waiting >= options_.max_waiting) {
      answer = empty_answer(Status::servfail, 0, "too many DNS questions wait");
      count(Status::servfail);
    } else {
      ++count_.waiting;
      return false;
    }
    known.emplace_back(std::move(query), std::move(answer));
    return true;
  });
  if (!batch.empty()) {
    std::unique_lock lock(queue_mutex_);
    if (!stopping_) {
      const bool wake = queue_.empty();
      queue_.push_back({std::move(batch), latest, done});
      lock.unlock();
      if (wake) eventfd_write(wake_fd_, 1);
    } else {
      lock.unlock();
      count_.waiting -= batch.size();
      for (Query& query : batch) known.emplace_back(std::move(query), timeout_answer());
    }
  }
  for (const auto& [query, answer] : known) done(query, answer);
}

void UnboundResolver::Worker::run() {
  pthread_setname_np(pthread_self(), "dns");
  event_base_dispatch(base_.get());
  finish_all();
}

void UnboundResolver::Worker::take_batches() {
  eventfd_t ignored = 0;
  eventfd_read(wake_fd_, &ignored);
  std::vector<Batch> batches;
  {
    std::lock_guard lock(queue_mutex_);
    if (stopping_) {
      event_base_loopbreak(base_.get());
      return;
    }
    batches.swap(queue_);
  }
  for (Batch& batch : batches) {
    const auto done = std::make_shared<const Callback>(std::move(batch.done));
    for (Query& query : batch.queries) take_query(std::move(query), batch.deadline, done);
  }
  deliver();
  arm_timer();
}

void UnboundResolver::Worker::take_query(Query&& query, SteadyTime deadline,
                                         const std::shared_ptr<const Callback>& done) {
  const SteadyTime now = steady_now();
  if (auto known = cache_.find(query, now)) {
    call(*done, query, known);
    return;
  }
  const auto found = in_flight_.find(query);
  Question* question = found == in_flight_.end() ? nullptr : found->second.get();
  const bool arrived = question != nullptr && question->answer != nullptr;
  if (!arrived && dead_zones_.is_dead(query.name, now)) {
    const SteadyTime expiry = now + options_.query_timeout;
    if (question == nullptr && dead_zones_.take_probe(query.name, now, expiry)) {
      question = send(Query(query), now);
      wait(*question, expiry, nullptr);
    }
    // Libunbound may know the answer by now, from a question that was given up.
    if (question == nullptr || question->answer == nullptr) {
      ++count_.dead_zone_skips;
      call(*done, query, empty_answer(Status::timeout, 0, "its zone did not answer lately"));
      return;
    }
  } else if (question == nullptr) {
    question = send(std::move(query), now);
  } else {
    ++count_.coalesced;
  }
  wait(*question, deadline, done);
}

UnboundResolver::Worker::Question* UnboundResolver::Worker::send(Query&& query, SteadyTime now) {
  auto owned = std::make_unique<Question>();
  Question* question = owned.get();
  question->worker = this;
  question->query = query;
  question->asked_at = now;
  in_flight_.emplace(std::move(query), std::move(owned));
  ++count_.sent;
  // on_answer() may be called before this returns.
  const int rc = ub_resolve_event(unbound_.get(), presentation(question->query.name).c_str(),
                                  static_cast<int>(question->query.type), 1, question, on_answer,
                                  &question->async_id);
  if (rc != 0 && question->answer == nullptr) {
    arrived(*question, empty_answer(Status::servfail, 0, ub_strerror(rc)));
  }
  return question;
}

void UnboundResolver::Worker::wait(Question& question, SteadyTime deadline,
                                   std::shared_ptr<const Callback> done) {
  question.waiters.push_back(waiters_.emplace(deadline, Waiter{&question, std::move(done)}));
}

void UnboundResolver::Worker::on_answer(void* data, int rcode, void* packet, int size, int security,
                                        char* why_bogus, int /*rate_limited*/) {
  auto& question = *static_cast<Question*>(data);
  Answer answer;
  if (security == kBogus) {
    answer.status = Status::bogus;
    answer.reason = why_bogus != nullptr ? printable(why_bogus, 200) : "DNSSEC validation failed";
  } else if ((rcode == 0 || rcode == 3) && packet != nullptr && size > 0) {
    // The rcode argument is 0 for NXDOMAIN as well: the header tells.
    answer = decode_response({static_cast<const char*>(packet), static_cast<std::size_t>(size)},
                             question.query);
    answer.secure = security == kSecure;
  } else {
    // The packet must not be read: its length is not to be trusted.
    answer = failure(rcode, question.query);
  }
  question.worker->arrived(question, std::make_shared<Answer>(std::move(answer)));
}

void UnboundResolver::Worker::arrived(Question& question, AnswerPtr answer) {
  // Callbacks run later, outside libunbound: they may ask again or be slow.
  question.answer = std::move(answer);
  arrived_.push_back(&question);
  event_active(deliver_.get(), 0, 0);
}

void UnboundResolver::Worker::deliver() {
  const auto batch = std::exchange(arrived_, {});
  const SteadyTime now = steady_now();
  for (Question* question : batch) {
    const auto owned = std::move(in_flight_.extract(question->query).mapped());
    cache_.put(owned->query, owned->answer, now);
    if (!is_temporary(owned->answer->status)) dead_zones_.answered(owned->query.name);
    count(owned->answer->status);
    for (const auto at : owned->waiters) {
      const auto done = waiters_.extract(at).mapped().done;
      if (done != nullptr) call(*done, owned->query, owned->answer);
    }
  }
}

void UnboundResolver::Worker::expire() {
  armed_for_ = SteadyTime::max();
  const SteadyTime now = steady_now();
  while (!waiters_.empty() && waiters_.begin()->first <= now) {
    const auto first = waiters_.begin();
    Question& question = *first->second.question;
    if (question.answer != nullptr) {  // just in time
      deliver();
      continue;
    }
    const auto done = std::move(first->second.done);
    std::erase(question.waiters, first);
    waiters_.erase(first);
    std::unique_ptr<Question> given_up;
    if (question.waiters.empty()) {
      // It lives on in libunbound, detached; late answers stay in its cache.
      ub_cancel(unbound_.get(), question.async_id);
      // One that was hardly given time says nothing about the zone.
      if (now - question.asked_at >= options_.query_timeout / 2) {
        dead_zones_.missed(question.query.name, now);
      }
      given_up = std::move(in_flight_.extract(question.query).mapped());
    }
    if (done != nullptr) {
      ++count_.timeouts;
      const Query query = question.query;
      call(*done, query, timeout_answer());
    }
  }
  arm_timer();
}

void UnboundResolver::Worker::arm_timer() {
  if (waiters_.empty() || waiters_.begin()->first >= armed_for_) return;
  armed_for_ = waiters_.begin()->first;
  const auto wait = std::max(armed_for_ - steady_now(), Duration::zero());
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(wait).count() + 1;
  timeval time{};
  time.tv_sec = static_cast<decltype(time.tv_sec)>(micros / 1'000'000);
  time.tv_usec = static_cast<decltype(time.tv_usec)>(micros % 1'000'000);
  evtimer_add(timer_.get(), &time);
}

void UnboundResolver::Worker::finish_all() {
  std::vector<Batch> batches;
  {
    std::lock_guard lock(queue_mutex_);
    batches.swap(queue_);
  }
  deliver();
  // Libunbound must not call back for questions that are gone.
  for (const auto& [query, question] : in_flight_) {
    ub_cancel(unbound_.get(), question->async_id);
  }
  for (const auto& [deadline, waiter] : std::exchange(waiters_, {})) {
    if (waiter.done != nullptr) call(*waiter.done, waiter.question->query, timeout_answer());
  }
  in_flight_.clear();
  for (const Batch& batch : batches) {
    for (const Query& query : batch.queries) call(batch.done, query, timeout_answer());
  }
}

void UnboundResolver::Worker::call(const Callback& done, const Query& query,
                                   const AnswerPtr& answer) {
  --count_.waiting;
  done(query, answer);
}

void UnboundResolver::Worker::count(Status status) {
  ++count_.by_status[static_cast<std::size_t>(status)];
  if (status == Status::bogus) {
    ++count_.bogus;
  } else if (is_temporary(status)) {
    ++count_.failed;
  } else {
    ++count_.answered;
  }
}

}  // namespace gatepost::dns
