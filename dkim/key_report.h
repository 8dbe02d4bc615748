#pragma once
// What is wrong with a published key record, all of it, in words for who published it. A verifier
// reads one usable record (key.h); this reads as a proof-reader.

#include <string>
#include <string_view>
#include <vector>

#include "core/dns/answer.h"
#include "dkim/private_key.h"

namespace gatepost::dkim {

struct KeyRemark {
  enum class Weight {
    fault,  ///< signatures with the key fail somewhere, or count for nothing
    note,   ///< works, but should not stay; or good to know
  };
  Weight weight = Weight::fault;
  std::string what;  ///< a sentence without a full stop

  bool operator==(const KeyRemark&) const = default;
};

struct KeyReport {
  std::vector<KeyRemark> remarks;
  std::string record;      ///< the text judged: the first that looks like a key; may be empty
  std::string type;        ///< "rsa", "ed25519"; empty when it could not be read
  int bits = 0;            ///< 0 when the key could not be read
  bool temporary = false;  ///< DNS failed: nothing is known

  bool good() const;  ///< no fault, and DNS answered
};

/// Judges the answer to the TXT question for a key.
/// @param own  the private key that is to sign; null: not compared
/// RFC 6376 section 3.6.1, RFC 8301, RFC 8463. Pure: any thread.
KeyReport report_key(const dns::Answer& answer, const PrivateKey* own);

}  // namespace gatepost::dkim
