#include "dkim/opendkim_message.h"

#include <new>
#include <utility>

namespace gatepost::dkim {

namespace {

/// The library compares x= and t= with the machine's clock; verdicts are made for the transaction's
/// time, by our own rules. With this drift it objects only to times that Verifier keeps from it.
constexpr std::uint64_t kClockDrift = 1000000000;

/// A field that no h= can name (blanks cannot stand in it). dkim_canon_selecthdrs of 2.11.0 writes
/// one pointer past its array when h= uses up every field of the message: this one is never used.
constexpr char kNeverSigned[] = "never signed: -";

constexpr unsigned char kMessageId[] = "-";  // for its logging, which is not used

unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));  // it only reads
}

void* take_memory(void* memory, std::size_t size) {
  try {
    return static_cast<std::pmr::memory_resource*>(memory)->allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void give_back_memory(void*, void*) {}  // all of it with the message

bool set_options(DKIM_LIB* library) {
  // BADSIGHANDLES: a From that the library cannot read (a group, UTF-8) is no reason not to verify.
  unsigned int flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
  std::uint64_t drift = kClockDrift;
  return dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags) ==
             DKIM_STAT_OK &&
         dkim_options(library, DKIM_OP_SETOPT, DKIM_OPTS_CLOCKDRIFT, &drift, sizeof drift) ==
             DKIM_STAT_OK &&
         dkim_set_final(library, OpendkimMessage::take_hashes) == DKIM_STAT_OK;
}

}  // namespace

std::string stand_in_field(Canonicalization body_form, std::optional<std::uint64_t> length) {
  std::string text = "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=x; h=from; c=simple/";
  text += to_string(body_form);
  if (length) text += "; l=" + std::to_string(*length);
  return text + "; bh=AA==; b=AA==";
}

Library::Library(std::unique_ptr<Native> native, std::size_t cached_keys)
    : native_(std::move(native)), keys_(cached_keys) {}

Library::~Library() = default;

Result<std::unique_ptr<Library>> Library::open(std::size_t cached_keys) {
  DKIM_LIB* opened = dkim_init(take_memory, give_back_memory);
  if (!opened) return internal_error("libopendkim cannot be initialised");
  auto native = std::make_unique<Native>(opened);
  if (!set_options(opened)) return internal_error("libopendkim refuses its options");
  if (!dkim_libfeature(opened, DKIM_FEATURE_SHA256) ||
      !dkim_libfeature(opened, DKIM_FEATURE_ED25519)) {
    return internal_error("libopendkim is built without sha256 or ed25519");
  }
  return std::unique_ptr<Library>(new Library(std::move(native), cached_keys));
}

OpendkimMessage::OpendkimMessage(Library& library) {
  DKIM_STAT status = DKIM_STAT_OK;
  dkim_.reset(dkim_verify(library.native().handle, kMessageId,
                          static_cast<std::pmr::memory_resource*>(&memory_), &status));
}

bool OpendkimMessage::header(const std::string& text) {
  return dkim_ && dkim_header(dkim_.get(), octets_of(text), text.size()) == DKIM_STAT_OK;
}

bool OpendkimMessage::end_of_headers() {
  if (!dkim_ || !header(kNeverSigned) || dkim_eoh(dkim_.get()) != DKIM_STAT_OK) return false;
  DKIM_SIGINFO** signatures = nullptr;
  int count = 0;
  if (dkim_getsiglist(dkim_.get(), &signatures, &count) != DKIM_STAT_OK) return false;
  hashes_.resize(static_cast<std::size_t>(count));
  bool any = false;
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    // The error stays "unknown" until a signature is verified; anything else is an objection, and
    // then it has no hashes.
    hashes_[i].usable = dkim_sig_geterror(signatures[i]) == DKIM_SIGERROR_UNKNOWN;
    any = any || hashes_[i].usable;
  }
  return any;
}

void OpendkimMessage::body(std::string_view octets) {
  // A failure here (memory) shows in finish(): the hashes are then not taken.
  if (!octets.empty()) dkim_body(dkim_.get(), octets_of(octets), octets.size());
}

Result<void> OpendkimMessage::finish() {
  dkim_set_user_context(dkim_.get(), this);
  // No key is ever asked for: take_hashes() has every signature ignored.
  dkim_eom(dkim_.get(), nullptr);
  if (taken_) return {};
  const char* why = dkim_geterror(dkim_.get());
  return internal_error(std::string("libopendkim cannot hash the message: ") + (why ? why : "-"));
}

DKIM_CBSTAT OpendkimMessage::take_hashes(DKIM* dkim, DKIM_SIGINFO** signatures, int count) {
  auto* self = static_cast<OpendkimMessage*>(dkim_get_user_context(dkim));
  if (!self || static_cast<std::size_t>(count) != self->hashes_.size()) return DKIM_CBSTAT_ERROR;
  for (std::size_t i = 0; i < self->hashes_.size(); ++i) {
    Hashes& hashes = self->hashes_[i];
    dkim_sig_ignore(signatures[i]);
    if (!hashes.usable) continue;
    void* header = nullptr;
    void* body = nullptr;
    std::size_t header_size = 0;
    std::size_t body_size = 0;
    ssize_t octets = 0;
    if (dkim_sig_gethashes(signatures[i], &header, &header_size, &body, &body_size) !=
            DKIM_STAT_OK ||
        dkim_sig_getcanonlen(dkim, signatures[i], nullptr, &octets, nullptr) != DKIM_STAT_OK) {
      return DKIM_CBSTAT_ERROR;
    }
    hashes.header.assign(static_cast<const char*>(header), header_size);
    hashes.body.assign(static_cast<const char*>(body), body_size);
    hashes.octets = static_cast<std::uint64_t>(octets);
  }
  self->taken_ = true;
  return DKIM_CBSTAT_CONTINUE;
}

}  // namespace gatepost::dkim
