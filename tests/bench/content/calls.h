#pragma once
// What the engine calls of Hyperscan and PCRE2, seen by the linker's --wrap. One thread.

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <hs/hs.h>

namespace gatepost::bench {

struct Call {
  const hs_database_t* database;
  std::string text;
};

/// Not null: each call of hs_scan is noted there.
extern std::vector<Call>* noted;
/// hs_scan itself, not noted.
hs_error_t scan(const hs_database_t* database, const char* data, unsigned length, unsigned flags,
                hs_scratch_t* scratch, match_event_handler on_event, void* context);

/// Whether calls are timed now.
extern bool timed;
/// The `most` databases and expressions that took longest, in microseconds a message.
void print_costs(std::ostream& out, std::size_t most, std::size_t messages);

}  // namespace gatepost::bench
