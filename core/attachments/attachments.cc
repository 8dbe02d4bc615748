#include "core/attachments/attachments.h"

#include <algorithm>

#include <magic.h>
#include <openssl/evp.h>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/pieces.h"

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

// Anything else a part may be is an attachment, or may hold some that cannot be seen from outside.
bool is_plain(const mail::ContentType& type) {
  if (type.is_multipart()) return type.type != "multipart/digest";
  return type.name.empty() && type.type.starts_with("text/");
}

// Looks for fields of parts that are not plain, in whatever is shaped like a field: a superset of
// what walking the tree would come upon.
class FieldSearch {
 public:
  explicit FieldSearch(std::string_view body) : body_(body) {}

  bool all_plain() {
    for (std::size_t at = 0;; ++at) {
      at = body_.find('-', at);
      if (at == std::string_view::npos) return true;
      if (!begins_field(at)) continue;
      const std::string_view rest = body_.substr(at + 1);
      for (const std::string_view name : {kType, kDisposition}) {
        if (istarts_with(rest, name) && !is_plain_field(name, rest.substr(name.size())))
          return false;
      }
    }
  }

 private:
  static constexpr std::string_view kType = "Type", kDisposition = "Disposition";
  // No honest message comes near these; what does is read by walking it.
  static constexpr int kMostFields = 200;
  static constexpr std::size_t kLongest = 2000;

  // Whether "Content" and nothing but blanks stand before `dash` in its line.
  bool begins_field(std::size_t dash) const {
    constexpr std::string_view kContent = "Content";
    if (dash < kContent.size()) return false;
    std::size_t at = dash - kContent.size();
    if (!istarts_with(body_.substr(at), kContent)) return false;
    while (at > 0 && body_[at - 1] == ' ') --at;
    return at == 0 || body_[at - 1] == '\n';
  }

  // `text`: from behind the name on.
  bool is_plain_field(std::string_view name, std::string_view text) {
    const std::size_t colon = text.find_first_not_of(' ');
    if (colon == std::string_view::npos || text[colon] != ':') return true;
    text.remove_prefix(colon + 1);
    std::size_t end = text.find('\n');
    while (end < kLongest && end + 1 < text.size() &&
           (text[end + 1] == ' ' || text[end + 1] == '\t'))
      end = text.find('\n', end + 1);
    end = std::min(end, text.size());
    if (end > kLongest || ++fields_ > kMostFields) return false;
    std::string value(text.substr(0, std::min(end + 1, text.size())));
    mail::drop_line_end_cr(value);
    const mail::ContentType read = mail::parse_content_type(value);
    return name == kType ? is_plain(read) : read.name.empty();
  }

  std::string_view body_;
  int fields_ = 0;
};

}  // namespace

bool may_have_attachments(const mail::Message& message) {
  const mail::HeaderField* content_type = nullptr;  // the last of each, as walk_mime() has it
  const mail::HeaderField* disposition = nullptr;
  for (const mail::HeaderField& field : message.fields()) {
    const std::string_view name = trim(field.name);
    if (!istarts_with(name, "Content-")) continue;
    if (iequals(name, "Content-Type")) content_type = &field;
    if (iequals(name, "Content-Disposition")) disposition = &field;
  }
  if (disposition != nullptr && !mail::parse_content_type(disposition->value).name.empty())
    return true;
  if (content_type == nullptr) return false;
  const mail::ContentType type = mail::parse_content_type(content_type->value);
  if (!is_plain(type)) return true;
  if (!type.is_multipart() || type.boundary.empty()) return false;
  constexpr std::uint64_t kChunk = std::uint64_t{64} << 10;
  if (message.body_size() > kChunk) return true;
  int chunks = 0;
  bool plain = true;
  const auto read = message.for_each_body_chunk([&](std::string_view chunk) {
    plain = ++chunks == 1 && FieldSearch(chunk).all_plain();
    return plain;
  });
  return !read.ok() || !plain;
}

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
