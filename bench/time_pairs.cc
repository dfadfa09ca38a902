// Times whole processes, several commands in turn: fork, exec and wait, as a shell's user sees them, without a shell.
//
//   time_pairs ROUNDS COMMAND...        (each COMMAND one argument: a program, looked for in PATH, and its arguments,
//                                        separated by single spaces)
//
// Each round runs every command once, in an order that is drawn anew (but the same in each call), so
// that neither the machine's drift nor what one leaves behind for the next falls on one of them.
// Prints for each command a line: median and minimum in microseconds, and the median over the rounds
// of the ratio to the first command in the same round, and the median of its minor page faults.

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace {

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "time_pairs: error: %s\n", what);
  std::exit(2);
}

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

struct Run {
  double time;    // microseconds
  double faults;  // minor page faults
};

using Command = std::vector<char*>;  // ends in a null pointer

Command split(char* words) {
  Command command;
  for (char* word = std::strtok(words, " "); word != nullptr; word = std::strtok(nullptr, " ")) command.push_back(word);
  if (command.empty()) die("an empty command");
  command.push_back(nullptr);
  return command;
}

Run run(const Command& command, const posix_spawn_file_actions_t& silent) {
  pid_t child = 0;
  int status = 0;
  const double start = now();
  if (posix_spawnp(&child, command[0], &silent, nullptr, command.data(), environ) != 0) die("a program does not start");
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0) {
  }
  const double end = now();
  if (status != 0) die("a program failed");
  return {end - start, static_cast<double>(usage.ru_minflt)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::atoi(argv[1]) < 1) die("usage: time_pairs ROUNDS COMMAND...");
  const auto rounds = static_cast<size_t>(std::atoi(argv[1]));
  const auto programs = static_cast<size_t>(argc - 2);
  posix_spawn_file_actions_t silent;
  posix_spawn_file_actions_init(&silent);
  posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);

  std::vector<Command> commands;
  for (int i = 2; i < argc; ++i) commands.push_back(split(argv[i]));
  std::vector<std::vector<double>> times(programs, std::vector<double>(rounds));
  std::vector<std::vector<double>> faults = times;
  std::vector<size_t> order(programs);
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same order each time
  const size_t warm_up = 5;
  for (size_t round = 0; round < warm_up + rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const size_t turn : order) {
      const Run result = run(commands[turn], silent);
      if (round < warm_up) continue;
      times[turn][round - warm_up] = result.time;
      faults[turn][round - warm_up] = result.faults;
    }
  }
  for (size_t i = 0; i < programs; ++i) {
    std::vector<double> ratios(rounds);
    for (size_t round = 0; round < rounds; ++round) ratios[round] = times[i][round] / times[0][round];
    std::printf("%.1f %.1f %.4f %.0f\n", median(times[i]), *std::min_element(times[i].begin(), times[i].end()),
                median(ratios), median(faults[i]));
  }
}
