/*
 * Commands of `hashgate`: each is a row of one table that gives parsing, --help with an example,
 * and completion.
 *
 * run() returns the exit code: of what looks something up 0 = nothing matched, 1 = something
 * matched, 2 = nothing matched and something could not be examined, or an error; of everything
 * else 0 or 2.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <argp.h>
#include <stdbool.h>

#include "tools/client.h"

enum { EXIT_NOTHING = 0, EXIT_MATCHED = 1, EXIT_ERROR = 2 };

enum { LIST_MAX = 256 };

/* What was given on the command line; strings are borrowed from argv. */
struct args {
    const char *option[128]; /* by the option's key: the last value, or "" for a flag */
    unsigned n_list;         /* values of every repeatable option, in order */
    struct {
        int key;
        const char *value;
    } list[LIST_MAX];
    int n_names;  /* arguments that are not options */
    char **names; /* owned array */
    bool json;
};

static inline const char *arg(const struct args *args, int key)
{
    return args->option[key];
}

struct command {
    const char *name;  /* "bank create" */
    const char *names; /* "FILE…", "NAME", NULL: takes none */
    int min, max;      /* how many names; max -1: any number */
    const char *does;  /* one sentence */
    const char *example;
    const struct argp_option *options; /* ends with {0}; NULL: none but --json */
    const char *repeatable;            /* keys that may be given more than once */
    const char *required;              /* keys that must be given */
    int (*run)(struct client *client, const struct args *args);
};

/* The whole table, in the order of --help; ends with name NULL. */
extern const struct command commands[];

int run_check(struct client *client, const struct args *args);
int run_hash(struct client *client, const struct args *args);
int run_bank_create(struct client *client, const struct args *args);
int run_bank_ls(struct client *client, const struct args *args);
int run_bank_show(struct client *client, const struct args *args);
int run_bank_set(struct client *client, const struct args *args);
int run_add(struct client *client, const struct args *args);
int run_entry_ls(struct client *client, const struct args *args);
int run_entry_show(struct client *client, const struct args *args);
int run_entry_revoke(struct client *client, const struct args *args);
int run_entry_restore(struct client *client, const struct args *args);
int run_import(struct client *client, const struct args *args);
int run_export(struct client *client, const struct args *args);
int run_audit_ls(struct client *client, const struct args *args);
int run_audit_verify(struct client *client, const struct args *args);
int run_key_create(struct client *client, const struct args *args);
int run_key_ls(struct client *client, const struct args *args);
int run_key_revoke(struct client *client, const struct args *args);
int run_scan(struct client *client, const struct args *args);
int run_scan_merge(struct client *client, const struct args *args);
int run_completion(struct client *client, const struct args *args);

/* Prints "hashgate: what: words" to standard error, escaped; returns EXIT_ERROR. */
int complain(const char *what, const struct err *err);

/* One call without a body whose JSON answer is wanted. */
MUST_CHECK enum rc call_json(struct client *client, const char *method, const struct target *target,
                             const json_t *body, json_t **ret, struct err *err);

/* The option's values, split at commas, as an array; NULL when it was not given. */
json_t *list_of(const struct args *args, int key);

#endif
