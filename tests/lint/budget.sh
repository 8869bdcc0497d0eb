#!/bin/bash
# Budgets: at most 500 lines a file, 60 lines a function: tests/lint/budget.sh [ROOT]
set -euo pipefail
root=${1:-.}
mapfile -t files < <(find "$root"/{hashing,db,service,tools} -name '*.[ch]' 2>/dev/null | sort)
[[ ${#files[@]} -gt 0 ]] || { echo "budget: found no file to look at" >&2; exit 1; }
awk '
    FNR == 1 { in_function = 0 }
    FNR == 501 { print FILENAME ": over 500 lines"; bad = 1 }
    # clang-format puts the brace of a function, and of nothing else, alone in column one.
    /^\{$/ { start = FNR; in_function = 1 }
    /^\}/ && in_function {
        if (FNR - start - 1 > 60) {
            print FILENAME ":" start ": a function of " FNR - start - 1 " lines"
            bad = 1
        }
        in_function = 0
    }
    END { exit bad }' "${files[@]}"
