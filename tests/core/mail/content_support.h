#pragma once
// Texts of a message for tests.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "core/mail/content.h"
#include "core/mail/header_block.h"

namespace gatepost::test {

/// A frozen message of a file's text.
inline std::unique_ptr<mail::Message> message_of(std::string_view raw) {
  mail::MessageLimits limits;
  limits.max_body_memory = std::size_t{1} << 30;
  auto message = std::make_unique<mail::Message>(
      limits, std::make_shared<mail::ByteBudget>(std::size_t{1} << 30), "/tmp");
  mail::ParsedMessage parsed = mail::parse_message(raw);
  for (mail::HeaderField& field : parsed.fields) message->add_field(std::move(field));
  (void)message->append_body(parsed.body);
  message->freeze();
  return message;
}

inline mail::Content content_of(std::string_view raw, const mail::ContentLimits& limits = {}) {
  return mail::read_content(*message_of(raw), limits).value();
}

/// "[first piece][second]"
inline std::string joined(const mail::PieceText& text) {
  std::string out;
  for (std::size_t i = 0; i < text.pieces.size(); ++i) {
    out += '[';
    out += text.piece(i);
    out += ']';
  }
  return out;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace gatepost::test
