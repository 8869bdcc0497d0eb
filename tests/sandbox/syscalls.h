/* System calls by number: what misbehaving children make, and which no filter stops. */
#ifndef TESTS_SANDBOX_SYSCALLS_H
#define TESTS_SANDBOX_SYSCALLS_H

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* Makes the call of "NUMBER A B C D E F"; what is left out is 0. */
static inline long syscall_of_text(const char *numbers)
{
    long n[7] = {0};
    char *next = (char *)numbers;
    for (int i = 0; i < 7; i++)
        n[i] = (long)strtoull(next, &next, 0);
    return syscall(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
}

/*
 * Linux 6.11 and later let uretprobe and uprobe pass every filter, because the kernel plants them
 * itself; called from anywhere but their trampoline they do nothing (SIGILL or an error).
 */
static inline bool syscall_is_exempt(long number)
{
#ifdef __x86_64__
    return number == 335 || number == 336;
#else
    return number < 0;
#endif
}

#endif
