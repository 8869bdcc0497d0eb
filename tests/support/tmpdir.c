#include "tests/support/tmpdir.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/hashgate-test-XXXXXX";
static int made;
static pid_t owner;

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(name);
}

static void remove_all(void)
{
    if (getpid() == owner)
        nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tmpdir(void)
{
    if (!made) {
        if (mkdtemp(path) == NULL) {
            perror("mkdtemp");
            exit(2);
        }
        made = 1;
        owner = getpid();
        atexit(remove_all);
    }
    return path;
}
