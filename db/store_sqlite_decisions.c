/*
 * Decisions that matched, written together.  A sync of the disk costs as much for one row as for
 * hundreds, and each decision waits for one: so whoever waits for a turn takes along all decisions
 * that wait when the turn comes.  Meanwhile the next ones gather.
 */
#include "db/store_sqlite.h"

static enum rc insert(struct tx *tx, const struct decision *d, uint64_t *ret_number,
                      struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_DECISION_ADD);
    query_blob(&q, d->check_id.b, sizeof d->check_id.b);
    query_int(&q, d->at_ms);
    query_text(&q, or_empty(d->key_id));
    query_text(&q, or_empty(d->ref));
    query_int(&q, d->verdict);
    query_number(&q, d->generation);
    TRY(query_run(&q, err));
    *ret_number = (uint64_t)sqlite3_last_insert_rowid(tx->conn->db);
    return RC_OK;
}

static enum rc insert_match(struct query *q, uint64_t decision, size_t position,
                            const struct decision_match *m, struct err *err)
{
    query_again(q);
    query_number(q, decision);
    query_number(q, position);
    query_blob(q, m->entry.b, sizeof m->entry.b);
    query_int(q, m->bank);
    query_int(q, m->action);
    query_int(q, m->type);
    query_int(q, m->distance);
    query_int(q, m->threshold);
    query_int(q, m->orientation);
    query_int(q, m->look);
    query_int(q, m->ms);
    query_int(q, m->entry_ms);
    return query_run(q, err);
}

static enum rc insert_matches(struct tx *tx, uint64_t number, const struct decision *d,
                              struct err *err)
{
    SCOPED(query_end) struct query q = query_on(tx->conn, SQL_DECISION_MATCH_ADD);
    for (size_t i = 0; i < d->n_matches; i++)
        TRY(insert_match(&q, number, i, &d->matches[i], err));
    return RC_OK;
}

static enum rc insert_decisions(struct tx *tx, const struct decision *decisions, size_t n,
                                struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t number = 0;
        TRY(insert(tx, &decisions[i], &number, err));
        TRY(insert_matches(tx, number, &decisions[i], err));
    }
    return RC_OK;
}

/* --- who waits --- */

/* About as long as a batch of an import: other writers get their turn. */
enum { GROUP_ROWS_MAX = 8192 };

/* A caller; on his stack. */
struct recording {
    struct recording *next;
    const struct decision *decision;
    size_t n;
    bool taken; /* some transaction is on it */
    bool done;
    enum rc rc;
    struct err *err; /* the caller's, may be NULL */
};

static size_t rows_of(const struct recording *r)
{
    size_t rows = r->n;
    for (size_t i = 0; i < r->n; i++)
        rows += r->decision[i].n_matches;
    return rows;
}

/* Those who came first, as many as make a transaction of a reasonable size, but one at least. */
static struct recording *take_group(struct recordings *q)
{
    pthread_mutex_lock(&q->lock);
    struct recording *first = q->first, *last = first;
    size_t rows = 0;
    for (struct recording *r = first; r != NULL; r = r->next) {
        rows += rows_of(r);
        if (r != first && rows > GROUP_ROWS_MAX)
            break;
        r->taken = true;
        q->waiting--;
        last = r;
    }
    q->first = last->next;
    last->next = NULL;
    q->led = false;
    if (q->first != NULL)
        pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
    return first;
}

/* The outcome for this one and all behind it.  Once told they are gone. */
static void tell(struct recordings *q, struct recording *r, enum rc rc, const struct err *err)
{
    pthread_mutex_lock(&q->lock);
    for (; r != NULL; r = r->next) {
        r->rc = rc;
        if (rc != RC_OK && r->err != NULL)
            *r->err = *err;
        r->done = true;
    }
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

/* --- writing --- */

static enum rc write_alone(struct sqlite_store *s, const struct recording *r, struct err *err)
{
    SCOPED(tx_end) struct tx tx = {0};
    TRY(tx_begin(&s->base, NULL, &tx, err));
    TRY(insert_decisions(&tx, r->decision, r->n, err));
    return tx_commit(&tx, err);
}

/* Some row of the group cannot be written: whose it is shows. */
static void write_each(struct sqlite_store *s, struct recording *group)
{
    for (struct recording *r = group, *next; r != NULL; r = next) {
        struct err err;
        next = r->next;
        r->next = NULL;
        enum rc rc = write_alone(s, r, &err);
        tell(&s->recordings, r, rc, &err);
    }
}

static enum rc insert_group(struct tx *tx, const struct recording *group, struct err *err)
{
    for (const struct recording *r = group; r != NULL; r = r->next)
        TRY(insert_decisions(tx, r->decision, r->n, err));
    return RC_OK;
}

/* A turn, for a group of those who wait. */
static void write_group(struct sqlite_store *s)
{
    struct recording *group;
    struct err err;
    bool refused = false;
    enum rc rc;
    {
        SCOPED(tx_end) struct tx tx = {0};
        rc = tx_begin(&s->base, NULL, &tx, &err);
        group = take_group(&s->recordings);
        if (rc == RC_OK) {
            rc = insert_group(&tx, group, &err);
            refused = rc != RC_OK && group->next != NULL;
        }
        if (rc == RC_OK)
            rc = tx_commit(&tx, &err);
    }
    if (refused)
        write_each(s, group);
    else
        tell(&s->recordings, group, rc, &err);
}

static void wait_in(struct recordings *q, struct recording *r)
{
    if (q->first == NULL)
        q->first = r;
    else
        q->last->next = r;
    q->last = r;
    q->waiting++;
}

enum rc sqlite_decisions_add(struct store *store, const struct decision *decisions, size_t n,
                             struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct recordings *q = &s->recordings;
    struct recording mine = {.decision = decisions, .n = n, .err = err};

    pthread_mutex_lock(&q->lock);
    wait_in(q, &mine);
    while (!mine.done) {
        if (q->led || mine.taken) {
            pthread_cond_wait(&q->changed, &q->lock);
            continue;
        }
        q->led = true;
        pthread_mutex_unlock(&q->lock);
        write_group(s);
        pthread_mutex_lock(&q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    return mine.rc;
}
