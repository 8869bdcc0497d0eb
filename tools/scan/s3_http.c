#include "tools/scan/s3_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"
#include "tools/scan/s3_sign.h"

enum { PROBLEM_MAX = 16 << 10, WAIT_MAX_MS = 20000, SLICE_MS = 100 };

/* One try's way. */
struct transfer {
    struct s3 *s3;
    const struct s3_get *get;
    struct s3_head head;
    bool head_told;
    enum rc rc; /* of the caller's head or body */
    struct err *err;
    size_t n;
    uint8_t problem[PROBLEM_MAX];
};

/* Headers of the answer. */

static bool value_of(const char *line, size_t n, const char *name, char *out, size_t size)
{
    size_t at = strlen(name);
    if (n <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
        return false;
    for (at++; at < n && (line[at] == ' ' || line[at] == '\t'); at++)
        ;
    while (n > at && (line[n - 1] == '\r' || line[n - 1] == '\n' || line[n - 1] == ' '))
        n--;
    if (n - at >= size || memchr(line + at, '\0', n - at) != NULL)
        return false;
    memcpy(out, line + at, n - at);
    out[n - at] = '\0';
    return true;
}

/* "bytes 0-9/100" */
static bool read_range(const char *text, struct s3_head *head)
{
    char canonical[100];
    unsigned long long first, last, total;
    if (sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &total) != 3)
        return false;
    /* scanf reads signs, blanks and overflows; what it made of the text must be the text. */
    snprintf(canonical, sizeof canonical, "bytes %llu-%llu/%llu", first, last, total);
    head->first = first;
    head->last = last;
    head->total = total;
    return strcmp(canonical, text) == 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    char value[128];
    int64_t number;
    n *= size;
    if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) /* an answer after "100 Continue" */
        t->head = (struct s3_head){0};
    else if (value_of(line, n, "ETag", t->head.etag, sizeof t->head.etag) ||
             value_of(line, n, "x-amz-bucket-region", t->head.region, sizeof t->head.region))
        return n;
    else if (value_of(line, n, "Content-Range", value, sizeof value))
        t->head.has_range = read_range(value, &t->head);
    else if (value_of(line, n, "Content-Length", value, sizeof value) &&
             text_number(value, 0, INT64_MAX, &number)) {
        t->head.has_length = true;
        t->head.length = (uint64_t)number;
    } else if (value_of(line, n, "Retry-After", value, sizeof value) &&
               text_number(value, 0, 3600, &number))
        t->head.retry_after_s = number;
    return n;
}

static bool tell_head(struct transfer *t)
{
    if (t->head_told)
        return t->rc == RC_OK;
    t->head_told = true;
    curl_easy_getinfo(t->s3->curl, CURLINFO_RESPONSE_CODE, &t->head.status);
    if (t->head.status >= 200 && t->head.status < 300 && t->get->head != NULL)
        t->rc = t->get->head(t->get->ctx, &t->head, t->err);
    return t->rc == RC_OK;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    n *= size;
    if (!tell_head(t))
        return 0;
    if (t->head.status >= 200 && t->head.status < 300) {
        t->rc = t->get->body(t->get->ctx, bytes_of(data, n), t->err);
        return t->rc == RC_OK ? n : 0;
    }
    size_t keep = n < sizeof t->problem - t->n ? n : sizeof t->problem - t->n;
    memcpy(t->problem + t->n, data, keep);
    t->n += keep;
    return n;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct transfer *t = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return t->s3->stop != NULL && atomic_load(t->s3->stop);
}

/* The request. */

static enum rc make_path(const struct s3 *s3, struct bytes key, char out[S3_PATH_SIZE],
                         struct err *err)
{
    int n = s3->in_path ? snprintf(out, S3_PATH_SIZE, "/%s%s", s3->bucket, key.n > 0 ? "/" : "")
                        : snprintf(out, S3_PATH_SIZE, "/");
    if (!s3_escape(key, true, out + n, S3_PATH_SIZE - (size_t)n))
        FAIL(err, RC_INPUT, "the key is too long");
    return RC_OK;
}

static bool add_line(struct curl_slist **list, const char *name, const char *value)
{
    char line[S3_AUTHORIZATION_SIZE + 4096];
    if ((size_t)snprintf(line, sizeof line, "%s: %s", name, value) >= sizeof line)
        return false;
    struct curl_slist *more = curl_slist_append(*list, line);
    explicit_bzero(line, sizeof line);
    if (more == NULL)
        return false;
    *list = more;
    return true;
}

static enum rc make_headers(const struct s3 *s3, const struct s3_get *get, const char *path,
                            struct curl_slist **ret, struct err *err)
{
    const struct s3_config *c = s3->config;
    char when[S3_TIME_SIZE], range[64], authorization[S3_AUTHORIZATION_SIZE];
    struct s3_header headers[6];
    size_t n = 0;

    s3_time(clock_wall_ms(), when);
    headers[n++] = (struct s3_header){"host", s3->host};
    if (get->if_match != NULL)
        headers[n++] = (struct s3_header){"if-match", get->if_match};
    if (get->has_range) {
        snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, get->first, get->last);
        headers[n++] = (struct s3_header){"range", range};
    }
    headers[n++] = (struct s3_header){"x-amz-content-sha256", S3_NO_PAYLOAD};
    headers[n++] = (struct s3_header){"x-amz-date", when};
    if (c->token != NULL)
        headers[n++] = (struct s3_header){"x-amz-security-token", c->token};
    const struct s3_signing signing = {.key_id = c->key_id,
                                       .secret = c->secret,
                                       .region = c->region != NULL ? c->region : "us-east-1",
                                       .service = "s3",
                                       .time = when,
                                       .method = "GET",
                                       .path = path,
                                       .query = get->query,
                                       .headers = headers,
                                       .n_headers = n,
                                       .payload = S3_NO_PAYLOAD};
    TRY(s3_sign(&signing, authorization, err));
    bool good = add_line(ret, "Authorization", authorization);
    for (size_t i = 0; i < n; i++)
        good = good && add_line(ret, headers[i].name, headers[i].value);
    if (!good)
        FAIL(err, RC_NOMEM, "no memory for a request");
    return RC_OK;
}

static void prepare(struct transfer *t, const char *url, struct curl_slist *headers)
{
    CURL *curl = t->s3->curl;
    const struct s3_config *c = t->s3->config;
    curl_easy_reset(curl); /* keeps the connection */
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* keys may hold ".." */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1000L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)((c->stall_ms + 999) / 1000));
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

/* What came of it. */

static enum rc kind_of(long status)
{
    switch (status) {
    case 401:
    case 403:
        return RC_DENIED;
    case 404:
        return RC_NOTFOUND;
    case 412:
        return RC_BUSY;
    case 429:
    case 503:
        return RC_RATE;
    default:
        return status >= 500 ? RC_SYS : RC_INPUT;
    }
}

static enum rc refused(struct transfer *t, bool *ret_again, struct err *err)
{
    const char *what = t->get->what;
    long status = t->head.status;
    struct s3_problem problem;
    s3_problem_read(bytes_of(t->problem, t->n), &problem);
    *ret_again = status == 429 || status == 500 || status == 502 || status == 503 ||
                 status == 504 || strcmp(problem.code, "RequestTimeout") == 0;
    if (status == 412)
        FAIL(err, RC_BUSY, "%s: the object changed while it was read", what);
    if ((status == 301 || status == 307 || status == 400) && t->head.region[0] != '\0')
        FAIL(err, RC_INPUT, "%s: %ld: the bucket is in the region %s (AWS_REGION)", what, status,
             t->head.region);
    if (problem.code[0] == '\0')
        FAIL(err, kind_of(status), "%s: the server answered %ld", what, status);
    FAIL(err, kind_of(status), "%s: %ld %s: %s", what, status, problem.code, problem.message);
}

/* Not what a second try would end in, too. */
static bool may_do_better(CURLcode code)
{
    return code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL &&
           code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_OUT_OF_MEMORY &&
           code != CURLE_SSL_CACERT_BADFILE && code != CURLE_COULDNT_RESOLVE_PROXY;
}

static enum rc outcome(struct transfer *t, CURLcode code, bool *ret_again, struct err *err)
{
    if (t->rc != RC_OK)
        return t->rc;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        FAIL(err, RC_BUSY, "stopped");
    if (code != CURLE_OK) {
        *ret_again = may_do_better(code);
        FAIL(err, RC_SYS, "%s: %s: %s", t->get->what, t->s3->base, curl_easy_strerror(code));
    }
    if (!tell_head(t)) /* an answer without a body */
        return t->rc;
    if (t->head.status < 200 || t->head.status > 299)
        return refused(t, ret_again, err);
    return RC_OK;
}

static void list_free(struct curl_slist *list)
{
    curl_slist_free_all(list);
}
SCOPED_DEFINE(list_free, struct curl_slist *)

enum rc s3_try(struct s3 *s3, const struct s3_get *get, bool *ret_again, int64_t *ret_wait_s,
               struct err *err)
{
    SCOPED(mem_free) struct transfer *t = calloc(1, sizeof *t);
    SCOPED(mem_free) char *url = NULL;
    SCOPED(list_free) struct curl_slist *headers = NULL;
    char path[S3_PATH_SIZE];

    *ret_again = false;
    *ret_wait_s = 0;
    if (t == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    TRY(make_path(s3, get->key, path, err));
    TRY(make_headers(s3, get, path, &headers, err));
    if (asprintf(&url, "%s%s%s%s", s3->base, path, *get->query != '\0' ? "?" : "", get->query) <
        0) {
        url = NULL;
        FAIL(err, RC_NOMEM, "no memory for a request");
    }
    *t = (struct transfer){.s3 = s3, .get = get, .err = err};
    prepare(t, url, headers);
    CURLcode code = curl_easy_perform(s3->curl);
    enum rc rc = outcome(t, code, ret_again, err);
    *ret_wait_s = t->head.retry_after_s;
    return rc;
}

/* Between half and all of it, so that many who failed together do not come back together. */
static int64_t jitter(int64_t ms)
{
    uint32_t r = 0;
    (void)!getrandom(&r, sizeof r, GRND_NONBLOCK);
    return ms / 2 + (int64_t)(r % (uint64_t)(ms / 2 + 1));
}

enum rc s3_wait(struct s3 *s3, unsigned n, int64_t wait_s, struct err *err)
{
    int64_t ms = s3->config->backoff_ms;
    for (; n > 1 && ms < WAIT_MAX_MS; n--)
        ms *= 2;
    ms = jitter(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS);
    if (wait_s * 1000 > ms)
        ms = wait_s * 1000;
    for (; ms > 0; ms -= SLICE_MS) {
        int64_t slice = ms < SLICE_MS ? ms : SLICE_MS;
        const struct timespec pause = {.tv_nsec = slice * 1000000};
        if (s3->stop != NULL && atomic_load(s3->stop))
            FAIL(err, RC_BUSY, "stopped");
        nanosleep(&pause, NULL);
    }
    return RC_OK;
}
