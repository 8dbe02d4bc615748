// What reading a message's text costs, ours and GMime's way to the same text parts. A folder of
// messages in $GATEPOST_BENCH_MAIL is read as well. Figures are printed, never asserted.

#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <gmime/gmime.h>

#include "tests/core/mail/content_support.h"

namespace gatepost::mail {
namespace {

struct Mail {
  std::vector<std::string> raw;
  std::vector<std::unique_ptr<Message>> messages;

  void add(std::string text) {
    messages.push_back(test::message_of(text));
    raw.push_back(std::move(text));
  }
};

const Mail& mail() {
  static const Mail all = [] {
    Mail read;
    if (const char* folder = std::getenv("GATEPOST_BENCH_MAIL")) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) read.add(test::read_file(entry.path()));
      }
    } else {
      std::string text =
          "Subject: =?utf-8?q?a_message?=\nContent-Type: multipart/alternative; "
          "boundary=b\n\n--b\nContent-Transfer-Encoding: quoted-printable\n\n";
      for (int i = 0; i < 40; ++i) text += "a line of text with an =E4 in it and more text =\n";
      text += "\n--b\nContent-Type: text/html; charset=utf-8\n\n";
      for (int i = 0; i < 60; ++i) text += "<p class=\"x\">a line of html</p>\n";
      read.add(text + "--b--\n");
    }
    return read;
  }();
  return all;
}

void ours(benchmark::State& state) {
  for (auto _ : state) {
    for (const auto& message : mail().messages)
      benchmark::DoNotOptimize(read_content(*message).ok());
  }
  state.counters["us_per_message"] = benchmark::Counter(
      static_cast<double>(mail().messages.size()) / 1e6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(ours)->Unit(benchmark::kMillisecond);

void visit(GMimeObject*, GMimeObject* object, gpointer stream) {
  if (!GMIME_IS_TEXT_PART(object)) return;
  char* text = g_mime_text_part_get_text(GMIME_TEXT_PART(object));
  if (text != nullptr) g_mime_stream_write_string(static_cast<GMimeStream*>(stream), text);
  g_free(text);
}

void gmime(benchmark::State& state) {
  g_mime_init();
  for (auto _ : state) {
    for (const std::string& raw : mail().raw) {
      GMimeStream* in = g_mime_stream_mem_new_with_buffer(raw.data(), raw.size());
      GMimeStream* out = g_mime_stream_mem_new();
      GMimeParser* parser = g_mime_parser_new_with_stream(in);
      if (GMimeMessage* message = g_mime_parser_construct_message(parser, nullptr)) {
        g_mime_message_foreach(message, visit, out);
        g_object_unref(message);
      }
      g_object_unref(parser);
      g_object_unref(out);
      g_object_unref(in);
    }
  }
  state.counters["us_per_message"] = benchmark::Counter(
      static_cast<double>(mail().raw.size()) / 1e6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(gmime)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gatepost::mail

BENCHMARK_MAIN();
