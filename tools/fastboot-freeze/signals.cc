#include "fastboot-freeze/signals.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace fastboot::freeze {
namespace {

constexpr int kEnding[] = {SIGHUP, SIGINT, SIGTERM};

bool is_ignored(int signal_number) {
  struct sigaction action = {};
  sigaction(signal_number, nullptr, &action);
  return action.sa_handler == SIG_IGN;
}

timespec to_timespec(std::chrono::nanoseconds time) {
  const auto count = std::max<std::chrono::nanoseconds::rep>(time.count(), 0);
  return {static_cast<time_t>(count / 1'000'000'000), static_cast<long>(count % 1'000'000'000)};
}

}  // namespace

Signals::Signals() {
  // A parent that ignores SIGCHLD would have our child reaped before we can ask how it ended.
  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&waited_);
  sigaddset(&waited_, SIGCHLD);
  for (const int each : kEnding) {
    // A blocked signal is delivered to sigtimedwait even where it is ignored (nohup, `&` in scripts): keep out of that.
    if (!is_ignored(each)) sigaddset(&waited_, each);
  }
  sigset_t blocked = waited_;
  sigaddset(&blocked, SIGTTOU);  // or giving the terminal back would stop us
  sigprocmask(SIG_BLOCK, &blocked, &old_);
}

Signals::~Signals() { sigprocmask(SIG_SETMASK, &old_, nullptr); }

int Signals::wait(std::optional<Clock::time_point> until) const {
  while (true) {
    const timespec left = to_timespec(until ? *until - Clock::now() : Clock::duration(0));
    const int got = until ? sigtimedwait(&waited_, nullptr, &left) : sigwaitinfo(&waited_, nullptr);
    if (got > 0) return got;
    if (errno != EINTR) return 0;
  }
}

int Signals::pending() const {
  sigset_t set;
  sigpending(&set);
  for (const int each : kEnding) {
    if (sigismember(&set, each) == 1 && sigismember(&waited_, each) == 1) return wait(Clock::now());
  }
  return 0;
}

void Signals::restore_in_child() const {
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &old_, nullptr);
}

}  // namespace fastboot::freeze
