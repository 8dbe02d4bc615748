// Images that come with a message: how many, how large, how much text beside them.

#include <algorithm>
#include <set>

#include "core/base/text.h"
#include "core/mail/mime.h"
#include "rules/eval_context.h"
#include "rules/evals/families.h"

namespace gatepost::rules {
namespace {

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

std::uint32_t octet(std::string_view data, std::size_t at) {
  return static_cast<unsigned char>(data[at]);
}
std::uint32_t big16(std::string_view data, std::size_t at) {
  return octet(data, at) << 8 | octet(data, at + 1);
}
std::uint32_t big32(std::string_view data, std::size_t at) {
  return big16(data, at) << 16 | big16(data, at + 2);
}

Size gif_size(std::string_view data) {
  if (data.size() < 10 || (!data.starts_with("GIF87a") && !data.starts_with("GIF89a"))) return {};
  return {octet(data, 6) | octet(data, 7) << 8, octet(data, 8) | octet(data, 9) << 8};
}

Size png_size(std::string_view data) {
  constexpr std::string_view kMagic("\x89PNG\r\n\x1a\n", 8);
  if (data.size() < 24 || !data.starts_with(kMagic) || data.substr(12, 4) != "IHDR") return {};
  return {big32(data, 16), big32(data, 20)};
}

Size jpeg_size(std::string_view data) {
  if (!data.starts_with("\xFF\xD8")) return {};
  std::size_t at = 2;
  while (at + 4 <= data.size() && octet(data, at) == 0xFF) {
    const std::uint32_t mark = octet(data, at + 1);
    const std::uint32_t length = big16(data, at + 2);
    if (mark == 0xDA || mark == 0xD9 || length < 2) return {};
    const bool frame = mark >= 0xC0 && mark <= 0xCF && mark != 0xC4 && mark != 0xC8 && mark != 0xCC;
    if (frame) {
      if (length < 7 || at + 9 > data.size()) return {};
      return {big16(data, at + 7), big16(data, at + 5)};
    }
    at += 2 + length;
  }
  return {};
}

enum Kind { kGif, kPng, kJpeg, kAll, kKinds };

struct ImageFacts {
  double counts[kKinds] = {};
  double pixels[kKinds] = {};
  std::vector<Size> sizes[kKinds];
  std::set<std::string, std::less<>> names;
};

ImageFacts read_images(EvalContext& message) {
  constexpr std::size_t kMostDecoded = std::size_t{256} << 10;  // of JPEG: behind other data
  constexpr std::size_t kBeginning = 64;
  ImageFacts out;
  for (const MimePart& part : message.mime().parts) {
    if (!part.leaf || part.encoding != "base64") continue;
    Kind kind = kAll;
    if (part.type == "image/gif") kind = kGif;
    if (part.type == "image/png") kind = kPng;
    if (part.type == "image/jpeg" || part.type == "image/jpg") kind = kJpeg;
    if (kind == kAll) continue;
    std::string data;
    mail::decode_transfer(part.raw, mail::TransferEncoding::base64,
                          kind == kJpeg ? kMostDecoded : kBeginning, data);
    const Size size = kind == kGif   ? gif_size(data)
                      : kind == kPng ? png_size(data)
                                     : jpeg_size(data);
    for (const Kind where : {kind, kAll}) {
      ++out.counts[where];
      if (size.width == 0 || size.height == 0) continue;
      out.pixels[where] += static_cast<double>(size.width) * size.height;
      out.sizes[where].push_back(size);
    }
    if (size.width != 0 && size.height != 0 && !part.name.empty()) out.names.insert(part.name);
  }
  return out;
}

const ImageFacts& images(EvalContext& message) {
  return message.once<ImageFacts>([&] { return read_images(message); });
}

// gif, png, jpeg or all; kKinds for anything else.
Kind kind_of(std::string_view name) {
  if (name == "gif") return kGif;
  if (name == "png") return kPng;
  if (name == "jpeg") return kJpeg;
  return name == "all" ? kAll : kKinds;
}

bool in_range(const EvalArguments& arguments, double value) {
  return value >= arguments[1].number && (arguments.size() < 3 || value <= arguments[2].number);
}

bool image_count(EvalContext& message, const EvalArguments& arguments) {
  const Kind kind = kind_of(arguments.text(0));
  return kind != kKinds && in_range(arguments, images(message).counts[kind]);
}
bool pixel_coverage(EvalContext& message, const EvalArguments& arguments) {
  const Kind kind = kind_of(arguments.text(0));
  return kind != kKinds && in_range(arguments, images(message).pixels[kind]);
}

bool to_text_ratio(EvalContext& message, const EvalArguments& arguments) {
  const Kind kind = kind_of(arguments.text(0));
  if (kind == kKinds || images(message).pixels[kind] <= 0) return false;
  const mail::Content& content = message.subject().content;
  const mail::PieceText& text =
      arguments.subject() == RuleType::rawbody ? content.rawbody : content.body;
  double length = 0;
  for (const auto& piece : text.pieces) length += piece.end - piece.begin;
  const double ratio = length / images(message).pixels[kind];
  return length > 0 && ratio >= arguments[1].number && ratio < arguments[2].number;
}

bool size_exact(EvalContext& message, const EvalArguments& arguments) {
  const Kind kind = kind_of(arguments.text(0));
  if (kind == kKinds) return false;
  const auto& sizes = images(message).sizes[kind];
  return std::any_of(sizes.begin(), sizes.end(), [&](const Size& size) {
    return size.height == arguments[1].number && size.width == arguments[2].number;
  });
}
// (type, least height, least width, most height, most width)
bool size_range(EvalContext& message, const EvalArguments& arguments) {
  const Kind kind = kind_of(arguments.text(0));
  if (kind == kKinds) return false;
  const auto& sizes = images(message).sizes[kind];
  return std::any_of(sizes.begin(), sizes.end(), [&](const Size& size) {
    return size.height >= arguments[1].number && size.width >= arguments[2].number &&
           (arguments.size() < 4 || size.height <= arguments[3].number) &&
           (arguments.size() < 5 || size.width <= arguments[4].number);
  });
}

bool named(EvalContext& message, const EvalArguments& arguments) {
  return images(message).names.contains(arguments.text(0));
}
bool name_regex(EvalContext& message, const EvalArguments& arguments) {
  const auto& names = images(message).names;
  return arguments.regex() != nullptr &&
         std::any_of(names.begin(), names.end(), [&](const std::string& name) {
           return message.matches(*arguments.regex(), name);
         });
}

constexpr EvalFunction kFunctions[] = {
    {"image_count", "tn|n", image_count},
    {"image_name_regex", "p", name_regex},
    {"image_named", "t", named},
    {"image_size_exact", "tnn", size_exact},
    {"image_size_range", "tnn|nn", size_range},
    {"image_to_text_ratio", "tnn", to_text_ratio},
    {"pixel_coverage", "tn|n", pixel_coverage},
};

}  // namespace

std::span<const EvalFunction> image_evals() {
  return kFunctions;
}

}  // namespace gatepost::rules
