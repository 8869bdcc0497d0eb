#include "service/medium.h"

#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"

/* Exact in a JSON number. */
#define FRAME_MS_MAX ((int64_t)1 << 53)

enum rc medium_take(struct bytes data, const struct part *part, struct medium *ret, struct err *err)
{
    const char *name = part == NULL ? "" : part->has_filename ? part->filename : part->name;
    int64_t ms = -1;

    if (part == NULL && data.n == 0)
        FAIL(err, RC_INPUT, "the body is empty: send one medium, or multipart/form-data");
    if (data.n == 0)
        FAIL(err, RC_INPUT, "%.100s: is empty", name);
    if (part != NULL && part->ms[0] != '\0' && !text_number(part->ms, 0, FRAME_MS_MAX, &ms))
        FAIL(err, RC_INPUT, "%.100s: X-Frame-Ms is not a whole number of milliseconds", name);

    memset(ret, 0, sizeof *ret);
    ret->data = data;
    ret->ms = ms;
    memcpy(ret->name, name, strlen(name) + 1);
    return RC_OK;
}

void medium_clear(struct medium *medium)
{
    frame_list_clear(&medium->kept);
}

void medium_digest(struct medium *m)
{
    struct sha256_ctx sha256;
    sha256_init(&sha256);
    sha256_update(&sha256, m->data.n, m->data.p);
    sha256_digest(&sha256, sizeof m->sha256, m->sha256);
    if (!m->all_digests)
        return;

    struct sha1_ctx sha1;
    sha1_init(&sha1);
    sha1_update(&sha1, m->data.n, m->data.p);
    sha1_digest(&sha1, sizeof m->sha1, m->sha1);

    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, m->data.n, m->data.p);
    md5_digest(&md5, sizeof m->md5, m->md5);
}
