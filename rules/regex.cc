#include "rules/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <new>

#include <pcre2.h>
#include <time.h>

#include "rules/shared_groups.h"

namespace gatepost::rules {
namespace {

// How often the clock is asked: once in so many start positions. With the default steps and at 1 to
// 2 ns a step that is every 50 ms at worst.
constexpr std::uint32_t kPositionsPerLook = 256;

// Of this thread, so that a busy machine does not change a verdict.
std::chrono::nanoseconds cpu_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::uint32_t options_of(const Expression& e) {
  std::uint32_t options = PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
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
    pcre2_set_max_pattern_length(get, kMaxExpression + 16);
  }
  ~Context() { pcre2_compile_context_free(get); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  pcre2_compile_context* get;
};

pcre2_code* compile_code(const Expression& expression, std::string_view text, int& error,
                         std::size_t& offset) {
  const Context context;
  if (context.get == nullptr) return error = PCRE2_ERROR_NOMEMORY, nullptr;
  PCRE2_SIZE at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                   options_of(expression), &error, &at, context.get);
  offset = at == PCRE2_UNSET ? 0 : at;
  return code;
}

// `head` and the expression; one that is too large with its repeated groups written once.
pcre2_code* compile_behind(std::string_view head, const Expression& e, int& error,
                           std::size_t& offset) {
  const std::string text = std::string(head) + "(?:" + e.text + (e.extended ? "\n)" : ")");
  pcre2_code* code = compile_code(e, text, error, offset);
  if (code != nullptr || error != PCRE2_ERROR_PATTERN_TOO_LARGE || e.extended) return code;
  const auto shared = with_shared_groups(e.text);
  int again = 0;
  std::size_t ignored = 0;
  return shared ? compile_code(e, std::string(head) + *shared, again, ignored) : nullptr;
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
  if (code == nullptr && error == PCRE2_ERROR_PATTERN_TOO_LARGE) {
    int again = 0;
    std::size_t ignored = 0;
    code = compile_behind("", expression, again, ignored);
  }
  if (code != nullptr) {
    pcre2_code_free(code);
    return std::nullopt;
  }
  PCRE2_UCHAR message[200] = {};
  pcre2_get_error_message(error, message, sizeof message);
  return RegexFault{"pattern: " + std::string(reinterpret_cast<const char*>(message)), offset,
                    is_unsupported(error, expression, offset)};
}

std::unique_ptr<const Regex> Regex::compile(const Expression& expression) {
  // The callout is called at each start position that is tried, which is where time is looked at.
  int error = 0;
  std::size_t offset = 0;
  std::unique_ptr<Regex> out(new Regex);
  out->code_ = compile_behind("(?C1)", expression, error, offset);
  if (out->code_ == nullptr) return nullptr;
  out->jit_ = pcre2_jit_compile(out->code_, PCRE2_JIT_COMPLETE) == 0;
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
  pcre2_set_callout(
      context_,
      [](pcre2_callout_block* block, void* self) { return on_start_position(block, self); }, this);
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
  out_of_time_ = false;
  runs_ = limited_ = 0;
}

int RegexRunner::on_start_position(pcre2_callout_block_8* /*block*/, void* self) {
  auto& runner = *static_cast<RegexRunner*>(self);
  if (++runner.positions_ % kPositionsPerLook != 0) return 0;
  if (runner.positions_ == kPositionsPerLook) {
    runner.began_ = cpu_time();  // most messages never come here
  } else if (cpu_time() - runner.began_ > runner.budget_.time) {
    runner.out_of_time_ = true;
  }
  return runner.out_of_time_ ? PCRE2_ERROR_CALLOUT : 0;
}

int RegexRunner::run(const Regex& regex, std::string_view subject, std::size_t from,
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

RegexRunner::Found RegexRunner::find(const Regex& regex, std::string_view subject,
                                     std::size_t from) {
  if (runs_ >= budget_.runs || out_of_time_) return ++limited_, Found::limited;
  ++runs_;
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
