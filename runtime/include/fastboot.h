/* Fastboot's runtime: freezing and thawing closure graphs. The C ABI under the Haskell package `fastboot`.
 *
 * Threads: every function may be called from any thread that GHC's runtime system knows, except where a comment says
 * more. Ownership: strings that are passed in are only read during the call; nothing that is given out needs freeing
 * unless said. Errors: functions return 0, or one of the codes of docs/FORMAT.md ("Codes"), and then fill *error with a
 * sentence.
 */
#ifndef FASTBOOT_H
#define FASTBOOT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fastboot_error {
  uint32_t code;      /* 0 or a pinned code */
  char message[8192]; /* what was found, what was expected, what to do; names the file; NUL-terminated */
} fastboot_error;

/* What a freeze made. Sizes in bytes, times in nanoseconds. */
typedef struct fastboot_freeze_report {
  uint64_t closures;      /* closures in the image */
  uint64_t lazy_closures; /* of these, thunks */
  uint64_t image_size;    /* bytes of lazy and data */
  uint64_t file_size;     /* bytes of the file */
  uint64_t targets;       /* things outside the image that it needs */
  uint64_t walk_time;     /* the world stands still for this long */
  uint64_t write_time;
  uint64_t needed_images; /* images that it points into */
} fastboot_freeze_report;

/* A graph that was walked and not yet written. */
typedef struct fastboot_frozen_graph fastboot_frozen_graph;

/* A value to freeze. */
typedef struct fastboot_root {
  void* value;      /* a StablePtr */
  const char* name; /* [A-Za-z0-9_.$-], at most 255 bytes; no two of an image the same */
  const char* type_name;
  uint64_t type_fingerprint[2];
} fastboot_root;

/* Walks everything that is reachable from the roots, and copies it.
 * Call it by an *unsafe* foreign call when the program has one capability, and by a *safe* one when it has more:
 * `safe_call` says which; in a safe call the other capabilities are stopped for the duration. `thread` is a StablePtr
 * to the calling thread's ThreadId: a closure that this thread is evaluating is refused (305), and one that another
 * evaluates too (312), but the latter is worth another try a little later. `name` is the image's,
 * as a root's is made. `against` are paths of snapshots that this process has thawed: closures of theirs are not copied
 * but pointed to, and the file will name these snapshots as needed; with FASTBOOT_CAPTURE set, those of FASTBOOT_NEEDS
 * are, too. Closures of other thawed images are copied. Gives a graph that must go to fastboot_freeze_write or
 * fastboot_freeze_discard. Where `thunks` is not NULL it only looks for thunks, and CAFs that are not evaluated, which
 * are reachable through data (not through functions or other thunks), and gives no graph, but in *thunks a StablePtr of
 * the list of these (a Haskell list, `[Any]`), or NULL when there are none. */
uint32_t fastboot_freeze_walk(const char* name, const fastboot_root* roots, uint32_t root_count,
                              const char* const* against, uint32_t against_count, void* thread, int safe_call,
                              void** thunks, fastboot_frozen_graph** graph, fastboot_freeze_report* report,
                              fastboot_error* error);

/* The list (a Haskell list, `[Any]`) of some thunks that are found close to `value`, a StablePtr of an evaluated one.
 * Call it by an *unsafe* foreign call: the pointer is only known to the collector once the caller holds it. */
void* fastboot_thunks_below(void* value);

/* Writes the graph to `path` (temporary file, fsync, rename) and releases it, whatever comes of it. With
 * FASTBOOT_CAPTURE set, `path` only gives the name and the file goes to that directory; a failure of this function or
 * of fastboot_freeze_walk is then told there, too, in the file NAME.error. */
uint32_t fastboot_freeze_write(fastboot_frozen_graph* graph, const char* path, fastboot_freeze_report* report,
                               fastboot_error* error);
void fastboot_freeze_discard(fastboot_frozen_graph* graph);

/* Which programs may have a snapshot, besides the build that froze it and those that fastboot-migrate has bound it to.
 */
typedef enum {
  FASTBOOT_BOUND_BUILDS = 0, /* no others */
  /* Any in which all that the snapshot needs, constructors of libraries and closures of the RTS only, is found by name
   * with the same shape: a library's version is in the name. Takes milliseconds, and the program's symbols (no strip).
   */
  FASTBOOT_SAME_TYPES = 1,
  /* Constructors of the program's own modules, too. That their fields mean what they meant is the caller's promise. */
  FASTBOOT_ANY_BUILD = 2
} fastboot_builds;

/* Maps the snapshot at `path` (once in a process: again gives the same image) and gives the closure of the root `root`,
 * or where that is NULL of the only root or the one named as the image. Where there is no such file, the snapshot that
 * the program carries is taken, if it has that root, or with NULL, if its image is named as the file. `type_name` is
 * for the message when the type is wrong, and may be NULL. Under FASTBOOT_TRACE a line tells of success; failure is the
 * caller's to tell, who knows what comes of it. Call it by an *unsafe* foreign call: the pointer is only known to the
 * collector once the caller holds it. Where it gives 218, which happens only after the program's first major
 * collection, call hs_perform_gc() and then it again, until it gives something else; after 219 call it again a little
 * later (docs/DESIGN.md, "CAFs that have died"). */
uint32_t fastboot_thaw(const char* path, const char* root, const char* type_name, uint64_t type_fingerprint_0,
                       uint64_t type_fingerprint_1, fastboot_builds builds, void** closure, fastboot_error* error);

/* Whether FASTBOOT_NEEDS (paths of snapshots, separated by colons) names a file with the file name of `path`. All
 * functions here that thaw a path then thaw that file. */
int fastboot_is_needed(const char* path);

/* Thaws for a scope: an image that is only used in scopes goes when the last of them is left and the collector meets no
 * pointer into it any more. Enter as with fastboot_thaw; then fastboot_scope_leave, once; where that gives a number, a
 * major collection and fastboot_scope_release with this number. The latter two by *unsafe* foreign calls. An image that
 * stays is reported under FASTBOOT_TRACE. */
typedef struct fastboot_scope fastboot_scope;
uint32_t fastboot_scope_enter(const char* path, const char* root, const char* type_name, uint64_t type_fingerprint_0,
                              uint64_t type_fingerprint_1, void** closure, fastboot_scope** scope,
                              fastboot_error* error);
uint64_t fastboot_scope_leave(fastboot_scope* scope);
void fastboot_scope_release(fastboot_scope* scope, uint64_t watch);

/* Signatures. This runtime knows what is to be verified and when, and the package fastboot-signed how: so programs that
 * demand none have no part of it.
 *
 * digest = BLAKE2b, 64 bytes, of: each part's size as 8 little-endian bytes and its bytes; then the file's ranges.
 * signature: 32 bytes Ed25519 public key; 64 bytes signature of image_context, content id and digest; 64 bytes
 * signature of binding_context, digest and the 64 bytes of BLAKE2b of the binding, or zeros. Contexts are 16 bytes. */
typedef struct fastboot_bytes {
  const void* bytes;
  uint64_t size;
} fastboot_bytes;

typedef struct fastboot_signable {
  const uint8_t* signature;  /* 160 bytes; NULL: it has none */
  const uint8_t* content_id; /* 20 bytes */
  const char* image_context;
  const char* binding_context;
  fastboot_bytes parts[24];
  uint32_t part_count;
  int descriptor;
  struct {
    uint64_t offset, size;
  } ranges[4];
  uint32_t range_count;
  fastboot_bytes binding;
} fastboot_signable;

typedef enum {
  FASTBOOT_NOT_DEMANDED = 0,
  FASTBOOT_IMAGE_SIGNED = 1,
  FASTBOOT_BINDING_SIGNED = 2 /* and the image */
} fastboot_signed_state;

/* Fills *state and returns 0, or a code, and then fills *error, whose message need not name the file. */
typedef uint32_t (*fastboot_verifier)(const fastboot_signable* what, fastboot_signed_state* state,
                                      fastboot_error* error);

/* From now on, every snapshot that is thawed is shown to `verifier` before it is mapped. There is one. */
void fastboot_set_verifier(fastboot_verifier verifier);

/* One line on stderr when FASTBOOT_TRACE is set, else nothing. */
void fastboot_trace(const char* line);
/* One line on stderr. */
void fastboot_tell(const char* line);

/* Number of the format that this runtime writes: major * 1000 + minor. */
uint32_t fastboot_format_version(void);

#ifdef __cplusplus
}
#endif

#endif
