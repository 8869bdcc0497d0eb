"""Are real pictures blocked and allowed as they should be? (needs ../shared/data)"""
import csv

import pytest

from hashgate import distance, running


def rows(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope="module")
def photos(shared):
    return [(shared / "photos" / r["file"]).read_bytes() for r in rows(shared / "photos/manifest.csv")
            if r["width"] == "1920"]


def test_every_edit_of_the_bridge_is_blocked_and_no_photograph(shared, photos):
    folder = shared / "pdq/bridge-mods"
    edits = sorted(folder.iterdir())
    assert len(edits) == 12
    with running() as service:
        service.bank()
        service.add((folder / "aaa-orig.jpg").read_bytes())
        for edit in edits:
            assert service.verdict(edit.read_bytes()) == "block", edit.name
        assert len(photos) >= 27
        for data in photos:
            assert service.verdict(data) == "allow"


def test_each_labelme_picture_matches_itself_and_no_other(shared):
    good = [r for r in rows(shared / "pdq/manifest.csv")
            if r["file"].startswith("labelme") and int(r["hma_quality"]) >= 50]
    assert len(good) == 5
    files = {r["file"]: (shared / "pdq" / r["file"]).read_bytes() for r in good}
    with running() as service:
        service.bank()
        for name, data in files.items():
            entry = service.add(data)
            for other, its in files.items():
                assert (service.verdict(its) == "block") == (other == name), (name, other)
            service.revoke(entry["id"])


def test_hashes_are_hmas(shared):
    wanted = {}
    for r in rows(shared / "photos/manifest.csv"):
        wanted[shared / "photos" / r["file"]] = (r["pdq"], int(r["quality"]))
    for r in rows(shared / "pdq/manifest.csv"):
        if not r["file"].startswith("modes"):
            wanted[shared / "pdq" / r["file"]] = (r["hma_hash"], int(r["hma_quality"]))
    checked = 0
    with running() as service:
        for path, (value, quality) in wanted.items():
            if quality < 80 or path.suffix not in (".jpg", ".jpeg", ".png"):
                continue
            answer = service.post("/v1/hash", path.read_bytes())
            assert answer.status_code == 200, (path, answer.text)
            signal = answer.json()["signals"][0]
            assert distance(signal["value"], value) <= 2, path
            assert abs(signal["quality"] - quality) <= 1, path
            checked += 1
    assert checked == 50
