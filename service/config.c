#include "service/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "hashing/base/text.h"
#include "service/setting.h"

#define DEFAULT_FILE "/etc/hashgate/hashgated.conf"

enum { FILE_MAX = 1 << 20, LINE_MAX_BYTES = 4096, SETTINGS_MAX = 64, NAME_MAX_BYTES = 80 };

extern char **environ;

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (const struct setting *s = settings; s->section != NULL; s++)
        setting_clear(s, config);
    free(config);
}

enum rc config_new(struct config **ret, struct err *err)
{
    SCOPED(config_free) struct config *config = calloc(1, sizeof *config);
    if (config == NULL)
        FAIL(err, RC_NOMEM, "configuration: no memory");
    for (const struct setting *s = settings; s->section != NULL; s++)
        TRY(setting_set(s, config, s->initial, s->key, err));
    *ret = TAKE(config);
    return RC_OK;
}

/* --- the file --- */

struct reading {
    const char *left; /* the rest of the text */
    const char *name; /* of the file, for messages */
    struct config *config;
    int line; /* the one that inih holds, from 1 */
    bool given[SETTINGS_MAX];
    enum rc rc; /* of the first failure: nothing is read after it */
    struct err *err;
};

/* A known section and nothing behind it: inih would skip both mistakes in silence. */
static enum rc check_section(const char *line, size_t len, const struct reading *rd)
{
    const char *close = memchr(line, ']', len);
    if (close == NULL)
        return RC_OK; /* inih says so */
    size_t size = (size_t)(close - line) - 1;
    const struct setting *s = settings;
    while (s->section != NULL &&
           !(strlen(s->section) == size && memcmp(s->section, line + 1, size) == 0))
        s++;
    if (s->section == NULL)
        FAIL(rd->err, RC_INPUT, "%s:%d: there is no section [%.*s]", rd->name, rd->line,
             (int)(size < 60 ? size : 60), line + 1);

    const char *end = line + len;
    for (close++; close < end && (*close == ' ' || *close == '\t');)
        close++;
    if (close < end && *close != ';' && *close != '#')
        FAIL(rd->err, RC_INPUT, "%s:%d: text behind the ']' of a section", rd->name, rd->line);
    return RC_OK;
}

static enum rc check_line(const char *line, size_t len, const struct reading *rd)
{
    if (len + 2 > LINE_MAX_BYTES)
        FAIL(rd->err, RC_INPUT, "%s:%d: the line is longer than %d bytes", rd->name, rd->line,
             LINE_MAX_BYTES - 2);
    if (!text_is_utf8(line, len))
        FAIL(rd->err, RC_INPUT, "%s:%d: the line is not UTF-8", rd->name, rd->line);
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            FAIL(rd->err, RC_INPUT, "%s:%d: the line holds a control character", rd->name,
                 rd->line);
    return len > 0 && line[0] == '[' ? check_section(line, len, rd) : RC_OK;
}

/*
 * inih's fgets(): one line a call, without the blanks that lead it (to inih a line that begins
 * with one continues the value above) and without its comment.
 */
static char *next_line(char *out, int size, void *stream)
{
    struct reading *rd = stream;
    if (rd->rc != RC_OK || *rd->left == '\0')
        return NULL;

    rd->line++;
    const char *line = rd->left;
    const char *newline = strchr(line, '\n');
    size_t len = newline != NULL ? (size_t)(newline - line) : strlen(line);
    rd->left = newline != NULL ? newline + 1 : line + len;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    for (; len > 0 && (*line == ' ' || *line == '\t'); line++)
        len--;

    rd->rc = check_line(line, len, rd);
    if (rd->rc != RC_OK)
        return NULL;
    if (len > 0 && (*line == '#' || *line == ';'))
        len = 0;
    if (len + 2 > (size_t)size) {
        rd->rc =
            err_set(rd->err, RC_INPUT, HERE, "%s:%d: the line is too long", rd->name, rd->line);
        return NULL;
    }
    memcpy(out, line, len);
    memcpy(out + len, "\n", 2);
    return out;
}

static enum rc take_setting(struct reading *rd, const char *section, const char *key,
                            const char *value)
{
    char where[256];
    if (section[0] == '\0')
        FAIL(rd->err, RC_INPUT, "%s:%d: '%s' stands before any [section]", rd->name, rd->line, key);
    const struct setting *setting = setting_find(section, key);
    if (setting == NULL)
        FAIL(rd->err, RC_INPUT, "%s:%d: there is no setting [%s] %s", rd->name, rd->line, section,
             key);
    snprintf(where, sizeof where, "%s:%d: [%s] %s", rd->name, rd->line, section, key);
    if (rd->given[setting - settings])
        FAIL(rd->err, RC_INPUT, "%s: given twice", where);
    rd->given[setting - settings] = true;
    return setting_set(setting, rd->config, value, where, rd->err);
}

/* inih's handler: nonzero goes on. */
static int on_setting(void *user, const char *section, const char *key, const char *value)
{
    struct reading *rd = user;
    if (rd->rc == RC_OK)
        rd->rc = take_setting(rd, section, key, value);
    return rd->rc == RC_OK;
}

enum rc config_parse(const char *text, const char *name, struct config *config, struct err *err)
{
    struct reading rd = {.left = text, .name = name, .config = config, .err = err};
    ini_max_line = LINE_MAX_BYTES;
    int bad = ini_parse_stream(next_line, &rd, on_setting, &rd);
    if (bad > 0 && (rd.rc == RC_OK || bad < rd.line))
        FAIL(err, RC_INPUT, "%s:%d: neither [section] nor key = value", name, bad);
    TRY(rd.rc);
    if (bad < 0)
        FAIL(err, RC_NOMEM, "%s: no memory", name);
    return RC_OK;
}

static void file_close(FILE *file)
{
    fclose(file);
}
SCOPED_DEFINE(file_close, FILE *)

/* The file's text; *ret stays NULL when it is absent and need not exist. */
static enum rc read_file(const char *path, bool must_exist, char **ret, struct err *err)
{
    SCOPED(file_close) FILE *in = fopen(path, "re");
    if (in == NULL && errno == ENOENT && !must_exist)
        return RC_OK;
    if (in == NULL)
        FAIL_SYS(err, "%s: cannot be read", path);

    SCOPED(mem_free) char *text = malloc(FILE_MAX + 1);
    if (text == NULL)
        FAIL(err, RC_NOMEM, "%s: no memory", path);
    size_t n = fread(text, 1, FILE_MAX, in);
    if (ferror(in))
        FAIL_SYS(err, "%s: cannot be read", path);
    if (n == FILE_MAX)
        FAIL(err, RC_INPUT, "%s: larger than a configuration can be", path);
    text[n] = '\0';
    if (strlen(text) != n)
        FAIL(err, RC_INPUT, "%s: holds a NUL byte", path);
    *ret = TAKE(text);
    return RC_OK;
}

/* --- the environment --- */

/* HASHGATE_SECTION_ or, with a key, HASHGATE_SECTION_KEY; returns its length. */
static size_t env_name(const char *section, const char *key, char out[NAME_MAX_BYTES])
{
    int len = snprintf(out, NAME_MAX_BYTES, "HASHGATE_%s_%s", section, key);
    for (char *c = out; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return (size_t)len;
}

/*
 * A variable that begins like one of our sections but names no key is a typing error, and would
 * otherwise be ignored in silence.  Others (HASHGATE_URL of the command line) are not ours.
 */
static enum rc take_variable(struct config *config, const char *variable, struct err *err)
{
    size_t len = strcspn(variable, "=");
    char name[NAME_MAX_BYTES];
    bool ours = false;
    for (const struct setting *s = settings; s->section != NULL; s++) {
        if (env_name(s->section, s->key, name) == len && memcmp(name, variable, len) == 0)
            return setting_set(s, config, variable + len + (variable[len] == '='), name, err);
        size_t prefix = env_name(s->section, "", name);
        ours = ours || (len >= prefix && memcmp(name, variable, prefix) == 0);
    }
    if (ours)
        FAIL(err, RC_INPUT, "environment: there is no setting %.*s", (int)(len < 80 ? len : 80),
             variable);
    return RC_OK;
}

static enum rc read_environment(struct config *config, struct err *err)
{
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
        if (strncmp(*variable, "HASHGATE_", 9) == 0)
            TRY(take_variable(config, *variable, err));
    return RC_OK;
}

enum rc config_load(const char *path, struct config **ret, struct err *err)
{
    SCOPED(config_free) struct config *config = NULL;
    SCOPED(mem_free) char *text = NULL;
    const char *name = path != NULL ? path : DEFAULT_FILE;

    TRY(config_new(&config, err));
    TRY(read_file(name, path != NULL, &text, err));
    if (text != NULL)
        TRY(config_parse(text, name, config, err));
    TRY(read_environment(config, err));
    TRY(config_check(config, err));
    *ret = TAKE(config);
    return RC_OK;
}

/* --- printing --- */

void config_print(const struct config *config, FILE *out)
{
    const char *section = "";
    char name[NAME_MAX_BYTES], room[64];
    fprintf(out, "# %s: every setting with its meaning and its default.\n", DEFAULT_FILE);
    for (const struct setting *s = settings; s->section != NULL; s++) {
        if (strcmp(section, s->section) != 0)
            fprintf(out, "\n[%s]\n", s->section);
        section = s->section;
        env_name(s->section, s->key, name);
        fprintf(out, "# %s.\n# Default: %s. Environment: %s\n", s->help,
                s->initial[0] != '\0' ? s->initial : "none", name);
        fprintf(out, "%s = %s\n", s->key, setting_text(s, config, room, sizeof room));
    }
}
