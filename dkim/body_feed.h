#pragma once
// A body in chunks of any size, made fit for canonicalisation.

#include <functional>
#include <string_view>

namespace gatepost::dkim {

/// Hands a body on with every LF behind a CR: a bare LF becomes CRLF, as an MTA sends it on. A body
/// that is not empty ends in CRLF (RFC 6376 section 3.4.3). No chunk handed on ends between CR and
/// LF. Bare CRs stay. Clean chunks are handed on without a copy.
class BodyFeed {
 public:
  using Sink = std::function<void(std::string_view)>;

  void chunk(std::string_view octets, const Sink& sink);
  /// The end of the body; nothing may follow.
  void finish(const Sink& sink);

 private:
  void emit(std::string_view octets, const Sink& sink);

  bool carriage_return_ = false;  // held back
  char last_ = '\n';
};

}  // namespace gatepost::dkim
