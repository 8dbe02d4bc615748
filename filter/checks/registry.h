#pragma once
// All checks of the program, in one place.

#include <vector>

#include "filter/session/check.h"

namespace gatepost {

/// Ordered by order_checks(). A new check is one line here, one file beside it and its rows in
/// finding_table().
Result<std::vector<CheckInfo>> all_checks();

std::unique_ptr<Check> make_client_lists();
std::unique_ptr<Check> make_envelope_lists();
std::unique_ptr<Check> make_iprev();
std::unique_ptr<Check> make_dns_lists();
std::unique_ptr<Check> make_spf();
std::unique_ptr<Check> make_greylist();
std::unique_ptr<Check> make_dkim();
std::unique_ptr<Check> make_arc();
std::unique_ptr<Check> make_author();
std::unique_ptr<Check> make_relayed();
std::unique_ptr<Check> make_dmarc();
std::unique_ptr<Check> make_submission();
std::unique_ptr<Check> make_sign();
std::unique_ptr<Check> make_sealing();
std::unique_ptr<Check> make_rules();
std::unique_ptr<Check> make_client_rules();
std::unique_ptr<Check> make_envelope_rules();

}  // namespace gatepost
