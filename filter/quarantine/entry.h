#pragma once
// One stored message, as the index has it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::quarantine {

/// unconfirmed: it is not known whether the client saw the answer. stored: the answer was handed to
/// the MTA. releasing: a release is under way, or was cut off. released: every recipient has it.
enum class State { unconfirmed, stored, releasing, released };

std::string_view to_string(State state);
std::optional<State> parse_state(std::string_view word);

/// Letters, digits and '-', at most 32: what may become a file's name.
bool is_reference(std::string_view text);

struct Entry {
  std::string reference;
  std::int64_t time = 0;  ///< unix time of the message
  State state = State::unconfirmed;
  State before = State::unconfirmed;  ///< where a release that fails goes back to
  std::string mail_from;              ///< as in Envelope; empty is the null path
  std::vector<std::string> recipients;
  std::vector<std::string> released;  ///< those of `recipients` that have it already
  bool smtputf8 = false;              ///< must be released with SMTPUTF8 (RFC 6531)
  std::string header_from;            ///< foreign text, like subject and message_id: escape
  std::string subject;
  std::string message_id;
  std::string client;    ///< address, or empty
  std::string queue_id;  ///< of the MTA that asked
  std::string reason;    ///< names of the findings that count, strongest first
  double score = 0;
  std::uint64_t size = 0;   ///< of the file, octets
  std::string bound;        ///< bound_fields() of the message
  std::string digest;       ///< content_digest() of the message
  std::string nonce;        ///< of the release under way; empty: no token is good
  std::int64_t passed = 0;  ///< when the filter let this release pass; 0: it did not
};

/// What list() gives: newest first.
struct Filter {
  std::string from;        ///< part of the sender or of From, letter case ignored
  std::string to;          ///< part of a recipient
  std::int64_t since = 0;  ///< unix time
  std::optional<State> state;
  std::string after;  ///< the reference of the last entry of the page before
  int limit = 100;    ///< at most 500
};

struct Totals {
  std::uint64_t messages = 0;
  std::uint64_t octets = 0;
};

}  // namespace gatepost::quarantine
