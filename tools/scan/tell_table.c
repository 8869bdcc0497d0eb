/* The table: looked through twice, so that no row is held; the name comes last, however long. */
#include <string.h>

#include "hashing/base/text.h"
#include "tools/scan/tell_internal.h"

enum { COLUMNS = 7, WIDTH_MAX = 40, CELL_MAX = 1024 };

static const char *const headings[COLUMNS] = {"RESULT", "BANK",  "DISTANCE", "ORIENTATION",
                                              "MS",     "ENTRY", "LABELS"};

struct widths {
    size_t of[COLUMNS];
};

/* Columns of a terminal: code points, near enough. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

struct row {
    char cell[COLUMNS][CELL_MAX];
};

static void set_text(struct row *row, unsigned column, const char *text)
{
    text = *text != '\0' ? text : "-";
    text_printable(text, strlen(text), row->cell[column], CELL_MAX);
}

static void set_number(struct row *row, unsigned column, int64_t n)
{
    snprintf(row->cell[column], CELL_MAX, n < 0 ? "-" : "%lld", (long long)n);
}

static void set_row(struct row *row, const struct state_told *told)
{
    static const struct state_hit none = {
        .orientation = "", .bank = "", .entry = "", .labels = "", .distance = -1, .ms = -1};
    const struct state_hit *hit = told->hit != NULL ? told->hit : &none;

    set_text(row, 0, told->hit != NULL ? hit->action : tell_outcome(told->outcome));
    set_text(row, 1, hit->bank);
    set_number(row, 2, hit->distance);
    set_text(row, 3, hit->orientation);
    set_number(row, 4, hit->ms);
    set_text(row, 5, hit->entry);
    set_text(row, 6, hit->labels);
}

static enum rc measure(void *ctx, const struct state_told *told, struct err *err)
{
    struct widths *widths = ctx;
    struct row row;
    (void)err;

    set_row(&row, told);
    for (unsigned i = 0; i < COLUMNS; i++) {
        size_t width = width_of(row.cell[i]);
        if (width > widths->of[i])
            widths->of[i] = width < WIDTH_MAX ? width : WIDTH_MAX;
    }
    return RC_OK;
}

/* What is wider than its column moves the rest of its row, and no other. */
static void put_padded(const char *text, size_t width)
{
    size_t n = width_of(text);
    printf("%s%*s", text, (int)(n < width ? width - n : 0) + 2, "");
}

static enum rc put_row(void *ctx, const struct state_told *told, struct err *err)
{
    const struct widths *widths = ctx;
    SCOPED(mem_free) char *name = tell_name(told->name);
    SCOPED(mem_free) char *reason = tell_name(bytes_str(told->reason));
    struct row row;

    if (name == NULL || reason == NULL)
        FAIL(err, RC_NOMEM, "no memory for a name");
    set_row(&row, told);
    for (unsigned i = 0; i < COLUMNS; i++)
        put_padded(row.cell[i], widths->of[i]);
    printf(told->outcome == STATE_FAILED ? "%s: %s\n" : "%s\n", name, reason);
    return tell_taken(err);
}

enum rc tell_table(struct state *state, bool everything, enum state_which which, struct err *err)
{
    struct widths widths;

    for (unsigned i = 0; i < COLUMNS; i++)
        widths.of[i] = strlen(headings[i]);
    TRY(state_each(state, everything, which, measure, &widths, err));
    for (unsigned i = 0; i < COLUMNS; i++)
        put_padded(headings[i], widths.of[i]);
    puts("FILE");
    return state_each(state, everything, which, put_row, &widths, err);
}
