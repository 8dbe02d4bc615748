#include "core/attachments/archive.h"

#include <algorithm>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

namespace gatepost::attachments {
namespace {

constexpr std::size_t kMaxName = 1024;
constexpr std::uint64_t kSmall = std::uint64_t{1} << 20;  // no bomb, whatever its ratio

struct Free {
  void operator()(archive* handle) const { ::archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, Free>;

// Formats that are found by their content for sure; not those that take any text (mtree, raw).
Handle open_handle(std::string_view octets) {
  Handle handle(::archive_read_new());
  archive* a = handle.get();
  if (a == nullptr) return nullptr;
  for (auto* support : {&::archive_read_support_format_zip, &::archive_read_support_format_7zip,
                        &::archive_read_support_format_rar, &::archive_read_support_format_rar5,
                        &::archive_read_support_format_cab, &::archive_read_support_format_lha,
                        &::archive_read_support_format_tar, &::archive_read_support_filter_gzip,
                        &::archive_read_support_filter_bzip2, &::archive_read_support_filter_xz,
                        &::archive_read_support_filter_zstd})
    support(a);
  return ::archive_read_open_memory(a, octets.data(), octets.size()) == ARCHIVE_OK
             ? std::move(handle)
             : nullptr;
}

ArchiveEntry entry_of(archive_entry* entry) {
  ArchiveEntry out;
  const char* name = ::archive_entry_pathname(entry);
  if (name == nullptr) name = ::archive_entry_pathname_utf8(entry);
  if (name != nullptr) out.name = std::string_view(name).substr(0, kMaxName);
  if (::archive_entry_size_is_set(entry) != 0 && ::archive_entry_size(entry) > 0)
    out.size = static_cast<std::uint64_t>(::archive_entry_size(entry));
  out.encrypted = ::archive_entry_is_encrypted(entry) != 0;
  out.folder = ::archive_entry_filetype(entry) == AE_IFDIR;
  return out;
}

// Reads through an entry whose size stands behind it. @return its octets, at most about `limit`.
std::uint64_t measured(archive* a, std::uint64_t limit) {
  std::uint64_t size = 0;
  while (size <= limit) {
    const void* block = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    const int status = ::archive_read_data_block(a, &block, &length, &offset);
    if (status == ARCHIVE_RETRY) continue;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) break;
    size += length;
  }
  return size;
}

// What the formats and filters of open_handle() begin with; programs may unpack themselves.
constexpr std::string_view kBegins[] = {
    "PK",
    "7z\xbc\xaf\x27\x1c",
    "Rar!",
    "MSCF",
    "MZ",
    "\x7f"
    "ELF",
    "\x1f\x8b",
    "BZh",
    "\xfd"
    "7zXZ",
    "\x28\xb5\x2f\xfd",
};

// The checksum of a tar's first header is octal: libarchive asks for no more before it adds up.
bool may_be_tar(std::string_view octets) {
  constexpr std::size_t kHeader = 512;
  return octets.size() >= kHeader && octets.substr(148, 8).find_first_not_of(std::string_view(
                                         " 01234567\0", 10)) == std::string_view::npos;
}

}  // namespace

bool may_be_archive(std::string_view octets) {
  // libarchive takes an empty file for an empty archive.
  if (octets.size() < 20) return false;
  if (std::any_of(std::begin(kBegins), std::end(kBegins),
                  [&](std::string_view begin) { return octets.starts_with(begin); }) ||
      may_be_tar(octets))
    return true;
  if (octets.substr(1, 3) == "\x2a\x4d\x18") return true;  // a frame that zstd skips
  if (octets[2] == '-' && octets[3] == 'l' && octets[6] == '-') return true;  // lha
  // The directory of a zip stands at its end, whatever stands before it.
  constexpr std::size_t kTail = std::size_t{20} << 10;
  return octets.substr(octets.size() - std::min(octets.size(), kTail)).find("PK\5\6") !=
         std::string_view::npos;
}

std::optional<Archive> list_archive(std::string_view octets, const ArchiveLimits& limits) {
  if (!may_be_archive(octets)) return std::nullopt;
  const Handle handle = open_handle(octets);
  if (handle == nullptr) return std::nullopt;
  Archive out;
  std::uint64_t& unpacked = out.unpacked;
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(handle.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status == ARCHIVE_RETRY) continue;
    if (status < ARCHIVE_WARN) {
      if (::archive_read_has_encrypted_entries(handle.get()) > 0) out.encrypted = true;
      if (out.entries.empty() && !out.encrypted) return std::nullopt;
      out.broken = true;
      break;
    }
    if (out.entries.size() >= limits.max_entries) {
      out.too_many_entries = true;
      break;
    }
    out.entries.push_back(entry_of(entry));
    if (out.entries.back().encrypted) out.encrypted = true;
    // Going on may read through what this entry holds, so its size is looked at before.
    std::uint64_t& size = out.entries.back().size;
    if (::archive_entry_size_is_set(entry) == 0 && !out.entries.back().encrypted)
      size = measured(handle.get(), limits.max_unpacked - unpacked);
    unpacked = unpacked > ~size ? ~std::uint64_t{0} : unpacked + size;
    const bool dense = unpacked > kSmall && unpacked / octets.size() >= limits.max_ratio;
    if (unpacked > limits.max_unpacked || dense) {
      out.too_large = true;
      break;
    }
  }
  const char* format = ::archive_format_name(handle.get());
  if (format != nullptr) out.format = format;
  return out.entries.empty() && !out.encrypted ? std::nullopt : std::make_optional(std::move(out));
}

}  // namespace gatepost::attachments
