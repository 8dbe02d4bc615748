#include "filter/checks/dmarc_request.h"

namespace gatepost {

void set_author(const mail::AuthorIdentity& author, bool strict, dmarc::Request& request) {
  using Status = mail::AuthorIdentity::Status;
  if (!strict && author.status != Status::single && !author.domain.empty()) {
    // RFC 9989 section 5.3.1: several mailboxes with one domain are one author domain.
    request.author_status = author.status == Status::several_mailboxes
                                ? dmarc::AuthorStatus::single
                                : dmarc::AuthorStatus::doubtful;
    request.author_domain = author.domain;
    return;
  }
  switch (author.status) {
    case Status::single:
      request.author_status = dmarc::AuthorStatus::single;
      request.author_domain = author.domain;
      return;
    case Status::missing:
    case Status::group_empty:
      request.author_status = dmarc::AuthorStatus::missing;
      return;
    case Status::several_fields:
    case Status::several_mailboxes:
      request.author_status = dmarc::AuthorStatus::several;
      return;
    case Status::malformed:
      request.author_status = dmarc::AuthorStatus::malformed;
      return;
  }
}

void set_spf(const spf::Outcome& outcome, dmarc::Request& request) {
  const auto result = outcome.code == spf::ResultCode::pass ? dmarc::Authentication::pass
                      : outcome.code == spf::ResultCode::temperror
                          ? dmarc::Authentication::temperror
                          : dmarc::Authentication::fail;
  request.spf = dmarc::SpfIdentity{outcome.domain, result};
}

void add_signatures(const std::vector<dkim::SignatureResult>& signatures, dmarc::Request& request) {
  for (const auto& s : signatures) {
    if (s.domain.empty()) continue;
    const auto result = s.outcome == dkim::Outcome::pass        ? dmarc::Authentication::pass
                        : s.outcome == dkim::Outcome::temperror ? dmarc::Authentication::temperror
                                                                : dmarc::Authentication::fail;
    request.dkim.push_back({s.domain, s.selector, result});
  }
}

}  // namespace gatepost
