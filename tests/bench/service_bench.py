"""What the benches of the running service share: rows, programs, and lists of many hashes."""
import contextlib
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import hashgate  # noqa: E402

LISTS = hashgate.ROOT / "build/bench-lists"
IMPORT_AT_ONCE = 1000000
SHUT_DOWN_TIME = 60


def program(*arguments):
    """What it prints, one object of JSON."""
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {done.stderr.strip() or arguments[0]}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def row(name, peer_is, unit, aim, ours, peer, note="", **more):
    print(json.dumps({"row": name, "peer_is": peer_is, "unit": unit, "aim": aim,
                      "ours": ours, "peer": peer, "note": note, **more}), flush=True)


def skipped(why):
    """Not on standard output: that is rows."""
    print(f"skipped: {why}", file=sys.stderr, flush=True)


def count(n):
    return f"{n // 1000000} M" if n % 1000000 == 0 else f"{n // 1000} k" if n % 1000 == 0 else str(n)


def random_lines(rnd, n):
    return "".join(f"pdq {rnd.getrandbits(256):064x}\n" for _ in range(n)).encode()


def import_lines(service, lines, bank="BENCH"):
    answer = service.post(f"/v1/banks/{bank}/import?reason=bench", lines, timeout=3600,
                          headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def prepare_list(n):
    """A database with n random hashes in one bank, imported once for all benches to come."""
    LISTS.mkdir(parents=True, exist_ok=True)
    made = LISTS / str(n)
    if made.exists():
        return made
    rnd = random.Random(n)
    with tempfile.TemporaryDirectory(prefix="made-", dir=LISTS) as folder:
        service = hashgate.Service(folder).init().start()
        try:
            service.bank("BENCH")
            for first in range(0, n, IMPORT_AT_ONCE):
                import_lines(service, random_lines(rnd, min(IMPORT_AT_ONCE, n - first)))
            service.stop()
        finally:
            service.close()
        (pathlib.Path(folder) / "key").write_text(service.key)
        unfinished = LISTS / f"{n}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        for path in [*pathlib.Path(folder).glob("hashgate.db*"), pathlib.Path(folder) / "key"]:
            shutil.copy(path, unfinished)
        unfinished.rename(made)
    return made


@contextlib.contextmanager
def listing(n, **settings):
    """A service, not started yet, on its own copy of a list of n hashes."""
    made = prepare_list(n)
    with tempfile.TemporaryDirectory(prefix="service-", dir=LISTS) as folder:
        for path in made.glob("hashgate.db*"):
            shutil.copy(path, folder)
        service = hashgate.Service(folder, **settings)
        service.run("init")  # an older database is brought up to date
        service.key = (made / "key").read_text()
        try:
            yield service
        finally:
            service.close()


class Load:
    """One run of load.c, which goes on beside us until it is asked for what it found."""

    def __init__(self, programs, service, path, key, files, connections, ms, kind, rate=None):
        command = [programs / "load", *(["-r", rate] if rate else []), service.port, connections,
                   int(ms), key, path, kind, *files]
        self.process = subprocess.Popen([str(a) for a in command], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)

    def result(self):
        out, errors = self.process.communicate()
        if self.process.returncode != 0:
            sys.exit(f"bench: load: {errors.strip()}")
        return json.loads(out)

    def running(self):
        return self.process.poll() is None


class Index:
    """bench_index_served: the bare index, without a service, beside it in the same run."""

    def __init__(self, programs, n, folder=None):
        command = [programs / "bench_index_served", n, *([folder] if folder else [])]
        self.process = subprocess.Popen([str(a) for a in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench: bench_index_served ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(SHUT_DOWN_TIME)


def arguments():
    """PROGRAMS [ROUNDS [SECONDS [LISTED]]]"""
    given = sys.argv[1:]
    if not given:
        sys.exit(f"usage: {sys.argv[0]} PROGRAMS [ROUNDS [SECONDS [LISTED]]]")
    return (pathlib.Path(given[0]), int(given[1]) if len(given) > 1 else 9,
            float(given[2]) if len(given) > 2 else 3,
            int(given[3]) if len(given) > 3 else 1000000)


def wait(seconds):
    time.sleep(max(0, seconds))
