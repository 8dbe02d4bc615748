#include "core/dns/unbound_log.h"

#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

#include <unbound.h>

#include "core/base/text.h"

namespace gatepost::dns {

namespace {

constexpr std::size_t kMaxReason = 200;
constexpr std::size_t kMaxLine = 4096;

struct Servfail {
  std::string question;  ///< "name. TYPE IN"
  std::string reason;
};

thread_local Servfail last_servfail;
thread_local std::string unfinished;

ssize_t write_log(void* /*cookie*/, const char* octets, std::size_t size) {
  unfinished.append(octets, size);
  std::size_t begin = 0;
  for (std::size_t end; (end = unfinished.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    take_unbound_line(std::string_view(unfinished).substr(begin, end - begin));
  }
  unfinished.erase(0, begin);
  if (unfinished.size() > kMaxLine) unfinished.clear();
  return static_cast<ssize_t>(size);
}

}  // namespace

void take_unbound_line(std::string_view line) {
  if (line.find("validation failure") != std::string_view::npos) return;  // the callback has it
  constexpr std::string_view kMark = "SERVFAIL <";
  const auto begin = line.find(kMark);
  const auto end = line.find(">: ", begin == std::string_view::npos ? 0 : begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    std::fprintf(stderr, "%s\n", printable(line, kMaxLine).c_str());
    return;
  }
  last_servfail.question = line.substr(begin + kMark.size(), end - begin - kMark.size());
  last_servfail.reason = printable(line.substr(end + 3), kMaxReason);
}

void catch_unbound_log(ub_ctx* context) {
  // Libunbound closes the file itself when the next context is made: it is never closed here, and
  // kept only so that nobody takes it for lost.
  static std::mutex mutex;
  static std::vector<std::FILE*> files;
  std::lock_guard lock(mutex);
  cookie_io_functions_t functions{};
  functions.write = write_log;
  std::FILE* file = fopencookie(nullptr, "w", functions);
  if (file == nullptr) return;
  setvbuf(file, nullptr, _IOLBF, BUFSIZ);  // a line is read before the answer that it is about
  files.push_back(file);
  ub_ctx_debugout(context, file);
}

std::string take_servfail_reason(std::string_view name, std::string_view type) {
  const Servfail said = std::exchange(last_servfail, {});
  const std::string question = std::string(name) + " " + std::string(type) + " IN";
  return iequals(said.question, question) ? said.reason : "";
}

Status status_of_reason(std::string_view reason) {
  const auto says = [&](std::string_view words) {
    return reason.find(words) != std::string_view::npos;
  };
  if (says("got REFUSED")) return Status::refused;
  if (says("failed scrub") || says("indirections") || says("query restarts")) return Status::lying;
  if (says("could not parse") || says("got FORMERR") || says("got NOTIMP")) {
    return Status::malformed;
  }
  return Status::servfail;
}

}  // namespace gatepost::dns
