#include "tests/support/system/socket.h"

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/system/temp_folder.h"

namespace gatepost::test {
namespace {

struct EndpointCase {
  const char* name;
  const char* text;
  const char* milter;  // null = refused
  const char* postfix;
};

constexpr EndpointCase kEndpointCases[] = {
    {"unix", "unix:/run/a.sock", "unix:/run/a.sock", "unix:/run/a.sock"},
    {"local_is_unix", "local:/run/a.sock", "unix:/run/a.sock", "unix:/run/a.sock"},
    {"bare_path", "/run/a.sock", "unix:/run/a.sock", "unix:/run/a.sock"},
    {"libmilter_order", "inet:8899@127.0.0.1", "inet:8899@127.0.0.1", "inet:127.0.0.1:8899"},
    {"postfix_order", "inet:127.0.0.1:8899", "inet:8899@127.0.0.1", "inet:127.0.0.1:8899"},
    {"no_prefix", "127.0.0.1:25", "inet:25@127.0.0.1", "inet:127.0.0.1:25"},
    {"ipv6", "inet6:8899@::1", "inet6:8899@::1", "inet:[::1]:8899"},
    {"ipv6_brackets", "[::1]:25", "inet6:25@::1", "inet:[::1]:25"},
    {"no_port", "inet:localhost", nullptr, nullptr},
    {"bad_port", "inet:x@127.0.0.1", nullptr, nullptr},
    {"port_too_large", "inet:65536@127.0.0.1", nullptr, nullptr},
    {"no_host", "inet:25@", nullptr, nullptr},
    {"empty_path", "unix:", nullptr, nullptr},
    {"empty", "", nullptr, nullptr},
};

TEST(Endpoint, TakesBothOrders) {
  for (const auto& c : kEndpointCases) {
    const auto endpoint = Endpoint::parse(c.text);
    ASSERT_EQ(endpoint.ok(), c.milter != nullptr) << c.name;
    if (!endpoint) continue;
    EXPECT_EQ(endpoint->milter_text(), c.milter) << c.name;
    EXPECT_EQ(endpoint->postfix_text(), c.postfix) << c.name;
  }
}

TEST(Stream, LinesAndCountsOverBothFamilies) {
  TempFolder folder("sock");
  for (const Endpoint& where : {Endpoint::loopback(0), Endpoint{folder / "s.sock", "", 0}}) {
    auto listener = Listener::open(where);
    ASSERT_TRUE(listener) << listener.error().text();
    auto client = Stream::connect_to(listener->endpoint(), Milliseconds(2000));
    ASSERT_TRUE(client) << client.error().text();
    client->set_no_delay(true);
    auto server = listener->accept(after(Milliseconds(2000)));
    ASSERT_TRUE(server) << server.error().text();
    EXPECT_FALSE(server->readable());
    ASSERT_TRUE(client->send("one\r\ntwo\nabcdef", after(Milliseconds(2000))));
    EXPECT_EQ(server->receive_line(100, after(Milliseconds(2000))).value(), "one");
    EXPECT_EQ(server->receive_line(100, after(Milliseconds(2000))).value(), "two");
    EXPECT_EQ(server->receive_exactly(3, after(Milliseconds(2000))).value(), "abc");
    EXPECT_TRUE(server->readable());
    EXPECT_EQ(server->receive_exactly(3, after(Milliseconds(2000))).value(), "def");
    const auto late = server->receive(1, after(Milliseconds(20)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::temporary);
    client->close();
    EXPECT_EQ(server->receive_line(100, after(Milliseconds(2000))).value(), std::nullopt);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "s.sock"));
}

TEST(Stream, LineHasALimit) {
  auto listener = Listener::open(Endpoint::loopback(0));
  ASSERT_TRUE(listener);
  auto client = Stream::connect_to(listener->endpoint(), Milliseconds(2000));
  ASSERT_TRUE(client);
  auto server = listener->accept(after(Milliseconds(2000)));
  ASSERT_TRUE(server);
  ASSERT_TRUE(client->send(std::string(200, 'a'), after(Milliseconds(2000))));
  const auto line = server->receive_line(100, after(Milliseconds(2000)));
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().kind, ErrorKind::permanent);
}

TEST(Stream, RefusedConnectionIsAnError) {
  const auto port = free_port();
  ASSERT_TRUE(port);
  const auto stream = Stream::connect_to(Endpoint::loopback(*port), Milliseconds(2000));
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().kind, ErrorKind::temporary);
}

TEST(Listener, ShutDownWakesTheWaitingThread) {
  auto listener = Listener::open(Endpoint::loopback(0));
  ASSERT_TRUE(listener);
  std::thread waiting([&] { EXPECT_FALSE(listener->accept(after(Milliseconds(20'000)))); });
  listener->shut_down();
  waiting.join();
}

}  // namespace
}  // namespace gatepost::test
