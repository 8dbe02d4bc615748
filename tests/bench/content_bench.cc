// What reading a message's text costs, ours and GMime's way to the same text parts. A folder of
// messages in $GATEPOST_BENCH_MAIL is read as well. Figures are printed, never asserted.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <gmime/gmime.h>

#include "core/mail/view.h"
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

// Everything that a view can make of a message but its attachments.
void whole_view(benchmark::State& state) {
  Registries registries;
  for (const char* name : {"com", "org", "net", "edu", "uk", "de"}) registries.add_top_level(name);
  const UrlSettings settings{.registries = &registries, .redirect = {}};
  for (auto _ : state) {
    for (const auto& message : mail().messages) {
      auto view = MessageView::open(*message);
      if (!view.ok()) std::abort();
      benchmark::DoNotOptimize(view->urls(settings).size());
      benchmark::DoNotOptimize(view->visible_body().pieces.size());
    }
  }
  state.counters["us_per_message"] = benchmark::Counter(
      static_cast<double>(mail().messages.size()) / 1e6,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(whole_view)->Unit(benchmark::kMillisecond);

// The message whose view takes the median time of all.
void median_view(benchmark::State& state) {
  static const std::size_t median = [] {
    std::vector<std::pair<std::chrono::nanoseconds, std::size_t>> times;
    for (std::size_t i = 0; i < mail().messages.size(); ++i) {
      const auto begin = std::chrono::steady_clock::now();
      benchmark::DoNotOptimize(read_content(*mail().messages[i]).ok());
      times.emplace_back(std::chrono::steady_clock::now() - begin, i);
    }
    std::nth_element(times.begin(), times.begin() + static_cast<long>(times.size() / 2),
                     times.end());
    return times[times.size() / 2].second;
  }();
  for (auto _ : state) benchmark::DoNotOptimize(read_content(*mail().messages[median]).ok());
}
BENCHMARK(median_view)->Unit(benchmark::kMicrosecond);

void html(benchmark::State& state) {
  std::string text = "<html><head><title>t</title><style>p { color: red }</style></head><body>";
  while (text.size() < 1000000) {
    text +=
        "<table width=\"100%\" style=\"background-color:#ffffff\"><tr><td><p class=\"x\"><font "
        "color=\"#333333\" size=2 face=\"Arial, Helvetica\">A line of text &amp; more of it "
        "in<br>a mail that sells &quot;things&quot;.</font></p><a href=\"http://www.shop.example/"
        "item\"><img src=\"http://i.example/x.png\" width=10 height=20></a></td></tr></table>\n";
  }
  for (auto _ : state) benchmark::DoNotOptimize(render_html(text, text.size()).all.size());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(html)->Unit(benchmark::kMillisecond);

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
