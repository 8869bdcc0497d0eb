/* main() of the command line: finds the command, parses its options, runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hashing/base/text.h"
#include "tools/command.h"

int complain(const char *what, const struct err *err)
{
    char shown[1024];
    text_printable(what, strlen(what), shown, sizeof shown);
    fprintf(stderr, "hashgate: %s: %s\n", shown, err->msg);
    return EXIT_ERROR;
}

enum rc call_json(struct client *client, const char *method, const struct target *target,
                  const json_t *body, json_t **ret, struct err *err)
{
    SCOPED(result_clear) struct result result = {0};
    SCOPED(mem_free) char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct call call = {.method = method, .target = target};
    if (body != NULL && text == NULL)
        FAIL(err, RC_INPUT, "what was given is not UTF-8");
    if (text != NULL) {
        call.body = bytes_str(text);
        call.content_type = "application/json";
    }
    TRY(client_call(client, &call, &result, err));
    return result_json(&result, ret, err);
}

json_t *list_of(const struct args *args, int key)
{
    json_t *list = NULL;
    for (unsigned i = 0; i < args->n_list; i++) {
        if (args->list[i].key != key)
            continue;
        if (list == NULL)
            list = json_array();
        for (const char *s = args->list[i].value; *s != '\0';) {
            size_t n = strcspn(s, ",");
            if (n > 0)
                json_array_append_new(list, json_stringn(s, n));
            s += n + (s[n] == ',');
        }
    }
    return list;
}

/* What argp hands from call to call. */
struct parse {
    const struct command *command;
    struct args *args;
};

enum { KEY_JSON = 1, OPTIONS_MAX = 24 };

static const struct argp_option json_option = {
    "json", KEY_JSON, NULL, 0, "Print JSON for programs instead of a table", 99};

static error_t finish(struct argp_state *state, const struct parse *parse)
{
    const struct command *c = parse->command;
    if (parse->args->n_names < c->min)
        argp_error(state, "%s is missing", c->names);
    for (const char *key = c->required != NULL ? c->required : ""; *key != '\0'; key++) {
        if (parse->args->option[(int)*key] != NULL)
            continue;
        for (const struct argp_option *o = c->options; o->name != NULL; o++)
            if (o->key == *key)
                argp_error(state, "--%s is required", o->name);
    }
    return 0;
}

static error_t on_option(int key, char *value, struct argp_state *state)
{
    struct parse *parse = state->input;
    const struct command *c = parse->command;
    struct args *args = parse->args;

    if (key == KEY_JSON) {
        args->json = true;
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        if (c->max >= 0 && args->n_names >= c->max)
            argp_error(state, "'%s' is one argument too many", value);
        args->names[args->n_names++] = value;
        return 0;
    }
    if (key == ARGP_KEY_END)
        return finish(state, parse);
    if (key <= KEY_JSON || key >= 128 || c->options == NULL)
        return ARGP_ERR_UNKNOWN;

    bool repeatable = c->repeatable != NULL && strchr(c->repeatable, key) != NULL;
    if (args->option[key] != NULL && !repeatable)
        argp_error(state, "an option was given twice");
    args->option[key] = value != NULL ? value : "";
    if (repeatable) {
        if (args->n_list == LIST_MAX)
            argp_error(state, "more than %d values", LIST_MAX);
        args->list[args->n_list].key = key;
        args->list[args->n_list++].value = value;
    }
    return 0;
}

static int run_command(const struct command *c, int argc, char **argv)
{
    SCOPED(mem_free) char **names = calloc((size_t)argc + 1, sizeof *names);
    SCOPED(mem_free) char *text = NULL;
    SCOPED(client_free) struct client *client = NULL;
    struct settings settings = {0};
    struct args args = {.names = names};
    struct parse parse = {.command = c, .args = &args};
    struct err err;

    if (names == NULL || asprintf(&text, "%s\vExample:\n  %s", c->does, c->example) < 0)
        return EXIT_ERROR;
    struct argp_option options[OPTIONS_MAX + 2] = {{0}};
    size_t n = 0;
    for (; c->options != NULL && c->options[n].name != NULL && n < OPTIONS_MAX; n++)
        options[n] = c->options[n];
    options[n] = json_option;
    const struct argp argp = {options, on_option, c->names, text, NULL, NULL, NULL};
    argp_err_exit_status = EXIT_ERROR;
    if (argp_parse(&argp, argc, argv, 0, NULL, &parse) != 0)
        return EXIT_ERROR;

    enum rc rc = settings_load(&settings, &err);
    if (rc == RC_OK)
        rc = client_new(&settings, &client, &err);
    settings_clear(&settings);
    if (rc != RC_OK)
        return complain("settings", &err);
    int code = c->run(client, &args);
    if (ferror(stdout)) { /* errno is of something else by now */
        fputs("hashgate: not all could be written to standard output\n", stderr);
        return EXIT_ERROR;
    }
    if (fflush(stdout) != 0) {
        perror("hashgate: standard output");
        return EXIT_ERROR;
    }
    return code;
}

static void usage(FILE *out)
{
    fputs("Usage: hashgate COMMAND [OPTION…] [ARGUMENT…]\n\n"
          "Asks a Hashgate service ($HASHGATE_URL, $HASHGATE_KEY).\n\nCommands:\n",
          out);
    for (const struct command *c = commands; c->name != NULL; c++)
        fprintf(out, "  %-15s %s\n", c->name, c->does);
    fputs("\nhashgate COMMAND --help shows its options and an example.\n"
          "Exit codes of what looks something up: 0 nothing matched, 1 something matched,\n"
          "2 nothing matched and something could not be examined, or an error.\n",
          out);
}

/* How many words of argv the command's name takes; 0 when it is another command. */
static int words_matched(const struct command *c, int argc, char **argv)
{
    const char *space = strchr(c->name, ' ');
    size_t first = space != NULL ? (size_t)(space - c->name) : strlen(c->name);
    if (argc < 2 || strlen(argv[1]) != first || strncmp(argv[1], c->name, first) != 0)
        return 0;
    if (space == NULL)
        return 1;
    return argc > 2 && strcmp(argv[2], space + 1) == 0 ? 2 : 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts("hashgate " HASHGATE_VERSION);
        return 0;
    }
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        usage(stdout);
        return 0;
    }
    for (const struct command *c = commands; c->name != NULL; c++) {
        char name[64];
        int words = words_matched(c, argc, argv);
        if (words == 0)
            continue;
        snprintf(name, sizeof name, "hashgate %s", c->name);
        argv[words] = name; /* argp writes it into usage lines */
        return run_command(c, argc - words, argv + words);
    }
    if (argc > 1)
        fprintf(stderr, "hashgate: no such command\n\n");
    usage(stderr);
    return EXIT_ERROR;
}
