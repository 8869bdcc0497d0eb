#!/usr/bin/python3
"""Lookups by hash in the running service, in a list of a million random hashes.

rate     signals a second of /v1/match: two connections that never wait, a thousand media of one
         signal in each request, over what two threads reach with the bare index in the same run
         (bench_index_served), and over the aim; none matches, or one in a thousand does: a match
         is told when its decision is durable.
import   the slowest of 2,000 lookups a second beside an import of 5,000 hashes a second, over the
         slowest without the import, in turn.

    service_match.py PROGRAMS [ROUNDS [SECONDS [LISTED]]]

Prints one line of JSON for each row.
"""
import json
import pathlib
import random
import tempfile
import time

from service_bench import (Index, Load, arguments, count, import_lines, listing, random_lines, row,
                           wait)

CONNECTIONS = 2
MEDIA = 1000
BODIES = 8
AIM = 30000  # signals a second
LOOKUPS = 2000
LOOKUP_CONNECTIONS = 8
ADDS = 5000
IMPORTS = 4  # a second
SLOWEST_MS = 10


def body(values):
    return json.dumps({"media": [{"signals": [{"type": "pdq", "value": value}]}
                                 for value in values]}).encode()


def write_bodies(folder, rnd, media, listed=()):
    """Files of requests; of each, `listed` are hashes that the list has."""
    paths = []
    for i in range(BODIES):
        values = [f"{rnd.getrandbits(256):064x}" for _ in range(media - len(listed))] + list(listed)
        path = pathlib.Path(folder) / f"body-{media}-{len(listed)}-{i}.json"
        path.write_bytes(body(values))
        paths.append(path)
    return paths


def match_rates(programs, service, key, index, listed, options):
    """Signals a second of the service and of the bare index, in turn."""
    rounds, ms, bodies, which = options
    ours, bare, loads = [], [], []
    for _ in range(rounds):
        loads.append(Load(programs, service, "/v1/match", key, bodies, CONNECTIONS, ms,
                          "application/json").result())
        ours.append(loads[-1]["rate"] * MEDIA)
        bare.append(index.ask("rate", CONNECTIONS, int(ms))["rate"])
    name = f"/v1/match, {MEDIA} media a request, {count(listed)} listed, {which}"
    note = (f"p50 of a request {sorted(l['p50'] for l in loads)[rounds // 2]:.1f} ms, load takes "
            f"{100 * sum(l['cpu'] for l in loads) / rounds:.0f} % of a core")
    row(name, f"{AIM} signals a second", "1/s", ">= 1", ours, [AIM] * rounds, note)
    row(name, "bare index, 2 threads", "1/s", "", ours, bare)


def import_beside(service, load, rnd):
    """5,000 a second in four bodies, while the load runs; what was really added a second."""
    began, added = time.monotonic(), 0
    while load.running():
        import_lines(service, random_lines(rnd, ADDS // IMPORTS))
        added += ADDS // IMPORTS
        wait(began + added / ADDS - time.monotonic())
    return added / (time.monotonic() - began)


def lookups_beside_import(programs, service, key, rounds, ms, bodies):
    rnd = random.Random(7)
    alone, beside, rates = [], [], []

    def load():
        return Load(programs, service, "/v1/match", key, bodies, LOOKUP_CONNECTIONS, ms,
                    "application/json", LOOKUPS)
    for _ in range(rounds):
        alone.append(load().result())
        running = load()
        rates.append(import_beside(service, running, rnd))
        beside.append(running.result())
    asked = min(result["rate"] for result in alone + beside)
    name = f"{LOOKUPS} lookups a second beside {ADDS} adds a second"
    row(f"{name}: adds", f"{ADDS} a second", "1/s", ">= 0.99", rates, [ADDS] * rounds,
        f"at least {asked:.0f} lookups a second in every round")
    row(f"{name}: slowest later by", f"{SLOWEST_MS} ms", "ms", "<= 1",
        [max(0, b["max"] - a["max"]) for a, b in zip(alone, beside)], [SLOWEST_MS] * rounds)
    for what in ("max", "p99"):
        row(f"{name}: {'slowest' if what == 'max' else what}", "without the adds", "ms", "",
            [b[what] for b in beside], [a[what] for a in alone])


def main():
    programs, rounds, seconds, listed = arguments()
    rnd = random.Random(5)
    with tempfile.TemporaryDirectory(prefix="hashgate-bench-") as folder:
        with listing(listed, hashing_workers=1) as service:
            service.start()
            key = service.new_key("match")
            index = Index(programs, listed)
            known = f"{random.Random(listed).getrandbits(256):064x}"
            answer = service.post("/v1/match", body([known])).json()
            assert answer["results"][0]["verdict"] == "block", answer
            for which, bodies in (("no match", write_bodies(folder, rnd, MEDIA)),
                                  ("one match", write_bodies(folder, rnd, MEDIA, [known]))):
                match_rates(programs, service, key, index, listed,
                            (rounds, seconds * 1000, bodies, which))
            index.close()
            lookups_beside_import(programs, service, key, rounds, seconds * 1000,
                                  write_bodies(folder, rnd, 1))
            service.stop()


if __name__ == "__main__":
    main()
