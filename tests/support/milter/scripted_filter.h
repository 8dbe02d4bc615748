#pragma once
// A filter in this process whose replies a test writes octet by octet.

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/guarded.h"
#include "tests/support/milter/wire.h"
#include "tests/support/system/socket.h"

namespace gatepost::test::milter {

/// Serves one connection on a thread of its own; declare it before its client, which must end
/// first. `answer` gets each packet (command octet and payload) and returns the octets to send
/// back, "" for none. The connection is closed when the client leaves, after QUIT, or when the
/// answer is kHangUp.
class ScriptedFilter {
 public:
  using Answer = std::function<std::string(char command, std::string_view payload)>;
  static constexpr const char* kHangUp = "\xff hang up";

  explicit ScriptedFilter(Answer answer)
      : listener_(Listener::open(Endpoint::loopback(0))),
        answer_(std::move(answer)),
        thread_([this] { serve(); }) {}
  ~ScriptedFilter() {
    if (listener_) listener_->shut_down();
    thread_.join();
  }

  const Endpoint& endpoint() const { return listener_->endpoint(); }
  /// The packets so far, command octet first.
  std::vector<std::string> received() const {
    return received_.with([](const auto& packets) { return packets; });
  }
  /// Their commands: "ODCDH".
  std::string commands() const {
    std::string commands;
    for (const std::string& packet : received()) commands += packet[0];
    return commands;
  }

 private:
  void serve() {
    if (!listener_) return;
    auto stream = listener_->accept(after(Milliseconds(20'000)));
    if (!stream) return;
    for (;;) {
      const SteadyTime deadline = after(Milliseconds(20'000));
      const auto head = stream->receive_exactly(4, deadline);
      const auto length = head ? decode_length(*head) : Result<std::size_t>(head.error());
      if (!length) return;
      const auto packet = stream->receive_exactly(*length, deadline);
      if (!packet) return;
      received_.with([&](auto& packets) { packets.push_back(*packet); });
      const std::string reply = answer_((*packet)[0], std::string_view(*packet).substr(1));
      if (reply == kHangUp || (*packet)[0] == 'Q') return;
      if (!stream->send(reply, deadline)) return;
    }
  }

  Result<Listener> listener_;
  Answer answer_;
  Guarded<std::vector<std::string>> received_;
  std::thread thread_;
};

}  // namespace gatepost::test::milter
