"""Makes an archive of many small files from a few photographs: what a scan is tested on.

    /usr/bin/python3 tests/support/archive.py FOLDER COUNT [SEED]

Equal counts and seeds make equal trees but for times and inodes, however many processes make them.
Of a hundred files about two are copies, three hard links, one is corrupt, one is no medium, one is
an archive with a few pictures (tar, zip, compressed, within each other, cut short, behind a JPEG),
and every seventh has a name that would like to be taken for something else.  The same picture comes
in many edits and formats, and no two files have equal bytes but those that are meant to.

First everything is planned, which takes no time and tells what a scan must find; then it is made.
"""
import bz2
import dataclasses
import gzip
import io
import lzma
import multiprocessing
import os
import pathlib
import random
import sys
import tarfile
import zipfile

from PIL import Image, ImageEnhance, ImageOps

PHOTOS = pathlib.Path(__file__).resolve().parents[3] / "shared/data/photos"

ODD = [b"new\nline", b"\xff\xfe\x80", b"\x1b[31mred", b"<img src=x onerror=alert(1)>", b"'\"&amp;",
       b"=cmd()", b"-rf", b" blank ", b"a\\x41b", b"\xe2\x80\xaegpj", b"tab\there", b"%s%n", b"...",
       b"bang!bang"]
FORMATS = ["JPEG"] * 6 + ["PNG", "WEBP", "GIF", "BMP", "TIFF"]
ENDINGS = {"JPEG": b".jpg", "PNG": b".png", "WEBP": b".webp", "GIF": b".gif", "BMP": b".bmp",
           "TIFF": b".tif"}
HOW = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0}}
EDITS = [lambda i: i, ImageOps.mirror, ImageOps.flip, lambda i: i.rotate(90, expand=True),
         lambda i: i.rotate(180), lambda i: ImageEnhance.Brightness(i).enhance(1.2),
         lambda i: i.resize((i.width * 3 // 4, i.height * 3 // 4)), ImageOps.grayscale]
ARCHIVES = {"tar": b".tar", "tgz": b".tar.gz", "tbz": b".tar.bz2", "txz": b".tar.xz",
            "zip": b".zip", "gz": b".gz"}


def photographs(folder=PHOTOS, size=(320, 180)):
    pictures = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as picture:
            picture.draft("RGB", (480, 270))
            pictures.append(picture.convert("RGB").resize(size))
    return pictures


@dataclasses.dataclass
class Item:
    """A file, or a member of an archive; which fields count depends on the kind."""
    name: bytes          # under the folder, or within the archive
    kind: str            # link, copy, text, picture, part; tar, tgz, tbz, txz, zip, gz, both, cut
    key: str = ""        # from which its bytes are made
    form: str = ""       # of a picture
    of: "Item" = None    # what it is a link to, a copy of
    members: list = ()   # Items


# --- the plan ---

def plan_picture(rnd, name, key):
    form = rnd.choice(FORMATS)
    return Item(name + ENDINGS[form], "picture", key=key, form=form)


def plan_member(rnd, number, key, outside, raw):
    """raw: names may be any bytes, as a tar's; a zip's are text, and backslashes are its slashes."""
    name = b"m%d" % number
    if rnd.randrange(3) == 0:
        odd = rnd.choice(ODD)
        name += odd if raw or odd not in (b"\xff\xfe\x80", b"a\\x41b") else b"odd"
    if rnd.randrange(3) == 0:
        name = rnd.choice([b"sub/", b"a/b/", b"../", b"/etc/"]) + name
    if outside and rnd.randrange(4) == 0:
        same = rnd.choice(outside)
        return dataclasses.replace(same, name=name + b".same")
    return plan_picture(rnd, name, key)


def plan_archive(rnd, name, key, outside, depth=0):
    kinds = ["tar", "tgz", "zip", "tgz", "zip", "txz", "tbz"] + ["gz", "both", "cut"] * (depth == 0)
    kind = rnd.choice(kinds)
    if kind == "gz":
        inner = plan_picture(rnd, name, key + ".0")
        return Item(inner.name + b".gz", kind, members=[dataclasses.replace(inner, name=b"data")])
    raw = kind.startswith("t")
    members = [plan_member(rnd, i, f"{key}.{i}", outside, raw) for i in range(rnd.randrange(2, 5))]
    members.append(Item(b"letter.txt", "text", key=key))
    if depth < 2 and rnd.randrange(3) == 0:
        members.append(plan_archive(rnd, b"nested", f"{key}.n", outside, depth + 1))
    if kind in ("tar", "tgz") and rnd.randrange(2) == 0:
        members.append(dataclasses.replace(members[0], key=f"{key}.twice"))
    ending = {"both": b".jpg", "cut": b".cut.tgz"}.get(kind) or ARCHIVES[kind]
    return Item(name + ending, kind, key=key, form="JPEG", members=members)


def plan(count, seed=1, archives=True):
    """All files of a tree, in the order in which they are to be made."""
    rnd = random.Random(seed)
    items, outside = [], []  # outside: pictures of which copies lie in archives
    for number in range(count):
        path = b"".join(b"d%02d/" % rnd.randrange(30) for _ in range(rnd.randrange(4)))
        name = path + b"%06d" % number
        if number % 7 == 3:
            name += ODD[number // 7 % len(ODD)]
        dice, key = rnd.randrange(100), f"{seed}:{number}"
        made = [i for i in (items[rnd.randrange(len(items))] if items else None,) if i]
        if made and dice < 3:
            item = Item(name + b".link", "link", of=made[0].of or made[0])
        elif made and dice < 5:
            item = Item(name + b".copy", "copy", of=made[0].of or made[0])
        elif dice == 5:
            item = Item(name + b".txt", "text", key=key)
        elif dice == 6:
            item = plan_picture(rnd, name, key)
            item.name, item.kind = item.name + b".part", "part"
        elif dice == 7 and archives:
            item = plan_archive(rnd, name, key, outside)
        else:
            item = plan_picture(rnd, name, key)
            outside.append(item)
        items.append(item)
    return items


# --- what a scan must tell of it ---

def outcome_of(item):
    return {"text": "other", "part": "unreadable", "cut": "unreadable", "picture": "hashed",
            "both": "hashed"}.get(item.kind, "other")


def tell_members(prefix, item, told, cut=False):
    """Members that come twice are told with their number in their archive; an archive in it is told
    only as what could not be read to its end."""
    names = set()
    for number, member in enumerate(item.members, 1):
        name = member.name
        if name in names:
            name += b"#%d" % number
        names.add(name)
        if member.kind in ARCHIVES:
            tell_members(prefix + name + b"!", member, told, cut)
            if cut:
                told[prefix + name, True] = "unreadable"
        else:
            told[prefix + name, True] = outcome_of(member)


def expected(folder, items):
    """What a whole scan must tell: outcomes by name, of a member by (name, True).  And what it may:
    an archive that is cut short is unreadable, but some of its members can be read."""
    root, told, maybe = os.fsencode(folder) + b"/", {}, {}
    for item in items:
        what = item.of or item
        told[root + item.name] = outcome_of(what)
        cut = what.kind == "cut"
        tell_members(root + item.name + b"!", what, maybe if cut else told, cut)
    return told, maybe


# --- the making ---

def picture_of(item, pictures):
    rnd = random.Random(item.key)
    picture = rnd.choice(EDITS)(rnd.choice(pictures)).copy()
    # Every file differs from every other, however alike they look.
    for _ in range(3):
        at = (rnd.randrange(picture.width), rnd.randrange(picture.height))
        grey = rnd.randrange(256)
        picture.putpixel(at, grey if picture.mode == "L" else (grey, rnd.randrange(256), grey))
    out, how = io.BytesIO(), dict(HOW.get(item.form, {}))
    if item.form in ("JPEG", "WEBP"):
        how["quality"] = rnd.randrange(60, 96)
    if item.form == "GIF" and picture.mode == "RGB":
        picture = picture.quantize(256, method=Image.Quantize.FASTOCTREE)
    picture.save(out, item.form, **how)
    return out.getvalue()


def tar_of(item, pictures):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for member in item.members:
            data = bytes_of(member, pictures)
            info = tarfile.TarInfo(os.fsdecode(member.name))
            info.size, info.mtime = len(data), 1700000000
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(item, pictures):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for member in item.members:
            info = zipfile.ZipInfo(member.name.decode(), (2024, 1, 2, 3, 4, 6))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, bytes_of(member, pictures))
    return out.getvalue()


def bytes_of(item, pictures):
    if item.kind == "text":
        return b"no medium, but number %s\n" % item.key.encode()
    if item.kind == "picture":
        return picture_of(item, pictures)
    if item.kind == "part":
        data = picture_of(item, pictures)
        return data[:len(data) * 2 // 3]
    if item.kind == "gz":
        return gzip.compress(bytes_of(item.members[0], pictures), mtime=0)
    if item.kind == "zip":
        return zip_of(item, pictures)
    if item.kind == "both":
        return picture_of(item, pictures) + zip_of(item, pictures)
    tar = tar_of(item, pictures)
    if item.kind == "cut":
        data = gzip.compress(tar, 1, mtime=0)
        return data[:len(data) * 2 // 3]
    return {"tar": bytes, "tgz": lambda d: gzip.compress(d, 1, mtime=0),
            "tbz": lambda d: bz2.compress(d, 1), "txz": lambda d: lzma.compress(d, preset=0)
            }[item.kind](tar)


def write(job):
    path, item = job
    with open(path, "wb") as f:
        f.write(bytes_of(item, shared_pictures))


shared_pictures = None  # inherited by the processes that make files


def make(folder, count, seed=1, pictures=None, archives=True, processes=1):
    """The tree below `folder`, which is made; its plan."""
    global shared_pictures
    shared_pictures = pictures or photographs()
    root, items = os.fsencode(folder), plan(count, seed, archives)
    for parent in {os.path.dirname(item.name) for item in items}:
        os.makedirs(os.path.join(root, parent), exist_ok=True)
    jobs = [(os.path.join(root, i.name), i) for i in items if i.of is None]
    if processes == 1:
        for job in jobs:
            write(job)
    else:
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            for _ in pool.imap_unordered(write, jobs, 64):
                pass
    for item in items:
        if item.of is None:
            continue
        source, path = os.path.join(root, item.of.name), os.path.join(root, item.name)
        if item.kind == "link":
            os.link(source, path)
        else:
            with open(source, "rb") as f, open(path, "wb") as g:
                g.write(f.read())
    return items


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), *map(int, sys.argv[3:]), processes=os.cpu_count() or 1)
