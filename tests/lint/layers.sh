#!/bin/bash
# Who may include whom: tests/lint/layers.sh [ROOT]
# Each folder lists the prefixes of ours that it may include; everything else of ours is a fault.
set -euo pipefail
root=${1:-.}
bad=0

may() { # folder, depth, allowed prefixes (extended regular expression)
    local folder=$1 depth=$2 allowed=$3 file line
    while IFS= read -r file; do
        while IFS= read -r line; do
            echo "$line"
            bad=1
        done < <(grep -nHE '^ *# *include +"' "$file" | grep -vE "include +\"($allowed)" || true)
    done < <(find "$root/$folder" -maxdepth "$depth" -name '*.[ch]' 2>/dev/null | sort)
}

may hashing/base 9 'hashing/base/'
may hashing/decode 9 'hashing/(base/|decode/|frame_hasher\.h|pdq\.h)'
may hashing/sandbox 9 'hashing/(base/|sandbox/)'
may hashing/worker 9 'hashing/'
# worker_*.{h,c} are the trusting side of the sandbox: they know the wire, never a decoder.
while IFS= read -r line; do
    echo "$line"
    bad=1
done < <(grep -nHE '^ *# *include +"' "$root"/hashing/*.[ch] 2>/dev/null |
         grep -vE 'include +"hashing/(base/|[a-z0-9_]+\.h")' |
         grep -vE 'hashing/worker_[a-z_]+\.[ch]:[0-9]+: *# *include +"hashing/(worker/wire|sandbox/(child|message))\.h"' || true)
may db 9 '(db/|hashing/(base/|pdq\.h|ham\.h|sift\.h|frame_hasher\.h))'
may service 9 '(service/|db/|hashing/(base/|[a-z0-9_]+\.h))'
# A scan without a service searches exported lists as the service would.
may tools 9 '(tools/|hashing/(base/|sandbox/|[a-z0-9_]+\.h)|db/(index|digests)\.h)'
may tools/unpack 9 '(tools/unpack/|hashing/(base|sandbox)/)'

only() { # header, files that may include it (extended regular expression)
    while IFS= read -r line; do
        echo "$line: only $2 may include $1"
        bad=1
    done < <(grep -rnE "^ *# *include +[<\"]$1" "$root"/{hashing,db,service,tools} --include='*.[ch]' 2>/dev/null |
             sed "s|^$root/||" | grep -vE "^($2)" || true)
}
only microhttpd 'service/http'
only sqlite3 '(db/|tools/scan/state)'
only xxhash 'db/snapshot'
only seccomp 'hashing/sandbox/box'
only hashing/sandbox/box 'hashing/(sandbox|worker)/|tools/unpack/'
only archive 'tools/unpack/'
only expat 'tools/scan/s3_xml'
only '(jpeglib|png|gif_lib|webp/|tiff|libav[a-z]+/|libheif/)' 'hashing/decode/'
only curl/ 'tools/'
only jansson '(service|tools)/'
only ini 'service/config'

if [[ $bad -ne 0 ]]; then
    echo "layers: an include goes against the layering (docs/design.md)" >&2
    exit 1
fi
