"""Are the members of archives found like files, once, and nothing outside of them touched?"""
import contextlib
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import tarfile
import time
import zipfile

import pytest

from hashgate import BIN, jpeg
from scanning import contents, lines, scan, settings, told, traced


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members.items():
            z.writestr(name.replace("_", "."), data)
    return out.getvalue()


def tarred(mode, members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def test_members_are_found_and_known_again(listing, tmp_path):
    tree, state = tmp_path / "tree", tmp_path / "state"
    tree.mkdir()
    inner = zipped(bad_jpg=jpeg(7), good_jpg=jpeg(1))
    (tree / "inner.zip").write_bytes(inner)
    (tree / "outer.tgz").write_bytes(tarred("w:gz", [("d/inner.zip", inner), ("x.jpg", jpeg(2)),
                                                     ("x.jpg", jpeg(7) + b"tail")]))
    (tree / "both.jpg").write_bytes(jpeg(3) + zipped(hidden_jpg=jpeg(7)))
    (tree / "cut.tgz").write_bytes(tarred("w:gz", [("a.jpg", jpeg(4))])[:1500])
    (tree / "inner.zip!bad.jpg").write_bytes(jpeg(5))  # a file that is called like a member
    (tree / "cut.zip").write_bytes(b"PK\x03\x04 and no more")
    (tree / "letter.txt").write_bytes(b"BZhow begins a letter of ours, and compressed it is not")
    found = told(listing, state, tree)
    root = os.fsencode(tree)

    def member(name):
        return found[root + b"/" + name, True]

    for name in [b"inner.zip!bad.jpg", b"outer.tgz!d/inner.zip!bad.jpg", b"both.jpg!hidden.jpg",
                 b"outer.tgz!x.jpg#3"]:
        assert [m["bank"] for m in member(name)["matches"]] == ["A"], name
    for name in [b"inner.zip!good.jpg", b"outer.tgz!x.jpg"]:
        assert member(name)["outcome"] == "hashed" and member(name)["matches"] == []
    outcomes = {name: line["outcome"] for name, line in found.items() if isinstance(name, bytes)}
    assert outcomes == {root + b"/" + name: outcome for name, outcome in {
        b"inner.zip": "other", b"outer.tgz": "other", b"both.jpg": "hashed",
        b"cut.tgz": "unreadable", b"inner.zip!bad.jpg": "hashed",
        b"cut.zip": "unreadable", b"letter.txt": "other"}.items()}
    assert found[root + b"/inner.zip!bad.jpg"]["matches"] == []
    assert "gzip" in found[root + b"/cut.tgz"]["error"]["detail"]

    # A second scan opens none of them, and says the same.
    if shutil.which("strace"):
        _, opened = traced(listing, tmp_path, tree, "--state", state)
        assert opened and not [n for n in opened if n.endswith((b".zip", b".tgz", b".jpg"))]
    assert told(listing, state, tree) == found
    before = contents(state)

    # What left an archive is gone; what stays is not hashed again.
    (tree / "inner.zip").write_bytes(zipped(good_jpg=jpeg(1), new_jpg=jpeg(8)))
    done = scan(listing, state, tree, code=1)
    assert b"1 gone" in done.stderr
    after = told(listing, state, tree)
    assert {name[0].rsplit(b"/", 1)[1] for name in after if isinstance(name, tuple) and
            b"/inner.zip!" in name[0]} == {b"inner.zip!good.jpg", b"inner.zip!new.jpg"} | {
                b"inner.zip!bad.jpg", b"inner.zip!good.jpg"}
    assert contents(state) == before + 2  # the archive and the new picture
    (tree / "outer.tgz").unlink()
    scan(listing, state, tree, code=1)
    assert not [name for name in told(listing, state, tree) if b"outer" in bytes(str(name), "utf8")]


def test_an_archive_is_found_by_its_own_digest(listing, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.zip").write_bytes(zipped(a_jpg=jpeg(1)))
    found = lines(listing, tmp_path / "state", tmp_path / "tree")
    answer = listing.post("/v1/banks/A/entries", json={
        "signals": [{"type": "sha256", "value": found[0]["sha256"]}], "reason": "r"})
    assert answer.status_code == 201
    done = scan(listing, tmp_path / "state", "--rematch", code=1)
    assert done.stdout.count(b"block") == 1


def test_budgets_are_told_and_can_be_raised(listing, tmp_path):
    tree, state = tmp_path / "tree", tmp_path / "state"
    tree.mkdir()
    (tree / "many.tar").write_bytes(tarred("w", [(f"{i}.jpg", jpeg(i)) for i in range(5)]))
    (tree / "deep.zip").write_bytes(zipped(a_zip=zipped(b_zip=zipped(c_jpg=jpeg(7)))))
    done = scan(listing, state, tree, "--archive-limit", "members=3", "--archive-limit", "depth=2",
                code=2)
    assert b"(members)" in done.stdout and b"(depth)" in done.stdout
    scan(listing, state, tree, code=2)  # kept as it is
    scan(listing, state, tree, "--retry-errors", code=1)
    assert len(lines(listing, state, tree)) == 2 + 5 + 1
    done = scan(listing, tmp_path / "small", tree, "--archive-limit", "member_bytes=1KiB", code=2)
    assert done.stdout.count(b"(member_bytes)") >= 1
    done = scan(listing, tmp_path / "small", tree, "--archive-limit", "member_bytes=1GiB",
                "--archive-limit", "total_bytes=2TiB", "--retry-errors", code=1)
    assert b"8 files: 1 matched" in done.stderr
    for wrong in ["depth=9", "depth", "members=0", "name=1", "=1", "ratio=x", "members=1KiB",
                  "member_bytes=0KiB", "member_bytes=1XB", "member_bytes=", "total_bytes=16777216TiB",
                  "total_bytes=8388608TiB", "total_bytes=-1"]:
        done = scan(listing, state, tree, "--archive-limit", wrong, code=2)
        assert b"--archive-limit" in done.stderr


def test_a_scan_that_is_killed_within_an_archive(listing, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "big.tar.gz").write_bytes(tarred("w:gz", [
        (f"{i}.zip", zipped(**{f"{i}-{j}_jpg": jpeg(i % 40) + bytes([i, j]) for j in range(4)}))
        for i in range(80)]))
    whole = lines(listing, tmp_path / "whole", tree)
    assert len(whole) == 1 + 320
    state, partly, delay = tmp_path / "state", 0, 0.05
    for _ in range(60):
        process = subprocess.Popen([BIN / "hashgate", "scan", tree, "--state", state],
                                   env=settings(listing, tmp_path), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        rows = 0
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(state)) as db:
            rows = db.execute("SELECT count(*) FROM files").fetchone()[0]
        partly += 0 < rows < 321
        delay *= 1.3 if rows == 0 else 0.8
        if partly == 4 or rows == 321:
            break
    assert lines(listing, state, tree) == whole
    assert partly > 0 and contents(state) == contents(tmp_path / "whole")


@pytest.mark.skipif(shutil.which("strace") is None, reason="skipped: no strace")
def test_hostile_archives_touch_nothing(listing, shared, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(shared / "hostile/scan", tree)
    archives = sorted(p.name for p in tree.iterdir())
    done, opened = traced(listing, tmp_path, tree, "--state", tmp_path / "state", "--all", "--json")
    assert done.returncode in (0, 2), done.stderr
    inside = [n for n in opened if b".jpg" in n or b"evil" in n or b"hostname" in n]
    assert inside == []
    assert sorted(p.name for p in tree.iterdir()) == archives
    found = told(listing, tmp_path / "state", tree)
    assert {n for n in found if isinstance(n, bytes)} == {os.fsencode(tree / a) for a in archives}
    assert len(found) > 2 * len(archives)
    for name, line in found.items():
        assert line["outcome"] in ("hashed", "other"), (name, line)
