#!/usr/bin/python3
"""What a start and the memory of the service cost.

start    from exec to the first 200 of /readyz, of a list of random hashes, with a snapshot and
         without one, in turn; with 10 million hashes and more against the aims.
memory   against 64 MiB: resident memory of hashgated, idle, with an empty list; of it and its
         workers together, what is shared counted once; of hashgated with the list, less its index.
         And after many small checks against before (two workers).

    service_start.py PROGRAMS [ROUNDS [SECONDS [LISTED [CHECKS]]]]

Prints one line of JSON for each row.
"""
import socket
import sys
import time

from service_bench import (Load, arguments, count, hashgate, listing, row, skipped)

WARM_START, COLD_START = 3, 60  # seconds, of LARGE
LARGE = 10000000
IDLE = 64 << 20
WARM_CHECKS = 2000  # every buffer and thread has been used
CONNECTIONS = 8
MIB = 1 << 20


def ready(port):
    """Whether it says so; a connection of its own each time costs what a probe costs."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def start_seconds(service):
    began = time.monotonic()
    service.start(wait=False)
    address = service.folder / "address"
    while True:
        if service.process.poll() is not None:
            sys.exit("bench: hashgated ended:\n" + service.log_text())
        text = address.read_text() if address.exists() else ""
        if text.endswith("\n") and ready(int(text.split()[0].rsplit(":", 1)[1])):
            spent = time.monotonic() - began
            service.address = text.split()[0]
            return spent
        time.sleep(0.002)


def snapshots(service):
    return [path for path in service.folder.iterdir() if "snapshot" in path.name]


def knows_snapshots(service):
    return "snapshot" in service.run("--check-config").stdout


def start_rows(listed, rounds):
    with listing(listed, hashing_workers=2) as service:
        if not knows_snapshots(service):
            skipped("this build knows no [store] snapshot: starts without it only")
            cold = [start_and_stop(service) for _ in range(rounds)]
            cold_row(listed, cold)
            besides_list(service, listed)
            return
        service.settings["HASHGATE_STORE_SNAPSHOT"] = f"{service.folder}/list.snapshot"
        cold, warm = [], []
        for _ in range(rounds):
            for path in snapshots(service):
                path.unlink()
            cold.append(start_and_stop(service))
            if not snapshots(service):
                sys.exit("bench: no snapshot was written:\n" + service.log_text())
            warm.append(start_and_stop(service))
        besides_list(service, listed)
    cold_row(listed, cold)
    size = f"start with {count(listed)} listed, snapshot"
    row(size, "without a snapshot", "s", "<= 1", warm, cold)
    if listed >= LARGE:
        row(size, f"{WARM_START} s", "s", "<= 1", warm, [WARM_START] * len(warm))


def besides_list(service, listed):
    """What metrics call the list's memory is the index alone: ids, digests and clips are left."""
    start_seconds(service)
    metrics = dict(line.rsplit(" ", 1) for line in service.get("/metrics").text.splitlines()
                   if not line.startswith("#"))
    own = float(metrics["hashgate_list_memory_bytes"])
    row(f"resident memory of hashgated besides an index of {count(listed)}", "64 MiB", "MiB", "",
        [(service.rss() - own) / MIB], [IDLE / MIB],
        f"the index: {own / MIB:.0f} MiB; ids of entries grow with the list")
    service.stop()


def start_and_stop(service):
    seconds = start_seconds(service)
    service.stop()
    return seconds


def cold_row(listed, cold):
    row(f"start with {count(listed)} listed, no snapshot", f"{COLD_START} s", "s",
        "<= 1" if listed >= LARGE else "", cold, [COLD_START] * len(cold))


def check(programs, service, key, picture, n):
    """About n checks, by time: the load is paced by the answers."""
    rate = Load(programs, service, "/v1/check", key, [picture], CONNECTIONS, 500,
                "image/jpeg").result()["rate"]
    Load(programs, service, "/v1/check", key, [picture], CONNECTIONS, 1000 * n / rate,
         "image/jpeg").result()


def shared_once(service):
    """Bytes of hashgated and its workers; None where the workers may not be looked into."""
    try:
        texts = [open(f"/proc/{pid}/smaps_rollup", encoding="ascii").read()
                 for pid in (service.process.pid, *service.children())]
    except OSError:
        return None
    return sum(1024 * int(line.split()[1]) for text in texts for line in text.splitlines()
               if line.startswith("Pss:"))


def memory_rows(programs, checks):
    with hashgate.running(hashing_workers=2) as service:
        time.sleep(1)
        row("resident memory of hashgated, idle, empty list", "64 MiB", "MiB", "<= 1",
            [service.rss() / MIB], [IDLE / MIB])
        together = shared_once(service)
        if together is None:
            skipped("memory of the workers can be seen by root only")
        else:
            row(f"the same, and its {len(service.children())} workers", "64 MiB", "MiB", "<= 1",
                [together / MIB], [IDLE / MIB])
        service.bank("BENCH")
        service.add(hashgate.jpeg(1), "BENCH")
        key = service.new_key("check")
        picture = service.folder / "small.jpg"
        picture.write_bytes(hashgate.jpeg(2, size=(64, 64)))
        check(programs, service, key, picture, WARM_CHECKS)
        before = service.rss()
        check(programs, service, key, picture, checks)
        row(f"resident memory after about {checks} checks", f"after {WARM_CHECKS}", "MiB",
            "<= 1.05", [service.rss() / MIB], [before / MIB])


def main():
    programs, rounds, _, listed = arguments()
    checks = int(sys.argv[5]) if len(sys.argv) > 5 else 20000
    memory_rows(programs, checks)
    start_rows(listed, rounds)


if __name__ == "__main__":
    main()
