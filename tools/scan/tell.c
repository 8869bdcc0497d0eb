#include "tools/scan/tell.h"

#include <signal.h>
#include <string.h>

#include "hashing/base/text.h"
#include "tools/client.h"
#include "tools/scan/labels.h"
#include "tools/scan/tell_internal.h"

char *tell_name(struct bytes name)
{
    size_t size = 4 * name.n + 1;
    char *shown = malloc(size);
    if (shown != NULL)
        text_printable((const char *)name.p, name.n, shown, size);
    return shown;
}

enum rc tell_taken(struct err *err)
{
    if (ferror(stdout) != 0)
        FAIL_SYS(err, "cannot write to standard output");
    return RC_OK;
}

const char *tell_outcome(enum state_outcome outcome)
{
    static const char *const names[] = {"hashed", "other", "unreadable"};
    return names[outcome];
}

/* --- JSON Lines --- */

/* Hits of one file come one after the other, and make one line. */
struct lines {
    json_t *line; /* NULL: none is begun */
    bool member;
    size_t name_n;
    char name[SOURCE_NAME_MAX];
};

/* All but ASCII is \u-escaped: names may hold marks that turn the text around. */
static enum rc end_line(struct lines *lines, struct err *err)
{
    SCOPED(mem_free) char *text = NULL;

    if (lines->line == NULL)
        return RC_OK;
    text = json_dumps(lines->line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    json_decref(lines->line);
    lines->line = NULL;
    if (text == NULL)
        FAIL(err, RC_NOMEM, "no memory for a line");
    puts(text);
    return tell_taken(err);
}

static void lines_free_scoped(struct lines **lines)
{
    if (*lines != NULL)
        json_decref((*lines)->line);
    free(*lines);
}

/* Backslashes are doubled nowhere, so a name with one is told by its bytes, too. */
static enum rc set_name(json_t *line, struct bytes name, struct err *err)
{
    SCOPED(mem_free) char *shown = tell_name(name);
    SCOPED(mem_free) char *hex = malloc(2 * name.n + 1);
    if (shown == NULL || hex == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    json_object_set_new(line, "file", json_string(shown));
    if (strlen(shown) != name.n || memchr(name.p, '\\', name.n) != NULL) {
        text_hex(name.p, name.n, hex);
        json_object_set_new(line, "file_hex", json_string(hex));
    }
    return RC_OK;
}

static void set_medium(json_t *line, const struct state_told *told)
{
    json_t *media = json_pack("{s:I}", "bytes", (json_int_t)told->bytes);
    if (told->type[0] != '\0')
        json_object_update_new(media, json_pack("{s:s, s:I, s:I, s:I, s:I}", "type", told->type,
                                                "width", (json_int_t)told->width, "height",
                                                (json_int_t)told->height, "frames",
                                                (json_int_t)told->frames, "duration_ms",
                                                (json_int_t)told->duration_ms));
    json_object_set_new(line, "media", media);
}

/* Texts are what somebody typed and what the system said: any bytes. */
static enum rc add_act(json_t *acts, const struct state_act *act, struct err *err)
{
    SCOPED(mem_free) char *what = tell_name(bytes_str(act->act));
    SCOPED(mem_free) char *outcome = tell_name(bytes_str(act->outcome));
    char at[TEXT_TIME_SIZE];

    if (what == NULL || outcome == NULL)
        FAIL(err, RC_NOMEM, "no memory for an act");
    text_time(act->at_ms, at);
    json_array_append_new(acts, json_pack("{s:s, s:s, s:b, s:s}", "act", what, "at", at, "done",
                                          (int)act->done, "outcome", outcome));
    return RC_OK;
}

static enum rc set_acts(json_t *line, const struct state_act *act, size_t n, struct err *err)
{
    if (n == 0)
        return RC_OK;
    json_t *acts = json_array();
    json_object_set_new(line, "acts", acts);
    for (size_t i = 0; i < n; i++)
        TRY(add_act(acts, &act[i], err));
    return RC_OK;
}

static enum rc begin_line(struct lines *lines, const struct state_told *told, struct err *err)
{
    char hex[65];
    lines->line = json_object();
    if (lines->line == NULL)
        FAIL(err, RC_NOMEM, "no memory for a line");
    lines->member = told->member;
    memcpy(lines->name, told->name.p, told->name.n);
    lines->name_n = told->name.n;
    TRY(set_name(lines->line, told->name, err));
    if (told->member)
        json_object_set_new(lines->line, "member", json_true());
    json_object_set_new(lines->line, "outcome", json_string(tell_outcome(told->outcome)));
    if (told->outcome == STATE_FAILED)
        json_object_set_new(lines->line, "error", json_pack("{s:s}", "detail", told->reason));
    if (told->sha256 != NULL) {
        text_hex(told->sha256, 32, hex);
        json_object_set_new(lines->line, "sha256", json_string(hex));
    }
    set_medium(lines->line, told);
    json_object_set_new(lines->line, "generation",
                        told->generation >= 0 ? json_integer(told->generation) : json_null());
    json_object_set_new(lines->line, "matches", json_array());
    return set_acts(lines->line, told->act, told->n_acts, err);
}

static json_t *number_or_null(int64_t n)
{
    return n >= 0 ? json_integer(n) : json_null();
}

/* What the service did not tell, for want of the scope `detail`, is left out. */
static json_t *match_of(const struct state_hit *hit)
{
    json_t *match = json_pack("{s:s, s:s}", "bank", hit->bank, "action", hit->action);
    if (hit->type[0] == '\0')
        return match;
    json_object_set_new(match, "entry", json_string(hit->entry));
    json_object_set_new(match, "type", json_string(hit->type));
    json_object_set_new(match, "distance", number_or_null(hit->distance));
    json_object_set_new(match, "threshold", number_or_null(hit->threshold));
    json_object_set_new(match, "orientation",
                        hit->orientation[0] != '\0' ? json_string(hit->orientation) : json_null());
    json_object_set_new(match, "ms", number_or_null(hit->ms));
    json_object_set_new(match, "entry_ms", number_or_null(hit->entry_ms));
    json_object_set_new(match, "labels", labels_split(hit->labels));
    return match;
}

static enum rc tell_line(void *ctx, const struct state_told *told, struct err *err)
{
    struct lines *lines = ctx;
    bool same = lines->line != NULL && lines->member == told->member &&
                lines->name_n == told->name.n &&
                memcmp(lines->name, told->name.p, told->name.n) == 0;
    if (!same) {
        TRY(end_line(lines, err));
        TRY(begin_line(lines, told, err));
    }
    if (told->hit != NULL)
        json_array_append_new(json_object_get(lines->line, "matches"), match_of(told->hit));
    return RC_OK;
}

/* A file that is no more, with what was done about it: where one in the quarantine came from. */
static enum rc tell_gone(void *ctx, const struct state_act *act, struct err *err)
{
    struct lines *lines = ctx;
    char hex[65];

    if (!act->gone)
        return RC_OK;
    text_hex(act->sha256, 32, hex);
    json_t *acts = lines->line == NULL ? NULL : json_object_get(lines->line, "acts");
    const char *before = json_string_value(json_object_get(lines->line, "sha256"));
    if (acts != NULL && strcmp(before, hex) == 0 && lines->name_n == act->name.n &&
        memcmp(lines->name, act->name.p, act->name.n) == 0)
        return add_act(acts, act, err);
    TRY(end_line(lines, err));
    lines->line = json_object();
    if (lines->line == NULL)
        FAIL(err, RC_NOMEM, "no memory for a line");
    memcpy(lines->name, act->name.p, act->name.n);
    lines->name_n = act->name.n;
    TRY(set_name(lines->line, act->name, err));
    json_object_set_new(lines->line, "outcome", json_string("gone"));
    json_object_set_new(lines->line, "sha256", json_string(hex));
    return set_acts(lines->line, act, 1, err);
}

/* --- CSV --- */

/* Quoted always; what a spreadsheet would run as a formula gets an apostrophe in front. */
static void put_text(const char *text, const char *after)
{
    fputs(strchr("=+-@\t\r", *text) != NULL && *text != '\0' ? "\"'" : "\"", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    printf("\"%s", after);
}

static enum rc put_printable(const char *text, const char *after, struct err *err)
{
    SCOPED(mem_free) char *shown = tell_name(bytes_str(text));
    if (shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a text");
    put_text(shown, after);
    return RC_OK;
}

static void put_number(int64_t n, const char *after)
{
    if (n >= 0)
        printf("%lld", (long long)n);
    fputs(after, stdout);
}

static enum rc put_hit(const struct state_hit *hit, struct err *err)
{
    TRY(put_printable(hit->action, ",", err));
    TRY(put_printable(hit->bank, ",", err));
    TRY(put_printable(hit->entry, ",", err));
    TRY(put_printable(hit->type, ",", err));
    put_number(hit->distance, ",");
    put_number(hit->threshold, ",");
    TRY(put_printable(hit->orientation, ",", err));
    put_number(hit->ms, ",");
    put_number(hit->entry_ms, ",");
    TRY(put_printable(hit->labels, "\r\n", err));
    return tell_taken(err);
}

static const char csv_head[] =
    "file,outcome,reason,media_type,bytes,sha256,action,bank,entry,type,distance,threshold,"
    "orientation,ms,entry_ms,labels\r\n";

static enum rc tell_csv(void *ctx, const struct state_told *told, struct err *err)
{
    SCOPED(mem_free) char *name = tell_name(told->name);
    char hex[65] = "";
    (void)ctx;

    if (name == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    if (told->sha256 != NULL)
        text_hex(told->sha256, 32, hex);
    put_text(name, ",");
    put_text(tell_outcome(told->outcome), ",");
    TRY(put_printable(told->reason, ",", err));
    TRY(put_printable(told->type, ",", err));
    put_number((int64_t)told->bytes, ",");
    put_text(hex, ",");
    if (told->hit != NULL)
        return put_hit(told->hit, err);
    fputs(",,,,,,,,,\r\n", stdout);
    return tell_taken(err);
}

static enum rc tell_as(struct state *state, struct tell_what what, enum tell_form form,
                       struct err *err)
{
    enum state_which which = what.all ? STATE_ALL : STATE_NOTABLE;

    if (form == TELL_TABLE)
        return tell_table(state, what.everything, which, err);
    if (form == TELL_CSV) {
        fputs(csv_head, stdout);
        return state_each(state, what.everything, which, tell_csv, NULL, err);
    }
    SCOPED(lines_free) struct lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        FAIL(err, RC_NOMEM, "no memory for a line");
    TRY(state_each(state, what.everything, which, tell_line, lines, err));
    TRY(end_line(lines, err));
    if (what.everything)
        TRY(state_each_act(state, tell_gone, lines, err));
    return end_line(lines, err);
}

/* A reader that went away, or a full disk, must keep neither the page nor an act from what follows.
 */
enum rc tell_state(struct state *state, struct tell_what what, enum tell_form form, struct err *err)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct sigaction before;

    sigaction(SIGPIPE, &ignore, &before);
    enum rc rc = tell_as(state, what, form, err);
    if (fflush(stdout) != 0 && rc == RC_OK)
        rc = tell_taken(err);
    sigaction(SIGPIPE, &before, NULL);
    if (rc == RC_OK || ferror(stdout) == 0)
        return rc;
    fprintf(stderr, "hashgate: scan: %s\n", err->msg);
    return RC_OK;
}
