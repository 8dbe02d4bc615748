#include "tests/support/sendmail/sendmail_sandbox.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <unistd.h>

#include "core/base/text.h"

namespace gatepost::test {

namespace {

constexpr auto kPoll = Milliseconds(20);
constexpr auto kStartTimeout = Milliseconds(30'000);
constexpr int kStartAttempts = 3;
constexpr std::size_t kShown = 2000;

std::string end_of(const std::string& text) {
  return text.size() <= kShown ? text : "..." + text.substr(text.size() - kShown);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Result<std::filesystem::path> find_package() {
  if (geteuid() != 0) return config_error("a Sendmail sandbox needs root");
  if (const char* set = std::getenv("GATEPOST_SENDMAIL_ROOT")) return std::filesystem::path(set);
  RunOptions options;
  options.timeout = Milliseconds(300'000);
  const auto result =
      run_process({"/bin/sh", GATEPOST_SENDMAIL_SETUP, GATEPOST_SENDMAIL_FOLDER}, options);
  if (!result) return result.error();
  if (result->status != 0)
    return temporary_error(std::string(trim(end_of(result->errors))), GATEPOST_SENDMAIL_SETUP);
  return std::filesystem::path(trim(result->output));
}

Result<void> expect_success(const Result<ProcessResult>& result) {
  if (!result) return result.error();
  if (result->status == 0) return {};
  return permanent_error("exit status " + std::to_string(result->status) + ": " +
                             std::string(trim(result->output + result->errors)),
                         "sendmail");
}

}  // namespace

Result<std::filesystem::path> sendmail_package() {
  static const Result<std::filesystem::path> package = find_package();
  return package;
}

Result<std::unique_ptr<SendmailSandbox>> SendmailSandbox::start(
    const std::filesystem::path& package, const SendmailOptions& options) {
  if (geteuid() != 0) return config_error("a Sendmail sandbox needs root");
  for (int attempt = 1;; ++attempt) {
    std::unique_ptr<SendmailSandbox> sandbox(new SendmailSandbox(package));
    const auto started = sandbox->start_daemon(options);
    if (started) return sandbox;
    // Another process may have taken a port that was free a moment ago.
    const bool taken = !Listener::open(Endpoint::loopback(sandbox->port_)).ok();
    if (attempt == kStartAttempts || !taken) return started.error();
  }
}

Result<void> SendmailSandbox::start_daemon(const SendmailOptions& options) {
  const auto port = free_port();
  if (!port) return port.error();
  port_ = *port;
  if (auto written = write_sendmail_config(folders_, port_, options); !written) return written;
  auto log = SyslogSocket::open(folders_.log_socket());
  if (!log) return log.error();
  log_ = std::move(*log);
  const std::string errors = folder_ / "errors";
  auto daemon = BackgroundProcess::start(in_view({"-bD", "-q2s"}),
                                         {.environment = environment(), .errors_path = errors});
  if (!daemon) return daemon.error();
  daemon_.emplace(std::move(*daemon));
  const SteadyTime deadline = after(kStartTimeout);
  while (daemon_->running() && std::chrono::steady_clock::now() < deadline) {
    if (!log_lines({"starting daemon"}).empty() &&
        Stream::connect_to(Endpoint::loopback(port_), Milliseconds(1000)).ok())
      return {};
    std::this_thread::sleep_for(kPoll);
  }
  return temporary_error("Sendmail did not start: " + read_file(errors) + end_of(this->log()));
}

Arguments SendmailSandbox::in_view(const Arguments& arguments) const {
  Arguments all = {"unshare",       "--mount",          "/bin/sh",
                   folders_.view(), folders_.program(), "-C" + folders_.cf().string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

Environment SendmailSandbox::environment() const {
  return {{"LD_LIBRARY_PATH", folders_.libraries()}};
}

Result<ProcessResult> SendmailSandbox::run(const Arguments& arguments,
                                           const std::string& input) const {
  RunOptions options;
  options.environment = environment();
  options.input = input;
  return run_process(in_view(arguments), options);
}

Result<std::string> SendmailSandbox::submit(const std::string& sender, const std::string& recipient,
                                            const std::string& dot_stuffed_message) const {
  Arguments all = {"/bin/sh", folders_.submit(), sender, recipient};
  const Arguments program = in_view({"-bs", "-Am"});
  all.insert(all.end(), program.begin(), program.end());
  RunOptions options;
  options.environment = environment();
  options.input = dot_stuffed_message;
  const auto ran = run_process(all, options);
  if (auto succeeded = expect_success(ran); !succeeded) return succeeded.error();
  return ran->output;
}

Result<void> SendmailSandbox::set_client_name(const std::string& address, const std::string& name) {
  std::erase_if(clients_, [&](const auto& client) { return client.first == address; });
  if (name != "unknown" && !name.empty()) clients_.emplace_back(address, name);
  std::string text = "127.0.0.1 localhost\n::1 localhost\n";
  for (const auto& [its_address, its_name] : clients_) text += its_address + " " + its_name + "\n";
  return write_in_place(folders_.hosts(), text);
}

Result<void> SendmailSandbox::set_login(const std::string& login) {
  return write_in_place(folders_.logins(), login.empty() ? "" : "login " + login + "\n");
}

std::vector<QuarantinedMessage> SendmailSandbox::quarantined() const {
  std::vector<QuarantinedMessage> messages;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folders_.queue(), error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("hf")) continue;
    QuarantinedMessage message{name.substr(2), {}};
    const std::string text = read_file(entry.path());
    for (const std::string_view line : split(text, '\n')) {
      if (line.starts_with('q')) message.reason = line.substr(1);
    }
    messages.push_back(std::move(message));
  }
  return messages;
}

Result<void> SendmailSandbox::release(const std::string& queue_id) const {
  return expect_success(run({"-Q", "-qQ", "-qI" + queue_id}));
}

Result<void> SendmailSandbox::flush_queue() const {
  return expect_success(run({"-q"}));
}

std::vector<std::string> SendmailSandbox::log_lines(const std::vector<std::string>& texts) const {
  std::vector<std::string> lines;
  const std::string whole = log();
  for (const std::string_view line : split(whole, '\n')) {
    const bool fits = std::all_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return line.find(text) != line.npos;
    });
    if (fits && !line.empty()) lines.emplace_back(line);
  }
  return lines;
}

}  // namespace gatepost::test
