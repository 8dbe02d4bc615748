#pragma once
// What SMTP said when a message came that lies in a file, as far as its fields tell it.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/header_field.h"
#include "rules/prepared_settings.h"
#include "rules/rule_set.h"

namespace gatepost::rule_tools {

/// Read from what our own hosts wrote on top of a message, with the trusted and internal networks
/// of the rule files (rules/relays.h):
/// - client and HELO name: the Received field in which a host of ours took the message from one
///   that is none; when all hops are ours, the first of them;
/// - sender: what that field says, else X-Envelope-From, Envelope-Sender or Return-Path above it;
/// - recipients: X-Original-To, else Envelope-To or X-Envelope-To, else Delivered-To, above that
///   Received field: further down others wrote them. At most kMaxRecipients.
/// Nothing tells the listener and the login. What is not known is SmtpTexts::unknown.
///
/// All texts are untrusted. Immutable; any thread.
class FileEnvelope {
 public:
  static constexpr std::size_t kMaxRecipients = 100;

  FileEnvelope(std::span<const mail::HeaderField> fields, const rules::PreparedSettings& settings);
  FileEnvelope(const FileEnvelope&) = delete;
  FileEnvelope& operator=(const FileEnvelope&) = delete;

  bool knows_client() const { return !ip_.empty(); }
  bool knows_sender() const { return knows_sender_; }
  bool knows_recipients() const { return !recipients_.empty(); }
  /// "user@domain"; "" is the null path, or not known.
  const std::string& sender() const { return sender_; }
  /// Views into this object.
  const rules::SmtpTexts& texts() const { return texts_; }

 private:
  /// @return the place in `fields` of the Received field that tells the client, or their number.
  std::size_t take_client(std::span<const mail::HeaderField> fields,
                          const rules::RelayNetworks& networks);
  void take_recipients(std::span<const mail::HeaderField> above);

  std::string ip_, host_, helo_, sender_;
  bool knows_sender_ = false;
  std::vector<std::string> recipients_;
  std::vector<std::string_view> views_;
  rules::SmtpTexts texts_;
};

}  // namespace gatepost::rule_tools
