/*
 * A disk that fails on demand: an SQLite VFS over the default one whose n-th write, sync or
 * truncate (counted over all files) returns an error, once or from then on.
 */
#ifndef TESTS_UNIT_DB_FAULT_VFS_H
#define TESTS_UNIT_DB_FAULT_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>

struct fault {
    unsigned nth; /* operations until one fails; 0: not armed */
    int code;     /* what it returns */
    bool lasting; /* and all that follow */
    bool hit;
    unsigned syncs; /* that went through since fault_arm() */
};
static struct fault fault;

static void fault_arm(unsigned nth, int code, bool lasting)
{
    fault = (struct fault){.nth = nth, .code = code, .lasting = lasting};
}

/* Whether an operation failed since fault_arm(). */
static bool fault_disarm(void)
{
    fault.nth = 0;
    return fault.hit;
}

static bool fault_now(void)
{
    if (fault.nth == 0)
        return false;
    if (fault.nth == 1) {
        fault.hit = true;
        if (!fault.lasting)
            fault.nth = 0;
        return true;
    }
    fault.nth--;
    return false;
}

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real;
};

#define REAL(f) (((struct fault_file *)(f))->real)

static int fault_close(sqlite3_file *f)
{
    int code = REAL(f)->pMethods->xClose(REAL(f));
    free(REAL(f));
    return code;
}
static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
static int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return fault_now() ? fault.code : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}
static int fault_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return fault_now() ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), n);
}
static int fault_sync(sqlite3_file *f, int flags)
{
    if (fault_now())
        return SQLITE_IOERR_FSYNC;
    fault.syncs++;
    return REAL(f)->pMethods->xSync(REAL(f), flags);
}
static int fault_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), n);
}
static int fault_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int fault_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int fault_reserved(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int fault_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int fault_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int fault_traits(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, p);
}
static int fault_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}
static void fault_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int fault_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_traits,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static sqlite3_vfs *fault_real;
static sqlite3_vfs fault_vfs;

static int fault_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags,
                      int *out_flags)
{
    (void)vfs;
    struct fault_file *file = (struct fault_file *)f;
    f->pMethods = NULL;
    file->real = calloc(1, (size_t)fault_real->szOsFile);
    if (file->real == NULL)
        return SQLITE_NOMEM;
    int code = fault_real->xOpen(fault_real, name, file->real, flags, out_flags);
    if (code == SQLITE_OK)
        f->pMethods = &fault_methods;
    else
        free(file->real);
    return code;
}

/* From now on every database of this program lies on that disk. */
static void fault_vfs_install(void)
{
    fault_real = sqlite3_vfs_find(NULL);
    fault_vfs = *fault_real;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = sizeof(struct fault_file);
    fault_vfs.xOpen = fault_open;
    sqlite3_vfs_register(&fault_vfs, 1);
}

#endif
