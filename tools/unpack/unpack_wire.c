#include "tools/unpack/unpack_wire.h"

#include <string.h>

#include "hashing/sandbox/message.h"

enum rc unpack_job_check(const struct unpack_job *job, struct err *err)
{
    if (job->magic != UNPACK_MAGIC)
        FAIL(err, RC_INPUT, "job: magic");
    if (job->version != UNPACK_VERSION)
        FAIL(err, RC_INPUT, "job: version");
    if (job->size > INT64_MAX)
        FAIL(err, RC_INPUT, "job: size");
    if (job->member_bytes == 0 || job->member_bytes > INT64_MAX)
        FAIL(err, RC_INPUT, "job: member_bytes");
    if (job->cpu_seconds == 0)
        FAIL(err, RC_INPUT, "job: cpu_seconds");
    return RC_OK;
}

/* A text with every outcome but RC_OK, and with that none. */
static enum rc check_outcome(const struct unpack_head *head, struct bytes rest, struct err *err)
{
    if (head->rc == RC_OK) {
        if (rest.n != 0)
            FAIL(err, RC_INPUT, "outcome: text");
        return RC_OK;
    }
    if (head->rc != RC_UNDECODABLE && head->rc != RC_LIMIT &&
        !(head->rc == RC_NOT_MEDIA && head->said == UNPACK_DONE) &&
        !(head->rc == RC_SYS && head->said == UNPACK_HELLO))
        FAIL(err, RC_INPUT, "outcome: rc");
    if (rest.n != UNPACK_TEXT_SIZE || rest.p[0] == '\0' ||
        !message_text_ok((const char *)rest.p, rest.n))
        FAIL(err, RC_INPUT, "outcome: text");
    return RC_OK;
}

static enum rc take_member(struct unpack_reader *reader, const struct unpack_head *head,
                           struct bytes rest, struct err *err)
{
    if (reader->inside)
        FAIL(err, RC_INPUT, "member: within another");
    if (head->member == 0 || head->member - 1 != reader->member)
        FAIL(err, RC_INPUT, "member: number");
    if (head->kind < UNPACK_FILE || head->kind >= UNPACK_KINDS)
        FAIL(err, RC_INPUT, "member: kind");
    if (head->place != 0 || head->rc != 0)
        FAIL(err, RC_INPUT, "member: unused fields");
    if (rest.n == 0 || rest.n > UNPACK_NAME_MAX || memchr(rest.p, 0, rest.n) != NULL)
        FAIL(err, RC_INPUT, "member: name");
    reader->member = head->member;
    reader->kind = (enum unpack_kind)head->kind;
    reader->at = 0;
    reader->inside = true;
    return RC_OK;
}

static enum rc take_data(struct unpack_reader *reader, const struct unpack_head *head,
                         struct bytes rest, struct err *err)
{
    if (!reader->inside || head->member != reader->member || reader->kind != UNPACK_FILE)
        FAIL(err, RC_INPUT, "data: of no file");
    if (head->kind != 0 || head->mtime_ns != 0 || head->rc != 0)
        FAIL(err, RC_INPUT, "data: unused fields");
    if (rest.n == 0)
        FAIL(err, RC_INPUT, "data: length");
    if (head->place < reader->at || head->place > reader->member_bytes ||
        rest.n > reader->member_bytes - head->place)
        FAIL(err, RC_INPUT, "data: place");
    reader->at = head->place + rest.n;
    return RC_OK;
}

static enum rc take_end(struct unpack_reader *reader, const struct unpack_head *head,
                        struct bytes rest, struct err *err)
{
    bool whole = head->rc == RC_OK && reader->kind == UNPACK_FILE;
    if (!reader->inside || head->member != reader->member)
        FAIL(err, RC_INPUT, "end: of no member");
    if (head->kind != 0 || head->mtime_ns != 0 || (!whole && head->place != 0))
        FAIL(err, RC_INPUT, "end: unused fields");
    if (whole && (head->place < reader->at || head->place > reader->member_bytes))
        FAIL(err, RC_INPUT, "end: place");
    TRY(check_outcome(head, rest, err));
    reader->inside = false;
    return RC_OK;
}

static enum rc take_edge(struct unpack_reader *reader, const struct unpack_head *head,
                         struct bytes rest, struct err *err)
{
    if (reader->inside)
        FAIL(err, RC_INPUT, "done: within a member");
    if (head->member != 0 || head->place != 0 || head->kind != 0 || head->mtime_ns != 0)
        FAIL(err, RC_INPUT, "done: unused fields");
    TRY(check_outcome(head, rest, err));
    reader->greeted = true;
    reader->done = head->said == UNPACK_DONE;
    return RC_OK;
}

static enum rc take_next(struct unpack_reader *reader, const struct unpack_head *head,
                         struct bytes rest, struct err *err)
{
    /* The first is HELLO, no other is, and DONE is the last. */
    if ((head->said == UNPACK_HELLO) == reader->greeted || reader->done)
        FAIL(err, RC_INPUT, "message: order");
    switch (head->said) {
    case UNPACK_MEMBER:
        return take_member(reader, head, rest, err);
    case UNPACK_DATA:
        return take_data(reader, head, rest, err);
    case UNPACK_END:
        return take_end(reader, head, rest, err);
    case UNPACK_HELLO:
    case UNPACK_DONE:
        return take_edge(reader, head, rest, err);
    default:
        FAIL(err, RC_INPUT, "message: kind");
    }
}

enum rc unpack_reader_take(struct unpack_reader *reader, const void *buf, size_t n,
                           struct unpack_head *ret, struct bytes *ret_rest, struct err *err)
{
    struct unpack_head head;
    if (n < sizeof head || n > UNPACK_MESSAGE_MAX)
        FAIL(err, RC_INPUT, "message: %zu bytes", n);
    memcpy(&head, buf, sizeof head);
    if (head.magic != UNPACK_MAGIC)
        FAIL(err, RC_INPUT, "message: magic");
    if (head.version != UNPACK_VERSION)
        FAIL(err, RC_INPUT, "message: version");
    if (head.length != n - sizeof head)
        FAIL(err, RC_INPUT, "message: length");
    struct bytes rest = bytes_of((const uint8_t *)buf + sizeof head, head.length);
    TRY(take_next(reader, &head, rest, err));
    *ret = head;
    *ret_rest = rest;
    return RC_OK;
}
