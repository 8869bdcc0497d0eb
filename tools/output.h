/*
 * What people and programs get to see: aligned tables on standard output, or JSON.
 *
 * Every cell goes through text_printable(): names and reasons come from others, and no control
 * byte of theirs may reach a terminal.
 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

#include <stdbool.h>

#include <jansson.h>

struct table;

/* NULL-terminated headings. NULL when there is no memory. */
struct table *table_new(const char *const *headings);
/* Appends a cell; starts a new row when the last is full. NULL shows as "-". */
void table_cell(struct table *t, const char *text);
void table_number(struct table *t, double n);
/* The member as text, whatever its type; arrays are joined with spaces. */
void table_json(struct table *t, const json_t *value);
/* Prints and frees. */
void table_print(struct table *t);

/* One JSON document a line. */
void print_json(const json_t *json);

/* Name and value lines of one object, in the order of names (NULL-terminated). */
void print_object(const json_t *object, const char *const *names);

#endif
