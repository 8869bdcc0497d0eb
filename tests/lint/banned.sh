#!/bin/bash
# Calls and words that do not belong in the tree: tests/lint/banned.sh [ROOT]
set -euo pipefail
root=${1:-.}
bad=0
deny() { # why, pattern, folders (default: all)
    local hits folders=("$root"/{hashing,db,service,tools,tests})
    [[ ${3:-} != product ]] || folders=("$root"/{hashing,db,service,tools})
    hits=$(grep -rnE "$2" "${folders[@]}" --include='*.[ch]' 2>/dev/null || true)
    if [[ $hits ]]; then
        echo "$hits"
        echo "banned: $1" >&2
        bad=1
    fi
}
deny "unbounded or misleading string calls" \
    '\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|strncpy|atoi|atol|atof)\(' product
deny "stack allocation of unknown size" '\balloca\('
deny "rand() is neither random nor repeatable: tests/support/rnd.h, getrandom()" '\b(rand|srand|random|srandom)\('
deny "goto: use SCOPED (hashing/base/scoped.h)" '^\s*goto\s'
deny "fork without exec from a threaded daemon; system()/popen()" '\b(system|popen)\('
deny "typedef struct hides what a thing is" '^typedef (struct|union|enum)[^(]*$'
deny "work left undone" '\b(TODO|FIXME|XXX|HACK)\b'
deny "dead code" '^\s*#\s*if 0'
exit "$bad"
