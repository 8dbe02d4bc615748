#pragma once
// One connection to a filter, as an MTA holds it. The manners are Postfix 3.7's (milter8.c).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "tests/support/milter/wire.h"
#include "tests/support/system/socket.h"

namespace gatepost::test::milter {

/// What the filter wants to happen after an event.
enum class Verdict {
  proceed,  ///< CONTINUE, SKIP, and everything that was not sent or not waited for
  accept,
  reject,
  tempfail,
  discard,
  shutdown,           ///< 421: the SMTP session ends
  connection_failed,  ///< the filter wants the SMTP connection closed (Postfix: protocol error)
};

const char* to_string(Verdict verdict);

struct Reply {
  bool sent = false;      ///< the event went out; false: NO*, SKIP, unknown to the version, settled
  bool answered = false;  ///< a reply was awaited; false when not sent, or for NR_*
  Verdict verdict = Verdict::proceed;
  bool skip = false;  ///< the filter wants no further event of this kind now
  int progress = 0;   ///< how often it said that it is still working
  std::optional<ReplyCode>
      code;  ///< a reply of its own; verdict is reject or tempfail by its class
  std::vector<ReplyPacket> modifications;  ///< in order; only at end of message

  /// What Postfix answers to its SMTP client: "550 5.7.1 Command rejected" and the like, lines
  /// parted by CR LF, "%%" turned into "%"; empty when it goes on or accepts.
  std::string smtp() const;
  /// The reason, when the filter asked for quarantine.
  std::optional<std::string> quarantine() const;
  /// Values of the header fields of that name (any case) that were added or inserted, in order.
  std::vector<std::string> added_headers(std::string_view name) const;
};

/// What the MTA can do. Bits that the version does not know are not offered.
struct Offer {
  std::uint32_t version = kMaxVersion;
  std::uint32_t actions = action::kAll;
  std::uint32_t steps = step::kAll;
};

/// The macro lists of Postfix's defaults (postconf -d, milter_*_macros).
const std::map<Event, std::vector<std::string>>& postfix_macro_lists();

/// Not safe for two threads at once. Errors: temporary when the filter is late, gone or refuses the
/// connection; permanent when it breaks the protocol. After an error the connection is closed.
///
/// Macro values are kept by name ("i", "{auth_authen}") until they are changed or cleared. Before
/// each event those in the event's list that have a value are sent: Postfix's lists, or, once the
/// filter has asked for a list at any stage, only the lists asked for. connect(), mail() and rcpt()
/// set the values that Postfix sets there.
class MilterClient {
 public:
  struct Options {
    Milliseconds connect_timeout{10'000};
    Milliseconds reply_timeout{10'000};  ///< for each packet; progress starts it anew
    bool no_delay = false;               ///< TCP_NODELAY; Postfix leaves it off
    Limits limits;
  };

  static Result<MilterClient> open(const Endpoint& endpoint, const Options& options);
  static Result<MilterClient> open(const Endpoint& endpoint) { return open(endpoint, Options{}); }

  /// Must come first. An answer with a version, action or step that was not offered is a permanent
  /// error.
  Result<Negotiated> negotiate(const Offer& offer);
  Result<Negotiated> negotiate() { return negotiate(Offer{}); }
  const Negotiated& agreement() const { return agreement_; }

  void set_macro(const std::string& name, std::string value);
  void clear_macro(const std::string& name) { macros_.erase(name); }
  /// Replaces Postfix's list for an event, like milter_connect_macros of main.cf.
  void set_macro_list(Event event, std::vector<std::string> names);

  /// `macros` wins over what connect() derives from the client.
  Result<Reply> connect(const ClientInfo& client, const std::vector<Macro>& macros = {});
  Result<Reply> helo(std::string_view name);
  /// Addresses with or without their angle brackets; "" is the null reverse-path.
  Result<Reply> mail(std::string_view address, const std::vector<std::string>& parameters = {});
  Result<Reply> rcpt(std::string_view address, const std::vector<std::string>& parameters = {});
  /// A recipient that the MTA itself has refused: sent only to filters that asked for those, with
  /// {rcpt_mailer}=error, {rcpt_host}=status ("5.1.1") and {rcpt_addr}=text.
  Result<Reply> refused_rcpt(std::string_view address, const std::string& status,
                             const std::string& text);
  /// Also sends what is waiting, as Postfix does before it hands the filter to cleanup(8).
  Result<Reply> data();
  /// `value` with the blank behind the colon, if there is one, lines parted by LF.
  Result<Reply> header(std::string_view name, std::string_view value);
  Result<Reply> end_of_headers();
  /// At most kMaxBodyChunk octets.
  Result<Reply> body(std::string_view chunk);
  Result<Reply> end_of_message();
  Result<Reply> unknown(std::string_view line);
  /// Ends the message; Postfix sends it after each one. Clears the macros of the message.
  Result<void> abort();
  /// Sends QUIT and closes.
  Result<void> quit();
  /// Version 6: ends the SMTP session, keeps the connection for another connect().
  Result<void> quit_new_connection();

  /// Octets of any kind, sent at once; for malformed packets. Replies are read with read_reply().
  Result<void> raw_send(std::string_view octets);
  Result<ReplyPacket> read_reply();
  /// Whether the filter has closed the connection or closes it before the deadline; what it sends
  /// before that is dropped.
  bool closed_by_filter(Milliseconds wait);
  /// Closes without QUIT.
  void close() { state_ = State::closed, stream_.close(); }

 private:
  enum class State { fresh, ready, envelope, accepted_message, accepted, rejected, closed };

  MilterClient(Stream stream, const Options& options)
      : stream_(std::move(stream)), options_(options) {}

  Result<Reply> event(Event event, const std::string& packet);
  Result<Reply> await_reply(Event event);
  /// Adds one packet to the reply. @return whether the event is over.
  Result<bool> take(Event event, ReplyPacket packet, Reply& reply);
  Result<void> check_modification(Event event, const ReplyPacket& packet, const Reply& reply) const;
  void settle(Event event, Reply& reply);
  Result<void> queue(std::string_view octets);
  Result<void> queue_macros(Event event);
  Result<void> flush();
  Error failed(Error error);
  Error broken(Event event, const std::string& what);
  void clear_message_macros();

  Stream stream_;
  Options options_;
  State state_ = State::fresh;
  Reply settled_;  ///< the answer to all events after the connection was accepted or rejected
  Negotiated agreement_;
  std::map<Event, std::vector<std::string>> macro_lists_ = postfix_macro_lists();
  std::map<std::string, std::string> macros_;
  std::optional<Event> skipped_;
  std::string waiting_;  ///< packets that nobody has had to wait for yet
};

}  // namespace gatepost::test::milter
