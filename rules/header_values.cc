#include "rules/header_values.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"

namespace gatepost::rules {
namespace {

using Part = HeaderSelector::Part;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Octets for octets, but LF line ends.
void append_raw(std::string_view value, std::string& out) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '\r' && i + 1 < value.size() && value[i + 1] == '\n') continue;
    out += value[i];
  }
}

// Folds and what surrounds them are one blank; other line ends go.
void append_unfolded(std::string_view value, std::string& out) {
  value = trim(value);
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] != '\r' && value[i] != '\n') {
      out += value[i];
      continue;
    }
    std::size_t next = i;
    while (next < value.size() && (value[next] == '\r' || value[next] == '\n')) ++next;
    if (next >= value.size() || !is_blank(value[next])) continue;
    while (next < value.size() && is_blank(value[next])) ++next;
    out += ' ';
    i = next - 1;
  }
}

bool has_encoded_words(std::string_view name) {
  if (istarts_with(name, "Resent-")) name.remove_prefix(7);
  for (const std::string_view plain :
       {"Received", "Message-ID", "Date", "MIME-Version", "References", "In-Reply-To"}) {
    if (iequals(name, plain)) return false;
  }
  return !istarts_with(name, "List-");
}

void append_decoded(const mail::HeaderField& field, std::string& out) {
  const std::size_t from = out.size();
  append_unfolded(field.value, out);
  const std::string_view plain = std::string_view(out).substr(from);
  if (plain.find("=?") == plain.npos || !has_encoded_words(mail::trimmed_name(field))) return;
  std::string decoded = mail::decode_encoded_words(plain);
  out.resize(from);
  out += decoded;
}

// One mailbox of an address list as its writer wrote it, for eyes and patterns: nothing is refused,
// and letter case is kept (core/mail/from_field.h is the strict reading).
struct LooseMailbox {
  std::string address;
  std::string phrase;
  std::string comment;
};

class LooseList {
 public:
  explicit LooseList(std::string_view text) : text_(text) {}

  bool next(LooseMailbox& out) {
    out = {};
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        quoted(out.phrase);
      } else if (c == '(') {
        comment(out.comment);
      } else if (c == '<') {
        const std::size_t end = std::min(text_.find('>', at_), text_.size());
        out.address.assign(trim(text_.substr(at_, end - at_)));
        at_ = std::min(end + 1, text_.size());
      } else if (c == ',' || c == ';') {
        if (finish(out)) return true;
        out = {};
      } else if (c == ':' && out.address.empty()) {
        out.phrase.clear();  // the name of a group
      } else {
        out.phrase += c;
      }
    }
    return finish(out);
  }

 private:
  void quoted(std::string& out) {
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    if (at_ < text_.size()) ++at_;
  }

  void comment(std::string& out) {
    int depth = 1;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at_ + 1 < text_.size()) {
        out += text_[++at_];
        continue;
      }
      if (c == '(') ++depth;
      if (c == ')' && --depth == 0) break;
      out += c;
    }
    if (at_ < text_.size()) ++at_;
  }

  static bool finish(LooseMailbox& out) {
    std::string phrase(trim(out.phrase));
    if (out.address.empty() && phrase.find('@') != phrase.npos) {
      out.address = std::move(phrase);
      phrase.clear();
    }
    out.phrase = phrase.empty() ? out.comment : std::move(phrase);
    return !out.address.empty() || !out.phrase.empty();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// White space as one blank, none at the ends.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (!is_wsp(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

bool append_mailboxes(const mail::HeaderField& field, Part part, std::string& out, bool any) {
  std::string value;
  append_unfolded(field.value, value);
  LooseList list(value);
  for (LooseMailbox mailbox; list.next(mailbox);) {
    const std::string text = part == Part::address
                                 ? mailbox.address
                                 : squeezed(mail::decode_encoded_words(mailbox.phrase));
    if (text.empty()) continue;
    if (any) out += '\n';
    out += text;
    any = true;
  }
  return any;
}

}  // namespace

std::uint32_t FieldIndex::hash_of(std::string_view name) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(ascii_lower(c))) * 16777619U;
  return hash;
}

void FieldIndex::read(std::span<const mail::HeaderField> fields) {
  fields_ = fields;
  hashes_.clear();
  for (const mail::HeaderField& field : fields)
    hashes_.push_back(hash_of(mail::trimmed_name(field)));
}

HeaderReader::HeaderReader(std::string_view name, Part part) : part_(part) {
  if (name == "ALL") {
    source_ = Source::all;
  } else if (iequals(name, "EnvelopeFrom")) {
    source_ = Source::envelope_from;
  } else if (iequals(name, "ToCc")) {
    names_ = {"To", "Cc"};
  } else if (name == "MESSAGEID") {
    names_ = {"X-Message-Id", "Resent-Message-Id", "X-Original-Message-ID", "Message-Id"};
  } else {
    names_ = {std::string(name)};
  }
  for (const std::string& one : names_) hashes_.push_back(FieldIndex::hash_of(one));
}

bool HeaderReader::read(const FieldIndex& index, std::string_view mail_from,
                        std::string& out) const {
  out.clear();
  if (source_ == Source::envelope_from) {
    out = mail_from;
    return true;
  }
  bool any = false;
  const auto take = [&](const mail::HeaderField& field) {
    if (part_ == Part::address || part_ == Part::display_name) {
      any = append_mailboxes(field, part_, out, any);
      return;
    }
    if (source_ == Source::all)
      out.append(mail::trimmed_name(field)).append(part_ == Part::raw ? ":" : ": ");
    part_ == Part::raw ? append_raw(field.value, out) : append_decoded(field, out);
    out += '\n';
    any = true;
  };
  const auto fields = index.fields();
  if (source_ == Source::all) {
    for (const mail::HeaderField& field : fields) take(field);
    return any;
  }
  for (std::size_t n = 0; n < names_.size(); ++n) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (index.hash(i) == hashes_[n] && mail::is_named(fields[i], names_[n])) take(fields[i]);
    }
  }
  return any;
}

}  // namespace gatepost::rules
