/* Does a walk meet every regular file of its tree once, and open nothing outside of it? */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "hashing/base/scoped.h"
#include "tests/support/tmpdir.h"
#include "tools/scan/walk.h"

static struct err err;
static char root[256], outside[256];

static const char *in_root(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_tree(void **unused)
{
    (void)unused;
    snprintf(root, sizeof root, "%s/root", tmpdir());
    snprintf(outside, sizeof outside, "%s/outside", tmpdir());
    mkdir(root, 0700);
    mkdir(outside, 0700);
    snprintf(outside, sizeof outside, "%s/outside/f", tmpdir());
    put(outside, "secret");
    *strrchr(outside, '/') = '\0';
    put(in_root("a.jpg"), "one");
    put(in_root("new\nline\xff.jpg"), "two");
    mkdir(in_root("d"), 0700);
    put(in_root("d/b.jpg"), "three");
    mkdir(in_root("d/e"), 0700);
    put(in_root("d/e/c.txt"), "four");
    assert_int_equal(mkfifo(in_root("fifo"), 0600), 0);
    assert_int_equal(symlink(outside, in_root("link")), 0);
    assert_int_equal(symlink("/dev/zero", in_root("zero")), 0);
    assert_int_equal(symlink("a.jpg", in_root("link.jpg")), 0);
    return 0;
}

/* Everything that was visited, as sorted lines of name and content. */
struct seen {
    size_t n;
    char *line[64];
    bool names_only;
    unsigned secrets;
    int (*before_load)(void);
};

static enum rc on_item(void *ctx, struct source_item *item, struct err *e)
{
    struct seen *seen = ctx;
    char text[256] = "", line[1024];
    uint64_t length = 0;
    int memfd = -1;
    if (!seen->names_only) {
        if (seen->before_load != NULL)
            seen->before_load();
        if (item->load(item, 1000, &memfd, &length, e) == RC_OK) {
            assert_true(pread(memfd, text, sizeof text - 1, 0) == (ssize_t)length);
            assert_true(pwrite(memfd, "x", 1, 0) < 0);
            assert_int_equal(item->identity.size, length);
            close(memfd);
        } else {
            snprintf(text, sizeof text, "%s", e->msg);
        }
    }
    seen->secrets += strstr(text, "secret") != NULL;
    snprintf(line, sizeof line, "%.*s=%s", (int)item->under.n, (const char *)item->under.p, text);
    if (seen->n < 64)
        seen->line[seen->n++] = strdup(line);
    return RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *e)
{
    struct seen *seen = ctx;
    char line[1024];
    (void)identity;
    (void)e;
    snprintf(line, sizeof line, "!%.*s: %s", (int)name.n, (const char *)name.p, why->msg);
    if (seen->n < 64)
        seen->line[seen->n++] = strdup(line);
    return RC_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *told(struct seen *seen)
{
    static char all[4096];
    all[0] = '\0';
    qsort(seen->line, seen->n, sizeof seen->line[0], by_text);
    for (size_t i = 0; i < seen->n; i++) {
        strcat(strcat(all, seen->line[i]), "|");
        free(seen->line[i]);
    }
    seen->n = 0;
    return all;
}

static const char *walk(const struct walk_options *options, const char *name, struct seen *seen)
{
    const struct source_visitor visitor = {.ctx = seen, .item = on_item, .trouble = on_trouble};
    assert_int_equal(walk_run(&(struct walk){.name = name, .options = options}, &visitor, &err),
                     RC_OK);
    return told(seen);
}

static void test_regular_files_only(void **unused)
{
    (void)unused;
    struct seen seen = {0};
    const struct walk_options all = {0};
    assert_string_equal(walk(&all, root, &seen),
                        "a.jpg=one|d/b.jpg=three|d/e/c.txt=four|new\nline\xff.jpg=two|");
    assert_string_equal(walk(&all, in_root("d/b.jpg"), &seen), "b.jpg=three|");
    assert_string_equal(walk(&all, in_root("fifo"), &seen), "");
    assert_string_equal(walk(&all, in_root("link.jpg"), &seen), "");
    assert_int_equal(walk_run(&(struct walk){.name = "/nowhere", .options = &all},
                              &(struct source_visitor){.ctx = &seen}, &err),
                     RC_SYS);
}

static void test_what_is_left_out(void **unused)
{
    (void)unused;
    static const char *const by_name[] = {"*.txt"}, *const by_path[] = {"d/*"};
    struct seen seen = {.names_only = true};
    const struct walk_options flat = {.max_depth = 1}, two = {.max_depth = 2};
    const struct walk_options no_text = {.exclude = by_name, .n_exclude = 1};
    const struct walk_options no_d = {.exclude = by_path, .n_exclude = 1};
    assert_string_equal(walk(&flat, root, &seen), "a.jpg=|new\nline\xff.jpg=|");
    assert_string_equal(walk(&two, root, &seen), "a.jpg=|d/b.jpg=|new\nline\xff.jpg=|");
    assert_string_equal(walk(&no_text, root, &seen), "a.jpg=|d/b.jpg=|new\nline\xff.jpg=|");
    assert_string_equal(walk(&no_d, root, &seen), "a.jpg=|new\nline\xff.jpg=|");
}

static int vanish(void)
{
    unlink(in_root("d/e/gone"));
    return 0;
}

static int become_a_link(void)
{
    unlink(in_root("d/e/gone"));
    return symlink("/etc/passwd", in_root("d/e/gone"));
}

static int become_a_fifo(void)
{
    unlink(in_root("d/e/gone"));
    return mkfifo(in_root("d/e/gone"), 0600);
}

static void test_what_changes_under_the_walk(void **unused)
{
    (void)unused;
    int (*const acts[])(void) = {vanish, become_a_link, become_a_fifo};
    static const char *const words[] = {"it is gone", "it is gone", "it is no file any more"};
    const struct walk_options all = {0};
    for (size_t i = 0; i < 3; i++) {
        struct seen seen = {.before_load = acts[i]};
        char want[64];
        put(in_root("d/e/gone"), "there");
        snprintf(want, sizeof want, "c.txt=four|gone=%s|", words[i]);
        assert_string_equal(walk(&all, in_root("d/e"), &seen), want);
        unlink(in_root("d/e/gone"));
    }
    struct seen seen = {0};
    put(in_root("d/e/large"), "");
    assert_int_equal(truncate(in_root("d/e/large"), 2000), 0);
    assert_non_null(strstr(walk(&all, in_root("d/e"), &seen), "large=it is larger than"));
    unlink(in_root("d/e/large"));
}

/* Swaps a folder of the tree for a link that leads out of it, and back, at once. */
static void *swap(void *stop)
{
    char folder[300], link_[300];
    snprintf(folder, sizeof folder, "%s/race", root);
    snprintf(link_, sizeof link_, "%s/../race-link", root);
    while (!atomic_load((atomic_bool *)stop))
        renameat2(AT_FDCWD, folder, AT_FDCWD, link_, RENAME_EXCHANGE);
    return NULL;
}

static void test_nothing_outside_is_opened(void **unused)
{
    (void)unused;
    enum { ROUNDS = 1000 };
    const struct walk_options all = {0};
    atomic_bool stop = false;
    char link_[300];
    pthread_t thread;
    unsigned met = 0;

    snprintf(link_, sizeof link_, "%s/../race-link", root);
    mkdir(in_root("race"), 0700);
    put(in_root("race/f"), "public");
    assert_int_equal(symlink(outside, link_), 0);
    assert_int_equal(pthread_create(&thread, NULL, swap, &stop), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct seen seen = {0};
        met += strstr(walk(&all, root, &seen), "race/f=public") != NULL;
        if (seen.secrets > 0)
            fail_msg("a file outside was read in round %u", i);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    assert_true(met > 0);
}

static void test_a_list(void **unused)
{
    (void)unused;
    static const char names[] = "a.jpg\0d\0link/f\0link.jpg\0nowhere/x\0./a.jpg\0new\nline\xff.jpg";
    const struct walk_options all = {0};
    struct seen seen = {0};
    const struct source_visitor visitor = {.ctx = &seen, .item = on_item, .trouble = on_trouble};
    FILE *in = fmemopen((void *)names, sizeof names, "r");
    struct walk_list list = {.in = in, .end = '\0', .base = root, .options = &all};
    assert_int_equal(walk_list_run(&list, &visitor, &err), RC_OK);
    fclose(in);
    assert_string_equal(told(&seen), "!nowhere/x: cannot open its folder: No such file or "
                                     "directory|a.jpg=one|a.jpg=one|b.jpg=three|e/c.txt=four|"
                                     "f=secret|new\nline\xff.jpg=two|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_regular_files_only),          cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_what_changes_under_the_walk), cmocka_unit_test(test_a_list),
        cmocka_unit_test(test_nothing_outside_is_opened),
    };
    return cmocka_run_group_tests(tests, make_tree, NULL);
}
