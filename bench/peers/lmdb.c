/* LMDB: a B+ tree in a mapped file. lmdb make|look vector|map N FILE (vector: integer keys) */
#include <lmdb.h>
#include <string.h>

#include "work.h"

static void check(int code) {
  if (code != 0) die(mdb_strerror(code));
}

/* A record of `map` is the number, then the text; of `vector` the text. */
static void make(MDB_env* environment, uint64_t n, int vector) {
  MDB_txn* transaction;
  MDB_dbi table;
  check(mdb_txn_begin(environment, NULL, 0, &transaction));
  check(mdb_dbi_open(transaction, NULL, vector ? MDB_INTEGERKEY : 0, &table));
  for (uint64_t i = 0; i < n; ++i) {
    char key[kKeySize], record[8 + kValueMost];
    uint32_t size;
    const char* value = work_value(i, &size);
    const uint64_t number = work_hash(i);
    const uint32_t head = vector ? 0 : 8;
    size_t index = (size_t)i;
    memcpy(record, &number, 8);
    memcpy(record + head, value, size);
    work_key(i, key);
    MDB_val k = {vector ? sizeof index : sizeof key, vector ? (void*)&index : (void*)key};
    MDB_val v = {head + size, record};
    check(mdb_put(transaction, table, &k, &v, MDB_APPEND));
  }
  check(mdb_txn_commit(transaction));
}

static uint64_t look(MDB_env* environment, uint64_t n, int vector) {
  MDB_txn* transaction;
  MDB_dbi table;
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &transaction));
  check(mdb_dbi_open(transaction, NULL, vector ? MDB_INTEGERKEY : 0, &table));
  uint64_t state = 12345, sum = 0;
  for (int i = 0; i < kLookups; ++i) {
    char key[kKeySize];
    size_t index = (size_t)work_next(&state, n);
    uint64_t number;
    work_key(index, key);
    MDB_val k = {vector ? sizeof index : sizeof key, vector ? (void*)&index : (void*)key}, v;
    check(mdb_get(transaction, table, &k, &v));
    if (vector) {
      sum = work_fold_bytes(sum, v.mv_data, v.mv_size);
      continue;
    }
    memcpy(&number, v.mv_data, 8);
    sum = work_fold(work_fold_bytes(sum, (char*)v.mv_data + 8, v.mv_size - 8), number);
  }
  return sum;
}

int main(int argc, char** argv) {
  if (argc != 5) die("usage: lmdb make|look vector|map N FILE");
  const int making = strcmp(argv[1], "make") == 0;
  const int vector = strcmp(argv[2], "vector") == 0;
  const uint64_t n = strtoull(argv[3], NULL, 10);
  MDB_env* environment;
  check(mdb_env_create(&environment));
  check(mdb_env_set_mapsize(environment, (size_t)1 << 30));
  check(mdb_env_open(environment, argv[4], MDB_NOSUBDIR | (making ? 0 : MDB_RDONLY | MDB_NOLOCK), 0644));
  if (making) make(environment, n, vector);
  else printf("%llu\n", (unsigned long long)look(environment, n, vector));
  mdb_env_close(environment);
}
