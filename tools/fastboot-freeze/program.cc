#include "fastboot-freeze/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace fastboot::freeze {

using format::fail;
using format::Failure;
using format::Result;
using wire::Code;

namespace {

// What the runtime does besides the program's own business is for us to say.
constexpr const char* kRuntimeVariables[] = {"FASTBOOT_CAPTURE", "FASTBOOT_DISABLE", "FASTBOOT_FORCE",
                                             "FASTBOOT_IMAGE",   "FASTBOOT_ROOTS",   "FASTBOOT_LIST_ROOTS",
                                             "FASTBOOT_NEEDS"};

// How long a program may take to end once it was told to.
constexpr std::chrono::seconds kGrace(5);

// --- finding it ----------------------------------------------------------------------------------

bool is_file(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

Result<std::string> check_program(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0)
    return fail(Code::not_executable, fmt::format("cannot be run: {}", strerror(errno)), path);
  if (S_ISDIR(status.st_mode)) return fail(Code::not_executable, "is a directory, expected a program", path);
  if (access(path.c_str(), X_OK) == 0) return path;
  return fail(
      Code::not_executable,
      fmt::format("its mode {:04o} does not let you run it; chmod +x it, or name a program", status.st_mode & 07777u),
      path);
}

std::vector<std::string> search_path() {
  const char* path = getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  std::vector<std::string> directories;
  while (true) {
    const size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    directories.emplace_back(directory.empty() ? "." : directory);
    if (colon == std::string_view::npos) return directories;
    rest.remove_prefix(colon + 1);
  }
}

// --- the terminal --------------------------------------------------------------------------------

// A process group that is not the terminal's own is stopped when it reads from it, so PROGRAM's becomes the terminal's.
class Terminal {
 public:
  Terminal() : ours_(tcgetpgrp(STDIN_FILENO) == getpgrp()) {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { take_back(); }
  bool ours() const { return ours_; }
  void give(pid_t group) const {
    if (ours_) tcsetpgrp(STDIN_FILENO, group);
  }
  void take_back() const { give(getpgrp()); }

 private:
  bool ours_;
};

// --- starting it ---------------------------------------------------------------------------------

// In the child of `parent`. Comes back only when exec fails.
void become(const Command& command, const Signals& signals, const Terminal& terminal, pid_t parent) {
  // What PROGRAM freezes is of no use to anybody when we are gone.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  setpgid(0, 0);
  terminal.give(getpid());
  dup2(STDERR_FILENO, STDOUT_FILENO);
  for (const char* name : kRuntimeVariables) unsetenv(name);
  for (const auto& [name, value] : command.environment) setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> words = {const_cast<char*>(command.name.c_str())};
  for (const std::string& word : command.arguments) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  signals.restore_in_child();
  execv(command.path.c_str(), words.data());
}

Failure cannot_start(const Command& command, int error) {
  if (error == ENOEXEC) {
    return fail(Code::not_executable, "is no program for this machine, and no script with #! either; build it here",
                command.path);
  }
  if (error == ENOENT) {
    return fail(Code::not_executable,
                "its interpreter (after #!, or ld.so) does not exist; install it or build the program here",
                command.path);
  }
  return fail(Code::not_executable, fmt::format("cannot be started: {}", strerror(error)), command.path);
}

// A pipe that exec closes tells success from failure.
Result<pid_t> start(const Command& command, const Signals& signals, const Terminal& terminal) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return cannot_start(command, errno);
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) {
    become(command, signals, terminal, self);
    const int error = errno;
    [[maybe_unused]] const ssize_t put = ::write(ends[1], &error, sizeof error);
    _exit(127);
  }
  int error = child < 0 ? errno : 0;
  close(ends[1]);
  if (child > 0) {
    setpgid(child, child);  // whoever of us two comes first
    if (::read(ends[0], &error, sizeof error) > 0) waitpid(child, nullptr, 0);
  }
  close(ends[0]);
  if (error != 0) return cannot_start(command, error);
  return child;
}

// --- waiting for it ------------------------------------------------------------------------------

class Watch {
 public:
  Watch(pid_t child, double timeout, const Signals& signals, const Terminal& terminal)
      : child_(child), signals_(signals), terminal_(terminal) {
    if (timeout > 0)
      until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout));
  }

  Ended to_the_end() {
    while (!has_ended()) {
      const int signal = signals_.wait(until_);
      if (Signals::ends(signal)) {
        ended_.interrupted = signal;
        stop(signal);
      } else if (signal == 0) {
        ended_.timed_out |= !stopping_;
        stop(SIGTERM);
      }
    }
    return reap();
  }

 private:
  // Does not reap, so that the process group's number stays taken until it is killed.
  bool has_ended() {
    siginfo_t info = {};
    while (waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    if (info.si_pid == 0) return false;
    if (info.si_code != CLD_STOPPED) return true;
    waitid(P_PID, static_cast<id_t>(child_), &info, WSTOPPED | WNOHANG);
    if (terminal_.ours()) follow_into_stop();
    return false;
  }

  // Ctrl-Z reached PROGRAM only, for the terminal is its own: stop too, so that the shell takes over.
  void follow_into_stop() const {
    terminal_.take_back();
    raise(SIGSTOP);
    terminal_.give(child_);
    kill(-child_, SIGCONT);
  }

  // The second time there is no more asking.
  void stop(int signal) {
    kill(-child_, stopping_ ? SIGKILL : signal);
    kill(-child_, SIGCONT);
    until_ = stopping_ ? std::nullopt : std::optional(Clock::now() + kGrace);
    stopping_ = true;
  }

  Ended reap() {
    if (stopping_) kill(-child_, SIGKILL);  // what it started may have other ideas about signals
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    ended_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ended_.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    // Ctrl-C reaches PROGRAM only, and is meant for both of us.
    if (terminal_.ours() && ended_.signal == SIGINT) ended_.interrupted = SIGINT;
    return ended_;
  }

  pid_t child_;
  const Signals& signals_;
  const Terminal& terminal_;
  std::optional<Clock::time_point> until_;
  bool stopping_ = false;
  Ended ended_;
};

}  // namespace

Result<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return check_program(name);
  std::string candidate;
  for (const std::string& directory : search_path()) {
    const std::string path = fmt::format("{}/{}", directory, name);
    if (!is_file(path)) continue;
    if (access(path.c_str(), X_OK) == 0) return path;
    if (candidate.empty()) candidate = path;
  }
  if (!candidate.empty()) return check_program(candidate);
  return fail(Code::not_executable,
              fmt::format("no such program in PATH; {}", is_file(name) ? "for the one in this directory, say ./" + name
                                                                       : "give the path of the program"),
              name);
}

Result<Ended> run_program(const Command& command, const Signals& signals) {
  const Terminal terminal;
  const auto child = start(command, signals, terminal);
  if (!child) return tl::unexpected(child.error());
  return Watch(*child, command.timeout, signals, terminal).to_the_end();
}

}  // namespace fastboot::freeze
