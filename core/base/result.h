#pragma once
// The one error type of the project and the value-or-error that carries it.

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace gatepost {

/// Whose fault an error is, and so what may help.
enum class ErrorKind {
  permanent,  ///< the sender's or the caller's data; asking again gives the same
  temporary,  ///< a time-out, a server that failed: a retry may help
  config,     ///< the operator's files; `where` is file:line or file:line:column
  internal,   ///< ours
};

/// @return "permanent", "temporary", "config" or "internal".
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string what;   ///< one sentence without a full stop, names the thing and what was expected
  std::string where;  ///< file:line:column, a tag, a domain; may be empty

  /// "where: what", or only what.
  std::string text() const;
};

inline Error permanent_error(std::string what, std::string where = {}) {
  return {ErrorKind::permanent, std::move(what), std::move(where)};
}
inline Error temporary_error(std::string what, std::string where = {}) {
  return {ErrorKind::temporary, std::move(what), std::move(where)};
}
inline Error config_error(std::string what, std::string where = {}) {
  return {ErrorKind::config, std::move(what), std::move(where)};
}
inline Error internal_error(std::string what, std::string where = {}) {
  return {ErrorKind::internal, std::move(what), std::move(where)};
}

/// A T or an Error. "Not found" is a T (std::optional), never an Error.
/// value() and error() may be called only when ok() says so; they assert.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by intent
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& { return assert(ok()), std::get<0>(state_); }
  T& value() & { return assert(ok()), std::get<0>(state_); }
  T&& value() && { return assert(ok()), std::get<0>(std::move(state_)); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const& { return assert(!ok()), std::get<1>(state_); }
  Error&& error() && { return assert(!ok()), std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() : state_(std::in_place_index<0>) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<std::monostate, Error> state_;
};

}  // namespace gatepost
