#include "spf/evaluate.h"

#include <utility>

#include "spf/evaluator.h"

namespace gatepost::spf {

const char* to_string(ResultCode code) {
  switch (code) {
    case ResultCode::none:
      return "none";
    case ResultCode::neutral:
      return "neutral";
    case ResultCode::pass:
      return "pass";
    case ResultCode::fail:
      return "fail";
    case ResultCode::softfail:
      return "softfail";
    case ResultCode::temperror:
      return "temperror";
    case ResultCode::permerror:
      return "permerror";
  }
  return "none";
}

CheckHost::CheckHost(Request request)
    : request_(std::move(request)),
      subject_(make_subject(request_.identity, request_.mail_from, request_.helo)) {}

Step<Outcome> CheckHost::step(const Answers& answers) {
  return Evaluator(request_, subject_, answers).run();
}

}  // namespace gatepost::spf
