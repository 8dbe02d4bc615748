#pragma once
// What a store holds, is asked and is told, as plain values. No I/O here.

#include <compare>
#include <cstdint>
#include <string>
#include <variant>

namespace gatepost::store {

/// Budgets; beyond them a question is answered `refused` and a write is a permanent Error.
inline constexpr std::size_t kMaxName = 1024;
inline constexpr std::size_t kMaxData = 4096;
inline constexpr std::size_t kMaxSpaces = 64;

/// `space` is a word of the program: 1 to 24 of [a-z0-9_], beginning with a letter. Entries of one
/// space live about as long as each other: a read looks at one space only, and an empty one costs
/// nothing. `name` is any octets.
struct Key {
  std::string space;
  std::string name;
  auto operator<=>(const Key&) const = default;
};

bool is_valid(const Key& key);

struct Value {
  std::string data;
  std::int64_t number = 0;
  std::int64_t expires = 0;  ///< seconds since 1970; 0: never
  bool operator==(const Value&) const = default;
};

/// Question: what is there?
struct Read {
  Key key;
  auto operator<=>(const Read&) const = default;
};

/// Question and write. Nothing there: becomes {data, by, now + ttl} (the first writer's data
/// stays). Else `by` is added to its number; its data stays, its expiry too unless `prolong`.
/// Atomic among all who use the store; the answer is what is there afterwards.
struct Add {
  Key key;
  std::string data;
  std::int64_t by = 1;
  std::int64_t ttl = 0;  ///< seconds, 0: for ever
  bool prolong = false;  ///< the expiry becomes now + ttl in any case
  auto operator<=>(const Add&) const = default;
};

/// Write: replaces what is there.
struct Put {
  Key key;
  std::string data;
  std::int64_t number = 0;
  std::int64_t ttl = 0;  ///< seconds, 0: for ever
  auto operator<=>(const Put&) const = default;
};

/// Write: nothing is there afterwards.
struct Erase {
  Key key;
  auto operator<=>(const Erase&) const = default;
};

using Question = std::variant<Read, Add>;
using Write = std::variant<Put, Add, Erase>;

/// How a question ended.
enum class Status {
  found,
  none,         ///< nothing there, or expired
  unavailable,  ///< the store is down, full or too slow: a retry may help
  refused,      ///< the question is outside of the budgets, or the store is faulty
};

/// "found", "none", "unavailable", "refused".
const char* to_string(Status status);

struct Answer {
  Status status = Status::unavailable;
  Value value;         ///< of `found`
  std::string reason;  ///< for people, of unavailable and refused
  bool operator==(const Answer&) const = default;
};

Answer found(Value value);
Answer failed(Status status, std::string reason);

const Key& key_of(const Question& question);
const Key& key_of(const Write& write);

/// When an entry written now with this ttl ends; 0 for ever.
constexpr std::int64_t expiry(std::int64_t now, std::int64_t ttl) {
  return ttl <= 0 ? 0 : now + ttl;
}
constexpr bool is_live(const Value& value, std::int64_t now) {
  return value.expires == 0 || value.expires > now;
}

}  // namespace gatepost::store
