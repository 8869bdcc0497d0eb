#include "hashing/frame_operator.h"

#include <stdlib.h>

/* Box filter over `side` inputs: output o is the mean of inputs box_low(o)..box_high(o). */
struct box {
    int64_t side, before, after;
};

static struct box box_for(uint32_t side)
{
    int64_t window = ((int64_t)side + 127) / 128;
    int64_t half = (window + 2) / 2;
    return (struct box){.side = side, .before = window - half, .after = half - 1};
}

static int64_t box_low(const struct box *b, int64_t o)
{
    return o > b->before ? o - b->before : 0;
}

static int64_t box_high(const struct box *b, int64_t o)
{
    return o + b->after < b->side ? o + b->after : b->side - 1;
}

static double box_share(const struct box *b, int64_t o)
{
    return 1.0 / (double)(box_high(b, o) - box_low(b, o) + 1);
}

/*
 * The taps of one output: the second filter averages the first one's outputs low..high, each of
 * which spreads its share over its own window.  Windows only move right, so the weight at x is a
 * sum into which they enter and which they leave.
 */
static void make_taps(struct frame_operator *op, const struct box *b, unsigned output)
{
    float *weights = op->weights + (size_t)output * op->stride;
    int64_t centre = (int64_t)((output + 0.5) * (double)op->side / OPERATOR_OUTPUTS);
    int64_t low = box_low(b, centre);
    int64_t high = box_high(b, centre);
    double second = box_share(b, centre);
    int64_t first = box_low(b, low);
    int64_t last = box_high(b, high);
    int64_t enters = low;
    int64_t leaves = low;
    double sum = 0;

    for (int64_t x = first; x <= last; x++) {
        for (; enters <= high && box_low(b, enters) <= x; enters++)
            sum += box_share(b, enters);
        for (; leaves < enters && box_high(b, leaves) < x; leaves++)
            sum -= box_share(b, leaves);
        weights[x - first] = (float)(sum * second);
    }
    op->first[output] = (uint32_t)first;
    op->taps[output] = (uint32_t)(last - first + 1);
}

static void mirror_taps(struct frame_operator *op, unsigned output)
{
    float *weights = op->weights + (size_t)output * op->stride;
    uint32_t n = op->taps[output];

    for (uint32_t k = 0; k < n / 2; k++) {
        float swapped = weights[k];
        weights[k] = weights[n - 1 - k];
        weights[n - 1 - k] = swapped;
    }
    op->first[output] = op->side - op->first[output] - n;
}

/* Sides under 64 repeat inputs: there neighbouring outputs have the same single tap. */
static void find_sources(struct frame_operator *op)
{
    op->source[0] = 0;
    for (unsigned i = 1; i < OPERATOR_OUTPUTS; i++) {
        bool same = op->taps[i] == 1 && op->taps[i - 1] == 1 && op->first[i] == op->first[i - 1];
        op->source[i] = same ? op->source[i - 1] : (uint8_t)i;
    }
}

enum rc frame_operator_make(struct frame_operator *op, uint32_t side, bool mirrored,
                            struct err *err)
{
    if (op->weights != NULL && op->side == side)
        return RC_OK;
    frame_operator_clear(op);

    uint64_t window = ((uint64_t)side + 127) / 128;
    uint64_t stride = (2 * window - 1 + OPERATOR_LANES - 1) / OPERATOR_LANES * OPERATOR_LANES;
    float *weights = calloc(OPERATOR_OUTPUTS * stride, sizeof(float));
    if (weights == NULL)
        FAIL(err, RC_NOMEM, "frame: no memory for the weights of %u pixels", side);

    struct box b = box_for(side);
    *op = (struct frame_operator){.side = side, .stride = (uint32_t)stride, .weights = weights};
    for (unsigned i = 0; i < OPERATOR_OUTPUTS; i++) {
        make_taps(op, &b, i);
        if (mirrored)
            mirror_taps(op, i);
    }
    find_sources(op);
    return RC_OK;
}

void frame_operator_clear(struct frame_operator *op)
{
    free(op->weights);
    *op = (struct frame_operator){0};
}

/* The lowest output whose taps do not end before the input. */
static unsigned first_reaching(const struct frame_operator *op, uint32_t input)
{
    unsigned low = 0;
    unsigned high = OPERATOR_OUTPUTS;

    while (low < high) {
        unsigned middle = (low + high) / 2;
        if ((uint64_t)op->first[middle] + op->taps[middle] > input)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Whether first_reaching() would say so. */
static bool reaches_first(const struct frame_operator *op, unsigned output, uint32_t input)
{
    if (output >= OPERATOR_OUTPUTS || (uint64_t)op->first[output] + op->taps[output] <= input)
        return false;
    return output == 0 || (uint64_t)op->first[output - 1] + op->taps[output - 1] <= input;
}

unsigned frame_operator_parts(struct frame_operator *op, uint32_t input,
                              struct frame_operator_part parts[OPERATOR_OVERLAP])
{
    unsigned n = 0;

    /* Rows mostly come in order: where the last one was is where this one is, or next to it. */
    if (!reaches_first(op, op->last, input))
        op->last =
            reaches_first(op, op->last + 1, input) ? op->last + 1 : first_reaching(op, input);
    for (unsigned i = op->last;
         i < OPERATOR_OUTPUTS && op->first[i] <= input && n < OPERATOR_OVERLAP; i++) {
        if (op->source[i] == i)
            parts[n++] = (struct frame_operator_part){
                .output = i, .weight = frame_operator_weights(op, i)[input - op->first[i]]};
    }
    return n;
}
