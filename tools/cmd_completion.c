/* completion: prints a script made from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "tools/command.h"

/* First words, each once: the table keeps the commands of a family together. */
static void print_first_words(void)
{
    char last[32] = "";
    for (const struct command *c = commands; c->name != NULL; c++) {
        char word[32];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(c->name, " "), c->name);
        if (strcmp(word, last) != 0)
            printf(" %s", word);
        memcpy(last, word, sizeof last);
    }
}

static void print_options(const struct command *c)
{
    for (const struct argp_option *o = c->options; o != NULL && o->name != NULL; o++)
        printf(" --%s", o->name);
    printf(" --json --help");
}

/* bash's own form; zsh reads it through bashcompinit. */
static void bash(void)
{
    printf("_hashgate() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
           "    local words=\n"
           "    case $line in\n");
    for (const struct command *c = commands; c->name != NULL; c++) {
        printf("    '%s '*) words='", c->name);
        print_options(c);
        printf("' ;;\n");
    }
    for (const struct command *c = commands; c->name != NULL; c++) {
        const char *space = strchr(c->name, ' ');
        if (space != NULL)
            printf("    '%.*s ') words+=' %s' ;;&\n", (int)(space - c->name), c->name, space + 1);
    }
    printf("    ' '|'') words='");
    print_first_words();
    printf("' ;;\n    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "}\ncomplete -o filenames -F _hashgate hashgate\n");
}

static void fish(void)
{
    printf("complete -c hashgate -n __fish_use_subcommand -f -a '");
    print_first_words();
    printf("'\n");
    for (const struct command *c = commands; c->name != NULL; c++) {
        const char *space = strchr(c->name, ' ');
        if (space != NULL)
            printf("complete -c hashgate -n '__fish_seen_subcommand_from %.*s' -f -a %s\n",
                   (int)(space - c->name), c->name, space + 1);
        for (const struct argp_option *o = c->options; o != NULL && o->name != NULL; o++)
            printf("complete -c hashgate -n '__fish_seen_subcommand_from %s' -l %s%s\n",
                   space != NULL ? space + 1 : c->name, o->name, o->arg != NULL ? " -r" : "");
    }
}

int run_completion(struct client *client, const struct args *args)
{
    (void)client;
    const char *shell = args->names[0];
    struct err err;
    if (strcmp(shell, "zsh") == 0)
        printf("autoload -U +X bashcompinit && bashcompinit\n");
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) {
        bash();
        return 0;
    }
    if (strcmp(shell, "fish") == 0) {
        fish();
        return 0;
    }
    err_set(&err, RC_INPUT, HERE, "the shell must be bash, zsh or fish, not '%s'", shell);
    return complain("completion", &err);
}
