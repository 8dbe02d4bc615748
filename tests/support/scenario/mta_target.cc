#include "tests/support/scenario/mta_target.h"

namespace gatepost::test {

std::string MtaTarget::bare(const std::string& path) {
  return path.size() > 1 && path.front() == '<' ? path.substr(1, path.size() - 2) : path;
}

TargetReply MtaTarget::to_target(const SmtpReply& reply) {
  return {reply.code, reply.enhanced(), reply.text(), false};
}

Result<TargetReply> MtaTarget::answer(const Result<SmtpReply>& reply) {
  if (!reply.ok()) return reply.error();
  return to_target(*reply);
}

Result<TargetReply> MtaTarget::ehlo(const std::string& name) {
  return answer(client_->ehlo(name));
}

Result<TargetReply> MtaTarget::mail(const std::string& from, const std::string& parameters) {
  return answer(client_->mail(bare(from), parameters));
}

Result<TargetReply> MtaTarget::rcpt(const std::string& to) {
  return answer(client_->rcpt(bare(to)));
}

Result<TargetReply> MtaTarget::message(const std::string& content) {
  const auto data = client_->data();
  if (!data.ok()) return data.error();
  if (data->code != 354) return to_target(*data);
  return taken(answer(client_->content(content)));
}

Result<TargetReply> MtaTarget::rset() {
  return answer(client_->rset());
}

Result<TargetReply> MtaTarget::abort_data() {
  const auto data = client_->data();
  if (!data.ok()) return data.error();
  if (const auto sent = client_->partial_content("Subject: cut\n"); !sent.ok()) return sent.error();
  client_->disconnect();
  return TargetReply();
}

Result<TargetReply> MtaTarget::quit() {
  return answer(client_->quit());
}

Result<void> MtaTarget::delivered() {
  if (expected_ == 0 || !sink_->wait_for(expected_))
    return temporary_error("nothing was delivered: " + mta_log());
  return {};
}

Result<std::vector<std::string>> MtaTarget::delivered_header() {
  if (auto there = delivered(); !there.ok()) return there.error();
  return header_without_trace(sink_->messages().back().content);
}

Result<std::string> MtaTarget::delivered_message() {
  if (auto there = delivered(); !there.ok()) return there.error();
  return sink_->messages().back().content;
}

std::size_t MtaTarget::delivered_count() {
  sink_->wait_for(expected_);
  return sink_->messages().size();
}

}  // namespace gatepost::test
