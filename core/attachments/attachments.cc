#include "core/attachments/attachments.h"

#include <algorithm>

#include <magic.h>
#include <openssl/evp.h>

#include "core/mail/encoded_word.h"

namespace gatepost::attachments {
namespace {

constexpr std::size_t kMagicBytes = std::size_t{64} << 10;

std::string digest_of(std::string_view octets) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (::EVP_Digest(octets.data(), octets.size(), digest, &length, ::EVP_sha256(), nullptr) != 1)
    return {};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

bool is_attachment(const mail::ContentType& type) {
  return !type.name.empty() ||
         (!type.type.starts_with("text/") && !type.type.starts_with("message/"));
}

}  // namespace

AttachmentReader::AttachmentReader(const AttachmentLimits& limits) : limits_(limits) {}

AttachmentReader::~AttachmentReader() {
  if (magic_ != nullptr) ::magic_close(magic_);
}

std::string AttachmentReader::type_of(std::string_view octets) {
  if (!tried_) {
    tried_ = true;
    // No look into compressed files: archives are listed under our own limits.
    magic_ = ::magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR);
    if (magic_ != nullptr && ::magic_load(magic_, nullptr) != 0) {
      ::magic_close(magic_);
      magic_ = nullptr;
    }
  }
  if (magic_ == nullptr) return {};
  const char* type = ::magic_buffer(magic_, octets.data(), std::min(octets.size(), kMagicBytes));
  return type != nullptr ? type : "";
}

Attachment AttachmentReader::describe(const mail::MimeLeaf& leaf, Spent& spent) {
  Attachment out;
  out.name = mail::decode_encoded_words(leaf.type.name);
  out.declared_type = leaf.type.type;
  decoded_.clear();
  mail::decode_transfer(leaf.body, leaf.encoding, limits_.max_size + 1, decoded_);
  out.truncated = decoded_.size() > limits_.max_size;
  if (out.truncated) decoded_.resize(limits_.max_size);
  out.size = decoded_.size();
  if (limits_.digests) out.sha256 = digest_of(decoded_);
  if (limits_.types) out.type = type_of(decoded_);
  out.program =
      decoded_.size() >= 64 && (decoded_.starts_with("MZ") || decoded_.starts_with("\x7f"
                                                                                   "ELF"));
  if (spent.archives >= limits_.max_archives || spent.unpacked >= limits_.max_unpacked) {
    spent.too_many = true;
    return out;
  }
  ArchiveLimits archive = limits_.archive;
  archive.max_unpacked = std::min(archive.max_unpacked, limits_.max_unpacked - spent.unpacked);
  out.archive = list_archive(decoded_, archive);
  if (out.archive) {
    ++spent.archives;
    spent.unpacked += std::min(out.archive->unpacked, limits_.max_unpacked - spent.unpacked);
  }
  return out;
}

AttachmentList AttachmentReader::read(const mail::MessageView& view) {
  AttachmentList out;
  Spent spent;
  const mail::ContentLimits& limits = view.limits();
  mail::walk_mime(view.message().fields(), view.raw_body(),
                  {limits.max_depth, limits.max_parts, limits.max_size},
                  [&](const mail::MimeLeaf& leaf) {
                    if (!is_attachment(leaf.type)) return;
                    if (out.attachments.size() >= limits_.max_attachments) {
                      out.too_many = true;
                      return;
                    }
                    out.attachments.push_back(describe(leaf, spent));
                  });
  out.too_many = out.too_many || spent.too_many;
  return out;
}

}  // namespace gatepost::attachments
