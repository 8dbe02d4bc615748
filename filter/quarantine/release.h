#pragma once
// One release: the stored message goes to the MTA again, with a token that lets it pass the filter.

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "filter/quarantine/disk_quarantine.h"
#include "filter/quarantine/smtp_client.h"

namespace gatepost::quarantine {

/// Where the state of a release is kept: the daemon behind its control socket, or the quarantine
/// itself in tests.
class ReleaseJournal {
 public:
  virtual ~ReleaseJournal() = default;
  /// As DiskQuarantine::begin_release.
  virtual Result<std::optional<Begun>> begin(const std::string& reference, bool again) = 0;
  /// As DiskQuarantine::end_release. Must not give up soon: a delivery that is not noted cannot be
  /// told from one that did not happen.
  virtual Result<bool> end(const std::string& reference, const std::string& nonce,
                           const std::vector<std::string>& delivered, bool whole) = 0;
};

struct ReleaseOptions {
  SmtpServer server;
  SmtpTimeouts timeouts;
  std::filesystem::path directory;  ///< of the quarantine: messages and key are read here
  std::vector<std::string> to;      ///< not empty: these recipients instead of the entry's
  bool again = false;
  std::chrono::seconds token_life{3600};
};

struct ReleaseOutcome {
  enum class Kind {
    released,  ///< the MTA has taken it for all who were to get it
    partly,    ///< for some; the others stay to be released
    failed,    ///< for nobody; nothing has changed
    unknown,   ///< the MTA was given the message and did not say what it did with it
    refused,   ///< no such entry, or it may not be released now
  };
  Kind kind = Kind::failed;
  std::vector<std::string> delivered;
  std::string detail;  ///< the MTA's reply or what went wrong; printable
  bool temporary = false;
  /// Taken by the MTA, but this filter has not seen its token: not attached there, or the message
  /// was changed on the way. Then it was treated as any mail, and may be in the quarantine again.
  bool unseen = false;
};

/// Releases one entry. Holds the lock of its file meanwhile, so that there is one release of it at
/// a time, whatever dies. A kill of the daemon in the middle is harmless: what the MTA says is what
/// counts, and it is told to the journal when the daemon is back. A kill of this process leaves the
/// entry "releasing": taken over by the next release when the filter did not let the token pass,
/// else refused until somebody says `again`.
ReleaseOutcome release(const std::string& reference, ReleaseJournal& journal,
                       const ReleaseOptions& options, const Clock& clock);

}  // namespace gatepost::quarantine
