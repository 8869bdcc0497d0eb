#!/usr/bin/python3
"""The search of one hash among a million random ones, our index against faiss's two ways that find
all: IndexBinaryFlat, which looks at every hash, and IndexBinaryMultiHash as the best open system
uses it (16 tables of 16 bits, one bit flipped).

The same hashes and queries, one query at a time and one thread, in turn; both must find the same.
faiss is Debian's python3-faiss, which is built for every processor: without POPCNT its Flat takes
about ten times as long as where it is built for one that has it, MultiHash a third longer.

    bench_faiss.py PROGRAMS [ROUNDS [HASHES]]

Prints one line of JSON for each row, or why none.
"""
import pathlib
import statistics
import sys
import tempfile
import time

from service_bench import Index, count, row, skipped

THRESHOLD = 31
BITS = 256
TABLES, TABLE_BITS, FLIPS = 16, 16, 1
QUERIES = 1000  # of ours in a round
PEER_QUERIES = {"Flat": 20, "MultiHash": 200}
NOTE = "Debian's faiss {}, built without POPCNT: a build for this processor takes {} of its time"
SHARE = {"Flat": "a tenth", "MultiHash": "three quarters"}  # measured elsewhere


def peers(faiss, hashes):
    flat = faiss.IndexBinaryFlat(BITS)
    multi = faiss.IndexBinaryMultiHash(BITS, TABLES, TABLE_BITS)
    multi.nflip = FLIPS
    for index in (flat, multi):
        index.add(hashes)
    return {"Flat": flat, "MultiHash": multi}


def search(index, queries):
    """The median in microseconds, and how many were found."""
    spent, found = [], 0
    for i in range(len(queries)):
        began = time.thread_time_ns()
        limits, _, _ = index.range_search(queries[i:i + 1], THRESHOLD + 1)  # nearer than
        spent.append((time.thread_time_ns() - began) / 1000)
        found += int(limits[-1])
    return statistics.median(spent), found


def compare(name, peer, ours, queries, rounds, listed, version):
    some = PEER_QUERIES[name]
    samples = []
    for k in range(rounds):
        first = k * some % (len(queries) - some)
        median, found = search(peer, queries[first:first + some])
        if ours.ask("single", first, some)["hits"] != found:
            sys.exit(f"bench_faiss: the index and faiss {name} do not find the same")
        samples.append((ours.ask("single", k * QUERIES % (len(queries) - QUERIES), QUERIES)["p50"],
                        median))
    row(f"search {count(listed)} random, p50", f"faiss {name}", "us", "",
        [a for a, _ in samples], [b for _, b in samples],
        NOTE.format(version, SHARE[name]), times_faster=True)


def main():
    programs = pathlib.Path(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    listed = int(sys.argv[3]) if len(sys.argv) > 3 else 1000000
    try:
        import faiss
        import numpy
    except ImportError:
        skipped("faiss is not installed (apt-get install python3-faiss)")
        return
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="hashgate-bench-") as folder:
        ours = Index(programs, listed, folder)
        ours.ask("single", 0, QUERIES)  # the files are written before it answers

        def read(name):
            return numpy.fromfile(f"{folder}/{name}", dtype=numpy.uint8).reshape(-1, BITS // 8)
        queries = read("queries")
        for name, peer in peers(faiss, read("hashes")).items():
            compare(name, peer, ours, queries, rounds, listed, faiss.__version__)
        ours.close()


if __name__ == "__main__":
    main()
