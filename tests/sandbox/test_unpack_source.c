/* Are an archive's members items of a scan: names, identities, bytes, troubles, stops? */
#include "tests/sandbox/unpacking.h"
#include "tools/scan/unpack_source.h"

/* What a visitor is told, in order. */
struct told {
    char text[4096];
    bool load;
    enum rc answer; /* of each item */
    atomic_bool stop;
};

static void tell(struct told *t, const char *what, struct bytes name, const char *more)
{
    size_t n = strlen(t->text);
    snprintf(t->text + n, sizeof t->text - n, "%s %.*s %s\n", what, (int)name.n,
             (const char *)name.p, more);
}

static enum rc on_item(void *ctx, struct source_item *item, struct err *err)
{
    struct told *t = ctx;
    char bytes[16] = "";
    uint64_t length;
    int fd;
    assert_true(item->member);
    assert_int_equal(item->identity.size, 77);
    assert_memory_equal(item->under.p, "x.zip", item->under.n);
    if (t->load) {
        assert_int_equal(item->load(item, 3, &fd, &length, err), RC_TOO_LARGE);
        assert_int_equal(item->load(item, 100, &fd, &length, err), RC_OK);
        assert_int_equal(pread(fd, bytes, sizeof bytes - 1, 0), length);
        close(fd);
        assert_int_equal(item->load(item, 100, &fd, &length, err), RC_INPUT);
    }
    tell(t, "item", item->name, bytes);
    if (t->answer != RC_OK)
        FAIL(err, t->answer, "as told");
    return RC_OK;
}

static enum rc on_trouble(void *ctx, struct bytes name, const struct source_identity *identity,
                          const struct err *why, struct err *err)
{
    (void)err;
    assert_int_equal(identity->size, 77);
    tell(ctx, "trouble", name, why->msg);
    return RC_OK;
}

static enum rc visit(struct told *t, int archive, bool *ret_is_one, struct err *err)
{
    SCOPED(fd_close) int fd = archive;
    struct bytes name = bytes_str("/m/x.zip");
    const struct source_item container = {
        .name = name, .under = bytes_of(name.p + 3, 5), .identity = {.size = 77}};
    const struct source_visitor visitor = {
        .ctx = t, .item = on_item, .trouble = on_trouble, .stop = &t->stop};
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    return unpack_visit(&unpacking, &container, fd, (uint64_t)st.st_size, &visitor, ret_is_one,
                        err);
}

static const struct made_entry members[] = {
    {.name = "a.jpg", .p = "first", .n = 5},
    {.name = "link", .type = 'l', .link = "/etc/passwd"},
    {.name = "b/c.jpg", .p = "second", .n = 6},
};

static int an_archive(void)
{
    return made_archive("pax", "none", NULL, NULL, members, 3);
}

static void members_are_items(void **state)
{
    (void)state;
    struct told t = {.load = true};
    struct err err;
    bool is_one;
    assert_int_equal(visit(&t, an_archive(), &is_one, &err), RC_OK);
    assert_true(is_one);
    assert_string_equal(t.text, "item /m/x.zip!a.jpg first\nitem /m/x.zip!b/c.jpg second\n");
}

static void what_is_none_is_told(void **state)
{
    (void)state;
    struct told t = {0};
    struct err err;
    bool is_one;
    assert_int_equal(visit(&t, made_sealed("nonsense", 8), &is_one, &err), RC_OK);
    assert_false(is_one);
    assert_string_equal(t.text, "");
}

static void damage_is_trouble_and_what_came_stands(void **state)
{
    (void)state;
    struct told t = {0};
    struct err err;
    bool is_one;
    size_t n;
    SCOPED(fd_close)
    int fd = made_archive("zip", "none", "zip:encryption=zipcrypt", "x", members, 1);
    assert_int_equal(visit(&t, fcntl(fd, F_DUPFD_CLOEXEC, 0), &is_one, &err), RC_OK);
    assert_string_equal(t.text, "trouble /m/x.zip!a.jpg is encrypted\n");
    SCOPED(fd_close) int whole = an_archive();
    uint8_t *p = made_bytes(whole, &n);
    memset(t.text, 0, sizeof t.text);
    assert_int_equal(visit(&t, made_sealed(p, 1024 + 512 + 512 + 300), &is_one, &err), RC_OK);
    assert_non_null(strstr(t.text, "item /m/x.zip!a.jpg \ntrouble /m/x.zip"));
    free(p);
}

static void a_visitor_may_end_it(void **state)
{
    (void)state;
    struct told t = {.answer = RC_STORE};
    struct err err;
    bool is_one;
    assert_int_equal(visit(&t, an_archive(), &is_one, &err), RC_STORE);
    assert_string_equal(t.text, "item /m/x.zip!a.jpg \n");
    memset(&t, 0, sizeof t);
    atomic_store(&t.stop, true);
    assert_int_equal(visit(&t, an_archive(), &is_one, &err), RC_BUSY);
    assert_string_equal(t.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(members_are_items),
        CLEAN_TEST(what_is_none_is_told),
        CLEAN_TEST(damage_is_trouble_and_what_came_stands),
        CLEAN_TEST(a_visitor_may_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
