"""Does a match of thousands of media answer each as if it were asked alone, and record what matched?"""
import contextlib
import random
import sqlite3
import threading

import requests

from hashgate import running


def near(rnd, value, bits):
    number = int(value, 16)
    for bit in rnd.sample(range(256), bits):
        number ^= 1 << bit
    return f"{number:064x}"


def media_of(rnd, values, digests, n):
    """n media: most of one signal, some of many; some near what is listed, some of listed files."""
    media = []
    for i in range(n):
        signals = []
        for _ in range(rnd.choice([1, 1, 1, 1, 8])):
            kind = rnd.randrange(6)
            if kind == 0:
                signals.append({"type": "pdq", "value": near(rnd, rnd.choice(values), rnd.randrange(40))})
            elif kind == 1:
                signals.append({"type": "md5", "value": rnd.choice(digests + [f"{rnd.getrandbits(128):032x}"])})
            else:
                signals.append({"type": "pdq", "value": f"{rnd.getrandbits(256):064x}",
                                "quality": rnd.choice([20, 50, 100])})
        media.append({"id": f'm{i} "\\/\t ü😀', "signals": signals})
    del media[3]["id"]
    return media


def plain(result):
    return {name: value for name, value in result.items() if name != "check_id"}


def decisions(service):
    with contextlib.closing(sqlite3.connect(service.folder / "hashgate.db")) as db:
        return db.execute("SELECT hex(check_id), ref, verdict, (SELECT count(*) FROM decision_matches"
                          " WHERE decision = number) FROM decisions").fetchall()


def ulid_hex(text):
    number = 0
    for digit in text:
        number = number * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit)
    return f"{number:032X}"


def test_many_media_are_answered_like_each_alone(fresh):
    rnd = random.Random(4)
    values = [f"{rnd.getrandbits(256):064x}" for _ in range(200)]
    digests = [f"{rnd.getrandbits(128):032x}" for _ in range(20)]
    fresh.bank("A")
    fresh.bank("B", action="review", threshold=20)
    for bank in "AB":
        lines = [f"pdq {v}" for v in values] + [f"md5 {d}" for d in digests]
        assert fresh.post(f"/v1/banks/{bank}/import?reason=r", "\n".join(lines).encode(),
                          headers={"Content-Type": "text/plain"}).status_code == 200
    media = media_of(rnd, values, digests, 3500)
    answer = fresh.post("/v1/match", json={"media": media})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [r["id"] for r in results] == [m.get("id") for m in media]
    matched = [r for r in results if r["matches"]]
    assert 300 < len(matched) < 3000
    assert all(("check_id" in r) == bool(r["matches"]) for r in results)

    rows = {row[0]: row for row in decisions(fresh)}
    assert len(rows) == len(matched)
    for r in matched:
        _, ref, verdict, n = rows[ulid_hex(r["check_id"])]
        assert (ref, n) == (r["id"] or "", len(r["matches"]))
        assert ["allow", "review", "block"][verdict] == r["verdict"]

    for i in rnd.sample(range(len(media)), 150) + [3]:
        alone = fresh.post("/v1/match", json={"media": [media[i]]}).json()["results"]
        assert plain(alone[0]) == plain(results[i])


def test_memory_goes_back_when_nobody_asks(fresh):
    rnd = random.Random(6)
    fresh.bank("A")
    media = [{"id": f"m{i}", "signals": [{"type": "pdq", "value": f"{rnd.getrandbits(256):064x}"}]}
             for i in range(10000)]
    before = fresh.rss()

    def ask():
        session = requests.Session()
        for _ in range(4):
            answer = fresh.call("POST", "/v1/match", session=session, json={"media": media})
            assert answer.status_code == 200

    clients = [threading.Thread(target=ask) for _ in range(4)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    for _ in range(100):
        if fresh.rss() < before + (8 << 20):
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"{before >> 20} MiB before, {fresh.rss() >> 20} MiB after")


def test_kill_9_loses_no_decision_of_a_match():
    rnd = random.Random(5)
    values = [f"{rnd.getrandbits(256):064x}" for _ in range(50)]
    with running() as service:
        service.bank("A")
        service.post("/v1/banks/A/import?reason=r", "\n".join(f"pdq {v}" for v in values).encode(),
                     headers={"Content-Type": "text/plain"})
        media = [{"id": v, "signals": [{"type": "pdq", "value": v}]} for v in values]
        told = set()

        def ask():
            session = requests.Session()
            with contextlib.suppress(requests.RequestException):
                while True:
                    answer = service.call("POST", "/v1/match", session=session, json={"media": media})
                    told.update(r["check_id"] for r in answer.json()["results"])

        for _ in range(5):
            clients = [threading.Thread(target=ask) for _ in range(4)]
            for c in clients:
                c.start()
            threading.Event().wait(rnd.uniform(0.1, 0.3))
            service.kill()
            for c in clients:
                c.join()
            service.start()
        assert len(told) > 500
        recorded = {row[0] for row in decisions(service)}
        assert {ulid_hex(check_id) for check_id in told} <= recorded
