"""Does a scan find everything once, whatever happens to it, and open nothing that it need not?"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time
import zipfile

import pytest

import archive
from hashgate import BIN, encode, environment, jpeg, picture, running
from scanning import by_name, check_whole, contents, lines, page, scan, settings, traced

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FILES = int(os.environ.get("SCAN_FILES", "2000"))
KILLS = int(os.environ.get("KILL_ROUNDS", "12"))


@pytest.fixture(scope="module")
def photographs(shared):
    return archive.photographs(shared / "photos")


@pytest.fixture(scope="module")
def tree(tmp_path_factory, photographs):
    folder = tmp_path_factory.mktemp("archive") / "tree"
    archive.make(folder, FILES, pictures=photographs)
    return folder


@pytest.fixture(scope="module")
def listed(photographs):
    """A service that lists three of the photographs."""
    with running() as service:
        for number, bank in enumerate(["CORE", "CORE", "OTHER"]):
            if number != 1:
                service.bank(bank, action="block" if bank == "CORE" else "review")
            service.add(encode(photographs[number * 5], "PNG"), bank=bank, label=f"label-{number}")
        yield service


@pytest.fixture(scope="module")
def whole(tree, listed, tmp_path_factory):
    """One undisturbed scan: its folder with state, page and all lines."""
    folder = tmp_path_factory.mktemp("whole")
    scan(listed, folder / "state", tree, "--report", folder / "page.html", code=1)
    (folder / "lines").write_text(repr(lines(listed, folder / "state", tree)))
    return folder


def test_every_file_is_told_once(tree, listed, whole):
    told = eval((whole / "lines").read_text())
    plan = archive.plan(FILES)
    kinds = {item.kind for item in plan} | {member.kind for item in plan for member in item.members}
    assert FILES < 2000 or kinds == {"picture", "part", "text", "link", "copy", "tar", "tgz", "tbz",
                                     "txz", "zip", "gz", "both", "cut"}
    check_whole(by_name(told), *archive.expected(tree, plan))
    banks = {m["bank"] for t in told for m in t["matches"]}
    assert banks == {"CORE", "OTHER"}
    orientations = {m["orientation"] for t in told for m in t["matches"]}
    assert {"as-is", "rot180", "flipy"} <= orientations
    assert any(t["matches"] for t in told if t.get("member"))
    assert contents(whole / "state") == len({t["sha256"] for t in told if "sha256" in t}) < FILES


def test_a_scan_that_is_killed_again_and_again(tree, listed, whole, tmp_path):
    seed = int(os.environ.get("TEST_SEED", time.time_ns() % 10**6))
    print("TEST_SEED", seed)
    rnd = random.Random(seed)
    state, killed = tmp_path / "state", 0
    command = [BIN / "hashgate", "scan", tree, "--state", state]
    for _ in range(KILLS):
        process = subprocess.Popen(command, env=settings(listed, tmp_path), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rnd.uniform(0.02, 0.4))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
    assert killed > 0
    scan(listed, state, tree, "--report", tmp_path / "page.html", code=1)
    assert page(tmp_path / "page.html") == page(whole / "page.html")
    assert lines(listed, state, tree) == eval((whole / "lines").read_text())
    assert contents(state) == contents(whole / "state")


def test_ctrl_c_stops_and_the_next_scan_goes_on(tree, listed, whole, tmp_path):
    process = subprocess.Popen([BIN / "hashgate", "scan", tree, "--state", tmp_path / "state"],
                               env=settings(listed, tmp_path), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in (1, 2) and b"scan again to go on" in said, said
    scan(listed, tmp_path / "state", tree, "--report", tmp_path / "page.html", code=1)
    assert page(tmp_path / "page.html") == page(whole / "page.html")


@pytest.mark.skipif(shutil.which("strace") is None, reason="skipped: no strace")
def test_a_rematch_opens_no_file_and_finds_what_a_scan_finds(tree, photographs, tmp_path):
    small = tmp_path / "tree"
    archive.make(small, 150, seed=2, pictures=photographs)
    media = {name for _, _, files in os.walk(os.fsencode(small)) for name in files}
    with running() as service:
        service.bank("LATE")
        _, opened = traced(service, tmp_path, small, "--state", tmp_path / "state")
        assert len(media & {name.rsplit(b"/", 1)[-1] for name in opened}) > 100
        before = int(service.add(encode(photographs[3], "PNG"), bank="LATE")["generation"])
        service.add(encode(photographs[9], "PNG"), bank="LATE")
        since = tmp_path / "since"
        shutil.copy(tmp_path / "state", since)
        for state, options in ((tmp_path / "state", ["--rematch"]), (since, ["--since", before])):
            done, opened = traced(service, tmp_path, *options, "--state", state)
            assert done.returncode == 1, done.stderr
            assert opened and not media & {name.rsplit(b"/", 1)[-1] for name in opened}
            assert lines(service, state, small) == lines(service, tmp_path / f"new-{len(options)}",
                                                         small)


@pytest.mark.parametrize("lists", [False, True])
def test_a_rematch_that_is_killed_goes_on(tree, listed, whole, tmp_path, lists):
    state, options = tmp_path / "state", []
    shutil.copy(whole / "state", state)
    with contextlib.closing(sqlite3.connect(state)) as db:
        db.execute("DELETE FROM hits")
        db.execute("UPDATE contents SET generation = 1")
        db.commit()
    if lists:
        for bank in ["CORE", "OTHER"]:
            name = tmp_path / f"{bank}.ndjson"
            name.write_bytes(listed.cli("export", "--bank", bank, "--format", "ndjson").stdout)
            options += ["--offline", name]
    command = [BIN / "hashgate", "scan", "--rematch", "--state", state, "--jobs", "3", *options]
    for delay in [0.02, 0.04, 0.06, 0.09, 0.12]:
        process = subprocess.Popen(command, env=settings(listed, tmp_path), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
    done = scan(listed, state, "--rematch", "--jobs", "3", *options, code=1)
    assert b"not matched yet" not in done.stderr
    if lists:
        assert found_by(lines(listed, state, tree)) == found_by(eval((whole / "lines").read_text()))
    else:
        assert lines(listed, state, tree) == eval((whole / "lines").read_text())


def test_since_never_leaves_a_gap(photographs, tmp_path):
    """What was matched by an older generation is asked from that one on."""
    (tmp_path / "tree").mkdir()
    for i in range(4):
        (tmp_path / "tree" / f"{i}.png").write_bytes(encode(photographs[i], "PNG"))
    with running() as service:
        service.bank("A")
        scan(service, tmp_path / "state", tmp_path / "tree", code=0)
        generations = [service.add(encode(photographs[i], "PNG"), bank="A")["generation"]
                       for i in range(4)]
        scan(service, tmp_path / "state", "--since", generations[2], code=1)
        found = lines(service, tmp_path / "state", tmp_path / "tree")
        assert [len(f["matches"]) for f in found] == [1, 1, 1, 1]
        # A full rematch drops what was revoked meanwhile.
        entry = found[0]["matches"][0]["entry"]
        service.revoke(entry)
        scan(service, tmp_path / "state", "--rematch", code=1)
        found = lines(service, tmp_path / "state", tmp_path / "tree")
        assert [len(f["matches"]) for f in found] == [0, 1, 1, 1]


def test_shards_of_a_tree_are_one_scan(tree, listed, whole, tmp_path):
    states = [tmp_path / f"state{i}" for i in range(4)]
    processes = [subprocess.Popen([BIN / "hashgate", "scan", tree, "--state", state, "--shard",
                                   f"{i + 1}/4", "--jobs", "1"], env=settings(listed, tmp_path),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for i, state in enumerate(states)]
    time.sleep(0.3)
    processes[2].kill()
    for process in processes:
        process.wait(timeout=120)
    scan(listed, states[2], tree, "--shard", "3/4")
    assert scan(listed, states[2], tree, "--shard", "1/4", code=2).stderr.count(b"of shard 3/4") == 1
    merged = listed.cli("scan", "merge", *map(str, states), "--report", str(tmp_path / "page.html"),
                        "--json", "--all", json_lines=True)
    assert merged == eval((whole / "lines").read_text())
    assert page(tmp_path / "page.html") == page(whole / "page.html")


def test_a_state_is_not_joined_in_itself(listed, tmp_path):
    tree, part, joined = tmp_path / "tree", tmp_path / "part", tmp_path / "joined"
    tree.mkdir()
    (tree / "a.jpg").write_bytes(jpeg(1))
    scan(listed, part, tree, code=0)
    scan(listed, joined, tree, code=0)
    (tmp_path / "link").symlink_to(joined)
    os.link(joined, tmp_path / "hard")
    before = joined.read_bytes()
    for own in [joined, tmp_path / "link", tmp_path / "hard"]:
        done = listed.cli("scan", "merge", "-s", str(joined), str(part), str(own))
        assert done.returncode == 2 and b"is the state that the others are to be joined in" in done.stderr
        assert joined.read_bytes() == before
    done = listed.cli("scan", "merge", "-s", str(tmp_path / "none"), str(part), str(tmp_path / "nothing"))
    assert done.returncode == 2 and b"nothing: No such file" in done.stderr
    assert not (tmp_path / "none").exists()
    done = listed.cli("scan", "merge", "-s", str(joined), str(part), str(part))
    assert done.returncode == 0 and done.stderr.startswith(b"1 files:"), done.stderr


def test_what_changed_moved_and_went(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for i in range(6):
        (tree / f"{i}.jpg").write_bytes(jpeg(i))
    with running() as service:
        service.bank("A")
        service.add(jpeg(100), bank="A")
        state = tmp_path / "state"
        scan(service, state, tree, code=0)
        (tree / "0.jpg").write_bytes(jpeg(100))
        (tree / "sub").mkdir()
        (tree / "1.jpg").rename(tree / "sub" / "moved.jpg")
        (tree / "2.jpg").unlink()
        os.link(tree / "3.jpg", tree / "link.jpg")
        shutil.copy(tree / "4.jpg", tree / "copy.jpg")
        done = scan(service, state, tree, code=1)
        assert b"2 gone" in done.stderr
        told = {pathlib.Path(t["file"]).name: t for t in lines(service, state, tree)}
        assert sorted(told) == sorted(["0.jpg", "moved.jpg", "3.jpg", "link.jpg", "4.jpg",
                                       "copy.jpg", "5.jpg"])
        assert len(told["0.jpg"]["matches"]) == 1
        assert contents(state) == 7
        # Same size, same times, other bytes: only --checksum sees that.
        before = (tree / "5.jpg").stat()
        data = bytearray(jpeg(100))
        data += b"\0" * (before.st_size - len(data))
        (tree / "5.jpg").write_bytes(bytes(data[:before.st_size]) if len(data) <= before.st_size
                                     else jpeg(101)[:before.st_size])
        os.truncate(tree / "5.jpg", before.st_size)
        os.utime(tree / "5.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
        scan(service, state, tree)
        assert contents(state) == 7
        scan(service, state, tree, "--checksum")
        assert contents(state) == 8


def test_errors_are_kept_and_tried_again(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "cut.jpg").write_bytes(jpeg(1)[:2000])
    (tree / "good.jpg").write_bytes(jpeg(2))
    (tree / "clip.avi").write_bytes(b"RIFF\0\0\0\0AVI LIST" + bytes(100))
    (tree / "empty").write_bytes(b"")
    (tree / "letter.txt").write_text("dear reader, this is no picture at all")
    with running() as service:
        service.bank("A")
        state = tmp_path / "state"
        scan(service, state, tree, code=2)
        told = {pathlib.Path(t["file"]).name: t for t in lines(service, state, tree)}
        outcomes = {name: t["outcome"] for name, t in told.items()}
        assert outcomes == {"cut.jpg": "unreadable", "good.jpg": "hashed", "clip.avi": "unreadable",
                            "empty": "other", "letter.txt": "other"}
        assert "AVI" in told["clip.avi"]["error"]["detail"]
        # Not tried again, unless it is asked for.
        with contextlib.closing(sqlite3.connect(state)) as db:
            db.execute("UPDATE contents SET reason = 'planted' WHERE outcome = 2")
            db.commit()
        scan(service, state, tree, code=2)
        assert b"planted" in scan(service, state, tree, code=2).stdout
        assert b"planted" not in scan(service, state, tree, "--retry-errors", code=2).stdout
        # What cannot be decoded is found by its digest all the same.
        digest = told["cut.jpg"]["sha256"]
        answer = service.post("/v1/banks/A/entries", json={
            "signals": [{"type": "sha256", "value": digest}], "reason": "r"})
        assert answer.status_code == 201
        done = scan(service, state, "--rematch", code=1)
        assert b"cut.jpg" in done.stdout


def test_music_is_no_unreadable_video(tmp_path):
    tree, sound = tmp_path / "tree", (GOLDEN / "video" / "sound-only.mp4").read_bytes()
    tree.mkdir()
    (tree / "song.mp4").write_bytes(sound)
    (tree / "cover.mp4").write_bytes((GOLDEN / "video" / "sound-with-cover.mp4").read_bytes())
    with zipfile.ZipFile(tree / "album.zip", "w") as z:
        z.writestr("second.m4a", sound + b"\0\0\0\x08free")
    with running() as service:
        service.bank("A")
        told = {pathlib.Path(t["file"]).name: t["outcome"]
                for t in lines(service, tmp_path / "state", tree)}
        assert told == {"song.mp4": "other", "cover.mp4": "hashed", "album.zip": "other",
                        "album.zip!second.m4a": "other"}
        scan(service, tmp_path / "state", tree, code=0)
        # Half of it, or behind a photograph that was hashed: nobody knows what was there.
        (tree / "song.mp4").write_bytes(sound[:-40])
        (tree / "motion.jpg").write_bytes(jpeg(1) + sound)
        scan(service, tmp_path / "state", tree, code=2)
        told = {pathlib.Path(t["file"]).name: t["outcome"]
                for t in lines(service, tmp_path / "state", tree)}
        assert told["song.mp4"] == "unreadable" and told["motion.jpg"] != "other"
        # To an upload the service says what it said.
        refused = service.check(sound)
        assert refused.status_code == 422 and "no video track" in refused.json()["detail"]


def test_only_regular_files_of_the_tree(tmp_path):
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (outside / "secret.jpg").write_bytes(jpeg(1))
    (tree / "a.jpg").write_bytes(jpeg(2))
    os.mkfifo(tree / "fifo.jpg")
    os.symlink("/dev/zero", tree / "zero.jpg")
    os.symlink(outside, tree / "link")
    os.symlink(outside / "secret.jpg", tree / "link.jpg")
    with contextlib.suppress(PermissionError):
        os.mknod(tree / "device.jpg", 0o600 | 0o020000, os.makedev(1, 5))
    (tree / "skip").mkdir()
    (tree / "skip" / "b.jpg").write_bytes(jpeg(3))
    with running() as service:
        told = lines(service, tmp_path / "state", tree, "--exclude", "skip")
        assert [pathlib.Path(t["file"]).name for t in told] == ["a.jpg"]
        told = lines(service, tmp_path / "deep", tree, "--max-depth", "1")
        assert [pathlib.Path(t["file"]).name for t in told] == ["a.jpg"]
        # A name of a list that is not there is told; a link is passed by.
        names = b"\0".join(os.fsencode(tree / n) for n in ["a.jpg", "link.jpg", "skip", "nowhere"])
        done = scan(service, tmp_path / "list", "-0", "-T", "-", input=names, code=2)
        assert b"nowhere" in done.stdout
        with contextlib.closing(sqlite3.connect(tmp_path / "list")) as db:
            found = sorted(os.path.basename(n) for n, in db.execute("SELECT name FROM files"))
        assert found == [b"a.jpg", b"b.jpg", b"nowhere"]


def test_many_files_as_paths_and_one_that_comes_later(listed, tmp_path):
    tree, state = tmp_path / "tree", tmp_path / "state"
    tree.mkdir()
    for i in range(300):
        (tree / f"{i}.jpg").write_bytes(jpeg(i % 50) + b"%d" % i)
    paths = [p.name for p in sorted(tree.iterdir())]
    done = subprocess.run([BIN / "hashgate", "scan", *paths, "later.jpg", "--state", state],
                          env=settings(listed, tmp_path), cwd=tree, capture_output=True, timeout=60)
    said = done.stderr.decode().splitlines()
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1, done
    assert said[0] == "hashgate: scan: later.jpg: cannot open it: No such file or directory"
    assert said[1].startswith("300 files: 0 matched") and said[1].endswith("· 1 not opened")
    assert scan(listed, state, "--rematch", code=0).stderr.startswith(b"300 files: 0 matched")
    (tree / "later.jpg").write_bytes(jpeg(51))
    (tree / "1.jpg").unlink()
    done = scan(listed, state, tree / "later.jpg", *(tree / p for p in paths), code=2)
    assert b"1.jpg: cannot open it: No such file" in done.stderr and b"gone" not in done.stderr
    assert b"301 files: 0 matched" in done.stderr and b"later.jpg" not in done.stderr
    done = scan(listed, state, tree, code=0)
    assert done.stderr.startswith(b"300 files: 0 matched"), done.stderr


def test_a_root_that_is_not_there_takes_nothing_with_it(listed, tmp_path, photographs):
    disk, other, state = tmp_path / "mnt" / "disk", tmp_path / "other", tmp_path / "state"
    disk.mkdir(parents=True)
    other.mkdir()
    (disk / "bad.png").write_bytes(encode(photographs[0], "PNG"))
    with zipfile.ZipFile(disk / "some.zip", "w") as z:
        z.writestr("bad.png", encode(photographs[5], "PNG"))
    (other / "good.jpg").write_bytes(jpeg(1))
    whole = lines(listed, state, disk, other)
    assert len(whole) == 4
    disk.rename(tmp_path / "unplugged")
    for name in [f"{disk}/", tmp_path / "mnt" / "." / "disk", f"{other}/../mnt/disk"]:
        done = scan(listed, state, name, other, tmp_path / "mnt", code=1)
        assert b"disk: cannot open it" in done.stderr.replace(b"/:", b":")
        assert b"4 files: 2 matched" in done.stderr and b"gone" not in done.stderr, done.stderr
    assert scan(listed, state, "--rematch", code=1).stderr.startswith(b"4 files: 2 matched")
    # Of what was never there nothing stays, whatever the reason is.
    done = scan(listed, state, other / "good.jpg" / "x", code=2)
    assert b"Not a directory" in done.stderr and b"0 files" in done.stderr
    with contextlib.closing(sqlite3.connect(state)) as db:
        roots = {name for name, in db.execute("SELECT name FROM roots")}
        assert roots == {os.fsencode(p) for p in (disk, other, tmp_path / "mnt")}
    for arguments in [[""], ["", other]]:
        done = scan(listed, tmp_path / "none", *arguments, code=2)
        assert b"an empty PATH" in done.stderr and b"files" not in done.stderr
    (tmp_path / "unplugged").rename(disk)
    assert lines(listed, state, disk, other) == whole


def test_two_scans_of_one_state(tree, listed, tmp_path):
    first = subprocess.Popen([BIN / "hashgate", "scan", tree, "--state", tmp_path / "state"],
                             env=settings(listed, tmp_path), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "state-wal").exists():
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        second = scan(listed, tmp_path / "state", tree, code=2)
        assert b"another scan has the state" in second.stderr
    finally:
        first.kill()
        first.wait()


def test_a_service_that_is_slow_to_answer(tree, photographs, tmp_path):
    """429 is waited for; a wrong key ends the scan; a restart in the middle loses nothing."""
    small = tmp_path / "tree"
    archive.make(small, 60, seed=3, pictures=photographs)
    with running() as service:
        service.bank("A")
        service.add(encode(photographs[3], "PNG"), bank="A")
        slow = service.new_key("match", "detail", rate=500, burst=400)
        whole = lines(service, tmp_path / "whole", small)
        done = service.cli("scan", str(small), "--state", str(tmp_path / "slow"), key=slow)
        assert done.returncode in (0, 1), done.stderr
        assert lines(service, tmp_path / "slow", small) == whole
        done = service.cli("scan", str(small), "--state", str(tmp_path / "wrong"), key="nonsense")
        assert done.returncode == 2 and b"key" in done.stderr
        assert lines(service, tmp_path / "wrong", small) == whole
        service.stop()
        done = scan(service, tmp_path / "down", small)
        assert done.returncode == 2 and b"connect" in done.stderr.lower()
        service.start()
        assert lines(service, tmp_path / "down", small) == whole


def test_names_are_escaped_everywhere(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    names = [b"\x1b[31m<b>\n\xff.jpg", b"=1+1.jpg", b"'\"&.jpg"]
    for i, name in enumerate(names):
        with open(os.path.join(os.fsencode(tree), name), "wb") as f:
            f.write(jpeg(7) + bytes(i))
    with running() as service:
        service.bank("A")
        service.add(jpeg(7), bank="A", label="<i>label")
        state = tmp_path / "state"
        done = scan(service, state, tree, "--report", tmp_path / "page.html", code=1)
        assert b"\x1b" not in done.stdout and b"\\x1b[31m<b>\\x0a\\xff.jpg" in done.stdout
        html = (tmp_path / "page.html").read_bytes()
        assert b"<b>" not in html and b"<i>" not in html and b"\x1b" not in html
        assert b"\\x1b[31m&lt;b&gt;\\x0a\\xff.jpg" in html and b"&#39;&quot;&amp;.jpg" in html
        csv = scan(service, state, tree, "--csv", code=1).stdout
        assert b"\x1b" not in csv and len(csv.strip().split(b"\r\n")) == 4
        told = lines(service, state, tree)
        assert {bytes.fromhex(t["file_hex"]).rsplit(b"/", 1)[1] for t in told if "file_hex" in t} \
            == {names[0]}
        # Without the scope `detail` a match is a bank and an action.
        plain = service.cli("scan", str(tree), "--state", str(tmp_path / "plain"), "--json",
                            key=service.new_key("match"), json_lines=True)
        assert [t["matches"] for t in plain] == [[{"bank": "A", "action": "block"}]] * 3


def test_clips_and_animations(tmp_path):
    """Frames keep their times: a clip is found by the rules of clips, turned or not."""
    frames = [picture(i) for i in range(8)]
    tree = tmp_path / "tree"
    tree.mkdir()
    frames[0].save(tree / "a.gif", save_all=True, append_images=frames[1:], duration=1000)
    turned = [f.transpose(2) for f in frames]
    turned[0].save(tree / "turned.gif", save_all=True, append_images=turned[1:], duration=1000)
    frames[5].save(tree / "one.png")
    with running() as service:
        service.bank("CLIPS", match_run=0, bank_match_percent=90)
        service.add((tree / "a.gif").read_bytes(), bank="CLIPS")
        told = {pathlib.Path(t["file"]).name: t for t in lines(service, tmp_path / "state", tree)}
        assert told["a.gif"]["media"]["frames"] == 8
        assert [m["orientation"] for m in told["a.gif"]["matches"]] == ["as-is"]
        assert len(told["turned.gif"]["matches"]) == 1
        assert told["one.png"]["matches"] == []


def test_acts_are_dry_until_they_are_meant(tmp_path):
    tree, away = tmp_path / "tree", tmp_path / "away"
    tree.mkdir()
    for name in ["a b.jpg", "copy.jpg", "$(touch x).jpg"]:
        (tree / name).write_bytes(jpeg(7))
    (tree / "seen.jpg").write_bytes(jpeg(8))
    (tree / "clean.jpg").write_bytes(jpeg(9))
    with running() as service:
        service.bank("A")
        service.bank("WATCHED", action="observe")
        service.add(jpeg(7), bank="A")
        service.add(jpeg(8), bank="WATCHED")
        state, log = tmp_path / "state", tmp_path / "log"
        done = scan(service, state, tree, "--yes", code=2)
        assert b"--yes does what --action says" in done.stderr and not state.exists()
        act = ["--action", f"quarantine {away}"]
        done = scan(service, state, tree, *act, code=1)
        assert done.stderr.count(b"would be done") == 3 and not away.exists()
        run = ["--action", f'exec printf "%s\\n" "$1" "${{HASHGATE_KEY-none}}" >>{log}', "--yes"]
        for _ in range(2):  # done once
            scan(service, state, tree, *run, code=1)
        said = log.read_text().splitlines()
        assert sorted(said[::2]) == sorted(str(tree / n) for n in
                                           ["a b.jpg", "copy.jpg", "$(touch x).jpg"])
        assert set(said[1::2]) == {"none"} and not (tmp_path / "x").exists()
        fails = ["--action", "exec exit 3", "--yes"]
        for _ in range(2):  # tried again
            done = scan(service, state, tree, *fails, code=1)
            assert done.stderr.count(b"the command ended with 3") == 3
        # What changed since it was hashed stays where it is.
        with contextlib.closing(sqlite3.connect(state)) as db:
            db.execute("UPDATE files SET mtime_ns = mtime_ns + 1 WHERE name = ?",
                       (os.fsencode(tree / "copy.jpg"),))
            db.commit()
        done = scan(service, state, "--rematch", *act, "--yes", code=1)
        assert b"copy.jpg: it is not what was hashed any more" in done.stderr
        assert sorted(p.name for p in tree.iterdir()) == ["clean.jpg", "copy.jpg", "seen.jpg"]
        assert sorted(p.read_bytes() for p in away.iterdir()) == [jpeg(7)] * 2
        assert away.stat().st_mode & 0o777 == 0o700
        with contextlib.closing(sqlite3.connect(state)) as db:
            assert db.execute("SELECT count(*) FROM acts WHERE act LIKE 'quarantine%' AND done"
                              ).fetchone()[0] == 2


def found_by(lines):
    """A service tells each entry once, a list each of its hashes; the nearest are the same."""
    return {(t["file"], m["bank"], m["entry"], m["type"], m["distance"], m["orientation"])
            for t in lines for m in t["matches"] if m["type"] == "pdq" and m["distance"] >= 0}


def test_offline_finds_what_the_service_finds(tree, listed, whole, tmp_path):
    lists = []
    for bank in ["CORE", "OTHER"]:
        name = tmp_path / f"{bank}.ndjson"
        name.write_bytes(listed.cli("export", "--bank", bank, "--format", "ndjson").stdout)
        lists += ["--offline", name]
    told = eval((whole / "lines").read_text())

    env = environment({"HASHGATE_URL": "http://127.0.0.1:1", "HOME": str(tmp_path)})

    def offline(*arguments):
        return subprocess.run([BIN / "hashgate", "scan", *map(str, arguments)], env=env,
                              capture_output=True, timeout=300)

    state = tmp_path / "state"
    done = offline(tree, "--state", state, *lists)
    assert done.returncode == 1, done.stderr
    assert found_by(lines(listed, state, tree)) == found_by(told)
    # The signals of an online scan, too; and what lists answered, a service is asked whole.
    shutil.copy(whole / "state", tmp_path / "second")
    assert offline("--rematch", "--state", tmp_path / "second", *lists).returncode == 1
    scan(listed, tmp_path / "second", "--since", "999999", code=1)
    assert lines(listed, tmp_path / "second", tree) == told
    assert offline("--rematch", "--state", state, *lists, "--threshold", "64").returncode == 2
    # Text has no entries; a bad line says where it is.
    text = tmp_path / "plain.txt"
    text.write_bytes(b"# a list\n" + listed.cli("export", "--bank", "CORE").stdout +
                     b"md5 " + b"0" * 31 + b"1\n")
    done = offline("--rematch", "--state", state, "--offline", text)
    assert done.returncode == 1 and b"1 md5 and sha1 of the lists" in done.stderr
    assert b"plain" in done.stdout and b"line 2" in done.stdout
    text.write_text("pdq " + "0" * 63 + "\n")
    done = offline("--rematch", "--state", state, "--offline", text)
    assert done.returncode == 2 and b"plain.txt:1: the value is not 64 hex digits" in done.stderr
