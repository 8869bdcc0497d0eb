/*
 * Runs a target over every file of the given folders: the committed inputs as an ordinary test,
 * where the compiler has no libFuzzer.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static void run_file(const char *path, size_t size)
{
    SCOPED(mem_free) uint8_t *data = malloc(size); /* its exact size: no byte behind it is ours */
    FILE *file = fopen(path, "rb");
    MUST((data != NULL || size == 0) && file != NULL);
    MUST(fread(data, 1, size, file) == size);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
}

static unsigned run_folder(const char *folder)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);
    MUST(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        MUST(stat(path, &st) == 0);
        if (!S_ISREG(st.st_mode))
            continue;
        run_file(path, (size_t)st.st_size);
        n++;
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    unsigned n = 0;
    for (int i = 1; i < argc; i++)
        n += run_folder(argv[i]);
    printf("%u inputs\n", n);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE; /* a test that ran nothing tests nothing */
}
