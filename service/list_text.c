/* `pdq HEX`, or bare HEX: the lists that tx's `local_file` reads. */
#include <string.h>

#include "service/list_line.h"

enum rc list_text_line(struct list_reader *r, struct bytes line, struct err *err)
{
    char text[LIST_LINE_MAX + 1];
    char *left = text, *word[3] = {0};
    unsigned n = 0;

    memcpy(text, line.p, line.n);
    text[line.n] = '\0';
    for (char *one; n < 3 && (one = strsep(&left, " \t")) != NULL;)
        if (*one != '\0')
            word[n++] = one;
    if (n == 0 || word[0][0] == '#')
        return RC_OK;
    if (n > 2)
        FAIL(err, RC_INPUT, "more than a type and a value");

    struct signal signal;
    /* Only PDQ may go without its type: a shorter hash could be one that was cut off. */
    TRY(n == 1 ? list_line_signal("pdq", word[0], &signal, err)
               : list_line_signal(word[0], word[1], &signal, err));
    return list_line_add(r, &signal, "", "", err);
}
