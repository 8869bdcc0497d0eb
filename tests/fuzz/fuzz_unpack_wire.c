/* What an unpacker that was taken over may say to a scan, message after message. */
#include "tests/fuzz/fuzz.h"
#include "tools/unpack/unpack_wire.h"

enum { MEMBER_BYTES = 1 << 20 };

static void job(struct bytes in)
{
    struct unpack_job job = {0};
    struct err err;
    memcpy(&job, in.p, in.n < sizeof job ? in.n : sizeof job);
    enum rc rc = unpack_job_check(&job, &err);
    if (rc != RC_OK)
        must_refuse(rc, RC_INPUT, &err);
    else
        MUST(job.size <= INT64_MAX && job.member_bytes > 0 && job.cpu_seconds > 0);
}

/* What the scan builds on. */
static void check(const struct unpack_reader *before, const struct unpack_reader *reader,
                  const struct unpack_head *head, struct bytes rest)
{
    MUST(rest.n <= UNPACK_DATA_MAX && reader->at <= MEMBER_BYTES && reader->greeted);
    MUST(!before->done && (head->said == UNPACK_HELLO) == !before->greeted);
    if (head->said == UNPACK_MEMBER) {
        MUST(!before->inside && reader->inside && reader->member == before->member + 1);
        MUST(rest.n > 0 && rest.n <= UNPACK_NAME_MAX && memchr(rest.p, 0, rest.n) == NULL);
        MUST(reader->kind >= UNPACK_FILE && reader->kind < UNPACK_KINDS);
    } else if (head->said == UNPACK_DATA) {
        MUST(before->inside && reader->kind == UNPACK_FILE && rest.n > 0);
        MUST(head->place >= before->at && reader->at == head->place + rest.n);
    } else if (head->said == UNPACK_END) {
        MUST(before->inside && !reader->inside && head->place <= MEMBER_BYTES);
        MUST(head->rc != RC_OK || reader->kind != UNPACK_FILE || head->place >= reader->at);
    } else {
        MUST(head->said == UNPACK_HELLO || (head->said == UNPACK_DONE && reader->done));
    }
    if (head->rc != RC_OK)
        MUST(rest.n == UNPACK_TEXT_SIZE && memchr(rest.p, 0, rest.n) != NULL && rest.p[0] != '\0');
}

/* Two bytes of length before each message; a length past the end is the rest. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unpack_reader reader = {.member_bytes = MEMBER_BYTES};
    struct cursor c = cursor_over(bytes_of(data, size));
    if (size == 0)
        return 0;
    job(bytes_of(data, size));
    while (c.left.n > 2) {
        struct unpack_reader before = reader;
        size_t n = (size_t)cursor_u8(&c) | (size_t)cursor_u8(&c) << 8;
        struct bytes message = cursor_take(&c, n < c.left.n ? n : c.left.n);
        struct unpack_head head;
        struct bytes rest;
        struct err err;
        enum rc rc = unpack_reader_take(&reader, message.p, message.n, &head, &rest, &err);
        if (rc != RC_OK) {
            must_refuse(rc, RC_INPUT, &err);
            return 0;
        }
        MUST(rest.n == 0 || (rest.p >= message.p && rest.p + rest.n <= message.p + message.n));
        check(&before, &reader, &head, rest);
    }
    return 0;
}
