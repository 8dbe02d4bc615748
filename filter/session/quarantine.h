#pragma once
// Where the session puts a message that is to be stored, and who knows it when it comes back.

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace gatepost {

namespace mail {
class Message;
}
struct Envelope;
struct Record;

/// The field that carries a release token. It is ours: removed from every message that comes in,
/// whoever wrote it.
inline constexpr std::string_view kReleaseField = "X-Gatepost-Release";

/// What a release token turned out to be.
struct ReleaseCheck {
  bool good = false;
  std::string detail;  ///< the reference of the entry, or what is wrong with the token
};

/// Thread rule: everything from any thread. An object outlives every session.
class Quarantine {
 public:
  virtual ~Quarantine() = default;

  /// Keeps the whole message: when it returns without an error, file and index row are on disk and
  /// stay there whatever happens to the machine's power. Blocks for that long.
  /// @param message  frozen
  /// @param record   with its verdict; its reference names the entry
  /// @return a temporary Error: nothing is kept, the client must be asked to come again. (After a
  ///         failed index a file may be left that could not be removed: it becomes an unconfirmed
  ///         entry at the next start.)
  virtual Result<void> keep(const mail::Message& message, const Record& record) = 0;

  /// The answer for this entry has been handed to the MTA. Until then it is marked unconfirmed: the
  /// client may have seen no answer and sent the message once more. Does not block.
  virtual void confirm(const std::string& reference) = 0;

  /// Looks for a release token in a frozen message. A good one is noted on disk before this
  /// returns. @return nothing when the message has no such field.
  virtual std::optional<ReleaseCheck> check_release(const mail::Message& message,
                                                    const Envelope& envelope) = 0;
};

}  // namespace gatepost
