#include "tools/scan/s3.h"

#include <stdio.h>
#include <string.h>

#include "tools/scan/s3_ahead.h"
#include "tools/scan/s3_sign.h"

enum {
    LISTING_MAX = 16 << 20, /* a thousand encoded keys of 1,024 bytes are 4 MiB */
    EMPTY_PAGES_MAX = 100   /* one after the other: a server that never ends */
};

struct s3_config s3_config_from_environment(void)
{
    const char *region = getenv("AWS_REGION");
    return (struct s3_config){.key_id = getenv("AWS_ACCESS_KEY_ID"),
                              .secret = getenv("AWS_SECRET_ACCESS_KEY"),
                              .token = getenv("AWS_SESSION_TOKEN"),
                              .region = region != NULL ? region : getenv("AWS_DEFAULT_REGION"),
                              .endpoint = getenv("AWS_ENDPOINT_URL"),
                              .tries = 6,
                              .backoff_ms = 250,
                              .stall_ms = 30000,
                              .range_bytes = UINT64_C(32) << 20};
}

bool s3_is_url(const char *text)
{
    return strncmp(text, "s3://", 5) == 0;
}

void s3_close(struct s3 *s3)
{
    if (s3 == NULL)
        return;
    if (s3->curl != NULL)
        curl_easy_cleanup(s3->curl);
    free(s3->prefix);
    free(s3);
}

static enum rc take_url(struct s3 *s3, const char *url, struct err *err)
{
    const char *bucket = s3_is_url(url) ? url + 5 : "";
    size_t n = strcspn(bucket, "/");
    if (n < 3 || n >= sizeof s3->bucket ||
        strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") < n || bucket[0] == '.' ||
        bucket[0] == '-')
        FAIL(err, RC_INPUT, "'%.100s' names no bucket: s3://bucket/prefix", url);
    memcpy(s3->bucket, bucket, n);
    const char *prefix = bucket[n] == '/' ? bucket + n + 1 : "";
    if (strlen(prefix) > S3_KEY_MAX)
        FAIL(err, RC_INPUT, "the prefix of '%.100s…' is longer than a key", url);
    s3->prefix = strdup(prefix);
    if (s3->prefix == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    return RC_OK;
}

/* The host as curl will send it: without a port that is the scheme's own. */
static enum rc take_endpoint(struct s3 *s3, const char *endpoint, struct err *err)
{
    bool tls = strncmp(endpoint, "https://", 8) == 0;
    bool plain = strncmp(endpoint, "http://", 7) == 0;
    const char *host = endpoint + (tls ? 8 : 7);
    size_t n = tls || plain ? strlen(host) : 0;
    while (n > 0 && host[n - 1] == '/')
        n--;
    if (n == 0 || n > 255 || strcspn(host, "/?#@ \t\r\n%\\") < n)
        FAIL(err, RC_INPUT, "AWS_ENDPOINT_URL must be http://host:port or https://host:port");
    snprintf(s3->base, sizeof s3->base, "%s%.*s", tls ? "https://" : "http://", (int)n, host);
    const char *own = tls ? ":443" : ":80";
    if (n > strlen(own) && strncmp(host + n - strlen(own), own, strlen(own)) == 0)
        n -= strlen(own);
    snprintf(s3->host, sizeof s3->host, "%.*s", (int)n, host);
    s3->in_path = true;
    return RC_OK;
}

static enum rc take_amazon(struct s3 *s3, const char *region, struct err *err)
{
    if (strlen(region) > 30 || region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")])
        FAIL(err, RC_INPUT, "AWS_REGION '%.40s' is none", region);
    /* The certificate is for one name in front, and a bucket with dots would be several. */
    s3->in_path = strchr(s3->bucket, '.') != NULL;
    snprintf(s3->host, sizeof s3->host, "%s%ss3.%s.amazonaws.com", s3->in_path ? "" : s3->bucket,
             s3->in_path ? "" : ".", region);
    snprintf(s3->base, sizeof s3->base, "https://%.300s", s3->host);
    return RC_OK;
}

static bool fit_for_header(const char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

enum rc s3_open(const struct s3_config *config, const char *url, struct s3 **ret, struct err *err)
{
    SCOPED(s3_close) struct s3 *s3 = calloc(1, sizeof *s3);
    if (s3 == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    s3->config = config;
    TRY(take_url(s3, url, err));
    if (config->key_id == NULL || config->secret == NULL || *config->key_id == '\0')
        FAIL(err, RC_INPUT, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed for %.100s",
             url);
    if (!fit_for_header(config->key_id) || !fit_for_header(config->token) ||
        !fit_for_header(config->region))
        FAIL(err, RC_INPUT, "the access key, session token or region has odd characters");
    if (config->endpoint != NULL && *config->endpoint != '\0')
        TRY(take_endpoint(s3, config->endpoint, err));
    else
        TRY(take_amazon(s3, config->region != NULL ? config->region : "us-east-1", err));
    s3->curl = curl_easy_init();
    if (s3->curl == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    *ret = TAKE(s3);
    return RC_OK;
}

enum rc s3_again(const struct s3 *s3, struct s3 **ret, struct err *err)
{
    SCOPED(s3_close) struct s3 *again = malloc(sizeof *again);
    if (again == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    *again = *s3;
    again->prefix = NULL;
    again->curl = curl_easy_init();
    if (again->curl == NULL)
        FAIL(err, RC_NOMEM, "no memory for a bucket");
    *ret = TAKE(again);
    return RC_OK;
}

/* The listing. */

struct text {
    uint8_t *p;
    size_t n, room;
};

static void text_free_scoped(struct text *text)
{
    free(text->p);
}

static enum rc add_part(void *ctx, struct bytes part, struct err *err)
{
    struct text *text = ctx;
    if (part.n > LISTING_MAX - text->n)
        FAIL(err, RC_INPUT, "ListObjectsV2: a page is longer than %d MiB", LISTING_MAX >> 20);
    if (part.n > text->room - text->n) {
        size_t room = 2 * (text->n + part.n);
        uint8_t *p = realloc(text->p, room);
        if (p == NULL)
            FAIL(err, RC_NOMEM, "no memory for a listing");
        text->p = p;
        text->room = room;
    }
    memcpy(text->p + text->n, part.p, part.n);
    text->n += part.n;
    return RC_OK;
}

static enum rc make_query(const struct s3 *s3, const char *token, char **ret, struct err *err)
{
    SCOPED(mem_free) char *where = malloc(3 * S3_TOKEN_SIZE);
    SCOPED(mem_free) char *prefix = malloc(3 * S3_KEY_MAX + 1);
    if (where == NULL || prefix == NULL)
        FAIL(err, RC_NOMEM, "no memory for a listing");
    if (!s3_escape(bytes_str(token), false, where, 3 * S3_TOKEN_SIZE) ||
        !s3_escape(bytes_str(s3->prefix), false, prefix, 3 * S3_KEY_MAX + 1))
        FAIL(err, RC_INPUT, "the prefix is too long");
    if (asprintf(ret, "%s%s%sencoding-type=url&list-type=2&prefix=%s",
                 *token != '\0' ? "continuation-token=" : "", where, *token != '\0' ? "&" : "",
                 prefix) < 0)
        FAIL(err, RC_NOMEM, "no memory for a listing");
    return RC_OK;
}

/* Tried again also when what came whole is no listing: proxies send pages of their own. */
static enum rc read_page(struct s3 *s3, const char *query, struct s3_page *ret, struct err *err)
{
    for (unsigned failed = 0;;) {
        SCOPED(text_free) struct text text = {0};
        const struct s3_get get = {
            .what = "ListObjectsV2", .query = query, .body = add_part, .ctx = &text};
        bool again;
        int64_t wait;
        enum rc rc = s3_try(s3, &get, &again, &wait, err);
        if (rc == RC_OK)
            return s3_page_read(bytes_of(text.p, text.n), ret, err);
        if (!again || ++failed >= s3->config->tries)
            return rc;
        TRY(s3_wait(s3, failed, wait, err));
    }
}

/* Objects as items. */

struct loading {
    struct s3 *s3;
    struct s3_ahead *ahead; /* NULL: nothing is read ahead */
    const struct s3_object *object;
    size_t number; /* in its page */
    char name[sizeof((struct s3 *)0)->bucket + S3_KEY_MAX + 8];
};

static enum rc load_object(struct source_item *item, uint64_t max, int *ret_memfd,
                           uint64_t *ret_length, struct err *err)
{
    const struct loading *loading = item->ctx;
    TRY(loading->ahead != NULL ? s3_ahead_load(loading->ahead, loading->number, max, ret_memfd, err)
                               : s3_object_load(loading->s3, loading->object, max, ret_memfd, err));
    *ret_length = loading->object->size;
    return RC_OK;
}

/* The object as an item: *loading must live as long.  False for what is none. */
static bool to_item(struct s3 *s3, struct s3_ahead *ahead, const struct s3_page *page, size_t i,
                    struct loading *loading, struct source_item *ret)
{
    const struct s3_object *object = &page->objects[i];
    size_t length = strlen(object->key);
    /* A folder's mark; and what was not asked for may belong to someone else's scan. */
    if ((object->size == 0 && object->key[length - 1] == '/') ||
        strncmp(object->key, s3->prefix, strlen(s3->prefix)) != 0)
        return false;
    loading->s3 = s3;
    loading->ahead = ahead;
    loading->object = object;
    loading->number = i;
    int n = snprintf(loading->name, sizeof loading->name, "s3://%s/%s", s3->bucket, object->key);
    *ret = (struct source_item){.name = bytes_of(loading->name, (size_t)n),
                                .under = bytes_of(loading->name + 5, (size_t)n - 5),
                                .identity = {.size = object->size, .mtime_ns = object->mtime_ns},
                                .load = load_object,
                                .ctx = loading};
    _Static_assert(sizeof ret->identity.etag == S3_ETAG_SIZE, "an ETag is an identity");
    memcpy(ret->identity.etag, object->etag, sizeof ret->identity.etag);
    return true;
}

/* Wants objects from number *next on, as many as have room. */
static enum rc look_ahead(struct s3 *s3, struct s3_ahead *ahead, const struct s3_page *page,
                          size_t *next, const struct source_visitor *visitor, struct err *err)
{
    for (; *next < page->n && s3_ahead_has_room(ahead, *next); ++*next) {
        struct loading loading;
        struct source_item item;
        bool wanted = false;
        if (to_item(s3, ahead, page, *next, &loading, &item))
            TRY(visitor->wanted(visitor->ctx, &item, &wanted, err));
        if (wanted)
            s3_ahead_want(ahead, *next);
    }
    return RC_OK;
}

static enum rc visit_objects(struct s3 *s3, struct s3_ahead *ahead, const struct s3_page *page,
                             const struct source_visitor *visitor, struct err *err)
{
    for (size_t i = 0, next = 0; i < page->n; i++) {
        struct loading loading;
        struct source_item item;
        if (visitor->stop != NULL && atomic_load(visitor->stop))
            FAIL(err, RC_BUSY, "stopped");
        next = next > i ? next : i;
        if (ahead != NULL)
            TRY(look_ahead(s3, ahead, page, &next, visitor, err));
        if (to_item(s3, ahead, page, i, &loading, &item))
            TRY(visitor->item(visitor->ctx, &item, err));
        if (ahead != NULL)
            s3_ahead_visited(ahead, i);
    }
    return RC_OK;
}

static enum rc visit_page(struct s3 *s3, struct s3_ahead *ahead, const struct s3_page *page,
                          const struct source_visitor *visitor, struct err *err)
{
    if (ahead != NULL)
        TRY(s3_ahead_page(ahead, page, err));
    enum rc rc = visit_objects(s3, ahead, page, visitor, err);
    if (ahead != NULL)
        s3_ahead_leave(ahead);
    return rc;
}

/* What follows is unknown; what came before was visited. */
static enum rc tell_trouble(struct s3 *s3, const struct err *why,
                            const struct source_visitor *visitor, struct err *err)
{
    char name[sizeof s3->bucket + S3_KEY_MAX + 8];
    int n = snprintf(name, sizeof name, "s3://%s/%s", s3->bucket, s3->prefix);
    return visitor->trouble(visitor->ctx, bytes_of(name, (size_t)n), NULL, why, err);
}

static enum rc next_page(struct s3 *s3, const char *token, struct s3_page *ret, unsigned *empty,
                         struct err *err)
{
    SCOPED(mem_free) char *query = NULL;
    TRY(make_query(s3, token, &query, err));
    TRY(read_page(s3, query, ret, err));
    *empty = ret->n > 0 ? 0 : *empty + 1;
    if (ret->truncated && (strcmp(ret->token, token) == 0 || *empty > EMPTY_PAGES_MAX))
        FAIL(err, RC_INPUT, "the listing: does not go on");
    return RC_OK;
}

enum rc s3_run(void *source, const struct source_visitor *visitor, struct err *err)
{
    struct s3 *s3 = source;
    char token[S3_TOKEN_SIZE] = "";
    SCOPED(s3_ahead_free) struct s3_ahead *ahead = NULL;
    unsigned empty = 0;

    s3->stop = visitor->stop;
    if (visitor->wanted != NULL)
        TRY(s3_ahead_new(s3, &ahead, err));
    for (bool more = true, first = true; more; first = false) {
        SCOPED(s3_page_clear) struct s3_page page = {0};
        struct err why = {.rc = RC_OK};
        enum rc rc = next_page(s3, token, &page, &empty, &why);
        if (rc != RC_OK && (first || (s3->stop != NULL && atomic_load(s3->stop)))) {
            if (err != NULL)
                *err = why;
            return rc;
        }
        if (rc != RC_OK)
            return tell_trouble(s3, &why, visitor, err);
        TRY(visit_page(s3, ahead, &page, visitor, err));
        more = page.truncated;
        memcpy(token, page.token, sizeof token);
    }
    return RC_OK;
}
