#include "tests/support/milter/sample_filter_process.h"

namespace gatepost::test::milter {

Result<SampleFilterProcess> SampleFilterProcess::start(const std::vector<std::string>& options) {
  return start_on(Endpoint::loopback(0), options);
}

Result<SampleFilterProcess> SampleFilterProcess::start_on(const Endpoint& endpoint,
                                                          const std::vector<std::string>& options) {
  Arguments arguments = {GATEPOST_SAMPLE_FILTER, endpoint.milter_text()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  // libmilter takes up to 5 s to stop after TERM: it has no state worth waiting for.
  auto process = BackgroundProcess::start(arguments, {.stop_signal = "KILL"});
  if (!process) return process.error();
  const auto line = process->read_line(after(Milliseconds(10'000)));
  if (!line) return line.error();
  const std::string_view text = *line ? std::string_view(**line) : "";
  if (!text.starts_with("ready ")) return temporary_error("the sample filter did not start");
  const auto real = Endpoint::parse(text.substr(6));
  if (!real) return real.error();
  return SampleFilterProcess(std::move(*process), *real);
}

}  // namespace gatepost::test::milter
