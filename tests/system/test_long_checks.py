"""Is a check that outlives its request answered in the end, whatever happens?"""
import concurrent.futures
import contextlib
import time

import pytest
import requests

from clips import made, pan
from hashgate import encode, jpeg, picture, running


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = pan(picture(81, (1600, 1200)), tmp_path_factory.mktemp("clips"), "clip")
    return made("-stream_loop", 9, "-i", path, "-c", "copy")


def await_end(service, location, key=True, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = service.get(location, key=key)
        assert answer.status_code == 200, answer.text
        if answer.json()["state"] != "running":
            return answer.json()
        assert answer.headers["Retry-After"]
        time.sleep(0.1)
    raise AssertionError("it does not end")


def test_asked_for(clip):
    with running() as s:
        s.bank()
        entry = s.add(clip)
        answer = s.check(clip, "?ref=mine", headers={"Prefer": "respond-async, wait=10"})
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "running"
        location = answer.headers["Location"]
        assert location == "/v1/checks/" + answer.json()["check_id"]
        ended = await_end(s, location)
        assert ended["state"] == "done" and ended["verdict"] == "block"
        assert ended["check_id"] == answer.json()["check_id"]
        assert ended["matches"][0]["entry"] == entry["id"]


def test_a_picture_is_answered_at_once():
    with running() as s:
        answer = s.check(jpeg(1), headers={"Prefer": "respond-async"})
        assert answer.status_code == 200 and answer.json()["verdict"] == "allow"


def test_longer_than_the_limit(clip):
    with running(http_sync_limit="200ms") as s:
        key = s.new_key("check")
        answer = s.check(clip, key=key)
        assert answer.status_code == 202, answer.text
        ended = await_end(s, answer.headers["Location"], key=key)
        assert ended["verdict"] == "allow" and ended["examined"] == "all"
        assert ended["media"]["frames"] == 3000 and "signals" not in ended
        other = s.new_key("check")
        assert s.get(answer.headers["Location"], key=other).status_code == 404
        assert s.get("/v1/checks/nonsense", key=key).status_code == 404
        assert s.get("/v1/checks/01J8ZQ4T9H3N5W7Y8X2V6B1C0D", key=key).status_code == 404


def test_one_that_cannot_be_decoded_ends_as_an_error(clip):
    with running() as s:
        answer = s.check(clip[:-2000], headers={"Prefer": "respond-async"})
        assert answer.status_code == 202
        ended = await_end(s, answer.headers["Location"])
        assert ended["state"] == "error" and "verdict" not in ended
        assert ended["problem"]["status"] in (415, 422)


def test_interrupted_by_kill_it_ends_as_an_error(clip):
    with running(video_workers=1) as s:
        locations = [s.check(clip, "?examine=all", headers={"Prefer": "respond-async"}).headers["Location"]]
        s.kill()
        s.start()
        for location in locations:
            ended = await_end(s, location, seconds=5)
            assert ended["state"] == "error" and "verdict" not in ended
            assert ended["problem"]["status"] == 503


def test_interrupted_by_a_graceful_stop_it_ends_as_an_error(clip):
    with running(video_workers=1) as s:
        location = s.check(clip, "?examine=all", headers={"Prefer": "respond-async"}).headers["Location"]
        s.stop()
        s.start()
        ended = await_end(s, location, seconds=5)
        assert ended["state"] == "error" or ended["verdict"] == "allow" and ended["examined"] == "all"


@pytest.mark.parametrize("setting, value, words", [
    ("video_max_frames", "100", "max_frames"), ("video_max_duration", "5s", "max_duration"),
    ("hashing_max_pixels", "100000", "max_pixels"), ("video_timeout", "100ms", "timeout"),
])
def test_limits_have_names(clip, setting, value, words):
    with running(**{setting: value}) as s:
        answer = s.check(clip)
        assert answer.status_code == 422, answer.text
        problem = answer.json()
        assert problem["type"].endswith("media-limit") and words in problem["detail"], problem
        assert f"[{setting.split('_')[0]}]" in problem["detail"], problem
        assert s.verdict(jpeg(3)) == "allow"


def test_a_stop_waits_for_no_long_clip(clip):
    with running(http_stop_timeout="500ms") as s:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(s.post, "/v1/hash", clip)
            time.sleep(1.0)
            begun = time.monotonic()
            s.stop()
            assert time.monotonic() - begun < 10
            with contextlib.suppress(requests.RequestException):
                assert answer.result().status_code in (200, 503)
        s.start()


def test_the_command_line_waits_for_the_end(clip, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(clip)
    (tmp_path / "broken.mp4").write_bytes(clip[:-2000])
    with running(http_sync_limit="50ms") as s:
        done = s.cli("check", tmp_path / "clip.mp4")
        assert done.returncode == 0 and b"allow" in done.stdout, done
        done = s.cli("check", tmp_path / "broken.mp4")
        assert done.returncode == 2 and b"error" in done.stdout, done
        s.bank()
        assert s.cli("add", tmp_path / "clip.mp4", "--bank", "TEST", "--reason", "r").returncode == 0
        done = s.cli("check", "--json", tmp_path / "clip.mp4", json_lines=False)
        assert done.returncode == 1 and b'"block"' in done.stdout, done
        done = s.cli("bank", "set", "TEST", "--bank-match-percent", "60", "--match-run", "0", "--json")
        assert b'"bank_match_percent":60' in done.stdout.replace(b" ", b""), done


def test_sizes(clip):
    with running(http_max_upload="64KiB", http_max_video_upload="2MiB") as s:
        small = clip[:1 << 20]
        assert s.check(small).status_code in (200, 422), "a clip may be larger than a picture"
        large = encode(picture(1, (900, 700)).effect_spread(9), "PNG")
        assert len(large) > 200_000
        answer = s.check(large)
        assert answer.status_code == 413 and "65536" in answer.json()["detail"]
        answer = s.post("/v1/check", files=[("f", ("a.png", large, "image/png"))])
        assert answer.status_code == 413, answer.text
        assert s.check(b"\0\0\0\x18ftypmp42" + bytes(3 << 20)).status_code == 413
