#include "filter/quarantine/release.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/text.h"
#include "filter/quarantine/entry_file.h"
#include "filter/quarantine/token.h"
#include "filter/session/quarantine.h"

namespace gatepost::quarantine {

namespace {

using Kind = ReleaseOutcome::Kind;

ReleaseOutcome outcome(Kind kind, std::string detail, bool temporary = false) {
  return {kind, {}, std::move(detail), temporary, false};
}

ReleaseOutcome of_error(Kind kind, const Error& error) {
  return outcome(kind, error.text(), error.kind == ErrorKind::temporary);
}

/// Sends the message part of the file.
Result<void> send_file(SmtpClient& client, int file, std::size_t message_at) {
  std::string buffer(std::size_t{128} << 10, '\0');
  auto at = static_cast<off_t>(message_at);
  for (;;) {
    const ssize_t got = ::pread(file, buffer.data(), buffer.size(), at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return temporary_error(std::string("cannot read it: ") + std::strerror(errno));
    if (got == 0) return {};
    at += got;
    const auto sent =
        client.content(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    if (!sent.ok()) return sent;
  }
}

/// One SMTP transaction for one entry.
class Injection {
 public:
  Injection(const Begun& begun, const ReleaseOptions& options, const Clock& clock)
      : begun_(begun), options_(options), clock_(clock) {}

  ReleaseOutcome run(int file, const FileHead& head, const std::string& secret) {
    auto opened = SmtpClient::open(options_.server, options_.timeouts);
    if (!opened.ok()) return of_error(Kind::failed, opened.error());
    SmtpClient& client = *opened;
    const auto& to = options_.to.empty() ? begun_.recipients : options_.to;
    if (begun_.entry.smtputf8 && !client.offers("smtputf8"))
      return outcome(Kind::failed, "the mail server does not offer SMTPUTF8");
    const auto sender = client.mail(begun_.entry.mail_from, begun_.entry.smtputf8);
    if (!sender.ok()) return of_error(Kind::failed, sender.error());
    if (!sender->positive()) return refused(*sender);
    SmtpReply worst;
    for (const std::string& recipient : to) {
      const auto reply = client.rcpt(recipient);
      if (!reply.ok()) return of_error(Kind::failed, reply.error());
      if (reply->positive())
        accepted_.push_back(recipient);
      else
        worst = *reply;
    }
    if (accepted_.empty()) {
      client.quit();
      return refused(worst);
    }
    ReleaseOutcome done = content(client, file, head, secret);
    if (done.kind != Kind::released) return done;
    client.quit();
    done.delivered = accepted_;
    if (accepted_.size() < to.size()) {
      done.kind = Kind::partly;
      done.detail = "some recipients were refused: " + worst.line();
      done.temporary = worst.code / 100 == 4;
    }
    return done;
  }

 private:
  ReleaseOutcome content(SmtpClient& client, int file, const FileHead& head,
                         const std::string& secret) {
    const auto go = client.data();
    if (!go.ok()) return of_error(Kind::failed, go.error());
    if (go->code != 354) return refused(*go);
    // Made now, when it is known who will get it: the token is bound to them.
    ReleaseToken token{begun_.entry.reference, begun_.entry.nonce,
                       clock_.unix_time() + options_.token_life.count(), head.entry.bound, ""};
    token.mac = token_mac(secret, token, head.entry.digest,
                          envelope_digest(begun_.entry.mail_from, accepted_));
    Result<void> sent =
        client.content(std::string(kReleaseField) + ": " + format_token(token) + "\r\n");
    if (sent.ok()) sent = send_file(client, file, head.message_at);
    // Without its final dot the server throws it away (RFC 5321 section 4.1.1.4).
    if (!sent.ok()) return of_error(Kind::failed, sent.error());
    const auto last = client.end();
    if (!last.ok()) return outcome(Kind::unknown, last.error().text(), true);
    if (!last->positive()) return refused(*last);
    return outcome(Kind::released, last->line());
  }

  static ReleaseOutcome refused(const SmtpReply& reply) {
    return outcome(Kind::failed, "the mail server answers " + reply.line(), reply.code / 100 == 4);
  }

  const Begun& begun_;
  const ReleaseOptions& options_;
  const Clock& clock_;
  std::vector<std::string> accepted_;
};

}  // namespace

ReleaseOutcome release(const std::string& reference, ReleaseJournal& journal,
                       const ReleaseOptions& options, const Clock& clock) {
  if (!is_reference(reference)) return outcome(Kind::refused, "is no reference");
  const auto secret = read_secret(secret_file(options.directory));
  if (!secret.ok()) return of_error(Kind::refused, secret.error());
  const auto path = EntryFolder(messages_folder(options.directory)).find(reference);
  if (!path) return outcome(Kind::refused, "there is no such entry");
  const File file(::open(path->c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open())
    return outcome(Kind::refused, "cannot read " + path->string() + ": " + std::strerror(errno));
  if (!lock_entry(file.get()))
    return outcome(Kind::refused, "another process releases it now", true);
  const auto head = EntryFolder::read_head(*path);
  if (!head.ok()) return of_error(Kind::refused, head.error());
  const auto begun = journal.begin(reference, options.again);
  if (!begun.ok()) return of_error(Kind::refused, begun.error());
  if (!*begun) return outcome(Kind::refused, "there is no such entry");
  ReleaseOutcome done = Injection(**begun, options, clock).run(file.get(), *head, *secret);
  if (done.kind == Kind::unknown) return done;
  const auto noted = journal.end(reference, (*begun)->entry.nonce, done.delivered,
                                 !options.to.empty() && done.kind == Kind::released);
  if (!noted.ok() && !done.delivered.empty()) {
    done.kind = Kind::unknown;
    done.detail = "it was delivered, but that could not be noted: " + noted.error().text();
    done.temporary = true;
  }
  done.unseen = !done.delivered.empty() && noted.ok() && !*noted;
  return done;
}

}  // namespace gatepost::quarantine
