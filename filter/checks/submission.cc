// Who sends as whom: the sender addresses of a login against those that it may use.

#include "core/mail/fields.h"
#include "core/mail/message.h"
#include "filter/checks/registry.h"

namespace gatepost {

namespace {

class Submission final : public Check {
 public:
  void mail(CheckContext& context) override {
    const Envelope& envelope = context.envelope();
    // The null path is nobody's address: receipts and vacation answers have it (RFC 5321 4.5.5).
    if (!envelope.authenticated() || envelope.mail_from.empty() ||
        sender_check(context.policy()) == SenderCheck::off)
      return;
    if (!may_send_as(context.policy(), envelope.auth_authen, envelope.mail_from))
      object(context, "MAIL FROM " + envelope.mail_from);
  }

  /// Stated at the end: then the answer needs no round trip of its own at the end of the header.
  void end_of_message(CheckContext& context) override {
    if (!context.envelope().authenticated() || sender_check(context.policy()) != SenderCheck::both)
      return;
    const auto from = mail::find_fields(context.message()->fields(), "From");
    if (from.empty()) return;  // names nobody
    if (from.size() > 1) return object(context, "several From fields");
    const auto authors = mail::parse_address_list(from.front()->value);
    if (!authors) return object(context, "From: " + authors.error().what);
    for (const mail::Mailbox& author : authors->mailboxes) {
      const std::string address = author.address.text();
      if (!may_send_as(context.policy(), context.envelope().auth_authen, address))
        return object(context, "From " + address);
    }
  }

 private:
  static void object(CheckContext& context, const std::string& what) {
    context.add("SENDER_NOT_OWNED", what + ", login " + context.envelope().auth_authen);
  }
};

}  // namespace

std::unique_ptr<Check> make_submission() {
  return std::make_unique<Submission>();
}

}  // namespace gatepost
