#include "service/config.h"

#include <string.h>
#include <sys/un.h>

#include "service/http_listen.h"

enum { ADDRESSES_MAX = 16 };

/* Which addresses this machine has shows when they are bound; here it is their form. */
static enum rc check_addresses(const struct config *config, const char *list, struct err *err)
{
    struct listen_address address[ADDRESSES_MAX];
    size_t n = 0;
    TRY(listen_parse(list, address, ADDRESSES_MAX, &n, err));
    for (size_t i = 0; i < n; i++) {
        char text[LISTEN_TEXT_SIZE];
        listen_text(&address[i], text);
        if (config->tls_certificate[0] == '\0' && !config->plain_anywhere &&
            !listen_is_local(&address[i]))
            FAIL(err, RC_INPUT,
                 "[http] listen: %s is beyond loopback and has no TLS; give tls_certificate and "
                 "tls_key, or plain = anywhere behind a TLS proxy",
                 text);
    }
    return RC_OK;
}

static enum rc check_admin_socket(const char *path, struct err *err)
{
    /* sun_path with its NUL: a longer one would be cut and name another socket. */
    size_t most = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (path[0] != '/')
        FAIL(err, RC_INPUT, "[http] admin_socket: '%.80s' is not an absolute path", path);
    if (strlen(path) > most)
        FAIL(err, RC_INPUT, "[http] admin_socket: a socket's path has at most %zu bytes", most);
    return RC_OK;
}

static enum rc check_metrics(const char *list, struct err *err)
{
    struct listen_address address[ADDRESSES_MAX];
    size_t n;
    return listen_parse(list, address, ADDRESSES_MAX, &n, err);
}

enum rc config_check(const struct config *config, struct err *err)
{
    if ((config->tls_certificate[0] == '\0') != (config->tls_key[0] == '\0'))
        FAIL(err, RC_INPUT, "[http] tls_certificate and tls_key: give both or neither");
    if (config->listen[0] == '\0')
        FAIL(err, RC_INPUT, "[http] listen: must not be empty");
    TRY(check_addresses(config, config->listen, err));
    if (config->metrics_listen[0] != '\0')
        TRY(check_metrics(config->metrics_listen, err));
    if (config->admin_socket[0] != '\0')
        TRY(check_admin_socket(config->admin_socket, err));
    if (config->database[0] == '\0')
        FAIL(err, RC_INPUT, "[store] database: must not be empty");
    if (config->snapshot[0] == '\0')
        FAIL(err, RC_INPUT, "[store] snapshot: must not be empty: beside, none or a path");
    return RC_OK;
}
