"""Is anything that was acknowledged ever lost, or anything half there, when a process is killed?"""
import contextlib
import os
import random
import signal
import sqlite3
import threading
import time

import requests

from hashgate import jpeg, running

ROUNDS = int(os.environ.get("KILL_ROUNDS", "100"))


def test_kill_9_of_the_service_while_entries_are_added():
    rnd = random.Random(int(os.environ.get("TEST_SEED", "1")))
    acknowledged = {}
    number = 0
    slowest = 0.0
    with running(http_listen="127.0.0.1:0") as service:
        service.bank()
        for _ in range(ROUNDS):
            stop = threading.Event()

            def add(worker, base):
                session = requests.Session()
                i = 0
                while not stop.is_set():
                    value = f"{(worker << 60) + base + i + 1:064x}"
                    i += 1
                    with contextlib.suppress(requests.RequestException):
                        answer = service.call("POST", "/v1/banks/TEST/entries", session=session,
                                              json={"signals": [{"type": "pdq", "value": value}],
                                                    "reason": "r"}, timeout=10)
                        if answer.status_code == 201:
                            acknowledged[answer.json()["id"]] = value

            workers = [threading.Thread(target=add, args=(w, number)) for w in range(1, 4)]
            number += 100000
            for w in workers:
                w.start()
            time.sleep(rnd.uniform(0.03, 0.09))
            service.kill()
            stop.set()
            for w in workers:
                w.join()
            start = time.monotonic()
            service.start()
            slowest = max(slowest, time.monotonic() - start)

        assert len(acknowledged) > ROUNDS
        for entry, value in acknowledged.items():
            answer = service.get(f"/v1/entries/{entry}")
            assert answer.status_code == 200, f"lost {entry}"
            assert [s["value"] for s in answer.json()["signals"]] == [value]
        found = service.post("/v1/match", json={"media": [
            {"signals": [{"type": "pdq", "value": v}]} for v in list(acknowledged.values())[:2000]]})
        assert all(r["verdict"] == "block" for r in found.json()["results"])
        assert service.get("/v1/audit/verify").json()["ok"] is True
        service.stop()

        with contextlib.closing(sqlite3.connect(service.folder / "hashgate.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            entries = db.execute("SELECT count(*) FROM entries").fetchone()[0]
            audited = db.execute("SELECT count(*) FROM audit WHERE action = 'entry.add'").fetchone()[0]
            bare = db.execute("SELECT count(*) FROM entries e WHERE NOT EXISTS "
                              "(SELECT 1 FROM signals s WHERE s.entry = e.number)").fetchone()[0]
        assert entries == audited and bare == 0
        service.start()
        print(f"{len(acknowledged)} acknowledged, slowest start {slowest:.2f} s")
        assert slowest < 20, "a start that takes so long on a small list is broken"


def test_kill_9_of_workers_under_load():
    with running(hashing_workers="2") as service:
        service.bank()
        bad, good = jpeg("bad", size=(800, 600)), jpeg("good", size=(800, 600))
        service.add(bad)
        born = len(service.children())
        stop, wrong, counts = threading.Event(), [], {200: 0, 422: 0}

        def check(data, verdict):
            session = requests.Session()
            while not stop.is_set():
                answer = service.call("POST", "/v1/check", data=data, session=session, timeout=30)
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
                if answer.status_code == 200 and answer.json()["verdict"] != verdict:
                    wrong.append(answer.text)
                elif answer.status_code not in (200, 422, 503):
                    wrong.append(answer.text)

        clients = [threading.Thread(target=check, args=pair)
                   for pair in [(bad, "block"), (good, "allow")] * 4]
        for c in clients:
            c.start()
        rnd = random.Random(2)
        killed = 0
        end = time.monotonic() + 10
        while time.monotonic() < end:
            for pid in rnd.sample(sorted(service.children()), 1) if service.children() else []:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            time.sleep(0.05)
        stop.set()
        for c in clients:
            c.join()
        assert not wrong, wrong[:3]
        assert counts[200] > 20 and killed > 50
        assert counts[422] <= killed
        assert service.verdict(bad) == "block" and service.verdict(good) == "allow"
        # Also those that nobody needed since.
        end = time.monotonic() + 60
        while "Z" in (states := service.children()).values() or len(states) < born:
            assert time.monotonic() < end, states
            time.sleep(0.05)


def test_a_graceful_stop_answers_what_is_under_way():
    data = jpeg("stop", size=(1600, 1200))
    for _ in range(5):
        with running(hashing_workers="2") as service:
            answers, failures = [], []

            def check():
                try:
                    answers.append(service.call("POST", "/v1/check", data=data,
                                                session=requests.Session(), timeout=30))
                except requests.RequestException as e:
                    failures.append(e)

            clients = [threading.Thread(target=check) for _ in range(20)]
            for c in clients:
                c.start()
            time.sleep(0.05)
            service.stop()
            for c in clients:
                c.join()
            assert any(a.status_code == 200 for a in answers)
            for a in answers:
                assert a.status_code in (200, 503), a.text
                assert a.status_code != 200 or a.json()["verdict"] == "allow"
            # Only those whose connection was not yet accepted may find the door closed.
            assert all("refused" in repr(f) or "reset" in repr(f) or "Disconnected" in repr(f)
                       or "closed" in repr(f) for f in failures), failures
            service.start()


def test_an_overloaded_service_says_so_at_once():
    data = jpeg("overload", size=(3000, 2000))
    with running(hashing_workers="1", http_queue="2") as service:
        counts = {}

        def check():
            answer = service.call("POST", "/v1/check", data=data, session=requests.Session(),
                                  timeout=60)
            counts.setdefault(answer.status_code, []).append(answer)

        clients = [threading.Thread(target=check) for _ in range(24)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        assert set(counts) == {200, 503}, {k: v[0].text for k, v in counts.items()}
        for answer in counts[503]:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert service.verdict(data) == "allow"


def test_two_processes_on_one_database_follow_each_other():
    """What a second node adds, and a key that the command makes, reach a running service."""
    with running(store_follow="100ms") as first:
        first.bank()
        data = jpeg("two nodes")
        key = first.run("keys", "create", "--name", "late", "--scope", "check").stdout.strip()
        end = time.monotonic() + 20
        while first.check(data, key=key).status_code == 401 and time.monotonic() < end:
            time.sleep(0.05)
        assert first.check(data, key=key).status_code == 200

        from hashgate import Service
        second = Service(first.folder, http_address_file=f"{first.folder}/address2",
                         http_admin_socket=f"{first.folder}/admin2.sock", store_follow="100ms")
        second.key = first.key
        second.log = first.folder / "log2"
        try:
            second.start(wait=False)
            end = time.monotonic() + 20
            while not (first.folder / "address2").exists() and time.monotonic() < end:
                time.sleep(0.02)
            second.address = (first.folder / "address2").read_text().split()[0]
            end = time.monotonic() + 20
            while second.get("/readyz").status_code != 200 and time.monotonic() < end:
                time.sleep(0.02)
            entry = second.add(data)
            end = time.monotonic() + 20
            while first.verdict(data) != "block" and time.monotonic() < end:
                time.sleep(0.02)
            assert first.verdict(data) == "block"
            first.revoke(entry["id"])
            end = time.monotonic() + 20
            while second.verdict(data) != "allow" and time.monotonic() < end:
                time.sleep(0.02)
            assert second.verdict(data) == "allow"
        finally:
            second.close()
