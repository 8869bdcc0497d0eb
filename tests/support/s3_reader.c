/*
 * Visits a bucket as a scan does and says what it met, a JSON array a line:
 *
 *     s3_reader URL [range=BYTES] [tries=N] [stall=MS] [max=BYTES] [stop=N]
 *
 * ["item", name, size, mtime_ns, etag, sha256], ["unread", name, kind, why],
 * ["trouble", name, kind, why], and at last ["end", kind, why].  Names in hex.
 */
#include <stdio.h>
#include <string.h>

#include <nettle/sha2.h>

#include "hashing/base/text.h"
#include "tools/scan/s3.h"

struct reader {
    int64_t max, stop_after, seen;
    atomic_bool stop;
};

static void put_name(const char *what, struct bytes name)
{
    printf("[\"%s\",\"", what);
    for (size_t i = 0; i < name.n; i++)
        printf("%02x", name.p[i]);
    printf("\"");
}

/* Messages hold no control characters; what would end a JSON text is made harmless. */
static void put_why(const struct err *why)
{
    printf(",\"%s\",\"", rc_name(why->rc));
    for (const char *c = why->msg; *c != '\0'; c++)
        putchar(*c == '"' || *c == '\\' ? '\'' : *c);
    printf("\"]\n");
}

static void put_digest(int fd, uint64_t length)
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE], part[65536];
    char hex[2 * SHA256_DIGEST_SIZE + 1];
    uint64_t at = 0;
    ssize_t n;
    sha256_init(&ctx);
    for (; (n = pread(fd, part, sizeof part, (off_t)at)) > 0; at += (uint64_t)n)
        sha256_update(&ctx, (size_t)n, part);
    sha256_digest(&ctx, sizeof digest, digest);
    text_hex(digest, sizeof digest, hex);
    printf(",\"%s\"]\n", at == length ? hex : "of another length");
}

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct reader *r = ctx;
    struct err why;
    int fd;
    uint64_t length;
    (void)err;
    if (item->load(item, (uint64_t)r->max, &fd, &length, &why) != RC_OK) {
        put_name("unread", item->name);
        put_why(&why);
    } else {
        put_name("item", item->name);
        printf(",%llu,%lld,\"", (unsigned long long)item->identity.size,
               (long long)item->identity.mtime_ns);
        for (const char *c = item->identity.etag; *c != '\0'; c++)
            printf("%s%c", *c == '"' ? "\\" : "", *c);
        printf("\"");
        put_digest(fd, length);
        close(fd);
    }
    if (++r->seen == r->stop_after)
        atomic_store(&r->stop, true);
    return RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    (void)ctx, (void)identity, (void)err;
    put_name("trouble", name);
    put_why(why);
    return RC_OK;
}

static void take_option(const char *text, struct s3_config *config, struct reader *r)
{
    int64_t n;
    const char *value = strchr(text, '=');
    if (value == NULL || !text_number(value + 1, 0, INT64_MAX, &n))
        return;
    switch (text[0] == 's' ? text[2] : text[0]) {
    case 'r':
        config->range_bytes = (uint64_t)n;
        break;
    case 't':
        config->tries = (unsigned)n;
        break;
    case 'a':
        config->stall_ms = n;
        break;
    case 'm':
        r->max = n;
        break;
    case 'o':
        r->stop_after = n;
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    struct s3_config config = s3_config_from_environment();
    struct reader r = {.max = INT64_MAX};
    const struct source_visitor visitor = {
        .ctx = &r, .item = on_item, .trouble = on_trouble, .stop = &r.stop};
    SCOPED(s3_close) struct s3 *s3 = NULL;
    struct err err = {.rc = RC_OK};

    if (argc < 2)
        return 2;
    config.backoff_ms = 2;
    for (int i = 2; i < argc; i++)
        take_option(argv[i], &config, &r);
    if (s3_open(&config, argv[1], &s3, &err) == RC_OK)
        (void)s3_run(s3, &visitor, &err);
    printf("[\"end\"");
    put_why(&err);
    return 0;
}
