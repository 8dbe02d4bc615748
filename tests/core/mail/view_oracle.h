#pragma once
// What SpamAssassin's rules see of messages, for comparison.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include "core/mail/characters.h"
#include "core/mail/content.h"
#include "core/mail/registries.h"
#include "tests/support/shared_data.h"

namespace gatepost::test {

/// The octets of a text of spamassassin_view.pl: a character each.
inline std::string octets_of(const nlohmann::json& text) {
  const auto& utf8 = text.get_ref<const std::string&>();
  std::string out;
  for (std::size_t at = 0; at < utf8.size();)
    out += static_cast<char>(mail::next_character(utf8, at));
  return out;
}

/// An array as our pieces are: no line feed at the end, nothing empty behind the first.
inline std::vector<std::string> pieces_of(const nlohmann::json& array) {
  std::vector<std::string> out;
  for (const auto& text : array) {
    std::string piece = octets_of(text);
    if (piece.ends_with('\n')) piece.pop_back();
    if (out.empty() || !piece.empty()) out.push_back(std::move(piece));
  }
  return out;
}

inline std::vector<std::string> pieces_of(const mail::PieceText& text) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < text.pieces.size(); ++i) out.emplace_back(text.piece(i));
  return out;
}

/// Runs spamassassin_view.pl on the files and gives its answer for each to `answer`.
/// @return whether it ran to its end.
inline bool ask_spamassassin(
    const std::vector<std::filesystem::path>& files, const std::filesystem::path& folder,
    const std::function<void(const std::string& file, const nlohmann::json&)>& answer) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path list = folder / "files";
  {
    std::ofstream out(list);
    for (const auto& file : files) out << file.string() << '\n';
  }
  const std::string command = "perl " GATEPOST_SOURCE_DIR
                              "/tests/core/mail/spamassassin_view.pl /usr/share/spamassassin < " +
                              list.string();
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return false;
  char* line = nullptr;
  std::size_t room = 0;
  std::size_t answers = 0;
  for (ssize_t length; (length = ::getline(&line, &room, pipe)) > 0; ++answers) {
    const auto json =
        nlohmann::json::parse(std::string_view(line, static_cast<std::size_t>(length)));
    answer(json.at("file").get<std::string>(), json);
  }
  std::free(line);
  return WEXITSTATUS(::pclose(pipe)) == 0 && answers == files.size();
}

/// The names of SpamAssassin's own file.
inline mail::Registries registries_of_spamassassin() {
  mail::Registries out;
  std::ifstream in("/usr/share/spamassassin/20_aux_tlds.cf");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string key;
    words >> key;
    for (std::string name; words >> name && name[0] != '#';) {
      if (key == "util_rb_tld") out.add_top_level(name);
      if (key == "util_rb_2tld") out.add_two_level(name);
      if (key == "util_rb_3tld") out.add_three_level(name);
    }
  }
  return out;
}

inline bool spamassassin_is_here() {
  return std::filesystem::exists("/usr/share/perl5/Mail/SpamAssassin.pm") &&
         std::filesystem::exists("/usr/share/spamassassin/20_aux_tlds.cf");
}

/// Every message of conformance/spamassassin and about `wanted` of the corpus, spread by their
/// names; the corpus is unpacked below `folder`.
inline std::vector<std::filesystem::path> oracle_messages(const std::filesystem::path& folder,
                                                          std::size_t wanted) {
  std::vector<std::filesystem::path> files;
  if (const auto own = shared_data("conformance/spamassassin/messages-third")) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(*own)) {
      if (entry.is_regular_file() && entry.path().filename() != "LICENSE")
        files.push_back(entry.path());
    }
  }
  const auto archive = shared_data("corpora/spamassassin-public-dev.tar.xz");
  if (!archive) return files;
  const std::filesystem::path corpus = folder / "corpus";
  if (!std::filesystem::exists(corpus / "spam")) {
    std::filesystem::create_directories(corpus);
    const std::string command = "tar -xJf " + archive->string() + " -C " + corpus.string();
    if (std::system(command.c_str()) != 0) return files;
  }
  std::map<std::size_t, std::filesystem::path> by_hash;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus)) {
    if (!entry.is_regular_file()) continue;
    std::size_t hash = 14695981039346656037U;  // FNV-1a
    for (const char c : entry.path().filename().string())
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    by_hash.emplace(hash, entry.path());
  }
  for (const auto& [hash, path] : by_hash) {
    if (wanted-- == 0) break;
    files.push_back(path);
  }
  return files;
}

}  // namespace gatepost::test
