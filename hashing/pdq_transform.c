#include "hashing/pdq_transform.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

/* Rows are frequencies 1..16 of the cosine transform; frequency 0 plays no part in PDQ. */
static float cosines[16][64];
static float cosines_turned[64][16];
static pthread_once_t cosines_made = PTHREAD_ONCE_INIT;

static void make_cosines(void)
{
    const double pi = 3.14159265358979323846;
    const float scale = (float)sqrt(2.0 / 64);

    for (int i = 0; i < 16; i++) {
        for (int j = 0; j < 64; j++) {
            double angle = (pi / 2 / 64.0) * (i + 1) * (2 * j + 1);
            cosines[i][j] = (float)((double)scale * cos(angle));
            cosines_turned[j][i] = cosines[i][j];
        }
    }
}

static int percent_step(float u, float v)
{
    int d = (int)(((u - v) * 100) / 255);
    return d < 0 ? -d : d;
}

unsigned pdq_quality(const struct pdq_buffer64 *a)
{
    int sum = 0;

    for (int i = 0; i < 63; i++)
        for (int j = 0; j < 64; j++)
            sum += percent_step(a->v[i][j], a->v[i + 1][j]);
    for (int i = 0; i < 64; i++)
        for (int j = 0; j < 63; j++)
            sum += percent_step(a->v[i][j], a->v[i][j + 1]);

    int quality = sum / 90;
    return quality > 100 ? 100 : (unsigned)quality;
}

enum { BLOCK = 16 }; /* elements whose sums stay in registers together */

static void multiply_block(const float *row, const float *matrix, size_t pitch, float sums[BLOCK])
{
    float sum[BLOCK] = {0};

    for (size_t k = 0; k < 64; k++)
        for (size_t j = 0; j < BLOCK; j++)
            sum[j] += row[k] * matrix[k * pitch + j];
    memcpy(sums, sum, sizeof(sum));
}

void pdq_multiply_plain(const float *left, const float *right, size_t columns, float *ret)
{
    for (size_t j = 0; j < columns; j += BLOCK)
        for (size_t i = 0; i < 16; i++)
            multiply_block(left + i * 64, right + j, columns, ret + i * columns + j);
}

void pdq_dct_by(pdq_multiply *multiply, const struct pdq_buffer64 *a, struct pdq_buffer16 *ret)
{
    float half[16][64];

    pthread_once(&cosines_made, make_cosines);
    multiply(cosines[0], a->v[0], 64, half[0]);
    multiply(half[0], cosines_turned[0], 16, ret->v[0]);
}

void pdq_dct(const struct pdq_buffer64 *a, struct pdq_buffer16 *ret)
{
    pdq_dct_by(pdq_multiply_plain, a, ret);
}

/* Orders as the float does (-0 just below +0), but totally: a NaN cannot confuse the search. */
static int32_t order_key(float v)
{
    int32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits < 0 ? bits ^ INT32_MAX : bits;
}

static float value_of_key(int32_t key)
{
    float v;
    int32_t bits = key < 0 ? key ^ INT32_MAX : key;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

/* Hoare's selection of the 128th smallest of 256. */
static float lower_median(const struct pdq_buffer16 *b)
{
    const int wanted = PDQ_BITS / 2 - 1;
    int32_t keys[PDQ_BITS];
    int low = 0;
    int high = PDQ_BITS - 1;

    for (int k = 0; k < PDQ_BITS; k++)
        keys[k] = order_key(b->v[k / 16][k % 16]);
    while (low < high) {
        int32_t pivot = keys[(low + high) / 2];
        int i = low;
        int j = high;
        while (i <= j) {
            while (keys[i] < pivot)
                i++;
            while (keys[j] > pivot)
                j--;
            if (i > j)
                break;
            int32_t swapped = keys[i];
            keys[i++] = keys[j];
            keys[j--] = swapped;
        }
        if (wanted > j && wanted < i)
            break;
        if (wanted <= j)
            high = j;
        else
            low = i;
    }
    return value_of_key(keys[wanted]);
}

struct pdq_hash pdq_bits(const struct pdq_buffer16 *b)
{
    struct pdq_hash h = {0};
    float median = lower_median(b);

    for (unsigned k = 0; k < PDQ_BITS; k++)
        h.w[k / 64] |= (uint64_t)(b->v[k / 16][k % 16] > median) << (k % 64);
    return h;
}

/* One element of the turned transform; i and j count from 0, so an odd one is an even frequency. */
static float turned_element(const struct pdq_buffer16 *b, enum orientation o, int row, int column)
{
    bool odd_row = row & 1;
    bool odd_column = column & 1;

    switch (o) {
    case ORIENT_ROT90:
        return odd_row ? b->v[column][row] : -b->v[column][row];
    case ORIENT_ROT180:
        return odd_row != odd_column ? -b->v[row][column] : b->v[row][column];
    case ORIENT_ROT270:
        return odd_column ? b->v[column][row] : -b->v[column][row];
    case ORIENT_FLIPX:
        return odd_row ? b->v[row][column] : -b->v[row][column];
    case ORIENT_FLIPY:
        return odd_column ? b->v[row][column] : -b->v[row][column];
    case ORIENT_FLIPPLUS1:
        return b->v[column][row];
    case ORIENT_FLIPMINUS1:
        return odd_row != odd_column ? -b->v[column][row] : b->v[column][row];
    case ORIENT_AS_IS:
    case ORIENTATIONS:
        break;
    }
    return b->v[row][column];
}

void pdq_bits_dihedral(const struct pdq_buffer16 *b, struct pdq_hash ret[ORIENTATIONS])
{
    for (enum orientation o = 0; o < ORIENTATIONS; o++) {
        struct pdq_buffer16 turned;
        for (int i = 0; i < 16; i++)
            for (int j = 0; j < 16; j++)
                turned.v[i][j] = turned_element(b, o, i, j);
        ret[o] = pdq_bits(&turned);
    }
}
