/*
 * What passes between a scan and its sandboxed unpacker: messages over one SOCK_SEQPACKET pair, the
 * archive itself as a descriptor by SCM_RIGHTS.
 *
 * Every message of the unpacker is a head of one size and as many bytes as the head says.  The scan
 * treats it as hostile: unpack_reader_take() looks at every field, and at the order of messages,
 * before any is used.  Bytes of members travel in messages and not in memory that both have, so
 * that the scan alone writes what it hashes and counts what it was given.
 */
#ifndef TOOLS_UNPACK_UNPACK_WIRE_H
#define TOOLS_UNPACK_UNPACK_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "hashing/base/bytes.h"
#include "hashing/base/err.h"

enum {
    UNPACK_MAGIC = 0x48475531, /* "HGU1" */
    UNPACK_VERSION = 1,
    UNPACK_NAME_MAX = 4096,     /* of one member; longer names are cut */
    UNPACK_DATA_MAX = 64 << 10, /* bytes of a member in one message */
    UNPACK_TEXT_SIZE = 200      /* a reason, NUL-terminated, printable */
};

enum unpack_kind {
    UNPACK_FILE = 1, /* the only one that has bytes */
    UNPACK_FOLDER,
    UNPACK_SYMLINK,
    UNPACK_HARDLINK, /* to a member whose bytes came before */
    UNPACK_DEVICE,
    UNPACK_FIFO,
    UNPACK_SOCKET,
    UNPACK_KINDS
};

/* The scan's only message, with the archive's descriptor. */
struct unpack_job {
    uint32_t magic, version;
    uint64_t size;         /* of the archive */
    uint64_t member_bytes; /* most that a member may have */
    uint64_t cpu_seconds;  /* RLIMIT_CPU of the unpacker */
};

/* HELLO once; for each member MEMBER, DATA any number of times, END; at last DONE. */
enum unpack_said { UNPACK_HELLO = 1, UNPACK_MEMBER, UNPACK_DATA, UNPACK_END, UNPACK_DONE };

/* Unused fields are zero. */
struct unpack_head {
    uint32_t magic, version;
    uint32_t said;   /* enum unpack_said */
    uint32_t length; /* of what follows.  MEMBER: its name, any bytes but 0; DATA: its bytes; HELLO,
                      * END, DONE with an error: a text of UNPACK_TEXT_SIZE */
    uint64_t member; /* its number from 1; 0: HELLO, DONE */
    uint64_t place;  /* DATA: where in the member; END of a file with RC_OK: its whole length */
    int64_t mtime_ns; /* MEMBER: since 1970; 0: unknown */
    uint32_t kind;    /* MEMBER: enum unpack_kind */
    uint32_t rc; /* END: RC_OK, RC_UNDECODABLE, RC_LIMIT; DONE: RC_NOT_MEDIA, too; HELLO: RC_OK,
                  * RC_SYS */
};

enum { UNPACK_MESSAGE_MAX = sizeof(struct unpack_head) + UNPACK_DATA_MAX };

/* Where one conversation is. */
struct unpack_reader {
    uint64_t member_bytes; /* set by whoever starts it, like the job's */
    uint64_t member;       /* the last one that was begun */
    uint64_t at;           /* its bytes up to here have come, or are zeros */
    enum unpack_kind kind;
    bool greeted, inside, done;
};

/* The unpacker's check of what it was sent; RC_INPUT names the field. */
MUST_CHECK enum rc unpack_job_check(const struct unpack_job *job, struct err *err);

/*
 * Checks n received bytes as the next message of the conversation and moves it on.  *ret_rest lies
 * within buf.  RC_INPUT names what is wrong; the conversation is then over.
 */
MUST_CHECK enum rc unpack_reader_take(struct unpack_reader *reader, const void *buf, size_t n,
                                      struct unpack_head *ret, struct bytes *ret_rest,
                                      struct err *err);

#endif
