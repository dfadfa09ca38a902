// Signals that would end us wait until we ask for them, so that nothing is left behind.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace fastboot::freeze {

using Clock = std::chrono::steady_clock;

// Blocks SIGHUP, SIGINT, SIGTERM (those that are not ignored), SIGCHLD and SIGTTOU as long as it lives. One in a
// process, which has one thread.
class Signals {
 public:
  Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals();

  // The next of the blocked signals, or 0 when there is none up to `until` (nothing: for ever).
  int wait(std::optional<Clock::time_point> until) const;
  // One that asks us to end and has come already, or 0.
  int pending() const;
  static bool ends(int signal) { return signal == SIGHUP || signal == SIGINT || signal == SIGTERM; }

  // In a child between fork and exec: everything as it was for us.
  void restore_in_child() const;

 private:
  sigset_t waited_, old_;
};

}  // namespace fastboot::freeze
