#include "tests/support/scenario/scenario.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "core/base/text.h"

namespace gatepost::test {

namespace {

const std::set<std::string, std::less<>> kVerbs = {
    "connect", "ehlo",       "auth",     "mail",      "rcpt",   "message",   "generate",
    "rset",    "abort-data", "sendmail", "quit",      "header", "no-header", "first-header",
    "finding", "no-finding", "log",      "delivered", "wait",   "dkim",      "arc"};

bool is_assertion(std::string_view verb) {
  return verb.ends_with("header") || verb.ends_with("finding") || verb == "log" || verb == "dkim" ||
         verb == "arc";
}

class Parser {
 public:
  explicit Parser(const std::filesystem::path& file) : file_(file), in_(file) {
    scenario_.name = file.stem().string();
    scenario_.runs = {"process", "wire", "postfix", "sendmail"};
  }

  Result<Scenario> parse() {
    if (!in_.is_open()) return permanent_error("cannot be read", file_.string());
    std::string section = "about";
    std::string line;
    while (next(line)) {
      if (line.starts_with("--- ")) {
        section = line.substr(4);
        continue;
      }
      const auto taken = take(section, line);
      if (!taken.ok()) return taken.error();
    }
    if (scenario_.steps.empty()) return permanent_error("has no steps", file_.string());
    return std::move(scenario_);
  }

 private:
  bool next(std::string& line) {
    ++number_;
    return static_cast<bool>(std::getline(in_, line));
  }
  std::string place() const { return file_.filename().string() + ":" + std::to_string(number_); }
  Error wrong(const std::string& what) const { return permanent_error(what, place()); }

  Result<void> take(const std::string& section, const std::string& line) {
    if (section == "zone") {
      scenario_.zone += line + "\n";
    } else if (section == "config") {
      scenario_.config += line + "\n";
    } else if (section.starts_with("file ")) {
      scenario_.files[section.substr(5)] += line + "\n";
    } else if (section == "rules") {
      scenario_.rules += line + "\n";
    } else if (section == "steps") {
      return take_step(line);
    } else if (section == "about") {
      return take_about(line);
    } else {
      return wrong("unknown section '" + section +
                   "', expected zone, config, file NAME, rules or steps");
    }
    return {};
  }

  Result<void> take_about(const std::string& line) {
    if (line.empty() || line[0] == '#') return {};
    std::istringstream words(line);
    std::string key;
    words >> key;
    if (key == "runs:") {
      scenario_.runs.clear();
      for (std::string run; words >> run;) scenario_.runs.insert(run);
      return {};
    }
    if (key == "dns:" && line == "dns: dead") {
      scenario_.dead_dns = true;
      return {};
    }
    return wrong("expected 'runs: …', 'dns: dead' or a comment");
  }

  Result<void> take_step(const std::string& line) {
    if (trim(line).empty() || line[0] == '#') return {};
    Step step;
    step.place = place();
    std::string_view rest = line;
    const auto blank = rest.find(' ');
    step.verb = rest.substr(0, blank);
    rest = blank == std::string_view::npos ? "" : trim(rest.substr(blank));
    if (kVerbs.count(step.verb) == 0) return wrong("unknown step '" + step.verb + "'");
    if (is_assertion(step.verb)) {
      step.arguments = {std::string(rest)};
    } else {
      const auto equals = rest.rfind("= ");
      if (equals != std::string_view::npos) {
        const auto expected = parse_expectation(trim(rest.substr(equals + 2)));
        if (!expected.ok()) return expected.error();
        step.expected = *expected;
        rest = trim(rest.substr(0, equals));
      }
      std::istringstream words{std::string(rest)};
      for (std::string word; words >> word;) step.arguments.push_back(word);
    }
    if (step.verb == "message" || step.verb == "sendmail") {
      for (std::string text;;) {
        if (!next(text)) return wrong("message without a line '.' behind it");
        if (text == ".") break;
        step.message += text + "\n";
      }
    }
    scenario_.steps.push_back(std::move(step));
    return {};
  }

  Result<Expectation> parse_expectation(std::string_view text) const {
    Expectation expected;
    if (text == "ok") return expected;
    if (text == "hold") {
      expected.held = true;
      return expected;
    }
    if (text == "store") {
      expected.stored = true;
      return expected;
    }
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), expected.code);
    if (error != std::errc() || expected.code < 200 || expected.code > 599) {
      return wrong("expected 'ok', 'hold', 'store' or a reply code, got '" + std::string(text) +
                   "'");
    }
    expected.enhanced = trim(text.substr(static_cast<std::size_t>(end - text.data())));
    return expected;
  }

  std::filesystem::path file_;
  std::ifstream in_;
  int number_ = 0;
  Scenario scenario_;
};

}  // namespace

Result<Scenario> read_scenario(const std::filesystem::path& file) {
  return Parser(file).parse();
}

std::string install_files(const Scenario& scenario, const std::filesystem::path& folder) {
  for (const auto& [name, text] : scenario.files) {
    std::ofstream(folder / name) << text;
    std::filesystem::permissions(
        folder / name, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  std::string config = scenario.config;
  constexpr std::string_view kFolder = "$FILES";
  for (auto at = config.find(kFolder); at != std::string::npos; at = config.find(kFolder))
    config.replace(at, kFolder.size(), folder.string());
  return config;
}

std::vector<std::filesystem::path> scenario_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(GATEPOST_SOURCE_DIR "/tests/scenarios")) {
    if (entry.path().extension() == ".smtp") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace gatepost::test
