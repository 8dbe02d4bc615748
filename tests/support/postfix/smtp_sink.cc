#include "tests/support/postfix/smtp_sink.h"

#include <algorithm>

#include "core/base/text.h"

namespace gatepost::test {

namespace {

constexpr auto kIdle = Milliseconds(120'000);
constexpr std::size_t kLineLimit = 1 << 20;
constexpr std::size_t kContentLimit = 256 << 20;

/// "<a@b> SIZE=1" as address and parameters.
std::pair<std::string, std::string> split_path(std::string_view text) {
  text = trim(text);
  const auto end = text.find('>');
  if (!text.starts_with('<') || end == text.npos) return {std::string(text), {}};
  return {std::string(text.substr(1, end - 1)), std::string(trim(text.substr(end + 1)))};
}

}  // namespace

std::vector<std::string> DeliveredMessage::headers(std::string_view name) const {
  std::vector<std::string> values;
  bool wanted = false;
  for (std::string_view rest = content; !rest.empty();) {
    const auto end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') {
      if (wanted) values.back() += line;
      continue;
    }
    const auto colon = line.find(':');
    wanted = colon != line.npos && iequals(trim(line.substr(0, colon)), name);
    if (wanted) values.emplace_back(line.substr(colon + 1));
  }
  for (std::string& value : values) value = trim(value);
  return values;
}

std::string_view DeliveredMessage::body() const {
  const std::string_view text = content;
  if (text.starts_with("\r\n")) return text.substr(2);
  const auto blank = text.find("\r\n\r\n");
  return blank == text.npos ? std::string_view() : text.substr(blank + 4);
}

/// The server's side of one connection.
class SmtpSink::Session {
 public:
  Session(SmtpSink& sink, Stream& stream) : sink_(sink), stream_(stream) {}

  void run() {
    if (!say("220 sink.example.test ESMTP")) return;
    for (;;) {
      const auto line = stream_.receive_line(kLineLimit, after(kIdle));
      if (!line || !*line || !serve(**line)) return;
    }
  }

 private:
  bool say(const std::string& line) { return stream_.send(line + "\r\n", after(kIdle)).ok(); }
  /// The test's reply to this command, or the usual one. @return whether it is positive.
  bool reply(std::string_view command, const std::string& usual, bool& alive) {
    const std::string line = sink_.ask(command).value_or(usual);
    alive = say(line);
    return alive && line.size() > 0 && (line[0] == '2' || line[0] == '3');
  }

  /// @return whether the session goes on.
  bool serve(const std::string& line) {
    bool alive = true;
    if (istarts_with(line, "EHLO ") || istarts_with(line, "LHLO ")) {
      message_.helo = line.substr(5);
      reply(line,
            "250-sink.example.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n"
            "250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 SIZE 268435456",
            alive);
    } else if (istarts_with(line, "HELO ")) {
      message_.helo = line.substr(5);
      reply(line, "250 sink.example.test", alive);
    } else if (istarts_with(line, "MAIL FROM:")) {
      const auto [address, parameters] = split_path(std::string_view(line).substr(10));
      message_.mail_from = address;
      message_.mail_parameters = parameters;
      message_.recipients.clear();
      reply(line, "250 2.1.0 Ok", alive);
    } else if (istarts_with(line, "RCPT TO:")) {
      if (reply(line, "250 2.1.5 Ok", alive)) {
        message_.recipients.push_back(split_path(std::string_view(line).substr(8)).first);
      }
    } else if (iequals(line, "DATA")) {
      if (message_.recipients.empty()) return say("554 5.5.1 No valid recipients");
      if (reply(line, "354 Go ahead", alive)) return receive_content();
    } else if (iequals(line, "QUIT")) {
      reply(line, "221 2.0.0 Bye", alive);
      return false;
    } else if (iequals(line, "RSET") || iequals(line, "NOOP")) {
      message_.recipients.clear();
      reply(line, "250 2.0.0 Ok", alive);
    } else {
      reply(line, "502 5.5.2 Command not known", alive);
    }
    return alive;
  }

  bool receive_content() {
    message_.content.clear();
    for (;;) {
      const auto line = stream_.receive_line(kLineLimit, after(kIdle));
      if (!line || !*line || message_.content.size() > kContentLimit) return false;
      if (**line == ".") break;
      // RFC 5321 section 4.5.2: the first dot of a longer line goes.
      message_.content += (*line)->starts_with('.') ? (*line)->substr(1) : **line;
      message_.content += "\r\n";
    }
    return sink_.protocol_ == Protocol::lmtp ? end_lmtp() : end_smtp();
  }

  bool end_smtp() {
    bool alive = true;
    const std::string line = sink_.ask(".").value_or("250 2.0.0 Ok: kept");
    // Kept before the reply: who has seen the reply can see the message.
    if (line.starts_with('2')) sink_.keep(message_);
    alive = say(line);
    message_.recipients.clear();
    return alive;
  }

  /// RFC 2033 section 4.2: one reply for each recipient.
  bool end_lmtp() {
    std::string replies;
    DeliveredMessage kept = message_;
    kept.recipients.clear();
    for (const std::string& recipient : message_.recipients) {
      const std::string line = sink_.ask(".").value_or("250 2.0.0 Ok: kept");
      if (line.starts_with('2')) kept.recipients.push_back(recipient);
      replies += (replies.empty() ? "" : "\r\n") + line;
    }
    if (!kept.recipients.empty()) sink_.keep(std::move(kept));
    message_.recipients.clear();
    return say(replies);
  }

  SmtpSink& sink_;
  Stream& stream_;
  DeliveredMessage message_;
};

Result<std::unique_ptr<SmtpSink>> SmtpSink::start(Protocol protocol, Answer answer) {
  auto listener = Listener::open(Endpoint::loopback(0));
  if (!listener) return listener.error();
  return std::unique_ptr<SmtpSink>(new SmtpSink(std::move(*listener), protocol, std::move(answer)));
}

SmtpSink::SmtpSink(Listener listener, Protocol protocol, Answer answer)
    : listener_(std::move(listener)), protocol_(protocol), answer_(std::move(answer)) {
  thread_ = std::thread([this] { listen(); });
}

SmtpSink::~SmtpSink() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    for (const Connection& connection : connections_) connection.stream.shut_down();
  }
  listener_.shut_down();
  thread_.join();
  for (Connection& connection : connections_) connection.thread.join();
}

void SmtpSink::listen() {
  for (;;) {
    auto stream = listener_.accept(SteadyTime::max());
    std::lock_guard lock(mutex_);
    if (!stream || ending_) return;
    // Kept to the end: a test makes few connections.
    Connection& connection = connections_.emplace_back(std::move(*stream));
    connection.stream.set_no_delay(true);
    connection.thread = std::thread([this, &connection] {
      Session(*this, connection.stream).run();
      connection.stream.shut_down();
    });
  }
}

std::optional<std::string> SmtpSink::ask(std::string_view command) {
  std::lock_guard lock(mutex_);
  return answer_ ? answer_(command) : std::nullopt;
}

void SmtpSink::keep(DeliveredMessage message) {
  {
    std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  arrived_.notify_all();
}

std::vector<DeliveredMessage> SmtpSink::messages() const {
  std::lock_guard lock(mutex_);
  return messages_;
}

bool SmtpSink::wait_for(std::size_t count, Milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_until(lock, after(timeout), [&] { return messages_.size() >= count; });
}

void SmtpSink::clear() {
  std::lock_guard lock(mutex_);
  messages_.clear();
}

}  // namespace gatepost::test
