/* hashgated: the service, and the few commands that need its database. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/store.h"
#include "hashing/base/text.h"
#include "service/auth.h"
#include "service/config.h"
#include "service/json_in.h"
#include "service/run.h"

enum { EXIT_BAD = 1, EXIT_USAGE = 2, KEY_NAME_MAX = 100 };

struct options {
    const char *config;
    const char *name; /* keys create */
    char scopes[256]; /* keys create: every --scope, comma separated */
    bool check_config, help, version;
    char **words; /* what is no option */
    int n_words;
};

static const char usage[] =
    "Usage: hashgated [--config FILE] [COMMAND]\n"
    "\n"
    "Without a command: serves until it is told to stop.\n"
    "\n"
    "  init                                  makes the database, or brings it up to date\n"
    "  keys create --name N --scope S[,S]    makes a key and prints it; scopes: check, match,\n"
    "                                        detail, moderate, metrics, admin\n"
    "  audit verify                          checks the chain of the audit log\n"
    "\n"
    "  --config FILE     default /etc/hashgate/hashgated.conf, which may be absent\n"
    "  --check-config    prints every setting that would be used, and ends\n"
    "  --version         prints the version, and ends\n"
    "  --help            prints this, and ends\n"
    "\n"
    "Each setting is also read from the environment: [http] listen is HASHGATE_HTTP_LISTEN.\n"
    "\n"
    "Example: hashgated init && hashgated keys create --name my-platform --scope check\n";

static int complain(const struct err *err)
{
    fprintf(stderr, "hashgated: %s\n", err->msg);
    return EXIT_BAD;
}

static int misused(const char *why)
{
    fprintf(stderr, "hashgated: %s; see hashgated --help\n", why);
    return EXIT_USAGE;
}

static bool add_scope(struct options *o, const char *scope)
{
    size_t used = strlen(o->scopes);
    int n = snprintf(o->scopes + used, sizeof o->scopes - used, "%s%s", used > 0 ? "," : "", scope);
    return n >= 0 && (size_t)n < sizeof o->scopes - used;
}

static bool read_options(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-config", no_argument, NULL, 'k'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"name", required_argument, NULL, 'n'},
                                          {"scope", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};

    for (int c; (c = getopt_long(argc, argv, "c:hV", known, NULL)) != -1;) {
        if (c == 'c')
            ret->config = optarg;
        else if (c == 'k')
            ret->check_config = true;
        else if (c == 'v' || c == 'V')
            ret->version = true;
        else if (c == 'h')
            ret->help = true;
        else if (c == 'n')
            ret->name = optarg;
        else if (c != 's' || !add_scope(ret, optarg))
            return false;
    }
    ret->words = argv + optind;
    ret->n_words = argc - optind;
    return true;
}

/* --- commands --- */

static enum rc init(const struct config *config, struct err *err)
{
    bool created = false;

    TRY(store_init(config->database, &created, err));
    printf("%s %s\n", created ? "created" : "up to date:", config->database);
    return RC_OK;
}

static enum rc check_key(const struct options *o, unsigned *ret_scopes, struct err *err)
{
    unsigned scopes = scopes_parse(o->scopes);

    if (o->name == NULL)
        FAIL(err, RC_INPUT, "keys create: --name is missing");
    TRY(text_in_check(o->name, KEY_NAME_MAX, "--name", err));
    if (o->scopes[0] == '\0')
        FAIL(err, RC_INPUT, "keys create: --scope is missing");
    if (scopes == 0)
        FAIL(err, RC_INPUT,
             "keys create: --scope %s: known are check, match, detail, moderate, metrics, admin",
             o->scopes);
    *ret_scopes = scopes;
    return RC_OK;
}

static enum rc keys_create(const struct config *config, const struct options *o, struct err *err)
{
    SCOPED(store_free) struct store *store = NULL;
    const struct actor actor = {.key_id = "", .name = "hashgated keys create", .request_id = ""};
    struct key key = {0};
    char token[TOKEN_SIZE];

    TRY(check_key(o, &key.scopes, err));
    TRY(store_open(config->database, &store, err));
    token_new(token, key.token_sha256);
    key.name = strdup(o->name);
    if (key.name == NULL)
        FAIL(err, RC_NOMEM, "keys create");
    enum rc rc = store_key_create(store, &key, &actor, err);
    key_clear(&key);
    TRY(rc);
    printf("%s\n", token);
    return RC_OK;
}

static enum rc audit_verify(const struct config *config, struct err *err)
{
    SCOPED(store_free) struct store *store = NULL;
    struct audit_check check;
    char head[2 * sizeof check.head + 1];

    TRY(store_open(config->database, &store, err));
    TRY(store_audit_verify(store, &check, err));
    if (check.bad_seq != 0)
        FAIL(err, RC_CONFLICT, "audit: row %llu was changed, or one before it is missing",
             (unsigned long long)check.bad_seq);
    text_hex(check.head, sizeof check.head, head);
    printf("rows %llu\nhead %s\n", (unsigned long long)check.rows, head);
    return RC_OK;
}

static bool words_are(const struct options *o, const char *first, const char *second)
{
    int n = second != NULL ? 2 : 1;
    return o->n_words == n && strcmp(o->words[0], first) == 0 &&
           (n == 1 || strcmp(o->words[1], second) == 0);
}

enum command { SERVE, INIT, KEYS_CREATE, AUDIT_VERIFY, UNKNOWN };

static enum command command_of(const struct options *o)
{
    if (o->n_words == 0)
        return SERVE;
    if (words_are(o, "init", NULL))
        return INIT;
    if (words_are(o, "keys", "create"))
        return KEYS_CREATE;
    if (words_are(o, "audit", "verify"))
        return AUDIT_VERIFY;
    return UNKNOWN;
}

/* Serving takes the configuration; the commands only look at it. */
static enum rc run(struct config **config, enum command command, const struct options *o,
                   struct err *err)
{
    switch (command) {
    case INIT:
        return init(*config, err);
    case KEYS_CREATE:
        return keys_create(*config, o, err);
    case AUDIT_VERIFY:
        return audit_verify(*config, err);
    default:
        return run_service(TAKE(*config), err);
    }
}

int main(int argc, char **argv)
{
    SCOPED(config_free) struct config *config = NULL;
    struct options o = {0};
    struct err err = {0};

    if (!read_options(argc, argv, &o))
        return misused("the options are not understood");
    if (o.help || o.version) {
        fputs(o.help ? usage : "hashgated " HASHGATE_VERSION "\n", stdout);
        return EXIT_SUCCESS;
    }
    enum command command = command_of(&o);
    if (command == UNKNOWN)
        return misused("unknown command");
    if (command != KEYS_CREATE && (o.name != NULL || o.scopes[0] != '\0'))
        return misused("--name and --scope belong to keys create");
    if (config_load(o.config, &config, &err) != RC_OK)
        return complain(&err);
    if (o.check_config) {
        config_print(config, stdout);
        return EXIT_SUCCESS;
    }
    if (run(&config, command, &o, &err) != RC_OK)
        return complain(&err);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_BAD;
}
