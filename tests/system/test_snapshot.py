"""Does a start from the snapshot give the same list as one from the store, or say why it did not use it?"""
import contextlib
import os
import random
import re
import shutil
import sqlite3
import stat
import tempfile
import time

import pytest

from hashgate import Service, jpeg, running

ROUNDS = int(os.environ.get("KILL_ROUNDS", "100"))


def last_load(service):
    """What the log says of the last load: {from, entries, …}."""
    line = [l for l in service.log.read_text().splitlines() if "list loaded" in l][-1]
    fields = dict(re.findall(r"(\w+)=(\S+)", line))
    fields["line"] = line
    return fields


def path_of(service):
    return service.folder / "hashgate.db.snapshot"


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def wait_first(service):
    """The first snapshot is written; the next one has to wait a minute, so what is changed now is not in it."""
    wait_for(lambda: "written generation=" in service.log.read_text().rsplit("list loaded", 1)[1])


def restart(service, kill=False):
    service.kill() if kill else service.stop()
    service.start()
    return last_load(service)


def fill(service, n=200, seed=1):
    """Entries of every kind, some revoked and some of them back; the signals to ask for."""
    rnd = random.Random(seed)
    service.bank("A", threshold=31)
    service.bank("B", action="review", threshold=10)
    asked = []
    for i in range(n):
        signals = [{"type": "pdq", "value": f"{rnd.getrandbits(256):064x}"}]
        if i % 3 == 0:
            signals += [{"type": "sha256", "value": f"{rnd.getrandbits(256):064x}"},
                        {"type": "md5", "value": f"{rnd.getrandbits(128):032x}"}]
        if i % 10 == 0:
            signals = [{"type": "pdq", "value": f"{rnd.getrandbits(256):064x}", "ms": 1000 * k} for k in range(5)]
        answer = service.post(f"/v1/banks/{'AB'[i % 2]}/entries", json={"signals": signals, "reason": "r"})
        assert answer.status_code == 201, answer.text
        if i % 7 == 0:
            service.revoke(answer.json()["id"])
        if i % 14 == 0:
            service.revoke(answer.json()["id"], state="active")
        asked.append([{k: s[k] for k in ("type", "value", "ms") if k in s} for s in signals])
    return asked


def answers(service, asked):
    """What /v1/match says of all of it, but for what differs from call to call."""
    got = service.post("/v1/match", json={"media": [{"signals": s} for s in asked]})
    assert got.status_code == 200, got.text
    return [(r["verdict"], r.get("matches")) for r in got.json()["results"]]


def metric(service, name):
    return float(re.search(rf"^hashgate_{re.escape(name)} (\S+)$", service.get("/metrics").text, re.M)[1])


def test_a_warm_start_gives_the_same_list():
    with running() as service:
        asked = fill(service)
        wait_first(service)
        more = fill_more(service, asked)
        before = answers(service, asked + more)
        assert {v for v, _ in before} == {"block", "review", "allow"}
        assert stat.S_IMODE(os.stat(path_of(service)).st_mode) == 0o600
        assert metric(service, 'snapshots_total{result="written"}') >= 1
        assert metric(service, "snapshot_bytes") > 1000

        loaded = restart(service)
        assert loaded["from"] == "snapshot" and int(loaded["changes"]) >= 3, loaded
        assert metric(service, 'list_loaded{from="snapshot"}') == 1
        warm = answers(service, asked + more)
        service.settings["HASHGATE_STORE_SNAPSHOT"] = "none"
        rebuilt = restart(service)
        assert rebuilt["from"] == "store" and rebuilt["entries"] == loaded["entries"]
        assert metric(service, 'list_loaded{from="store"}') == 1
        assert before == warm == answers(service, asked + more)


def fill_more(service, asked):
    """Three changes: one entry more, one less, one back."""
    more = [[{"type": "pdq", "value": f"{7 << 200:064x}"}]]
    service.add_pdq(f"{7 << 200:064x}", "A")
    entries = service.get("/v1/banks/A/entries?limit=100&state=active").json()["entries"]
    service.revoke(entries[3]["id"])
    revoked = service.get("/v1/banks/B/entries?limit=100&state=revoked").json()["entries"]
    service.revoke(revoked[0]["id"], state="active")
    return more


def test_changes_after_the_snapshot_count_after_a_kill():
    with running() as service:
        service.bank()
        first, second = jpeg("first"), jpeg("second")
        entry = service.add(first)["id"]
        wait_first(service)
        service.revoke(entry)
        service.add(second)
        service.bank("LATER", action="review")
        third = jpeg("third")
        service.add(third, "LATER")
        loaded = restart(service, kill=True)
        assert loaded["from"] == "snapshot", loaded
        assert [service.verdict(m) for m in (first, second, third)] == ["allow", "block", "review"]


def damage(path, at):
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) + at] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("what, why", [
    (lambda p: p.unlink(), "does not exist"),
    (lambda p: damage(p, 0), "is no snapshot"),
    (lambda p: damage(p, 12), "has version"),
    (lambda p: damage(p, 40), "checksum"),
    (lambda p: damage(p, 300), "checksum"),
    (lambda p: damage(p, -9), "checksum"),
    (lambda p: p.write_bytes(p.read_bytes()[:-1]), "bytes instead of"),
    (lambda p: p.write_bytes(b""), "is no snapshot"),
    (lambda p: p.write_bytes(p.read_bytes() + b"x"), "bytes instead of"),
    (lambda p: (p.unlink(), p.mkdir()), "is not a file"),
    (lambda p: (p.unlink(), os.mkfifo(p)), "is not a file"),
    (lambda p: (p.rename(str(p) + ".moved"), p.symlink_to(str(p) + ".moved")), "symbolic link"),
    (lambda p: p.chmod(0o666), "someone else"),
])
def test_a_snapshot_that_is_not_whole_is_not_used(what, why):
    with running() as service:
        service.bank()
        listed = jpeg("listed")
        service.add(listed)
        wait_first(service)
        service.stop()
        what(path_of(service))
        service.start()
        loaded = last_load(service)
        assert loaded["from"] == "store" and why in loaded["line"], loaded
        assert (" warning " in loaded["line"].lower()) == (why != "does not exist")
        assert service.verdict(listed) == "block"
        if not path_of(service).is_symlink() and (path_of(service).is_file() or not path_of(service).exists()):
            wait_first(service)
            assert restart(service)["from"] == "snapshot"
        else:
            wait_for(lambda: "cannot write the snapshot" in service.log.read_text())
            assert metric(service, 'snapshots_total{result="failed"}') == 1
        assert service.verdict(listed) == "block"


def test_the_snapshot_of_another_database_is_not_used():
    with running() as one, running() as other:
        one.bank()
        one.add(jpeg("one"))
        other.bank()
        for i in range(5):
            other.add(jpeg(f"other {i}"))
        wait_first(one)
        one.stop()
        other.stop()
        shutil.copy(path_of(one), path_of(other))
        other.start()
        loaded = last_load(other)
        assert loaded["from"] == "store" and "another database" in loaded["line"]
        one.start()
        assert other.verdict(jpeg("one")) == "allow" and other.verdict(jpeg("other 4")) == "block"


@pytest.mark.parametrize("later", [0, 20])
def test_the_snapshot_of_a_database_that_went_back_is_not_used(later):
    """A backup is restored, and then (later) goes another way, beyond the generation of the snapshot."""
    with running() as service:
        service.settings["HASHGATE_STORE_SNAPSHOT"] = "none"
        service.bank()
        service.add(jpeg("before"))
        restart(service)
        service.stop()
        backup = service.folder / "backup.db"
        shutil.copy(service.folder / "hashgate.db", backup)
        service.start()
        lost = jpeg("lost")
        service.add(lost)
        service.stop()
        del service.settings["HASHGATE_STORE_SNAPSHOT"]
        service.start()
        wait_first(service)
        service.stop()
        shutil.copy(backup, service.folder / "hashgate.db")
        service.settings["HASHGATE_STORE_SNAPSHOT"] = "none"
        service.start()
        for i in range(later):
            service.add(jpeg(f"other way {i}"))
        service.stop()
        del service.settings["HASHGATE_STORE_SNAPSHOT"]
        service.start()
        loaded = last_load(service)
        assert loaded["from"] == "store" and "an older copy" in loaded["line"], loaded
        assert service.verdict(lost) == "allow" and service.verdict(jpeg("before")) == "block"


def test_a_snapshot_that_does_not_fit_the_counts_is_not_used():
    """A database that was changed by hand, without its feed."""
    with running() as service:
        service.bank()
        service.add(jpeg("one"))
        service.add(jpeg("two"))
        wait_first(service)
        service.stop()
        with contextlib.closing(sqlite3.connect(service.folder / "hashgate.db")) as db:
            db.execute("UPDATE entries SET state = 1 WHERE number = 1")
            db.execute("UPDATE banks SET active = active - 1")
            db.commit()
        service.start()
        loaded = last_load(service)
        assert loaded["from"] == "store" and "entries are listed" in loaded["line"], loaded
        assert service.verdict(jpeg("one")) == "allow" and service.verdict(jpeg("two")) == "block"


def test_a_stop_writes_what_would_take_long_to_replay():
    with running() as service:
        service.bank()
        service.add_pdq(f"{1:064x}")
        wait_first(service)
        lines = "".join(f"{i << 100:064x}\n" for i in range(1, 12001))
        answer = service.post("/v1/banks/TEST/import?reason=r", lines.encode(), headers={"Content-Type": "text/plain"})
        assert answer.status_code == 200, answer.text
        loaded = restart(service)
        assert loaded["from"] == "snapshot" and loaded["changes"] == "0" and loaded["entries"] == "12001", loaded


def test_where_it_is_and_none():
    with tempfile.TemporaryDirectory() as folder:
        with running(store_snapshot="none") as service:
            service.bank()
            service.add(jpeg("x"))
            time.sleep(1.5)
            assert "no snapshot is configured" in restart(service)["line"]
            assert not path_of(service).exists()
        with running(store_snapshot=folder + "/elsewhere") as service:
            service.bank()
            service.add(jpeg("x"))
            wait_first(service)
            assert restart(service)["from"] == "snapshot"
            assert os.path.exists(folder + "/elsewhere") and not path_of(service).exists()
        with running(store_snapshot=folder + "/no/folder") as service:
            service.bank()
            service.add(jpeg("x"))
            wait_for(lambda: "cannot write the snapshot" in service.log.read_text())
            assert service.verdict(jpeg("x")) == "block"
        service = Service(folder, store_snapshot="")
        done = service.run("--check-config", check=False)
        assert done.returncode != 0 and "[store] snapshot" in done.stderr


def start_until(service, what):
    """Starts it and waits until its own part of the log, or something else, says so."""
    old = service.log.stat().st_size
    service.start(wait=False)
    end = time.monotonic() + 30
    while not what(service.log.read_bytes()[old:].decode()):
        assert time.monotonic() < end, "waited in vain"


def test_kill_9_while_it_is_written():
    """There is the old file, the new one or none: never one that is refused."""
    rnd = random.Random(int(os.environ.get("TEST_SEED", "1")))
    with running() as service:
        service.bank()
        lines = "".join(f"{rnd.getrandbits(256):064x}\n" for _ in range(20000))
        answer = service.post("/v1/banks/TEST/import?reason=r", lines.encode(), headers={"Content-Type": "text/plain"})
        assert answer.status_code == 200, answer.text
        new = service.folder / "hashgate.db.snapshot.new"
        met = 0
        for i in range(max(ROUNDS // 4, 8)):
            service.kill()
            if i % 4 == 0:
                path_of(service).unlink(missing_ok=True)
            elif path_of(service).exists():
                damage(path_of(service), 5000)  # so that another one is written over it
            start_until(service, lambda log: new.exists() or "written generation=" in log)
            time.sleep(rnd.choice([0, 0, 0.001, 0.002, 0.005]))
            service.kill()
            met += new.exists()
            before = path_of(service).exists()
            start_until(service, lambda log: "ready:" in log)
            loaded = last_load(service)
            assert loaded["entries"] == "20000"
            # The damaged one, a whole one or none.
            assert (loaded["from"] == "snapshot" or "does not exist" in loaded["line"] or
                    before and i % 4 and "section ids.ids: the checksum" in loaded["line"]), loaded
        assert met > 0, "no kill met the writer"
        service.kill()
        path_of(service).unlink(missing_ok=True)
        (service.folder / "hashgate.db.snapshot.new").write_bytes(b"half")
        service.start()
        wait_first(service)
        assert not os.path.exists(str(path_of(service)) + ".new")
        assert restart(service)["from"] == "snapshot"
