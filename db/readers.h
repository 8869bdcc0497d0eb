/*
 * How something that is read without a lock is taken away: wait until nobody reads it any more.
 *
 * A reader enters, loads the pointer to what is current, reads, and leaves; it never waits.  A
 * writer stores the new pointer, waits with readers_wait(), and then frees the old.  Readers that
 * come meanwhile are counted apart, so that a crowd of them does not keep the writer waiting.
 */
#ifndef DB_READERS_H
#define DB_READERS_H

#include <stdatomic.h>
#include <time.h>

/* A zeroed struct readers is ready. */
struct readers {
    atomic_uint side; /* where new readers are counted */
    struct {
        _Alignas(64) atomic_uint n;
    } in[2];
};

/* Returns what readers_leave() wants.  All is in one order with the writer's store (seq_cst). */
static inline unsigned readers_enter(struct readers *readers)
{
    unsigned side = atomic_load(&readers->side);
    atomic_fetch_add(&readers->in[side].n, 1);
    return side;
}

static inline void readers_leave(struct readers *readers, unsigned side)
{
    atomic_fetch_sub(&readers->in[side].n, 1);
}

/*
 * Returns when every reader that entered before the call has left.  One thread at a time.  Both
 * sides are waited for: a reader may have chosen its side long before it was counted.
 */
static inline void readers_wait(struct readers *readers)
{
    for (int i = 0; i < 2; i++) {
        unsigned old = atomic_load(&readers->side);
        atomic_store(&readers->side, old ^ 1);
        while (atomic_load(&readers->in[old].n) != 0)
            nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
}

#endif
