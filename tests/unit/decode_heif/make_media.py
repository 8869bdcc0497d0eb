"""Makes the files of media/ anew: /usr/bin/python3 tests/unit/decode_heif/make_media.py

heif-enc codes the pictures; the container is written here where heif-enc has no option for what is
needed (turns, crops, grids, derivations).  Needs Pillow, libheif-examples and ffmpeg.  All pictures
show the same made scene, so that one reference (scene.png) has the hash of them all.
"""
import pathlib
import struct
import subprocess
import tempfile

from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).parent
MEDIA = HERE / "media"
HARBOUR = HERE.parents[1] / "golden" / "harbour.jpg"
SCRATCH = pathlib.Path(tempfile.mkdtemp())
WIDTH, HEIGHT = 160, 120


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def full_box(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data, at=0):
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind.decode("latin-1"), data[at:at + size]
        at += size


def child(data, kind, header=8):
    return next(b for k, b in boxes(data, header) if k == kind)


class Item:
    """kind: "hvc1", …; properties: whole boxes; refs: (kind, [items])."""
    def __init__(self, kind, data, properties=(), hidden=False, refs=()):
        self.kind, self.data, self.hidden = kind, data, hidden
        self.properties, self.refs = list(properties), list(refs)


def coded(picture, *options, avif=False):
    """An item with what heif-enc makes of a picture (of sides that are multiples of 8: others it
    derives from a larger one)."""
    name = SCRATCH / ("coded.avif" if avif else "coded.heic")
    data = encode(name, [picture], *options, avif=avif)
    meta = child(data, "meta", 0)
    properties = child(child(meta, "iprp", 12), "ipco")
    kept = [b for k, b in boxes(properties, 8) if k in ("hvcC", "av1C", "ispe", "pixi", "colr")]
    # heif-enc: the item's base, one extent, its offset and its length
    base, _, at, length = struct.unpack_from(">IHII", child(meta, "iloc", 12)[-14:])
    at += base
    return Item("av01" if avif else "hvc1", data[at:at + length], kept)


def encode(name, pictures, *options, avif=False):
    paths = []
    for i, picture in enumerate(pictures):
        paths.append(SCRATCH / f"in{i}.png")
        picture.save(paths[-1])
        if "-b" in options:  # which heif-enc takes from pictures of 16 bits only
            deep = SCRATCH / f"deep{i}.png"
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", paths[-1], "-pix_fmt", "rgb48be",
                            deep], check=True)
            paths[-1] = deep
    codec = ["-A"] if avif else ["-p", "x265:info=0"]
    subprocess.run(["heif-enc", *codec, *options, "-o", name, *paths], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pathlib.Path(name).read_bytes()


def deep_av1(picture, pixels, flags):
    """heif-enc 1.15 crashes at more than 8 bits of AV1."""
    picture.save(SCRATCH / "deep.png")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", SCRATCH / "deep.png", "-pix_fmt", pixels,
                    "-c:v", "libaom-av1", "-still-picture", "1", "-crf", "30", "-color_range", "pc",
                    "-f", "obu", SCRATCH / "deep.obu"], check=True)
    profile = 0x40 if flags & 0x20 else 0
    return Item("av01", (SCRATCH / "deep.obu").read_bytes(),
                [box("av1C", bytes([0x81, profile, flags, 0])), ispe(*picture.size)])


def ispe(width, height):
    return full_box("ispe", 0, 0, struct.pack(">II", width, height))


def irot(turns):
    return box("irot", bytes([turns]))


def imir(axis):
    return box("imir", bytes([axis]))


def clap(width, height, across, down):
    return box("clap", struct.pack(">IIIIiIiI", width, 1, height, 1, across, 2, down, 2))


def grid(rows, columns, width, height):
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


def overlay(width, height, *offsets):
    places = b"".join(struct.pack(">hh", x, y) for x, y in offsets)
    return struct.pack(">BBHHHHHH", 0, 0, 0, 0, 0, 65535, width, height) + places


def write(name, items, brand="heic"):
    """The first item is the primary one."""
    numbers = {id(item): i + 1 for i, item in enumerate(items)}
    properties, associations = [], b""
    for item in items:
        ids = b""
        for p in item.properties:
            if p not in properties:
                properties.append(p)
            essential = 0x80 if p[4:8] in (b"hvcC", b"av1C", b"irot", b"imir", b"clap") else 0
            ids += bytes([essential | (properties.index(p) + 1)])
        associations += struct.pack(">HB", numbers[id(item)], len(ids)) + ids
    infes = [full_box("infe", 2, int(item.hidden), struct.pack(">HH", i + 1, 0),
                      item.kind.encode(), b"\0" if item.kind != "mime" else b"\0image/jpeg\0")
             for i, item in enumerate(items)]
    refs = [box(kind, struct.pack(">HH", numbers[id(item)], len(to)),
                b"".join(struct.pack(">H", numbers[id(t)]) for t in to))
            for item in items for kind, to in item.refs]

    def meta(data_at):
        places = b""
        for i, item in enumerate(items):
            places += struct.pack(">HHHII", i + 1, 0, 1, data_at, len(item.data))
            data_at += len(item.data)
        return full_box(
            "meta", 0, 0,
            full_box("hdlr", 0, 0, struct.pack(">I4s12x", 0, b"pict"), b"\0"),
            full_box("pitm", 0, 0, struct.pack(">H", 1)),
            full_box("iloc", 0, 0, struct.pack(">HH", 0x4400, len(items)), places),
            full_box("iinf", 0, 0, struct.pack(">H", len(items)), *infes),
            box("iprp", box("ipco", *properties),
                full_box("ipma", 0, 0, struct.pack(">I", len(items)), associations)),
            full_box("iref", 0, 0, *refs) if refs else b"")

    ftyp = box("ftyp", brand.encode(), struct.pack(">I", 0), b"mif1", brand.encode())
    data = b"".join(item.data for item in items)
    whole = ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box("mdat", data)
    (MEDIA / name).write_bytes(whole)
    return whole


def turned(scene):
    """Coded as turned the other way, so that the file's turn makes it stand upright."""
    for turns in 1, 2, 3:
        item = coded(scene.rotate(-90 * turns, expand=True), "-q", "60")
        item.properties.append(irot(turns))
        write(f"irot{turns}.heic", [item])
    for axis, flip in (0, Image.FLIP_TOP_BOTTOM), (1, Image.FLIP_LEFT_RIGHT):
        item = coded(scene.transpose(flip), "-q", "60")
        item.properties.append(imir(axis))
        write(f"imir{axis}.heic", [item])
    item = coded(scene.rotate(-90, expand=True), "-q", "90", avif=True)
    item.properties.append(irot(1))
    write("irot1.avif", [item], brand="avif")


def cropped(scene):
    wide = Image.new("RGB", (WIDTH + 48, HEIGHT + 16), (255, 0, 255))
    wide.paste(scene, (32, 4))
    item = coded(wide, "-q", "60")
    item.properties.append(clap(WIDTH, HEIGHT, 2 * 32 - 48, 2 * 4 - 16))
    write("clap.heic", [item])


def tiles_of(scene, side, columns, rows):
    canvas = Image.new("RGB", (columns * side, rows * side))
    canvas.paste(scene, (0, 0))
    for y in range(rows):
        for x in range(columns):
            tile = coded(canvas.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)), "-q",
                         "60")
            tile.hidden = True
            yield tile


def derived(scene):
    tiles = list(tiles_of(scene, 64, 3, 2))
    whole = Item("grid", grid(2, 3, WIDTH, HEIGHT), [ispe(WIDTH, HEIGHT)], refs=[("dimg", tiles)])
    write("grid.heic", [whole, *tiles])

    plain = coded(scene, "-q", "60")
    plain.hidden = True
    write("iden.heic", [Item("iden", b"", [ispe(WIDTH, HEIGHT)], refs=[("dimg", [plain])]), plain])
    over = Item("iovl", overlay(WIDTH, HEIGHT, (0, 0)), [ispe(WIDTH, HEIGHT)],
                refs=[("dimg", [plain])])
    write("overlay.heic", [over, plain])

    huge = Item("grid", grid(2, 3, 60000, 60000), [ispe(64, 64)], refs=[("dimg", tiles)])
    write("huge-grid.heic", [huge, *tiles])
    a, b = (Item("iden", b"", [ispe(64, 64)]) for _ in range(2))
    a.refs, b.refs = [("dimg", [b])], [("dimg", [a])]
    write("loop.heic", [a, b])
    chain = [plain]
    for _ in range(10):
        chain.insert(0, Item("iden", b"", [ispe(WIDTH, HEIGHT)], refs=[("dimg", [chain[0]])]))
    write("deep.heic", chain)
    level = [plain]
    for _ in range(6):  # 200^6 times the same small picture
        level.insert(0, Item("iovl", overlay(WIDTH, HEIGHT, *[(0, 0)] * 200), [ispe(WIDTH, HEIGHT)],
                             hidden=bool(level), refs=[("dimg", [level[0]] * 200)]))
    level[0].hidden = False
    write("overlay-bomb.heic", level)


def several(scene):
    other = scene.transpose(Image.FLIP_TOP_BOTTOM).convert("L").convert("RGB")
    (MEDIA / "two.heic").write_bytes(encode(SCRATCH / "two.heic", [scene, other], "-q", "60"))
    first, second = coded(scene, "-q", "60"), coded(other, "-q", "60")
    write("unknown-item.heic", [first, Item("jpeg", b"\xff\xd8\xff\xd9", [ispe(16, 16)])])
    write("mime-picture.heic", [first, Item("mime", b"\xff\xd8\xff\xd9")])
    hidden = coded(other, "-q", "60")
    hidden.hidden = True
    write("hidden.heic", [first, hidden])
    aux = full_box("auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
    second.properties.append(aux)
    second.refs = [("auxl", [first])]
    small = coded(other.resize((80, 64)), "-q", "60")
    small.properties.append(aux)
    small.refs = [("auxl", [first])]
    write("small-alpha.heic", [first, small])
    lying = coded(other.resize((80, 64)), "-q", "60")
    lying.properties = [p if p[4:8] != b"ispe" else ispe(WIDTH, HEIGHT) for p in lying.properties]
    lying.properties.append(aux)
    lying.refs = [("auxl", [first])]
    write("lying-alpha.heic", [first, lying])


def alpha(scene):
    shade = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    straight = scene.copy()
    straight.putalpha(shade)
    straight.save(MEDIA / "alpha.png", optimize=True)
    for kind in "heic", "avif":
        data = encode(SCRATCH / f"alpha.{kind}", [straight], "-q", "80", avif=kind == "avif")
        (MEDIA / f"alpha.{kind}").write_bytes(data)
    black = Image.composite(scene, Image.new("RGB", scene.size), shade)
    colours, plane = coded(black, "-q", "90"), coded(shade.convert("RGB"), "-q", "90")
    plane.properties.append(
        full_box("auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"))
    plane.refs = [("auxl", [colours])]
    colours.refs = [("prem", [plane])]
    write("premultiplied.heic", [colours, plane])


def moving(scene):
    """A clip behind the photograph, as phones append it."""
    clip = SCRATCH / "clip.mp4"
    scene.resize((64, 48)).save(SCRATCH / "clip.png")
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-loop", "1", "-i", SCRATCH / "clip.png", "-t",
                    "0.4", "-r", "10", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-crf", "40",
                    "-fflags", "+bitexact", "-flags:v", "+bitexact", "-x264-params", "threads=1",
                    clip], check=True)
    still = write("still.heic", [coded(scene, "-q", "60")])
    (MEDIA / "motion-mpvd.heic").write_bytes(still + box("mpvd", clip.read_bytes()))
    (MEDIA / "motion-trailer.heic").write_bytes(
        still + b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + clip.read_bytes() + b"SEFT")
    moov = child(clip.read_bytes(), "moov", 0)
    (MEDIA / "sequence.heic").write_bytes(still + moov)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=128x96:d=1:r=10", "-c:v",
                    "libaom-av1", "-cpu-used", "8", "-crf", "40", MEDIA / "sequence.avif"], check=True)
    (MEDIA / "moov-only.heic").write_bytes(
        box("ftyp", b"msf1", struct.pack(">I", 0), b"hevc", b"msf1") + moov)


def main():
    MEDIA.mkdir(exist_ok=True)
    scene = Image.open(HARBOUR).convert("RGB").resize((WIDTH, HEIGHT), Image.LANCZOS)
    scene.save(MEDIA / "scene.png", optimize=True)
    odd = scene.resize((WIDTH - 1, HEIGHT - 1), Image.LANCZOS)
    turned(scene)
    cropped(scene)
    derived(scene)
    several(scene)
    alpha(scene)
    moving(scene)
    for name, picture, options in (
            ("plain.heic", scene, []), ("plain.avif", scene, []), ("odd.heic", odd, []),
            ("odd.avif", odd, []), ("grey.avif", scene.convert("L"), []),
            ("grey.heic", scene.convert("L"), []),
            ("deep10.heic", scene, ["-b", "10"]), ("full444.heic", scene, ["-p", "chroma=444"]),
            ("full444.avif", scene, ["-p", "chroma=444"]), ("thumbnail.heic", scene, ["-t", "40"]),
            ("lossless.heic", scene.resize((64, 48)), ["-L"])):
        data = encode(SCRATCH / name, [picture], "-q", "60", *options, avif=name.endswith("avif"))
        (MEDIA / name).write_bytes(data)
    write("deep10.avif", [deep_av1(scene, "yuv420p10le", 0x4c)], brand="avif")
    write("deep12.avif", [deep_av1(scene, "yuv420p12le", 0x6c)], brand="avif")
    speck = Image.new("RGB", (16, 16), (200, 60, 30))
    (MEDIA / "speck.heic").write_bytes(encode(SCRATCH / "s.heic", [speck], "-q", "30"))
    (MEDIA / "speck.avif").write_bytes(encode(SCRATCH / "s.avif", [speck], "-q", "30", avif=True))


main()
