// Error codes of the snapshot format and of everything that reads or makes snapshots.
//
// The numbers are part of the interface: they appear in `--json` output, in Haskell's `errorCode`, and in scripts that
// people wrote. A number is never reused or renumbered; new ones go at the end of their group.
#pragma once

#include <cstdint>

namespace fastboot::wire {

enum class Code : uint32_t {
  ok = 0,

  // 1xx: the file as such
  not_found = 101,       // the file does not exist
  not_readable = 102,    // open, fstat or read failed otherwise
  empty_file = 103,      // the file has no bytes
  truncated = 104,       // the file ends before something that it says it holds
  not_a_snapshot = 105,  // not ELF, or ELF without Fastboot's note
  newer_format = 106,    // a format version that this build does not know
  corrupt = 107,         // a field, offset, size or table is impossible
  hash_mismatch = 108,   // bytes differ from their recorded hash
  untrusted = 109,       // owner or mode of the file or its directory would let somebody else change it
  not_regular = 110,     // a directory, device, pipe or socket

  // 2xx: the snapshot is sound but does not fit this process
  wrong_object_model = 201,
  wrong_ghc_version = 202,
  wrong_rts_way = 203,
  wrong_layout = 204,  // layout constants of the heap differ
  wrong_build = 205,   // no binding for this program's build-id
  wrong_type = 206,    // the root has another Haskell type
  no_such_root = 207,
  ambiguous_root = 208,       // several roots, none named as the file
  target_mismatch = 209,      // a target's info table in this program differs from the record
  address_taken = 210,        // the image's addresses are in use in this process
  address_unreachable = 211,  // the addresses lie outside what the collector takes for its heap
  unsupported_way = 212,      // this RTS way or link mode cannot thaw or freeze
  mapping_failed = 213,       // mmap or mprotect failed
  no_build_id = 214,          // the program carries no build-id and cannot be recognised
  missing_dependency = 215,   // an image that it points into is not found, or cannot be thawed
  wrong_dependency = 216,     // an image that it points into is another than it was frozen against
  circular_dependency = 217,  // images that need each other
  collection_needed = 218,    // a major collection has to be first; the Haskell package sees to that by itself
  collection_running = 219,   // a concurrent collection has to end first, likewise
  not_signed = 220,           // a signature is demanded, and there is none
  bad_signature = 221,        // the signature is not that of the contents
  other_key = 222,            // signed by another key than the one that is demanded
  binding_not_signed = 223,   // signed, but where its code lies was said by somebody else
  signature_unchecked = 224,  // a signature is demanded of a program that cannot check it

  // 3xx: freezing: closures that cannot be frozen (with the path from the root)
  refused_mutable = 301,           // MUT_VAR, mutable arrays, and holders of mutable bytes
  refused_concurrency = 302,       // MVAR, TVAR, TSO, STACK, BLOCKING_QUEUE, STM parts
  refused_weak = 303,              // WEAK, STABLE_NAME
  refused_bytecode = 304,          // BCO, AP_STACK
  refused_under_evaluation = 305,  // a thunk that the freezing thread itself is evaluating
  refused_compact = 306,           // COMPACT_NFDATA
  refused_foreign_memory = 307,    // an address of memory outside the heap whose extent is unknown
  refused_identity = 308,          // identities of one process (StablePtr)
  refused_unknown_code = 309,      // an info pointer outside every module that has a build-id
  refused_lazy = 310,              // thunks and selector thunks, where the object model cannot hold them yet
  refused_function = 311,          // functions with free variables and partial applications, likewise
  refused_busy = 312,              // a thunk that another thread is evaluating; waited for, for a bounded time
  refused_root_elsewhere = 313,    // a root that lies in an image that the freeze refers to
  refused_dependency = 314,        // images to refer to that one snapshot cannot need together

  // 4xx: writing
  write_failed = 401,
  no_space = 402,
  out_of_memory = 403,
  image_too_large = 404,
  bad_argument = 405,

  // 5xx: tools
  program_failed = 501,     // PROGRAM exited with a failure or was killed
  froze_nothing = 502,      // PROGRAM ended well and froze nothing
  froze_several = 503,      // PROGRAM froze several images and none was chosen
  no_symbols = 504,         // the program's file cannot be read for symbols
  not_executable = 505,     // PROGRAM cannot be started
  program_timed_out = 506,  // PROGRAM did not end in time
  not_linked = 507,         // PROGRAM has not the part of the runtime that is asked for
  not_frozen = 508,         // PROGRAM ended well, but a value of it could not be frozen

  // 6xx: linking
  undefined_image = 601,  // an input needs an image that is not among the inputs
  duplicate_root = 602,   // two inputs define a root of one name
  undefined_root = 603,   // a root that is to be kept or renamed, and that no input defines
  inputs_differ = 604,    // inputs of other versions of GHC, runtime systems or heap layouts
  no_common_build = 605,  // no program that all inputs are bound to
  slots_overlap = 606,    // addresses that two images claim
  duplicate_image = 607,  // an image that two inputs hold, or two images of one name

  // 8xx: keys
  bad_key = 810,     // not a key, or one that others can read
  key_exists = 811,  // a key of that name is there, and is never overwritten
};

}  // namespace fastboot::wire
