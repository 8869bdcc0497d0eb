#!/bin/bash
# What each program may be linked with: tests/lint/linkage.sh BIN [READELF]
# The service must hold no decoder, the worker no store and no network library, and only the unpacker
# reads archives.
set -euo pipefail
bin=$1
readelf=${2:-readelf}
bad=0
deny() { # program, pattern
    local hits
    hits=$("$readelf" -d "$bin/$1" | grep NEEDED | grep -E "$2" || true)
    if [[ $hits ]]; then
        echo "$1: $hits"
        bad=1
    fi
}
need() { # a known dependency: the check must be seeing something
    "$readelf" -d "$bin/$1" | grep NEEDED | grep -q "$2" || { echo "$1: lost its $2?"; bad=1; }
}
need hashgated libsqlite3
need hashgate-worker libjpeg
need hashgate-worker-video libavcodec
need hashgate libcurl
need hashgate libsqlite3
need hashgate-unpack libarchive
deny hashgated 'lib(png|jpeg|turbojpeg|av[a-z]+|webp|gif|heif|tiff|curl)'
deny hashgate-worker 'lib(sqlite3|pq|microhttpd|curl|jansson|gnutls|ssl|av[a-z]+|heif)'
deny hashgate-worker-video 'lib(sqlite3|pq|microhttpd|curl|jansson)'
deny hashgate-unpack 'lib(sqlite3|pq|microhttpd|curl|jansson|gnutls|ssl|av[a-z]+|jpeg|png)'
deny hashgated 'libarchive'
deny hashgate-worker 'libarchive'
deny hashgate 'libarchive'
deny hashgate 'lib(png|jpeg|microhttpd|seccomp)'
exit "$bad"
