/*
 * What is in this archive?  Member after member, with the bytes of its files.
 *
 * tar, zip, 7z, cpio, ISO 9660 and rar, whole or compressed by gzip, bzip2, xz, lzma, lzip, zstd,
 * lz4 or compress; a single compressed file is an archive of one member.  Archives within archives
 * are gone into to a depth.  libarchive reads them in hashgate-unpack, a sandboxed process (see
 * hashing/sandbox/box.h) of its own for each archive; it is sent nothing but a descriptor of that
 * archive, and sends back names and bytes that are checked (tools/unpack/unpack_wire.h).  Nothing
 * is ever written to a path: names like "../x" or "/etc/x" are only names.
 *
 * Every budget has a name, which its message tells.  A struct unpack belongs to one thread, which
 * must not end before unpack_close(): its children die with it.  Several may be open.
 */
#ifndef TOOLS_SCAN_UNPACK_H
#define TOOLS_SCAN_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"
#include "hashing/base/scoped.h"
#include "tools/unpack/unpack_wire.h"

enum { UNPACK_DEPTH_MAX = 8 };

/* All but memory and ratio are for an archive and all that lies in it, together. */
struct unpack_limits {
    unsigned depth;        /* archives within each other, at most UNPACK_DEPTH_MAX; 1: no nested */
    uint64_t members;      /* of every kind */
    uint64_t total_bytes;  /* of files, holes included */
    uint64_t member_bytes; /* of one file, nested archives included: they are held in memory */
    uint64_t ratio;        /* bytes of files for each of the archive's; the first 64 MiB are free */
    uint64_t memory;       /* address space of one unpacker */
    int64_t cpu_ms,
        wall_ms;        /* processor time; time of waiting for the unpacker, not of the caller */
    int64_t ms_per_mib; /* more of both for each MiB of the archive */
};

/* Depth 4, 1,000,000 members, 1 TiB, 512 MiB a file, ratio 250, 512 MiB, 60 s + 0.5 s a MiB. */
extern const struct unpack_limits unpack_default_limits;

struct unpack_config {
    const char *program; /* path of hashgate-unpack */
    struct unpack_limits limits;
};

/* Whether the bytes of a file look as if unpack_open() could do something with them. */
enum unpack_look {
    UNPACK_LOOK_NO,
    UNPACK_LOOK_ARCHIVE,
    UNPACK_LOOK_BOTH /* something else, with a zip behind it: to be hashed, and opened too */
};

/* Reads at most 33 KiB of the first size bytes.  Looks for marks at fixed places, parses nothing.
 */
enum unpack_look unpack_look(int fd, uint64_t size);

/* Borrowed until the next call. */
struct unpack_member {
    struct bytes name; /* "inner/a.jpg", "inner.zip!a.jpg": bytes of any value but 0.  No name comes
                        * twice: a second "a.jpg" is "a.jpg#17", with its number in its archive */
    enum unpack_kind kind;
    int64_t mtime_ns; /* since 1970; 0: unknown */
    uint64_t size;    /* of memfd */
    int memfd;      /* of a file that was read whole: sealed against write, grow and shrink; closed
                     * by the next call unless it was taken by fd_take().  Else -1 */
    enum rc rc;     /* why a file was not read, or a nested archive not to its end, in why: */
    struct err why; /* RC_UNDECODABLE, RC_LIMIT */
};

struct unpack;

/*
 * Starts to read the archive: size bytes of fd, which is a regular file opened for reading only or
 * a memfd sealed against write, grow and shrink (RC_INPUT otherwise), and stays the caller's.  A
 * file is passed on as it is, for archives may be larger than memory; the unpacker can read that
 * one file and no other, and one that changes meanwhile is at worst an error.  config is borrowed.
 * RC_SYS when the unpacker does not start.
 */
MUST_CHECK enum rc unpack_open(const struct unpack_config *config, int fd, uint64_t size,
                               struct unpack **ret, struct err *err);

/*
 * The next member that is not a folder; *ret is NULL at the end.  Links, devices and FIFOs are
 * named and have no bytes.  A failure is of the archive as a whole, and what was given before
 * stands: RC_NOT_MEDIA when it is none; RC_UNDECODABLE when it is damaged or ended its unpacker;
 * RC_LIMIT with the budget's name; RC_BUSY when the unpacker was killed from outside: try again;
 * RC_NOMEM, RC_SYS.  After a failure or the end only unpack_close() may be called.
 */
MUST_CHECK enum rc unpack_next(struct unpack *unpack, struct unpack_member **ret, struct err *err);

/* Harmless on NULL, and at any time: unpackers that still run are killed. */
void unpack_close(struct unpack *unpack);
SCOPED_DEFINE(unpack_close, struct unpack *)

/* The innermost unpacker's process, -1: none.  For tests and for who wants to stop one. */
int unpack_pid(const struct unpack *unpack);

#endif
