#include "rules/parse.h"

#include <algorithm>

#include "core/base/text.h"
#include "rules/builder.h"
#include "rules/conditional.h"
#include "rules/directives.h"
#include "rules/line_reader.h"
#include "rules/reporter.h"
#include "rules/rule_lines.h"
#include "rules/setting_lines.h"

namespace gatepost::rules {
namespace {

std::string folder_of(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? std::string() : file.substr(0, slash + 1);
}

std::string megabytes(std::size_t octets) {
  return std::to_string(octets >> 20) + " MiB";
}

class Parser {
 public:
  explicit Parser(const ParseOptions& options)
      : options_(options),
        reporter_(options.limits.max_errors),
        builder_(options_.limits, reporter_) {}

  void read(const Source& source) { read_file(source.name, source.text, 0); }

  RuleFile finish() {
    RuleFile out = builder_.finish();
    out.files = std::move(files_);
    out.diagnostics = reporter_.take();
    sort_by_place(out, out.diagnostics);
    return out;
  }

 private:
  // An `if` that is open.
  struct Block {
    Place place;
    bool runs = true;  // the branch that we are in
    bool misses_features = false;
    bool in_else = false;
    std::string condition;
  };
  struct File {
    const std::string& name;
    int depth = 0;
    std::vector<Block> blocks{};
    bool wrong_version = false;
  };

  void read_file(const std::string& name, std::string_view text, int depth) {
    const ParseLimits& limits = options_.limits;
    if (std::find(files_.begin(), files_.end(), name) == files_.end()) files_.push_back(name);
    if (text.size() > limits.max_file) {
      return reporter_.error({name, 1, 1}, "the file is larger than " + megabytes(limits.max_file));
    }
    total_ += text.size();
    if (total_ > limits.max_total) {
      return reporter_.error({name, 1, 1},
                             "all files together are larger than " + megabytes(limits.max_total));
    }
    const std::size_t nul = text.find('\0');
    if (nul != std::string_view::npos) {
      const auto before = text.substr(0, nul);
      const auto line = std::count(before.begin(), before.end(), '\n') + 1;
      return reporter_.error({name, static_cast<int>(line), 1},
                             "this is no text: octet " + std::to_string(nul + 1) + " is NUL");
    }
    File file{name, depth};
    open_files_.push_back(name);
    LineReader reader(text, limits.max_line);
    Line line;
    while (reader.next(line)) {
      if (line.too_long) {
        reporter_.error(line.place_at(name, 0),
                        "the line is longer than " + std::to_string(limits.max_line) + " octets");
        continue;
      }
      read_line(file, line);
    }
    for (const Block& block : file.blocks) {
      reporter_.error(block.place, "'if' without an 'endif' in this file");
    }
    open_files_.pop_back();
  }

  void error(const File& file, const Line& line, std::size_t offset, std::string what) {
    reporter_.error(line.place_at(file.name, offset), std::move(what));
  }

  static std::string key_of(std::string_view word) {
    std::string key = to_lower(word);
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
  }

  void read_line(File& file, const Line& line) {
    Words words(line, 0);
    Words::Word word = words.next();
    std::string key = key_of(word.text);
    if (key == "lang") {
      const Words::Word language = words.next();
      // As in SpamAssassin: `lang en` is for en, en_US and so on.
      if (language.text.empty() || words.rest().empty()) {
        return error(file, line, language.offset, "expected a language and a directive");
      }
      if (!istarts_with(options_.language, language.text)) return;
      word = words.next();
      key = key_of(word.text);
    }
    const Directive directive = directive_of(key);
    switch (directive) {
      case Directive::if_begin:
      case Directive::ifplugin:
        return begin_block(file, line, directive, word.offset, words);
      case Directive::if_else:
      case Directive::if_end:
        return change_block(file, line, directive, key, word.offset, words);
      default:
        break;
    }
    const bool runs = !file.wrong_version && std::all_of(file.blocks.begin(), file.blocks.end(),
                                                         [](const Block& b) { return b.runs; });
    if (runs)
      run_line(file, line, directive, key, word, words);
    else
      skip_line(file, line, directive, key, words);
  }

  void begin_block(File& file, const Line& line, Directive directive, std::size_t offset,
                   const Words& words) {
    Block block;
    block.place = line.place_at(file.name, offset);
    block.condition = line.text.substr(offset);
    if (file.blocks.size() >= static_cast<std::size_t>(options_.limits.max_if_depth)) {
      if (file.blocks.size() == static_cast<std::size_t>(options_.limits.max_if_depth)) {
        error(file, line, offset,
              "'if' inside more than " + std::to_string(options_.limits.max_if_depth) + " others");
      }
      block.runs = false;
    } else if (words.rest().empty()) {
      error(file, line, line.text.size(), "expected a condition");
      block.runs = false;
    } else if (directive == Directive::ifplugin) {
      block.runs = has_plugin(words.rest(), options_);
      block.misses_features = !block.runs;
    } else {
      Condition condition;
      ConditionFault fault;
      if (!evaluate_condition(words.rest(), options_, condition, fault)) {
        error(file, line, words.at() + fault.offset, "condition: " + fault.what);
        condition.holds = false;
      }
      block.runs = condition.holds;
      block.misses_features = condition.misses_features;
    }
    file.blocks.push_back(std::move(block));
  }

  void change_block(File& file, const Line& line, Directive directive, const std::string& key,
                    std::size_t offset, const Words& words) {
    if (!words.rest().empty()) {
      error(file, line, words.at(), "expected nothing behind '" + key + "'");
    }
    if (file.blocks.empty()) {
      return error(file, line, offset, "'" + key + "' without an 'if' before it in this file");
    }
    Block& block = file.blocks.back();
    if (directive == Directive::if_end) {
      file.blocks.pop_back();
    } else if (block.in_else) {
      error(file, line, offset, "a second 'else' for the 'if' at " + block.place.text());
    } else {
      block.in_else = true;
      block.runs = !block.runs;
    }
  }

  static bool defines_rule(Directive directive) {
    switch (directive) {
      case Directive::header:
      case Directive::body:
      case Directive::rawbody:
      case Directive::full:
      case Directive::meta:
      case Directive::mimeheader:
      case Directive::uri:
      case Directive::uri_detail:
      case Directive::unsupported_rule:
        return true;
      default:
        return false;
    }
  }

  // In a block that is skipped. Rules that a missing plugin or feature takes away are told.
  void skip_line(const File& file, const Line& line, Directive directive, const std::string& key,
                 Words words) {
    if (!defines_rule(directive) || file.wrong_version) return;
    const Words::Word name = words.next();
    if (!is_rule_name(name.text)) return;
    const auto skips = [](const Block& block) { return !block.runs; };
    const auto shown = [](const Block& block) {
      return std::string("'") + (block.in_else ? "else of " : "") +
             printable(block.condition, 120) + "'";
    };
    // For other versions, or for those that have not what is here: not meant for us.
    const auto never = std::find_if(file.blocks.begin(), file.blocks.end(),
                                    [&](const Block& b) { return skips(b) && !b.misses_features; });
    const Place place = line.place_at(file.name, name.offset);
    if (never != file.blocks.end())
      return builder_.unreachable(std::string(name.text), place, shown(*never));
    const auto reason = std::find_if(file.blocks.begin(), file.blocks.end(), skips);
    if (reason == file.blocks.end()) return;
    builder_.skipped(std::string(name.text), key, place, "skipped by " + shown(*reason));
  }

  void run_line(File& file, const Line& line, Directive directive, const std::string& key,
                const Words::Word& word, Words words) {
    switch (directive) {
      case Directive::include:
        return include(file, line, words);
      case Directive::require_version:
        return require_version(file, line, word.offset, words);
      case Directive::without_effect:
        return;
      case Directive::setting:
        return read_setting_line({line, file.name, options_.limits, builder_, reporter_}, key,
                                 words, builder_.settings());
      case Directive::replace_part:
        return replace_part(file, line, key, words);
      case Directive::enable_compat:
        options_.features.push_back("Mail::SpamAssassin::Conf::compat_" +
                                    std::string(words.next().text));
        return;
      case Directive::unsupported_setting:
        return builder_.unsupported_setting(key, line.place_at(file.name, word.offset));
      case Directive::unknown: {
        std::string what = "unknown directive '" + printable(word.text, 60) + "'";
        const std::string_view meant = directive_like(key);
        if (!meant.empty()) what += ", did you mean '" + std::string(meant) + "'?";
        return error(file, line, word.offset, std::move(what));
      }
      default:
        return read_rule_line({line, file.name, options_.limits, builder_, reporter_}, directive,
                              key, words);
    }
  }

  // NAME TEXT
  void replace_part(const File& file, const Line& line, const std::string& key, Words words) {
    const Words::Word name = words.next();
    if (words.rest().empty()) {
      return error(file, line, words.at(), "expected a name and a text behind '" + key + "'");
    }
    if (words.rest().size() > options_.limits.max_pattern) {
      return error(
          file, line, words.at(),
          "the text is longer than " + std::to_string(options_.limits.max_pattern) + " octets");
    }
    builder_.tags().set(key, std::string(name.text), std::string(words.rest()));
  }

  void include(const File& file, const Line& line, const Words& words) {
    const std::size_t at = words.at();
    std::string path(words.rest());
    if (path.empty()) return error(file, line, at, "expected a file behind 'include'");
    if (!path.starts_with('/')) path = folder_of(file.name) + path;
    const std::string shown = printable(path, 200);
    if (std::find(open_files_.begin(), open_files_.end(), path) != open_files_.end()) {
      return error(file, line, at, "include of '" + shown + "', which includes this file");
    }
    if (file.depth >= options_.limits.max_include_depth) {
      return error(file, line, at,
                   "include inside more than " + std::to_string(options_.limits.max_include_depth) +
                       " others");
    }
    if (++includes_ > options_.limits.max_includes) {
      if (includes_ == options_.limits.max_includes + 1) {
        error(file, line, at,
              "more than " + std::to_string(options_.limits.max_includes) + " includes");
      }
      return;
    }
    if (!options_.load) return error(file, line, at, "include is not possible here");
    const Result<std::string> text = options_.load(path);
    if (!text.ok()) {
      return error(file, line, at, "include of '" + shown + "': " + text.error().what);
    }
    read_file(path, *text, file.depth + 1);
  }

  void require_version(File& file, const Line& line, std::size_t offset, const Words& words) {
    if (words.rest().empty()) return error(file, line, offset, "expected a version");
    // What an installation would have put its version in.
    if (words.rest() == "@@VERSION@@") return;
    Condition same;
    ConditionFault fault;
    const std::string question = "version == " + std::string(words.rest());
    if (!evaluate_condition(question, options_, same, fault)) {
      return error(file, line, words.at(), "expected a version such as 4.000001");
    }
    if (same.holds) return;
    file.wrong_version = true;
    reporter_.unsupported(line.place_at(file.name, offset),
                          "the file is for SpamAssassin " + printable(words.rest(), 40) +
                              " alone; the rest of it is skipped");
  }

  ParseOptions options_;
  Reporter reporter_;
  Builder builder_;
  std::vector<std::string> files_;
  std::vector<std::string> open_files_;
  std::size_t total_ = 0;
  int includes_ = 0;
};

}  // namespace

RuleFile parse(std::span<const Source> sources, const ParseOptions& options) {
  Parser parser(options);
  for (const Source& source : sources) parser.read(source);
  return parser.finish();
}

}  // namespace gatepost::rules
