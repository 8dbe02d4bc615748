#pragma once
// What rules see of one message, made when it is first asked for and then kept.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/content.h"
#include "core/mail/html.h"
#include "core/mail/message.h"
#include "core/mail/mime.h"
#include "core/mail/urls.h"

namespace gatepost::mail {

/// A part that holds no others.
struct PartFacts {
  std::string type;  ///< what it is read as: text/html by its name, too (.htm, .html, .shtml)
  std::string name;
  std::string charset;
};

/// One message for all its rules. One thread at a time; the message must live as long.
class MessageView {
 public:
  /// Reads the message, no more than limits.max_size of its body. A temporary Error only when the
  /// spool file cannot be read; nothing later fails.
  /// @param newest  a field above all others that the message does not have yet: the Received that
  ///                the MTA is going to add
  static Result<MessageView> open(const Message& message, const ContentLimits& limits = {},
                                  std::optional<HeaderField> newest = std::nullopt);
  MessageView(MessageView&&) = default;
  MessageView& operator=(MessageView&&) = default;

  const Message& message() const { return *message_; }
  /// The message's with the newest one above.
  std::span<const HeaderField> fields() const {
    return fields_.empty() ? std::span<const HeaderField>(message_->fields()) : fields_;
  }
  const ContentLimits& limits() const { return limits_; }
  /// `full`: cheap.
  std::string_view full() const { return content_.full; }
  /// The body as it came, with LF line ends; a part of full().
  std::string_view raw_body() const { return std::string_view(content_.full).substr(body_begin_); }

  /// body, rawbody and full. The first call of this or one of the following makes all texts.
  const Content& content();
  /// As content().body with what people can see of HTML, and with what they cannot; the latter has
  /// no Subject.
  const PieceText& visible_body();
  const PieceText& invisible_body();
  /// One for each part that was rendered as HTML, in their order; rules look at the last of them.
  const std::vector<HtmlFacts>& html();
  const std::vector<PartFacts>& parts();

  /// The settings of the first call count.
  const std::vector<Url>& urls(const UrlSettings& settings);

  /// What could not be looked at so far.
  const ContentDefects& defects() const { return content_.defects; }
  /// For those who want the content alone.
  Content take_content() &&;

 private:
  MessageView(const Message& message, const ContentLimits& limits)
      : message_(&message), limits_(limits) {}
  void read_texts();

  const Message* message_;
  std::vector<HeaderField> fields_;  // empty: the message's own
  ContentLimits limits_;
  Content content_;
  std::size_t body_begin_ = 0;
  bool read_ = false;
  bool visible_is_body_ = true;
  PieceText visible_;
  PieceText invisible_;
  std::vector<HtmlFacts> html_;
  std::vector<PartFacts> parts_;
  std::optional<std::vector<Url>> urls_;
};

}  // namespace gatepost::mail
