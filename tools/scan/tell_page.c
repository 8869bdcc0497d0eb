/* The report as one page: no script, nothing that is loaded from anywhere. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "hashing/base/clock.h"
#include "hashing/base/text.h"
#include "tools/scan/tell.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\""
    " content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<title>Hashgate scan</title>\n<style>\n"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:90em;padding:0 1em}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;"
    "border-bottom:1px solid #ddd;overflow-wrap:anywhere}\n"
    "td.n,th.n{text-align:right;white-space:nowrap}\n"
    ".block{color:#a00;font-weight:600}.review{color:#850}\n"
    "h2{margin-top:2em}dl{display:grid;grid-template-columns:max-content auto;gap:.2em 1.5em}\n"
    "dd{margin:0}\n</style>\n</head>\n<body>\n<h1>Hashgate scan</h1>\n";

static void put_html(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static enum rc put_cell(FILE *out, const char *class, struct bytes text, struct err *err)
{
    SCOPED(mem_free) char *shown = tell_name(text);
    if (shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    fprintf(out, *class != '\0' ? "<td class=\"%s\">" : "<td>", class);
    put_html(out, shown);
    fputs("</td>", out);
    return RC_OK;
}

static enum rc put_text(FILE *out, const char *text, struct err *err)
{
    return put_cell(out, "", bytes_str(text), err);
}

static void put_number(FILE *out, int64_t n)
{
    fputs("<td class=\"n\">", out);
    if (n >= 0)
        fprintf(out, "%" PRId64, n);
    fputs("</td>", out);
}

static const char *class_of(const char *action)
{
    bool known = strcmp(action, "block") == 0 || strcmp(action, "review") == 0;
    return known ? action : "";
}

static enum rc put_group(void *ctx, const struct state_group *g, struct err *err)
{
    FILE *out = ctx;
    fputs("<tr>", out);
    TRY(put_text(out, g->bank, err));
    TRY(put_cell(out, class_of(g->action), bytes_str(g->action), err));
    TRY(put_text(out, g->labels, err));
    put_number(out, (int64_t)g->files);
    fputs("</tr>\n", out);
    return RC_OK;
}

static enum rc put_hit(void *ctx, const struct state_told *told, struct err *err)
{
    FILE *out = ctx;
    const struct state_hit *hit = told->hit;
    fputs("<tr>", out);
    TRY(put_cell(out, "", told->name, err));
    TRY(put_cell(out, class_of(hit->action), bytes_str(hit->action), err));
    TRY(put_text(out, hit->bank, err));
    put_number(out, hit->distance);
    TRY(put_text(out, hit->orientation, err));
    put_number(out, hit->ms);
    TRY(put_text(out, hit->entry, err));
    TRY(put_text(out, hit->labels, err));
    fputs("</tr>\n", out);
    return RC_OK;
}

static enum rc put_unread(void *ctx, const struct state_told *told, struct err *err)
{
    FILE *out = ctx;
    fputs("<tr>", out);
    TRY(put_cell(out, "", told->name, err));
    TRY(put_text(out, told->reason, err));
    fputs("</tr>\n", out);
    return RC_OK;
}

static enum rc put_act(void *ctx, const struct state_act *act, struct err *err)
{
    FILE *out = ctx;
    char at[TEXT_TIME_SIZE], hex[65];

    text_time(act->at_ms, at);
    text_hex(act->sha256, 32, hex);
    fputs("<tr>", out);
    TRY(put_cell(out, "", act->name, err));
    TRY(put_text(out, act->act, err));
    TRY(put_text(out, at, err));
    TRY(put_text(out, act->outcome[0] != '\0' ? act->outcome : "begun", err));
    TRY(put_text(out, hex, err));
    fputs("</tr>\n", out);
    return RC_OK;
}

/* --- why files could not be read, counted by reason --- */

/* Different ones that are counted by themselves; what comes after them shares a row. */
enum { REASONS_MAX = 200 };

struct reason {
    char *text; /* owned */
    uint64_t files;
};
struct reasons {
    unsigned n;
    struct reason reason[REASONS_MAX];
    uint64_t others;
};

static void reasons_free_scoped(struct reasons **p)
{
    for (unsigned i = 0; *p != NULL && i < (*p)->n; i++)
        free((*p)->reason[i].text);
    free(*p);
}

static enum rc count_reason(void *ctx, const struct state_told *told, struct err *err)
{
    struct reasons *reasons = ctx;
    unsigned i = 0;

    while (i < reasons->n && strcmp(reasons->reason[i].text, told->reason) != 0)
        i++;
    if (i == REASONS_MAX) {
        reasons->others++;
        return RC_OK;
    }
    if (i == reasons->n) {
        reasons->reason[i].text = strdup(told->reason);
        if (reasons->reason[i].text == NULL)
            FAIL(err, RC_NOMEM, "no memory for a reason");
        reasons->n++;
    }
    reasons->reason[i].files++;
    return RC_OK;
}

/* The most frequent first. */
static int compare_reasons(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;
    return x->files != y->files ? (x->files < y->files) - (x->files > y->files)
                                : strcmp(x->text, y->text);
}

static enum rc put_reasons(struct state *state, bool everything, FILE *out, struct err *err)
{
    SCOPED(reasons_free) struct reasons *reasons = calloc(1, sizeof *reasons);

    if (reasons == NULL)
        FAIL(err, RC_NOMEM, "no memory for reasons");
    TRY(state_each(state, everything, STATE_UNREAD, count_reason, reasons, err));
    qsort(reasons->reason, reasons->n, sizeof *reasons->reason, compare_reasons);
    fputs("<h2>Unreadable, by reason</h2>\n<table>\n<tr><th>Why</th><th class=\"n\">Files</th>"
          "</tr>\n",
          out);
    for (unsigned i = 0; i < reasons->n; i++) {
        fputs("<tr>", out);
        TRY(put_text(out, reasons->reason[i].text, err));
        put_number(out, (int64_t)reasons->reason[i].files);
        fputs("</tr>\n", out);
    }
    if (reasons->others > 0) {
        fputs("<tr><td>other reasons</td>", out);
        put_number(out, (int64_t)reasons->others);
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
    return RC_OK;
}

/* --- what was scanned --- */

enum { ROOTS_SHOWN = 100 };

struct roots_told {
    FILE *out;
    bool everything;
    uint64_t n;
};

static enum rc put_root(void *ctx, const struct state_root_told *root, struct err *err)
{
    struct roots_told *roots = ctx;
    bool list = root->name.n == 1 && root->name.p[0] == '-';

    if (roots->n++ >= ROOTS_SHOWN)
        return RC_OK;
    SCOPED(mem_free) char *shown = tell_name(root->name);
    if (shown == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    fputs("<li>", roots->out);
    put_html(roots->out, list ? "names of a list" : shown);
    /* Of many scans nobody knows it: a merged state is told as one that was scanned at once. */
    if (!list && !roots->everything && !root->whole)
        fputs(" (not gone through to its end)", roots->out);
    fputs("</li>\n", roots->out);
    return RC_OK;
}

static enum rc put_roots(struct state *state, bool everything, FILE *out, struct err *err)
{
    struct roots_told roots = {.out = out, .everything = everything};
    fputs("<h2>What was scanned</h2>\n<ul>\n", out);
    TRY(state_each_root(state, everything, put_root, &roots, err));
    if (roots.n > ROOTS_SHOWN)
        fprintf(out, "<li>and %" PRIu64 " more</li>\n", roots.n - ROOTS_SHOWN);
    fputs("</ul>\n", out);
    return RC_OK;
}

/* --- the whole --- */

/* The only part of the page that differs between two scans of one tree. */
static void put_times(FILE *out, const struct scan_done *done)
{
    char now[TEXT_TIME_SIZE];
    text_time(clock_wall_ms(), now);
    fprintf(out, "<p class=\"times\">Written %s.", now);
    if (done != NULL)
        fprintf(out,
                " The last scan met %" PRIu64 " files and hashed %" PRIu64
                " contents in %.1f seconds: %.1f files and %.1f contents a second.",
                done->seen, done->hashed, (double)done->took_ms / 1000,
                (double)done->seen * 1000 / (double)(done->took_ms + 1),
                (double)done->hashed * 1000 / (double)(done->took_ms + 1));
    if (done != NULL && done->unopened > 0)
        fprintf(out, " It could not open %" PRIu64 " of the paths that it was given.",
                done->unopened);
    if (done != NULL && done->stopped)
        fputs(" It was stopped before its end.", out);
    fputs("</p>\n", out);
}

static void put_fact(FILE *out, const char *what, uint64_t n)
{
    fprintf(out, "<dt>%s</dt><dd>%" PRIu64 "</dd>\n", what, n);
}

/* How many of all files. */
static void put_share(FILE *out, const char *what, uint64_t n, uint64_t files)
{
    fprintf(out, "<dt>%s</dt><dd>%" PRIu64, what, n);
    if (n > 0)
        fprintf(out, " (%.2f %%)", 100 * (double)n / (double)files);
    fputs("</dd>\n", out);
}

static void put_totals(FILE *out, const struct state_totals *t)
{
    fputs("<dl>\n", out);
    put_fact(out, "files", t->files);
    put_share(out, "files that match", t->matched, t->files);
    put_share(out, "pictures and videos hashed", t->hashed, t->files);
    put_share(out, "other files, compared by digest", t->other, t->files);
    put_share(out, "unreadable", t->failed, t->files);
    put_fact(out, "different contents", t->contents);
    put_fact(out, "contents not matched yet", t->unmatched);
    put_fact(out, "bytes", t->bytes);
    if (t->generation_max >= 0)
        fprintf(out, "<dt>generation of the block-list</dt><dd>%" PRId64 " to %" PRId64 "</dd>\n",
                t->generation_min, t->generation_max);
    fputs("</dl>\n", out);
}

enum rc tell_page(struct state *state, bool everything, const struct scan_done *done, FILE *out,
                  struct err *err)
{
    struct state_totals totals;

    TRY(state_totals(state, everything, &totals, err));
    fputs(head, out);
    put_totals(out, &totals);
    put_times(out, done);
    TRY(put_roots(state, everything, out, err));
    fputs("<h2>Found, by bank and label</h2>\n<table>\n<tr><th>Bank</th><th>Action</th>"
          "<th>Labels</th><th class=\"n\">Files</th></tr>\n",
          out);
    TRY(state_each_group(state, everything, put_group, out, err));
    fputs("</table>\n", out);
    TRY(put_reasons(state, everything, out, err));
    fputs("<h2>Found where</h2>\n<table>\n<tr><th>File</th><th>Action</th><th>Bank</th>"
          "<th class=\"n\">Distance</th><th>Orientation</th><th class=\"n\">Ms</th><th>Entry</th>"
          "<th>Labels</th></tr>\n",
          out);
    TRY(state_each(state, everything, STATE_MATCHED, put_hit, out, err));
    fputs("</table>\n<h2>Unreadable</h2>\n<table>\n<tr><th>File</th><th>Why</th></tr>\n", out);
    TRY(state_each(state, everything, STATE_UNREAD, put_unread, out, err));
    fputs("</table>\n<h2>What was done</h2>\n<table>\n<tr><th>File</th><th>Act</th><th>When</th>"
          "<th>Outcome</th><th>sha256</th></tr>\n",
          out);
    TRY(state_each_act(state, put_act, out, err));
    fputs("</table>\n</body>\n</html>\n", out);
    return RC_OK;
}
