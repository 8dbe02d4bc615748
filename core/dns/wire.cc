#include "core/dns/wire.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace gatepost::dns {

namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kMaxRecords = 4096;
constexpr int kMaxChain = 16;
constexpr std::uint16_t kClassIn = 1;

/// A name as text, or one that text cannot say (then `sayable` is false and `text` empty).
struct Name {
  std::string text;
  bool sayable = true;
};

struct Record {
  Name owner;
  RrType type = RrType::a;
  std::uint32_t ttl = 0;
  std::size_t data = 0;  ///< offset of the rdata
  std::size_t size = 0;
};

/// A packet with bounds-checked reads; a failed read gives nothing.
class Packet {
 public:
  explicit Packet(std::string_view octets) : octets_(octets) {}

  std::size_t size() const { return octets_.size(); }
  std::string_view slice(std::size_t at, std::size_t size) const {
    return octets_.substr(at, size);
  }
  std::optional<std::uint8_t> u8(std::size_t at) const {
    if (at >= octets_.size()) return std::nullopt;
    return static_cast<std::uint8_t>(octets_[at]);
  }
  std::optional<std::uint16_t> u16(std::size_t at) const {
    if (octets_.size() < 2 || at > octets_.size() - 2) return std::nullopt;
    return static_cast<std::uint16_t>(byte(at) << 8U | byte(at + 1));
  }
  std::optional<std::uint32_t> u32(std::size_t at) const {
    if (octets_.size() < 4 || at > octets_.size() - 4) return std::nullopt;
    return static_cast<std::uint32_t>(byte(at)) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U |
           byte(at + 3);
  }

  /// Reads the name at `at` and moves `at` behind it.
  std::optional<Name> name(std::size_t& at) const {
    Name name;
    std::size_t read = at;
    std::size_t limit = at;  // a pointer leads before the part it ends: so there are no loops
    std::size_t wire_size = 1;
    bool jumped = false;
    for (;;) {
      const auto length = u8(read);
      if (!length) return std::nullopt;
      if ((*length & 0xC0U) == 0xC0U) {  // RFC 1035 section 4.1.4
        const auto pointer = u16(read);
        if (!pointer) return std::nullopt;
        const std::size_t target = *pointer & 0x3FFFU;
        if (target >= limit) return std::nullopt;
        if (!jumped) at = read + 2;
        jumped = true;
        read = limit = target;
        continue;
      }
      if ((*length & 0xC0U) != 0) return std::nullopt;  // reserved
      ++read;
      if (*length == 0) break;
      wire_size += *length + 1U;
      if (wire_size > 255 || octets_.size() - read < *length) return std::nullopt;
      const auto label = octets_.substr(read, *length);
      name.sayable = name.sayable && label.find('.') == std::string_view::npos;
      if (!name.text.empty()) name.text += '.';
      name.text += to_lower(label);
      read += *length;
    }
    if (!jumped) at = read;
    if (!name.sayable) name.text.clear();
    return name;
  }

 private:
  std::uint32_t byte(std::size_t at) const { return static_cast<std::uint8_t>(octets_[at]); }

  std::string_view octets_;
};

class Decoder {
 public:
  Decoder(std::string_view octets, const Query& query) : packet_(octets), query_(query) {}

  Answer decode() {
    if (read_header() && read_question() && read_records()) follow();
    return std::move(answer_);
  }

 private:
  /// Always false, to be returned.
  bool fault(Status status, std::string reason) {
    answer_ = {};
    answer_.status = status;
    answer_.reason = std::move(reason);
    return false;
  }
  bool malformed(std::string reason) { return fault(Status::malformed, std::move(reason)); }

  bool read_header() {
    if (packet_.size() < kHeaderSize) return malformed("the response is shorter than its header");
    const unsigned flags = *packet_.u16(2);
    if ((flags & 0x8000U) == 0 || (flags & 0x7800U) != 0) return malformed("not a response");
    rcode_ = flags & 0x000FU;
    switch (rcode_) {
      case 0:
      case 3:
        break;
      case 2:
        answer_.status = Status::servfail;
        answer_.reason = "SERVFAIL";
        return false;
      case 5:
        answer_.status = Status::refused;
        answer_.reason = "REFUSED";
        return false;
      default:
        return malformed("rcode " + std::to_string(rcode_));
    }
    if ((flags & 0x0200U) != 0) return fault(Status::truncated, "the response is truncated");
    return true;
  }

  bool read_question() {
    if (*packet_.u16(4) != 1) return malformed("not one question in the response");
    at_ = kHeaderSize;
    const auto name = packet_.name(at_);
    const auto type = packet_.u16(at_);
    const auto record_class = packet_.u16(at_ + 2);
    if (!name || !type || !record_class) return malformed("the question is broken");
    at_ += 4;
    if (!name->sayable || name->text != query_.name ||
        *type != static_cast<std::uint16_t>(query_.type) || *record_class != kClassIn) {
      return fault(Status::lying, "the response is for another question");
    }
    return true;
  }

  bool read_records() {
    const std::size_t answers = *packet_.u16(6);
    const std::size_t authority = *packet_.u16(8);
    if (answers + authority > kMaxRecords) return malformed("too many records");
    for (std::size_t i = 0; i < answers + authority; ++i) {
      Record record;
      if (!read_record(record)) return malformed("a record is broken");
      if (i < answers) {
        if (record.owner.sayable) answers_.push_back(std::move(record));
      } else if (record.type == RrType::soa && !read_soa(record)) {
        return malformed("the SOA is broken");
      }
    }
    return true;
  }

  /// False when broken. Records of other classes come back as a type that nobody asks for.
  bool read_record(Record& record) {
    auto owner = packet_.name(at_);
    const auto type = packet_.u16(at_);
    const auto record_class = packet_.u16(at_ + 2);
    const auto ttl = packet_.u32(at_ + 4);
    const auto size = packet_.u16(at_ + 8);
    if (!owner || !type || !record_class || !ttl || !size) return false;
    at_ += 10;
    if (packet_.size() - at_ < *size) return false;
    record.owner = std::move(*owner);
    record.type = static_cast<RrType>(*record_class == kClassIn ? *type : 0);
    record.ttl = *ttl > INT32_MAX ? 0 : *ttl;  // RFC 2181 section 8
    record.data = at_;
    record.size = *size;
    at_ += *size;
    return true;
  }

  bool read_soa(const Record& record) {
    std::size_t at = record.data;
    const std::size_t end = record.data + record.size;
    if (!packet_.name(at) || !packet_.name(at) || at > end || end - at != 20) return false;
    // RFC 2308 section 5: the smaller of the SOA's own TTL and its minimum field.
    const std::uint32_t minimum = *packet_.u32(at + 16);
    negative_ttl_ = std::min(record.ttl, minimum > INT32_MAX ? 0 : minimum);
    return true;
  }

  /// Whether the answer section has records and not one that leads on from the question. A DNAME
  /// stands above the name (RFC 6672).
  bool only_other_names() const {
    constexpr std::uint16_t kDname = 39;
    return !answers_.empty() &&
           std::none_of(answers_.begin(), answers_.end(), [&](const Record& record) {
             return record.owner.text == query_.name ||
                    static_cast<std::uint16_t>(record.type) == kDname;
           });
  }

  void follow() {
    if (only_other_names()) {
      fault(Status::lying, "the answer is for another name");
      return;
    }
    std::string name = query_.name;
    std::vector<std::string> passed;
    std::uint32_t ttl = UINT32_MAX;
    for (int i = 0; i <= kMaxChain; ++i) {
      const Record* alias = nullptr;
      bool found = false;
      for (const Record& record : answers_) {
        if (record.owner.text != name) continue;
        if (record.type == query_.type) {
          if (!add(record)) {
            malformed(to_string(query_.type) + " record with broken data");
            return;
          }
          found = true;
          ttl = std::min(ttl, record.ttl);
        } else if (record.type == RrType::cname && alias == nullptr) {
          alias = &record;
        }
      }
      if (found || alias == nullptr) {
        conclude(found, ttl);
        return;
      }
      const auto target = whole_name(alias->data, alias->size);
      if (!target || !target->sayable) {
        malformed("CNAME with broken data");
        return;
      }
      ttl = std::min(ttl, alias->ttl);
      passed.push_back(std::move(name));
      name = target->text;
      if (std::find(passed.begin(), passed.end(), name) != passed.end()) {
        fault(Status::lying, "its CNAMEs go in a circle");
        return;
      }
    }
    malformed("more than 16 CNAMEs in a row");
  }

  void conclude(bool found, std::uint32_t ttl) {
    if (found) {
      answer_.status = Status::ok;
      answer_.ttl = ttl;
      return;
    }
    answer_.status = rcode_ == 3 ? Status::nxdomain : Status::no_data;
    answer_.ttl = std::min(ttl, negative_ttl_);
  }

  std::optional<Name> whole_name(std::size_t at, std::size_t size) const {
    const std::size_t end = at + size;
    auto name = packet_.name(at);
    if (!name || at != end) return std::nullopt;
    return name;
  }

  /// Adds the data of a record to the answer; false when it is broken.
  bool add(const Record& record) {
    switch (record.type) {
      case RrType::a:
      case RrType::aaaa: {
        if (record.size != (record.type == RrType::a ? 4U : 16U)) return false;
        answer_.addresses.push_back(
            *IpAddress::from_octets(packet_.slice(record.data, record.size)));
        return true;
      }
      case RrType::txt:
        return add_txt(record);
      case RrType::mx: {
        const auto preference = packet_.u16(record.data);
        if (record.size < 3 || !preference) return false;
        auto exchange = whole_name(record.data + 2, record.size - 2);
        if (exchange && exchange->sayable) {
          answer_.mx.push_back({*preference, std::move(exchange->text)});
        }
        return exchange.has_value();
      }
      case RrType::soa: {  // the primary server stands for the record
        std::size_t at = record.data;
        auto primary = packet_.name(at);
        if (primary && primary->sayable) answer_.names.push_back(std::move(primary->text));
        return primary.has_value();
      }
      default: {
        auto name = whole_name(record.data, record.size);
        if (name && name->sayable) answer_.names.push_back(std::move(name->text));
        return name.has_value();
      }
    }
  }

  bool add_txt(const Record& record) {
    std::string text;
    std::size_t at = record.data;
    const std::size_t end = record.data + record.size;
    if (at == end) return false;  // RFC 1035 section 3.3.14: one or more strings
    while (at < end) {
      const std::size_t size = *packet_.u8(at++);
      if (end - at < size) return false;
      text += packet_.slice(at, size);
      at += size;
    }
    answer_.texts.push_back(std::move(text));
    return true;
  }

  Packet packet_;
  const Query& query_;
  std::size_t at_ = 0;
  unsigned rcode_ = 0;
  std::uint32_t negative_ttl_ = 0;
  std::vector<Record> answers_;
  Answer answer_;
};

}  // namespace

Answer decode_response(std::string_view packet, const Query& query) {
  return Decoder(packet.substr(0, 65535), query).decode();
}

}  // namespace gatepost::dns
