#include "hashing/base/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "hashing/base/scoped.h"

enum { STEP = 4 << 20 };

enum rc sealed_close(int memfd, struct err *err)
{
    if (fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        FAIL_SYS(err, "cannot seal a medium");
    return RC_OK;
}

enum rc sealed_read(int fd, uint64_t max, int *ret_memfd, uint64_t *ret_length, struct err *err)
{
    SCOPED(fd_close) int memfd = memfd_create("medium", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    uint64_t length = 0;
    off_t at = 0;
    ssize_t n;

    if (memfd < 0)
        FAIL_SYS(err, "no memory for a medium");
    while ((n = sendfile(memfd, fd, &at, STEP)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            FAIL_SYS(err, "cannot read it");
        length += (uint64_t)n;
        if (length > max)
            FAIL(err, RC_TOO_LARGE, "it is larger than %llu MiB", (unsigned long long)(max >> 20));
    }
    TRY(sealed_close(memfd, err));
    *ret_memfd = fd_take(&memfd);
    *ret_length = length;
    return RC_OK;
}
