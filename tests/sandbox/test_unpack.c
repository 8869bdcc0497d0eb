/* What comes out of archives of every kind, and of those that are made to do harm? */
#include <signal.h>

#include "tests/sandbox/unpacking.h"

static const struct made_entry usual[] = {
    {.name = "a.jpg", .p = "first", .n = 5},
    {.name = "folder", .type = 'd'},
    {.name = "folder/b.jpg", .p = "second one", .n = 10},
};
#define USUAL "a.jpg 1 5: first\nfolder/b.jpg 1 10: second one\n"

static void every_format_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *format, *filter;
    } kinds[] = {
        {"gnutar", "none"}, {"pax", "none"},     {"ustar", "gzip"}, {"pax", "bzip2"},
        {"pax", "xz"},      {"pax", "lzma"},     {"pax", "zstd"},   {"pax", "lz4"},
        {"pax", "lzip"},    {"pax", "compress"}, {"v7tar", "none"}, {"zip", "none"},
        {"zip", "gzip"},    {"newc", "none"},    {"odc", "xz"},     {"7zip", "none"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = made_archive(kinds[i].format, kinds[i].filter, NULL, NULL, usual, 3);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        if (unpack_look(fd, (uint64_t)st.st_size) != UNPACK_LOOK_ARCHIVE)
            fail_msg("%s %s does not look like one", kinds[i].format, kinds[i].filter);
        expect_unpacked(unpack_all(&unpacking, fd), USUAL);
    }
}

static void an_iso_is_read(void **state)
{
    (void)state;
    int fd = made_archive("iso9660", "none", NULL, NULL, usual, 3);
    struct unpacked u = unpack_all(&unpacking, fd);
    assert_int_equal(u.rc, RC_OK);
    assert_non_null(strstr(u.text, "a.jpg 1 5: first\n"));
    assert_non_null(strstr(u.text, "folder/b.jpg 1 10: second one\n"));
    free(u.text);
}

static void every_7z_coder_is_read(void **state)
{
    (void)state;
    static const char *const coders[] = {"store", "deflate", "bzip2", "lzma1", "lzma2", "ppmd"};
    for (size_t i = 0; i < sizeof coders / sizeof *coders; i++) {
        char options[40];
        snprintf(options, sizeof options, "7zip:compression=%s", coders[i]);
        expect_unpacked(
            unpack_all(&unpacking, made_archive("7zip", "none", options, NULL, usual, 3)), USUAL);
    }
}

static void one_compressed_file_is_a_member(void **state)
{
    (void)state;
    const struct made_entry one = {.name = "x", .p = "a picture", .n = 9};
    expect_unpacked(unpack_all(&unpacking, made_archive("raw", "xz", NULL, NULL, &one, 1)),
                    "data 1 9: a picture\n");
}

static void a_file_that_is_none_is_told(void **state)
{
    (void)state;
    expect_stopped(unpack_all(&unpacking, made_sealed("no archive at all", 17)), "", RC_NOT_MEDIA,
                   "not an archive");
    expect_stopped(unpack_all(&unpacking, made_sealed("", 0)), "", RC_NOT_MEDIA, "");
    expect_stopped(unpack_all(&unpacking, made_sealed("BZhello", 7)), "", RC_NOT_MEDIA, "");
}

static void links_and_devices_are_named_only(void **state)
{
    (void)state;
    const struct made_entry odd[] = {
        {.name = "passwd", .type = 'l', .link = "/etc/passwd"},
        {.name = "again", .type = 'h', .link = "a.jpg"},
        {.name = "zero", .type = 'c'},
        {.name = "disk", .type = 'b'},
        {.name = "pipe", .type = 'p'},
        {.name = "last", .p = "x", .n = 1},
    };
    expect_unpacked(unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, odd, 6)),
                    "passwd 3 0: \nagain 4 0: \nzero 5 0: \ndisk 5 0: \npipe 6 0: \nlast 1 1: x\n");
}

static void names_are_only_names(void **state)
{
    (void)state;
    const struct made_entry odd[] = {
        {.name = "../../../tmp/hashgate-escaped", .p = "1", .n = 1},
        {.name = "/tmp/hashgate-escaped", .p = "2", .n = 1},
        {.name = "new\nline\x1b[31m", .p = "3", .n = 1},
        {.name = "caf\xc3\xa9", .p = "4", .n = 1},
        {.name = "-rf", .p = "5", .n = 1},
    };
    expect_unpacked(unpack_all(&unpacking, made_archive("gnutar", "none", NULL, NULL, odd, 5)),
                    "../../../tmp/hashgate-escaped 1 1: 1\n/tmp/hashgate-escaped 1 1: 2\n"
                    "new\nline\x1b[31m 1 1: 3\ncaf\xc3\xa9 1 1: 4\n-rf 1 1: 5\n");
    assert_int_equal(access("/tmp/hashgate-escaped", F_OK), -1);
}

/* Latin-1 is no UTF-8; the bytes come as they are. */
static void names_that_are_no_utf8_stay(void **state)
{
    (void)state;
    const struct made_entry usual_name = {.name = "cafX.jpg", .p = "1", .n = 1};
    static const char *const formats[] = {"ustar", "newc", "zip"};
    for (size_t i = 0; i < 3; i++) {
        size_t n;
        SCOPED(fd_close) int fd = made_archive(formats[i], "none", NULL, NULL, &usual_name, 1);
        uint8_t *p = made_bytes(fd, &n);
        for (uint8_t *at = p; (at = memmem(at, n - (size_t)(at - p), "cafX", 4)) != NULL; at += 4)
            at[3] = 0xe9;
        if (i == 0) { /* the sum of the header: 'X' became 0xe9 */
            unsigned sum = (unsigned)strtoul((char *)p + 148, NULL, 8) + 0xe9 - 'X';
            snprintf((char *)p + 148, 7, "%06o", sum);
        }
        expect_unpacked(unpack_all(&unpacking, made_sealed(p, n)), "caf\xe9.jpg 1 1: 1\n");
        free(p);
    }
}

static void a_name_that_comes_twice_has_a_number(void **state)
{
    (void)state;
    const struct made_entry twice[] = {{.name = "a", .p = "1", .n = 1},
                                       {.name = "a#3", .p = "2", .n = 1},
                                       {.name = "a", .p = "3", .n = 1},
                                       {.name = "a", .p = "4", .n = 1}};
    expect_unpacked(unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, twice, 4)),
                    "a 1 1: 1\na#3 1 1: 2\na#3.1 1 1: 3\na#4 1 1: 4\n");
}

/* Wraps an archive into another, n times. */
static int nested(int fd, int times)
{
    for (int i = 0; i < times; i++) {
        size_t n;
        uint8_t *p = made_bytes(fd, &n);
        const struct made_entry in[] = {{.name = "in.zip", .p = p, .n = n},
                                        {.name = "beside", .p = "x", .n = 1}};
        close(fd);
        fd = made_archive(i % 2 == 0 ? "zip" : "pax", "none", NULL, NULL, in, 2);
        free(p);
    }
    return fd;
}

static void nested_archives_are_gone_into(void **state)
{
    (void)state;
    expect_unpacked(
        unpack_all(&unpacking, nested(made_archive("7zip", "none", NULL, NULL, usual, 3), 2)),
        "in.zip!in.zip!a.jpg 1 5: first\nin.zip!in.zip!folder/b.jpg 1 10: second one\n"
        "in.zip!beside 1 1: x\nbeside 1 1: x\n");
}

static void too_deep_is_told_and_the_rest_is_read(void **state)
{
    (void)state;
    expect_unpacked(
        unpack_all(&unpacking, nested(made_archive("zip", "none", NULL, NULL, usual, 3), 4)),
        "in.zip!in.zip!in.zip!in.zip: lies in more archives than 4 (depth)\n"
        "in.zip!in.zip!in.zip!beside 1 1: x\nin.zip!in.zip!beside 1 1: x\n"
        "in.zip!beside 1 1: x\nbeside 1 1: x\n");
}

static void what_only_looks_like_one_is_a_file(void **state)
{
    (void)state;
    const struct made_entry in[] = {{.name = "text", .p = "BZh is no archive", .n = 17},
                                    {.name = "last", .p = "x", .n = 1}};
    expect_unpacked(unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, in, 2)),
                    "text 1 17: BZh is no archive\nlast 1 1: x\n");
}

/* A picture that is a zip, too: both are looked at. */
static void a_zip_behind_a_picture_is_found(void **state)
{
    (void)state;
    size_t n;
    SCOPED(fd_close) int zip = made_archive("zip", "none", NULL, NULL, usual, 3);
    uint8_t *p = made_bytes(zip, &n);
    uint8_t *both = malloc(n + 1000);
    memset(both, 'j', 1000);
    memcpy(both + 1000, p, n);
    int fd = made_sealed(both, n + 1000);
    assert_int_equal(unpack_look(fd, n + 1000), UNPACK_LOOK_BOTH);
    expect_unpacked(unpack_all(&unpacking, fd), USUAL);
    const struct made_entry in = {.name = "pic.jpg", .p = both, .n = n + 1000};
    struct unpacked u = unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, &in, 1));
    assert_int_equal(u.rc, RC_OK);
    assert_non_null(strstr(u.text, "pic.jpg 1 "));
    assert_non_null(strstr(u.text, "\npic.jpg!a.jpg 1 5: first\npic.jpg!folder/b.jpg 1 10: "));
    free(u.text);
    free(both);
    free(p);
}

static void an_encrypted_member_is_told(void **state)
{
    (void)state;
    static const char *const ways[] = {"zip:encryption=zipcrypt", "zip:encryption=aes256"};
    for (size_t i = 0; i < 2; i++)
        expect_unpacked(
            unpack_all(&unpacking, made_archive("zip", "none", ways[i], "secret", usual, 3)),
            "a.jpg: is encrypted\nfolder/b.jpg: is encrypted\n");
}

static void a_broken_sum_is_told_and_the_rest_is_read(void **state)
{
    (void)state;
    size_t n;
    SCOPED(fd_close) int fd = made_archive("zip", "none", "zip:compression=store", NULL, usual, 3);
    uint8_t *p = made_bytes(fd, &n);
    memcpy(memmem(p, n, "first", 5), "worst", 5);
    struct unpacked u = unpack_all(&unpacking, made_sealed(p, n));
    assert_int_equal(u.rc, RC_OK);
    assert_int_equal(u.failed, 1);
    assert_non_null(strstr(u.text, "a.jpg: "));
    assert_non_null(strstr(u.text, "\nfolder/b.jpg 1 10: second one\n"));
    free(u.text);
    free(p);
}

/* At every place: no crash, no hang, and never bytes that were not there. */
static void truncated_archives_end_in_an_error(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"zip", "none"},  {"pax", "none"},  {"pax", "gzip"},
                                           {"7zip", "none"}, {"newc", "none"}, {"pax", "xz"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t n;
        SCOPED(fd_close) int fd = made_archive(kinds[i][0], kinds[i][1], NULL, NULL, usual, 3);
        uint8_t *p = made_bytes(fd, &n);
        for (size_t cut = 1; cut < n; cut += SANITIZED ? n / 7 : n / 40 + 1) {
            struct unpacked u = unpack_all(&unpacking, made_sealed(p, cut));
            assert_true(u.rc == RC_OK || u.rc == RC_UNDECODABLE || u.rc == RC_NOT_MEDIA);
            if (u.rc == RC_UNDECODABLE && strstr(u.err.msg, "crashed") != NULL)
                fail_msg("%s %s cut at %zu: %s", kinds[i][0], kinds[i][1], cut, u.err.msg);
            assert_true(u.bytes <= 15);
            free(u.text);
        }
        free(p);
    }
}

static void a_lying_size_is_told(void **state)
{
    (void)state;
    size_t n;
    SCOPED(fd_close) int fd = made_archive("gnutar", "none", NULL, NULL, usual, 1);
    uint8_t *p = made_bytes(fd, &n);
    memcpy(p + 124, "00077777777", 11); /* 16 MiB that are not there */
    unsigned sum = 0;
    memset(p + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += p[i];
    snprintf((char *)p + 148, 7, "%06o", sum);
    struct unpacked u = unpack_all(&unpacking, made_sealed(p, n));
    assert_int_equal(u.rc, RC_UNDECODABLE);
    assert_int_equal(u.failed, 1);
    assert_non_null(strstr(u.text, "a.jpg: "));
    free(u.text);
    free(p);
}

static void holes_are_zeros_and_cost_no_memory(void **state)
{
    (void)state;
    const struct made_entry sparse[] = {
        {.name = "in front", .p = "end", .n = 3, .hole = 1 << 20},
        {.name = "behind", .p = "begin", .n = 5, .hole = -(1 << 20)},
    };
    struct unpacked u = unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, sparse, 2));
    expect_unpacked(u, "in front 1 1048579: ................................\n"
                       "behind 1 1048581: begin...........................\n");
}

/* 64 MiB and more of nothing, made small. */
static int bomb(const char *format, const char *filter, int files)
{
    static uint8_t zeros[32 << 20];
    struct made_entry e[8];
    for (int i = 0; i < files; i++)
        e[i] = (struct made_entry){
            .name = &"a\0b\0c\0d\0e\0f\0g\0h"[2 * i], .p = zeros, .n = sizeof zeros};
    return made_archive(format, filter, NULL, NULL, e, (size_t)files);
}

static void a_bomb_is_over_the_ratio(void **state)
{
    (void)state;
    static const char *const kinds[][2] = {{"zip", "none"}, {"pax", "xz"}, {"pax", "zstd"}};
    for (size_t i = 0; i < (SANITIZED ? 1 : 3); i++) {
        struct unpacked u = unpack_all(&unpacking, bomb(kinds[i][0], kinds[i][1], 8));
        assert_int_equal(u.rc, RC_LIMIT);
        assert_string_equal(u.err.msg, "unpacks to more than 250 times its size (ratio)");
        assert_true(u.members >= 2);
        free(u.text);
    }
}

static void a_nested_bomb_ends_alone(void **state)
{
    (void)state;
    size_t n;
    SCOPED(fd_close) int fd = bomb("zip", "none", 8);
    uint8_t *p = made_bytes(fd, &n);
    uint8_t *noise = malloc(2 << 20); /* or the outer one would be over its ratio, too */
    for (size_t i = 0; i < 2 << 20; i++)
        noise[i] = (uint8_t)(i * i >> 7);
    const struct made_entry in[] = {{.name = "bomb.zip", .p = p, .n = n},
                                    {.name = "noise", .p = noise, .n = 2 << 20},
                                    {.name = "beside", .p = "x", .n = 1}};
    struct unpacked u = unpack_all(&unpacking, made_archive("pax", "none", NULL, NULL, in, 3));
    assert_int_equal(u.rc, RC_OK);
    assert_non_null(
        strstr(u.text, "\nbomb.zip: unpacks to more than 250 times its size (ratio)\n"));
    assert_non_null(strstr(u.text, "\nbeside 1 1: x\n"));
    free(u.text);
    free(noise);
    free(p);
}

static void every_budget_has_its_name(void **state)
{
    (void)state;
    struct unpack_config c = unpacking;
    c.limits.members = 2;
    expect_stopped(unpack_all(&c, made_archive("pax", "none", NULL, NULL, usual, 3)),
                   "a.jpg 1 5: first\n", RC_LIMIT, "holds more than 2 members (members)");
    c = unpacking;
    c.limits.total_bytes = 14;
    expect_stopped(unpack_all(&c, made_archive("pax", "none", NULL, NULL, usual, 3)),
                   "a.jpg 1 5: first\n", RC_LIMIT, "holds more than 14 bytes (total_bytes)");
    c = unpacking;
    c.limits.member_bytes = 5;
    expect_unpacked(unpack_all(&c, made_archive("pax", "none", NULL, NULL, usual, 3)),
                    "a.jpg 1 5: first\nfolder/b.jpg: has more than 5 bytes (member_bytes)\n");
    /* One that does not say before how much will come. */
    expect_unpacked(unpack_all(&c, made_archive("raw", "gzip", NULL, NULL, &usual[2], 1)),
                    "data: has more than 5 bytes (member_bytes)\n");
    c = unpacking;
    c.limits.wall_ms = 0;
    struct unpacked u = unpack_all(&c, made_archive("pax", "none", NULL, NULL, usual, 3));
    expect_stopped(u, "", RC_LIMIT, "(wall)");
    c = unpacking;
    c.limits.cpu_ms = 0;
    u = unpack_all(&c, made_archive("pax", "none", NULL, NULL, usual, 3));
    expect_stopped(u, "", RC_LIMIT, "(cpu)");
}

static void too_much_memory_is_told(void **state)
{
    (void)state;
    struct unpack_config c = unpacking;
    if (SANITIZED) /* has no limit of its address space */
        return;
    c.limits.memory = 48 << 20; /* xz -9 wants 64 MiB for its dictionary */
    int fd = made_archive("pax", "xz", "xz:compression-level=9", NULL, usual, 3);
    struct unpacked u = unpack_all(&c, fd);
    expect_stopped(u, "", RC_LIMIT, "needs more memory than the limit (memory)");
}

static void a_hundred_thousand_tiny_members(void **state)
{
    (void)state;
    enum { MANY = SANITIZED ? 5000 : 100000 };
    struct made_entry *e = calloc(MANY, sizeof *e);
    char(*names)[16] = calloc(MANY, sizeof *names);
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        e[i] = (struct made_entry){.name = names[i], .p = names[i], .n = strlen(names[i])};
    }
    struct unpacked u = unpack_all(&unpacking, made_archive("zip", "none", NULL, NULL, e, MANY));
    assert_int_equal(u.rc, RC_OK);
    assert_int_equal(u.members, MANY);
    free(u.text);
    free(names);
    free(e);
}

static void only_files_and_sealed_memory_are_taken(void **state)
{
    (void)state;
    struct unpack *unpack = NULL;
    struct err err;
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(unpack_open(&unpacking, pipes[0], 10, &unpack, &err), RC_INPUT);
    close(pipes[0]);
    close(pipes[1]);
    SCOPED(fd_close) int open_memory = medium_unsealed("x", 1);
    assert_int_equal(unpack_open(&unpacking, open_memory, 1, &unpack, &err), RC_INPUT);
    assert_null(unpack);
}

/* As large archives are passed on; and one that shrinks under the unpacker is an error. */
static void a_file_is_read_in_place(void **state)
{
    (void)state;
    char path[] = "/tmp/hashgate-unpack-XXXXXX";
    SCOPED(fd_close) int writer = mkstemp(path);
    size_t n;
    SCOPED(fd_close) int memory = made_archive("pax", "none", NULL, NULL, usual, 3);
    uint8_t *p = made_bytes(memory, &n);
    assert_int_equal(write(writer, p, n), n);
    expect_unpacked(unpack_all(&unpacking, open(path, O_RDONLY | O_CLOEXEC)), USUAL);
    struct unpack *unpack = NULL;
    struct unpack_member *m;
    struct err err;
    SCOPED(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(writer, 700), 0);
    assert_int_equal(unpack_open(&unpacking, fd, n, &unpack, &err), RC_OK);
    enum rc rc;
    while ((rc = unpack_next(unpack, &m, &err)) == RC_OK && m != NULL)
        ;
    assert_int_equal(rc, RC_UNDECODABLE);
    assert_non_null(strstr(err.msg, "became shorter"));
    unpack_close(unpack);
    unlink(path);
    free(p);
}

/* More than a channel holds, so that it cannot have said all when it is killed. */
static void a_killed_unpacker_is_told_and_replaced(void **state)
{
    (void)state;
    static uint8_t large[4 << 20];
    const struct made_entry in[] = {{.name = "a", .p = "1", .n = 1},
                                    {.name = "large", .p = large, .n = sizeof large}};
    struct unpack *unpack = NULL;
    struct unpack_member *m;
    struct err err;
    for (int level = 0; level < 2; level++) {
        SCOPED(fd_close) int fd = nested(made_archive("pax", "none", NULL, NULL, in, 2), level);
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(unpack_open(&unpacking, fd, (uint64_t)st.st_size, &unpack, &err), RC_OK);
        assert_int_equal(unpack_next(unpack, &m, &err), RC_OK);
        assert_int_equal(kill(unpack_pid(unpack), SIGKILL), 0);
        assert_int_equal(unpack_next(unpack, &m, &err), RC_BUSY);
        assert_string_equal(err.msg, "the unpacker was killed from outside");
        unpack_close(unpack);
        struct unpacked u = unpack_all(&unpacking, fcntl(fd, F_DUPFD_CLOEXEC, 0));
        assert_int_equal(u.rc, RC_OK);
        assert_int_equal(u.members, 2 + level);
        free(u.text);
    }
}

static void an_unpacker_that_does_not_start_is_told(void **state)
{
    (void)state;
    struct unpack_config c = unpacking;
    c.program = "/nonexistent/hashgate-unpack";
    expect_stopped(unpack_all(&c, made_sealed("x", 1)), "", RC_SYS, "cannot start");
    c.program = "/bin/false";
    expect_stopped(unpack_all(&c, made_sealed("x", 1)), "", RC_SYS, "ended at its start");
}

/* Collected ones: the paths that they name are not touched. */
static void hostile_archives_do_no_harm(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t members;
    } files[] = {
        {"deep.tar", 1}, {"fifo-and-names.tar", 1}, {"symlinks.tar", 1}, {"traversal.tar", 1}};
    if (access(SHARED_DATA "/hostile/scan", R_OK) != 0) {
        print_message("skipped: no ../shared/data\n");
        skip();
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/hostile/scan/%s", SHARED_DATA, files[i].name);
        struct unpacked u = unpack_all(&unpacking, open(path, O_RDONLY | O_CLOEXEC));
        if (u.rc != RC_OK || u.members < files[i].members)
            fail_msg("%s: %zu members, %s", files[i].name, u.members, u.rc ? u.err.msg : "ok");
        print_message("%s: %zu members\n", files[i].name, u.members);
        free(u.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLEAN_TEST(every_format_is_read),
        CLEAN_TEST(an_iso_is_read),
        CLEAN_TEST(every_7z_coder_is_read),
        CLEAN_TEST(one_compressed_file_is_a_member),
        CLEAN_TEST(a_file_that_is_none_is_told),
        CLEAN_TEST(links_and_devices_are_named_only),
        CLEAN_TEST(names_are_only_names),
        CLEAN_TEST(names_that_are_no_utf8_stay),
        CLEAN_TEST(a_name_that_comes_twice_has_a_number),
        CLEAN_TEST(nested_archives_are_gone_into),
        CLEAN_TEST(too_deep_is_told_and_the_rest_is_read),
        CLEAN_TEST(what_only_looks_like_one_is_a_file),
        CLEAN_TEST(a_zip_behind_a_picture_is_found),
        CLEAN_TEST(an_encrypted_member_is_told),
        CLEAN_TEST(a_broken_sum_is_told_and_the_rest_is_read),
        CLEAN_TEST(truncated_archives_end_in_an_error),
        CLEAN_TEST(a_lying_size_is_told),
        CLEAN_TEST(holes_are_zeros_and_cost_no_memory),
        CLEAN_TEST(a_bomb_is_over_the_ratio),
        CLEAN_TEST(a_nested_bomb_ends_alone),
        CLEAN_TEST(every_budget_has_its_name),
        CLEAN_TEST(too_much_memory_is_told),
        CLEAN_TEST(a_hundred_thousand_tiny_members),
        CLEAN_TEST(only_files_and_sealed_memory_are_taken),
        CLEAN_TEST(a_file_is_read_in_place),
        CLEAN_TEST(a_killed_unpacker_is_told_and_replaced),
        CLEAN_TEST(an_unpacker_that_does_not_start_is_told),
        CLEAN_TEST(hostile_archives_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
