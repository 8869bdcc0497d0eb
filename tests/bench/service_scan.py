#!/usr/bin/python3
"""An archive of photographs scanned, and what it costs to ask again.

scan     files a second of `hashgate scan` with a new state, from exec to exit, over the files a
         second of as many bare workers on the same files from page cache (bench_files).
rematch  files a second of `--rematch`, `--since GENERATION` and `--rematch --offline LIST` after
         one new entry, over the scan's of the same round.  The state is the scan's own with every
         content COPIES times: what a start costs would else be most of it.  Each must find just
         the files that are like the new entry.
memory   peak resident memory of hashgate, and of its largest child, with so many small pictures
         over that with 10,000.

    service_scan.py PROGRAMS [ROUNDS [FILES [SMALL]]]     SMALL: files of `memory`, 0: none

Prints one line of JSON for each row.
"""
import contextlib
import io
import os
import pathlib
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

from service_bench import LISTS, count, hashgate, import_lines, program, random_lines, row, skipped

JOBS = os.cpu_count()
LISTED = 5000
COPIES = 50
FEW = 10000
SIZES = [(480, 270), (960, 540), (1280, 720), (1920, 1080), (960, 540)]
FOLDERS = 50
MIB = 1 << 20


def comment(jpeg, number):
    """The same picture in other bytes: what a decoder skips makes its digest another one."""
    text = b"file %d" % number
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + jpeg[2:]


def coded(path):
    """A photograph in each size, by size; at its own size as it is."""
    from PIL import Image
    with Image.open(path) as photo:
        found = {photo.size: path.read_bytes()}
        for size in set(SIZES) - {photo.size}:
            out = io.BytesIO()
            photo.convert("RGB").resize(size).save(out, "JPEG", quality=88)
            found[size] = out.getvalue()
    return found


def make_tree(folder, files):
    """So many files of mixed sizes; the last of them alone is of the photograph that is returned."""
    photos = [coded(path) for path in sorted((hashgate.SHARED / "photos").glob("*.jpg"))
              if not path.name.startswith("12mp-")]
    planted = photos.pop()
    for number in range(files):
        photo = photos[number // len(SIZES) % len(photos)] if number < files - 1 else planted
        name = folder / f"{number % FOLDERS:02d}" / f"{number:06d}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_bytes(comment(photo[SIZES[number % len(SIZES)]], number))
    return planted[SIZES[(files - 1) % len(SIZES)]]


def command(service, *arguments):
    return [hashgate.BIN / "hashgate", "scan", *map(str, arguments), "--jobs", str(JOBS)]


def timed(service, files, matched, *arguments):
    """Files a second; the run must tell just so many files, and so many of them matched."""
    env = hashgate.environment({"HASHGATE_URL": service.url, "HASHGATE_KEY": service.key})
    began = time.monotonic()
    done = subprocess.run(command(service, *arguments), env=env, capture_output=True, text=True,
                          check=False)
    spent = time.monotonic() - began
    told = re.search(r"(\d+) files: (\d+) matched", done.stderr)
    if told is None or [int(n) for n in told.groups()] != [files, matched]:
        sys.exit(f"bench: scan {arguments}: {done.stderr}")
    return files / spent


def columns(db, table, instead):
    """INSERT … SELECT of a table with some columns replaced."""
    names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
    db.execute(f"INSERT INTO {table}({', '.join(names)})"
               f" SELECT {', '.join(instead.get(name, name) for name in names)} FROM {table}"
               f" WHERE {'content' if table == 'signals' else 'number'} <= :n", instead["bind"])


def multiply(state, times):
    """Every content of the state and its file so many times, under other digests and names."""
    with contextlib.closing(sqlite3.connect(state)) as db:
        n = db.execute("SELECT max(max(number), (SELECT max(number) FROM files)) FROM contents")
        n = n.fetchone()[0]
        for i in range(1, times):
            bind = {"n": n, "by": n * i}
            columns(db, "contents", {"number": "number + :by", "sha256": "randomblob(32)",
                                     "bind": bind})
            columns(db, "signals", {"content": "content + :by", "bind": bind})
            columns(db, "files", {"number": "number + :by", "content": "content + :by",
                                  "inode": "inode + :by * 1000000000", "bind": bind,
                                  "name": f"CAST(name || '-{i}' AS BLOB)"})
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")


def copy(state, folder):
    new = folder / "again"
    for path in folder.glob("again*"):
        path.unlink()
    shutil.copy(state, new)
    return new


def photo_rows(programs, folder, rounds, files):
    tree, names = folder / "tree", folder / "names"
    planted = make_tree(tree, files)
    names.write_text("".join(f"{path}\n" for path in sorted(tree.rglob("*.jpg"))))
    scans, bare, again = [], [], {"--rematch": [], "--since": [], "--rematch --offline": []}
    with hashgate.running(hashing_workers=1) as service:
        service.bank("BENCH")
        lines = random_lines(random.Random(1), LISTED)
        import_lines(service, lines)
        base = folder / "base"
        timed(service, files, 0, tree, "--state", base)
        multiply(base, COPIES)
        for i in range(rounds):
            scans.append(timed(service, files, 0, tree, "--state", folder / f"state-{i}"))
            bare.append(program(programs / "bench_files", hashgate.BIN / "hashgate-worker", names,
                                JOBS)["rate"])
        entry = service.add(planted, "BENCH")
        pdq = next(s["value"] for s in entry["signals"] if s["type"] == "pdq")
        (folder / "list.txt").write_bytes(lines + f"pdq {pdq}\n".encode())
        for _ in range(rounds):
            for name, options in (("--rematch", []), ("--since", [entry["generation"] - 1]),
                                  ("--rematch --offline", [folder / "list.txt"])):
                again[name].append(timed(service, files * COPIES, COPIES, *name.split(), *options,
                                         "--state", copy(base, folder)))
    size = sum(path.stat().st_size for path in tree.rglob("*.jpg")) / files
    name = f"scan of {files} photographs, {JOBS} jobs"
    row(name, f"{JOBS} bare workers", "1/s", ">= 0.9", scans, bare, f"{size / 1000:.0f} kB each")
    aims = {"--rematch": ">= 10", "--since": ">= 100", "--rematch --offline": ">= 100"}
    for which, rates in again.items():
        row(f"scan {which}, {count(files * COPIES)} contents, {count(LISTED)} listed", "the scan",
            "1/s", aims[which], rates, scans)


def write_small(folder, files):
    """Pictures of 8x8 random pixels: as little to decode as there can be."""
    rnd = random.Random(files)
    head = struct.pack("<2sIHHI", b"BM", 54 + 192, 0, 0, 54) + struct.pack(
        "<IiiHHIIiiII", 40, 8, 8, 1, 24, 0, 192, 0, 0, 0, 0)
    for number in range(files):
        name = folder / f"{number // 1000:04d}" / f"{number % 1000:03d}.bmp"
        if number % 1000 == 0:
            name.parent.mkdir(parents=True)
        name.write_bytes(head + rnd.randbytes(192))


def high_water(pid):
    """Peak resident bytes of a process; 0 when it is gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def children(pid):
    """Those that run a program of their own; until it does, a child is its parent's memory."""
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as listed:
                found += [int(child) for child in listed.read().split()]
        own = os.readlink(f"/proc/{pid}/exe")
        return [child for child in found if os.readlink(f"/proc/{child}/exe") != own]
    return []


def peaks(service, files, *arguments):
    """MiB of hashgate and of its largest child, looked at until it ends."""
    env = hashgate.environment({"HASHGATE_URL": service.url, "HASHGATE_KEY": service.key})
    own = child = 0
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command(service, *arguments), env=env, stderr=said,
                                   stdout=subprocess.DEVNULL)
        while process.poll() is None:
            own = max(own, high_water(process.pid))
            child = max([child, *map(high_water, children(process.pid))])
            time.sleep(0.02)
        said.seek(0)
        text = said.read()
    if not text.startswith(f"{files} files: 0 matched · {files} hashed"):
        sys.exit(f"bench: scan: {text}")
    return own / MIB, child / MIB


def memory_rows(folder, many):
    found = {}
    with hashgate.running(hashing_workers=1) as service:
        service.bank("BENCH")
        import_lines(service, random_lines(random.Random(2), LISTED))
        for files in (FEW, many):
            tree, state = folder / f"small-{files}", folder / f"small-{files}.state"
            write_small(tree, files)
            found[files] = [peaks(service, files, tree, "--state", state),
                            peaks(service, files, "--rematch", "--state", state)]
            shutil.rmtree(tree)
            state.unlink()
    for which, what in enumerate(("scan", "scan --rematch")):
        for part, whose in enumerate(("hashgate", "its largest child")):
            if what == "scan" or whose == "hashgate":
                row(f"peak memory of {what}, {count(many)} files: {whose}", f"{count(FEW)} files",
                    "MiB", "<= 1.1", [found[many][which][part]], [found[FEW][which][part]])


def main():
    given = sys.argv[1:]
    if not given:
        sys.exit(f"usage: {sys.argv[0]} PROGRAMS [ROUNDS [FILES [SMALL]]]")
    numbers = [int(n) for n in given[1:]]
    rounds, files, small = (numbers + [9, 2000, 100000][len(numbers):])[:3]
    LISTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scan-", dir=LISTS) as folder:
        if (hashgate.SHARED / "photos").is_dir() and files:
            photo_rows(pathlib.Path(given[0]), pathlib.Path(folder), rounds, files)
        elif files:
            skipped("no ../shared/data: no scan of photographs")
        if small:
            memory_rows(pathlib.Path(folder), small)


if __name__ == "__main__":
    main()
