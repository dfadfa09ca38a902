"""damage.py GOOD.snap DIRECTORY: damaged copies of a snapshot, one for each sort of damage, always the same bytes."""
import struct
import sys

good = open(sys.argv[1], "rb").read()
directory = sys.argv[2]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


# The header is the descriptor of the note with the owner "Fastboot"; its tables have 32 bytes each.
HEADER = good.index(b"Fastboot\0\0\0\0") + 12
TABLES = HEADER + 152
SLOT = u64(good, HEADER + 64)
KINDS = ["dynsym", "dynstr", "gnu_hash", "rela", "dynamic", "targets", "bitmaps", "roots", "binding", "link_table", "info",
         "lazy", "data", "rebase", "chunk_hashes", "needed", "cross", "members"]


def record(kind):
    return TABLES + 32 * KINDS.index(kind)


def segment_offset(address):
    """File offset of an image address, by the program headers."""
    for index in range(struct.unpack_from("<H", good, 56)[0]):
        kind, _, offset, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", good, 64 + 56 * index)
        if kind == 1 and vaddr <= address < vaddr + filesz:
            return offset + address - vaddr
    raise ValueError(hex(address))


def table(kind):
    return segment_offset(u64(good, record(kind) + 8))


def save(name, data):
    open(f"{directory}/{name}.snap", "wb").write(data)


def changed(name, at, new):
    save(name, good[:at] + new + good[at + len(new):])


save("empty", b"")
save("cut-in-header", good[:600])
save("cut-in-metadata", good[: table("targets") + 100])
save("cut-in-data", good[: table("data") + 0x4100])
changed("magic", 0, b"\x7fELG")
changed("no-note", HEADER - 12, b"Fastbook")
changed("newer", HEADER, struct.pack("<I", 2))
changed("name", table("dynstr") + 5, b"X")  # still a string: only the hash tells
changed("strings", record("dynstr") + 8, struct.pack("<Q", SLOT + 0x7FFFFFFF))
changed("targets", record("targets") + 24, struct.pack("<Q", 1 << 40))
changed("symbol-name", table("dynsym") + 24, struct.pack("<I", 0x7FFFFFFF))
changed("roots-table", record("roots") + 8, struct.pack("<Q", SLOT + 0x70000000))
changed("binding", table("binding") + 4, struct.pack("<I", 0xFFFFFFFF))
changed("program-headers", 54, struct.pack("<H", 57))
changed("section-headers", 40, struct.pack("<Q", 1 << 40))
changed("rebase", table("rebase"), struct.pack("<Q", 1))
changed("data", table("data") + 0x4000 + 8, b"\xff")
changed("closures", table("data") + 0x4000 + 16, struct.pack("<Q", 0x1234567))
