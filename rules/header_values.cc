#include "rules/header_values.h"

#include <algorithm>

#include "core/base/ip.h"
#include "core/base/text.h"
#include "core/mail/encoded_word.h"
#include "core/mail/fields.h"
#include "rules/mime_tree.h"

namespace gatepost::rules {
namespace {

using Part = HeaderSelector::Part;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Octets for octets, but LF line ends.
void append_raw(std::string_view value, std::string& out) {
  for (std::size_t at = 0; at < value.size();) {
    const std::size_t cr = value.find("\r\n", at);
    if (cr == value.npos) {
      out.append(value.substr(at));
      return;
    }
    out.append(value.substr(at, cr - at));
    at = cr + 1;
  }
}

// Folds and what surrounds them are one blank; other line ends go.
void append_unfolded(std::string_view value, std::string& out) {
  value = trim(value);
  std::size_t cr = value.find('\r');
  std::size_t lf = value.find('\n');
  for (std::size_t at = 0;;) {
    if (cr < at) cr = value.find('\r', at);
    if (lf < at) lf = value.find('\n', at);
    const std::size_t end = std::min(std::min(cr, lf), value.size());
    out.append(value.substr(at, end - at));
    at = end;
    while (at < value.size() && (value[at] == '\r' || value[at] == '\n')) ++at;
    if (at >= value.size()) return;
    if (!is_blank(value[at])) continue;
    while (at < value.size() && is_blank(value[at])) ++at;
    out += ' ';
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

void add_mailboxes(const mail::HeaderField& field, Part part, std::vector<std::string>& out) {
  std::string value;
  append_unfolded(field.value, value);
  LooseList list(value);
  for (LooseMailbox mailbox; list.next(mailbox);) {
    std::string text = part == Part::address ? mailbox.address
                       : part == Part::raw_display_name
                           ? mailbox.phrase
                           : squeezed(mail::decode_encoded_words(mailbox.phrase));
    if (!text.empty()) out.push_back(std::move(text));
  }
}

// ---- :host, :domain, :ip, :revip ----

bool is_host_char(char c) {
  return is_alnum(c) || c == '.' || c == '-' || c == '_';
}

// The host that begins at `at`, in lower case; empty when it is none.
std::string host_at(std::string_view text, std::size_t at, const mail::Registries& registries) {
  std::size_t end = at;
  while (end < text.size() && is_host_char(text[end])) ++end;
  while (end > at && !is_alnum(text[end - 1])) --end;
  std::string host = to_lower(text.substr(at, end - at));
  if (!mail::is_host_name(host) || !registries.is_known(host)) return {};
  return host;
}

std::string host_in(std::string_view text, bool is_address, const mail::Registries& registries) {
  const std::size_t sign = text.rfind('@');
  if (is_address) {
    if (sign == text.npos) return {};
    const std::string_view host = text.substr(sign + 1);
    return std::string(host.substr(0, host.find_first_of(" \t\r\n")));
  }
  for (std::size_t at = sign; at != text.npos; at = at == 0 ? text.npos : text.rfind('@', at - 1)) {
    std::string host = host_at(text, at + 1, registries);
    if (!host.empty()) return host;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_host_char(text[at])) continue;
    std::string host = host_at(text, at, registries);
    if (!host.empty()) return host;
    while (at < text.size() && is_host_char(text[at])) ++at;
  }
  return {};
}

std::string ip_in(std::string_view text, bool reversed) {
  const auto is_ip_char = [](char c) {
    return is_digit(c) || c == '.' || c == ':' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_ip_char(text[at])) continue;
    std::size_t end = at;
    while (end < text.size() && is_ip_char(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (const auto address = IpAddress::parse(word))
      return reversed ? address->reversed() : std::string(word);
    at = end;
  }
  return {};
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

const Relays& MessageFacts::relays() {
  if (!relays_) relays_ = read_relays(index_->fields(), settings_->networks);
  return *relays_;
}

HeaderReader::HeaderReader(const HeaderSelector& selector)
    : part_(selector.part), pick_(selector.pick), extract_(selector.extract) {
  const std::string& name = selector.name;
  struct Pseudo {
    std::string_view name;
    Source source;
    bool exact;  // in this spelling alone
  };
  constexpr Pseudo kPseudo[] = {
      {"ALL", Source::all, true},
      {"ALL-TRUSTED", Source::all_trusted, true},
      {"ALL-UNTRUSTED", Source::all_untrusted, true},
      {"ALL-INTERNAL", Source::all_internal, true},
      {"ALL-EXTERNAL", Source::all_external, true},
      {"EnvelopeFrom", Source::envelope_from, false},
      {"X-Spam-Relays-Trusted", Source::relays_trusted, false},
      {"X-Spam-Relays-Untrusted", Source::relays_untrusted, false},
      {"X-Spam-Relays-Internal", Source::relays_internal, false},
      {"X-Spam-Relays-External", Source::relays_external, false},
  };
  for (const Pseudo& one : kPseudo) {
    if (one.exact ? name == one.name : iequals(name, one.name)) source_ = one.source;
  }
  if (iequals(name, "ToCc")) {
    names_ = {"To", "Cc"};
  } else if (name == "MESSAGEID") {
    names_ = {"X-Message-Id", "Resent-Message-Id", "X-Original-Message-ID", "Message-Id"};
  } else if (source_ == Source::fields) {
    names_ = {name};
  }
  for (const std::string& one : names_) hashes_.push_back(FieldIndex::hash_of(one));
}

bool HeaderReader::is_plain() const {
  return pick_ == HeaderSelector::Pick::all && extract_ == HeaderSelector::Extract::none &&
         (part_ == Part::decoded || part_ == Part::raw);
}

template <class Take>
void HeaderReader::each_field(MessageFacts& facts, Take take) const {
  const auto fields = facts.index().fields();
  if (source_ == Source::fields) {
    for (std::size_t n = 0; n < names_.size(); ++n) {
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (facts.index().hash(i) == hashes_[n] && mail::is_named(fields[i], names_[n]))
          take(fields[i]);
      }
    }
    return;
  }
  if (source_ == Source::all) {
    for (const mail::HeaderField& field : fields) take(field);
    return;
  }
  // The Received of the hop that is not trusted any more was written by one that is.
  const bool trust = source_ == Source::all_trusted || source_ == Source::all_untrusted;
  const std::size_t border = trust ? facts.relays().trusted_fields : facts.relays().internal_fields;
  const bool above = source_ == Source::all_trusted || source_ == Source::all_internal;
  std::size_t received = 0;  // seen so far
  for (const mail::HeaderField& field : fields) {
    if (iequals(mail::trimmed_name(field), "Received")) ++received;
    const bool is_border = received == border + 1;
    if (above ? received <= border || is_border : received > border) take(field);
    if (above && is_border) return;
  }
}

void HeaderReader::append(const mail::HeaderField& field, std::string& out) const {
  if (source_ != Source::fields)
    out.append(mail::trimmed_name(field)).append(part_ == Part::raw ? ":" : ": ");
  part_ == Part::raw ? append_raw(field.value, out) : append_decoded(field, out);
  out += '\n';
}

bool HeaderReader::read(MessageFacts& facts, std::string& out) const {
  out.clear();
  const bool is_field =
      source_ == Source::fields || source_ == Source::all || source_ >= Source::all_trusted;
  if (is_field && is_plain()) {
    bool any = false;
    each_field(facts, [&](const mail::HeaderField& field) {
      append(field, out);
      any = true;
    });
    return any;
  }
  const std::vector<std::string> texts = list(facts);
  const bool with_lf =
      extract_ == HeaderSelector::Extract::none && (part_ == Part::decoded || part_ == Part::raw);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0 && !with_lf) out += '\n';
    out += texts[i];
  }
  return !texts.empty();
}

std::vector<std::string> HeaderReader::list(MessageFacts& facts) const {
  std::vector<std::string> texts;
  switch (source_) {
    case Source::envelope_from:
      texts.emplace_back(facts.mail_from());
      break;
    case Source::relays_trusted:
      texts.push_back(relays_text(facts.relays().trusted));
      break;
    case Source::relays_untrusted:
      texts.push_back(relays_text(facts.relays().untrusted));
      break;
    case Source::relays_internal:
      texts.push_back(relays_text(facts.relays().internal));
      break;
    case Source::relays_external:
      texts.push_back(relays_text(facts.relays().external));
      break;
    default: {
      const auto add = [&](const mail::HeaderField& field) {
        if (part_ == Part::decoded || part_ == Part::raw)
          append(field, texts.emplace_back());
        else
          add_mailboxes(field, part_, texts);
      };
      if (pick_ == HeaderSelector::Pick::all) {
        each_field(facts, add);
        break;
      }
      const mail::HeaderField* picked = nullptr;
      each_field(facts, [&](const mail::HeaderField& field) {
        if (picked == nullptr || pick_ == HeaderSelector::Pick::last) picked = &field;
      });
      if (picked != nullptr) add(*picked);
    }
  }
  if (extract_ == HeaderSelector::Extract::none) return texts;
  std::vector<std::string> out;
  for (const std::string& text : texts) {
    const bool ip =
        extract_ == HeaderSelector::Extract::ip || extract_ == HeaderSelector::Extract::reversed_ip;
    std::string found = ip ? ip_in(text, extract_ == HeaderSelector::Extract::reversed_ip)
                           : host_in(text, part_ == Part::address, facts.registries());
    if (extract_ == HeaderSelector::Extract::domain && !found.empty())
      found = facts.registries().domain_of(to_lower(found));
    if (!found.empty()) out.push_back(std::move(found));
  }
  return out;
}

std::string mime_header_text(const MimePart& part, const std::string& name, bool raw,
                             std::string_view unset) {
  std::string out;
  const auto append = [&](const mail::HeaderField& field) {
    if (!raw) {
      append_decoded(field, out);
    } else {
      append_raw(field.value, out);
      if (out.ends_with('\n')) return;
    }
    out += '\n';
  };
  if (name == "ALL") {
    for (const mail::HeaderField& field : part.fields) {
      out.append(mail::trimmed_name(field)).append(raw ? ":" : ": ");
      append(field);
    }
    return part.fields.empty() ? std::string(unset) : out;
  }
  const mail::HeaderField* field = part.field(name);
  if (field == nullptr) return std::string(unset);
  append(*field);
  return out;
}

}  // namespace gatepost::rules
