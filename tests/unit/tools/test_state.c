/* Is a scan's state what its header says: known files, contents once, one scan at a time? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tests/support/tmpdir.h"
#include "tools/scan/state.h"

static struct err err;

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", tmpdir(), name);
    return path;
}

static struct state *open_state(const char *name)
{
    struct state *state = NULL;
    assert_int_equal(state_open(path_of(name), &state, &err), RC_OK);
    return state;
}

static struct source_item item_of(const char *name, uint64_t inode, uint64_t size)
{
    return (struct source_item){
        .name = bytes_str(name),
        .under = bytes_str(name),
        .identity = {.size = size, .mtime_ns = 7, .device = 1, .inode = inode}};
}

static int64_t begin(struct state *state, const char *root)
{
    int64_t number = 0;
    assert_int_equal(state_run_begin(state, (struct state_shard){1, 1}, &err), RC_OK);
    assert_int_equal(state_root(state, bytes_str(root), &number, &err), RC_OK);
    return number;
}

/* How many files went: the root was gone through. */
static uint64_t gone_from(struct state *state, int64_t root)
{
    uint64_t gone = 99;
    assert_int_equal(state_root_done(state, root, &err), RC_OK);
    assert_int_equal(state_drop_gone(state, &gone, &err), RC_OK);
    return gone;
}

static enum state_known see(struct state *state, int64_t root, const struct source_item *item,
                            enum state_trust trust)
{
    enum state_known known;
    assert_int_equal(state_see(state, root, item, trust, &known, &err), RC_OK);
    return known;
}

static int64_t put_content(struct state *state, uint8_t seed, enum state_outcome outcome)
{
    struct state_content content = {.bytes = 100,
                                    .outcome = outcome,
                                    .reason = outcome == STATE_FAILED ? "corrupt" : "",
                                    .type = "image/png",
                                    .signals =
                                        bytes_str(outcome == STATE_HASHED ? "frames" : "few")};
    int64_t number = 0;
    memset(content.sha256, seed, sizeof content.sha256);
    assert_int_equal(state_put_content(state, &content, &number, &err), RC_OK);
    return number;
}

static void put_file(struct state *state, int64_t root, const struct source_item *item,
                     int64_t content)
{
    const struct state_file file = {.name = item->name,
                                    .root = root,
                                    .identity = &item->identity,
                                    .content = content,
                                    .reason = content == 0 ? "cannot open" : ""};
    assert_int_equal(state_put_file(state, &file, &err), RC_OK);
}

static void put_hit(struct state *state, int64_t content, int64_t generation, bool replace,
                    const char *bank)
{
    const struct state_hit hit = {.orientation = "as-is",
                                  .bank = bank,
                                  .action = "block",
                                  .entry = "E",
                                  .type = "pdq",
                                  .ms = -1,
                                  .entry_ms = -1,
                                  .labels = "a b"};
    assert_int_equal(state_put_hits(state, content, generation, replace, &hit, 1, &err), RC_OK);
}

static enum rc append(void *ctx, const struct state_told *told, struct err *e)
{
    char *out = ctx;
    size_t used = strlen(out);
    (void)e;
    snprintf(out + used, 1024 - used, "%.*s %d %s|", (int)told->name.n, (const char *)told->name.p,
             (int)told->outcome, told->hit != NULL ? told->hit->bank : told->reason);
    return RC_OK;
}

static const char *told(struct state *state, bool everything, enum state_which which)
{
    static char out[1024];
    out[0] = '\0';
    assert_int_equal(state_each(state, everything, which, append, out, &err), RC_OK);
    return out;
}

static void test_files_are_known_again(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("files.db");
    int64_t root = begin(state, "/r");
    struct source_item a = item_of("/r/a", 5, 10), link = item_of("/r/link", 5, 10);
    struct source_item changed = item_of("/r/a", 5, 11), bad = item_of("/r/bad", 6, 10);

    assert_int_equal(see(state, root, &a, STATE_TRUST), STATE_NEW);
    put_file(state, root, &a, put_content(state, 1, STATE_HASHED));
    assert_int_equal(see(state, root, &a, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &link, STATE_TRUST), STATE_MOVED);
    assert_int_equal(see(state, root, &link, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &changed, STATE_TRUST), STATE_NEW);
    assert_int_equal(see(state, root, &a, STATE_TRUST_NONE), STATE_NEW);
    put_file(state, root, &bad, 0);
    assert_int_equal(see(state, root, &bad, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &bad, STATE_TRUST_GOOD), STATE_NEW);
    put_file(state, root, &bad, put_content(state, 2, STATE_FAILED));
    assert_int_equal(see(state, root, &bad, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &bad, STATE_TRUST_GOOD), STATE_NEW);
}

static void test_what_is_not_seen_is_gone(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("gone.db");
    static const char *const names[] = {"/r/a", "/r/b", "/r/d/c", "/r/d0"};
    int64_t root = begin(state, "/r"), content = put_content(state, 1, STATE_HASHED);

    for (size_t i = 0; i < 4; i++) {
        struct source_item item = item_of(names[i], i + 1, 10);
        put_file(state, root, &item, content);
    }
    assert_int_equal(gone_from(state, root), 0);
    root = begin(state, "/r");
    struct source_item a = item_of("/r/a", 1, 10);
    assert_int_equal(see(state, root, &a, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(state_keep_under(state, root, bytes_str("/r/d"), &err), RC_OK);
    assert_int_equal(gone_from(state, root), 2);
    assert_string_equal(told(state, false, STATE_ALL), "/r/a 0 |/r/d/c 0 |");
}

/* A container of one inode, with a member; and a file that has the member's name. */
static void put_container(struct state *state, int64_t root, enum state_outcome member)
{
    struct source_item zip = item_of("/r/z", 9, 10), inner = item_of("/r/z!a", 9, 10);
    const struct state_file row = {.name = zip.name,
                                   .root = root,
                                   .identity = &zip.identity,
                                   .content = put_content(state, 1, STATE_OTHER),
                                   .reason = "",
                                   .container = true};
    const struct state_file inside = {.name = inner.name,
                                      .root = root,
                                      .identity = &inner.identity,
                                      .content = put_content(state, 2, member),
                                      .reason = "",
                                      .member = true};
    assert_int_equal(state_put_file(state, &inside, &err), RC_OK);
    assert_int_equal(state_put_file(state, &row, &err), RC_OK);
}

static void test_members_are_known_with_their_container(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("container.db");
    struct source_item zip = item_of("/r/z", 9, 10), link = item_of("/r/link", 9, 10);
    int64_t root = begin(state, "/r");

    put_container(state, root, STATE_HASHED);
    /* It was cut off: nobody knows whether there are more members. */
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_NEW);
    assert_int_equal(state_container_done(state, zip.name, "", false, &err), RC_OK);
    root = begin(state, "/r");
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &zip, STATE_TRUST_GOOD), STATE_KNOWN);
    assert_int_equal(see(state, root, &zip, STATE_TRUST_NONE), STATE_NEW);
    assert_int_equal(gone_from(state, root), 0);
    /* Another name of it has other members. */
    assert_int_equal(see(state, root, &link, STATE_TRUST), STATE_NEW);
    assert_string_equal(told(state, false, STATE_ALL), "/r/z 1 |/r/z!a 0 |");
    assert_int_equal(state_container_done(state, zip.name, "too many", false, &err), RC_OK);
    assert_string_equal(told(state, false, STATE_ALL), "/r/z 2 too many|/r/z!a 0 |");
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &zip, STATE_TRUST_GOOD), STATE_NEW);
    assert_int_equal(state_container_done(state, zip.name, "no process", true, &err), RC_OK);
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_NEW);
    /* What went is gone with it. */
    root = begin(state, "/r");
    assert_int_equal(gone_from(state, root), 2);
}

static void test_a_member_and_a_file_of_one_name(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("names.db");
    struct source_item zip = item_of("/r/z", 9, 10), file = item_of("/r/z!a", 8, 10);
    struct source_item member = item_of("/r/z!a", 9, 10);
    int64_t root = begin(state, "/r");

    member.member = true;
    put_container(state, root, STATE_FAILED);
    assert_int_equal(see(state, root, &file, STATE_TRUST), STATE_NEW);
    put_file(state, root, &file, put_content(state, 3, STATE_HASHED));
    assert_int_equal(see(state, root, &member, STATE_TRUST), STATE_KNOWN);
    assert_string_equal(told(state, false, STATE_ALL), "/r/z 1 |/r/z!a 0 |/r/z!a 2 corrupt|");
    assert_int_equal(state_container_done(state, zip.name, "", false, &err), RC_OK);
    /* A member that failed is tried again with its container. */
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(see(state, root, &zip, STATE_TRUST_GOOD), STATE_NEW);
    root = begin(state, "/r");
    assert_int_equal(see(state, root, &zip, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(gone_from(state, root),
                     1); /* the file, of which only the name is like a member's */
}

static void test_contents_and_hits(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("hits.db");
    int64_t root = begin(state, "/r"), one = put_content(state, 1, STATE_HASHED), found = -1;
    int64_t two = put_content(state, 2, STATE_FAILED);
    struct source_item b = item_of("/r/b", 1, 1), a = item_of("/r/a", 2, 1);
    struct state_asked asked;
    uint8_t digest[32];
    size_t more;

    assert_int_equal(put_content(state, 1, STATE_HASHED), one);
    put_file(state, root, &b, one);
    put_file(state, root, &a, two);
    memset(digest, 2, sizeof digest);
    assert_int_equal(state_content_find(state, digest, STATE_TRUST, &found, &err), RC_OK);
    assert_int_equal(found, two);
    assert_int_equal(state_content_find(state, digest, STATE_TRUST_GOOD, &found, &err), RC_OK);
    assert_int_equal(found, 0);

    put_hit(state, one, 5, true, "X");
    put_hit(state, one, 6, false, "Y");
    assert_string_equal(told(state, false, STATE_ALL), "/r/a 2 corrupt|/r/b 0 X|/r/b 0 Y|");
    assert_int_equal(state_next_asked(state, 0, true, &asked, 1, &more, &err), RC_OK);
    assert_true(more == 1 && !asked.hits && asked.content == two && asked.generation == -1);
    state_asked_clear(&asked);
    assert_int_equal(state_next_asked(state, 0, false, &asked, 1, &more, &err), RC_OK);
    assert_true(more == 1 && asked.hits && asked.content == one && asked.generation == 6);
    assert_memory_equal(asked.signals.p, "frames", 6);
    state_asked_clear(&asked);
    put_hit(state, one, 7, true, "Z");
    assert_string_equal(told(state, false, STATE_MATCHED), "/r/b 0 Z|");
    assert_string_equal(told(state, false, STATE_UNREAD), "/r/a 2 corrupt|");

    struct state_totals t;
    assert_int_equal(state_totals(state, false, &t, &err), RC_OK);
    assert_true(t.files == 2 && t.hashed == 1 && t.failed == 1 && t.matched == 1);
    assert_true(t.contents == 2 && t.unmatched == 1 && t.generation_max == 7);
}

static void test_one_scan_at_a_time(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("one.db");
    struct state *second = NULL;
    assert_int_equal(state_open(path_of("one.db"), &second, &err), RC_CONFLICT);
    assert_non_null(strstr(err.msg, "another scan has the state"));
    assert_int_equal(state_run_begin(state, (struct state_shard){1, 4}, &err), RC_OK);
    assert_int_equal(state_run_begin(state, (struct state_shard){2, 4}, &err), RC_CONFLICT);
}

static void test_foreign_files_are_refused(void **unused)
{
    (void)unused;
    struct state *state = NULL;
    sqlite3 *db = NULL;
    FILE *f = fopen(path_of("text.db"), "w");
    fputs("this is a letter, and long enough to be looked at as a database would be ..........", f);
    fclose(f);
    assert_int_equal(state_open(path_of("text.db"), &state, &err), RC_STORE);
    assert_int_equal(sqlite3_open(path_of("other.db"), &db), SQLITE_OK);
    sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(state_open(path_of("other.db"), &state, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "no state of a scan"));
    state_free(open_state("newer.db"));
    assert_int_equal(sqlite3_open(path_of("newer.db"), &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    assert_int_equal(state_open(path_of("newer.db"), &state, &err), RC_STORE);
    assert_non_null(strstr(err.msg, "version 99"));
}

static void test_states_are_joined(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(state_free) struct state *part = open_state(i == 0 ? "p0.db" : "p1.db");
        int64_t root = begin(part, "/r");
        int64_t common = put_content(part, 1, STATE_HASHED),
                own = put_content(part, (uint8_t)(2 + i), STATE_HASHED);
        struct source_item x = item_of(i == 0 ? "/r/a" : "/r/b", 1, 1);
        struct source_item y = item_of(i == 0 ? "/r/c" : "/r/d", 2, 1);
        put_file(part, root, &x, i == 0 ? common : own);
        put_file(part, root, &y, i == 0 ? own : common);
        put_hit(part, common, 3, true, "X");
    }
    SCOPED(state_free) struct state *all = open_state("all.db");
    for (unsigned i = 0; i < 3; i++) /* one of them twice */
        if (state_merge(all, path_of(i == 1 ? "p1.db" : "p0.db"), &err) != RC_OK)
            fail_msg("%s", err.msg);
    assert_string_equal(told(all, true, STATE_ALL), "/r/a 0 X|/r/b 0 |/r/c 0 |/r/d 0 X|");
    assert_int_equal(state_merge(all, path_of("all.db"), &err), RC_INPUT);
    assert_non_null(strstr(err.msg, "is the state that the others are to be joined in"));
    char self[512];
    snprintf(self, sizeof self, "%s", path_of("self.db"));
    assert_int_equal(symlink(path_of("all.db"), self), 0);
    assert_int_equal(state_merge(all, self, &err), RC_INPUT);
    assert_int_equal(state_merge(all, path_of("nowhere.db"), &err), RC_SYS);
    assert_int_equal(state_merge(all, path_of("other.db"), &err), RC_STORE);
    assert_string_equal(told(all, true, STATE_MATCHED), "/r/a 0 X|/r/d 0 X|");
}

/* A state of one file; generation -1: nobody was asked. */
static void make_part(const char *name, enum state_outcome outcome, int64_t generation,
                      const char *bank)
{
    SCOPED(state_free) struct state *part = open_state(name);
    struct source_item a = item_of("/r/a", 1, 1);
    int64_t root = begin(part, "/r"), content = put_content(part, 1, outcome);

    put_file(part, root, &a, content);
    if (bank != NULL)
        put_hit(part, content, generation, true, bank);
    else if (generation >= 0)
        assert_int_equal(state_put_hits(part, content, generation, true, NULL, 0, &err), RC_OK);
}

static void expect_joined(const char *first, const char *second, const char *expected,
                          int64_t generation)
{
    static unsigned number;
    char name[32];
    snprintf(name, sizeof name, "joined%u.db", number++);
    SCOPED(state_free) struct state *all = open_state(name);
    char path[512];
    struct state_asked asked;
    size_t more;

    snprintf(path, sizeof path, "%s", path_of(first));
    assert_int_equal(state_merge(all, path, &err), RC_OK);
    assert_int_equal(state_merge(all, path_of(second), &err), RC_OK);
    assert_string_equal(told(all, true, STATE_ALL), expected);
    assert_int_equal(state_next_asked(all, 0, false, &asked, 1, &more, &err), RC_OK);
    assert_true(more == 1 && asked.generation == generation);
    assert_int_equal(asked.signals.n, strstr(expected, " 0 ") != NULL ? 6 : 3);
    state_asked_clear(&asked);
}

static void test_a_joined_content_is_the_best_and_newest(void **unused)
{
    (void)unused;
    static const struct {
        enum state_outcome outcome[2];
        int64_t generation[2];
        const char *bank[2];
        const char *expected;
        int64_t answered;
    } cases[] = {
        /* Whoever could hash it knows more than whoever could not. */
        {{STATE_HASHED, STATE_FAILED}, {4, 4}, {"X", NULL}, "/r/a 0 X|", 4},
        {{STATE_HASHED, STATE_FAILED}, {4, 9}, {"X", "Y"}, "/r/a 0 X|", 4},
        {{STATE_HASHED, STATE_FAILED}, {-1, 9}, {NULL, NULL}, "/r/a 0 |", -1},
        {{STATE_OTHER, STATE_FAILED}, {3, 5}, {NULL, NULL}, "/r/a 1 |", 3},
        /* What was revoked between two answers stays so. */
        {{STATE_HASHED, STATE_HASHED}, {9, 4}, {NULL, "X"}, "/r/a 0 |", 9},
        {{STATE_HASHED, STATE_HASHED}, {9, 4}, {"Y", "X"}, "/r/a 0 Y|", 9},
        {{STATE_HASHED, STATE_HASHED}, {4, -1}, {"X", NULL}, "/r/a 0 X|", 4},
        {{STATE_HASHED, STATE_HASHED}, {4, 0}, {NULL, "L"}, "/r/a 0 |", 4},
        /* Two lists, neither of which is newer. */
        {{STATE_HASHED, STATE_HASHED}, {0, 0}, {"L", "M"}, "/r/a 0 L|/r/a 0 M|", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char part[2][32];
        for (unsigned k = 0; k < 2; k++) {
            snprintf(part[k], sizeof part[k], "case%zu-%u.db", i, k);
            make_part(part[k], cases[i].outcome[k], cases[i].generation[k], cases[i].bank[k]);
        }
        expect_joined(part[0], part[1], cases[i].expected, cases[i].answered);
        expect_joined(part[1], part[0], cases[i].expected, cases[i].answered);
    }
}

static void test_a_joined_state_is_scanned_on(void **unused)
{
    (void)unused;
    struct source_item a = item_of("/r/a", 1, 1), b = item_of("/r/b", 2, 1);
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(state_free) struct state *part = open_state(i == 0 ? "on0.db" : "on1.db");
        int64_t root = begin(part, "/r");
        for (unsigned more = 0; more < 3; more++)
            root = begin(part, "/r");
        put_file(part, root, &a, i == 0 ? put_content(part, 1, STATE_HASHED) : 0);
        put_file(part, root, &b, i == 0 ? 0 : put_content(part, 2, STATE_HASHED));
    }
    SCOPED(state_free) struct state *all = open_state("on.db");
    assert_int_equal(state_merge(all, path_of("on0.db"), &err), RC_OK);
    assert_int_equal(state_merge(all, path_of("on1.db"), &err), RC_OK);
    /* Each read one that the other could not open. */
    assert_string_equal(told(all, true, STATE_ALL), "/r/a 0 |/r/b 0 |");
    int64_t root = begin(all, "/r");
    assert_int_equal(see(all, root, &a, STATE_TRUST), STATE_KNOWN);
    assert_int_equal(gone_from(all, root), 1);
    assert_string_equal(told(all, true, STATE_ALL), "/r/a 0 |");
}

static enum rc append_act(void *ctx, const struct state_act *act, struct err *e)
{
    char *out = ctx;
    size_t used = strlen(out);
    (void)e;
    snprintf(out + used, 256 - used, "%.*s %s %s %d %d|", (int)act->name.n,
             (const char *)act->name.p, act->act, act->outcome, act->done, act->gone);
    return RC_OK;
}

/* One state tried in vain, another did it: whichever comes first, it is done. */
static void test_what_was_done_is_joined(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(state_free) struct state *part = open_state(i == 0 ? "act0.db" : "act1.db");
        struct source_item a = item_of("/r/a", 1, 1);
        int64_t root = begin(part, "/r");
        struct state_due due = {.name = (char *)"/r/a", .name_n = 4};
        memset(due.sha256, 1, sizeof due.sha256);
        put_file(part, root, &a, put_content(part, 1, STATE_HASHED));
        assert_int_equal(state_put_act(part, &due, "x", i == 0 ? "moved" : "no", i == 0, &err),
                         RC_OK);
        due.name = (char *)"/r/b";
        assert_int_equal(state_put_act(part, &due, "x", "", false, &err), RC_OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        SCOPED(state_free) struct state *all = open_state(i == 0 ? "acts01.db" : "acts10.db");
        char out[256] = "";
        assert_int_equal(state_merge(all, path_of(i == 0 ? "act0.db" : "act1.db"), &err), RC_OK);
        assert_int_equal(state_merge(all, path_of(i == 0 ? "act1.db" : "act0.db"), &err), RC_OK);
        assert_int_equal(state_each_act(all, append_act, out, &err), RC_OK);
        assert_string_equal(out, "/r/a x moved 1 0|/r/b x  0 1|");
    }
}

static void test_a_rematch_goes_on(void **unused)
{
    (void)unused;
    SCOPED(state_free) struct state *state = open_state("rematch.db");
    int64_t after = -1;
    assert_int_equal(state_rematch_begin(state, 4, &after, &err), RC_OK);
    assert_int_equal(after, 0);
    assert_int_equal(state_rematch_at(state, 17, false, &err), RC_OK);
    assert_int_equal(state_rematch_begin(state, 4, &after, &err), RC_OK);
    assert_int_equal(after, 17);
    assert_int_equal(state_rematch_begin(state, 5, &after, &err), RC_OK);
    assert_int_equal(after, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_known_again),
        cmocka_unit_test(test_what_is_not_seen_is_gone),
        cmocka_unit_test(test_members_are_known_with_their_container),
        cmocka_unit_test(test_a_member_and_a_file_of_one_name),
        cmocka_unit_test(test_contents_and_hits),
        cmocka_unit_test(test_one_scan_at_a_time),
        cmocka_unit_test(test_foreign_files_are_refused),
        cmocka_unit_test(test_states_are_joined),
        cmocka_unit_test(test_a_joined_content_is_the_best_and_newest),
        cmocka_unit_test(test_a_joined_state_is_scanned_on),
        cmocka_unit_test(test_what_was_done_is_joined),
        cmocka_unit_test(test_a_rematch_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
