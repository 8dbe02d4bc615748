#include "spf/libspf2.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>

extern "C" {
#include <spf2/spf.h>
}

#include "core/base/text.h"
#include "spf/macro.h"
#include "spf/record.h"

namespace gatepost::spf {

namespace {

constexpr std::size_t kMaxTermOctets = 450;
constexpr std::size_t kMaxTerms = 60;
constexpr std::size_t kMaxQuestions = 150;
constexpr std::size_t kMaxRecords = 10;  // of one MX or PTR answer; RFC 7208 section 4.6.4
// What libspf2 says when the domain has no explanation of its own; no record can publish it.
constexpr const char* kNoExplanation = "no-explanation-was-published";

/// Why libspf2 cannot be given this record; empty when it can.
std::string record_limit(std::string_view record) {
  const std::string_view terms = record.substr(std::min<std::size_t>(record.size(), 6));
  if (terms.size() > kMaxTermOctets) return "a record has more than 450 octets of terms";
  if (record.find('\0') != std::string_view::npos) return "a record holds NUL";
  if (!is_ascii(record)) return "a record is not ASCII";
  std::size_t count = 0;
  for (const std::string_view term : split(terms, ' ')) count += term.empty() ? 0 : 1;
  return count > kMaxTerms ? "a record has more than 60 terms" : "";
}

/// What one run of the library asks and is told. Reached through SPF_dns_server_t::hook.
struct Run {
  explicit Run(const Answers& a, const Limits& l) : answers(a), limits(l) {}

  const Answers& answers;
  const Limits& limits;
  std::vector<Question> missing = {};
  std::set<dns::Query> asked = {};
  std::string limit = {};  ///< why the result is a permerror of ours
  int voids = 0;

  /// Null while it is missing.
  const dns::Answer* ask(const dns::Query& query) {
    const bool first = asked.insert(query).second;
    if (const dns::Answer* known = answers.find(query)) return known;
    if (first) missing.emplace_back(query);
    return nullptr;
  }
};

/// Text of a TXT record as libspf2 reads it whole: it stops at a blank in explanations, so blanks
/// become the macro for one. Records that are policies stay as they are.
std::string adapted(const std::string& text) {
  if (istarts_with(text, "v=spf1")) return text;
  std::string out;
  for (const char c : text) {
    if (c == ' ')
      out += "%_";
    else
      out += c;
  }
  return out;
}

bool append(SPF_dns_rr_t* rr, const void* data, std::size_t size) {
  if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, std::max(size, sizeof(SPF_dns_rr_data_t))) !=
      SPF_E_SUCCESS)
    return false;
  std::memcpy(static_cast<void*>(rr->rr[rr->num_rr]), data, size);
  ++rr->num_rr;
  return true;
}

bool append_text(SPF_dns_rr_t* rr, const std::string& text) {
  return append(rr, text.c_str(), text.size() + 1);
}

/// Puts the records of the answer into `rr`; false when memory is short.
bool fill(SPF_dns_rr_t* rr, const dns::Query& query, const dns::Answer& answer, Run& run) {
  bool filled = true;
  for (const IpAddress& address : answer.addresses)
    filled = filled && append(rr, address.octets().data(), address.octets().size());
  for (const std::string& text : answer.texts) {
    const bool policy = is_spf_record(text);
    // Anything of several policies is refused by the library itself; text with NUL or beyond what
    // its buffers were made for is nothing it can explain with.
    if (policy && run.limit.empty()) run.limit = record_limit(text);
    if (policy ? !run.limit.empty() : text.size() > 1000 || text.find('\0') != std::string::npos)
      continue;
    filled = filled && append_text(rr, adapted(text));
  }
  std::size_t count = 0;
  for (const dns::Mx& mx : answer.mx) {
    if (++count > kMaxRecords + 1) break;  // one more, so that the library sees that it is too many
    filled = filled && append_text(rr, mx.exchange);
  }
  count = 0;
  for (const std::string& name : answer.names) {
    // RFC 7208 section 5.5: the rest is ignored, where libspf2 would give an error.
    if (query.type != dns::RrType::ptr || ++count > run.limits.ptr_names) break;
    filled = filled && append_text(rr, name);
  }
  return filled;
}

SPF_dns_rr_t* lookup(SPF_dns_server_t* server, const char* domain, ns_type type, int) {
  Run& run = *static_cast<Run*>(server->hook);
  const auto answer_with = [&](SPF_dns_stat_t status) {
    return SPF_dns_rr_new_init(server, domain, type, 0, status);
  };
  const auto query = dns::make_query(domain, static_cast<dns::RrType>(type));
  // A name that cannot be asked for does not exist (undefined by section 4.8).
  if (!is_queryable(query.name)) return answer_with(HOST_NOT_FOUND);
  if (run.asked.size() >= kMaxQuestions && run.asked.count(query) == 0)
    run.limit = "the check asks more than 150 questions";
  // TRY_AGAIN ends the library's way through the records soon; its result does not count then.
  if (!run.limit.empty()) return answer_with(TRY_AGAIN);
  const dns::Answer* answer = run.ask(query);
  if (answer == nullptr || dns::is_temporary(answer->status)) return answer_with(TRY_AGAIN);
  if (answer->status != dns::Status::ok) {
    if (query.type != dns::RrType::txt && ++run.voids > run.limits.void_lookups)
      run.limit = "more than " + std::to_string(run.limits.void_lookups) +
                  " void lookups (RFC 7208 section 4.6.4)";
    return answer_with(answer->status == dns::Status::nxdomain ? HOST_NOT_FOUND : NO_DATA);
  }
  SPF_dns_rr_t* rr = answer_with(NETDB_SUCCESS);
  if (rr == nullptr || fill(rr, query, *answer, run)) return rr;
  SPF_dns_rr_free(rr);
  return answer_with(TRY_AGAIN);
}

/// The library's objects of one run, freed in the order that it wants.
struct Objects {
  SPF_dns_server_t dns{};
  SPF_server_t* server = nullptr;
  SPF_request_t* request = nullptr;
  SPF_response_t* response = nullptr;

  Objects() = default;
  Objects(const Objects&) = delete;
  ~Objects() {
    if (response != nullptr) SPF_response_free(response);
    if (request != nullptr) SPF_request_free(request);
    if (server != nullptr) SPF_server_free(server);
  }
};

/// @return false when memory is short.
bool prepare(Objects& objects, Run& run, const Request& request, const Subject& subject) {
  objects.dns.lookup = lookup;
  objects.dns.name = "gatepost";
  objects.dns.hook = &run;
  objects.server = SPF_server_new_dns(&objects.dns, 0);
  if (objects.server == nullptr) return false;
  SPF_response_t* ignored = nullptr;
  SPF_server_set_explanation(objects.server, kNoExplanation, &ignored);
  if (ignored != nullptr) SPF_response_free(ignored);
  SPF_server_set_rec_dom(objects.server,
                         request.receiver.empty() ? "unknown" : request.receiver.c_str());
  objects.request = SPF_request_new(objects.server);
  if (objects.request == nullptr) return false;
  if (request.client.is_v4()) {
    in_addr address{};
    std::memcpy(&address, request.client.octets().data(), sizeof address);
    SPF_request_set_ipv4(objects.request, address);
  } else {
    in6_addr address{};
    std::memcpy(&address, request.client.octets().data(), sizeof address);
    SPF_request_set_ipv6(objects.request, address);
  }
  SPF_request_set_helo_dom(objects.request, subject.helo.c_str());
  SPF_request_set_env_from(objects.request, subject.sender.c_str());
  return true;
}

/// SPF_RESULT_INVALID stands for every error; the code behind it, or behind its first message, says
/// which (libspf2 has no other way to tell a DNS failure from a faulty record).
ResultCode result_of(SPF_response_t* response) {
  switch (SPF_response_result(response)) {
    case SPF_RESULT_NEUTRAL:
      return ResultCode::neutral;
    case SPF_RESULT_PASS:
      return ResultCode::pass;
    case SPF_RESULT_FAIL:
      return ResultCode::fail;
    case SPF_RESULT_SOFTFAIL:
      return ResultCode::softfail;
    case SPF_RESULT_NONE:
      return ResultCode::none;
    case SPF_RESULT_TEMPERROR:
      return ResultCode::temperror;
    case SPF_RESULT_PERMERROR:
      return ResultCode::permerror;
    case SPF_RESULT_INVALID:
      break;
  }
  SPF_errcode_t code = SPF_response_errcode(response);
  if (code == SPF_E_SUCCESS && SPF_response_messages(response) > 0)
    code = SPF_error_code(SPF_response_message(response, 0));
  return code == SPF_E_DNS_ERROR ? ResultCode::temperror : ResultCode::permerror;
}

std::string reason_of(SPF_response_t* response) {
  for (int i = 0; i < SPF_response_messages(response); ++i) {
    SPF_error_t* message = SPF_response_message(response, i);
    if (SPF_error_errorp(message) != 0 && SPF_error_message(message) != nullptr)
      return "libspf2: " + printable(SPF_error_message(message));
  }
  return {};
}

bool is_error(ResultCode code) {
  return code == ResultCode::temperror || code == ResultCode::permerror;
}

}  // namespace

Libspf2Check::Libspf2Check(Request request)
    : request_(std::move(request)),
      subject_(make_subject(request_.identity, request_.mail_from, request_.helo)) {}

Step<Outcome> Libspf2Check::step(const Answers& answers) {
  Outcome outcome;
  outcome.domain = to_lower(subject_.domain);
  if (!subject_.fault.empty()) {
    outcome.reason = subject_.fault;
    return outcome;
  }
  Run run(answers, request_.limits);
  Objects objects;
  if (!prepare(objects, run, request_, subject_) ||
      (SPF_request_query_mailfrom(objects.request, &objects.response),
       objects.response == nullptr)) {
    outcome.code = ResultCode::temperror;
    outcome.reason = "libspf2: out of memory";
    return outcome;
  }
  outcome.void_lookups = run.voids;
  if (!run.limit.empty()) {
    outcome.code = ResultCode::permerror;
    outcome.reason = "engine limit: " + run.limit;
    return outcome;
  }
  if (!run.missing.empty()) return std::move(run.missing);
  outcome.code = result_of(objects.response);
  if (is_error(outcome.code) || outcome.code == ResultCode::none)
    outcome.reason = reason_of(objects.response);
  const char* explanation = SPF_response_get_explanation(objects.response);
  if (outcome.code == ResultCode::fail && explanation != nullptr &&
      std::string_view(explanation) != kNoExplanation) {
    const std::string_view text(explanation);
    if (text.size() <= request_.limits.explanation && printable(text, text.size()) == text &&
        is_ascii(text))
      outcome.explanation = text;
  }
  return outcome;
}

std::unique_ptr<Flow<Outcome>> make_check(Engine engine, Request request) {
  if (engine == Engine::libspf2) return std::make_unique<Libspf2Check>(std::move(request));
  return std::make_unique<CheckHost>(std::move(request));
}

}  // namespace gatepost::spf
