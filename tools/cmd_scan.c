/* scan and scan merge: archives of files. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/cmd_scan.h"

static atomic_bool stop;

/* The first stops the scan when it can; the second ends the program. */
static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop, true);
}

static void take_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

static void tell_totals(const struct state_totals *t, const struct scan_done *done)
{
    fprintf(stderr, "%llu files: %llu matched · %llu hashed · %llu other · %llu unreadable",
            (unsigned long long)t->files, (unsigned long long)t->matched,
            (unsigned long long)t->hashed, (unsigned long long)t->other,
            (unsigned long long)t->failed);
    if (done != NULL && done->gone > 0)
        fprintf(stderr, " · %llu gone", (unsigned long long)done->gone);
    if (done != NULL && done->unopened > 0)
        fprintf(stderr, " · %llu not opened", (unsigned long long)done->unopened);
    if (t->unmatched > 0)
        fprintf(stderr, " · %llu not matched yet", (unsigned long long)t->unmatched);
    fputs(done != NULL && done->stopped ? "\nStopped; scan again to go on.\n" : "\n", stderr);
}

/* Tells all, and what it comes to. */
static enum rc tell(struct state *state, const struct scan_asked *asked,
                    const struct scan_done *done, int *ret_code, struct err *err)
{
    struct state_totals totals;

    TRY(state_totals(state, asked->what.everything, &totals, err));
    TRY(tell_state(state, asked->what, asked->form, err));
    if (asked->page != NULL)
        TRY(tell_file(state, asked->what.everything, done, asked->page, err));
    tell_totals(&totals, done);
    bool partly = totals.failed > 0 || totals.unmatched > 0 ||
                  (done != NULL && (done->stopped || done->unopened > 0));
    *ret_code = totals.matched > 0 ? EXIT_MATCHED : partly ? EXIT_ERROR : EXIT_NOTHING;
    return RC_OK;
}

/* After all is told: what could not be done makes the result no better. */
static enum rc act(struct state *state, const struct scan_asked *asked,
                   const struct scan_done *done, struct err *err)
{
    uint64_t failed = 0;
    if (asked->act.text == NULL || atomic_load(&stop))
        return RC_OK;
    enum rc rc = act_all(&asked->act, state, asked->what.everything, &stop, &failed, err);
    if (rc != RC_OK && rc != RC_BUSY)
        return rc;
    if (failed > 0)
        fprintf(stderr, "%llu files could not be acted on\n", (unsigned long long)failed);
    /* Once more, with what was done; the first one is for a scan that is killed meanwhile. */
    return asked->act.meant && asked->page != NULL
               ? tell_file(state, asked->what.everything, done, asked->page, err)
               : RC_OK;
}

static enum rc scan(struct client *client, const struct args *args, int *ret_code, struct err *err)
{
    SCOPED(scan_asked_clear) struct scan_asked asked = {0};
    SCOPED(state_free) struct state *state = NULL;
    struct scan_done done = {0};

    TRY(scan_asked_read(args, &asked, err));
    TRY(state_open(asked.state_path, &state, err));
    take_signals();
    asked.what.everything = asked.rematch;
    if (asked.rematch)
        TRY(scan_rematch(&asked.scan, asked.since, client, state, &stop, &done, err));
    else
        TRY(scan_run(&asked.scan, client, state, &stop, &done, err));
    TRY(tell(state, &asked, &done, ret_code, err));
    return act(state, &asked, &done, err);
}

int run_scan(struct client *client, const struct args *args)
{
    int code = EXIT_ERROR;
    struct err err;
    return scan(client, args, &code, &err) == RC_OK ? code : complain("scan", &err);
}

/* A state that nobody asked to keep is of this program's only. */
static enum rc merge_path(const struct args *args, char folder[], char **ret, struct err *err)
{
    if (arg(args, 's') != NULL)
        return scan_asked_state(args, ret, err);
    if (mkdtemp(folder) == NULL)
        FAIL_SYS(err, "cannot make a folder for the joined state");
    if (asprintf(ret, "%s/state", folder) < 0)
        FAIL(err, RC_NOMEM, "no memory for a name");
    return RC_OK;
}

static enum rc merge(const struct args *args, const struct scan_asked *asked, int *ret_code,
                     struct err *err)
{
    SCOPED(state_free) struct state *state = NULL;

    for (int i = 0; i < args->n_names; i++)
        TRY(state_merge_check(asked->state_path, args->names[i], err));
    TRY(state_open(asked->state_path, &state, err));
    for (int i = 0; i < args->n_names; i++)
        TRY(state_merge(state, args->names[i], err));
    return tell(state, asked, NULL, ret_code, err);
}

int run_scan_merge(struct client *client, const struct args *args)
{
    char folder[] = "/var/tmp/hashgate-merge-XXXXXX";
    SCOPED(scan_asked_clear) struct scan_asked asked = {.what.everything = true};
    int code = EXIT_ERROR;
    struct err err;
    (void)client;

    enum rc rc = scan_asked_read_tell(args, &asked, &err);
    if (rc == RC_OK)
        rc = merge_path(args, folder, &asked.state_path, &err);
    if (rc == RC_OK)
        rc = merge(args, &asked, &code, &err);
    if (arg(args, 's') == NULL && asked.state_path != NULL) {
        unlink(asked.state_path);
        rmdir(folder);
    }
    return rc == RC_OK ? code : complain("scan merge", &err);
}
