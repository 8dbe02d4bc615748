#include "filter/config/settings.h"

#include <charconv>
#include <fstream>
#include <limits>
#include <sstream>

#include "filter/config/setters.h"

namespace gatepost::config {

namespace {

using D = DaemonSettings;
using P = Policy;
using G = GreylistPolicy;
using R = RulesSettings;
using C = mail::ContentLimits;
constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kDay = 86400 * kSecond;
constexpr std::int64_t kMiB = 1 << 20;

// clang-format off
constexpr Setting kSettings[] = {
  {"mode", Kind::text, R"("observe")", true,
   "observe: let everything pass unchanged and log what would have been done (would=). enforce: do it.", set_mode},
  {"authserv_id", Kind::text, R"("")", true,
   "The name in our Authentication-Results field (RFC 8601). Empty: the MTA's own name, macro {j}.", policy<&P::authserv_id>},
  {"own_authserv_ids", Kind::words, "[]", true,
   "Further names whose Authentication-Results fields nobody else may write: those of your other mail servers. Incoming fields with them are removed.", policy<&P::own_authserv_ids>},
  {"trusted_authserv_ids", Kind::words, "[]", true,
   "Names of others, such as a filtering service in front of you, whose Authentication-Results are believed when one of trusted_relays hands them on: RELAYED_RESULTS, RELAYED_DMARC_FAIL, the record. From any other client fields with these names are removed.", policy<&P::trusted_authserv_ids>},
  {"answer_at", Kind::text, R"("rcpt")", true,
   "Where findings about client, HELO and sender are answered. rcpt: logins are known and postmaster@ stays reachable. connect: at once; not for listeners that offer AUTH.", set_answer_at},
  {"help_url", Kind::text, R"("")", true,
   "A page that refused senders are pointed to; stands in the reply behind the reference.", policy<&P::help_url>},
  {"disabled_checks", Kind::words, "[]", true,
   "Checks that are left out: arc, attachments, client_lists, client_rules, dkim, dmarc, dnsbl, envelope_rules, greylist, iprev, lists, message, relayed, rules, sealing, signing, spf, submission. Without rules none of the content rules runs; client_rules and envelope_rules are those of the stages of SMTP.", set_disabled},
  {"submit_networks", Kind::words, R"(["127.0.0.0/8", "::1"])", true,
   "Clients that may send without a login: no SPF, reverse DNS or DNS lists for them, and their mail is signed. A port of 127.0.0.1 where inbound mail comes back from another filter must not reach us: it would be signed too.", policy<&P::submit_networks>},
  {"trusted_relays", Kind::words, "[]", true,
   "Your own inbound hops, such as secondary MXs. Never refused (that would make bounces to innocent people); their Authentication-Results stay. SPF and DMARC judge the first client in the Received fields that is none of them, once the header is there; without one (SPF_NO_CLIENT) they say nothing. Content rules trust those that are given as addresses or networks, besides their own trusted_networks and internal_networks.", policy<&P::trusted_relays>},

  {"lists.allow_clients", Kind::words, "[]", true,
   "Networks, addresses or confirmed names (mail.example, .example) of clients that are not refused by policy.", policy<&P::allow_clients>},
  {"lists.allow_senders", Kind::words, "[]", true,
   "Senders (user@mail.example, mail.example, .example, user@) that are not refused by policy, provided that SPF passes.", policy<&P::allow_senders>},
  {"lists.allow_recipients", Kind::words, "[]", true,
   "Recipients who get everything.", policy<&P::allow_recipients>},
  {"lists.deny_clients", Kind::words, "[]", true,
   "Clients to refuse; same forms as allow_clients.", policy<&P::deny_clients>},
  {"lists.deny_helos", Kind::words, "[]", true,
   "HELO names to refuse.", policy<&P::deny_helos>},
  {"lists.deny_senders", Kind::words, "[]", true,
   "Senders to refuse; same forms as allow_senders.", policy<&P::deny_senders>},
  {"lists.deny_recipients", Kind::words, "[]", true,
   "Recipients that take no mail.", policy<&P::deny_recipients>},

  {"score.tag", Kind::number, "5.0", true,
   "From this score on a message is delivered with X-Spam-Flag: YES. 0: never.", policy<&P::tag_score>},
  {"score.quarantine", Kind::number, "0.0", true,
   "From this score on a message is quarantined. 0: never.", policy<&P::quarantine_score>},
  {"score.quarantine_as", Kind::text, R"("hold")", true,
   "Where. hold: the MTA keeps it in its own queue (postsuper -H, sendmail -Q release it). store: our quarantine keeps it (gatepost quarantine).", set_quarantine_as},
  {"score.reject", Kind::number, "15.0", true,
   "From this score on a message is refused. 0: never.", policy<&P::reject_score>},

  {"headers.authentication_results", Kind::boolean, "true", true,
   "Add an Authentication-Results field on top of each message.", policy<&P::add_authentication_results>},
  {"headers.spam", Kind::boolean, "true", true,
   "Add X-Spam-Status, and X-Spam-Flag, X-Spam-Level and X-Spam-Report to tagged mail.", policy<&P::add_spam_headers>},

  {"rules.files", Kind::words, R"(["/usr/share/gatepost/rules", "/etc/gatepost/rules.d"])", true,
   "Content rules in SpamAssassin's language: files, and folders whose *.cf are read in the order of their names; later ones win. Of the defaults those that exist are read.", rule_files<&R::files>},
  {"rules.strict", Kind::boolean, "false", true,
   "Refuse rule files with something that is not supported. Else it is logged, and such a rule never hits.", rule_files<&R::strict>},
  {"rules.header_edits", Kind::boolean, "true", true,
   "Do what rule files say of header fields: rewrite_header, add_header, remove_header. They reach Subject, From, To and X-Spam-* alone.", rule_files<&R::header_edits>},
  {"rules.cache_directory", Kind::text, R"("")", true,
   "Where compiled rules are kept for the next start; only we may be able to write there. Empty: rules-cache in daemon.state_directory.", rule_files<&R::cache_directory>},
  {"rules.start", Kind::text, R"("serve")", true,
   "What a start does with rules that rules.cache_directory does not hold yet; compiling SpamAssassin's stock rules takes some 20 s. serve: mail is answered at once and judged by all other checks until they are ready (RULES_MISSING). wait: it is answered when they are. Faults in rule files stop the start either way.", set_rules_start},
  {"content.max_size", Kind::size, R"("2MiB")", true,
   "How much of a body content rules see (RULES_TRUNCATED); everything else sees all of it.", between<content<&C::max_size>, 65536, 64 * kMiB, size_text>},
  {"content.max_depth", Kind::integer, "30", true,
   "How deep parts and enclosed messages may be nested for content rules to see them (MIME_LIMIT).", between<content<&C::max_depth>, 1, 100>},
  {"content.max_parts", Kind::integer, "1000", true,
   "How many parts of a message content rules see (MIME_LIMIT).", between<content<&C::max_parts>, 1, 100000>},

  {"greylist.mode", Kind::text, R"("suspicious")", true,
   "Whose mail is deferred at its first try (451 4.7.1). suspicious: of clients on a DNS block list, and of those who prove nothing: no SPF pass, no reverse DNS that leads back, on no allowing DNS list. all: of every client from outside. off. Logins, submit_networks, trusted_relays and allow lists are exempt.", set_greylist_mode},
  {"greylist.delay", Kind::duration, R"("5m")", true,
   "How long after the first try of the same client network, sender and recipient a message passes.", between<greylist<&G::delay>, 0, kDay, duration_text>},
  {"greylist.retry_window", Kind::duration, R"("2d")", true,
   "How long a first try is remembered.", between<greylist<&G::retry_window>, 60 * kSecond, 30 * kDay, duration_text>},
  {"greylist.expire", Kind::duration, R"("36d")", true,
   "How long client network, sender and recipient are known after a message of theirs passed; each further one prolongs it.", between<greylist<&G::expire>, 3600 * kSecond, 365 * kDay, duration_text>},
  {"greylist.auto_allow_after", Kind::integer, "1", true,
   "After so many messages that were tried again and accepted, a client network is not greylisted any more for that sender domain. 0: never.", between<greylist<&G::auto_allow_after>, 0, 1000>},
  {"greylist.ipv4_prefix", Kind::integer, "24", true,
   "Clients in an IPv4 network of this size are taken for one: large senders try again from another address.", between<greylist<&G::ipv4_prefix>, 8, 32>},
  {"greylist.ipv6_prefix", Kind::integer, "64", true,
   "The same for IPv6.", between<greylist<&G::ipv6_prefix>, 16, 128>},
  {"greylist.header", Kind::boolean, "true", true,
   "Add X-Greylist: delayed N seconds by HOST to mail that was deferred before.", greylist<&G::header>},

  {"spf.engine", Kind::text, R"("native")", true,
   "native: all of RFC 7208. libspf2: for comparison; see docs/decisions for where it deviates. Records that it cannot hold are permerror with it.", set_spf_engine},
  {"spf.on_fail", Kind::text, R"("score")", true,
   "When a sender's domain says that the client may not send for it. score: only DMARC and the score make something of it. reject: 550 5.7.23 with the domain's own explanation, quoted. tempfail: 451. Given at RCPT, or at MAIL with answer_at = \"connect\"; never to logins, submit_networks and trusted_relays, nor for postmaster@ and abuse@. Forwarded mail that is not rewritten fails: reject loses it.", action_of<kSpfFail>, kSpfFail},
  {"spf.on_softfail", Kind::text, R"("score")", true,
   "The same for softfail (~all), which RFC 7208 section 8.5 asks not to refuse for alone.", action_of<kSpfSoftfail>, kSpfSoftfail},
  {"spf.on_permerror", Kind::text, R"("score")", true,
   "The same for a record that is broken: 550 or 451 with 7.24 (RFC 7372).", action_of<kSpfPermerror>, kSpfPermerror},
  {"spf.on_temperror", Kind::text, R"("score")", true,
   "The same when DNS fails: tempfail is 451 4.7.24, the client comes again. reject loses mail by any fault of DNS.", action_of<kSpfTemperror>, kSpfTemperror},
  {"spf.no_mail_domain", Kind::text, R"("score")", true,
   "The same for a sender's domain that publishes v=spf1 -all and nothing else: it sends no mail at all, so forwarders are no reason to be careful.", action_of<kSpfNoMailDomain>, kSpfNoMailDomain},
  {"spf.received_spf", Kind::boolean, "false", true,
   "Add Received-SPF fields (RFC 7208 section 9.1). Those of earlier hops stay, below ours: they are evidence of where a message came through, and nothing here believes them.", policy<&P::add_received_spf>},

  {"dkim.max_signatures", Kind::integer, "10", true,
   "Signatures of one message that are verified; further ones are reported and ignored.", between<policy<&P::dkim_max_signatures>, 1, 100>},
  {"dkim.min_key_bits", Kind::integer, "1024", true,
   "RSA keys with fewer bits give the result policy (DKIM_POLICY). Below 1024 nothing ever passes (RFC 8301).", between<policy<&P::dkim_min_key_bits>, 1024, 8192>},
  {"dkim.allow_partial_body", Kind::boolean, "false", true,
   "Let signatures pass whose l= covers a part of the body only: anyone may have added the rest (RFC 6376 section 8.2). false: the result is policy.", policy<&P::dkim_allow_partial_body>},
  {"dkim.clock_skew", Kind::duration, R"("5m")", true,
   "How far t= may lie in the future and x= in the past.", between<policy<&P::dkim_clock_skew>, 0, kDay, duration_text>},
  {"dkim.sign_canonicalization", Kind::text, R"("relaxed/relaxed")", true,
   "Of our signatures, header/body: how much change of white space on the way they bear.", set_sign_canonicalization},
  {"dkim.sign_lifetime", Kind::duration, R"("0s")", true,
   "After this time our signatures expire (x=). 0s: never.", between<set_sign_lifetime, 0, 365 * 86400 * kSecond, duration_text>},
  {"dkim.oversign", Kind::text, R"("list-safe")", true,
   "Which fields our signatures bind so that another one of the name breaks them. list-safe: those present that readers see or act on (From, To, Cc, Subject, Date, Reply-To, Content-Type, List-Unsubscribe and the like). all: every signed field, absent ones too, but for those that an MTA adds (Date, Message-ID, Sender, To, Resent-*); lists that add Reply-To or List-* break it. none: no field.", set_oversign},
  {"dmarc.enforce", Kind::text, R"("standard")", true,
   "off: results are only reported. standard: p=reject is refused when something else speaks against the message, else treated as quarantine (RFC 9989 section 7.4). strict: as published; what cannot be decided now is deferred, and a From that mail programs read differently (AMBIGUOUS_FROM) is refused.", set_dmarc_enforce},
  {"dmarc.domains", Kind::table, "{}", true,
   "Author domains that are enforced in another way: \"bank.example\" (itself), \".bank.example\" (all below it) = \"off\", \"standard\" or \"strict\". The closest name holds.", set_enforcement_map<&P::dmarc_domains, false>},
  {"dmarc.lists", Kind::table, "{}", true,
   "Mailing lists, by the domain that SPF or DKIM authenticates (LIST_COPY): \"lists.example\" = \"off\" delivers what fails only because the list changed it (reported as mailing_list). Goes before dmarc.domains.", set_enforcement_map<&P::dmarc_lists, false>},
  {"dmarc.forwarders", Kind::table, "{}", true,
   "Clients: address, network, confirmed name or suffix = \"off\" for forwarders that you trust (reported as trusted_forwarder), or \"standard\", \"strict\". Goes before dmarc.lists.", set_enforcement_map<&P::dmarc_forwarders, true>},
  {"dmarc.author", Kind::text, R"("agreed")", true,
   "Whom DMARC is about when From is not one well-formed mailbox. agreed: the domain that every kind of mail program would show; several mailboxes at one domain may pass, a malformed or repeated From can only fail. strict: nobody, the result is permerror.", set_dmarc_author},
  {"dmarc.records", Kind::text, R"("dmarc")", false,
   "Folder of the records that aggregate reports are made from: one line of JSON for each message whose author domain has a policy, one file a day (gatepost dmarc records). A relative path is below daemon.state_directory. Empty: none are kept.", set_dmarc_records},
  {"dmarc.records_max_size", Kind::size, R"("1GiB")", false,
   "Octets of all these files. Beyond it the oldest days are removed; when today's file alone reaches it, records are dropped and counted (dmarc_records.dropped).", between<daemon<&D::dmarc_records_max_bytes>, kMiB, 1024 * 1024 * kMiB, size_text>},
  {"dmarc.records_retention", Kind::duration, R"("90d")", false,
   "How long they are kept.", between<daemon<&D::dmarc_records_retention>, kDay, 3650 * kDay, duration_text>},
  {"dmarc.quarantine_as", Kind::text, R"("tag")", true,
   "What quarantine means. tag: deliver with X-Spam-Flag. hold: keep in the MTA's queue. store: keep in our quarantine.", set_dmarc_quarantine_as},
  {"dmarc.discovery", Kind::text, R"("treewalk")", true,
   "How the policy is found. treewalk: RFC 9989. psl: public suffix list, as RFC 7489 did.", set_dmarc_discovery},
  {"dmarc.public_suffix_list", Kind::text, R"("")", true,
   "File of the public suffix list for discovery = \"psl\". Empty: the one built into libpsl.", set_public_suffixes},

  {"arc.trusted_sealers", Kind::words, "[]", true,
   "Domains of forwarders and mailing lists that you believe: when DMARC fails, the ARC chain passes and its newest sealers are these, what they say of the message as it came to them counts: dmarc=pass of the author's domain, or SPF or DKIM aligned with it. lists.example is that domain, .example all below it. Override reason trusted_forwarder (RFC 9990).", set_trusted_sealers},
  {"arc.seal", Kind::boolean, "false", true,
   "Add an ARC set to mail from outside (not of logins, submit_networks and local mail): for hosts that forward it or run mailing lists. In enforce mode only.", set_arc_seal},
  {"arc.domain", Kind::text, R"("")", true,
   "The domain that seals.", arc_name<&ArcKey::domain>},
  {"arc.selector", Kind::text, R"("")", true,
   "The selector of its key.", arc_name<&ArcKey::selector>},
  {"arc.key_file", Kind::text, R"("")", true,
   "The private key, RSA, as for [[signing]]. Empty: keys/DOMAIN/SELECTOR.private beside this file.", set_arc_key_file},

  {"submission.check_sender", Kind::text, R"("auto")", true,
   "Which sender addresses of a login must be its own; others are refused with 550 5.7.1 (SENDER_NOT_OWNED). off: none. envelope: MAIL FROM. both: MAIL FROM and From. auto: both once sender_map or [submission.senders] says who may use what, else off. A login that is an address may use it, with +extension too; the null sender is everyone's.", set_check_sender},
  {"submission.sender_map", Kind::text, R"("")", true,
   "A file with the lines of Postfix's smtpd_sender_login_maps: address login, login. @domain stands for all addresses at it that have no line of their own. A path without a leading slash begins at the folder of this file.", set_sender_map},

  {"dns.servers", Kind::words, "[]", false,
   "Resolvers to ask, ADDRESS or ADDRESS@PORT. Empty: recursion from the root, best for DNS lists.", daemon<&D::dns_servers>},
  {"dns.zones", Kind::words, "[]", false,
   "Master files whose names are answered from them, before DNS is asked.", daemon<&D::dns_zones>},
  {"dns.query_timeout", Kind::duration, R"("5s")", true,
   "How long one question may take.", between<policy<&P::query_timeout>, 10, 60 * kSecond, duration_text>},
  {"dns.check_timeout", Kind::duration, R"("20s")", true,
   "How long one check may take with all its questions (RFC 7208 section 4.6.4 asks for 20 s or more).", between<policy<&P::flow_timeout>, 10, 25 * kSecond, duration_text>},
  {"dns.trust_anchor", Kind::text, R"("")", false,
   "File with the DNSSEC trust anchor, such as /usr/share/dns/root.key. Empty: no validation.", daemon<&D::dns_trust_anchor>},
  {"dns.dnssec", Kind::text, R"("off")", false,
   "report: answers are validated, and Authentication-Results says of each SPF, DKIM, DMARC and iprev result whether its record was signed (dns.sec=yes or no, the property of RFC 8904). Without dns.trust_anchor, Debian's root key is taken (package dns-root-data).", set_dnssec},
  {"dns.cache_min_ttl", Kind::duration, R"("0s")", false,
   "Answers are kept at least this long, even if their zone says less.", between<daemon<&D::dns_cache_min_ttl>, 0, 3600 * kSecond, duration_text>},
  {"dns.cache_max_ttl", Kind::duration, R"("1d")", false,
   "Answers are kept no longer than this.", between<daemon<&D::dns_cache_max_ttl>, kSecond, 7 * 86400 * kSecond, duration_text>},
  {"dns.cache_negative_max_ttl", Kind::duration, R"("1h")", false,
   "That a name or a record does not exist is kept no longer than this (RFC 2308 section 5).", between<daemon<&D::dns_cache_negative_max_ttl>, kSecond, 10800 * kSecond, duration_text>},
  {"dns.cache_size", Kind::size, R"("16MiB")", false,
   "Memory for answers.", between<daemon<&D::dns_cache_bytes>, kMiB, 4096 * kMiB, size_text>},

  {"message.max_header_fields", Kind::integer, "10000", true,
   "Header fields of a message; more are refused (HEADER_LIMIT).", between<policy<&P::max_header_fields>, 10, 1000000>},
  {"message.max_header_bytes", Kind::size, R"("4MiB")", true,
   "Octets of a message's header; more are refused (HEADER_LIMIT).", between<policy<&P::max_header_bytes>, 65536, 64 * kMiB, size_text>},
  {"message.max_size", Kind::size, R"("1GiB")", false,
   "Octets of one message that are kept while it is checked; larger ones are deferred with 452 4.3.1 (NO_SPACE), as are all when the disk is full.", between<daemon<&D::max_message_size>, kMiB, 16384 * kMiB, size_text>},
  {"message.memory_budget", Kind::size, R"("32MiB")", false,
   "Octets of all messages in flight that stay in memory; the rest is spooled to unnamed files in state_directory.", between<daemon<&D::memory_budget>, kMiB, 65536 * kMiB, size_text>},

  {"quarantine.directory", Kind::text, R"("")", false,
   "Where stored messages, their index and the key of release tokens are. Empty: the folder quarantine below daemon.state_directory. Made when missing.", set_quarantine_directory},
  {"quarantine.retention", Kind::duration, R"("30d")", false,
   "How long a message stays, released or not.", between<daemon<&D::quarantine_retention>, 3600 * kSecond, 3650 * kDay, duration_text>},
  {"quarantine.max_size", Kind::size, R"("10GiB")", false,
   "Octets of all stored messages. Beyond it nothing is thrown away: what is to be stored is deferred with 452 4.3.1 (QUARANTINE_UNAVAILABLE), as when the disk is full or read-only.", between<daemon<&D::quarantine_max_size>, kMiB, 1048576 * kMiB, size_text>},
  {"quarantine.max_messages", Kind::integer, R"(500000)", false,
   "How many messages are stored; beyond it as with max_size.", between<daemon<&D::quarantine_max_messages>, 1, 100000000>},
  {"quarantine.min_free", Kind::size, R"("256MiB")", false,
   "What stays free on the disk; beyond it as with max_size.", between<daemon<&D::quarantine_min_free>, 0, 1048576 * kMiB, size_text>},
  {"quarantine.store_and_reject", Kind::boolean, "false", true,
   "false: the client's message is accepted, kept and not delivered. true: it is kept and refused with 5xx, so that the sender knows; logins, own networks and trusted relays are accepted all the same.", policy<&P::store_and_reject>},
  {"quarantine.release_to", Kind::text, R"("127.0.0.1:25")", true,
   "The MTA, HOST:PORT, that gatepost quarantine release gives messages to. It must have this filter attached and see us as one of submit_networks.", set_release_to},

  {"milter.listen", Kind::words, R"(["inet:8899@127.0.0.1"])", false,
   "One socket for the MTA: inet:PORT@HOST, inet:HOST:PORT, inet6:PORT@HOST or unix:PATH.", daemon<&D::listen>},
  {"milter.socket_mode", Kind::text, R"("0660")", false,
   "Permissions of a unix socket, in octal. The MTA needs to write.", set_socket_mode},
  {"milter.socket_group", Kind::text, R"("")", false,
   "Group of a unix socket. Empty: postfix where that group exists, else our own.", daemon<&D::socket_group>},
  {"milter.max_sessions", Kind::integer, "1000", false,
   "MTA connections at once; further ones are deferred with 451 4.3.2.", between<daemon<&D::max_sessions>, 1, 100000>},
  {"milter.max_waiting", Kind::integer, "200", false,
   "Sessions that may wait for DNS at once, an eighth of them for one client network; beyond that 451 4.3.2.", between<daemon<&D::max_waiting>, 1, 10000>},
  {"milter.max_data_size", Kind::size, R"("4MiB")", false,
   "The largest single header field that the MTA may send.", between<daemon<&D::max_data_size>, 2 * kMiB, 64 * kMiB, size_text>},

  {"store.path", Kind::text, R"("state.db")", false,
   "Where state between messages (greylisting) is kept, an SQLite file; a relative path is below daemon.state_directory. Empty: in memory, lost at each stop.", set_store_path},
  {"store.max_size", Kind::size, R"("1GiB")", false,
   "The greatest size of that file. When it is reached nothing more is learned until entries expire, and mail passes without greylisting.", between<daemon<&D::store_max_bytes>, kMiB, 1024 * 1024 * kMiB, size_text>},

  {"daemon.user", Kind::text, R"("")", false,
   "User, or user:group, to become when started as root. Empty: stay.", daemon<&D::user>},
  {"daemon.pid_file", Kind::text, R"("")", false,
   "Where the process id is written. Empty: nowhere.", daemon<&D::pid_file>},
  {"daemon.state_directory", Kind::text, R"("/var/lib/gatepost")", false,
   "Where messages are spooled and state is kept. Missing: made when started. Where that fails, TMPDIR or /tmp, and state in memory.", daemon<&D::state_directory>},
  {"daemon.control_socket", Kind::text, R"("/run/gatepost/control.sock")", false,
   "The socket of the command gatepost; only root and our own user are answered. Empty: none.", daemon<&D::control_socket>},
  {"daemon.drain_timeout", Kind::duration, R"("20s")", false,
   "How long a stop waits for messages in hand.", between<daemon<&D::drain_timeout>, 0, 600 * kSecond, duration_text>},
  {"log.target", Kind::text, R"("syslog")", false,
   "syslog, stderr or a file; a file is opened again on USR2.", set_log_target},
  {"log.format", Kind::text, R"("text")", false,
   "text: one key=value line a message. json: the whole record.", set_log_format},
  {"log.facility", Kind::text, R"("mail")", false,
   "Of syslog: mail, daemon, local0 or local1.", set_log_facility},
};
// clang-format on

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

template <std::size_t N>
Result<std::int64_t> parse_unit(std::string_view text, const Unit (&units)[N], const char* wanted) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc() && number >= 0) {
    for (const Unit& unit : units) {
      if (unit.name == rest && number <= std::numeric_limits<std::int64_t>::max() / unit.factor) {
        return number * unit.factor;
      }
    }
  }
  return permanent_error(std::string("expected ") + wanted);
}

}  // namespace

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::text:
      return "a string";
    case Kind::integer:
      return "a whole number";
    case Kind::number:
      return "a number";
    case Kind::boolean:
      return "true or false";
    case Kind::duration:
      return "a duration such as \"5s\", \"500ms\" or \"2m\"";
    case Kind::size:
      return "a size such as \"2MiB\" or a number of octets";
    case Kind::words:
      return "a list of strings";
    case Kind::table:
      return "a table of NAME = \"word\"";
  }
  return "";
}

std::span<const Setting> settings() {
  return kSettings;
}

const Setting* find_setting(std::string_view key) {
  const auto* at = std::find_if(std::begin(kSettings), std::end(kSettings),
                                [&](const Setting& s) { return s.key == key; });
  return at == std::end(kSettings) ? nullptr : at;
}

std::optional<std::string> file_content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  // A folder opens and then cannot be read; this says so where iterators would throw.
  if (!in.is_open() || (in.peek() != std::ifstream::traits_type::eof() && !(text << in.rdbuf())) ||
      in.bad())
    return std::nullopt;
  return std::move(text).str();
}

Result<std::int64_t> parse_duration(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
  return parse_unit(text, kUnits, "a duration such as \"5s\", \"500ms\" or \"2m\"");
}

Result<std::int64_t> parse_size(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"", 1}, {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
  return parse_unit(text, kUnits, "a size such as \"2MiB\" or a number of octets");
}

}  // namespace gatepost::config
