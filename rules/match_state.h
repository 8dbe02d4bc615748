#pragma once
// The memory that a match writes to, and the pool that hands it out.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/mail/content.h"
#include "rules/header_cache.h"
#include "rules/header_values.h"
#include "rules/open_counts.h"
#include "rules/regex.h"

struct hs_scratch;

namespace gatepost::rules {

struct MatchProfile;

constexpr std::uint32_t kNowhere = 0xffffffff;

/// A rule that hit, and where; the text lives until the match is over.
struct Touched {
  std::uint32_t rule = 0;
  std::uint32_t begin = kNowhere;  ///< kNowhere: Hyperscan found the end alone
  std::uint32_t end = kNowhere;    ///< kNowhere: there is nothing to show
  std::string_view text;
};

struct Database;

/// Whether the LF behind a piece is seen by rules: paragraphs and lines of a body end with it.
enum class LineEnd : std::uint32_t { outside = 0, inside = 1 };

/// A look for a subrule that is put off until a meta needs to know. Texts live until the match is
/// over.
struct Waiting {
  enum class Look : std::uint8_t {
    piece,     ///< of PCRE2 at `text`, which Hyperscan reported
    pieces,    ///< of PCRE2 at all pieces of `text`
    database,  ///< of Hyperscan with a database of this rule alone
    eval,      ///< number `index`
    address,   ///< a uri_detail rule, number `index`
  };
  std::uint32_t rule = 0;
  Look look = Look::piece;
  LineEnd line_end = LineEnd::outside;
  std::uint32_t index = 0;
  std::uint32_t next = OpenCount::kNone;  ///< in MatchState::waiting: another look for this rule
  std::string_view text;
  const std::vector<mail::PieceText::Piece>* pieces = nullptr;
  const Database* database = nullptr;
};

/// Looks that wait for one message; more are not put off.
constexpr std::size_t kMostWaiting = 5000;

/// What one match writes to. Sized once for its rule set; a match allocates nothing here but
/// header texts that are longer than all before.
struct MatchState {
  MatchState(const hs_scratch* prototype, std::size_t rules, std::size_t selectors,
             std::size_t piece_texts);
  ~MatchState();
  MatchState(const MatchState&) = delete;
  MatchState& operator=(const MatchState&) = delete;

  hs_scratch* scratch = nullptr;
  RegexRunner runner;
  FieldIndex index;
  HeaderCache eval_headers;
  std::vector<double> value;         ///< by rule: hits, or what a meta came to; 0 between matches
  std::vector<std::uint64_t> tried;  ///< by rule: the piece that PCRE2 saw last, with `round`
  /// By rule, for those that need more than one: reports of Hyperscan in the piece of `tried`.
  std::vector<std::uint8_t> reports;
  std::vector<std::uint32_t> spelled;   ///< rules that a scan for letters found in a piece
  std::vector<Touched> touched;         ///< room for all rules, so that a callback never allocates
  std::vector<std::string> headers;     ///< by selector
  std::vector<mail::PieceText> pieces;  ///< the addresses, then by group of mimeheader rules
  /// Bits by meta in the order in which they are computed: those that have to be.
  std::vector<std::uint64_t> wanted;
  bool puts_off = false;  ///< subrules wait until a meta needs them
  std::vector<Waiting> waiting;
  OpenCounts open;
  RuleBits hits;                          ///< rules whose count is not 0, while metas are settled
  std::vector<std::uint32_t> open_metas;  ///< in the order in which they are computed
  std::vector<std::uint32_t> meta_path;   ///< metas of which each waits for the next
  MatchProfile* profile = nullptr;        ///< of the match that runs, else null
  std::uint32_t round = 0;                ///< one more for each text of each message
};

/// States of one rule set that nobody uses now. The lock is held to take and to put back only.
class MatchStatePool {
 public:
  /// `prototype` fits all databases of the set; the pool owns it. Null when there is none.
  MatchStatePool(hs_scratch* prototype, std::size_t rules, std::size_t selectors,
                 std::size_t piece_texts);
  ~MatchStatePool();
  MatchStatePool(const MatchStatePool&) = delete;
  MatchStatePool& operator=(const MatchStatePool&) = delete;

  /// A state until the lease goes out of scope. std::bad_alloc when there is no memory for one.
  class Lease {
   public:
    explicit Lease(MatchStatePool& pool) : pool_(pool), state_(pool.take()) {}
    ~Lease() { pool_.give_back(std::move(state_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    MatchState& operator*() const { return *state_; }

   private:
    MatchStatePool& pool_;
    std::unique_ptr<MatchState> state_;
  };

  /// Scratch memories of the whole process, prototypes included (tests count them).
  static std::size_t open_scratches();

 private:
  std::unique_ptr<MatchState> take();
  void give_back(std::unique_ptr<MatchState> state);

  hs_scratch* prototype_;
  std::size_t rules_;
  std::size_t selectors_;
  std::size_t piece_texts_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<MatchState>> idle_;
};

}  // namespace gatepost::rules
