#!/usr/bin/python3
"""What the running service reaches, against what its parts could.

checks   checks per second with two workers, eight connections, all orientations, over media per
         second that two bare workers hash together (bench_workers), of the same JPEG; and the
         99th percentile of an answer's time over the median.
adds     entries added per second, each durable and matchable when it is answered, by one client
         one after the other, over SQLite's own rate of one-row commits on the same disk.

    service_rate.py PROGRAMS [ROUNDS [SECONDS]]     PROGRAMS: folder of load, bench_workers, …

Prints one line of JSON for each row.
"""
import os
import pathlib
import random
import socket
import sqlite3
import subprocess
import tempfile
import time

from service_bench import Load, arguments, hashgate, import_lines, program, random_lines, row

WORKERS = 2
CONNECTIONS = 8
ADDS = 200  # in one sample
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(service):
    """Processor time so far: of hashgated with its threads, and of its workers, past ones too."""
    def ticks(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return [int(field) / TICKS for field in fields[11:15]]
    user, system, reaped_user, reaped_system = ticks(service.process.pid)
    workers = sum(sum(ticks(pid)[:2]) for pid in service.children())
    return user + system, workers + reaped_user + reaped_system


def fill(service, seed):
    """A list on which every check has to look: one picture, a thousand bare hashes."""
    rnd = random.Random(seed)
    service.bank("BENCH")
    service.add(hashgate.jpeg(seed), "BENCH")
    import_lines(service, random_lines(rnd, 1000))


def one_load(service, programs, picture, key, ms):
    """One run of the load, and the processor milliseconds that each check cost the service."""
    before, began = cpu_seconds(service), time.monotonic()
    result = Load(programs, service, "/v1/check?orientations=all", key, [picture], CONNECTIONS, ms,
                  "image/jpeg").result()
    checks = result["rate"] * (time.monotonic() - began)
    result["daemon"], result["workers"] = (
        (after - first) * 1000 / checks for first, after in zip(before, cpu_seconds(service)))
    return result


def checks(programs, folder, rounds, ms):
    picture = folder / "picture.jpg"
    program(programs / "bench_hash", "write", "1920x1080", picture)
    with hashgate.running(hashing_workers=WORKERS) as service:
        fill(service, 1)
        assert service.verdict(picture.read_bytes()) == "allow"
        key = service.new_key("check")
        loads, bare = [], []
        one_load(service, programs, picture, key, ms)
        for _ in range(rounds):
            loads.append(one_load(service, programs, picture, key, ms))
            bare.append(program(programs / "bench_workers", hashgate.BIN / "hashgate-worker",
                                picture, WORKERS, ms)["rate"])

    def mean(name):
        return sum(result[name] for result in loads) / len(loads)
    note = (f"{picture.stat().st_size // 1000} kB each; processor ms a check: "
            f"workers {mean('workers'):.2f}, hashgated {mean('daemon'):.2f}, "
            f"load {1000 * mean('cpu') / mean('rate'):.2f} ({100 * mean('cpu'):.0f} % of a core)")
    name = f"checks, {WORKERS} workers, {CONNECTIONS} connections"
    row(name, f"{WORKERS} bare workers", "1/s", ">= 0.9", [result["rate"] for result in loads],
        bare, note)
    row(f"{name}, p99", "their p50", "ms", "<= 4", [result["p99"] for result in loads],
        [result["p50"] for result in loads])


class Adder:
    """A keep-alive client that costs next to nothing: entries of one random hash each."""

    def __init__(self, service):
        self.socket = socket.create_connection(("127.0.0.1", service.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = ("POST /v1/banks/BENCH/entries HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     f"Authorization: Bearer {service.key}\r\n"
                     "Content-Type: application/json\r\nContent-Length: ")
        self.random = random.Random(2)

    def add(self):
        body = ('{"reason":"bench","signals":[{"type":"pdq","value":"'
                f'{self.random.getrandbits(256):064x}"}}]}}')
        self.socket.sendall(f"{self.head}{len(body)}\r\n\r\n{body}".encode())
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"}"):
            more = self.socket.recv(65536)
            assert more, "the service hung up"
            answer += more
        assert answer.startswith(b"HTTP/1.1 201 "), answer


class Bare:
    """SQLite with the store's durability, one row of the same size for each commit."""

    def __init__(self, folder):
        self.db = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute("CREATE TABLE hash(value BLOB NOT NULL, reason TEXT NOT NULL)")
        self.random = random.Random(3)

    def add(self):
        self.db.execute("INSERT INTO hash VALUES(?, 'bench')", (self.random.randbytes(32),))


def rates(ours, peer):
    """Of both in turn: what a disk takes for a sync changes from one second to the next."""
    spent = [0.0, 0.0]
    for _ in range(ADDS):
        for i, adder in enumerate((ours, peer)):
            began = time.monotonic()
            adder.add()
            spent[i] += time.monotonic() - began
    return ADDS / spent[0], ADDS / spent[1]


def adds(rounds):
    with hashgate.running(hashing_workers=1) as service:
        fill(service, 4)
        ours, peer = Adder(service), Bare(service.folder)
        rates(ours, peer)
        pairs = [rates(ours, peer) for _ in range(rounds)]
        peer.db.close()
        ours.socket.close()
        disk = subprocess.run(["stat", "-f", "-c", "%T", service.folder], capture_output=True,
                              text=True, check=True).stdout.strip()
    row("durable adds, one client", "SQLite's one-row commits", "1/s", "",
        [a for a, _ in pairs], [b for _, b in pairs], f"both under {service.folder.parent}, {disk}")


def main():
    programs, rounds, seconds, _ = arguments()
    with tempfile.TemporaryDirectory(prefix="hashgate-bench-") as folder:
        checks(programs, pathlib.Path(folder), rounds, int(seconds * 1000))
    adds(rounds)


if __name__ == "__main__":
    main()
