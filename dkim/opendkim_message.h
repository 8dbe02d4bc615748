#pragma once
// One message inside libopendkim: fields and body in, hashes out. Private to this room.

// The library's header is C and needs _Bool, which clang's stdbool.h leaves out of strict C++.
#include <stdbool.h>
#ifndef _Bool
#define _Bool bool  // NOLINT(bugprone-reserved-identifier)
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <opendkim/dkim.h>

#include "core/base/result.h"
#include "dkim/library.h"
#include "dkim/signature.h"

namespace gatepost::dkim {

struct Library::Native {
  explicit Native(DKIM_LIB* opened) : handle(opened) {}
  ~Native() { dkim_close(handle); }
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;

  DKIM_LIB* const handle;
};

/// The hashes of one DKIM-Signature field that was fed.
struct Hashes {
  bool usable = false;       ///< the library understood the field; all else is set only then
  std::string header;        ///< SHA-256 over the canonical header
  std::string body;          ///< SHA-256 over the canonical body, up to l=
  std::uint64_t octets = 0;  ///< of the canonical body, up to l=
};

/// A field with this body form, and l= where given, to have nothing but the body hashed: for the
/// tests and benches that hold ours to it.
std::string stand_in_field(Canonicalization body_form, std::optional<std::uint64_t> length);

/// Thread rule: by one thread at a time. The library never sees a key: it canonicalises and hashes,
/// the signature is verified by PublicKey.
class OpendkimMessage {
 public:
  explicit OpendkimMessage(Library& library);

  /// @param text  a whole field without its final CRLF. @return whether it was taken.
  bool header(const std::string& text);
  /// Ends the header. Afterwards hashes() has one entry a DKIM-Signature field, in order, with
  /// `usable` set. @return whether any is usable.
  bool end_of_headers();
  /// Body octets, where its body hash is wanted: every LF behind a CR, no CR at the end of a chunk
  /// unless the LF never comes.
  void body(std::string_view octets);
  /// Ends the body and fills hashes(). Nothing may follow.
  Result<void> finish();
  const std::vector<Hashes>& hashes() const { return hashes_; }

  /// What libopendkim calls when all is hashed (dkim_set_final).
  static DKIM_CBSTAT take_hashes(DKIM* dkim, DKIM_SIGINFO** signatures, int count);

 private:
  struct Free {
    void operator()(DKIM* dkim) const { dkim_free(dkim); }
  };
  /// Of the library, for this message: a few hundred small pieces that end together.
  std::array<std::byte, std::size_t{16} << 10> first_;
  std::pmr::monotonic_buffer_resource memory_{first_.data(), first_.size()};
  std::unique_ptr<DKIM, Free> dkim_;
  std::vector<Hashes> hashes_;
  bool taken_ = false;
};

}  // namespace gatepost::dkim
