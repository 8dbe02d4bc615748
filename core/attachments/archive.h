#pragma once
// What lies in an archive, without unpacking it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatepost::attachments {

struct ArchiveLimits {
  std::size_t max_entries = 1000;
  std::uint64_t max_unpacked = std::uint64_t{32} << 20;  ///< octets, all entries together
  std::uint64_t max_ratio = 200;  ///< of these to the archive's, from a megabyte on
};

struct ArchiveEntry {
  std::string name;        ///< as written, octets; at most 1024
  std::uint64_t size = 0;  ///< as the archive says
  bool encrypted = false;
  bool folder = false;
};

struct Archive {
  std::string format;  ///< "ZIP 2.0 (deflation)", as libarchive calls it
  std::vector<ArchiveEntry> entries;
  std::uint64_t unpacked = 0;     ///< octets of the entries, as the archive says
  bool encrypted = false;         ///< some entry, or the list of names itself
  bool too_many_entries = false;  ///< the entries behind max_entries are missing
  bool too_large = false;         ///< a bomb: max_unpacked or max_ratio; the rest is missing
  bool broken = false;            ///< the rest cannot be read
};

/// Whether it may be worth asking list_archive(): false only for what this finds to be none. Cheap:
/// looks at the begin, and for zip at the end.
bool may_be_archive(std::string_view octets);

/// Lists zip, 7z, rar, cab, lha and tar (also compressed by gzip, bzip2, xz or zstd). Archives in
/// it are entries like others. Work is bounded by `limits` and the length of `octets`. Any thread.
/// @return nothing when `octets` are no such archive.
std::optional<Archive> list_archive(std::string_view octets, const ArchiveLimits& limits = {});

}  // namespace gatepost::attachments
