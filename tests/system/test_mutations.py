"""Does the service survive files that nobody thought of?  Seeded mutations of every kind of medium.

MUTATIONS (default 400) sets how many, TEST_SEED which.  The long run is its own command:
MUTATIONS=10000 HASHGATE_BIN=build/dev/bin python3 -m pytest tests/system/test_mutations.py
"""
import concurrent.futures
import os
import random
import re
import threading

import pytest
import requests

from clips import made
from hashgate import ROOT, encode, jpeg, picture, running

pytestmark = pytest.mark.hostile

MUTATIONS = int(os.environ.get("MUTATIONS", "400"))
SEED = int(os.environ.get("TEST_SEED", "20261128"))


def seeds():
    """One small file of each format, made here or lying in the project."""
    one, two = picture("one", (96, 72)), picture("two", (96, 72))
    several = {"save_all": True, "append_images": [two]}
    files = [encode(one, "JPEG"), encode(one, "JPEG", progressive=True), encode(one, "PNG"), encode(one, "GIF"),
             encode(one, "WEBP"), encode(one, "WEBP", lossless=True), encode(one, "TIFF"), encode(one, "BMP"),
             encode(one, "GIF", duration=300, **several), encode(one, "PNG", duration=300, **several),
             encode(one, "WEBP", duration=300, **several), encode(one, "MPO", **several),
             encode(one, "TIFF", compression="tiff_lzw", **several)]
    files += [p.read_bytes() for p in sorted((ROOT / "tests/golden/video").iterdir()) if p.stat().st_size < 60000]
    files += [p.read_bytes() for p in sorted((ROOT / "tests/unit/decode_heif/media").iterdir())
              if p.suffix in (".heic", ".avif")]
    return files


def mutated(rnd, files):
    data = bytearray(rnd.choice(files))
    kind = rnd.randrange(4)
    if kind == 0:
        for _ in range(rnd.choice((1, 2, 5, 20, 100))):
            data[rnd.randrange(len(data))] ^= 1 << rnd.randrange(8)
    elif kind == 1:
        del data[rnd.randrange(1, len(data)):]
    elif kind == 2:
        other = rnd.choice(files)
        at, begin = rnd.randrange(len(data)), rnd.randrange(len(other))
        data[at:at + rnd.randrange(1, 400)] = other[begin:begin + rnd.randrange(1, 400)]
    else:
        at = rnd.randrange(len(data))
        data[at:at + 4] = rnd.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0"))
    return bytes(data)


def test_mutations():
    rnd = random.Random(SEED)
    files = seeds()
    assert len(files) > 60
    media = [mutated(rnd, files) for _ in range(MUTATIONS)]
    local = threading.local()
    with running(hashing_max_pixels="4M", video_timeout="30s", hashing_timeout="30s", http_sync_limit="10m") as s:
        s.bank()
        listed = jpeg("listed")
        s.add(listed)

        def one(i):
            if not hasattr(local, "session"):
                local.session = requests.Session()
            answer = s.check(media[i], session=local.session)
            assert answer.status_code == 200 or 400 <= answer.status_code < 500, (SEED, i, answer.text)
            if answer.status_code == 200:
                assert answer.json()["examined"] in ("all", "digests"), (SEED, i)
            if i % 20 == 0:
                good = s.check(listed, session=local.session)
                assert good.json()["verdict"] == "block", (SEED, i)
            return answer.status_code

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(one, range(MUTATIONS)))
        assert 200 in counts and 422 in counts
        metrics = s.get("/metrics").text
        # A sanitizer's report ends its worker.
        for reason in ("crashed", "lied"):
            found = re.search(rf'worker_failures_total{{reason="{reason}"}} (\d+)', metrics)
            assert found and found.group(1) == "0", f"seed {SEED}: {found and found.group()}"
        assert "Sanitizer" not in s.log_text()
