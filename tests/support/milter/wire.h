#pragma once
// The milter protocol, versions 2 to 6, as octets: what an MTA sends and what a filter answers.
// There is no RFC; names and numbers are those of Sendmail's mfdef.h and mfapi.h.
// Pure: no I/O, safe from any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"

namespace gatepost::test::milter {

constexpr std::uint32_t kMinVersion = 2;
constexpr std::uint32_t kMaxVersion = 6;
/// libmilter drops the connection for a body chunk of 65,536 octets or more.
constexpr std::size_t kMaxBodyChunk = 65535;

/// What a filter may do (SMFIF_*).
namespace action {
constexpr std::uint32_t kAddHeaders = 0x001, kReplaceBody = 0x002, kAddRecipient = 0x004,
                        kDeleteRecipient = 0x008, kChangeHeaders = 0x010, kQuarantine = 0x020,
                        kChangeFrom = 0x040, kAddRecipientParameters = 0x080, kSetMacroList = 0x100;
constexpr std::uint32_t kAll = 0x1ff;
/// Those that exist in this version.
constexpr std::uint32_t known(std::uint32_t version) {
  return version >= 6 ? kAll : 0x03f;
}
}  // namespace action

/// Events that are not sent (SMFIP_NO*), not answered (SMFIP_NR_*), and other steps.
namespace step {
constexpr std::uint32_t kNoConnect = 0x1, kNoHelo = 0x2, kNoMail = 0x4, kNoRcpt = 0x8,
                        kNoBody = 0x10, kNoHeaders = 0x20, kNoEndOfHeaders = 0x40,
                        kNoReplyHeader = 0x80, kNoUnknown = 0x100, kNoData = 0x200, kSkip = 0x400,
                        kRejectedRecipients = 0x800, kNoReplyConnect = 0x1000,
                        kNoReplyHelo = 0x2000, kNoReplyMail = 0x4000, kNoReplyRcpt = 0x8000,
                        kNoReplyData = 0x10000, kNoReplyUnknown = 0x20000,
                        kNoReplyEndOfHeaders = 0x40000, kNoReplyBody = 0x80000,
                        kHeaderLeadingSpace = 0x100000;
constexpr std::uint32_t kAll = 0x1fffff;
constexpr std::uint32_t known(std::uint32_t version) {
  return version >= 6 ? kAll : version >= 4 ? 0x37f : version == 3 ? 0x17f : 0x07f;
}
}  // namespace step

/// The commands that are events of a session, by their octet on the wire.
enum class Event : char {
  connect = 'C',
  helo = 'H',
  mail = 'M',
  rcpt = 'R',
  data = 'T',
  header = 'L',
  end_of_headers = 'N',
  body = 'B',
  end_of_message = 'E',
  unknown = 'U',
};

/// "CONNECT", "END-OF-MESSAGE": as Postfix's log calls them.
const char* to_string(Event event);
/// The step that suppresses the event, and the one that suppresses its reply; 0 when none exists.
std::uint32_t no_event_step(Event event);
std::uint32_t no_reply_step(Event event);
/// Events that have a macro list, in the order of SMFIM_CONNECT to SMFIM_EOH.
constexpr std::array<Event, 7> kMacroStages = {
    Event::connect, Event::helo,           Event::mail,          Event::rcpt,
    Event::data,    Event::end_of_message, Event::end_of_headers};

using Macro = std::pair<std::string, std::string>;  ///< name as on the wire ("i", "{auth_type}")

/// The client of the SMTP session.
struct ClientInfo {
  enum class Family : char { unknown = 'U', local = 'L', inet = '4', inet6 = '6' };
  std::string name = "localhost";
  Family family = Family::inet;
  std::uint16_t port = 25000;         ///< not sent for family unknown
  std::string address = "127.0.0.1";  ///< or the path for local; not sent for family unknown
};

// --- commands: whole packets, length included --------------------------------------------------

/// Any packet: for malformed ones.
std::string encode_packet(char command, std::string_view payload);
std::string encode_negotiate(std::uint32_t version, std::uint32_t actions, std::uint32_t steps);
std::string encode_macros(Event event, const std::vector<Macro>& macros);
std::string encode_connect(const ClientInfo& client);
std::string encode_helo(std::string_view name);
/// `address` with its angle brackets; `parameters` one by one ("SIZE=100").
std::string encode_mail(std::string_view address, const std::vector<std::string>& parameters);
std::string encode_rcpt(std::string_view address, const std::vector<std::string>& parameters);
std::string encode_data();
/// `value` as the message has it, lines parted by LF; the caller decides on the leading blank.
std::string encode_header(std::string_view name, std::string_view value);
std::string encode_end_of_headers();
/// At most kMaxBodyChunk octets, lines parted by CR LF.
std::string encode_body(std::string_view chunk);
std::string encode_end_of_message();
std::string encode_abort();
std::string encode_quit();
/// QUIT_NC: the session ends, the connection serves the next one (version 6).
std::string encode_quit_new_connection();
/// An SMTP command that the MTA does not know.
std::string encode_unknown(std::string_view line);

// --- replies -------------------------------------------------------------------------------------

struct Continue {};
struct Accept {};
struct Reject {};
struct Tempfail {};
struct Discard {};
struct Skip {};
struct Progress {};
struct Shutdown {};          ///< 421 and the end of the SMTP session
struct ConnectionFailed {};  ///< the MTA closes without a word

/// An SMTP reply of the filter's choice: 4xx or 5xx.
struct ReplyCode {
  int code = 0;
  std::string enhanced;            ///< "5.7.1" of the first line, or empty
  std::vector<std::string> lines;  ///< the texts without codes, at least one, may be empty
};

struct AddHeader {
  std::string name, value;
};
struct InsertHeader {
  std::uint32_t index = 0;  ///< 0: above all others
  std::string name, value;
};
/// The index-th field of that name, from 1; an empty value deletes it.
struct ChangeHeader {
  std::uint32_t index = 0;
  std::string name, value;
};
struct AddRecipient {
  std::string address;
  std::string parameters;  ///< only from ADDRCPT_PAR
};
struct DeleteRecipient {
  std::string address;
};
struct ChangeFrom {
  std::string address, parameters;
};
/// One chunk; the chunks of one end of message together are the new body.
struct ReplaceBody {
  std::string chunk;
};
struct Quarantine {
  std::string reason;
};
/// The filter's answer to the negotiation.
struct Negotiated {
  std::uint32_t version = 0, actions = 0, steps = 0;
  /// The macros asked for, by stage (a list may be empty: no macros wanted at that stage). A stage
  /// that is not here keeps the MTA's list. Stages above 6 are kept out, as Postfix does.
  std::vector<std::pair<Event, std::vector<std::string>>> macro_lists;
};

using ReplyPacket =
    std::variant<Continue, Accept, Reject, Tempfail, Discard, Skip, Progress, Shutdown,
                 ConnectionFailed, ReplyCode, AddHeader, InsertHeader, ChangeHeader, AddRecipient,
                 DeleteRecipient, ChangeFrom, ReplaceBody, Quarantine, Negotiated>;

/// The budgets of a reader; what is beyond one is a permanent Error.
struct Limits {
  std::size_t packet = 4 << 20;        ///< octets behind the length
  std::size_t modifications = 10'000;  ///< in the reply to one event
  std::size_t progress = 10'000;       ///< in the reply to one event
  std::size_t reply_lines = 32;        ///< libmilter's MAXREPLIES
  std::size_t macros_in_list = 256;
};

/// Reads the four octets that open a packet. @return how many octets follow (at least 1), or an
/// error: fewer than four octets given, zero, or beyond the limit.
Result<std::size_t> decode_length(std::string_view octets, const Limits& limits = {});
/// Reads one packet without its length. Errors name the reply and what is wrong with it.
Result<ReplyPacket> decode_reply(std::string_view packet, const Limits& limits = {});
/// "continue", "add header": for messages.
const char* to_string(const ReplyPacket& reply);

}  // namespace gatepost::test::milter
