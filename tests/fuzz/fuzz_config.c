/* Configuration files: what is read is printed so that it reads back as the same. */
#include "service/config.h"
#include "tests/fuzz/fuzz.h"

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    MUST(out != NULL);
    config_print(config, out);
    MUST(fclose(out) == 0);
    return text;
}

static void read_back(const struct config *config)
{
    SCOPED(config_free) struct config *again = NULL;
    SCOPED(mem_free) char *once = printed(config);
    SCOPED(mem_free) char *twice = NULL;
    struct err err;
    MUST(config_new(&again, &err) == RC_OK);
    MUST(config_parse(once, "printed.conf", again, &err) == RC_OK);
    twice = printed(again);
    MUST(strcmp(once, twice) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED(mem_free) char *text = text_of(bytes_of(data, size));
    struct err err;
    MUST(config_new(&config, &err) == RC_OK);
    enum rc rc = config_parse(text, "fuzzed.conf", config, &err);
    if (rc == RC_OK)
        read_back(config);
    else
        must_refuse(rc, RC_INPUT, &err);
    return 0;
}
