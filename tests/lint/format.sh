#!/bin/bash
# Formatting by clang-format 14, the version of Debian 12: tests/lint/format.sh [ROOT]
set -euo pipefail
root=${1:-.}
mapfile -t files < <(find "$root"/{hashing,db,service,tools,tests} -name '*.[ch]' 2>/dev/null | sort)
[[ ${#files[@]} -gt 0 ]] || { echo "format: found no file to look at" >&2; exit 1; }
exec clang-format-14 --dry-run --Werror --style=file "${files[@]}"
