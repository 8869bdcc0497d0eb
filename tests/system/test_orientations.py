"""Is a picture found however its file says that it must be turned?  Listed as stored, matched eight ways."""
import collections

import pytest

from clips import H264, ffmpeg, made, pan
from hashgate import ROOT, distance, encode, picture, running

HEIF = ROOT / "tests/unit/decode_heif/media"


def upright_hash(service, data):
    """The hash of the picture turned as viewers show it."""
    answer = service.post("/v1/hash?orientations=all", data)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    wanted = answer["media"].get("upright", "as-is")
    return next(s["value"] for s in answer["signals"] if s["type"] == "pdq" and s["orientation"] == wanted)


def all_near(hashes, bits=4):
    for name, value in hashes.items():
        for other, against in hashes.items():
            assert distance(value, against) <= bits, (name, other, distance(value, against))


def each_finds_all(files):
    """Any of them listed, all of them match."""
    with running() as s:
        for listed in files:
            bank = s.bank("B_" + "".join(c if c.isalnum() else "_" for c in listed).upper())["name"]
            s.add(files[listed], bank=bank)
        for name, data in files.items():
            answer = s.check(data, "?examine=all").json()
            assert {m["bank"] for m in answer["matches"]} >= {b["name"] for b in s.get("/v1/banks").json()["banks"]}, name


def test_exif(shared):
    files = {p.name: p.read_bytes() for p in sorted((shared / "hostile/gen/orient").glob("exif-[1-8].*"))}
    assert len(files) == 24
    with running() as s:
        all_near({name: upright_hash(s, data) for name, data in files.items()})
        seen = collections.Counter(s.check(data).json()["media"].get("upright", "as-is") for data in files.values())
        assert set(seen.values()) == {3} and len(seen) == 8
    each_finds_all({name: data for name, data in files.items() if name.endswith(("jpg", "webp"))})


def test_exif_that_makes_no_sense_turns_nothing(shared):
    with running() as s:
        for path in (shared / "hostile/gen/orient").glob("exif-bad-*"):
            assert "upright" not in s.check(path.read_bytes()).json()["media"], path.name


def test_heif_turns_and_mirrors():
    files = {name: (HEIF / name).read_bytes() for name in (
        "plain.heic", "irot1.heic", "irot2.heic", "irot3.heic", "imir0.heic", "imir1.heic", "irot1.avif", "scene.png")}
    with running() as s:
        all_near({name: upright_hash(s, data) for name, data in files.items()})
    each_finds_all(files)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return pan(picture(71, (1600, 1200)), tmp_path_factory.mktemp("clip"), "clip", seconds=4)


def test_video_rotation(clip, tmp_path):
    """What a phone stores lying on its side, with the turn in the header."""
    files = {"0": clip.read_bytes()}
    for degrees, stored in ((90, "transpose=2"), (180, "transpose=1,transpose=1"), (270, "transpose=1")):
        side = tmp_path / f"{degrees}.mp4"
        ffmpeg("-i", clip, "-vf", stored, *H264, tmp_path / "side.mp4")
        ffmpeg("-i", tmp_path / "side.mp4", "-c", "copy", "-metadata:s:v:0", f"rotate={360 - degrees}", side)
        files[str(degrees)] = side.read_bytes()
    with running() as s:
        first = {name: upright_hash(s, data) for name, data in files.items()}
        all_near(first, bits=8)
        assert len({s.post("/v1/hash", d).json()["media"].get("upright", "as-is") for d in files.values()}) == 4
    each_finds_all(files)
