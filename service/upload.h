/*
 * The way of an upload: take, hash in the sandbox, look up, decide, record, answer.
 */
#ifndef SERVICE_UPLOAD_H
#define SERVICE_UPLOAD_H

#include "hashing/worker_host.h"
#include "service/request.h"

/* POST /v1/check */
enum rc upload_check(struct service *service, struct request *rq, unsigned member, struct err *err);

/* One medium of a request body: where it lies, and what it is called in errors. */
struct medium {
    struct bytes data; /* within rq->body */
    char name[256];    /* file or field name, "" for a raw body */
    int64_t ms;        /* time given by the platform, -1 none */
    bool all_digests;  /* sha1 and md5 were made too */
    uint8_t sha256[32], sha1[20], md5[16];
    struct medium_hashes hashes;
};

/*
 * Hashes one medium with the member's worker and computes its digests (sha256 always; sha1 and
 * md5 when asked).  Shared by check, hash and the entries route.
 */
MUST_CHECK enum rc upload_examine(struct service *service, unsigned member, struct request *rq,
                                  bool all_orientations, bool all_digests, struct medium *medium,
                                  struct err *err);

#endif
