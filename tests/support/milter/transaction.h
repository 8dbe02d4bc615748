#pragma once
// A whole message over the milter protocol, in Postfix's order.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "tests/support/milter/client.h"

namespace gatepost::test::milter {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// A message as the protocol carries it.
struct MessageParts {
  HeaderFields headers;  ///< values with their leading blank, lines parted by LF
  std::string body;      ///< lines end with CR LF

  /// Takes LF or CR LF lines. What is no header field where one is expected begins the body.
  static MessageParts parse(std::string_view message);
  /// With CR LF.
  std::string text() const;
};

struct Transaction {
  std::string mail_from = {};  ///< brackets optional; empty is the null reverse-path
  std::vector<std::string> mail_parameters = {};
  std::vector<std::string> recipients = {};
  std::string message = {};            ///< LF or CR LF
  std::string queue_id = "4YzXk21Qz";  ///< known to the filter from the second RCPT or DATA on
};

/// What became of the message.
struct Outcome {
  Event decided_at = Event::end_of_message;               ///< the last event whose answer mattered
  Reply final;                                            ///< the answer to it
  std::vector<std::pair<std::string, Reply>> recipients;  ///< each RCPT with its answer
  MessageParts edited;  ///< the message after the header and body modifications, when accepted

  bool delivered() const {
    return final.verdict == Verdict::proceed || final.verdict == Verdict::accept;
  }
};

/// Runs MAIL to end of message and then sends ABORT, as Postfix does after each message; the
/// client must be connected and greeted. RCPT refusals drop that recipient; when none is left the
/// transaction ends at RCPT.
Result<Outcome> run_transaction(MilterClient& client, const Transaction& transaction);

/// The message after the modifications. Index 0 of an insertion is above the MTA's own Received
/// field, which filters do not see; index 1 is below it and so, here, also the top.
/// @param leading_space  whether step::kHeaderLeadingSpace was agreed: then values stand as the
///                       filter gave them, else the MTA puts a blank before them.
MessageParts apply_modifications(MessageParts message,
                                 const std::vector<ReplyPacket>& modifications, bool leading_space);

}  // namespace gatepost::test::milter
