#pragma once
// KeyTable and SigningTable of opendkim, read as opendkim.conf(5) and "DATA SETS" of opendkim(8)
// describe them. No I/O: texts come in, keys are somebody else's.

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"

namespace gatepost::dkim {

/// What a table may cost. Beyond it reading stops with a fault.
constexpr std::size_t kMaxTable = std::size_t{16} << 20;  ///< octets
constexpr std::size_t kMaxTableLine = 16384;              ///< octets; a key may stand in a line
constexpr std::size_t kMaxTableRows = 100'000;

/// How a table is written.
enum class TableForm {
  file,    ///< a row a line: key, white space, value; '#' begins a comment
  refile,  ///< the same; keys are patterns in which '*' is any text
  list,    ///< key=value,key=value in the setting itself ("csl:")
};

/// The place of a table, as in opendkim.conf.
struct Dataset {
  TableForm form = TableForm::file;
  std::string text;  ///< a path; of a list its rows

  /// "file:PATH", "refile:PATH", "/PATH", "./PATH", "csl:…" or rows. @return a permanent Error for
  /// databases, which opendkim reads and we do not, and for an unknown prefix.
  static Result<Dataset> parse(std::string_view spec);
};

/// Something wrong in a table, or, as a warning, something that never has an effect.
struct TableFault {
  std::size_t line = 0;  ///< 1-based; of a list its how many-th row
  std::size_t column = 0;
  std::string what;
  bool warning = false;
};

/// Whether `text` fits a pattern in which '*' is any text; ASCII letter case does not count.
bool matches_wildcard(std::string_view pattern, std::string_view text);

/// Rows "NAME DOMAIN:SELECTOR:KEY". Immutable; any thread.
class KeyTable {
 public:
  struct Entry {
    std::string name;
    std::string domain;      ///< lower-case A-labels, or "%": the author's
    std::string selector;    ///< lower-case A-labels
    std::string key;         ///< a path, in which "%" is the author's domain; or the key itself
    bool is_file = true;     ///< `key` is a path: it begins with '/', "./" or "../"
    std::size_t line = 0;    ///< of the row
    std::size_t column = 0;  ///< of its KEY
  };

  static KeyTable parse(std::string_view text, TableForm form, std::vector<TableFault>& faults);

  /// Null: no row has the name. Of equal names the first counts.
  const Entry* find(std::string_view name) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> by_name_;
  std::vector<std::size_t> patterns_;  // of a refile: names with '*'
};

/// Rows "SENDER KEYNAME[:IDENTITY]". Immutable; any thread.
class SigningTable {
 public:
  struct Entry {
    std::string sender;    ///< an address, a part of one or a pattern, as written
    std::string key;       ///< a name in the KeyTable; "%": the author's domain is the name
    std::string identity;  ///< i=, "%" in it is the author's domain; may be empty
    std::size_t line = 0;
    std::size_t column = 0;  ///< of KEYNAME
  };

  static SigningTable parse(std::string_view text, TableForm form, std::vector<TableFault>& faults);

  /// The rows for an author, in the order they are found. refile: rows whose pattern fits
  /// LOCAL@DOMAIN, from the top. Else LOCAL@DOMAIN, DOMAIN, LOCAL@.PARENT for each parent domain
  /// from the nearest on, .PARENT likewise, LOCAL@*, *. Without `multiple` only the first sender
  /// that is found counts; all rows that name this same sender do, which opendkim lacks.
  /// @param domain  lower-case A-labels.
  std::vector<const Entry*> lookup(std::string_view local, std::string_view domain,
                                   bool multiple) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  void index(TableForm form);
  std::vector<std::size_t> candidates(std::string_view local, std::string_view domain) const;

  std::vector<Entry> entries_;
  bool patterns_ = false;
  // file: by sender; refile: by the domain that a pattern ends in. Both in lower case.
  std::unordered_map<std::string, std::vector<std::size_t>> by_sender_;
  std::vector<std::size_t> others_;  // refile: patterns without a whole domain at their end
};

}  // namespace gatepost::dkim
