#pragma once
// The signals of the process, kept from libmilter.

#include <csignal>

namespace gatepost {

/// Waits for one of `signals`, which are blocked in all threads. libmilter has a thread that waits
/// for HUP, TERM and INT too and ends everything at any of them; the kernel gives a signal to
/// whoever waits when it comes. A program that calls this function replaces sigwait(), which
/// libmilter alone calls, by one that never returns: so nothing is lost to it, however fast signals
/// come.
/// @return the signal.
int wait_for_signal(const sigset_t& signals);

}  // namespace gatepost
