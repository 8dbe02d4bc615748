#include "core/mail/content.h"

#include "core/mail/view.h"

namespace gatepost::mail {

void PieceText::add(std::string_view piece, std::size_t limit) {
  do {
    std::size_t length = piece.size();
    if (length > limit) {
      const std::size_t blank = piece.rfind(' ', limit - 1);
      length = blank == std::string_view::npos ? limit : blank + 1;
      if (blank == std::string_view::npos) {
        // Not inside of a character, if these are characters.
        std::size_t back = 0;
        while (back < 3 && (static_cast<unsigned char>(piece[length - back]) & 0xc0) == 0x80)
          ++back;
        length -= back;
      }
    }
    const auto begin = static_cast<std::uint32_t>(text.size());
    text += piece.substr(0, length);
    pieces.push_back({begin, static_cast<std::uint32_t>(text.size())});
    text += '\n';
    piece.remove_prefix(length);
  } while (!piece.empty());
}

Result<Content> read_content(const Message& message, const ContentLimits& limits) {
  auto view = MessageView::open(message, limits);
  if (!view.ok()) return view.error();
  return std::move(*view).take_content();
}

}  // namespace gatepost::mail
