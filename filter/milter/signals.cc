#include "filter/milter/signals.h"

#include <unistd.h>

// Found by the dynamic linker before that of the C library, as the program's own symbols are.
extern "C" int sigwait(const sigset_t* /*set*/, int* /*signal*/) {
  for (;;) ::pause();  // handled signals are blocked: nothing wakes it
}

namespace gatepost {

int wait_for_signal(const sigset_t& signals) {
  for (;;) {
    const int signal = ::sigwaitinfo(&signals, nullptr);
    if (signal > 0) return signal;  // else EINTR: a debugger, or the process was stopped
  }
}

}  // namespace gatepost
