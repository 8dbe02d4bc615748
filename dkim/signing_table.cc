#include "dkim/signing_table.h"

#include <algorithm>
#include <iterator>

#include "core/base/text.h"
#include "core/mail/address.h"

namespace gatepost::dkim {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

struct Row {
  std::string_view key, value;
  std::size_t line = 0, key_column = 0, value_column = 0;
};

/// Cuts a text into rows; what is no row is a fault.
class Rows {
 public:
  Rows(std::string_view text, TableForm form, std::string wanted, std::vector<TableFault>& faults)
      : text_(text), list_(form == TableForm::list), wanted_(std::move(wanted)), faults_(faults) {}

  std::vector<Row> read() {
    std::string_view rest = text_;
    if (rest.size() > kMaxTable) {
      faults_.push_back({1, 1, "is larger than 16 MiB", false});
      return {};
    }
    for (std::size_t line = 1; !rest.empty(); ++line) {
      const auto end = std::min(rest.find(list_ ? ',' : '\n'), rest.size());
      if (rows_.size() >= kMaxTableRows) {
        faults_.push_back({line, 1, "has more than 100,000 rows", false});
        break;
      }
      read_line(rest.substr(0, end), line);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return std::move(rows_);
  }

 private:
  void read_line(std::string_view text, std::size_t line) {
    if (text.size() > kMaxTableLine) {
      faults_.push_back({line, 1, "line has more than 16,384 octets", false});
      return;
    }
    // opendkim: the hash character denotes the start of a comment, wherever it stands.
    if (!list_) text = text.substr(0, text.find('#'));
    Row row;
    row.line = line;
    std::size_t at = 0;
    const auto skip = [&] {
      while (at < text.size() && is_blank(text[at])) ++at;
    };
    skip();
    if (at == text.size()) return;
    row.key_column = at + 1;
    std::size_t end = at;
    while (end < text.size() && (list_ ? text[end] != '=' : !is_blank(text[end]))) ++end;
    row.key = trim(text.substr(at, end - at));
    at = std::min(end + (list_ ? 1 : 0), text.size());
    skip();
    row.value_column = at + 1;
    row.value = trim(text.substr(at));
    const bool controls = std::any_of(text.begin(), text.end(), [](char c) {
      return static_cast<unsigned char>(c) < ' ' && !is_blank(c);
    });
    if (controls)
      faults_.push_back({line, 1, "holds a control character", false});
    else if (row.key.empty() || row.value.empty())
      faults_.push_back({line, row.value_column,
                         "expected " + wanted_ + ", got only '" + printable(row.key, 100) + "'",
                         false});
    else
      rows_.push_back(row);
  }

  std::string_view text_;
  bool list_;
  std::string wanted_;
  std::vector<TableFault>& faults_;
  std::vector<Row> rows_;
};

bool is_path(std::string_view key) {
  return key.starts_with('/') || key.starts_with("./") || key.starts_with("../");
}

/// A domain of another script as mail has it, in a sender or a pattern.
std::string normal_sender(std::string_view sender) {
  const auto at = sender.rfind('@');
  const std::size_t begin = at == std::string_view::npos ? 0 : at + 1;
  std::string_view domain = sender.substr(begin);
  if (is_ascii(domain)) return to_lower(sender);
  const std::string dot = domain.starts_with('.') ? "." : "";
  const auto normal = mail::normalize_domain(domain.substr(dot.size()));
  return normal ? to_lower(sender.substr(0, begin)) + dot + *normal : to_lower(sender);
}

/// dkim-quoted-printable is not needed for these (RFC 6376 section 3.5, i=).
bool is_plain_local(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("!#$%&'*+-/?^_`{|}~.").find(c) != std::string_view::npos;
  });
}

bool is_identity(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || !is_plain_local(text.substr(0, at))) return false;
  std::string domain(text.substr(at + 1));
  for (auto percent = domain.find('%'); percent != std::string::npos; percent = domain.find('%'))
    domain.replace(percent, 1, "a");
  return mail::normalize_domain(domain).ok();
}

/// What is wrong with a sender, or never matches; empty when all is well.
std::string dead_sender(std::string_view sender, TableForm form) {
  const auto star = sender.find('*');
  if (form == TableForm::refile) {
    if (star != std::string_view::npos || sender.find('@') != std::string_view::npos) return {};
    return "'" + printable(sender, 100) + "' is no address and has no '*': it never matches, did " +
           "you mean '*@" + printable(sender.substr(sender.starts_with('.') ? 1 : 0), 100) + "'?";
  }
  if (star == std::string_view::npos || sender == "*" ||
      (star + 1 == sender.size() && sender.ends_with("@*")))
    return {};
  std::string meant;
  if (sender.starts_with("*@"))
    meant = ", did you mean 'refile:', or '" + printable(sender.substr(2), 100) + "'?";
  return "'*' has a meaning in tables with refile: only" + (meant.empty() ? "" : meant);
}

}  // namespace

Result<Dataset> Dataset::parse(std::string_view spec) {
  const auto after = [&](std::string_view prefix) {
    return std::string(trim(spec.substr(prefix.size())));
  };
  spec = trim(spec);
  if (spec.starts_with("file:")) return Dataset{TableForm::file, after("file:")};
  if (spec.starts_with("refile:")) return Dataset{TableForm::refile, after("refile:")};
  if (spec.starts_with("csl:")) return Dataset{TableForm::list, after("csl:")};
  static const std::vector<std::string_view> kForeign = {
      "db:", "dsn:", "ldap:", "ldaps:", "ldapi:", "lua:", "memcache:", "erlang:", "mdb:"};
  const std::string prefix(spec.substr(0, std::min(spec.find(':'), spec.size() - 1) + 1));
  if (std::find(kForeign.begin(), kForeign.end(), prefix) != kForeign.end() ||
      spec.ends_with(".db"))
    return permanent_error(
        "expected a table in a text file (file:PATH or refile:PATH): databases "
        "of opendkim are not read");
  if (is_path(spec)) return Dataset{TableForm::file, std::string(spec)};
  if (spec.find('=') != std::string_view::npos) return Dataset{TableForm::list, std::string(spec)};
  const auto meant = did_you_mean(prefix, {"file:", "refile:", "csl:"});
  return permanent_error("expected file:PATH, refile:PATH or NAME=VALUE rows" +
                         (meant.empty() ? "" : " (did you mean " + std::string(meant) + "?)"));
}

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && ascii_lower(pattern[p]) == ascii_lower(text[t])) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;  // the last '*' takes one more
      t = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

namespace {

/// DOMAIN:SELECTOR:KEY, or the fault of it.
Result<KeyTable::Entry> read_key_row(const Row& row) {
  KeyTable::Entry entry;
  entry.name = row.key;
  entry.line = row.line;
  const auto first = row.value.find(':');
  const auto second = first == std::string_view::npos ? first : row.value.find(':', first + 1);
  if (second == std::string_view::npos) {
    const bool blanks = row.value.find_first_of(" \t") != std::string_view::npos;
    return permanent_error(std::string("expected DOMAIN:SELECTOR:KEY") +
                           (blanks ? ", the parts divided by ':'" : "") + ", got '" +
                           printable(row.value, 100) + "'");
  }
  const auto domain = trim(row.value.substr(0, first));
  const auto selector = trim(row.value.substr(first + 1, second - first - 1));
  entry.key = trim(row.value.substr(second + 1));
  entry.column =
      row.value_column + (entry.key.empty() ? second : row.value.find(entry.key, second + 1));
  const auto normal_domain = mail::normalize_domain(domain);
  const auto normal_selector = mail::normalize_domain(selector);
  if (domain != "%" && !normal_domain)
    return permanent_error("'" + printable(domain, 100) +
                           "' is no domain: " + normal_domain.error().what);
  if (!normal_selector)
    return permanent_error("'" + printable(selector, 100) +
                           "' is no selector: " + normal_selector.error().what);
  entry.domain = domain == "%" ? "%" : *normal_domain;
  entry.selector = *normal_selector;
  entry.is_file = is_path(entry.key);
  if (entry.key.empty())
    return permanent_error("the key is missing behind '" + printable(row.value, 100) + "'");
  // The shortest key in base64 has 44 characters; this is a file name.
  if (!entry.is_file && (entry.key.size() < 40 || entry.key.ends_with(".private") ||
                         entry.key.ends_with(".pem") || entry.key.ends_with(".key")))
    return permanent_error("'" + printable(entry.key, 100) +
                           "' is no path (it begins with '/', './' or '../') and no key, did you "
                           "mean './" +
                           printable(entry.key, 100) + "'?");
  return entry;
}

}  // namespace

KeyTable KeyTable::parse(std::string_view text, TableForm form, std::vector<TableFault>& faults) {
  KeyTable table;
  for (const Row& row : Rows(text, form, "NAME DOMAIN:SELECTOR:KEY", faults).read()) {
    auto entry = read_key_row(row);
    if (!entry) {
      faults.push_back({row.line, row.value_column, entry.error().what, false});
      continue;
    }
    const auto [known, added] = table.by_name_.try_emplace(entry->name, table.entries_.size());
    if (!added) {
      faults.push_back({row.line, row.key_column,
                        "'" + printable(row.key, 100) + "' stands in line " +
                            std::to_string(table.entries_[known->second].line) +
                            " already, which counts",
                        true});
      continue;
    }
    if (form == TableForm::refile && row.key.find('*') != std::string_view::npos)
      table.patterns_.push_back(table.entries_.size());
    table.entries_.push_back(*std::move(entry));
  }
  return table;
}

const KeyTable::Entry* KeyTable::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  if (found != by_name_.end()) return &entries_[found->second];
  for (const std::size_t at : patterns_) {
    if (matches_wildcard(entries_[at].name, name)) return &entries_[at];
  }
  return nullptr;
}

SigningTable SigningTable::parse(std::string_view text, TableForm form,
                                 std::vector<TableFault>& faults) {
  SigningTable table;
  for (const Row& row : Rows(text, form, "SENDER KEYNAME", faults).read()) {
    const auto colon = std::min(row.value.find(':'), row.value.size());
    Entry entry{normal_sender(row.key), std::string(trim(row.value.substr(0, colon))),
                std::string(trim(row.value.substr(std::min(colon + 1, row.value.size())))),
                row.line, row.value_column};
    if (entry.key.empty() || entry.key.find_first_of(" \t") != std::string::npos) {
      faults.push_back({row.line, row.value_column,
                        "expected the name of a key, got '" + printable(row.value, 100) + "'",
                        false});
      continue;
    }
    if (!entry.identity.empty() && !is_identity(entry.identity)) {
      faults.push_back(
          {row.line, row.value_column + colon + 1,
           "expected USER@DOMAIN or @DOMAIN for i=, got '" + printable(entry.identity, 100) + "'",
           false});
      continue;
    }
    if (auto dead = dead_sender(row.key, form); !dead.empty())
      faults.push_back({row.line, row.key_column, std::move(dead), true});
    table.entries_.push_back(std::move(entry));
  }
  table.index(form);
  return table;
}

void SigningTable::index(TableForm form) {
  patterns_ = form == TableForm::refile;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string& sender = entries_[i].sender;
    if (!patterns_) {
      by_sender_[sender].push_back(i);
      continue;
    }
    const auto at = sender.rfind('@');
    if (at == std::string::npos || sender.find('*', at) != std::string::npos)
      others_.push_back(i);
    else
      by_sender_[sender.substr(at + 1)].push_back(i);
  }
}

std::vector<std::size_t> SigningTable::candidates(std::string_view local,
                                                  std::string_view domain) const {
  const std::string address = to_lower(local) + "@" + std::string(domain);
  std::vector<std::size_t> found;
  if (patterns_) {
    std::vector<std::size_t> tried;
    const auto of_domain = by_sender_.find(std::string(domain));
    static const std::vector<std::size_t> kNone;
    const auto& here = of_domain == by_sender_.end() ? kNone : of_domain->second;
    std::merge(here.begin(), here.end(), others_.begin(), others_.end(), std::back_inserter(tried));
    std::copy_if(tried.begin(), tried.end(), std::back_inserter(found),
                 [&](std::size_t i) { return matches_wildcard(entries_[i].sender, address); });
    return found;
  }
  const auto add = [&](const std::string& sender) {
    const auto rows = by_sender_.find(sender);
    if (rows != by_sender_.end())
      found.insert(found.end(), rows->second.begin(), rows->second.end());
  };
  const std::string user = to_lower(local) + "@";
  const auto parents = [&](const std::string& before) {
    for (auto dot = domain.find('.'); dot != std::string_view::npos;
         dot = domain.find('.', dot + 1))
      add(before + std::string(domain.substr(dot)));
  };
  add(address);
  add(std::string(domain));
  parents(user);
  parents("");
  add(user + "*");
  add("*");
  return found;
}

std::vector<const SigningTable::Entry*> SigningTable::lookup(std::string_view local,
                                                             std::string_view domain,
                                                             bool multiple) const {
  std::vector<const Entry*> rows;
  for (const std::size_t i : candidates(local, domain)) {
    const Entry& entry = entries_[i];
    if (multiple || rows.empty() || entry.sender == rows.front()->sender) rows.push_back(&entry);
  }
  return rows;
}

}  // namespace gatepost::dkim
