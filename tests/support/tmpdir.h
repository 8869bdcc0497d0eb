/* A temporary folder for one test program, removed with all it holds at exit. */
#ifndef TESTS_SUPPORT_TMPDIR_H
#define TESTS_SUPPORT_TMPDIR_H

/* The same folder at each call. */
const char *tmpdir(void);

#endif
