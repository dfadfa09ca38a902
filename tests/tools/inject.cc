// Runs a program and interferes with its system calls: makes the N-th of some kind fail, ends the program there, runs a
// command while the call waits, halves what reads and writes ask for, or only lists the calls.
//
// At the level of the kernel (seccomp stops, ptrace), so that it does not matter who makes a call: the C library, a
// program of our own, or instructions in line. Calls of the dynamic linker do not count: what they do is not ours.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using ull = unsigned long long;

constexpr int kTrouble = 125;  // ours, not the program's

const char kUsage[] =
    R"(usage: inject [OPTION...] PROGRAM [ARG...]
  --calls NAME,...  the system calls that count
  --nth N           act on the N-th of them (without: on none)
  --error ERRNO     it is not made (but close), and fails so: ENOSPC, EIO, ...
  --kill            the process is killed before it is made
  --run COMMAND     COMMAND runs in a shell while it waits; then it is made
  --short           every read and write among them asks for half of what it wants
  --exe NAME        only in processes whose program has this file name
  --from TEXT       count from the first open or openat whose path holds TEXT
  --report FILE     "COUNT ACTED NAME": how many there were, whether it was acted on (1, 0), and on which call
  --log FILE        a line for each that counts: its name, six arguments, and the path of an open
The exit status is the program's; 128 and the signal's number; 125: this tool's own trouble.
)";

struct Call {
  const char* name;
  long number;
};
#define CALL(name) \
  { #name, SYS_##name }
constexpr Call kCalls[] = {
    CALL(read),      CALL(pread64),   CALL(write),      CALL(pwrite64),   CALL(open),     CALL(openat), CALL(close),
    CALL(fstat),     CALL(stat),      CALL(newfstatat), CALL(mmap),       CALL(mprotect), CALL(munmap), CALL(madvise),
    CALL(ftruncate), CALL(fchmod),    CALL(fsync),      CALL(rename),     CALL(renameat), CALL(linkat), CALL(unlink),
    CALL(unlinkat),  CALL(mkdir),     CALL(rmdir),      CALL(getdents64), CALL(lseek),    CALL(flock),  CALL(fork),
    CALL(vfork),     CALL(clone),     CALL(execve),     CALL(wait4),      CALL(waitid),   CALL(pipe2),  CALL(readlink),
    CALL(brk),       CALL(getrandom), CALL(access),     CALL(prctl),      CALL(dup2),     CALL(mremap), CALL(sendfile),
};
#undef CALL

struct Errno {
  const char* name;
  int number;
};
constexpr Errno kErrnos[] = {{"EPERM", EPERM},   {"ENOENT", ENOENT}, {"EINTR", EINTR},   {"EIO", EIO},
                             {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EACCES", EACCES}, {"EEXIST", EEXIST},
                             {"EINVAL", EINVAL}, {"EMFILE", EMFILE}, {"EFBIG", EFBIG},   {"ENOSPC", ENOSPC},
                             {"EROFS", EROFS},   {"EDQUOT", EDQUOT}, {"EXDEV", EXDEV},   {"EOPNOTSUPP", EOPNOTSUPP}};

[[noreturn]] void die(const std::string& message) {
  fprintf(stderr, "inject: %s\n", message.c_str());
  _exit(kTrouble);
}

struct Options {
  std::vector<Call> calls;
  ull nth = 0;
  int error = 0;
  bool kill = false;
  bool halve = false;
  std::string run, exe, from, report, log;
};

Options parse(int argc, char** argv) {
  Options options;
  static const option kLong[] = {{"calls", 1, nullptr, 'c'}, {"nth", 1, nullptr, 'n'},  {"error", 1, nullptr, 'e'},
                                 {"kill", 0, nullptr, 'k'},  {"run", 1, nullptr, 'r'},  {"short", 0, nullptr, 's'},
                                 {"exe", 1, nullptr, 'x'},   {"from", 1, nullptr, 'f'}, {"report", 1, nullptr, 'o'},
                                 {"log", 1, nullptr, 'l'},   {nullptr, 0, nullptr, 0}};
  const auto calls = [&](const char* list) {
    std::stringstream words(list);
    for (std::string name; std::getline(words, name, ',');) {
      const Call* found = nullptr;
      for (const Call& call : kCalls) found = name == call.name ? &call : found;
      if (found == nullptr) die("unknown system call " + name);
      options.calls.push_back(*found);
    }
  };
  const auto error = [&](const std::string& name) {
    for (const Errno& each : kErrnos) options.error = name == each.name ? each.number : options.error;
    if (options.error == 0) die("unknown error " + name);
  };
  for (int c; (c = getopt_long(argc, argv, "+", kLong, nullptr)) != -1;) {
    switch (c) {
      case 'c':
        calls(optarg);
        break;
      case 'n':
        options.nth = strtoull(optarg, nullptr, 10);
        break;
      case 'e':
        error(optarg);
        break;
      case 'k':
        options.kill = true;
        break;
      case 'r':
        options.run = optarg;
        break;
      case 's':
        options.halve = true;
        break;
      case 'x':
        options.exe = optarg;
        break;
      case 'f':
        options.from = optarg;
        break;
      case 'o':
        options.report = optarg;
        break;
      case 'l':
        options.log = optarg;
        break;
      default:
        fputs(kUsage, stderr);
        _exit(kTrouble);
    }
  }
  if (optind == argc || options.calls.empty()) {
    fputs(kUsage, stderr);
    _exit(kTrouble);
  }
  return options;
}

// In the child: the calls that count, and open and openat where counting begins with one, stop for us.
void install_filter(const Options& options) {
  std::vector<long> numbers;
  for (const Call& call : options.calls) numbers.push_back(call.number);
  if (!options.from.empty()) numbers.insert(numbers.end(), {SYS_open, SYS_openat});
  std::vector<sock_filter> code;
  code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const long number : numbers) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program = {static_cast<unsigned short>(code.size()), code.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    die(std::string("no system-call filter: ") + strerror(errno));
}

// What is known of a process, until it becomes another program.
struct Process {
  std::string exe;                       // file name of its program
  ull linker_begin = 0, linker_end = 0;  // where the dynamic linker is mapped
};

class Tracer {
 public:
  explicit Tracer(const Options& options) : options_(options) {
    if (!options.log.empty()) {
      log_ = fopen(options.log.c_str(), "we");
      if (log_ == nullptr) die("cannot write " + options.log);
    }
    counting_ = options.from.empty();
  }

  int run(char** words) {
    int go[2];
    if (pipe2(go, O_CLOEXEC) != 0) die("no pipe");
    first_ = fork();
    if (first_ < 0) die("no process");
    if (first_ == 0) {
      char byte;
      if (read(go[0], &byte, 1) != 1) _exit(kTrouble);
      install_filter(options_);
      execvp(words[0], words);
      die(std::string("cannot start ") + words[0] + ": " + strerror(errno));
    }
    constexpr long kOptions = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                              PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, first_, nullptr, kOptions) != 0) {
      kill(first_, SIGKILL);
      die(std::string("cannot trace: ") + strerror(errno));
    }
    if (write(go[1], "g", 1) != 1) die("no pipe");
    loop();
    report();
    return exit_;
  }

 private:
  void loop() {
    int status = 0;
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
      if (pid <= 0) continue;
      if (WIFEXITED(status) || WIFSIGNALED(status)) {
        processes_.erase(pid);
        if (pid == first_) exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        continue;
      }
      stopped(pid, status);
    }
  }

  void stopped(pid_t pid, int status) {
    const int event = status >> 16;
    const int signal_number = WSTOPSIG(status);
    switch (event) {
      case 0:  // a signal is on its way, or a close that is to fail has been made
        if (signal_number == SIGTRAP && closing_ == pid) {
          user_regs_struct regs;
          closing_ = -1;
          if (ptrace(PTRACE_GETREGS, pid, nullptr, &regs) == 0) {
            regs.rax = static_cast<ull>(-options_.error);
            ptrace(PTRACE_SETREGS, pid, nullptr, &regs);
          }
          ptrace(PTRACE_CONT, pid, nullptr, nullptr);
          return;
        }
        ptrace(PTRACE_CONT, pid, nullptr, signal_number);
        return;
      case PTRACE_EVENT_STOP:
        ptrace(signal_number == SIGTRAP ? PTRACE_CONT : PTRACE_LISTEN, pid, nullptr, nullptr);
        return;
      case PTRACE_EVENT_EXEC:
        processes_.erase(pid);
        break;
      case PTRACE_EVENT_SECCOMP:
        called(pid);
        return;
      default:
        break;
    }
    ptrace(PTRACE_CONT, pid, nullptr, nullptr);
  }

  const Process& process(pid_t pid) {
    const auto known = processes_.find(pid);
    if (known != processes_.end()) return known->second;
    Process found;
    char path[4096];
    const std::string proc = "/proc/" + std::to_string(pid);
    const ssize_t n = readlink((proc + "/exe").c_str(), path, sizeof path);
    if (n > 0) {
      const std::string_view exe(path, static_cast<size_t>(n));
      found.exe = exe.substr(exe.rfind('/') + 1);
    }
    std::ifstream maps(proc + "/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("/ld-linux") == std::string::npos) continue;
      char* rest = nullptr;
      const ull begin = strtoull(line.c_str(), &rest, 16);
      if (*rest != '-') continue;
      const ull end = strtoull(rest + 1, &rest, 16);
      if (*rest != ' ') continue;
      if (found.linker_begin == 0) found.linker_begin = begin;
      found.linker_end = end;
    }
    return processes_[pid] = found;
  }

  static std::string text_at(pid_t pid, ull address) {
    char buffer[4096];
    size_t got = 0;
    while (got < sizeof buffer) {  // by pages: the next one may not be there
      const size_t want = std::min<size_t>(sizeof buffer - got, size_t{4096} - (address + got) % 4096);
      const iovec here = {buffer + got, want};
      const iovec there = {reinterpret_cast<void*>(address + got), want};
      if (process_vm_readv(pid, &here, 1, &there, 1, 0) != static_cast<ssize_t>(want)) break;
      const void* end = memchr(buffer + got, '\0', want);
      if (end != nullptr) return buffer;
      got += want;
    }
    return std::string(buffer, got);
  }

  void called(pid_t pid) {
    user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, nullptr, &regs) != 0) return;  // killed meanwhile
    const auto number = static_cast<long>(regs.orig_rax);
    const Process& caller = process(pid);
    const bool of_linker = regs.rip >= caller.linker_begin && regs.rip < caller.linker_end;
    const bool wanted = !of_linker && (options_.exe.empty() || caller.exe == options_.exe);
    if (wanted && !counting_ && (number == SYS_open || number == SYS_openat)) {
      const std::string path = text_at(pid, number == SYS_open ? regs.rdi : regs.rsi);
      counting_ = path.find(options_.from) != std::string::npos;
    }
    const Call* call = nullptr;
    for (const Call& each : options_.calls) call = each.number == number ? &each : call;
    if (!wanted || !counting_ || call == nullptr) {
      ptrace(PTRACE_CONT, pid, nullptr, nullptr);
      return;
    }
    ++count_;
    if (log_ != nullptr) log(pid, *call, regs);
    if (options_.halve) halve(pid, number, &regs);
    if (count_ == options_.nth) act(pid, *call, &regs);
    ptrace(closing_ == pid ? PTRACE_SYSCALL : PTRACE_CONT, pid, nullptr, nullptr);
  }

  void log(pid_t pid, const Call& call, const user_regs_struct& regs) {
    fprintf(log_, "%s %#llx %#llx %#llx %#llx %#llx %#llx", call.name, ull{regs.rdi}, ull{regs.rsi}, ull{regs.rdx},
            ull{regs.r10}, ull{regs.r8}, ull{regs.r9});
    if (call.number == SYS_openat || call.number == SYS_newfstatat)
      fprintf(log_, " %s", text_at(pid, regs.rsi).c_str());
    if (call.number == SYS_open) fprintf(log_, " %s", text_at(pid, regs.rdi).c_str());
    fputc('\n', log_);
  }

  static void halve(pid_t pid, long number, user_regs_struct* regs) {
    if (number != SYS_read && number != SYS_pread64 && number != SYS_write && number != SYS_pwrite64) return;
    if (regs->rdx < 2) return;
    regs->rdx /= 2;
    ptrace(PTRACE_SETREGS, pid, nullptr, regs);
  }

  void act(pid_t pid, const Call& call, user_regs_struct* regs) {
    acted_ = call.name;
    if (!options_.run.empty() && system(options_.run.c_str()) != 0) die("the command failed: " + options_.run);
    if (options_.error != 0 && call.number == SYS_close) {
      closing_ = pid;  // the kernel closes, whatever it says
    } else if (options_.error != 0) {
      regs->orig_rax = static_cast<ull>(-1);
      regs->rax = static_cast<ull>(-options_.error);
      ptrace(PTRACE_SETREGS, pid, nullptr, regs);
    }
    if (options_.kill) kill(pid, SIGKILL);
  }

  void report() {
    if (log_ != nullptr && fclose(log_) != 0) die("cannot write " + options_.log);
    if (options_.report.empty()) return;
    std::ofstream file(options_.report);
    file << count_ << ' ' << (acted_.empty() ? 0 : 1) << ' ' << (acted_.empty() ? "-" : acted_) << '\n';
    if (!file.flush()) die("cannot write " + options_.report);
  }

  const Options& options_;
  std::map<pid_t, Process> processes_;
  pid_t first_ = -1;
  pid_t closing_ = -1;  // it makes a close, which is then to say that it failed
  FILE* log_ = nullptr;
  bool counting_ = false;
  ull count_ = 0;
  std::string acted_;
  int exit_ = kTrouble;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  return Tracer(options).run(argv + optind);
}
