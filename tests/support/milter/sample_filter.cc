// A tiny filter on libmilter for tests of MTA sides and sandboxes. What it does is chosen by the
// local parts of the envelope:
//   MAIL  reject-mail, tempfail-mail
//   RCPT  reject, tempfail, reply (550 with a reply of its own), lines (451 with three lines)
//   end of message, by any accepted recipient: quarantine, discard, refuse (554), edit (all header
//         edits), body (a new body), envelope (sender and recipients changed), slow (progress),
//         die (the process ends)
// Every message gets X-Sample-Filter on top, with the macros and facts it saw.
//
// usage: gatepost-sample-filter SOCKET [macros] [quiet] [v2]
//   macros  asks for {client_addr} at CONNECT and i, {auth_authen} at end of message, nothing else
//   quiet   wants no body, no replies to headers, and the leading blank of header values
//   v2      behaves as a filter without a negotiation callback
// Prints "ready SOCKET" with the real port once it listens. Ended by a signal.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

bool wants_macros = false;
bool is_quiet = false;

struct Session {
  std::string client, helo, sender;
  std::set<std::string> words;
  std::size_t headers = 0, body = 0;
  std::string first_value;
};

Session& session_of(SMFICTX* context) {
  return *static_cast<Session*>(smfi_getpriv(context));
}

std::string local_part(const char* address) {
  std::string_view text = address;
  if (text.starts_with('<')) text.remove_prefix(1);
  return std::string(text.substr(0, text.find_first_of("@>")));
}

std::string macro(SMFICTX* context, const char* name) {
  const char* value = smfi_getsymval(context, const_cast<char*>(name));
  return value ? value : "-";
}

/// libmilter's functions take char* but do not write.
char* text(const char* constant) {
  return const_cast<char*>(constant);
}

sfsistat on_negotiate(SMFICTX* context, unsigned long offered_actions, unsigned long offered_steps,
                      unsigned long, unsigned long, unsigned long* actions, unsigned long* steps,
                      unsigned long* unused_a, unsigned long* unused_b) {
  *actions = offered_actions;
  *steps = offered_steps & SMFIP_SKIP;
  if (is_quiet) *steps |= offered_steps & (SMFIP_NOBODY | SMFIP_NR_HDR | SMFIP_HDR_LEADSPC);
  if (wants_macros) {
    smfi_setsymlist(context, SMFIM_CONNECT, text("{client_addr}"));
    smfi_setsymlist(context, SMFIM_EOM, text("i {auth_authen}"));
  }
  *unused_a = 0;
  *unused_b = 0;
  return SMFIS_CONTINUE;
}

sfsistat on_connect(SMFICTX* context, char* name, _SOCK_ADDR*) {
  auto* session = new Session;
  session->client = std::string(name) + "/" + macro(context, "{client_addr}");
  smfi_setpriv(context, session);
  return SMFIS_CONTINUE;
}

sfsistat on_helo(SMFICTX* context, char* name) {
  session_of(context).helo = name;
  return SMFIS_CONTINUE;
}

sfsistat on_mail(SMFICTX* context, char** arguments) {
  Session& session = session_of(context);
  session.words.clear();
  session.headers = session.body = 0;
  session.first_value.clear();
  session.sender = arguments[0];
  const std::string word = local_part(arguments[0]);
  if (word == "reject-mail") return SMFIS_REJECT;
  if (word == "tempfail-mail") return SMFIS_TEMPFAIL;
  return SMFIS_CONTINUE;
}

sfsistat on_rcpt(SMFICTX* context, char** arguments) {
  const std::string word = local_part(arguments[0]);
  if (word == "reject") return SMFIS_REJECT;
  if (word == "tempfail") return SMFIS_TEMPFAIL;
  if (word == "reply") {
    smfi_setreply(context, text("550"), text("5.7.1"), text("not here, 100%% sure"));
    return SMFIS_REJECT;
  }
  if (word == "lines") {
    smfi_setmlreply(context, text("451"), text("4.7.1"), text("one"), text("two"), text("three"),
                    nullptr);
    return SMFIS_TEMPFAIL;
  }
  session_of(context).words.insert(word);
  return SMFIS_CONTINUE;
}

sfsistat on_header(SMFICTX* context, char*, char* value) {
  Session& session = session_of(context);
  if (session.headers++ == 0) session.first_value = value;
  return SMFIS_CONTINUE;
}

sfsistat on_body(SMFICTX* context, unsigned char*, std::size_t length) {
  session_of(context).body += length;
  return SMFIS_CONTINUE;
}

void edit(SMFICTX* context, const std::set<std::string>& words) {
  if (words.count("edit")) {
    smfi_addheader(context, text("X-Added"), text("at the end"));
    smfi_insheader(context, 1, text("X-Inserted"), text("line one\n\tline two"));
    smfi_chgheader(context, text("Subject"), 1, text("changed"));
    smfi_chgheader(context, text("X-Remove"), 1, nullptr);
  }
  if (words.count("envelope")) {
    smfi_chgfrom(context, text("<changed@example.com>"), nullptr);
    smfi_addrcpt(context, text("<added@example.com>"));
    smfi_delrcpt(context, text("<envelope@example.com>"));
  }
  if (words.count("body")) {
    const std::string body = "a new body\r\n";
    smfi_replacebody(context, reinterpret_cast<unsigned char*>(const_cast<char*>(body.data())),
                     static_cast<int>(body.size()));
  }
}

sfsistat on_end_of_message(SMFICTX* context) {
  Session& session = session_of(context);
  std::string facts = is_quiet ? " " : "";
  facts += "client=" + session.client + " helo=" + session.helo + " from=" + session.sender +
           " i=" + macro(context, "i") + " auth=" + macro(context, "{auth_authen}") +
           " daemon=" + macro(context, "{daemon_name}") +
           " headers=" + std::to_string(session.headers) + " body=" + std::to_string(session.body) +
           " blank=" + (session.first_value.starts_with(' ') ? "yes" : "no");
  smfi_insheader(context, 0, text("X-Sample-Filter"), facts.data());
  if (session.words.count("die")) _exit(3);
  if (session.words.count("slow")) {
    for (int i = 0; i < 2; ++i) smfi_progress(context);
  }
  edit(context, session.words);
  if (session.words.count("quarantine"))
    smfi_quarantine(context, text("held by the sample filter"));
  if (session.words.count("discard")) return SMFIS_DISCARD;
  if (session.words.count("refuse")) {
    smfi_setreply(context, text("554"), text("5.6.0"), text("bad content"));
    return SMFIS_REJECT;
  }
  return session.words.count("accept") ? SMFIS_ACCEPT : SMFIS_CONTINUE;
}

sfsistat on_close(SMFICTX* context) {
  delete static_cast<Session*>(smfi_getpriv(context));
  smfi_setpriv(context, nullptr);
  return SMFIS_CONTINUE;
}

/// The listening socket is libmilter's secret: find it among our descriptors. Gives it TCP_NODELAY
/// (inherited by its connections) and returns its port, 0 for a unix socket.
int tune_listener() {
  for (int descriptor = 0; descriptor < 64; ++descriptor) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens) {
      continue;
    }
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    size = sizeof address;
    getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return address.sin_family == AF_INET ? ntohs(address.sin_port) : 0;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s SOCKET [macros] [quiet] [v2]\n", argv[0]);
    return 64;
  }
  bool negotiates = true;
  for (int i = 2; i < argc; ++i) {
    wants_macros = wants_macros || !std::strcmp(argv[i], "macros");
    is_quiet = is_quiet || !std::strcmp(argv[i], "quiet");
    negotiates = negotiates && std::strcmp(argv[i], "v2");
  }
  const smfiDesc description = {text("sample"),
                                SMFI_VERSION,
                                SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
                                on_connect,
                                on_helo,
                                on_mail,
                                on_rcpt,
                                on_header,
                                nullptr,
                                on_body,
                                on_end_of_message,
                                nullptr,
                                on_close,
                                nullptr,
                                nullptr,
                                negotiates ? on_negotiate : nullptr};
  umask(0);  // so that an MTA's user may connect
  if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_register(description) != MI_SUCCESS ||
      smfi_opensocket(true) != MI_SUCCESS) {
    std::fprintf(stderr, "%s: cannot listen on %s\n", argv[0], argv[1]);
    return 69;
  }
  const int port = tune_listener();
  if (port != 0) {
    std::printf("ready inet:%d@127.0.0.1\n", port);
  } else {
    std::printf("ready %s\n", argv[1]);
  }
  std::fflush(stdout);
  return smfi_main() == MI_SUCCESS ? 0 : 70;
}
