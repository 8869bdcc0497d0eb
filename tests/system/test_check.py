"""Does a check answer as documented, for every way of sending a picture?"""
import hashlib

import pytest
from PIL import Image

from clips import pan, still_of
from hashgate import distance, encode, jpeg, picture, running


def test_block_review_observe_allow(fresh):
    for action, verdict in (("block", "block"), ("review", "review"), ("observe", "allow")):
        bank = action.upper()
        fresh.bank(bank, action=action)
        data = jpeg(bank)
        assert fresh.verdict(data) == "allow"
        entry = fresh.add(data, bank)
        answer = fresh.check(data).json()
        assert answer["verdict"] == verdict
        assert [m["bank"] for m in answer["matches"]] == [bank]
        assert answer["matches"][0]["entry"] == entry["id"]
        assert answer["generation"] >= entry["generation"]


def test_strictest_action_wins_and_banks_narrow(fresh):
    data = jpeg("both")
    for bank, action in (("SOFT", "review"), ("HARD", "block"), ("QUIET", "observe")):
        fresh.bank(bank, action=action)
        fresh.add(data, bank)
    assert fresh.verdict(data) == "block"
    assert fresh.verdict(data, "?banks=SOFT") == "review"
    assert fresh.verdict(data, "?banks=SOFT,QUIET") == "review"
    assert fresh.verdict(data, "?banks=QUIET") == "allow"
    refused = fresh.check(data, "?banks=SOFT,NOSUCH")
    assert refused.status_code == 400 and "NOSUCH" in refused.json()["detail"]


def test_answer_has_the_fields_of_the_contract(fresh):
    fresh.bank("TERROR_CORE")
    data = jpeg("fields", size=(512, 384))
    entry = fresh.add(data, "TERROR_CORE", label="is-propaganda")
    answer = fresh.check(data).json()
    assert set(answer) == {"check_id", "verdict", "generation", "examined", "media", "signals",
                           "matches"}
    assert answer["media"] == {"type": "image/jpeg", "bytes": len(data), "width": 512,
                               "height": 384, "frames": 1}
    pdq, sha = answer["signals"][0], answer["signals"][1]
    assert pdq["type"] == "pdq" and pdq["usable"] is True and len(pdq["value"]) == 64
    assert sha["type"] == "sha256" and sha["value"] == hashlib.sha256(data).hexdigest()
    match = answer["matches"][0]
    assert match["bank"] == "TERROR_CORE" and match["action"] == "block"
    assert match["entry"] == entry["id"] and match["threshold"] == 31
    assert match["distance"] == 0 and match["orientation"] == "as-is"
    assert match["labels"] == ["is-propaganda"]
    assert answer["examined"] == "all"


def test_a_key_without_detail_learns_only_bank_and_action(fresh):
    fresh.bank("A")
    data = jpeg("oracle")
    fresh.add(data, "A")
    fresh.add(encode(picture("oracle", (300, 225)), "PNG"), "A")
    key = fresh.new_key("check")
    hit = fresh.check(data, key=key).json()
    assert hit["matches"] == [{"bank": "A", "action": "block"}]
    assert "signals" not in hit
    near = fresh.check(encode(picture("oracle"), "JPEG", quality=60), key=key).json()
    assert near["matches"] == [{"bank": "A", "action": "block"}]
    assert set(near) == set(hit)


def test_turned_and_mirrored_copies_are_found(fresh):
    fresh.bank("A")
    upright = picture("turned", (400, 300))
    fresh.add(encode(upright, "PNG"), "A")
    turns = [Image.ROTATE_90, Image.ROTATE_180, Image.ROTATE_270, Image.FLIP_LEFT_RIGHT,
             Image.FLIP_TOP_BOTTOM, Image.TRANSPOSE, Image.TRANSVERSE]
    seen = set()
    for turn in turns:
        data = encode(upright.transpose(turn), "JPEG", quality=90)
        answer = fresh.check(data).json()
        assert answer["verdict"] == "block", turn
        seen.add(answer["matches"][0]["orientation"])
        assert fresh.verdict(data, "?orientations=as-is") == "allow", turn
    assert len(seen) == 7 and "as-is" not in seen


def test_every_mode_of_one_picture_matches(fresh):
    """CMYK, palette, 16 bit, alpha: HMA is up to 256 bits off on some of these."""
    fresh.bank("A")
    base = picture("modes", (320, 240))
    fresh.add(encode(base, "PNG"), "A")
    grey16 = base.convert("L").convert("I").point(lambda v: v * 257)
    forms = {
        "CMYK JPEG": encode(base.convert("CMYK"), "JPEG", quality=95),
        "grey JPEG": encode(base.convert("L"), "JPEG", quality=95),
        "progressive JPEG": encode(base, "JPEG", quality=95, progressive=True),
        "palette PNG": encode(base.convert("P", palette=Image.ADAPTIVE), "PNG"),
        "16 bit grey PNG": encode(grey16, "PNG"),
        "opaque RGBA PNG": encode(base.convert("RGBA"), "PNG"),
        "grey + alpha PNG": encode(base.convert("LA"), "PNG"),
    }
    for name, data in forms.items():
        assert fresh.verdict(data, "?orientations=as-is") == "block", name


def test_what_alpha_hides_is_looked_up_as_seen(fresh):
    """The pixels say one picture, the alpha shows another: both are looked up."""
    fresh.bank("A")
    shown, stored = picture("shown", (320, 240)).convert("L"), picture("stored", (320, 240))
    fresh.add(encode(Image.merge("RGB", [shown] * 3), "PNG"), "A")
    black = Image.new("RGB", shown.size)
    # On white: black pixels whose alpha is the negative of what is to be seen.
    trick = black.copy()
    trick.putalpha(Image.eval(shown, lambda v: 255 - v))
    answer = fresh.check(encode(trick, "PNG")).json()
    assert answer["verdict"] == "block" and answer["matches"][0]["look"] == "on-white"
    # On black: white pixels whose alpha is the picture.
    trick = Image.new("RGB", shown.size, "white")
    trick.putalpha(shown)
    answer = fresh.check(encode(trick, "PNG")).json()
    assert answer["verdict"] == "block" and answer["matches"][0]["look"] == "on-black"
    # A shared list's hash ignores alpha: it still matches through transparency.
    fresh.bank("B")
    fresh.add(encode(stored, "PNG"), "B")
    see_through = stored.copy()
    see_through.putalpha(Image.linear_gradient("L").resize(stored.size))
    assert fresh.verdict(encode(see_through, "PNG"), "?banks=B") == "block"


def test_a_flat_picture_is_matched_by_its_digests_only(fresh):
    fresh.bank("A")
    flat = encode(Image.new("RGB", (200, 200), (10, 20, 30)), "PNG")
    other = encode(Image.new("RGB", (210, 200), (10, 20, 30)), "PNG")
    answer = fresh.check(flat).json()
    assert answer["verdict"] == "allow" and answer["examined"] == "digests"
    assert answer["signals"][0]["usable"] is False
    listed = fresh.add(flat, "A")
    assert all(s["type"] != "pdq" or s.get("usable") is False for s in listed["signals"])
    answer = fresh.check(flat).json()
    assert answer["verdict"] == "block" and answer["matches"][0]["type"] == "sha256"
    assert fresh.verdict(other) == "allow"


def test_several_files_in_one_request(fresh):
    fresh.bank("A")
    bad, good = jpeg("listed"), jpeg("innocent")
    fresh.add(bad, "A")
    files = [("file", ("one.jpg", good, "image/jpeg")), ("x", ("two.jpg", bad, "image/png"))]
    answer = fresh.post("/v1/check", files=files).json()
    assert answer["verdict"] == "block"
    assert [item["verdict"] for item in answer["items"]] == ["allow", "block"]
    single = fresh.post("/v1/check", files=files[:1]).json()
    assert single["verdict"] == "allow"
    files.append(("z", ("broken.jpg", bad[:500], "image/jpeg")))
    refused = fresh.post("/v1/check", files=files)
    assert refused.status_code == 422 and "broken.jpg" in refused.json()["detail"]


def test_frames_of_one_medium(fresh):
    fresh.bank("A")
    bad = jpeg("listed frame")
    fresh.add(bad, "A")
    files = [("f", ("0.jpg", jpeg("f0"), "image/jpeg", {"X-Frame-Ms": "0"})),
             ("f", ("1.jpg", bad, "image/jpeg", {"X-Frame-Ms": "1500"}))]
    answer = fresh.post("/v1/check?as=frames", files=files).json()
    assert answer["verdict"] == "block" and "items" not in answer
    assert answer["matches"][0]["ms"] == 1500


@pytest.mark.parametrize("data, status, word", [
    (b"", 400, ""),
    (b"hello, world", 415, ""),
    (b"RIFF\0\0\0\0AVI LIST" + bytes(100), 415, "AVI"),
    (b"%PDF-1.7" + bytes(100), 415, "PDF"),
    (b"GIF89a" + bytes(100), 422, "GIF"),
    (b"\0\0\0\x18ftypmp42" + bytes(100), 422, ""),
    (b"\xff\xd8\xff\xe0" + bytes(100), 422, ""),
])
def test_refusals_name_the_reason(fresh, data, status, word):
    answer = fresh.check(data)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "request_id"} <= set(problem)
    assert problem["status"] == status and word in problem["detail"]


@pytest.mark.parametrize("kind, options", [
    ("GIF", {"duration": 500}), ("PNG", {"duration": 500}), ("WEBP", {"duration": 500, "quality": 90}), ("MPO", {}),
    ("TIFF", {}),
])
def test_a_later_picture_is_never_passed_unseen(fresh, kind, options):
    """A listed picture behind a harmless one, in every format that holds several."""
    fresh.bank("A")
    fresh.add(encode(picture("inside"), "PNG"), "A")
    later = [picture("inside")] if kind == "MPO" else [picture("inside"), picture("end")]  # Pillow breaks longer ones
    several = encode(picture("cover"), kind, save_all=True, append_images=later, **options)
    answer = fresh.check(several).json()
    assert answer["verdict"] == "block" and answer["media"]["frames"] == 1 + len(later)
    if "duration" in options:
        assert answer["matches"][0]["ms"] == 500
    harmless = encode(picture("cover"), kind, save_all=True, append_images=[picture("end")], **options)
    assert fresh.verdict(harmless) == "allow"


@pytest.mark.parametrize("kind, mime, options", [
    ("GIF", "image/gif", {}), ("WEBP", "image/webp", {"quality": 90}), ("WEBP", "image/webp", {"lossless": True}),
    ("TIFF", "image/tiff", {}), ("TIFF", "image/tiff", {"compression": "tiff_lzw"}), ("BMP", "image/bmp", {}),
    ("JPEG", "image/jpeg", {"progressive": True}), ("PNG", "image/png", {}),
])
def test_one_picture_in_every_format(fresh, kind, mime, options):
    fresh.bank("A")
    fresh.add(encode(picture("in every format"), "PNG"), "A")
    answer = fresh.check(encode(picture("in every format"), kind, **options)).json()
    assert answer["verdict"] == "block" and answer["media"]["type"] == mime
    assert fresh.verdict(encode(picture("another"), kind, **options)) == "allow"


def test_a_clip_behind_a_photograph(fresh, tmp_path):
    """A motion photo: the still is harmless, a frame of its clip is listed."""
    clip = pan(picture("inside a motion photo", (1200, 900)), tmp_path, "clip", seconds=3)
    fresh.bank("A")
    fresh.add(still_of(clip, 2.0), "A")
    photo = jpeg("cover of a motion photo")
    assert fresh.verdict(photo) == "allow"
    answer = fresh.check(photo + clip.read_bytes(), "?examine=all").json()
    assert answer["verdict"] == "block" and answer["media"]["type"] == "image/jpeg"
    assert answer["media"]["frames"] == 1 + 75 and abs(answer["matches"][0]["ms"] - 2000) <= 40


def test_the_name_and_the_header_are_not_believed(fresh):
    data = jpeg("named wrongly")
    answer = fresh.check(data, headers={"Content-Type": "image/png"})
    assert answer.status_code == 200 and answer.json()["media"]["type"] == "image/jpeg"


def test_pixel_limit_is_named():
    with running(hashing_max_pixels="10000") as service:
        assert service.check(jpeg("small", size=(100, 100))).status_code == 200
        answer = service.check(jpeg("large", size=(101, 100)))
        assert answer.status_code == 422 and answer.json()["type"].endswith("media-limit")
        assert "max_pixels" in answer.json()["detail"]


def test_hash_route_agrees_with_check_and_matches_nothing(fresh):
    fresh.bank("A")
    data = jpeg("hash route")
    fresh.add(data, "A")
    answer = fresh.post("/v1/hash", data).json()
    assert set(answer) == {"media", "signals"}
    kinds = {s["type"]: s["value"] for s in answer["signals"]}
    assert kinds["sha256"] == hashlib.sha256(data).hexdigest()
    assert kinds["sha1"] == hashlib.sha1(data).hexdigest()
    assert kinds["md5"] == hashlib.md5(data).hexdigest()
    assert kinds["pdq"] == fresh.check(data).json()["signals"][0]["value"]
    turned = fresh.post("/v1/hash?orientations=all", data).json()["signals"]
    names = [s["orientation"] for s in turned if s["type"] == "pdq"]
    assert names == ["as-is", "rot90", "rot180", "rot270", "flipx", "flipy", "flipplus1",
                     "flipminus1"]


def test_hash_of_the_picture_really_turned(fresh):
    upright = picture("really turned", (333, 250))
    hashes = {s["orientation"]: s["value"] for s in fresh.post(
        "/v1/hash?orientations=all", encode(upright, "PNG")).json()["signals"] if s["type"] == "pdq"}
    turned = {"rot180": Image.ROTATE_180, "flipx": Image.FLIP_TOP_BOTTOM,
              "flipy": Image.FLIP_LEFT_RIGHT, "flipplus1": Image.TRANSPOSE,
              "flipminus1": Image.TRANSVERSE}
    for name, turn in turned.items():
        other = fresh.post("/v1/hash", encode(upright.transpose(turn), "PNG")).json()["signals"][0]
        assert distance(hashes[name], other["value"]) <= 2, name
    quarter = {fresh.post("/v1/hash", encode(upright.transpose(t), "PNG")).json()["signals"][0]["value"]
               for t in (Image.ROTATE_90, Image.ROTATE_270)}
    for name in ("rot90", "rot270"):
        assert min(distance(hashes[name], q) for q in quarter) <= 2, name
