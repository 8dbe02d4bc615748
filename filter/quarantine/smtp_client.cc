#include "filter/quarantine/smtp_client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::quarantine {

namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxReply = std::size_t{64} << 10;

Error lost(const char* what) {
  return temporary_error(std::string("the mail server ") + what);
}

/// Whether `events` came in time.
bool wait(int fd, short events, Steady::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
    if (left <= 0) return false;
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::min<long>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

int connect_one(const addrinfo& address, std::chrono::seconds limit) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  int error = 0;
  socklen_t size = sizeof error;
  if (::connect(fd, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS)
      error = errno;
    else if (!wait(fd, POLLOUT, Steady::now() + limit))
      error = ETIMEDOUT;
    else
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) return fd;
  ::close(fd);
  errno = error;
  return -1;
}

std::string own_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  const std::string_view text(name);
  const bool good = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || c == '-' || c == '.';
  });
  return good ? name : "localhost";
}

}  // namespace

std::string SmtpReply::line() const {
  return std::to_string(code) + " " + printable(text, 400);
}

Result<SmtpServer> SmtpServer::parse(std::string_view text) {
  const Error wrong = permanent_error(
      "expected HOST:PORT, such as 127.0.0.1:25 or [::1]:25, got '" + printable(text, 100) + "'");
  SmtpServer server;
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return wrong;
  server.host = text.substr(0, colon);
  server.port = text.substr(colon + 1);
  if (server.host.front() == '[' && server.host.back() == ']')
    server.host = server.host.substr(1, server.host.size() - 2);
  else if (server.host.find(':') != std::string::npos)
    return wrong;
  const bool digits = !server.port.empty() && server.port.size() <= 5 &&
                      std::all_of(server.port.begin(), server.port.end(), is_digit);
  if (!digits || std::stoi(server.port) < 1 || std::stoi(server.port) > 65535 ||
      server.host.empty())
    return wrong;
  return server;
}

SmtpClient::SmtpClient(SmtpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      timeouts_(other.timeouts_),
      extensions_(std::move(other.extensions_)),
      unread_(std::move(other.unread_)) {}

SmtpClient::~SmtpClient() {
  if (fd_ >= 0) ::close(fd_);
}

Result<SmtpClient> SmtpClient::open(const SmtpServer& server, const SmtpTimeouts& timeouts) {
  const std::string where = server.host + ":" + server.port;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found))
    return temporary_error(std::string("cannot be found: ") + ::gai_strerror(failed), where);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  int fd = -1;
  for (const addrinfo* at = found; at != nullptr && fd < 0; at = at->ai_next)
    fd = connect_one(*at, timeouts.connect);
  if (fd < 0) return temporary_error(std::string("cannot connect: ") + std::strerror(errno), where);
  SmtpClient client(fd, timeouts);
  const auto greeting = client.reply(timeouts.command);
  if (!greeting.ok()) return greeting.error();
  if (greeting->code != 220) return temporary_error("greets with " + greeting->line(), where);
  const auto hello = client.command("EHLO " + own_name());
  if (!hello.ok()) return hello.error();
  if (hello->code != 250) return temporary_error("answers EHLO with " + hello->line(), where);
  client.extensions_ = " " + to_lower(hello->text) + " ";
  return client;
}

bool SmtpClient::offers(std::string_view extension) const {
  return extensions_.find(" " + to_lower(extension) + " ") != std::string::npos;
}

Result<SmtpReply> SmtpClient::mail(std::string_view from, bool smtputf8) {
  std::string line = "MAIL FROM:<" + std::string(from) + ">";
  if (offers("8bitmime")) line += " BODY=8BITMIME";
  if (smtputf8) line += " SMTPUTF8";
  return command(line);
}

Result<SmtpReply> SmtpClient::rcpt(std::string_view to) {
  return command("RCPT TO:<" + std::string(to) + ">");
}

Result<SmtpReply> SmtpClient::data() {
  line_begins_ = true;
  ended_with_cr_ = false;
  return command("DATA");
}

Result<void> SmtpClient::content(std::string_view octets) {
  std::string out;
  out.reserve(octets.size() + 64);
  for (const char c : octets) {
    if (line_begins_ && c == '.') out += '.';
    out += c;
    // A server that takes a bare LF for a line end takes a dot behind it for the end of the
    // message: doubled there too.
    line_begins_ = c == '\n';
    ended_with_cr_ = c == '\r';
  }
  return send(out, timeouts_.data_block);
}

Result<SmtpReply> SmtpClient::end() {
  const char* close = line_begins_ ? ".\r\n" : ended_with_cr_ ? "\n.\r\n" : "\r\n.\r\n";
  if (const auto sent = send(close, timeouts_.data_block); !sent.ok()) return sent.error();
  return reply(timeouts_.final_reply);
}

void SmtpClient::quit() {
  if (send("QUIT\r\n", std::chrono::seconds(5)).ok()) (void)reply(std::chrono::seconds(5));
}

Result<SmtpReply> SmtpClient::command(std::string_view line) {
  if (std::any_of(line.begin(), line.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; }))
    return permanent_error("an address holds a control character: " + printable(line, 200));
  if (const auto sent = send(std::string(line) + "\r\n", timeouts_.command); !sent.ok())
    return sent.error();
  return reply(timeouts_.command);
}

Result<void> SmtpClient::send(std::string_view octets, std::chrono::seconds limit) {
  while (!octets.empty()) {
    if (!wait(fd_, POLLOUT, Steady::now() + limit)) return lost("takes nothing more");
    const ssize_t sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent <= 0) return lost("has closed the connection");
    octets.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

Result<SmtpReply> SmtpClient::reply(std::chrono::seconds limit) {
  const auto until = Steady::now() + limit;
  SmtpReply reply;
  std::size_t total = 0;
  for (;;) {
    const auto end = unread_.find('\n');
    if (end == std::string::npos) {
      char buffer[4096];
      if (unread_.size() > kMaxReply) return permanent_error("the mail server's reply has no end");
      if (!wait(fd_, POLLIN, until)) return lost("did not answer in time");
      const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) return lost("has closed the connection");
      unread_.append(buffer, static_cast<std::size_t>(got));
      continue;
    }
    const std::string line(trim(unread_.substr(0, end)));
    unread_.erase(0, end + 1);
    total += line.size();
    const bool well_formed = line.size() >= 3 && is_digit(line[0]) && is_digit(line[1]) &&
                             is_digit(line[2]) &&
                             (line.size() == 3 || line[3] == ' ' || line[3] == '-');
    if (!well_formed || total > kMaxReply)
      return permanent_error("the mail server does not speak SMTP: " + printable(line, 100));
    reply.code = std::stoi(line.substr(0, 3));
    if (line.size() > 4) reply.text += (reply.text.empty() ? "" : " ") + line.substr(4);
    if (line.size() == 3 || line[3] == ' ') return reply;
  }
}

}  // namespace gatepost::quarantine
