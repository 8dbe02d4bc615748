#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <algorithm>
#include <new>

#include <pcre2.h>
#include <time.h>

#include "core/base/text.h"
#include "rules/regex_guard.h"
#include "rules/shared_groups.h"

namespace gatepost::rules {
namespace {

// How often the clock is asked: once in so many start positions. With the default steps and at 1 to
// 2 ns a step that is every 50 ms at worst.
constexpr std::uint32_t kPositionsPerLook = 256;
// Start positions of one run of PCRE2; between two of them the clock can be looked at.
constexpr std::size_t kWindow = 256;
constexpr std::size_t kLeastSteps = 1000;

// Of this thread, so that a busy machine does not change a verdict.
std::chrono::nanoseconds cpu_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

// The wall's, some milliseconds late, for a fifth of what the exact one costs.
std::chrono::nanoseconds coarse_time() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::uint32_t options_of(const Expression& e) {
  std::uint32_t options =
      PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT;
  if (e.caseless) options |= PCRE2_CASELESS;
  if (e.multiline) options |= PCRE2_MULTILINE;
  if (e.dotall) options |= PCRE2_DOTALL;
  if (e.extended) options |= PCRE2_EXTENDED;
  return options;
}

struct Context {
  Context() : get(pcre2_compile_context_create(nullptr)) {
    if (get == nullptr) return;
    pcre2_set_newline(get, PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(get, 4 * kMaxExpression);  // with_shared_groups() may lengthen it
  }
  ~Context() { pcre2_compile_context_free(get); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  pcre2_compile_context* get;
};

pcre2_code* compile_code(const Expression& expression, std::string_view text, int& error,
                         std::size_t& offset, std::uint32_t more = 0) {
  const Context context;
  if (context.get == nullptr) return error = PCRE2_ERROR_NOMEMORY, nullptr;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                   options_of(expression) | more, &error, &at, context.get);
  offset = at == PCRE2_UNSET ? 0 : at;
  return code;
}

// Whether the expression names a group by its number or asks whether it took part. Errs to the side
// of true.
bool refers_to_groups(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const char next = text[i + 1];
    if (text[i] == '\\') {
      if ((next >= '1' && next <= '9') || next == 'g' || next == 'k') return true;
      ++i;
    } else if (text[i] == '(' && next == '?') {
      const std::string_view head = text.substr(i + 2, 2);
      constexpr std::string_view kReferring = "(R&P0123456789+'|";
      if (head.empty() || kReferring.find(head[0]) != kReferring.npos) return true;
      if (head[0] == '-' && head.size() == 2 && is_digit(head[1])) return true;
      if (head[0] == '<' && head != "<=" && head != "<!") return true;
    }
  }
  return false;
}

// One that is too large with its repeated groups written once.
pcre2_code* compile_with_shared(const Expression& e, std::uint32_t more) {
  const auto shared = e.extended ? std::nullopt : with_shared_groups(e.text);
  int error = 0;
  std::size_t offset = 0;
  return shared ? compile_code(e, *shared, error, offset, more) : nullptr;
}

// What Perl takes and PCRE2 on octets does not: patterns of more than 64 KiB of its code, code in
// patterns, characters above U+00FF, names of characters, properties that it does not know.
bool is_unsupported(int error, const Expression& e, std::size_t offset) {
  switch (error) {
    case PCRE2_ERROR_CODE_POINT_TOO_BIG:
    case PCRE2_ERROR_PATTERN_TOO_LARGE:  // many tags, each with many classes
    case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY:
    case PCRE2_ERROR_UNICODE_NOT_SUPPORTED:
    case PCRE2_ERROR_UNSUPPORTED_ESCAPE_SEQUENCE:
    case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH:
      return true;
    default:
      break;
  }
  const std::string_view before = std::string_view(e.text).substr(0, offset + 2);
  return before.ends_with("(?{") || before.find("(??{") != std::string_view::npos ||
         before.find("(?{") != std::string_view::npos;
}

}  // namespace

std::optional<RegexFault> check_regex(const Expression& expression) {
  if (expression.text.size() > kMaxExpression) {
    return RegexFault{"pattern is longer than " + std::to_string(kMaxExpression) + " octets", 0,
                      false};
  }
  int error = 0;
  std::size_t offset = 0;
  pcre2_code* code = compile_code(expression, expression.text, error, offset);
  if (code == nullptr && error == PCRE2_ERROR_PATTERN_TOO_LARGE)
    code = compile_with_shared(expression, 0);
  if (code != nullptr) {
    pcre2_code_free(code);
    return std::nullopt;
  }
  PCRE2_UCHAR message[200] = {};
  pcre2_get_error_message(error, message, sizeof message);
  return RegexFault{"pattern: " + std::string(reinterpret_cast<const char*>(message)), offset,
                    is_unsupported(error, expression, offset)};
}

Regex::Regex() = default;

std::unique_ptr<const Regex> Regex::compile(const Expression& expression, Captures captures) {
  const bool plain = captures == Captures::unused && !refers_to_groups(expression.text);
  const std::uint32_t more = plain ? PCRE2_NO_AUTO_CAPTURE : 0;
  int error = 0;
  std::size_t offset = 0;
  std::unique_ptr<Regex> out(new Regex);
  out->code_ = compile_code(expression, expression.text, error, offset, more);
  if (out->code_ == nullptr && error == PCRE2_ERROR_PATTERN_TOO_LARGE)
    out->code_ = compile_with_shared(expression, more);
  if (out->code_ == nullptr) return nullptr;
  out->jit_ = pcre2_jit_compile(out->code_, PCRE2_JIT_COMPLETE) == 0;
  std::uint32_t found = 0;
  pcre2_pattern_info(out->code_, PCRE2_INFO_ALLOPTIONS, &found);
  out->anchored_ = (found & PCRE2_ANCHORED) != 0;
  out->one_window_ = !out->anchored_ && expression.text.find("\\G") != std::string::npos;
  if (!out->anchored_) out->guard_ = RegexGuard::make(expression);
  return out;
}

Regex::~Regex() {
  pcre2_code_free(code_);
}

RegexRunner::RegexRunner()
    : context_(pcre2_match_context_create(nullptr)),
      data_(pcre2_match_data_create(2, nullptr)),
      stack_(pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{1} << 20, nullptr)) {
  if (context_ == nullptr || data_ == nullptr || stack_ == nullptr) {
    release();
    throw std::bad_alloc();
  }
  pcre2_jit_stack_assign(context_, nullptr, stack_);
}

RegexRunner::~RegexRunner() {
  release();
}

void RegexRunner::release() {
  pcre2_jit_stack_free(stack_);
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
}

void RegexRunner::start(const RegexBudget& budget) {
  budget_ = budget;
  pcre2_set_match_limit(context_, budget.steps);
  pcre2_set_heap_limit(context_, budget.heap_kib);
  positions_ = 0;
  next_look_ = kPositionsPerLook;
  out_of_time_ = false;
  runs_ = limited_ = 0;
}

// Most messages never come here.
void RegexRunner::look_at_clock() {
  const auto wall = coarse_time();
  if (next_look_ == kPositionsPerLook) {
    began_ = cpu_time();
    began_on_wall_ = wall;
  } else if (wall - began_on_wall_ > budget_.time && cpu_time() - began_ > budget_.time) {
    out_of_time_ = true;
  }
  next_look_ = positions_ + kPositionsPerLook;
}

int RegexRunner::run_once(const Regex& regex, std::string_view subject, std::size_t from,
                          std::uint32_t options) {
  const auto* octets =
      reinterpret_cast<PCRE2_SPTR>(subject.data() == nullptr ? "" : subject.data());
  int rc = PCRE2_ERROR_JIT_STACKLIMIT;
  if (regex.jit_) {
    rc = pcre2_jit_match(regex.code_, octets, subject.size(), from, options, data_, context_);
  }
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT || rc == PCRE2_ERROR_JIT_BADOPTION) {
    rc = pcre2_match(regex.code_, octets, subject.size(), from, options | PCRE2_NO_JIT, data_,
                     context_);
  }
  return rc;
}

// A window of start positions at a time. A pattern that sees where a search begins gets one window
// and the fewer steps from each position, so that its time is bounded, too.
int RegexRunner::run(const Regex& regex, std::string_view subject, std::size_t from,
                     std::uint32_t options) {
  if (regex.anchored_ || regex.one_window_) {
    const std::size_t windows = regex.anchored_ ? 1 : 1 + subject.size() / kWindow;
    pcre2_set_offset_limit(context_, PCRE2_UNSET);
    if (windows > 1) {
      pcre2_set_match_limit(context_, static_cast<std::uint32_t>(std::max<std::size_t>(
                                          budget_.steps / windows, kLeastSteps)));
    }
    const int rc = run_once(regex, subject, from, options);
    if (windows > 1) pcre2_set_match_limit(context_, budget_.steps);
    positions_ += windows;
    if (positions_ >= next_look_) look_at_clock();
    return rc;
  }
  for (;;) {
    const bool last = subject.size() - from < kWindow;
    pcre2_set_offset_limit(context_, last ? PCRE2_UNSET : from + kWindow - 1);
    const int rc = run_once(regex, subject, from, options);
    positions_ += last ? subject.size() - from + 1 : kWindow;
    if (positions_ >= next_look_) look_at_clock();
    if (rc != PCRE2_ERROR_NOMATCH || last) return rc;
    if (out_of_time_) return PCRE2_ERROR_CALLOUT;
    from += kWindow;
    options &= ~std::uint32_t{PCRE2_NOTEMPTY_ATSTART};
  }
}

RegexRunner::Found RegexRunner::find(const Regex& regex, std::string_view subject,
                                     std::size_t from) {
  if (runs_ >= budget_.runs || out_of_time_) return ++limited_, Found::limited;
  ++runs_;
  if (from == 0 && regex.guard_ && !regex.guard_->may_match(subject)) return Found::no;
  const int rc = run(regex, subject, from, 0);
  if (rc == PCRE2_ERROR_NOMATCH) return Found::no;
  if (rc < 0) return ++limited_, Found::limited;
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data_);
  begin_ = at[0] > at[1] ? at[1] : at[0];  // \K may put the begin behind the end
  end_ = at[1];
  return Found::yes;
}

std::optional<std::string_view> RegexRunner::first_group(const Regex& regex,
                                                         std::string_view subject) {
  if (find(regex, subject) != Found::yes) return std::nullopt;
  const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data_);
  std::uint32_t groups = 0;
  pcre2_pattern_info(regex.code_, PCRE2_INFO_CAPTURECOUNT, &groups);
  if (groups == 0 || at[2] == PCRE2_UNSET || at[3] < at[2]) return std::nullopt;
  return subject.substr(at[2], at[3] - at[2]);
}

RegexRunner::Found RegexRunner::count(const Regex& regex, std::string_view subject, int most,
                                      int& count) {
  count = 0;
  if (regex.guard_ && !regex.guard_->may_match(subject)) return Found::no;
  std::size_t from = 0;
  std::uint32_t options = 0;
  std::size_t first_begin = 0;
  std::size_t first_end = 0;
  while (count < most && from <= subject.size()) {
    if (runs_ >= budget_.runs || out_of_time_) return ++limited_, Found::limited;
    ++runs_;
    const int rc = run(regex, subject, from, options);
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0) return ++limited_, Found::limited;
    const PCRE2_SIZE* at = pcre2_get_ovector_pointer(data_);
    if (++count == 1) {
      first_begin = at[0] > at[1] ? at[1] : at[0];
      first_end = at[1];
    }
    // Perl: behind an empty match, no other empty one at the same place.
    options = at[0] == at[1] ? PCRE2_NOTEMPTY_ATSTART : 0;
    from = at[1] > from || (at[1] == from && options != 0) ? at[1] : from + 1;
  }
  begin_ = first_begin;
  end_ = first_end;
  return count > 0 ? Found::yes : Found::no;
}

}  // namespace gatepost::rules
