#include "tests/support/postfix/postfix_sandbox.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::test {

namespace {

constexpr auto kPoll = Milliseconds(20);
constexpr auto kStartTimeout = Milliseconds(30'000);
constexpr int kStartAttempts = 3;

/// Asks `attempt` until it gives a value or the deadline passes.
template <class T, class Attempt>
std::optional<T> poll_for(Milliseconds timeout, Attempt attempt) {
  const SteadyTime deadline = after(timeout);
  for (;;) {
    if (std::optional<T> value = attempt()) return value;
    if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    std::this_thread::sleep_for(kPoll);
  }
}

std::string end_of(const std::string& text) {
  constexpr std::size_t kShown = 2000;
  return text.size() <= kShown ? text : "..." + text.substr(text.size() - kShown);
}

Result<std::filesystem::path> find_package() {
  if (geteuid() != 0) return config_error("a Postfix sandbox needs root");
  if (const char* set = std::getenv("GATEPOST_POSTFIX_ROOT")) {
    return std::filesystem::path(set);
  }
  RunOptions options;
  options.timeout = Milliseconds(300'000);
  const auto result =
      run_process({"/bin/sh", GATEPOST_POSTFIX_SETUP, GATEPOST_POSTFIX_FOLDER}, options);
  if (!result) return result.error();
  if (result->status != 0) {
    return temporary_error(std::string(trim(end_of(result->errors))), GATEPOST_POSTFIX_SETUP);
  }
  return std::filesystem::path(trim(result->output));
}

QueuedMessage read_queued(const nlohmann::json& entry) {
  QueuedMessage message;
  message.queue_name = entry.value("queue_name", "");
  message.queue_id = entry.value("queue_id", "");
  message.sender = entry.value("sender", "");
  message.size = entry.value("message_size", std::int64_t{0});
  const nlohmann::json recipients = entry.value("recipients", nlohmann::json::array());
  for (const nlohmann::json& recipient : recipients) {
    if (!recipient.is_object()) continue;
    message.recipients.push_back(recipient.value("address", ""));
    if (message.delay_reason.empty()) {
      message.delay_reason = recipient.value("delay_reason", "");
    }
  }
  return message;
}

}  // namespace

Result<std::filesystem::path> postfix_package() {
  static const Result<std::filesystem::path> package = find_package();
  return package;
}

Result<std::unique_ptr<PostfixSandbox>> PostfixSandbox::start(const std::filesystem::path& package,
                                                              const PostfixOptions& options) {
  if (geteuid() != 0) return config_error("a Postfix sandbox needs root");
  for (int attempt = 1;; ++attempt) {
    std::unique_ptr<PostfixSandbox> sandbox(new PostfixSandbox(package));
    const auto started = sandbox->start_master(options);
    if (started) return sandbox;
    // Another process may have taken a port that was free a moment ago.
    if (attempt == kStartAttempts || !sandbox->ports_are_taken()) return started.error();
  }
}

Result<void> PostfixSandbox::start_master(const PostfixOptions& options) {
  for (std::uint16_t* port : {&ports_.smtp, &ports_.submission}) {
    const auto free = free_port();
    if (!free) return free.error();
    *port = *free;
  }
  if (auto written = write_postfix_config(folders_, ports_, options); !written) return written;
  auto master = BackgroundProcess::start({folders_.daemons() / "master", "-c", folders_.config()},
                                         {.environment = environment()});
  if (!master) return master.error();
  master_.emplace(std::move(*master));
  const auto up = poll_for<bool>(kStartTimeout, [&]() -> std::optional<bool> {
    if (!log_lines("daemon started").empty()) return true;
    if (!master_->running()) return false;
    return std::nullopt;
  });
  if (up.value_or(false)) return {};
  return temporary_error("Postfix did not start: " + diagnosis());
}

bool PostfixSandbox::ports_are_taken() {
  if (master_ && master_->running()) return false;
  return !Listener::open(Endpoint::loopback(ports_.smtp)) ||
         !Listener::open(Endpoint::loopback(ports_.submission));
}

std::string PostfixSandbox::diagnosis() const {
  // What goes wrong before master reads main.cf is told to syslog only: let postconf read the
  // files.
  std::string text = end_of(log());
  for (const char* option : {"-M", "-n"}) {
    const auto result = command("postconf", {option});
    if (result) text += result->errors;
  }
  return text;
}

Environment PostfixSandbox::environment() const {
  return {{"LD_LIBRARY_PATH", folders_.libraries()}, {"MAIL_CONFIG", folders_.config()}};
}

Result<ProcessResult> PostfixSandbox::command(const std::string& name, const Arguments& arguments,
                                              const std::string& input) const {
  Arguments all = {folders_.commands() / name};
  all.insert(all.end(), arguments.begin(), arguments.end());
  RunOptions options;
  options.environment = environment();
  options.input = input;
  return run_process(all, options);
}

namespace {

Result<void> expect_success(const Result<ProcessResult>& result, const std::string& name) {
  if (!result) return result.error();
  if (result->status == 0) return {};
  return permanent_error("exit status " + std::to_string(result->status) + ": " +
                             std::string(trim(result->output + result->errors)),
                         name);
}

}  // namespace

Result<void> PostfixSandbox::sendmail(const std::string& sender,
                                      const std::vector<std::string>& recipients,
                                      const std::string& message) const {
  Arguments arguments = {"-C", folders_.config(), "-i", "-f", sender, "--"};
  arguments.insert(arguments.end(), recipients.begin(), recipients.end());
  return expect_success(command("sendmail", arguments, message), "sendmail");
}

Result<std::vector<QueuedMessage>> PostfixSandbox::queue() const {
  const auto result = command("postqueue", {"-j"});
  if (auto ran = expect_success(result, "postqueue"); !ran) return ran.error();
  std::vector<QueuedMessage> messages;
  for (const std::string_view line : split(result->output, '\n')) {
    if (line.empty()) continue;
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) return permanent_error("not JSON: " + printable(line), "postqueue");
    messages.push_back(read_queued(entry));
  }
  return messages;
}

Result<QueuedMessage> PostfixSandbox::wait_for_queued(std::string_view queue_name,
                                                      Milliseconds timeout) const {
  auto found = poll_for<QueuedMessage>(timeout, [&]() -> std::optional<QueuedMessage> {
    const auto messages = queue();
    if (!messages) return std::nullopt;
    for (const QueuedMessage& message : *messages) {
      if (message.queue_name == queue_name) return message;
    }
    return std::nullopt;
  });
  if (found) return std::move(*found);
  return temporary_error("no message in queue " + std::string(queue_name) +
                         "; log: " + end_of(log()));
}

Result<void> PostfixSandbox::postsuper(const std::string& option,
                                       const std::string& queue_id) const {
  return expect_success(command("postsuper", {option, queue_id}), "postsuper");
}

Result<void> PostfixSandbox::flush_queue() const {
  return expect_success(command("postqueue", {"-f"}), "postqueue");
}

Result<void> PostfixSandbox::reload(const PostfixOptions& options) {
  if (auto written = write_postfix_config(folders_, ports_, options); !written) return written;
  const std::size_t before = log_lines("reload --").size();
  if (kill(master_->id(), SIGHUP) != 0) return temporary_error("master is gone");
  const auto done = poll_for<bool>(kStartTimeout, [&]() -> std::optional<bool> {
    return log_lines("reload --").size() > before ? std::optional<bool>(true) : std::nullopt;
  });
  if (!done) return temporary_error("master did not reload: " + end_of(log()));
  return {};
}

std::string PostfixSandbox::log() const {
  std::ifstream file(folders_.log(), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> PostfixSandbox::log_lines(std::string_view text) const {
  std::vector<std::string> lines;
  const std::string whole = log();
  for (const std::string_view line : split(whole, '\n')) {
    if (line.find(text) != line.npos) lines.emplace_back(line);
  }
  return lines;
}

Result<std::string> PostfixSandbox::wait_for_log(std::string_view text,
                                                 Milliseconds timeout) const {
  auto line = poll_for<std::string>(timeout, [&]() -> std::optional<std::string> {
    const auto lines = log_lines(text);
    return lines.empty() ? std::nullopt : std::optional<std::string>(lines.front());
  });
  if (line) return std::move(*line);
  return temporary_error("the log never says \"" + std::string(text) +
                         "\"; it ends: " + end_of(log()));
}

}  // namespace gatepost::test
