#include "core/dns/answer.h"

#include <utility>

#include "core/base/text.h"

namespace gatepost::dns {

std::string to_string(RrType type) {
  switch (type) {
    case RrType::a:
      return "A";
    case RrType::ns:
      return "NS";
    case RrType::cname:
      return "CNAME";
    case RrType::soa:
      return "SOA";
    case RrType::ptr:
      return "PTR";
    case RrType::mx:
      return "MX";
    case RrType::txt:
      return "TXT";
    case RrType::aaaa:
      return "AAAA";
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

Query make_query(std::string_view name, RrType type) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return {to_lower(name), type};
}

const char* to_string(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::no_data:
      return "no_data";
    case Status::nxdomain:
      return "nxdomain";
    case Status::servfail:
      return "servfail";
    case Status::refused:
      return "refused";
    case Status::timeout:
      return "timeout";
    case Status::bogus:
      return "bogus";
    case Status::truncated:
      return "truncated";
    case Status::lying:
      return "lying";
    case Status::malformed:
      return "malformed";
  }
  return "malformed";
}

AnswerPtr empty_answer(Status status, std::uint32_t ttl, std::string reason) {
  auto answer = std::make_shared<Answer>();
  answer->status = status;
  answer->ttl = ttl;
  answer->reason = std::move(reason);
  return answer;
}

}  // namespace gatepost::dns
