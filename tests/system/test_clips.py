"""Is a listed clip found in what people make of it, and are others left alone?"""
import time

import pytest

from clips import H264, ffmpeg, made, pan, still_of
from hashgate import encode, jpeg, picture, running

SCENE = (1600, 1200)


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips of different scenes, 12 s each."""
    folder = tmp_path_factory.mktemp("clips")
    return {name: pan(picture(seed, SCENE), folder, name) for name, seed in (("one", 71), ("two", 72))}


@pytest.fixture(scope="module")
def banked(clips):
    with running(video_preview_after="5s") as s:
        s.bank("CLIPS")
        s.entry = s.add(clips["one"].read_bytes(), bank="CLIPS")
        yield s


def matches(service, data, query=""):
    answer = service.check(data, query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_listed_signals_are_one_a_second_and_what_stands_out(banked):
    times = [signal["ms"] for signal in banked.entry["signals"] if signal["type"] == "pdq"]
    assert times[0] == 0 and times == sorted(times)
    assert all(b - a <= 1040 for a, b in zip(times, times[1:])), "a second without a signal"
    assert 12 <= len(times) <= 30


def test_the_clip_itself_is_found(banked, clips):
    answer = matches(banked, clips["one"].read_bytes(), "?examine=all")
    assert answer["verdict"] == "block" and answer["examined"] == "all"
    assert answer["media"]["type"] == "video/mp4" and answer["media"]["frames"] == 300
    match = answer["matches"][0]
    assert match["clip"]["found"] == match["clip"]["of"] and match["clip"]["offset_ms"] == 0
    assert match["distance"] <= 4 and match["entry"] == banked.entry["id"]


def test_one_that_will_be_blocked_is_known_early(banked, clips):
    answer = matches(banked, clips["one"].read_bytes())
    assert answer["verdict"] == "block"
    if answer["examined"] == "part":
        assert answer["media"]["frames"] < 300


def test_another_scene_is_allowed(banked, clips):
    answer = matches(banked, clips["two"].read_bytes())
    assert answer["verdict"] == "allow" and answer["examined"] == "all" and answer["matches"] == []


@pytest.mark.parametrize("start", [0.0, 1.37, 3.52, 6.9])
def test_five_seconds_inside_another_clip(banked, clips, start):
    """Cut at any phase, at half the size, in the middle of something else."""
    inside = made("-t", 4, "-i", clips["two"], "-ss", start, "-t", 5, "-i", clips["one"], "-ss", 6, "-t", 3, "-i",
                  clips["two"], "-filter_complex", "[0:v][1:v][2:v]concat=n=3:v=1,scale=iw/2:ih/2", *H264)
    answer = matches(banked, inside, "?examine=all")
    assert answer["verdict"] == "block"
    match = answer["matches"][0]
    assert match["clip"]["run"] >= 3
    assert abs(match["clip"]["offset_ms"] - (4000 - start * 1000)) <= 500
    assert abs((match["ms"] - match["entry_ms"]) - (4000 - start * 1000)) <= 500
    assert 4000 <= match["ms"] <= 9000


@pytest.mark.parametrize("name, edit", [
    ("mirrored", "hflip"), ("upside-down", "vflip"), ("turned", "transpose=1"), ("grey", "hue=s=0"),
    ("small", "scale=160:120"), ("slower frames", "fps=10"), ("logo", "drawbox=x=8:y=8:w=36:h=20:c=white@0.6:t=fill"),
])
def test_edits_are_found(banked, clips, name, edit):
    answer = matches(banked, made("-i", clips["one"], "-vf", edit, *H264), "?examine=all")
    assert answer["verdict"] == "block", name
    if name == "mirrored":
        assert answer["matches"][0]["orientation"] == "flipy"


def test_frames_in_another_order_are_no_run(banked, clips):
    """Reversed: the frames are there, so the percentage finds it; but in order they are not."""
    answer = matches(banked, made("-i", clips["one"], "-vf", "reverse", *H264), "?examine=all")
    assert answer["verdict"] == "block" and answer["matches"][0]["clip"]["run"] < 3
    banked.patch("/v1/banks/CLIPS", json={"bank_match_percent": 100, "query_match_percent": 100})
    try:
        shuffled = made("-i", clips["one"], "-vf", "reverse,trim=duration=6", *H264)
        assert matches(banked, shuffled, "?examine=all")["verdict"] == "allow"
    finally:
        banked.patch("/v1/banks/CLIPS", json={"bank_match_percent": 80, "query_match_percent": 0})


def test_a_bank_sets_its_own_rules(banked, clips):
    part = made("-ss", 2, "-t", 5, "-i", clips["one"], *H264)
    assert matches(banked, part)["verdict"] == "block"
    answer = banked.patch("/v1/banks/CLIPS", json={"match_run": 0})
    assert answer.json()["match_run"] == 0
    assert matches(banked, part)["verdict"] == "allow", "5 of 12 seconds are less than 80 %"
    banked.patch("/v1/banks/CLIPS", json={"bank_match_percent": 20})
    assert matches(banked, part)["verdict"] == "block"
    assert banked.patch("/v1/banks/CLIPS", json={"match_run": 1}).status_code == 400
    banked.patch("/v1/banks/CLIPS", json={"bank_match_percent": 80, "match_run": 3})


def test_one_still_blocks_the_whole_clip(clips):
    with running() as s:
        s.bank("STILLS")
        s.add(still_of(clips["two"], 7.0), bank="STILLS")
        answer = matches(s, clips["two"].read_bytes(), "?examine=all")
        assert answer["verdict"] == "block"
        match = answer["matches"][0]
        assert "clip" not in match and match["entry_ms"] is None
        assert abs(match["ms"] - 7000) <= 40 and match["distance"] <= 8
        assert matches(s, clips["one"].read_bytes())["verdict"] == "allow"


def test_frames_that_the_platform_sends(banked, clips):
    """The same rules when the platform decodes: several pictures in one body, with their times."""
    def frames(seconds):
        return [("f", (f"{at}.png", still_of(clips["one"], at), "image/png", {"X-Frame-Ms": str(int(at * 1000))}))
                for at in seconds]

    sent = banked.post("/v1/check?as=frames", files=frames([2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0]))
    assert sent.status_code == 200, sent.text
    assert sent.json()["verdict"] == "block" and sent.json()["media"]["frames"] == 7
    one = banked.post("/v1/check?as=frames", files=frames([2.0]))
    assert one.json()["verdict"] == "allow", "one frame of twelve seconds is no clip"


def test_match_by_hash_knows_clips(banked, clips):
    hashes = banked.post("/v1/hash", clips["one"].read_bytes()).json()
    assert hashes["media"]["duration_ms"] > 11000
    signals = [s for s in hashes["signals"] if s["type"] == "pdq"]
    assert all(s["ms"] >= 0 for s in signals)
    for signal in signals:
        for extra in ("usable", "orientation", "look"):
            signal.pop(extra, None)

    def verdict(some):
        answer = banked.post("/v1/match", json={"media": [{"id": "x", "signals": some}]})
        assert answer.status_code == 200, answer.text
        return answer.json()["results"][0]["verdict"]

    assert verdict(signals) == "block"
    assert verdict(signals[3:7]) == "block"
    assert verdict(signals[3:5]) == "allow"


def test_revoked_is_allowed_at_once(clips):
    with running() as s:
        s.bank("CLIPS")
        data = clips["one"].read_bytes()
        entry = s.add(data, bank="CLIPS")
        assert matches(s, data)["verdict"] == "block"
        s.revoke(entry["id"])
        assert matches(s, data)["verdict"] == "allow"


def test_known_clips(shared):
    """Edits of one scene are found, other scenes are not (needs ../shared/data)."""
    folder = shared / "video"
    with running() as s:
        s.bank("CLIPS")
        s.add((folder / "chair-orig-22-sd-bar.mp4").read_bytes(), bank="CLIPS")
        seen = 0
        for path in sorted(folder.glob("*.mp4")):
            want = "block" if path.name.startswith("chair") else "allow"
            assert matches(s, path.read_bytes())["verdict"] == want, path.name
            seen += 1
        assert seen >= 7
        for start in (2.3, 9.71, 15.0):
            inside = made("-t", 4, "-i", folder / "pattern-sd-grey-bar.mp4", "-ss", start, "-t", 5, "-i",
                          folder / "chair-orig-22-sd-bar.mp4", "-filter_complex",
                          "[0:v]scale=240:360,setsar=1,fps=30[a];[1:v]scale=240:360,setsar=1,fps=30[b];"
                          "[a][b]concat=n=2:v=1", *H264)
            answer = matches(s, inside, "?examine=all")
            assert answer["verdict"] == "block", start
            match = answer["matches"][0]
            assert abs(match["ms"] - match["entry_ms"] - (4000 - start * 1000)) <= 500, (start, match)
        mirrored = made("-i", folder / "chair-orig-22-sd-bar.mp4", "-vf", "hflip", *H264)
        assert matches(s, mirrored)["verdict"] == "block"


def test_pictures_are_answered_while_clips_are_decoded(clips):
    with running(video_workers=1, http_sync_limit="60s") as s:
        s.bank("CLIPS")
        data = clips["one"].read_bytes()
        long = made("-stream_loop", 6, "-i", clips["one"], "-c", "copy")
        import concurrent.futures
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            slow = [pool.submit(s.check, long, session=None) for _ in range(3)]
            time.sleep(0.3)
            for seed in range(20):
                assert s.verdict(jpeg(seed)) == "allow"
            assert not all(f.done() for f in slow), "the clips were faster than twenty pictures"
            assert [f.result().status_code for f in slow] == [200, 200, 200]
        assert s.verdict(data) == "allow"
