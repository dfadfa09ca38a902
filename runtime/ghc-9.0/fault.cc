#include "ghc-9.0/fault.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "format/wire/placement_of_code.h"
#include "ghc-9.0/image.h"
#include "ghc-9.0/rts.h"
#include "ghc-9.0/scope.h"

namespace fastboot::ghc {

namespace {

struct sigaction previous;

// Text made without anything that is not safe in a signal handler.
class Line {
 public:
  void text(const char* s) {
    while (*s != '\0' && size_ < sizeof buffer_ - 1) buffer_[size_++] = *s++;
  }
  void hex(uint64_t value) {
    char digits[16];
    uint32_t n = 0;
    do {
      digits[n++] = "0123456789abcdef"[value % 16];
      value /= 16;
    } while (value != 0);
    text("0x");
    while (n != 0 && size_ < sizeof buffer_ - 1) buffer_[size_++] = digits[--n];
  }
  void write_out() {
    buffer_[size_++] = '\n';
    const ssize_t ignored = write(STDERR_FILENO, buffer_, size_);
    static_cast<void>(ignored);
  }

 private:
  char buffer_[1024];
  uint32_t size_ = 0;
};

// The closure that `address` belongs to is found by looking backwards for a word that is an interned info pointer. A
// number may look like one: this is for a message.
const wire::Target* closure_at(const Image& image, uint64_t address) {
  constexpr uint64_t kFarthest = 4096;
  for (uint64_t at = address & ~uint64_t{7}; at + kFarthest > address && image.holds_closures(at); at -= 8) {
    const wire::Target* target = image.target_of_info(*reinterpret_cast<const uint64_t*>(at));
    if (target != nullptr) return target;
  }
  return nullptr;
}

// What the instruction did at the address, by the page fault's error code.
enum class Access { read, write, run };

Access access_of(const void* context) {
  constexpr greg_t kWrite = 2, kRun = 16;
  const greg_t code = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR];
  return (code & kRun) != 0 ? Access::run : (code & kWrite) != 0 ? Access::write : Access::read;
}

void describe(const Image& image, uint64_t address, Access access) {
  Line line;
  line.text("fastboot: fault at ");
  line.hex(address);
  line.text(", in the image \"");
  line.text(image.view.string(image.view.header->image_name));
  line.text("\"");
  if (image.holds_closures(address)) {
    if (const wire::Target* target = closure_at(image, address)) {
      line.text(", in a closure of ");
      line.text(target->name != 0 ? image.view.string(target->name)
                                  : image.view.string(image.view.symbols[target->symbol].st_name));
    }
    switch (access) {
      case Access::write:
        line.text(": frozen data is read-only, and something wrote to it (unsafeThaw on a frozen array?)");
        break;
      case Access::read:
        line.text(": its file was changed or cut short while it was mapped");
        break;
      case Access::run:
        line.text(": something jumped into frozen data; the image is damaged, or this is a fault of Fastboot");
        break;
    }
  }
  line.write_out();
}

void on_fault(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uint64_t>(info->si_addr);
  if (info->si_code > 0) {
    if (Image* image = find_image(address)) {
      const Access access = access_of(context);
      if (access != Access::write && notice_reference(image, address)) return;
      describe(*image, address, access);
    }
  }
  // Then as it would have been: the handler that was there, or the default at the next fault of this instruction.
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN && previous.sa_handler != nullptr) {
    previous.sa_handler(signal);
  } else {
    sigaction(signal, &previous, nullptr);
    if (info->si_code <= 0) raise(signal);
  }
}

}  // namespace

bool faults_are_ours() {
  struct sigaction action;
  return sigaction(SIGSEGV, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) != 0 &&
         action.sa_sigaction == on_fault;
}

FASTBOOT_EVERY_THAW void report_faults() {
  static bool installed = false;
  if (installed) return;
  installed = true;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previous);
}

}  // namespace fastboot::ghc
