#include "tests/support/archives/archive_maker.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

namespace gatepost::test {

std::string archive_of(const char* format, const std::vector<ArchivedFile>& files,
                       const char* options, const char* password, bool gzip) {
  archive* a = ::archive_write_new();
  EXPECT_EQ(::archive_write_set_format_by_name(a, format), ARCHIVE_OK);
  if (gzip) ::archive_write_add_filter_gzip(a);
  EXPECT_TRUE(*options == '\0' || ::archive_write_set_options(a, options) == ARCHIVE_OK);
  if (password != nullptr) ::archive_write_set_passphrase(a, password);
  std::size_t room = 1 << 20;
  for (const ArchivedFile& file : files) room += file.content.size() * 9 / 8 + 2000;
  std::string out(room, '\0');
  std::size_t used = 0;
  EXPECT_EQ(::archive_write_open_memory(a, out.data(), out.size(), &used), ARCHIVE_OK);
  for (const ArchivedFile& file : files) {
    archive_entry* entry = ::archive_entry_new();
    ::archive_entry_set_pathname(entry, file.name.c_str());
    ::archive_entry_set_size(entry, static_cast<la_int64_t>(file.content.size()));
    ::archive_entry_set_filetype(entry, AE_IFREG);
    ::archive_entry_set_perm(entry, 0644);
    ::archive_write_header(a, entry);
    ::archive_write_data(a, file.content.data(), file.content.size());
    ::archive_entry_free(entry);
  }
  EXPECT_EQ(::archive_write_close(a), ARCHIVE_OK);
  ::archive_write_free(a);
  out.resize(used);
  return out;
}

}  // namespace gatepost::test
