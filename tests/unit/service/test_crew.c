/* Is each item worked on once, by a member; is the queue bounded; does stopping lose nothing? */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "service/crew.h"
#include "tests/support/oom.h"

enum { THREADS = 3, ITEMS = 5000, QUEUE = 16 };

struct hall {
    pthread_mutex_t gate; /* held: the members wait */
    atomic_uint done[ITEMS];
    atomic_uint by_member[THREADS];
    atomic_uint strangers; /* members that do not exist */
    atomic_uint total;
    atomic_uint idle[THREADS];
};

static void work(void *ctx, unsigned member, void *item)
{
    struct hall *hall = ctx;
    atomic_uint *done = item;

    pthread_mutex_lock(&hall->gate);
    pthread_mutex_unlock(&hall->gate);
    atomic_fetch_add(done, 1);
    atomic_fetch_add(&hall->total, 1);
    atomic_fetch_add(member < THREADS ? &hall->by_member[member] : &hall->strangers, 1);
}

static struct hall hall;

static int open_hall(void **state)
{
    (void)state;
    memset(&hall, 0, sizeof hall);
    pthread_mutex_init(&hall.gate, NULL);
    return 0;
}

static void works_on_each_item_once(void **state)
{
    (void)state;
    SCOPED(crew_free) struct crew *crew = NULL;
    struct err err;

    assert_int_equal(crew_new("test", THREADS, QUEUE, work, &hall, &crew, &err), RC_OK);
    for (unsigned i = 0; i < ITEMS;)
        if (crew_submit(crew, &hall.done[i], &err) == RC_OK)
            i++;
        else
            assert_int_equal(err.rc, RC_BUSY);
    crew_stop(crew);

    assert_int_equal(atomic_load(&hall.total), ITEMS);
    assert_int_equal(atomic_load(&hall.strangers), 0);
    for (unsigned i = 0; i < ITEMS; i++)
        assert_int_equal(atomic_load(&hall.done[i]), 1);
    assert_int_equal(crew_queued(crew), 0);
    assert_int_equal(crew_running(crew), 0);
}

/* Fills the members' hands and the queue. */
static unsigned fill(struct crew *crew, struct err *err)
{
    unsigned n = 0;
    /* A member may take one between two submits: go on until all hands and places are full. */
    while (crew_running(crew) < THREADS || crew_queued(crew) < QUEUE) {
        assert_true(n < THREADS + QUEUE || crew_queued(crew) == QUEUE);
        if (crew_submit(crew, &hall.done[n], err) == RC_OK)
            n++;
    }
    return n;
}

static void refuses_beyond_the_bound(void **state)
{
    (void)state;
    SCOPED(crew_free) struct crew *crew = NULL;
    struct err err;

    assert_int_equal(crew_new("test", THREADS, QUEUE, work, &hall, &crew, &err), RC_OK);
    pthread_mutex_lock(&hall.gate);
    assert_int_equal(fill(crew, &err), THREADS + QUEUE);
    assert_int_equal(crew_submit(crew, &hall.done[0], &err), RC_BUSY);
    assert_string_equal(err.msg, "too many requests are waiting; try again");
    assert_int_equal(crew_queued(crew), QUEUE);
    assert_int_equal(crew_running(crew), THREADS);
    pthread_mutex_unlock(&hall.gate);
    crew_stop(crew);
    assert_int_equal(atomic_load(&hall.total), THREADS + QUEUE);
}

static void finishes_what_is_queued_and_refuses_more(void **state)
{
    (void)state;
    SCOPED(crew_free) struct crew *crew = NULL;
    struct err err;

    assert_int_equal(crew_new("test", THREADS, QUEUE, work, &hall, &crew, &err), RC_OK);
    for (unsigned i = 0; i < QUEUE; i++)
        assert_int_equal(crew_submit(crew, &hall.done[i], &err), RC_OK);
    crew_stop(crew);
    assert_int_equal(atomic_load(&hall.total), QUEUE);
    assert_int_equal(crew_submit(crew, &hall.done[0], &err), RC_BUSY);
    assert_string_equal(err.msg, "the service is stopping; try again");
    crew_stop(crew); /* harmless */
}

/* Each member by itself, and only while there is nothing else to do. */
static void idle(void *ctx, unsigned member)
{
    (void)ctx;
    atomic_fetch_add(&hall.idle[member], 1);
}

static bool all_were_idle(void)
{
    for (int i = 0; i < THREADS; i++)
        if (atomic_load(&hall.idle[i]) < 2)
            return false;
    return true;
}

static void keeps_house_while_it_waits(void **state)
{
    (void)state;
    SCOPED(crew_free) struct crew *crew = NULL;
    struct err err;

    assert_int_equal(crew_new("test", THREADS, QUEUE, work, &hall, &crew, &err), RC_OK);
    crew_when_idle(crew, idle);
    while (!all_were_idle())
        usleep(1000);
    pthread_mutex_lock(&hall.gate);
    fill(crew, &err);
    unsigned before = 0, after = 0;
    for (int i = 0; i < THREADS; i++)
        before += atomic_load(&hall.idle[i]);
    usleep(2 * CREW_IDLE_MS * 1000);
    for (int i = 0; i < THREADS; i++)
        after += atomic_load(&hall.idle[i]);
    pthread_mutex_unlock(&hall.gate);
    assert_int_equal(after, before);
    crew_stop(crew);
    assert_int_equal(atomic_load(&hall.total), THREADS + QUEUE);
}

static void refuses_a_crew_of_nobody(void **state)
{
    (void)state;
    struct crew *crew = NULL;
    struct err err;

    assert_int_equal(crew_new("test", 0, 1, work, &hall, &crew, &err), RC_INPUT);
    assert_string_equal(err.msg, "crew test: needs a thread and a place in its queue");
    assert_int_equal(crew_new("test", 1, 0, work, &hall, &crew, &err), RC_INPUT);
    assert_null(crew);
    crew_free(NULL);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        SCOPED(crew_free) struct crew *crew = NULL;
        struct err err;

        oom_arm(nth);
        enum rc rc = crew_new("test", THREADS, QUEUE, work, &hall, &crew, &err);
        if (!oom_disarm()) {
            assert_int_equal(rc, RC_OK);
            assert_true(nth > 1);
            return;
        }
        assert_int_equal(rc, RC_NOMEM);
        assert_null(crew);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(works_on_each_item_once, open_hall),
        cmocka_unit_test_setup(refuses_beyond_the_bound, open_hall),
        cmocka_unit_test_setup(finishes_what_is_queued_and_refuses_more, open_hall),
        cmocka_unit_test_setup(keeps_house_while_it_waits, open_hall),
        cmocka_unit_test_setup(refuses_a_crew_of_nobody, open_hall),
        cmocka_unit_test_setup(survives_every_failed_allocation, open_hall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
