#pragma once
// The envelope's sender of a message that lies in a file.

#include <optional>
#include <string>

#include "rules/header_values.h"

namespace gatepost::rules {

/// As SpamAssassin guesses it: what the Received field of the last hop that is not trusted says,
/// else X-Envelope-From, Envelope-Sender or Return-Path, when no Received field stands above them.
/// "" is the null path. Nothing when nothing tells it.
std::optional<std::string> guess_envelope_from(MessageFacts& facts);

}  // namespace gatepost::rules
