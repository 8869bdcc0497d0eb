"""Does the service survive every hostile file, and say why it refuses? (needs ../shared/data)"""
import csv
import time

import pytest

from hashgate import BIN, jpeg, running

pytestmark = pytest.mark.hostile

SANITIZED = "dev" in str(BIN)


def test_every_hostile_file(shared):
    with open(shared / "hostile/manifest.csv", newline="") as f:
        rows = [r for r in csv.DictReader(f) if r["expect"] in ("hash", "4xx", "hash-or-4xx")]
    wrong = []
    with running(hashing_max_pixels="50M", http_sync_limit="10m") as service:
        service.bank()
        listed = jpeg("listed")
        service.add(listed)
        for _ in range(20):
            assert service.verdict(listed) == "block"
        before = service.rss(), service.fds(), len(service.children())
        pid = service.process.pid
        for row in rows:
            data = (shared / "hostile" / row["file"]).read_bytes()
            start = time.monotonic()
            answer = service.check(data)
            took = time.monotonic() - start
            status = answer.status_code
            if row["expect"] == "hash" and status != 200:
                wrong.append((row["file"], status, answer.text))
            if row["expect"] == "4xx" and not 400 <= status < 500:
                wrong.append((row["file"], status, answer.text))
            if status == 200:
                assert answer.json()["verdict"] == "allow", row["file"]
            elif not (400 <= status < 500 and answer.json()["detail"]):
                wrong.append((row["file"], status, answer.text))
            if took > 60:
                wrong.append((row["file"], "took", took))
        assert service.verdict(listed) == "block"
        assert service.process.pid == pid and service.process.poll() is None
        time.sleep(0.5)
        after = service.rss(), service.fds(), len(service.children())
        assert not wrong, wrong
        assert "Z" not in service.children().values()
        assert after[1:] == before[1:]
        if not SANITIZED:
            assert after[0] - before[0] <= 16 << 20, (before[0], after[0])


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
