// The attachments of a message: what is told without walking it is what walking it tells.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/attachments/attachments.h"
#include "core/mail/header_block.h"

using namespace gatepost;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  mail::ParsedMessage parsed = mail::parse_message(input);
  mail::Message message({}, std::make_shared<mail::ByteBudget>(std::size_t{1} << 30), "/tmp");
  for (mail::HeaderField& field : parsed.fields) message.add_field(std::move(field));
  if (!message.append_body(parsed.body).ok()) std::abort();
  message.freeze();
  const auto view = mail::MessageView::open(message);
  if (!view.ok()) std::abort();
  attachments::AttachmentLimits limits;
  limits.types = limits.digests = false;
  const auto list = attachments::AttachmentReader(limits).read(*view);
  const bool any = !list.attachments.empty() || list.too_many;
  if (any && !attachments::may_have_attachments(message)) std::abort();
  return 0;
}
