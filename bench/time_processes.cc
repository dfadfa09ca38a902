// Times whole processes, several commands in turn: from before posix_spawn to after wait4, without a shell.
//
//   time_processes [--cold] ROUNDS SECONDS <COMMANDS
//
// A line of COMMANDS: NAME, FILES, EXPECTED, WORD..., tabs between. What the command prints must be the line EXPECTED
// (any, if that is empty). FILES (separated by spaces) are what it reads: with --cold they are dropped from the page
// cache before each start, by posix_fadvise; a command without FILES is then left out.
//
// Each round runs every command once, in an order that is drawn anew (but the same in each call), so that neither the
// machine's drift nor what one leaves behind for the next falls on one of them. A command that would need more than
// SECONDS for all ROUNDS takes part in as many as fit, at least five, spread evenly.
//
// Prints for each command a line, tabs between: NAME, runs, wall time (median and minimum, microseconds), median over
// the rounds of the ratio to the first command in the same round, medians of processor time (user and system,
// microseconds), peak memory (KiB), minor and major page faults; and the largest share of a file's pages that were
// still cached when a run began cold.

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <vector>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "time_processes: error: %s\n", what.c_str());
  std::exit(2);
}

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

double microseconds(const timeval& t) { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); }

struct Run {
  double wall, cpu, memory, minor, major, ratio;
};

struct Command {
  std::string name, expected;
  std::vector<std::string> files, words;
  size_t rounds = 0;        // in how many rounds it takes part
  double still_cached = 0;  // share
  std::vector<Run> runs;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<Command> read_commands() {
  std::vector<Command> commands;
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::string> parts = split(line, '\t');
    if (parts.size() < 4) die("a line of less than four fields: " + line);
    Command command;
    command.name = parts[0];
    command.files = split(parts[1], ' ');
    command.expected = parts[2];
    command.words.assign(parts.begin() + 3, parts.end());
    commands.push_back(command);
  }
  return commands;
}

// The share of the file's pages that are in the page cache.
double cached(int file, size_t size) {
  void* map = mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  if (map == MAP_FAILED) return 1;
  std::vector<unsigned char> pages((size + 4095) / 4096);
  const bool known = mincore(map, size, pages.data()) == 0;
  munmap(map, size);
  const auto in = std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1) != 0; });
  return known ? static_cast<double>(in) / static_cast<double>(pages.size()) : 1;
}

void drop(Command* command) {
  for (const std::string& path : command->files) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (file < 0 || fstat(file, &status) != 0) die("cannot open " + path);
    if (status.st_size > 0) {
      fdatasync(file);
      posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
      command->still_cached = std::max(command->still_cached, cached(file, static_cast<size_t>(status.st_size)));
    }
    close(file);
  }
}

std::string read_all(int file) {
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(file, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<size_t>(n));
  return text;
}

Run run(const Command& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command.words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) die("no pipe");
  posix_spawn_file_actions_t output;
  posix_spawn_file_actions_init(&output);
  posix_spawn_file_actions_adddup2(&output, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const double start = now();
  if (posix_spawnp(&child, arguments[0], &output, nullptr, arguments.data(), environ) != 0)
    die(command.name + " does not start");
  close(ends[1]);
  const std::string text = read_all(ends[0]);
  int status = 0;
  rusage usage{};
  while (wait4(child, &status, 0, &usage) < 0) {
  }
  const double end = now();
  close(ends[0]);
  posix_spawn_file_actions_destroy(&output);
  if (status != 0) die(command.name + " failed");
  if (!command.expected.empty() && text != command.expected + "\n")
    die(command.name + " printed '" + text + "', expected '" + command.expected + "'");
  return {end - start,
          microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
          static_cast<double>(usage.ru_maxrss),
          static_cast<double>(usage.ru_minflt),
          static_cast<double>(usage.ru_majflt),
          0};
}

template <typename Field>
double median(const std::vector<Run>& runs, Field field) {
  std::vector<double> values;
  for (const Run& one : runs)
    if (field(one) >= 0) values.push_back(field(one));
  if (values.empty()) return -1;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// A run that is not counted, to warm up and to see how many rounds fit.
void plan(std::vector<Command>* commands, size_t rounds, double seconds, bool cold) {
  for (Command& command : *commands) {
    double longest = 0;
    for (int i = 0; i < 2 && longest < 1e5; ++i) {
      if (cold) drop(&command);
      longest = run(command).wall;
    }
    const auto fit = static_cast<size_t>(seconds * 1e6 / longest);
    command.rounds = std::min(rounds, std::max<size_t>(fit, std::min<size_t>(rounds, 5)));
  }
}

void measure(std::vector<Command>* commands, size_t rounds, bool cold) {
  std::vector<size_t> order(commands->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same order each time
  for (size_t round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    std::vector<bool> ran(commands->size());
    for (const size_t turn : order) {
      Command& command = (*commands)[turn];
      if ((round + 1) * command.rounds / rounds == round * command.rounds / rounds) continue;
      if (cold) drop(&command);
      command.runs.push_back(run(command));
      ran[turn] = true;
    }
    for (size_t i = 0; i < commands->size(); ++i)
      if (ran[i])
        (*commands)[i].runs.back().ratio =
            ran[0] ? (*commands)[i].runs.back().wall / (*commands)[0].runs.back().wall : -1;
  }
}

void print(const Command& command) {
  double least = command.runs[0].wall;
  for (const Run& one : command.runs) least = std::min(least, one.wall);
  std::printf("%s\t%zu\t%.1f\t%.1f\t%.4f\t%.1f\t%.0f\t%.0f\t%.0f\t%.3f\n", command.name.c_str(), command.runs.size(),
              median(command.runs, [](const Run& r) { return r.wall; }), least,
              median(command.runs, [](const Run& r) { return r.ratio; }),
              median(command.runs, [](const Run& r) { return r.cpu; }),
              median(command.runs, [](const Run& r) { return r.memory; }),
              median(command.runs, [](const Run& r) { return r.minor; }),
              median(command.runs, [](const Run& r) { return r.major; }), command.still_cached);
}

}  // namespace

int main(int argc, char** argv) {
  const bool cold = argc > 1 && std::string(argv[1]) == "--cold";
  if (cold) --argc, ++argv;
  if (argc != 3 || std::atoi(argv[1]) < 1) die("usage: time_processes [--cold] ROUNDS SECONDS <COMMANDS");
  const auto rounds = static_cast<size_t>(std::atoi(argv[1]));
  std::vector<Command> commands = read_commands();
  if (cold) std::erase_if(commands, [](const Command& command) { return command.files.empty(); });
  if (commands.empty()) die("no commands");
  plan(&commands, rounds, std::atof(argv[2]), cold);
  measure(&commands, rounds, cold);
  for (const Command& command : commands) print(command);
}
