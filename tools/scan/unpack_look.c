#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/scan/unpack.h"

enum {
    HEAD = 512,
    ISO_MARK = 32769, /* behind sixteen sectors that may hold anything */
    TAIL = 16384,     /* how far from the end libarchive looks for a zip's directory */
    END_RECORD = 22
};

static size_t read_at(int fd, uint8_t *p, size_t n, uint64_t at)
{
    ssize_t got;
    do
        got = pread(fd, p, n, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got < 0 ? 0 : (size_t)got;
}

static bool has_mark(struct bytes head)
{
    static const struct {
        const char *mark;
        size_t n;
    } marks[] = {
        {"PK\3\4", 4},
        {"PK\5\6", 4},
        {"PK\7\10", 4},
        {"PK00PK", 6},
        {"\x1f\x8b", 2},
        {"\x1f\x9d", 2},
        {"BZh", 3},
        {"\xfd"
         "7zXZ\0",
         6},
        {"LZIP", 4},
        {"\x28\xb5\x2f\xfd", 4},
        {"\x04\x22\x4d\x18", 4},
        {"7z\xbc\xaf\x27\x1c", 6},
        {"Rar!\x1a\7", 6},
        {"070701", 6},
        {"070702", 6},
        {"070707", 6},
        {"\xc7\x71", 2},
        {"\x71\xc7", 2},
        {"\x5d\0\0", 3},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (bytes_start_with(head, marks[i].mark, marks[i].n))
            return true;
    return false;
}

/* The oldest tars have no mark, but all have a sum. */
static bool is_tar(struct bytes head)
{
    enum { SUM = 148, SUM_SIZE = 8 };
    unsigned long said = 0, sum = 0;
    size_t i = SUM;
    if (head.n < HEAD)
        return false;
    while (i < SUM + SUM_SIZE && head.p[i] == ' ')
        i++;
    for (; i < SUM + SUM_SIZE && head.p[i] >= '0' && head.p[i] <= '7'; i++)
        said = said * 8 + head.p[i] - '0';
    for (i = 0; i < HEAD; i++)
        sum += i >= SUM && i < SUM + SUM_SIZE ? ' ' : head.p[i];
    return said == sum && sum > SUM_SIZE * ' ';
}

/* Whether a zip's directory ends where the file does. */
static bool ends_as_zip(int fd, uint64_t size)
{
    uint8_t tail[TAIL];
    size_t want = size < TAIL ? (size_t)size : TAIL;
    size_t n = read_at(fd, tail, want, size - want);
    for (size_t at = 0; at + END_RECORD <= n; at++) {
        const uint8_t *p = tail + at;
        if (p[0] == 'P' && memcmp(p, "PK\5\6", 4) == 0 &&
            at + END_RECORD + (p[20] | (size_t)p[21] << 8) == n)
            return true;
    }
    return false;
}

enum unpack_look unpack_look(int fd, uint64_t size)
{
    uint8_t head[HEAD], mark[5];
    struct bytes in = bytes_of(head, read_at(fd, head, size < HEAD ? (size_t)size : HEAD, 0));
    if (has_mark(in) || is_tar(in))
        return UNPACK_LOOK_ARCHIVE;
    if (size >= ISO_MARK + sizeof mark && read_at(fd, mark, sizeof mark, ISO_MARK) == sizeof mark &&
        memcmp(mark, "CD001", sizeof mark) == 0)
        return UNPACK_LOOK_ARCHIVE;
    return ends_as_zip(fd, size) ? UNPACK_LOOK_BOTH : UNPACK_LOOK_NO;
}
