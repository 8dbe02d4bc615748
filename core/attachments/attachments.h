#pragma once
// The attachments of a message.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/attachments/archive.h"
#include "core/mail/view.h"

struct magic_set;

namespace gatepost::attachments {

struct AttachmentLimits {
  std::size_t max_attachments = 200;
  std::size_t max_size = std::size_t{16} << 20;  ///< decoded octets that are looked at, of each
  std::size_t max_archives = 20;                 ///< that are listed
  std::uint64_t max_unpacked = std::uint64_t{32} << 20;  ///< octets, all archives together
  bool types = true;                                     ///< ask libmagic
  bool digests = true;                                   ///< make sha256
  ArchiveLimits archive;
};

/// A part with a file's name, or that is no text.
struct Attachment {
  std::string name;           ///< RFC 2183 and 2231, encoded words decoded; may be empty
  std::string declared_type;  ///< of its Content-Type
  std::string type;           ///< by its content ("application/zip"), empty when libmagic has none
  std::size_t size = 0;       ///< decoded octets
  std::string sha256;         ///< of these, 64 digits in lower case
  bool program = false;       ///< its content is a program of Windows or Linux
  std::optional<Archive> archive;
  bool truncated = false;  ///< larger than max_size: size and digest are those of its begin
};

struct AttachmentList {
  std::vector<Attachment> attachments;
  bool too_many = false;  ///< more attachments, or archives, than the limits allow
};

/// Whether the message may have an attachment: false only when AttachmentReader would find none.
/// Looks at the header and, for multiparts up to 64 KiB, for the fields of parts; makes no view.
/// Any thread.
bool may_have_attachments(const mail::Message& message);

/// Reads attachments. The data of libmagic is loaded with the first one (some milliseconds and
/// megabytes) and kept. One thread at a time.
class AttachmentReader {
 public:
  explicit AttachmentReader(const AttachmentLimits& limits = {});
  ~AttachmentReader();
  AttachmentReader(const AttachmentReader&) = delete;
  AttachmentReader& operator=(const AttachmentReader&) = delete;

  AttachmentList read(const mail::MessageView& view);
  /// The type of a file by its content, "" when it cannot be told. libmagic sees the first 64 KiB.
  std::string type_of(std::string_view octets);

 private:
  struct Spent {
    std::size_t archives = 0;
    std::uint64_t unpacked = 0;
    bool too_many = false;
  };
  Attachment describe(const mail::MimeLeaf& leaf, Spent& spent);

  AttachmentLimits limits_;
  magic_set* magic_ = nullptr;
  bool tried_ = false;
  std::string decoded_;
};

}  // namespace gatepost::attachments
