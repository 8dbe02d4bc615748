#include "tests/support/postfix/smtp_client.h"

#include "core/base/text.h"

namespace gatepost::test {

namespace {

constexpr std::size_t kLineLimit = 8192;
constexpr std::size_t kReplyLines = 200;

/// RFC 3461 section 4: "+", "=" and everything outside of "!" to "~" as "+XX".
std::string xtext(std::string_view value) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : value) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet > 32 && octet < 127 && c != '+' && c != '=') {
      encoded += c;
    } else {
      encoded += '+';
      encoded += kHex[octet >> 4];
      encoded += kHex[octet & 15];
    }
  }
  return encoded;
}

}  // namespace

std::string SmtpReply::enhanced() const {
  if (lines.empty()) return {};
  const std::string_view word = std::string_view(lines[0]).substr(0, lines[0].find(' '));
  const auto parts = split(word, '.');
  if (parts.size() != 3 || parts[0] != std::to_string(code / 100)) return {};
  for (const std::string_view part : parts) {
    if (part.empty() || part.find_first_not_of("0123456789") != part.npos) return {};
  }
  return std::string(word);
}

std::string SmtpReply::text() const {
  std::string text;
  for (const std::string& line : lines) {
    text += (text.empty() ? "" : "\n") + std::to_string(code) + " " + line;
  }
  return text;
}

Result<SmtpClient> SmtpClient::open(std::uint16_t port, Milliseconds timeout) {
  auto stream = Stream::connect_to(Endpoint::loopback(port), timeout);
  if (!stream) return stream.error();
  return over(std::move(*stream), timeout);
}

Result<SmtpClient> SmtpClient::over(Stream stream, Milliseconds timeout) {
  stream.set_no_delay(true);
  SmtpClient client(std::move(stream), timeout);
  auto banner = client.read_reply();
  if (!banner) return banner.error();
  client.banner_ = *banner;
  return client;
}

Result<SmtpReply> SmtpClient::read_reply() {
  const SteadyTime deadline = after(timeout_);
  SmtpReply reply;
  for (;;) {
    const auto line = stream_.receive_line(kLineLimit, deadline);
    if (!line) return line.error();
    if (!*line) return temporary_error("the server closed the connection");
    const std::string& text = **line;
    // RFC 5321 section 4.2.1: three digits, "-" on all lines but the last.
    if (text.size() < 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2]) ||
        (text.size() > 3 && text[3] != ' ' && text[3] != '-')) {
      return permanent_error("not an SMTP reply: " + printable(text, 100));
    }
    reply.code = std::stoi(text.substr(0, 3));
    reply.lines.push_back(text.size() > 4 ? text.substr(4) : "");
    if (text.size() == 3 || text[3] == ' ') return reply;
    if (reply.lines.size() > kReplyLines) return permanent_error("a reply without an end");
  }
}

Result<void> SmtpClient::raw_send(std::string_view octets) {
  return stream_.send(octets, after(timeout_));
}

Result<SmtpReply> SmtpClient::command(std::string_view line) {
  if (auto sent = raw_send(std::string(line) + "\r\n"); !sent) return sent.error();
  return read_reply();
}

Result<SmtpReply> SmtpClient::ehlo(std::string_view name) {
  auto reply = command("EHLO " + std::string(name));
  extensions_ = reply ? *reply : SmtpReply{};
  return reply;
}

Result<SmtpReply> SmtpClient::helo(std::string_view name) {
  return command("HELO " + std::string(name));
}

bool SmtpClient::has_extension(std::string_view keyword) const {
  for (std::size_t i = 1; i < extensions_.lines.size(); ++i) {
    const std::string& line = extensions_.lines[i];
    if (iequals(std::string_view(line).substr(0, line.find(' ')), keyword)) return true;
  }
  return false;
}

Result<SmtpReply> SmtpClient::xclient(
    const std::vector<std::pair<std::string, std::string>>& attributes) {
  std::string line = "XCLIENT";
  for (const auto& [name, value] : attributes) line += " " + name + "=" + xtext(value);
  return command(line);
}

Result<SmtpReply> SmtpClient::mail(std::string_view from, std::string_view parameters) {
  std::string line = "MAIL FROM:<" + std::string(from) + ">";
  if (!parameters.empty()) line += " " + std::string(parameters);
  return command(line);
}

Result<SmtpReply> SmtpClient::rcpt(std::string_view to, std::string_view parameters) {
  std::string line = "RCPT TO:<" + std::string(to) + ">";
  if (!parameters.empty()) line += " " + std::string(parameters);
  return command(line);
}

Result<SmtpReply> SmtpClient::data() {
  return command("DATA");
}

Result<SmtpReply> SmtpClient::content(std::string_view message) {
  if (auto sent = raw_send(dot_stuffed(message) + ".\r\n"); !sent) return sent.error();
  return read_reply();
}

Result<void> SmtpClient::partial_content(std::string_view message) {
  return raw_send(dot_stuffed(message));
}

Result<SmtpReply> SmtpClient::rset() {
  return command("RSET");
}

Result<SmtpReply> SmtpClient::quit() {
  auto reply = command("QUIT");
  disconnect();
  return reply;
}

Result<SmtpReply> SmtpClient::send(const SmtpMail& mail) {
  auto reply = this->mail(mail.from, mail.mail_parameters);
  if (!reply || !reply->positive()) return reply;
  bool any = false;
  for (const std::string& recipient : mail.recipients) {
    reply = rcpt(recipient);
    if (!reply) return reply;
    any = any || reply->positive();
  }
  if (!any) return reply;
  reply = data();
  if (!reply || !reply->positive()) return reply;
  return content(mail.message);
}

std::string dot_stuffed(std::string_view message) {
  std::string stuffed;
  stuffed.reserve(message.size() + message.size() / 32 + 2);
  while (!message.empty()) {
    const auto end = message.find('\n');
    std::string_view line = message.substr(0, end);
    message.remove_prefix(end == message.npos ? message.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('.')) stuffed += '.';
    stuffed += line;
    stuffed += "\r\n";
  }
  return stuffed;
}

}  // namespace gatepost::test
