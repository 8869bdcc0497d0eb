"""Is what a scan says whole, in one line where it should be, and no channel for others' bytes?"""
import fcntl
import hashlib
import os
import pty
import re
import shutil
import struct
import subprocess
import termios

import pytest

from hashgate import BIN, jpeg, running
from scanning import scan, settings


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tell") / "tree"
    deep = folder.joinpath(*(c * 250 for c in "vwxyz"))
    deep.mkdir(parents=True)
    (deep / "bad.jpg").write_bytes(jpeg(7))
    (folder / "bad.jpg").write_bytes(jpeg(7))
    for i in range(3):
        (folder / f"cut{i}.jpg").write_bytes(jpeg(i)[:1500 + i])
    (folder / "clip.avi").write_bytes(b"RIFF\0\0\0\0AVI LIST" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def service():
    with running() as s:
        s.bank("A")
        s.add(jpeg(7), bank="A", label="one", reason="r")
        yield s


def test_a_long_name_is_whole_and_widens_no_other_row(service, tree, tmp_path):
    out = scan(service, tmp_path / "state", tree, code=1).stdout.decode().splitlines()
    assert out[0].split() == ["RESULT", "BANK", "DISTANCE", "ORIENTATION", "MS", "ENTRY", "LABELS",
                              "FILE"]
    name = next(str(p) for p in tree.rglob("bad.jpg") if p.parent != tree)
    assert sum(line.endswith("  " + name) for line in out) == 1
    assert len({line.index(str(tree)) for line in out[1:]}) == 1 and out[1].index(str(tree)) < 120
    assert os.stat(tmp_path / "state").st_mode & 0o777 == 0o600
    cut = [line for line in out if "/cut" in line]
    assert len(cut) == 3 and all(re.search(r"cut\d\.jpg: JPEG", line) for line in cut)


def test_the_page_counts_what_it_lists(service, tree, tmp_path):
    scan(service, tmp_path / "state", tree, "--report", tmp_path / "page.html", code=1)
    html = (tmp_path / "page.html").read_text()
    reasons = re.search(r"<h2>Unreadable, by reason</h2>(.*?)</table>", html, re.S)[1]
    counted = [int(n) for n in re.findall(r'<td class="n">(\d+)</td>', reasons)]
    assert sum(counted) == 4 and counted == sorted(counted, reverse=True)
    assert "unreadable</dt><dd>4 (66.67 %)" in html
    assert re.search(r"generation of the block-list</dt><dd>\d+ to \d+<", html)
    assert re.search(r"met 6 files and hashed 5 contents in [\d.]+ seconds", html)


def test_the_page_names_what_was_scanned(service, tmp_path):
    roots = [tmp_path / name for name in ["a<b>", "b", "c"]]
    for root in roots:
        root.mkdir()
        (root / "good.jpg").write_bytes(jpeg(1))

    def scanned(*arguments, code=0, **more):
        scan(service, tmp_path / "state", *arguments, "--report", tmp_path / "page.html", code=code, **more)
        html = (tmp_path / "page.html").read_text()
        found = re.search(r"<h2>What was scanned</h2>\n<ul>\n(.*?)</ul>", html, re.S)[1]
        return re.findall(r"<li>(.*)</li>\n", found), re.search(r'"times">(.*)</p>', html)[1]

    names = [str(root).replace("<", "&lt;").replace(">", "&gt;") for root in roots]
    assert scanned(roots[1], roots[0])[0] == names[:2]
    roots[1].rename(tmp_path / "elsewhere")
    found, times = scanned(roots[1], roots[2], tmp_path / "never", code=2)
    assert found == [names[1] + " (not gone through to its end)", names[2]]
    assert "could not open 2 of the paths" in times
    assert scanned("-T", "-", input=os.fsencode(roots[2]))[0] == ["names of a list"]
    assert scanned("--rematch")[0] == ["names of a list", *names]
    for i in range(120):
        (roots[2] / f"{i}.txt").write_text("no medium")
    found = scanned(*sorted(roots[2].glob("*.txt")))[0]
    assert len(found) == 101 and found[100] == "and 20 more"


def test_a_page_that_cannot_be_written_is_told_before_the_scan(service, tree, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken.html.new").mkdir()
    wrong = {"": "empty", tmp_path / "none" / "page.html": "No such file", tmp_path: "Is a directory",
             "/proc/page.html": "report /proc/page.html", tmp_path / "taken.html": "Is a directory"}
    for name, why in wrong.items():
        done = scan(service, tmp_path / "never", tree, "--report", name, code=2)
        assert why.encode() in done.stderr and b"files" not in done.stderr, done.stderr
        done = service.cli("scan", "merge", str(tmp_path / "never"), "--report", str(name))
        assert done.returncode == 2 and why.encode() in done.stderr
    assert not (tmp_path / "never").exists()
    # Trying leaves nothing behind when the scan does not get as far as the page.
    scan(service, tmp_path / "folder", tree, "--report", tmp_path / "page.html", code=2)
    assert not list(tmp_path.glob("page*"))


@pytest.mark.parametrize("columns", [30, 200])
def test_the_progress_is_one_line_of_the_terminal(service, tmp_path, columns):
    tree = tmp_path / "tree"
    tree.mkdir()
    for i in range(400):
        (tree / f"{i}.jpg").write_bytes(jpeg(1000 + i))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    # A list that does not end keeps the scan from ending before it was shown, however quick it is.
    command = [BIN / "hashgate", "scan", tree, "--state", tmp_path / "state", "--jobs", "1",
               "--files-from", "-"]
    process = subprocess.Popen(command, env=settings(service, tmp_path), stderr=theirs,
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    try:
        while more := os.read(ours, 4096):
            said += more
            if said.count(b"\r") > 3:
                process.stdin.close()
    except OSError:  # how a terminal ends
        pass
    os.close(ours)
    assert process.wait() == 0
    shown = [line.removesuffix("\x1b[K") for line in said.decode().split("\r")]
    shown = [line for line in shown if re.match(r"\d+ files( \(\d+ %\))? ·", line)]
    assert shown and max(map(len, shown)) < columns and not any("\n" in line for line in shown)
    if columns == 200:
        assert all(word in shown[-1] for word in ["hits", "unreadable", "files/s", "B/s", "hashed"])


def test_a_full_disk_is_no_success(service, tree, tmp_path):
    scan(service, tmp_path / "state", tree, code=1)
    for form in [], ["--json"], ["--csv"]:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BIN / "hashgate", "scan", tree, "--state", tmp_path / "state", *form],
                                  env=settings(service, tmp_path), stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 2 and b"No space left" in done.stderr


def test_a_reader_that_goes_away_stops_neither_page_nor_acts(service, tree, tmp_path):
    scan(service, tmp_path / "state", tree, code=1)
    for form in [], ["--json"], ["--csv"]:
        log, page = tmp_path / ("log" + "".join(form)), tmp_path / ("page" + "".join(form))
        command = ["scan", tree, "--state", tmp_path / "state", "--all", *form, "--report", page,
                   "--action", f"exec echo >>{log}", "--yes"]
        process = subprocess.Popen([BIN / "hashgate", *command], env=settings(service, tmp_path),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait() == 2 and b"Broken pipe" in said, said
        assert page.read_bytes().endswith(b"</html>\n") and len(log.read_text()) == 2


def test_a_command_gets_no_names_and_adds_nothing_to_the_answer(service, tree, tmp_path):
    names = b"\n".join([os.fsencode(tree / "bad.jpg"), b"more"])
    done = scan(service, tmp_path / "state", "-T", "-", "--csv", "--action", "exec cat; echo ran",
                "--yes", input=names, code=1)
    assert done.stderr.count(b"ran\n") == 1 and b"ran" not in done.stdout
    assert b"more" not in done.stderr


def test_where_a_file_in_the_quarantine_came_from(service, tmp_path):
    tree, held = tmp_path / "tree", tmp_path / "work" / "held"
    tree.mkdir()
    held.parent.mkdir()
    for name in ["a&b.jpg", "other.jpg"]:
        (tree / name).write_bytes(jpeg(7))
    digest = hashlib.sha256(jpeg(7)).hexdigest()
    command = ["scan", tree, "--state", tmp_path / "state", "--report", tmp_path / "page.html",
               "--action", "quarantine held/", "--yes"]
    done = subprocess.run([BIN / "hashgate", *command], env=settings(service, tmp_path),
                          cwd=held.parent, capture_output=True, timeout=60)
    assert done.returncode == 1 and sorted(p.name for p in held.iterdir()) == [digest, digest + ".2"]
    html = (tmp_path / "page.html").read_text()
    rows = re.search(r"<h2>What was done</h2>(.*?)</table>", html, re.S)[1]
    assert re.search(rf"<tr><td>{tree}/a&amp;b.jpg</td><td>quarantine {held}/</td>"
                     rf"<td>20\d\d-[^<]*Z</td><td>moved to {held}/{digest}</td><td>{digest}</td></tr>",
                     rows), rows
    # While the file is known its line has it; and when it is not, a line of its own.
    for gone in [False, True]:
        told = service.cli("scan", "--rematch", "--state", str(tmp_path / "state"), "--json",
                           json_lines=True)
        found = {t["file"]: t for t in told if "acts" in t}
        assert set(found) == {str(tree / "a&b.jpg"), str(tree / "other.jpg")} and len(told) == 2
        assert {t["acts"][0]["outcome"] for t in told} == {f"moved to {held}/{digest}",
                                                           f"moved to {held}/{digest}.2"}
        assert all(t["sha256"] == digest and t["acts"][0]["done"] and "at" in t["acts"][0]
                   and t["acts"][0]["act"] == f"quarantine {held}/" for t in told)
        assert {t["outcome"] for t in told} == {"gone" if gone else "hashed"}
        done = scan(service, tmp_path / "state", tree, "--report", tmp_path / "page.html", code=0)
        assert (b"2 gone" in done.stderr) != gone
    assert f"moved to {held}/{digest}" in (tmp_path / "page.html").read_text()
    merged = service.cli("scan", "merge", str(tmp_path / "state"), "--json", json_lines=True)
    assert merged == told


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK) or
                    os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev,
                    reason="skipped: no second file system")
def test_quarantine_in_another_file_system(service, tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in "ab":
        (tree / name).write_bytes(jpeg(7))
    away = "/dev/shm/" + "hashgate-" + str(os.getpid())
    try:
        scan(service, tmp_path / "state", tree, "--action", f"quarantine {away}", "--yes", code=1)
        assert list(tree.iterdir()) == [] and len(os.listdir(away)) == 2
        for name in os.listdir(away):
            with open(os.path.join(away, name), "rb") as f:
                assert f.read() == jpeg(7)
            assert os.stat(os.path.join(away, name)).st_mode & 0o777 == 0o600
    finally:
        shutil.rmtree(away, ignore_errors=True)
