#pragma once
// PCRE2 with just-in-time code, under limits: decides what Hyperscan alone cannot.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;
struct pcre2_real_match_data_8;
struct pcre2_real_jit_stack_8;

namespace gatepost::rules {

/// A regular expression over octets: one octet is one character, letters and blanks are those of
/// ASCII. So does Perl match a string without its UTF-8 flag, and so does SpamAssassin: "é" in a
/// rule is two octets, found in UTF-8 text, and not a letter for \w.
struct Expression {
  std::string text;
  bool caseless = false;
  bool multiline = false;
  bool dotall = false;
  bool extended = false;
  bool operator==(const Expression&) const = default;
};

struct RegexFault {
  std::string what;
  std::size_t offset = 0;    ///< octets into the text, where the fault was seen
  bool unsupported = false;  ///< Perl knows it, PCRE2 on octets does not
};

/// Longer ones are a fault.
constexpr std::size_t kMaxExpression = 131072;

/// @return what is wrong with it, or nothing.
std::optional<RegexFault> check_regex(const Expression& expression);

/// Whether RegexRunner::first_group() is asked for. Without, plain parentheses only group, which is
/// faster, unless the expression itself refers to what they hold.
enum class Captures { unused, wanted };

class RegexGuard;

/// Compiled, immutable, any thread.
class Regex {
 public:
  /// @return null when it does not compile (check_regex says why) or memory is short.
  static std::unique_ptr<const Regex> compile(const Expression& expression,
                                              Captures captures = Captures::unused);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

 private:
  friend class RegexRunner;
  Regex();
  pcre2_real_code_8* code_ = nullptr;
  std::unique_ptr<const RegexGuard> guard_;  // null for most
  bool jit_ = false;
  bool anchored_ = false;    // one start position alone
  bool one_window_ = false;  // \G: what it matches depends on where the search begins
};

/// What may be spent on the expressions of one message.
struct RegexBudget {
  std::uint32_t steps = 100000;  ///< backtracking steps from one start position
  std::uint32_t heap_kib = 4096;
  std::size_t runs = 1000000;
  std::chrono::milliseconds time{250};  ///< CPU, from the 256th start position of the message on
};

/// Runs expressions for one thread at a time; kept and used again for message after message.
class RegexRunner {
 public:
  enum class Found { no, yes, limited };

  RegexRunner();
  ~RegexRunner();
  RegexRunner(const RegexRunner&) = delete;
  RegexRunner& operator=(const RegexRunner&) = delete;

  /// A new message: the whole budget again, counters at 0.
  void start(const RegexBudget& budget);

  /// The leftmost match at or behind `from`. `limited`: a budget ended it; it counts as no hit.
  Found find(const Regex& regex, std::string_view subject, std::size_t from = 0);
  /// Of the last find() that gave yes.
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return end_; }

  /// Matches one behind the other as Perl's /g counts them, at most `most`.
  /// @return `limited` when a budget ended it; `count` holds what was found until then.
  Found count(const Regex& regex, std::string_view subject, int most, int& count);

  /// What the first group of the leftmost match holds; nothing when there is no match or no such
  /// group took part.
  std::optional<std::string_view> first_group(const Regex& regex, std::string_view subject);

  std::size_t runs() const { return runs_; }
  /// Runs that a budget ended.
  std::size_t limited() const { return limited_; }

 private:
  void release();
  void look_at_clock();
  int run(const Regex& regex, std::string_view subject, std::size_t from, std::uint32_t options);
  int run_once(const Regex& regex, std::string_view subject, std::size_t from,
               std::uint32_t options);

  pcre2_real_match_context_8* context_ = nullptr;
  pcre2_real_match_data_8* data_ = nullptr;
  pcre2_real_jit_stack_8* stack_ = nullptr;
  RegexBudget budget_;
  // When the clock was first looked at for this message; the thread's CPU time, and the wall's,
  // which is cheaper to ask and never less.
  std::chrono::nanoseconds began_{};
  std::chrono::nanoseconds began_on_wall_{};
  std::uint64_t positions_ = 0;  // start positions tried for this message, at most
  std::uint64_t next_look_ = 0;
  bool out_of_time_ = false;
  std::size_t runs_ = 0;
  std::size_t limited_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace gatepost::rules
