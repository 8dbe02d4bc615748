#pragma once
// The native functions, one table for each family of SpamAssassin's plugins.

#include <span>

#include "rules/eval.h"

namespace gatepost::rules {

std::span<const EvalFunction> answer_evals();    ///< SPF, DKIM, DMARC, DNSEval: the filter answers
std::span<const EvalFunction> body_evals();      ///< BodyEval
std::span<const EvalFunction> freemail_evals();  ///< FreeMail
std::span<const EvalFunction> header_evals();    ///< HeaderEval, but for dates and relays
std::span<const EvalFunction> html_evals();      ///< HTMLEval, HTTPSMismatch
std::span<const EvalFunction> image_evals();     ///< ImageInfo
std::span<const EvalFunction> list_evals();      ///< WLBLEval, WelcomeListSubject
std::span<const EvalFunction> mime_evals();      ///< MIMEEval
std::span<const EvalFunction> received_evals();  ///< HeaderEval: dates, forged Received fields
std::span<const EvalFunction> relay_evals();     ///< RelayEval, VBounce
std::span<const EvalFunction> uri_evals();       ///< URIEval

}  // namespace gatepost::rules
