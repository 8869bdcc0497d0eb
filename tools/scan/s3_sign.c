#include "tools/scan/s3_sign.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <nettle/hmac.h>
#include <nettle/sha2.h>

#include "hashing/base/text.h"

enum { DATE = 8 /* the digits of a day in s3_signing.time */ };

static void hash_text(struct sha256_ctx *ctx, const char *text)
{
    sha256_update(ctx, strlen(text), (const uint8_t *)text);
}

static void hash_names(struct sha256_ctx *ctx, const struct s3_signing *s)
{
    for (size_t i = 0; i < s->n_headers; i++) {
        hash_text(ctx, i == 0 ? "" : ";");
        hash_text(ctx, s->headers[i].name);
    }
}

/* The sha256, in hex, of the request in the one form that both sides know. */
static void canonical(const struct s3_signing *s, char out[2 * SHA256_DIGEST_SIZE + 1])
{
    struct sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    const char *const lines[] = {s->method, "\n", s->path, "\n", s->query, "\n"};

    sha256_init(&ctx);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        hash_text(&ctx, lines[i]);
    for (size_t i = 0; i < s->n_headers; i++) {
        hash_text(&ctx, s->headers[i].name);
        hash_text(&ctx, ":");
        hash_text(&ctx, s->headers[i].value);
        hash_text(&ctx, "\n");
    }
    hash_text(&ctx, "\n");
    hash_names(&ctx, s);
    hash_text(&ctx, "\n");
    hash_text(&ctx, s->payload);
    sha256_digest(&ctx, sizeof digest, digest);
    text_hex(digest, sizeof digest, out);
}

/* key becomes its HMAC over text. */
static void hmac(uint8_t key[SHA256_DIGEST_SIZE], struct bytes text)
{
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, SHA256_DIGEST_SIZE, key);
    hmac_sha256_update(&ctx, text.n, text.p);
    hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, key);
    explicit_bzero(&ctx, sizeof ctx);
}

static void signing_key(const struct s3_signing *s, uint8_t key[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx ctx;
    char secret[256];
    int n = snprintf(secret, sizeof secret, "AWS4%s", s->secret);
    hmac_sha256_set_key(&ctx, (size_t)n, (const uint8_t *)secret);
    hmac_sha256_update(&ctx, DATE, (const uint8_t *)s->time);
    hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, key);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(&ctx, sizeof ctx);
    hmac(key, bytes_str(s->region));
    hmac(key, bytes_str(s->service));
    hmac(key, bytes_str("aws4_request"));
}

/* "20130524/us-east-1/s3/aws4_request" */
static int scope(const struct s3_signing *s, char *out, size_t size)
{
    return snprintf(out, size, "%.*s/%s/%s/aws4_request", DATE, s->time, s->region, s->service);
}

static size_t put(char *out, size_t size, size_t at, const char *text)
{
    size_t n = strlen(text);
    if (at + n < size)
        memcpy(out + at, text, n + 1);
    return at + n;
}

enum rc s3_sign(const struct s3_signing *s, char out[S3_AUTHORIZATION_SIZE], struct err *err)
{
    char hash[2 * SHA256_DIGEST_SIZE + 1], where[160], text[320];
    uint8_t key[SHA256_DIGEST_SIZE];

    if (strlen(s->secret) > 200 || scope(s, where, sizeof where) >= (int)sizeof where ||
        strlen(s->time) != S3_TIME_SIZE - 1)
        FAIL(err, RC_INPUT, "the secret key, region or time is too long to sign with");
    canonical(s, hash);
    int n = snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", s->time, where, hash);
    signing_key(s, key);
    hmac(key, bytes_of(text, (size_t)n));
    text_hex(key, sizeof key, hash);
    explicit_bzero(key, sizeof key);

    const char *const parts[] = {"AWS4-HMAC-SHA256 Credential=", s->key_id, "/", where,
                                 ", SignedHeaders="};
    size_t at = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        at = put(out, S3_AUTHORIZATION_SIZE, at, parts[i]);
    for (size_t i = 0; i < s->n_headers; i++) {
        at = put(out, S3_AUTHORIZATION_SIZE, at, i == 0 ? "" : ";");
        at = put(out, S3_AUTHORIZATION_SIZE, at, s->headers[i].name);
    }
    at = put(out, S3_AUTHORIZATION_SIZE, at, ", Signature=");
    at = put(out, S3_AUTHORIZATION_SIZE, at, hash);
    if (at >= S3_AUTHORIZATION_SIZE)
        FAIL(err, RC_INPUT, "the access key's id is too long to sign with");
    return RC_OK;
}

bool s3_escape(struct bytes in, bool path, char *out, size_t size)
{
    static const char keep[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    size_t at = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = (char)in.p[i];
        bool plain = (path && c == '/') || (c != '\0' && strchr(keep, c) != NULL);
        if (at + (plain ? 1 : 3) >= size)
            return false;
        if (plain)
            out[at++] = c;
        else
            at += (size_t)snprintf(out + at, size - at, "%%%02X", in.p[i]);
    }
    if (at >= size)
        return false;
    out[at] = '\0';
    return true;
}

void s3_time(int64_t wall_ms, char out[S3_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL || strftime(out, S3_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm) == 0)
        memcpy(out, "19700101T000000Z", S3_TIME_SIZE);
}
