"""Makes an archive of many small files from a few photographs: what a scan is tested on.

    /usr/bin/python3 tests/support/archive.py FOLDER COUNT [SEED]

Equal counts and seeds make equal trees but for times and inodes.  Of a hundred files about two are
copies, three hard links, one is corrupt, one is no medium, and every seventh has a name that would
like to be taken for something else.  The same picture comes in many edits and formats.
"""
import io
import os
import pathlib
import random
import sys

from PIL import Image, ImageEnhance, ImageOps

PHOTOS = pathlib.Path(__file__).resolve().parents[3] / "shared/data/photos"

ODD = [b"new\nline", b"\xff\xfe\x80", b"\x1b[31mred", b"<img src=x onerror=alert(1)>", b"'\"&amp;",
       b"=cmd()", b"-rf", b" blank ", b"a\\x41b", b"\xe2\x80\xaegpj", b"tab\there", b"%s%n", b"..."]
FORMATS = ["JPEG"] * 6 + ["PNG", "WEBP", "GIF", "BMP", "TIFF"]
ENDINGS = {"JPEG": b".jpg", "PNG": b".png", "WEBP": b".webp", "GIF": b".gif", "BMP": b".bmp",
           "TIFF": b".tif"}
EDITS = [lambda i: i, ImageOps.mirror, ImageOps.flip, lambda i: i.rotate(90, expand=True),
         lambda i: i.rotate(180), lambda i: ImageEnhance.Brightness(i).enhance(1.2),
         lambda i: i.resize((i.width * 3 // 4, i.height * 3 // 4)), ImageOps.grayscale]


def photographs(folder=PHOTOS):
    pictures = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as picture:
            picture.draft("RGB", (480, 270))
            pictures.append(picture.convert("RGB").resize((320, 180)))
    return pictures


def encode(rnd, pictures):
    picture = rnd.choice(EDITS)(rnd.choice(pictures))
    kind = rnd.choice(FORMATS)
    out = io.BytesIO()
    # Every file differs from every other, however alike they look.
    pixel = (rnd.randrange(picture.width), rnd.randrange(picture.height))
    picture = picture.copy()
    picture.putpixel(pixel, rnd.randrange(256) if picture.mode == "L" else (rnd.randrange(256),) * 3)
    picture.save(out, kind, **({"quality": rnd.randrange(60, 96)} if kind in ("JPEG", "WEBP") else {}))
    return out.getvalue(), ENDINGS[kind]


def make(folder, count, seed=1, pictures=None):
    """The tree below `folder`, which is made."""
    rnd = random.Random(seed)
    pictures = pictures or photographs()
    root, made = os.fsencode(folder), []
    for number in range(count):
        parts = [b"d%02d" % rnd.randrange(30) for _ in range(rnd.randrange(4))]
        base = b"%06d" % number
        if number % 7 == 3:
            base += ODD[number // 7 % len(ODD)]
        path = os.path.join(root, *parts)
        os.makedirs(path, exist_ok=True)
        dice = rnd.randrange(100)
        if made and dice < 3:
            os.link(rnd.choice(made), os.path.join(path, base + b".link"))
            continue
        if made and dice < 5:
            with open(rnd.choice(made), "rb") as f:
                data, ending = f.read(), b".copy"
        elif dice == 5:
            data, ending = b"no medium, but number %d\n" % number, b".txt"
        else:
            data, ending = encode(rnd, pictures)
            if dice == 6:
                data, ending = data[:len(data) * 2 // 3], ending + b".part"
        name = os.path.join(path, base + ending)
        with open(name, "wb") as f:
            f.write(data)
        made.append(name)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]))
