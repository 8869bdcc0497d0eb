#include "tools/client.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <curl/curl.h>

struct client {
    CURL *curl;
    struct curl_slist *headers; /* of the key */
    char *base;                 /* "http://host:port" without a slash at its end */
    char *socket;               /* path of the unix socket, NULL for TCP */
};

struct sink {
    struct client *client;
    const struct call *call;
    struct result *result;
    bool failed;
};

enum { ANSWER_MAX = 256 << 20 };

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    curl_slist_free_all(client->headers);
    free(client->base);
    free(client->socket);
    free(client);
}

static enum rc add_key(struct client *client, const char *key, struct err *err)
{
    char line[1024];
    if (strpbrk(key, "\r\n") != NULL ||
        (size_t)snprintf(line, sizeof line, "Authorization: Bearer %s", key) >= sizeof line)
        FAIL(err, RC_INPUT, "the API key is malformed");
    client->headers = curl_slist_append(client->headers, line);
    explicit_bzero(line, sizeof line);
    if (client->headers == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    return RC_OK;
}

static enum rc copy_text(const char *text, char **ret, struct err *err)
{
    if (text != NULL && (*ret = strdup(text)) == NULL)
        FAIL(err, RC_NOMEM, "no memory for the client");
    return RC_OK;
}

enum rc client_again(const struct client *client, struct client **ret, struct err *err)
{
    SCOPED(client_free) struct client *again = calloc(1, sizeof *again);
    if (again == NULL || (again->curl = curl_easy_init()) == NULL)
        FAIL(err, RC_NOMEM, "no memory for the client");
    TRY(copy_text(client->base, &again->base, err));
    TRY(copy_text(client->socket, &again->socket, err));
    for (const struct curl_slist *h = client->headers; h != NULL; h = h->next) {
        struct curl_slist *more = curl_slist_append(again->headers, h->data);
        if (more == NULL)
            FAIL(err, RC_NOMEM, "no memory for a request");
        again->headers = more;
    }
    *ret = TAKE(again);
    return RC_OK;
}

enum rc client_new(const struct settings *settings, struct client **ret, struct err *err)
{
    SCOPED(client_free) struct client *client = calloc(1, sizeof *client);
    if (client == NULL || (client->curl = curl_easy_init()) == NULL)
        FAIL(err, RC_NOMEM, "no memory for the client");

    const char *url = settings->url;
    if (strncmp(url, "unix:", 5) == 0) {
        client->socket = strdup(url + 5);
        if (client->socket == NULL)
            FAIL(err, RC_NOMEM, "no memory for the client");
        url = "http://localhost";
    } else if (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0) {
        FAIL(err, RC_INPUT, "HASHGATE_URL must be http://…, https://… or unix:/path, not '%s'",
             url);
    }
    client->base = strdup(url);
    if (client->base == NULL)
        FAIL(err, RC_NOMEM, "no memory for the client");
    for (size_t n = strlen(client->base); n > 0 && client->base[n - 1] == '/'; n--)
        client->base[n - 1] = '\0';
    if (settings->key != NULL)
        TRY(add_key(client, settings->key, err));
    *ret = TAKE(client);
    return RC_OK;
}

static enum rc append(struct target *t, const char *before, const char *name, const char *between,
                      const char *value, struct err *err)
{
    char *encoded = curl_easy_escape(NULL, value, 0);
    char *text = NULL;
    if (encoded != NULL &&
        asprintf(&text, "%s%s%s%s%s", t->text, before, name, between, encoded) < 0)
        text = NULL;
    curl_free(encoded);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    free(t->text);
    t->text = text;
    return RC_OK;
}

enum rc target_start(struct target *t, const char *path, struct err *err)
{
    t->text = strdup(path);
    if (t->text == NULL)
        FAIL(err, RC_NOMEM, "no memory for a request");
    return RC_OK;
}

enum rc target_segment(struct target *t, const char *segment, struct err *err)
{
    /* "." and ".." would be folded away on the way to the service. */
    if (*segment == '\0' || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        FAIL(err, RC_INPUT, "'%s' is not a name", segment);
    return append(t, "/", "", "", segment, err);
}

enum rc target_param(struct target *t, const char *name, const char *value, struct err *err)
{
    if (value == NULL)
        return RC_OK;
    TRY(append(t, t->has_query ? "&" : "?", name, "=", value, err));
    t->has_query = true;
    return RC_OK;
}

void target_clear(struct target *t)
{
    free(t->text);
    memset(t, 0, sizeof *t);
}

void result_clear(struct result *result)
{
    free(result->text);
    memset(result, 0, sizeof *result);
}

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
    struct sink *sink = ctx;
    long status = 0;
    n *= size;
    curl_easy_getinfo(sink->client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (sink->call->out != NULL && status >= 200 && status < 300)
        return fwrite(data, 1, n, sink->call->out);

    struct result *r = sink->result;
    char *text = n <= ANSWER_MAX - r->length ? realloc(r->text, r->length + n + 1) : NULL;
    if (text == NULL) {
        sink->failed = true;
        return 0;
    }
    memcpy(text + r->length, data, n);
    r->text = text;
    r->length += n;
    text[r->length] = '\0';
    return n;
}

static size_t on_body(char *buffer, size_t size, size_t n, void *ctx)
{
    FILE *file = ctx;
    size_t got = fread(buffer, 1, size * n, file);
    return ferror(file) ? CURL_READFUNC_ABORT : got;
}

static void set_body(CURL *curl, const struct call *call)
{
    struct stat st;
    if (call->body_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_READDATA, call->body_file);
        /* A pipe has no size: it goes chunked. */
        if (fstat(fileno(call->body_file), &st) == 0 && S_ISREG(st.st_mode))
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)st.st_size);
        else
            curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
    } else if (call->body.p != NULL || strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                         call->body.n > 0 ? (const void *)call->body.p : "");
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

static enum rc kind_of(long status)
{
    static const struct {
        long status;
        enum rc rc;
    } kinds[] = {
        {401, RC_AUTH},        {403, RC_DENIED},    {404, RC_NOTFOUND},
        {409, RC_CONFLICT},    {413, RC_TOO_LARGE}, {415, RC_NOT_MEDIA},
        {422, RC_UNDECODABLE}, {429, RC_RATE},      {503, RC_BUSY},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].status == status)
            return kinds[i].rc;
    return status >= 500 ? RC_SYS : RC_INPUT;
}

/* The service's own words, with the id that a conflict names, and when to try again; but what it
 * says of a header is no help to whoever has a variable to set. */
static enum rc problem(const struct client *client, const struct result *r, struct err *err)
{
    if (r->status == 401 && client->headers == NULL)
        FAIL(err, RC_AUTH,
             "a key is needed: set HASHGATE_KEY, or key = KEY in ~/.config/hashgate/config");
    SCOPED(json_free)
    json_t *doc = r->text != NULL ? json_loadb(r->text, r->length, 0, NULL) : NULL;
    const char *detail = json_string_value(json_object_get(doc, "detail"));
    const char *entry = json_string_value(json_object_get(doc, "entry"));
    if (detail == NULL)
        detail = json_string_value(json_object_get(doc, "title"));
    if (detail == NULL)
        FAIL(err, kind_of(r->status), "the service answered %ld", r->status);
    if (entry != NULL)
        FAIL(err, kind_of(r->status), "%s (entry %s)", detail, entry);
    FAIL(err, kind_of(r->status), "%s", detail);
}

static void prepare(struct client *client, struct sink *sink, struct curl_slist *headers)
{
    CURL *curl = client->curl;
    if (client->socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    set_body(curl, sink->call);
}

enum rc client_call(struct client *client, const struct call *call, struct result *ret,
                    struct err *err)
{
    struct sink sink = {.client = client, .call = call, .result = ret};
    struct curl_slist *headers = NULL, *more;
    char *url = NULL, type[256];

    if (asprintf(&url, "%s%s", client->base, call->target->text) < 0)
        FAIL(err, RC_NOMEM, "no memory for a request");
    curl_easy_reset(client->curl); /* keeps the connection, nothing of the call before */
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    free(url);
    for (struct curl_slist *h = client->headers; h != NULL; h = h->next)
        if ((more = curl_slist_append(headers, h->data)) != NULL)
            headers = more;
    /* No waiting for "100 Continue": a refusal comes just as fast. */
    if ((more = curl_slist_append(headers, "Expect:")) != NULL)
        headers = more;
    snprintf(type, sizeof type, "Content-Type:%s%s", call->content_type != NULL ? " " : "",
             call->content_type != NULL ? call->content_type : "");
    if ((more = curl_slist_append(headers, type)) != NULL)
        headers = more;

    prepare(client, &sink, headers);
    CURLcode code = curl_easy_perform(client->curl);
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_slist_free_all(headers);

    if (sink.failed)
        FAIL(err, RC_NOMEM, "no memory for the answer");
    /* A refusal may come while the body is still being sent: its words count, not the cut. */
    if (code != CURLE_OK && ret->status < 400)
        FAIL(err, RC_SYS, "%s: %s", client->base, curl_easy_strerror(code));
    if (ret->status < 200 || ret->status > 299) {
        curl_off_t wait = 0;
        enum rc rc = problem(client, ret, err);
        curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &wait);
        err->retry = (int)(wait < INT_MAX ? wait : INT_MAX);
        return rc;
    }
    return RC_OK;
}

enum rc result_json(const struct result *result, json_t **ret, struct err *err)
{
    json_error_t why;
    json_t *json = json_loadb(result->text != NULL ? result->text : "", result->length,
                              JSON_REJECT_DUPLICATES, &why);
    if (json == NULL)
        FAIL(err, RC_INPUT, "the answer is not JSON: %s", why.text);
    *ret = json;
    return RC_OK;
}
