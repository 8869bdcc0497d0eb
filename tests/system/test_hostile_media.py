"""Does the service survive every hostile file, and say why it refuses? (needs ../shared/data)"""
import concurrent.futures
import csv
import time

import pytest

from hashgate import BIN, jpeg, running

pytestmark = pytest.mark.hostile

SANITIZED = "dev" in str(BIN)


def fault(row, answer):
    """What is wrong with the answer for this row of the manifest, or None."""
    status = answer.status_code
    if status == 200 and row["expect"] != "4xx":
        return None if answer.json()["verdict"] == "allow" else (row["file"], answer.text)
    if 400 <= status < 500 and row["expect"] != "hash" and answer.json()["detail"]:
        return None
    return row["file"], status, answer.text


def test_every_hostile_file(shared):
    with open(shared / "hostile/manifest.csv", newline="") as f:
        rows = [r for r in csv.DictReader(f) if r["expect"] in ("hash", "4xx", "hash-or-4xx")]
    assert len(rows) > 500
    with running(hashing_max_pixels="50M", http_sync_limit="10m") as service:
        service.bank()
        listed = jpeg("listed")
        service.add(listed)
        for _ in range(20):
            assert service.verdict(listed) == "block"

        def held():
            return service.fds(), sorted(service.children().values())

        def one(row):
            return fault(row, service.check((shared / "hostile" / row["file"]).read_bytes()))

        before, rss = held(), service.rss()
        pid = service.process.pid
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            wrong = [w for w in pool.map(one, rows) if w is not None]
        assert not wrong, wrong
        assert service.verdict(listed) == "block"
        assert service.process.pid == pid and service.process.poll() is None
        end = time.monotonic() + 60  # for connections to be closed and workers to be replaced
        while (now := held())[0] > before[0] or now[1] != before[1]:
            assert time.monotonic() < end, (before, now)
            time.sleep(0.05)
        if not SANITIZED:
            assert service.rss() - rss <= 16 << 20, (rss, service.rss())


def test_flat_pictures_match_nothing_and_cannot_be_listed_by_pdq(shared):
    with running() as service:
        service.bank(threshold=63)
        for path in sorted((shared / "hostile/gen/flat").iterdir()):
            answer = service.check(path.read_bytes())
            assert answer.status_code == 200, path
            listed = service.post("/v1/banks/TEST/entries?reason=flat", path.read_bytes())
            assert listed.status_code == 201, listed.text
            signals = service.get(f"/v1/entries/{listed.json()['id']}").json()["signals"]
            if answer.json()["examined"] == "digests":
                assert all(s["type"] != "pdq" for s in signals), path
