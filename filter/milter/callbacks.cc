#include "filter/milter/callbacks.h"

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/base/text.h"

namespace gatepost::milter {

namespace {

Shared* g_shared = nullptr;

constexpr auto kProgressEvery = std::chrono::seconds(10);

/// One connection of the MTA. libmilter moves a session between threads, never runs two callbacks
/// of one at once: nothing here is thread-local or locked.
struct Milter {
  explicit Milter(Shared& s) : shared(s), session(s.services, executor) { ++shared.sessions; }
  ~Milter() {
    end_transaction();
    --shared.sessions;
  }

  void begin_transaction() {
    end_transaction();
    shared.transaction_begins();
    in_transaction = true;
  }
  void end_transaction() {
    if (in_transaction) shared.transaction_ends();
    in_transaction = false;
  }

  Shared& shared;
  WaitingExecutor executor;
  Session session;
  unsigned long no_reply = 0;  // the SMFIP_NR_* that were agreed
  bool leading_space = false;
  bool refuse_all = false;  // draining or too many sessions
  bool in_transaction = false;
};

Milter* milter_of(SMFICTX* ctx) {
  return static_cast<Milter*>(smfi_getpriv(ctx));
}

std::string macro(SMFICTX* ctx, const char* name) {
  char copy[32];
  std::snprintf(copy, sizeof copy, "%s", name);
  const char* value = smfi_getsymval(ctx, copy);
  return value == nullptr ? "" : value;
}

/// Every callback goes through here: no exception crosses the C frames, and none without a session.
template <class Body>
sfsistat guarded(SMFICTX* ctx, Body&& body) {
  Milter* milter = milter_of(ctx);
  if (milter == nullptr || milter->refuse_all) return SMFIS_TEMPFAIL;
  try {
    return body(*milter);
  } catch (const std::exception&) {
    milter->shared.services.metrics.counter("milter.exceptions").add();
    return SMFIS_TEMPFAIL;
  }
}

std::string doubled_percent(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '%' ? 2 : 1, c);
  return out;
}

sfsistat refuse(SMFICTX* ctx, const Verdict& verdict) {
  const bool reject = verdict.effective() != Action::tempfail;
  // smfi_setreply is not for connect: the MTA greets with a text of its own there.
  if (verdict.stage != Stage::connect) {
    std::string code = std::to_string(verdict.reply.code);
    std::string enhanced = verdict.reply.enhanced;
    std::string text = doubled_percent(verdict.reply.text);
    smfi_setreply(ctx, code.data(), enhanced.data(), text.data());
  }
  return reject ? SMFIS_REJECT : SMFIS_TEMPFAIL;
}

/// Runs a stage to its verdict on this thread, which lends itself to the session meanwhile.
template <class Start>
Verdict run_stage(SMFICTX* ctx, Milter& milter, Stage stage, Start&& start) {
  std::optional<Verdict> verdict;
  start([&verdict](const Verdict& v) { verdict = v; });
  const Duration whole =
      milter.shared.services.policy.get()->stage_timeout + std::chrono::seconds(30);
  const SteadyTime give_up = std::chrono::steady_clock::now() + whole;
  while (!milter.executor.run_until(
      [&] { return verdict.has_value(); },
      std::min(give_up, std::chrono::steady_clock::now() + kProgressEvery))) {
    if (stage == Stage::end_of_message) smfi_progress(ctx);
    if (std::chrono::steady_clock::now() < give_up) continue;
    // Flows end by their deadlines, so this is a fault of ours; the client may come again.
    milter.shared.services.metrics.counter("milter.stage_overdue").add();
    milter.session.abort();
    Verdict late;
    late.stage = stage;
    late.action = Action::tempfail;
    late.reply = {451, "4.3.0", "internal error, try again later"};
    return late;
  }
  return *verdict;
}

template <class Start>
sfsistat answer_stage(SMFICTX* ctx, Milter& milter, Stage stage, unsigned long no_reply,
                      Start&& start) {
  const Verdict verdict = run_stage(ctx, milter, stage, std::forward<Start>(start));
  if ((milter.no_reply & no_reply) != 0) return SMFIS_NOREPLY;
  const Action action = verdict.effective();
  return action == Action::reject || action == Action::tempfail ? refuse(ctx, verdict)
                                                                : SMFIS_CONTINUE;
}

/// The same for what stands between MAIL and the end of the message: a transaction that was dropped
/// (a stage took too long) gets no further.
template <class Body>
sfsistat guarded_in_transaction(SMFICTX* ctx, Body&& body) {
  return guarded(ctx, [&](Milter& milter) -> sfsistat {
    return milter.session.in_transaction() ? body(milter) : SMFIS_TEMPFAIL;
  });
}

// --- callbacks, in SMTP's order
// --------------------------------------------------------------------

void ask_for_macros(SMFICTX* ctx) {
  struct Wanted {
    int stage;
    const char* names;
  };
  static constexpr Wanted kWanted[] = {
      {SMFIM_CONNECT, "j {daemon_name} {client_port}"},
      {SMFIM_HELO, "{tls_version}"},
      {SMFIM_ENVFROM, "i {auth_type} {auth_authen}"},
      {SMFIM_ENVRCPT, "i {rcpt_mailer}"},
      {SMFIM_DATA, "i"},
      {SMFIM_EOH, "i"},
      {SMFIM_EOM, "i"},
  };
  for (const Wanted& wanted : kWanted) {
    std::string names(wanted.names);
    smfi_setsymlist(ctx, wanted.stage, names.data());
  }
}

sfsistat on_negotiate(SMFICTX* ctx, unsigned long actions, unsigned long steps, unsigned long,
                      unsigned long, unsigned long* want_actions, unsigned long* want_steps,
                      unsigned long* want2, unsigned long* want3) {
  constexpr unsigned long kActions =
      SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_DELRCPT;
  if ((actions & kActions) != kActions) {
    g_shared->services.metrics.counter("milter.refused_negotiation").add();
    return SMFIS_REJECT;
  }
  auto milter = std::make_unique<Milter>(*g_shared);
  milter->refuse_all = g_shared->draining || g_shared->sessions > g_shared->max_sessions;
  // Each reply that nobody needs costs a round trip. Over TCP, DATA is answered although nothing is
  // decided there: Postfix waits 44 ms when no reply comes between envelope and content.
  const auto policy = g_shared->services.policy.get();
  unsigned long no_reply = SMFIP_NR_HDR | SMFIP_NR_BODY;
  if (!milter->refuse_all && !policy->may_answer(Stage::connect)) no_reply |= SMFIP_NR_CONN;
  if (!policy->may_answer(Stage::helo)) no_reply |= SMFIP_NR_HELO;
  if (!policy->may_answer(Stage::mail)) no_reply |= SMFIP_NR_MAIL;
  if (!g_shared->over_tcp && !policy->may_answer(Stage::data)) no_reply |= SMFIP_NR_DATA;
  if (!policy->may_answer(Stage::end_of_headers)) no_reply |= SMFIP_NR_EOH;
  milter->no_reply = no_reply & steps;
  milter->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
  *want_actions = kActions | (actions & SMFIF_SETSYMLIST);
  *want_steps = milter->no_reply | (steps & (SMFIP_HDR_LEADSPC | SMFIP_RCPT_REJ | SMFIP_NOUNKNOWN));
  *want2 = *want3 = 0;
  if ((actions & SMFIF_SETSYMLIST) != 0) ask_for_macros(ctx);
  smfi_setpriv(ctx, milter.release());
  return SMFIS_CONTINUE;
}

std::optional<IpAddress> client_address(const _SOCK_ADDR* address) {
  if (address == nullptr) return std::nullopt;
  char octets[16];
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    std::memcpy(octets, &v4->sin_addr, 4);
    return IpAddress::from_octets({octets, 4});
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    std::memcpy(octets, &v6->sin6_addr, 16);
    return IpAddress::from_octets({octets, 16});
  }
  return std::nullopt;
}

sfsistat on_connect(SMFICTX* ctx, char* name, _SOCK_ADDR* address) {
  if (g_shared->draining || (milter_of(ctx) != nullptr && milter_of(ctx)->refuse_all)) {
    g_shared->services.metrics.counter("milter.refused_connections").add();
  }
  return guarded(ctx, [&](Milter& milter) {
    Connection connection;
    connection.client = client_address(address);
    connection.client_name = name == nullptr ? "" : name;
    connection.mta_name = macro(ctx, "j");
    connection.daemon_name = macro(ctx, "{daemon_name}");
    // Mail that did not come by SMTP is given to us as a loopback client without a port.
    const std::string port = macro(ctx, "{client_port}");
    connection.local =
        !connection.client || (connection.client->is_loopback() && (port.empty() || port == "0"));
    return answer_stage(ctx, milter, Stage::connect, SMFIP_NR_CONN, [&](Session::Done done) {
      milter.session.connect(std::move(connection), std::move(done));
    });
  });
}

sfsistat on_helo(SMFICTX* ctx, char* name) {
  return guarded(ctx, [&](Milter& milter) {
    milter.session.set_tls_version(macro(ctx, "{tls_version}"));
    return answer_stage(ctx, milter, Stage::helo, SMFIP_NR_HELO, [&](Session::Done done) {
      milter.session.helo(name == nullptr ? "" : name, std::move(done));
    });
  });
}

sfsistat on_mail(SMFICTX* ctx, char** arguments) {
  return guarded(ctx, [&](Milter& milter) {
    milter.begin_transaction();
    MailInfo info{arguments[0], macro(ctx, "{auth_authen}"), macro(ctx, "{auth_type}"),
                  macro(ctx, "i")};
    return answer_stage(ctx, milter, Stage::mail, SMFIP_NR_MAIL,
                        [&](Session::Done done) { milter.session.mail(info, std::move(done)); });
  });
}

sfsistat on_rcpt(SMFICTX* ctx, char** arguments) {
  return guarded_in_transaction(ctx, [&](Milter& milter) {
    milter.session.set_queue_id(macro(ctx, "i"));
    // The MTA has refused this one already and only lets us know (SMFIP_RCPT_REJ).
    if (macro(ctx, "{rcpt_mailer}") == "error") return static_cast<sfsistat>(SMFIS_CONTINUE);
    return answer_stage(ctx, milter, Stage::rcpt, 0, [&](Session::Done done) {
      milter.session.rcpt(arguments[0], std::move(done));
    });
  });
}

sfsistat on_data(SMFICTX* ctx) {
  return guarded_in_transaction(ctx, [&](Milter& milter) {
    milter.session.set_queue_id(macro(ctx, "i"));
    return answer_stage(ctx, milter, Stage::data, SMFIP_NR_DATA,
                        [&](Session::Done done) { milter.session.data(std::move(done)); });
  });
}

sfsistat on_header(SMFICTX* ctx, char* name, char* value) {
  return guarded_in_transaction(ctx, [&](Milter& milter) {
    if (milter.leading_space) {
      milter.session.header(name, value);
    } else {
      milter.session.header(name, " " + std::string(value));  // the MTA took one blank away
    }
    return static_cast<sfsistat>((milter.no_reply & SMFIP_NR_HDR) != 0 ? SMFIS_NOREPLY
                                                                       : SMFIS_CONTINUE);
  });
}

sfsistat on_end_of_headers(SMFICTX* ctx) {
  return guarded_in_transaction(ctx, [&](Milter& milter) {
    milter.session.set_queue_id(macro(ctx, "i"));
    return answer_stage(ctx, milter, Stage::end_of_headers, SMFIP_NR_EOH, [&](Session::Done done) {
      milter.session.end_of_headers(std::move(done));
    });
  });
}

sfsistat on_body(SMFICTX* ctx, unsigned char* data, std::size_t size) {
  return guarded_in_transaction(ctx, [&](Milter& milter) {
    milter.session.body({reinterpret_cast<const char*>(data), size});
    return static_cast<sfsistat>((milter.no_reply & SMFIP_NR_BODY) != 0 ? SMFIS_NOREPLY
                                                                        : SMFIS_CONTINUE);
  });
}

bool apply(SMFICTX* ctx, const Milter& milter, const HeaderEdit& edit) {
  std::string name = edit.name;
  if (edit.kind == HeaderEdit::Kind::remove)
    return smfi_chgheader(ctx, name.data(), edit.index, nullptr) == MI_SUCCESS;
  std::string value = (milter.leading_space ? " " : "") + edit.value;
  if (edit.kind == HeaderEdit::Kind::change)
    return smfi_chgheader(ctx, name.data(), edit.index, value.data()) == MI_SUCCESS;
  return smfi_insheader(ctx, edit.index, name.data(), value.data()) == MI_SUCCESS;
}

sfsistat on_end_of_message(SMFICTX* ctx) {
  return guarded_in_transaction(ctx, [&](Milter& milter) -> sfsistat {
    milter.session.set_queue_id(macro(ctx, "i"));
    const Verdict verdict = run_stage(ctx, milter, Stage::end_of_message, [&](Session::Done done) {
      milter.session.end_of_message(std::move(done));
    });
    milter.end_transaction();
    const Action action = verdict.effective();
    if (action == Action::reject || action == Action::tempfail) return refuse(ctx, verdict);
    // It is in our quarantine as it came: the MTA forgets it, and is asked for no edits.
    if (action == Action::store)
      return verdict.reply.code != 0 ? refuse(ctx, verdict) : SMFIS_DISCARD;
    for (const HeaderEdit& edit : verdict.edits) {
      // A forged field that stays would be believed: better no mail now than that.
      if (!apply(ctx, milter, edit)) {
        milter.shared.services.metrics.counter("milter.failed_edits").add();
        return SMFIS_TEMPFAIL;
      }
    }
    if (action == Action::hold) {
      std::string reason = verdict.hold_reason;
      if (smfi_quarantine(ctx, reason.data()) != MI_SUCCESS) return SMFIS_TEMPFAIL;
    }
    return SMFIS_CONTINUE;
  });
}

sfsistat on_abort(SMFICTX* ctx) {
  return guarded(ctx, [](Milter& milter) {
    milter.session.abort();
    milter.end_transaction();
    return static_cast<sfsistat>(SMFIS_CONTINUE);
  });
}

sfsistat on_close(SMFICTX* ctx) {
  delete milter_of(ctx);
  smfi_setpriv(ctx, nullptr);
  return SMFIS_CONTINUE;
}

}  // namespace

void Shared::transaction_begins() {
  std::lock_guard lock(mutex_);
  ++transactions_;
}

void Shared::transaction_ends() {
  std::lock_guard lock(mutex_);
  if (--transactions_ == 0) idle_.notify_all();
}

std::size_t Shared::wait_until_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, limit, [this] { return transactions_ == 0; });
  return transactions_;
}

void set_shared(Shared* shared) {
  g_shared = shared;
}

smfiDesc callbacks() {
  static char name[] = "gatepost";
  smfiDesc description{};
  description.xxfi_name = name;
  description.xxfi_version = SMFI_VERSION;
  description.xxfi_flags =
      SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE | SMFIF_DELRCPT | SMFIF_SETSYMLIST;
  description.xxfi_connect = on_connect;
  description.xxfi_helo = on_helo;
  description.xxfi_envfrom = on_mail;
  description.xxfi_envrcpt = on_rcpt;
  description.xxfi_header = on_header;
  description.xxfi_eoh = on_end_of_headers;
  description.xxfi_body = on_body;
  description.xxfi_eom = on_end_of_message;
  description.xxfi_abort = on_abort;
  description.xxfi_close = on_close;
  description.xxfi_data = on_data;
  description.xxfi_negotiate = on_negotiate;
  return description;
}

}  // namespace gatepost::milter
