#include "tests/bench/content/calls.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include <pcre2.h>

// NOLINTBEGIN: names of the linker's
extern "C" {
hs_error_t __real_hs_scan(const hs_database_t*, const char*, unsigned, unsigned, hs_scratch_t*,
                          match_event_handler, void*);
pcre2_code* __real_pcre2_compile_8(PCRE2_SPTR, PCRE2_SIZE, std::uint32_t, int*, PCRE2_SIZE*,
                                   pcre2_compile_context*);
int __real_pcre2_jit_match_8(const pcre2_code*, PCRE2_SPTR, PCRE2_SIZE, PCRE2_SIZE, std::uint32_t,
                             pcre2_match_data*, pcre2_match_context*);
}
// NOLINTEND

namespace gatepost::bench {

std::vector<Call>* noted = nullptr;
bool timed = false;

namespace {

struct Cost {
  double us = 0;
  std::size_t calls = 0;
  std::size_t octets = 0;

  void add(std::chrono::steady_clock::time_point begin, std::size_t length) {
    us +=
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
    ++calls;
    octets += length;
  }
};

// By database and by compiled expression.
std::unordered_map<const void*, Cost> scans, matches;
std::unordered_map<const void*, std::string> expressions;

std::vector<std::pair<const void*, Cost>> sorted(
    const std::unordered_map<const void*, Cost>& costs) {
  std::vector<std::pair<const void*, Cost>> out(costs.begin(), costs.end());
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.second.us > b.second.us; });
  return out;
}

void print(std::ostream& out, const Cost& cost, std::size_t messages) {
  const auto count = static_cast<double>(messages);
  out << cost.us / count << " us, " << static_cast<double>(cost.calls) / count << " calls, "
      << static_cast<double>(cost.octets) / count << " octets";
}

void print_total(std::ostream& out, const char* what,
                 const std::unordered_map<const void*, Cost>& costs, std::size_t messages) {
  Cost all;
  for (const auto& [key, cost] : costs) {
    all.us += cost.us;
    all.calls += cost.calls;
    all.octets += cost.octets;
  }
  out << what << ": ";
  print(out, all, messages);
  out << '\n';
}

}  // namespace

hs_error_t scan(const hs_database_t* database, const char* data, unsigned length, unsigned flags,
                hs_scratch_t* scratch, match_event_handler on_event, void* context) {
  return __real_hs_scan(database, data, length, flags, scratch, on_event, context);
}

void print_costs(std::ostream& out, std::size_t most, std::size_t messages) {
  print_total(out, "Hyperscan with what its reports cause", scans, messages);
  for (const auto& [key, cost] : sorted(scans)) {
    std::size_t size = 0;
    hs_database_size(static_cast<const hs_database_t*>(key), &size);
    out << "  database of " << size / 1024 << " KiB: ";
    print(out, cost, messages);
    out << '\n';
  }
  print_total(out, "PCRE2", matches, messages);
  std::size_t shown = 0;
  for (const auto& [key, cost] : sorted(matches)) {
    if (++shown > most) break;
    out << "  ";
    print(out, cost, messages);
    out << ": " << expressions[key].substr(0, 150) << '\n';
  }
}

}  // namespace gatepost::bench

// NOLINTBEGIN: names of the linker's
extern "C" {

hs_error_t __wrap_hs_scan(const hs_database_t* database, const char* data, unsigned length,
                          unsigned flags, hs_scratch_t* scratch, match_event_handler on_event,
                          void* context) {
  using namespace gatepost::bench;
  if (noted != nullptr) noted->push_back({database, std::string(data, length)});
  if (!timed) return __real_hs_scan(database, data, length, flags, scratch, on_event, context);
  const auto begin = std::chrono::steady_clock::now();
  const hs_error_t result =
      __real_hs_scan(database, data, length, flags, scratch, on_event, context);
  scans[database].add(begin, length);
  return result;
}

pcre2_code* __wrap_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE length, std::uint32_t options,
                                   int* error, PCRE2_SIZE* offset, pcre2_compile_context* context) {
  pcre2_code* code = __real_pcre2_compile_8(pattern, length, options, error, offset, context);
  if (code != nullptr)
    gatepost::bench::expressions[code] =
        std::string(reinterpret_cast<const char*>(pattern), length);
  return code;
}

int __wrap_pcre2_jit_match_8(const pcre2_code* code, PCRE2_SPTR subject, PCRE2_SIZE length,
                             PCRE2_SIZE from, std::uint32_t options, pcre2_match_data* data,
                             pcre2_match_context* context) {
  using namespace gatepost::bench;
  if (!timed) return __real_pcre2_jit_match_8(code, subject, length, from, options, data, context);
  const auto begin = std::chrono::steady_clock::now();
  const int result = __real_pcre2_jit_match_8(code, subject, length, from, options, data, context);
  matches[code].add(begin, length);
  return result;
}

}  // extern "C"
// NOLINTEND
