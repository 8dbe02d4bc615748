#include "filter/policy/finding.h"

#include <algorithm>

namespace gatepost {

namespace {

constexpr std::string_view kActions[] = {"none", "tag", "hold", "store", "tempfail", "reject"};

// Reply texts are one line of ASCII and name the class of the refusal, never a rule's inside.
// clang-format off
constexpr FindingInfo kTable[] = {
  {"ALLOW_CLIENT", "client_lists", Stage::connect, 0, Action::none, 0, "", "", "the client's address or name is on the allow list"},
  {"ALLOW_RECIPIENT", "lists", Stage::rcpt, 0, Action::none, 0, "", "", "the recipient is on the allow list and gets everything"},
  {"ALLOW_SENDER", "lists", Stage::mail, 0, Action::none, 0, "", "", "the sender is on the allow list and SPF passed for its domain"},
  {"ALLOW_SENDER_UNPROVEN", "lists", Stage::mail, 0, Action::none, 0, "", "", "the sender is on the allow list but SPF did not pass: not allowed by it"},
  {"AMBIGUOUS_FROM", "message", Stage::end_of_headers, 3, Action::none, 550, "5.7.1", "the author can be read in more than one way", "mail programs would show authors at different domains; refused under dmarc.enforce = strict when From does not name one author besides"},
  {"ARCHIVE_ENCRYPTED", "attachments", Stage::end_of_message, 0.5, Action::none, 554, "5.7.1", "encrypted archives are not accepted", "an attached archive, or a file in it, is encrypted: nobody can look into it"},
  {"ARCHIVE_LIMIT", "attachments", Stage::end_of_message, 2, Action::none, 554, "5.7.1", "an attached archive is too large when it is unpacked", "an attached archive with more than 1,000 files, of more than 32 MiB when unpacked (all together), or more than 200 times its size: looked at no further"},
  {"ARC_FAIL", "arc", Stage::end_of_message, 0, Action::none, 550, "5.7.29", "ARC chain is broken", "the ARC chain does not validate"},
  {"ARC_NOT_SEALED", "sealing", Stage::end_of_message, 0, Action::none, 451, "4.7.5", "message cannot be sealed now, try again later", "mail that was to be sealed (arc.seal) was not; the detail says why"},
  {"ARC_PASS", "arc", Stage::end_of_message, 0, Action::none, 0, "", "", "the ARC chain validates; by itself that is no reason to trust anything"},
  {"ARC_SEALED", "sealing", Stage::end_of_message, 0, Action::none, 0, "", "", "an ARC set of ours was added"},
  {"ARC_TEMPERROR", "arc", Stage::end_of_message, 0, Action::none, 451, "4.7.29", "ARC chain cannot be checked now, try again later", "a key of the ARC chain could not be fetched now: arc=fail, as RFC 8617 section 5.2.1 has it"},
  {"ARC_TRUSTED", "arc", Stage::end_of_message, 0, Action::none, 0, "", "", "DMARC failed, but a chain of arc.trusted_sealers says that it passed before: no DMARC failure counts"},
  {"ARC_TRUSTED_TEMPERROR", "arc", Stage::end_of_message, 0, Action::none, 451, "4.7.29", "ARC chain cannot be checked now, try again later", "DMARC failed and the chain of one of arc.trusted_sealers cannot be checked now: what DMARC would refuse is deferred"},
  {"ARC_TRUSTED_UNPROVEN", "arc", Stage::end_of_message, 0, Action::none, 0, "", "", "DMARC failed and the chain of one of arc.trusted_sealers changes nothing; the detail says why"},
  {"ATTACHMENT_LIMIT", "attachments", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "message has too many attachments", "more than 200 attachments or 20 archives: the others were not looked at"},
  {"ATTACHMENT_PROGRAM", "attachments", Stage::end_of_message, 3, Action::none, 554, "5.7.1", "programs are not accepted as attachments", "an attached file, or a file in an attached archive, is a program: by its name what Windows starts, or its content"},
  {"CHARSET_LIMIT", "rules", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "message has too many parts in other charsets", "more than 100 text parts had to be converted to UTF-8: content rules saw the others as Windows-1252"},
  {"CHARSET_UNKNOWN", "rules", Stage::end_of_message, 0, Action::none, 0, "", "", "a text part names no charset that is known: content rules saw it as Windows-1252"},
  {"CHECK_ERROR", "session", Stage::rcpt, 0, Action::tempfail, 451, "4.3.0", "internal error, try again later", "a check failed by a fault of ours"},
  {"DENY_CLIENT", "client_lists", Stage::connect, 0, Action::reject, 550, "5.7.1", "client is refused by local policy", "the client's address or name is on the deny list"},
  {"DENY_HELO", "client_lists", Stage::helo, 0, Action::reject, 550, "5.7.1", "HELO name is refused by local policy", "the HELO name is on the deny list"},
  {"DENY_RECIPIENT", "lists", Stage::rcpt, 0, Action::reject, 550, "5.7.1", "recipient does not accept mail", "the recipient is on the deny list"},
  {"DENY_SENDER", "lists", Stage::mail, 0, Action::reject, 550, "5.7.1", "sender is refused by local policy", "the sender is on the deny list"},
  {"DKIM_FAIL", "dkim", Stage::end_of_message, 0.5, Action::none, 550, "5.7.20", "no valid DKIM signature", "a signature did not verify and none passed"},
  {"DKIM_NONE", "dkim", Stage::end_of_message, 0, Action::none, 550, "5.7.20", "no DKIM signature", "no signature at all; stated only when the configuration gives it a score or an action"},
  {"DKIM_PASS", "dkim", Stage::end_of_message, 0, Action::none, 0, "", "", "at least one signature passed"},
  {"DKIM_PERMERROR", "dkim", Stage::end_of_message, 0.2, Action::none, 550, "5.7.20", "no valid DKIM signature", "a signature or key could not be used and none passed"},
  {"DKIM_POLICY", "dkim", Stage::end_of_message, 0.2, Action::none, 550, "5.7.21", "no acceptable DKIM signature", "a signature is expired, covers part of the message only, has a small key or is one too many (RFC 8601: policy), and none passed"},
  {"DKIM_TEMPERROR", "dkim", Stage::end_of_message, 0, Action::none, 451, "4.7.20", "DKIM key cannot be fetched now, try again later", "a key could not be fetched now and none passed"},
  {"DKIM_TESTING", "dkim", Stage::end_of_message, 0, Action::none, 0, "", "", "a signature failed whose key says t=y: as if there were none (RFC 6376 section 3.6.1)"},
  {"DMARC_FAIL", "dmarc", Stage::end_of_message, 1, Action::none, 550, "5.7.26", "not authorised by the author domain (DMARC)", "failed, the domain asks for nothing (p=none or testing)"},
  {"DMARC_PASS", "dmarc", Stage::end_of_message, 0, Action::none, 0, "", "", "an aligned identifier passed"},
  {"DMARC_PERMERROR", "dmarc", Stage::end_of_message, 0, Action::none, 550, "5.7.26", "the author domain's DMARC record is broken", "the record cannot be understood"},
  {"DMARC_QUARANTINE", "dmarc", Stage::end_of_message, 3, Action::none, 550, "5.7.26", "not authorised by the author domain (DMARC)", "failed, the domain asks for quarantine; dmarc.enforce decides"},
  {"DMARC_REJECT", "dmarc", Stage::end_of_message, 4, Action::none, 550, "5.7.26", "not authorised by the author domain (DMARC)", "failed, the domain asks for refusal; dmarc.enforce decides"},
  {"DMARC_TEMPERROR", "dmarc", Stage::end_of_message, 0, Action::none, 451, "4.7.26", "DMARC policy cannot be fetched now, try again later", "the record could not be fetched now; deferred under dmarc.enforce = strict"},
  {"DNSLIST_ALLOWED", "dnsbl", Stage::connect, -1, Action::none, 0, "", "", "the client is on an allowing DNS list; score times the list's weight"},
  {"DNSLIST_ERROR", "dnsbl", Stage::connect, 0, Action::none, 0, "", "", "a DNS list answered with an error code (blocked, unknown or dead): not a listing"},
  {"DNSLIST_LISTED", "dnsbl", Stage::connect, 1, Action::none, 550, "5.7.1", "client is on a DNS block list", "the client is on a DNS list; score times the list's weight"},
  {"DOMAINKEYS", "dkim", Stage::end_of_message, 0, Action::none, 0, "", "", "there is a DomainKey-Signature (RFC 4870, historic): not verified, never trusted"},
  {"ENCODING_BROKEN", "rules", Stage::end_of_message, 0, Action::none, 0, "", "", "base64 or quoted-printable of a text part has faults: content rules saw what can be decoded"},
  {"FROM_MALFORMED", "message", Stage::end_of_headers, 2, Action::none, 550, "5.7.1", "the From field is malformed", "From is no list of addresses (RFC 5322). DMARC can fail for the one domain that all readers see, never pass"},
  {"FROM_MISSING", "message", Stage::end_of_headers, 3, Action::none, 550, "5.7.1", "the message names no author (From)", "no From field, or one with an empty group only. DMARC does not apply"},
  {"FROM_NAME_ADDRESS", "message", Stage::end_of_headers, 0.5, Action::none, 550, "5.7.1", "the name in From shows another address", "the display name in From holds an address at another domain than the author's: some readers show names only"},
  {"FROM_SEVERAL", "message", Stage::end_of_headers, 2, Action::none, 550, "5.7.1", "the message names several authors (From)", "more than one From field, or several mailboxes in it. DMARC applies to the one domain of all mailboxes; for repeated fields it can fail, never pass"},
  {"GREYLISTED", "greylist", Stage::rcpt, 0, Action::tempfail, 451, "4.7.1", "greylisted, try again later", "the first try of client network, sender and recipient, or a second one before greylist.delay"},
  {"GREYLISTED_BOUNCE", "greylist", Stage::data, 0, Action::tempfail, 451, "4.7.1", "greylisted, try again later", "the same for the null sender, which is never deferred at RCPT"},
  {"GREYLIST_ALLOWED", "greylist", Stage::rcpt, 0, Action::none, 0, "", "", "not greylisted: client or sender was allowed by gatepost greylist allow"},
  {"GREYLIST_AUTO_ALLOWED", "greylist", Stage::rcpt, 0, Action::none, 0, "", "", "not greylisted: mail of this sender domain has passed from this client network (greylist.auto_allow_after)"},
  {"GREYLIST_KNOWN", "greylist", Stage::rcpt, 0, Action::none, 0, "", "", "not greylisted: mail of this sender to this recipient has passed before"},
  {"GREYLIST_PASSED", "greylist", Stage::rcpt, 0, Action::none, 0, "", "", "tried again after greylist.delay, or was released"},
  {"GREYLIST_STORE_DOWN", "greylist", Stage::rcpt, 0, Action::none, 0, "", "", "the store cannot be asked now: let pass"},
  {"HEADER_LIMIT", "message", Stage::end_of_message, 2, Action::reject, 554, "5.6.0", "header is too large", "more header fields or octets than message.max_header_*"},
  {"HTML_LIMIT", "rules", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "HTML of the message is too complex", "HTML with more than 10,000 addresses, comments or unknown elements, or elements more than 1,000 deep: content rules saw a part of it"},
  {"IPREV_FAIL", "iprev", Stage::connect, 1, Action::none, 550, "5.7.25", "reverse DNS of the client does not match", "no name, or no name that leads back to the address"},
  {"IPREV_PASS", "iprev", Stage::connect, 0, Action::none, 0, "", "", "a name of the client leads back to its address"},
  {"IPREV_TEMPERROR", "iprev", Stage::connect, 0, Action::none, 451, "4.7.25", "reverse DNS of the client cannot be checked now, try again later", "DNS failed"},
  {"LIST_COPY", "dmarc", Stage::end_of_message, 0, Action::none, 0, "", "", "failed DMARC, and a mailing list handed it on: List-Id or List-Post of a domain that SPF or DKIM authenticates"},
  {"MIME_LIMIT", "rules", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "message has too many or too deeply nested parts", "more parts than content.max_parts, or deeper than content.max_depth: content rules saw the others only"},
  {"MULTI_RECIPIENT_BOUNCE", "lists", Stage::data, 1, Action::none, 550, "5.7.1", "a bounce has one recipient", "the null sender with several recipients: bounces go to one (RFC 5321 section 4.5.5)"},
  {"NOT_SIGNED", "signing", Stage::end_of_headers, 0, Action::none, 0, "", "", "outgoing mail of a domain that has a key was not signed; the detail says why"},
  {"NO_SPACE", "message", Stage::end_of_message, 0, Action::tempfail, 452, "4.3.1", "no space for the message now, try again later", "the byte budget and the spool are used up"},
  {"NUL_IN_MESSAGE", "message", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "message contains NUL", "RFC 5322 forbids NUL"},
  {"PART_TRUNCATED", "rules", Stage::end_of_message, 0, Action::none, 0, "", "", "a text part is longer than body_part_scan_size or rawbody_part_scan_size of the rule files: content rules saw its beginning only"},
  {"QUARANTINE_UNAVAILABLE", "session", Stage::end_of_message, 0, Action::tempfail, 452, "4.3.1", "message cannot be taken now, try again later", "a message that was to be stored could not be: disk full or read-only, quarantine full, index broken"},
  {"RELAYED_DMARC_FAIL", "relayed", Stage::end_of_headers, 1, Action::none, 0, "", "", "a trusted relay's Authentication-Results say dmarc=fail; its mail is never refused, at most tagged"},
  {"RELAYED_RESULTS", "relayed", Stage::end_of_headers, 0, Action::none, 0, "", "", "a trusted relay's Authentication-Results of our name or of one in trusted_authserv_ids"},
  {"RELEASED", "session", Stage::end_of_message, 0, Action::none, 0, "", "", "re-injected from our quarantine with a good release token: no other finding counts"},
  {"RELEASE_TOKEN_BAD", "session", Stage::end_of_message, 0, Action::none, 550, "5.7.1", "release token is not valid", "a release token that is forged, used, expired, or of another content or envelope; treated as any mail"},
  {"RULES_LIMIT", "rules", Stage::end_of_message, 0, Action::none, 0, "", "", "matching took more than its budget: some content rules were not matched to their end and count as no hit"},
  {"RULES_MISSING", "rules", Stage::end_of_message, 0, Action::none, 451, "4.3.2", "content rules are not ready, try again later", "the content rules of the configuration are still being compiled after a start, or could not be; the detail says which. All other checks judged the message; with action = \"tempfail\" it waits instead"},
  {"RULES_TRUNCATED", "rules", Stage::end_of_message, 0, Action::none, 0, "", "", "the message is larger than content.max_size: content rules saw its beginning only"},
  {"SENDER_NOT_OWNED", "submission", Stage::mail, 0, Action::reject, 550, "5.7.1", "sender address not owned by user", "the login may not use this address in MAIL FROM or From (submission.check_sender)"},
  {"SIGNED", "signing", Stage::end_of_message, 0, Action::none, 0, "", "", "a DKIM signature of ours was added"},
  {"SIGN_FAILED", "signing", Stage::end_of_message, 0, Action::tempfail, 451, "4.7.5", "message cannot be signed now, try again later", "outgoing mail could not be signed by a fault of ours"},
  {"SPF_FAIL", "spf", Stage::mail, 2, Action::none, 550, "5.7.23", "client may not send for the sender's domain (SPF)", "SPF: fail"},
  {"SPF_HELO_FAIL", "spf", Stage::mail, 0.5, Action::none, 550, "5.7.23", "client may not use this HELO name (SPF)", "SPF of the HELO name: fail"},
  {"SPF_HELO_PASS", "spf", Stage::mail, 0, Action::none, 0, "", "", "SPF of the HELO name: pass"},
  {"SPF_HELO_PERMERROR", "spf", Stage::mail, 0, Action::none, 550, "5.7.24", "the SPF record of the HELO name is broken", "SPF of the HELO name: permerror"},
  {"SPF_HELO_SOFTFAIL", "spf", Stage::mail, 0.2, Action::none, 550, "5.7.23", "client may not use this HELO name (SPF)", "SPF of the HELO name: softfail"},
  {"SPF_HELO_TEMPERROR", "spf", Stage::mail, 0, Action::none, 451, "4.7.24", "SPF of the HELO name cannot be checked now, try again later", "SPF of the HELO name: temperror"},
  {"SPF_NEUTRAL", "spf", Stage::mail, 0, Action::none, 0, "", "", "SPF: neutral"},
  {"SPF_NONE", "spf", Stage::mail, 0, Action::none, 0, "", "", "SPF: no record"},
  {"SPF_NO_CLIENT", "spf", Stage::mail, 0, Action::none, 0, "", "", "a trusted relay brought it, and its Received fields tell no client from outside: SPF was not checked; the detail says why"},
  {"SPF_NO_MAIL_DOMAIN", "spf", Stage::mail, 1, Action::none, 550, "5.7.23", "the sender's domain sends no mail (SPF)", "the sender's domain says that it sends no mail at all (v=spf1 -all); counts besides SPF_FAIL"},
  {"SPF_PASS", "spf", Stage::mail, 0, Action::none, 0, "", "", "SPF: pass"},
  {"SPF_PERMERROR", "spf", Stage::mail, 0.5, Action::none, 550, "5.7.24", "the sender domain's SPF record is broken", "SPF: permerror"},
  {"SPF_SOFTFAIL", "spf", Stage::mail, 1, Action::none, 550, "5.7.23", "client may not send for the sender's domain (SPF)", "SPF: softfail"},
  {"SPF_TEMPERROR", "spf", Stage::mail, 0, Action::none, 451, "4.7.24", "SPF cannot be checked now, try again later", "SPF: temperror"},
  {"TOO_MANY_WAITING", "session", Stage::rcpt, 0, Action::tempfail, 451, "4.3.2", "system is busy, try again later", "milter.max_waiting sessions wait for DNS already"},
  {"URL_LIMIT", "rules", Stage::end_of_message, 1, Action::none, 554, "5.6.0", "message has too many addresses", "more than 10,000 different URLs: content rules saw the others only"},
};

// Content rules have names of their own; what is common to them stands here.
constexpr FindingInfo kContentRule = {
  "CONTENT_RULE", "rules", Stage::end_of_message, 0, Action::none, 550, "5.7.1", "message looks like spam", "a content rule hit"};
// clang-format on

}  // namespace

std::string_view to_string(Action action) {
  return kActions[static_cast<int>(action)];
}

std::optional<Action> parse_action(std::string_view word) {
  for (std::size_t i = 0; i < std::size(kActions); ++i) {
    if (kActions[i] == word) return static_cast<Action>(i);
  }
  return std::nullopt;
}

const std::vector<FindingInfo>& finding_table() {
  static const std::vector<FindingInfo> kRows(std::begin(kTable), std::end(kTable));
  return kRows;
}

const FindingInfo* find_finding(std::string_view name) {
  const auto& rows = finding_table();
  const auto at =
      std::lower_bound(rows.begin(), rows.end(), name,
                       [](const FindingInfo& row, std::string_view n) { return row.name < n; });
  return at != rows.end() && at->name == name ? &*at : nullptr;
}

const FindingInfo* info_of(const Finding& finding) {
  return finding.rule ? &kContentRule : find_finding(finding.name);
}

}  // namespace gatepost
