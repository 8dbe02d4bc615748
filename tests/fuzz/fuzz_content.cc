// The texts of a message: bounded, the same whatever the line ends.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/mail/content.h"
#include "core/mail/header_block.h"
#include "core/mail/mime.h"

namespace {

using namespace gatepost;
using namespace gatepost::mail;

Content read(std::string_view raw, const ContentLimits& limits) {
  ParsedMessage parsed = parse_message(raw);
  Message message({}, std::make_shared<ByteBudget>(std::size_t{1} << 30), "/tmp");
  for (HeaderField& field : parsed.fields) message.add_field(std::move(field));
  for (std::size_t at = 0; at < parsed.body.size(); at += 11) {
    if (!message.append_body(std::string_view(parsed.body).substr(at, 11)).ok()) std::abort();
  }
  message.freeze();
  auto content = read_content(message, limits);
  if (!content.ok()) std::abort();
  return std::move(*content);
}

void check(const PieceText& text, std::size_t limit) {
  std::size_t at = 0;
  for (const PieceText::Piece& piece : text.pieces) {
    if (piece.begin != at || piece.end < piece.begin || piece.end - piece.begin > limit)
      std::abort();
    if (piece.end >= text.text.size() || text.text[piece.end] != '\n') std::abort();
    at = piece.end + std::size_t{1};
  }
  if (at != text.text.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const ContentLimits limits{.max_size = 4096, .max_depth = 4, .max_parts = 20};
  const Content content = read(input, limits);
  check(content.body, Content::kPiece);
  check(content.rawbody, 2 * Content::kPiece);
  if (content.subject_pieces < 1 || content.subject_pieces > content.body.pieces.size())
    std::abort();
  const std::size_t subject = content.body.pieces[content.subject_pieces - 1].end + std::size_t{1};
  // A piece a character at the most: each has its line end.
  if (content.body.text.size() > subject + 2 * limits.max_size + 2) std::abort();
  if (content.rawbody.text.size() > limits.max_size + limits.max_size / 2 + 100) std::abort();

  const ContentType type = parse_content_type(input);
  if (type.boundary.size() > 1000 || type.type.find('/') == std::string::npos) std::abort();
  for (const auto encoding : {TransferEncoding::base64, TransferEncoding::quoted_printable}) {
    std::string out = "x";
    decode_transfer(input, encoding, 100, out);
    if (out.size() > 101 || out[0] != 'x') std::abort();
  }
  return 0;
}
