/*
 * What passes between the service and a sandboxed worker: fixed-size messages over one
 * SOCK_SEQPACKET pair, the medium itself as a sealed memfd by SCM_RIGHTS.
 *
 * The service treats the worker as hostile: a reply has one size, and wire_reply_check() looks at
 * every field before any is used.  Native byte order: both ends are the same build
 * (WIRE_VERSION and the struct sizes are checked).
 */
#ifndef HASHING_WORKER_WIRE_H
#define HASHING_WORKER_WIRE_H

#include <stdint.h>

#include "hashing/base/err.h"
#include "hashing/frame_hasher.h"

enum {
    WIRE_MAGIC = 0x48475731, /* "HGW1" */
    WIRE_VERSION = 2,
    WIRE_FRAMES_MAX = 1 << 24, /* most that a job may allow: days of video */
    WIRE_TYPE_SIZE = 32,
    WIRE_MSG_SIZE = 232
};

enum wire_kind { WIRE_HELLO = 1, WIRE_FRAME, WIRE_DONE };
enum wire_mark { WIRE_KEY = 1, WIRE_PREVIEW = 2, WIRE_MARKS = 3, WIRE_NO_PICTURE = 4 };

/*
 * RLIMIT_CPU counts a process's whole life, so each job brings its own limit: what the worker has
 * used plus what this job may use.  The worker sets it on itself, because a root without
 * CAP_SYS_RESOURCE may not set it on another user's process.  A worker that was taken over could
 * lift it, and still not outlive the service's deadline.
 */
struct wire_job {
    uint32_t magic, version;
    uint64_t job;                  /* echoed in every reply; never 0 */
    uint64_t offset, length;       /* of the medium within the memfd */
    uint64_t max_pixels, max_work; /* these six: decode.h's limits */
    int64_t max_duration_ms, preview_after_ms;
    uint32_t max_frames, max_jpeg_scans;
    uint32_t all_orientations; /* 0 or 1 */
    uint32_t unused;           /* zero */
    uint64_t cpu_seconds;      /* RLIMIT_CPU from this job on */
};

/*
 * HELLO after the sandbox is closed (job 0); then for each job any number of FRAMEs and one DONE.
 * Unused fields are zero.
 */
struct wire_reply {
    uint32_t magic, version;
    uint64_t job;
    uint32_t kind;              /* enum wire_kind */
    uint32_t rc;                /* DONE: enum rc; HELLO: RC_SYS when the sandbox did not close */
    int64_t ms;                 /* FRAME: its time */
    uint32_t track;             /* FRAME */
    uint32_t marks;             /* FRAME: WIRE_KEY, WIRE_PREVIEW; DONE with RC_NOT_MEDIA or
                                 * RC_UNDECODABLE: WIRE_NO_PICTURE, as err.no_picture */
    struct frame_hashes hashes; /* FRAME */
    uint32_t width, height, frames; /* DONE with RC_OK; frames: previews not counted */
    uint32_t upright;               /* DONE with RC_OK: enum orientation */
    int64_t duration_ms;            /* DONE with RC_OK */
    /* DONE with RC_OK: the part of the medium that the other program must decode; length 0: none */
    uint64_t elsewhere_offset, elsewhere_length;
    char type[WIRE_TYPE_SIZE]; /* DONE with RC_OK: media type, NUL-terminated */
    char msg[WIRE_MSG_SIZE]; /* DONE with an error, HELLO: kernel name; NUL-terminated, printable */
};

/* The worker's check of what it was sent; RC_INPUT names the field. */
MUST_CHECK enum rc wire_job_check(const struct wire_job *job, struct err *err);

/*
 * The service's check of n received bytes against the job that is out: size, magic, version, job
 * number, kind, ranges, qualities <= 100, text terminated and printable, unused fields zero.
 * RC_INPUT names the field.
 */
MUST_CHECK enum rc wire_reply_check(const struct wire_reply *reply, size_t n, uint64_t job,
                                    struct err *err);

#endif
