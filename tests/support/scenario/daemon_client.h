#pragma once
// A milter client of a daemon under test, for tests that are about something else than SMTP.

#include "tests/support/milter/client.h"
#include "tests/support/scenario/daemon.h"

namespace gatepost::test {

/// Connected and greeted, as a.example from 192.0.2.1; faults are failures of the test.
milter::MilterClient connected(const DaemonUnderTest& daemon);

/// One small message from a@b.example to c@d.example, MAIL to end of message. @return whether it
/// was accepted.
bool passes(milter::MilterClient& client);

}  // namespace gatepost::test
