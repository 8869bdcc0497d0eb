#include "hashing/frame_grid.h"

#include <stdlib.h>
#include <string.h>

static enum rc allocate_sums(struct frame_grid *g, uint32_t width, unsigned planes, struct err *err)
{
    /* Padded weights read up to a register beyond the last pixel; it stays zero. */
    size_t pitch = ((size_t)width + 2 * OPERATOR_LANES - 1) / OPERATOR_LANES * OPERATOR_LANES;
    unsigned open = g->turned ? OPEN_SUMS : OPERATOR_OVERLAP;

    if (g->memory != NULL && g->width == width && g->planes == planes)
        return RC_OK;
    free(g->memory);
    g->memory = calloc(pitch, (size_t)open * planes * sizeof(float));
    if (g->memory == NULL)
        FAIL(err, RC_NOMEM, "frame: no memory for rows of %u pixels", width);

    memset(g->sums, 0, sizeof(g->sums));
    for (unsigned s = 0; s < open; s++)
        for (unsigned p = 0; p < planes; p++)
            g->sums[s].plane[p] = g->memory + ((size_t)s * planes + p) * pitch;
    g->width = width;
    g->planes = planes;
    return RC_OK;
}

/* Only those that will be used: all of them are 200 KB, much of the time of a small frame. */
static void zero_buffers(struct frame_grid *g)
{
    for (unsigned p = 0; p < g->planes; p++) {
        if (g->turned)
            memset(g->buffer[p], 0, sizeof(g->buffer[p]));
        else
            memset(&g->buffer[p][0][0], 0, sizeof(g->buffer[p][0][0]));
    }
}

enum rc frame_grid_begin(struct frame_grid *g, uint32_t width, uint32_t height, unsigned planes,
                         struct err *err)
{
    TRY(frame_operator_make(&g->across, width, false, err));
    if (g->turned)
        TRY(frame_operator_make(&g->across_mirrored, width, true, err));
    TRY(frame_operator_make(&g->down, height, false, err));
    TRY(allocate_sums(g, width, planes, err));

    g->height = height;
    g->translucent = false;
    g->clock = 0;
    for (unsigned s = 0; s < OPEN_SUMS; s++)
        g->sums[s].open = false;
    zero_buffers(g);
    return RC_OK;
}

void frame_grid_clear(struct frame_grid *g)
{
    frame_operator_clear(&g->across);
    frame_operator_clear(&g->across_mirrored);
    frame_operator_clear(&g->down);
    free(g->memory);
    g->memory = NULL;
}

static void add_across(const struct frame_grid *g, const struct frame_operator *op,
                       const float *sum, float line[OPERATOR_OUTPUTS])
{
    for (unsigned j = 0; j < OPERATOR_OUTPUTS; j++) {
        size_t n = (op->taps[j] + OPERATOR_LANES - 1) / OPERATOR_LANES * OPERATOR_LANES;
        line[j] += g->kernel->dot(sum + op->first[j], frame_operator_weights(op, j), n);
    }
}

static void close_sum(struct frame_grid *g, struct open_sum *s)
{
    unsigned planes = g->translucent ? g->planes : 1;

    for (unsigned p = 0; p < planes; p++) {
        struct pdq_buffer64 *buffer = g->buffer[p][s->upside_down];
        add_across(g, &g->across, s->plane[p], buffer[0].v[s->output]);
        if (g->turned)
            add_across(g, &g->across_mirrored, s->plane[p], buffer[1].v[s->output]);
    }
    s->open = false;
}

static struct open_sum *find_sum(struct frame_grid *g, bool upside_down, unsigned output)
{
    unsigned n = g->turned ? OPEN_SUMS : OPERATOR_OVERLAP;
    struct open_sum *oldest = NULL;

    for (unsigned i = 0; i < n; i++) {
        struct open_sum *s = &g->sums[i];
        if (s->open && s->upside_down == upside_down && s->output == output)
            return s;
        if (oldest == NULL || (oldest->open && (!s->open || s->used < oldest->used)))
            oldest = s;
    }
    if (oldest->open)
        close_sum(g, oldest);
    for (unsigned p = 0; p < g->planes; p++)
        memset(oldest->plane[p], 0, g->width * sizeof(float));
    oldest->open = true;
    oldest->upside_down = upside_down;
    oldest->output = output;
    return oldest;
}

unsigned frame_grid_open(struct frame_grid *g, uint32_t y, struct frame_share shares[OPEN_SUMS])
{
    struct frame_operator_part parts[OPERATOR_OVERLAP];
    unsigned n = 0;

    g->clock++;
    for (unsigned side = 0; side <= (unsigned)g->turned; side++) {
        uint32_t row = side ? g->height - 1 - y : y;
        unsigned n_parts = frame_operator_parts(&g->down, row, parts);
        for (unsigned i = 0; i < n_parts; i++) {
            struct open_sum *s = find_sum(g, side, parts[i].output);
            s->used = g->clock;
            shares[n++] = (struct frame_share){.sum = s, .weight = parts[i].weight};
        }
    }
    return n;
}

static void repeat_lines(const struct frame_grid *g, struct pdq_buffer64 *buffer)
{
    for (unsigned i = 0; i < OPERATOR_OUTPUTS; i++)
        if (g->down.source[i] != i)
            memcpy(buffer->v[i], buffer->v[g->down.source[i]], sizeof(buffer->v[i]));
}

void frame_grid_end(struct frame_grid *g)
{
    for (unsigned s = 0; s < OPEN_SUMS; s++)
        if (g->sums[s].open)
            close_sum(g, &g->sums[s]);
    for (unsigned p = 0; p < g->planes; p++)
        for (int upside_down = 0; upside_down < (g->turned ? 2 : 1); upside_down++)
            for (int mirrored = 0; mirrored < (g->turned ? 2 : 1); mirrored++)
                repeat_lines(g, &g->buffer[p][upside_down][mirrored]);
}
