#include "reloc/disassembler.h"

#include <llvm/ADT/Triple.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>

#include <cstring>
#include <string>

namespace fastboot::reloc {

namespace {
constexpr const char* kTriple = "x86_64-pc-linux-gnu";
constexpr unsigned kMemoryOperands = 5;  // base, scale, index, displacement, segment

const llvm::Target* find_target() {
  LLVMInitializeX86TargetInfo();
  LLVMInitializeX86TargetMC();
  LLVMInitializeX86Disassembler();
  std::string ignored;
  return llvm::TargetRegistry::lookupTarget(kTriple, ignored);
}
}  // namespace

struct Disassembler::Machine {
  const llvm::Target* target = find_target();
  std::unique_ptr<llvm::MCRegisterInfo> registers{target->createMCRegInfo(kTriple)};
  llvm::MCTargetOptions options;
  std::unique_ptr<llvm::MCAsmInfo> assembly{target->createMCAsmInfo(*registers, kTriple, options)};
  // Every extension, so that what a compiler may emit is decoded.
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget{target->createMCSubtargetInfo(kTriple, "skylake-avx512", "")};
  std::unique_ptr<llvm::MCInstrInfo> instructions{target->createMCInstrInfo()};
  llvm::MCContext context{llvm::Triple(kTriple), assembly.get(), registers.get(), subtarget.get()};
  std::unique_ptr<llvm::MCDisassembler> decoder{target->createMCDisassembler(*subtarget, context)};
  // Intel's syntax names the width of a memory operand, which LLVM's tables do not.
  std::unique_ptr<llvm::MCInstPrinter> printer{
      target->createMCInstPrinter(llvm::Triple(kTriple), 1, *assembly, *instructions, *registers)};
  unsigned rip = 0;

  Machine() {
    for (unsigned i = 1; i < registers->getNumRegs(); ++i) {
      if (strcmp(registers->getName(i), "RIP") == 0) rip = i;
    }
  }

  uint32_t memory_width(const llvm::MCInst& instruction, uint64_t address) const {
    std::string text;
    llvm::raw_string_ostream stream(text);
    printer->printInst(&instruction, address, "", *subtarget, stream);
    constexpr struct {
      const char* word;
      uint32_t bytes;
    } kWidths[] = {{"zmmword ptr", 64}, {"ymmword ptr", 32}, {"xmmword ptr", 16}, {"tbyte ptr", 10},
                   {"qword ptr", 8},    {"dword ptr", 4},    {"byte ptr", 1},     {"word ptr", 2}};
    for (const auto& width : kWidths) {
      if (stream.str().find(width.word) != std::string::npos) return width.bytes;
    }
    return 0;
  }
};

Disassembler::Disassembler(uint64_t low, uint64_t high)
    : machine_(std::make_unique<Machine>()), low_(low), high_(high) {}
Disassembler::~Disassembler() = default;

namespace {

// Where the little-endian `value` of `size` bytes stands near the end of the instruction; bytes.size() where it does
// not.
uint32_t place_of(std::span<const uint8_t> bytes, uint64_t value, uint32_t size) {
  for (const uint32_t behind : {0U, 1U, 4U, 2U}) {
    if (bytes.size() < size + behind + 1) continue;
    const auto at = static_cast<uint32_t>(bytes.size() - size - behind);
    if (memcmp(bytes.data() + at, &value, size) == 0) return at;
  }
  return static_cast<uint32_t>(bytes.size());
}

// x86's condition, from the opcode of a conditional branch.
uint8_t condition_of(std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] >= 0x70 && bytes[i] <= 0x7f) return bytes[i] & 15;
    if (bytes[i] == 0x0f && i + 1 < bytes.size() && bytes[i + 1] >= 0x80 && bytes[i + 1] <= 0x8f)
      return bytes[i + 1] & 15;
    if (bytes[i] >= 0xe0 && bytes[i] <= 0xe3) return bytes[i];
  }
  return 0xff;
}

Flow flow_of(const llvm::MCInstrDesc& description, bool direct) {
  if (description.isReturn() || description.isTrap()) return Flow::end;
  if (description.isCall()) return direct ? Flow::call : Flow::indirect_call;
  if (description.isIndirectBranch()) return Flow::indirect_jump;
  if (!description.isBranch()) return Flow::next;
  if (!direct) return Flow::indirect_jump;
  return description.isConditionalBranch() ? Flow::branch : Flow::jump;
}

}  // namespace

std::optional<Instruction> Disassembler::decode(std::span<const uint8_t> bytes, uint64_t address) const {
  llvm::MCInst decoded;
  uint64_t size = 0;
  const auto status =
      machine_->decoder->getInstruction(decoded, size, {bytes.data(), bytes.size()}, address, llvm::nulls());
  if (status != llvm::MCDisassembler::Success || size == 0 || size > bytes.size()) return std::nullopt;
  const llvm::MCInstrDesc& description = machine_->instructions->get(decoded.getOpcode());
  bytes = bytes.first(size);
  Instruction result;
  result.size = static_cast<uint32_t>(size);

  int memory = -1;
  bool direct = false;
  for (unsigned i = 0; i < decoded.getNumOperands() && i < description.getNumOperands(); ++i) {
    const auto type = description.OpInfo[i].OperandType;
    if (type == llvm::MCOI::OPERAND_MEMORY && memory < 0 && i + kMemoryOperands <= decoded.getNumOperands())
      memory = static_cast<int>(i);
    if (type == llvm::MCOI::OPERAND_PCREL && decoded.getOperand(i).isImm()) {
      direct = true;
      result.target = address + size + static_cast<uint64_t>(decoded.getOperand(i).getImm());
    }
  }
  result.flow = flow_of(description, direct);
  if (bytes.size() == 2 && bytes[0] == 0x0f && bytes[1] == 0x0b) result.flow = Flow::end;  // ud2
  if (bytes[0] == 0xcc || bytes[0] == 0xf4) result.flow = Flow::end;                       // int3, hlt
  if (result.flow == Flow::branch) result.condition = condition_of(bytes);
  if (description.getNumDefs() > 0 && decoded.getNumOperands() > 0 && decoded.getOperand(0).isReg())
    result.destination = static_cast<uint16_t>(decoded.getOperand(0).getReg());
  const llvm::StringRef name = machine_->instructions->getName(decoded.getOpcode());
  // LLVM does not mark lea's operand as memory, since none is read.
  if (name.startswith("LEA") && decoded.getNumOperands() == 1 + kMemoryOperands) memory = 1;
  result.loads_address = name.startswith("LEA") && memory >= 0;
  result.sign_extends = name == "MOVSX64rm32";

  const auto add = [&](uint64_t value, uint64_t field, uint32_t field_size, bool in_memory) {
    const uint32_t at = place_of(bytes, field, field_size);
    if (at == bytes.size() || result.address_count == result.addresses.size()) return;
    Instruction::Address& out = result.addresses[result.address_count++];
    out.value = value;
    out.at = at;
    out.size = field_size;
    out.memory = in_memory && !result.loads_address;
    if (out.memory) out.loaded = machine_->memory_width(decoded, address);
    if (out.memory && result.index != 0) out.index_size = result.scale;
  };
  const auto in_program = [&](uint64_t value) { return value >= low_ && value < high_; };

  if (memory >= 0) {
    const auto at = static_cast<unsigned>(memory);
    const auto reg = [&](unsigned i) {
      return decoded.getOperand(at + i).isReg() ? decoded.getOperand(at + i).getReg() : 0U;
    };
    result.base = static_cast<uint16_t>(reg(0));
    result.index = static_cast<uint16_t>(reg(2));
    result.scale = static_cast<uint32_t>(decoded.getOperand(at + 1).isImm() ? decoded.getOperand(at + 1).getImm() : 1);
    if (decoded.getOperand(at + 3).isImm()) {
      const auto displacement = static_cast<uint64_t>(decoded.getOperand(at + 3).getImm());
      if (result.base == machine_->rip) {
        add(address + size + displacement, displacement, 4, true);
      } else if (in_program(displacement)) {
        add(displacement, displacement, 4, true);
      }
    }
  }
  for (unsigned i = 0; i < decoded.getNumOperands(); ++i) {
    const bool of_memory =
        memory >= 0 && i >= static_cast<unsigned>(memory) && i < static_cast<unsigned>(memory) + kMemoryOperands;
    if (of_memory || direct || !decoded.getOperand(i).isImm()) continue;
    const auto value = static_cast<uint64_t>(decoded.getOperand(i).getImm());
    if (in_program(value)) add(value, value, name == "MOV64ri" ? 8 : 4, false);
  }
  return result;
}

}  // namespace fastboot::reloc
