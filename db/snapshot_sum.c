#include "db/snapshot_format.h"

bool snapshot_sum_new(struct snapshot_sum *sum)
{
    sum->piece = XXH3_createState();
    sum->all = XXH3_createState();
    return sum->piece != NULL && sum->all != NULL;
}

void snapshot_sum_clear(struct snapshot_sum *sum)
{
    XXH3_freeState(sum->piece);
    XXH3_freeState(sum->all);
}

void snapshot_sum_begin(struct snapshot_sum *sum)
{
    XXH3_64bits_reset(sum->piece);
    XXH3_64bits_reset(sum->all);
    sum->in_piece = 0;
}

void snapshot_sum_piece(struct snapshot_sum *sum, uint64_t piece)
{
    XXH3_64bits_update(sum->all, &piece, sizeof(piece));
}

static void end_piece(struct snapshot_sum *sum)
{
    snapshot_sum_piece(sum, XXH3_64bits_digest(sum->piece));
    XXH3_64bits_reset(sum->piece);
    sum->in_piece = 0;
}

void snapshot_sum_add(struct snapshot_sum *sum, const void *p, size_t n)
{
    const uint8_t *from = p;
    while (n > 0) {
        size_t room = SNAPSHOT_PIECE - sum->in_piece;
        size_t some = n < room ? n : room;
        XXH3_64bits_update(sum->piece, from, some);
        sum->in_piece += some;
        from += some;
        n -= some;
        if (sum->in_piece == SNAPSHOT_PIECE)
            end_piece(sum);
    }
}

uint64_t snapshot_sum_end(struct snapshot_sum *sum)
{
    if (sum->in_piece > 0)
        end_piece(sum);
    return XXH3_64bits_digest(sum->all);
}
