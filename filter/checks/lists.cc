// The operator's own allow and deny lists: of clients and HELO names when they connect, of senders
// and recipients in each transaction.

#include "filter/checks/registry.h"

namespace gatepost {

namespace {

bool has_name(const Connection& connection) {
  // "[192.0.2.1]" and "unknown" are what the MTA writes for a client without a confirmed name.
  return !connection.client_name.empty() && connection.client_name.front() != '[' &&
         connection.client_name != "unknown";
}

std::optional<std::string> match_client(const MatchList& list, const Connection& connection) {
  if (connection.client) {
    if (auto network = list.match(*connection.client)) return network;
  }
  return has_name(connection) ? list.match_name(connection.client_name) : std::nullopt;
}

class ClientLists final : public Check {
 public:
  void connect(CheckContext& context) override {
    if (const auto entry = match_client(context.policy().allow_clients, context.connection())) {
      context.add("ALLOW_CLIENT", *entry);
    }
    if (const auto entry = match_client(context.policy().deny_clients, context.connection())) {
      context.add("DENY_CLIENT", *entry);
    }
  }
  void helo(CheckContext& context) override {
    if (const auto entry = context.policy().deny_helos.match_name(context.connection().helo)) {
      context.add("DENY_HELO", *entry);
    }
  }
};

class EnvelopeLists final : public Check {
 public:
  void mail(CheckContext& context) override {
    const std::string& sender = context.envelope().mail_from;
    if (const auto entry = context.policy().deny_senders.match_address(sender))
      context.add("DENY_SENDER", *entry);
  }
  void rcpt(CheckContext& context, const Recipient& recipient) override {
    if (const auto entry = context.policy().allow_recipients.match_address(recipient.address)) {
      context.add("ALLOW_RECIPIENT", *entry);
    }
    if (const auto entry = context.policy().deny_recipients.match_address(recipient.address)) {
      context.add("DENY_RECIPIENT", *entry);
    }
  }
  void data(CheckContext& context) override {
    if (context.envelope().mail_from.empty() && context.envelope().recipients.size() > 1) {
      context.add("MULTI_RECIPIENT_BOUNCE",
                  std::to_string(context.envelope().recipients.size()) + " recipients");
    }
  }
  // SPF of what a trusted relay brings is known when the header is.
  void end_of_headers(CheckContext& context) override {
    if (context.connection().trusted_relay) context.conclude_again();
  }
  /// Anyone can write an allowed sender's address: it counts when SPF says that the client may use
  /// it.
  bool conclude(CheckContext& context) override {
    if (context.connection().trusted_relay && context.stage() < Stage::end_of_headers) return true;
    const auto entry = context.policy().allow_senders.match_address(context.envelope().mail_from);
    if (!entry) return true;
    const auto& spf = context.facts().spf_mail_from;
    const bool proven = spf && spf->code == spf::ResultCode::pass;
    context.add(proven ? "ALLOW_SENDER" : "ALLOW_SENDER_UNPROVEN", *entry);
    return true;
  }
};

}  // namespace

std::unique_ptr<Check> make_client_lists() {
  return std::make_unique<ClientLists>();
}
std::unique_ptr<Check> make_envelope_lists() {
  return std::make_unique<EnvelopeLists>();
}

}  // namespace gatepost
