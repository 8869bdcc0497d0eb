"""Writes the seed inputs of the fuzz targets anew: /usr/bin/python3 tests/fuzz/make_corpus.py

Everything is made here: no file of anybody else is in the corpus.  Inputs that once were findings
are kept by hand under names that begin with "finding-"; this script leaves them alone.
"""
import io
import pathlib
import random
import struct
import zlib

from PIL import Image, ImageDraw

CORPUS = pathlib.Path(__file__).parent / "corpus"
MOST_FILES, MOST_BYTES = 40, 8192
PDQ = "d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6b39c4e9c9b22"
SHA256 = "9b74c9897bac770ffc029102a200c5de2f4a3d8f5a6b7c8d9e0f1a2b3c4d5e6f"


def write(target, inputs):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if not old.name.startswith("finding-"):
            old.unlink()
    for name, data in inputs.items():
        data = data.encode() if isinstance(data, str) else data
        assert len(data) < MOST_BYTES, (target, name, len(data))
        (folder / name).write_bytes(data)
    assert len(list(folder.iterdir())) <= MOST_FILES, target


# --- pictures ---

def scene(mode="RGB", size=(96, 72)):
    rnd = random.Random(5)
    image = Image.new("RGB", size, (30, 90, 160))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rnd.randrange(size[0]), rnd.randrange(size[1])
        draw.ellipse([x - 14, y - 9, x + 14, y + 9], fill=tuple(rnd.randrange(256) for _ in "rgb"))
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(size))
        return image
    return image.convert(mode)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows, interlaced=0, before=b""):
    """A PNG from raw rows, for the kinds that Pillow does not write."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + before
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def interlaced_png(width, height):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]
    rows = bytearray()
    for x0, y0, dx, dy in passes:
        for y in range(y0, height, dy):
            rows += bytes([0]) + bytes((x * 7 ^ y * 13) & 255 for x in range(x0, width, dx))
    return png(width, height, 8, 0, bytes(rows), interlaced=1)


def drawn(number, mode="RGB", size=(32, 24)):
    """One of a row of pictures that differ."""
    image = Image.new(mode, size)
    draw = ImageDraw.Draw(image)
    fill = {"P": number % 4, "L": 200}.get(mode, (200, 60 * number % 256, 90, 140)[:len(mode)])
    draw.rectangle([number, number, number + size[0] // 2, number + size[1] // 2], fill=fill)
    if mode == "P":
        image.putpalette([0, 0, 0, 250, 0, 0, 0, 250, 0, 9, 9, 250])
    return image


def moving(kind, mode, frames=3, size=(32, 24), **options):
    images = [drawn(i, mode, size) for i in range(frames)]
    return saved(images[0], kind, save_all=True, append_images=images[1:], **options)


def exif(orientation, order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


def mp4_clip():
    return (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\0\0\x10mdatvideo123"
            + b"\0\0\0\x10moovmvhd1234")


def mpf(offsets, order="<"):
    head = b"II*\0" if order == "<" else b"MM\0*"
    entries = b"".join(struct.pack(order + "IIIHH", 0x20002, 99, o, 0, 0) for o in offsets)
    fields = struct.pack(order + "HHII", 0xb001, 4, 1, len(offsets))
    fields += struct.pack(order + "HHII", 0xb002, 7, len(entries), 8 + 2 + 24 + 4)
    return b"MPF\0" + head + struct.pack(order + "IH", 8, 2) + fields + b"\0\0\0\0" + entries


def jpegs():
    jpeg = saved(scene(), "JPEG", quality=40)
    return {
        "rgb": jpeg,
        "gray": saved(scene("L"), "JPEG", quality=40),
        "cmyk": saved(scene("CMYK"), "JPEG", quality=40),
        "progressive": saved(scene(), "JPEG", quality=40, progressive=True),
        "full-chroma": saved(scene(), "JPEG", quality=40, subsampling=0),
        "restarts": saved(scene(), "JPEG", quality=40, restart_marker_rows=1),
        "exif": saved(scene(), "JPEG", quality=40, exif=b"Exif\0\0" + exif(6)),
        "tiny": saved(scene(size=(1, 1)), "JPEG"),
        "two-pictures": saved(scene(size=(48, 40)), "MPO", save_all=True, quality=30,
                              append_images=[scene(size=(48, 40))]),
        "motion": saved(scene(size=(40, 32)), "JPEG", quality=30) + b"tail" + mp4_clip() + b"SEFT",
        "truncated": jpeg[:len(jpeg) * 2 // 3],
        "broken-huffman": jpeg.replace(b"\xff\xc4", b"\xff\xc4\x00", 1),
    }


def pngs():
    plain = saved(scene("P"), "PNG")
    rows16 = b"".join(bytes([0]) + bytes(((x * 37) ^ (y * 91)) & 255 for x in range(40 * 6))
                      for y in range(30))
    return {
        "palette": plain,
        "gray": saved(scene("L"), "PNG"),
        "bits": saved(scene("1"), "PNG"),
        "rgb": saved(scene(size=(48, 36)), "PNG"),
        "rgba": saved(scene("RGBA", (40, 30)), "PNG"),
        "gray-alpha": saved(scene("RGBA", (48, 36)).convert("LA"), "PNG"),
        "palette-alpha": saved(scene("P"), "PNG", transparency=3),
        "rgb16": png(40, 30, 16, 2, rows16),
        "interlaced": interlaced_png(67, 45),
        "exif": png(16, 16, 8, 0, bytes(17 * 16), before=chunk(b"eXIf", exif(8, ">"))),
        "profile": png(64, 64, 8, 0, (b"\0" + b"\x55\xaa" * 32) * 64,
                       before=chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(200)))),
        "moving": moving("PNG", "RGBA", duration=[40, 0, 200], disposal=[0, 1, 2], blend=1),
        "moving-palette": saved(scene("P", (40, 32)), "PNG", save_all=True,
                                append_images=[scene("L", (40, 32)).convert("P")]),
        "moving-behind-still": moving("PNG", "L", default_image=True, duration=100),
        "huge-sides": png(0x7fffffff, 0x7fffffff, 8, 2, b""),
        "many-pixels": png(4000, 4000, 1, 0, bytes(501 * 4)),
        "missing-rows": png(64, 64, 8, 0, bytes(65 * 20)),
        "wrong-crc": plain[:-20] + bytes([plain[-20] ^ 1]) + plain[-19:],
        "truncated": plain[:len(plain) // 2],
    }


def gifs():
    still = saved(drawn(1, "P"), "GIF")
    film = moving("GIF", "P", duration=50, disposal=2, transparency=0)
    return {
        "still": still,
        "interlaced": saved(drawn(1, "P"), "GIF", interlace=1),
        "many-colours": saved(scene("P", (40, 30)), "GIF"),
        "moving": film,
        "kept": moving("GIF", "P", duration=100, disposal=1),
        "restored": moving("GIF", "P", duration=0, disposal=3),
        "comment": saved(drawn(2, "P"), "GIF", comment=b"words"),
        "no-trailer": still[:-1],
        "truncated": film[:len(film) * 2 // 3],
        "large-screen": still[:6] + b"\xff\xff\xff\xff" + still[10:],
        "no-palette": b"GIF89a\4\0\4\0\0\0\0,\0\0\0\0\4\0\4\0\0\2\5\x84\x8f\xa9\xcb\5\0;",
    }


def webps():
    lossy = saved(scene(size=(48, 36)), "WEBP", quality=20)
    film = moving("WEBP", "RGBA", lossless=True, duration=[50, 150, 0])
    return {
        "lossy": lossy,
        "lossless": saved(drawn(1), "WEBP", lossless=True),
        "lossy-alpha": saved(drawn(1, "RGBA"), "WEBP", quality=20),
        "lossless-alpha": saved(drawn(1, "RGBA"), "WEBP", lossless=True),
        "exif": saved(drawn(1), "WEBP", quality=20, exif=b"Exif\0\0" + exif(5)),
        "moving": film,
        "moving-lossy": moving("WEBP", "RGB", quality=20, duration=100, kmin=1, kmax=2),
        "truncated": lossy[:len(lossy) * 2 // 3],
        "truncated-film": film[:len(film) - 40],
        "large": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88",
    }


def tiffs():
    kinds = (("RGB", "tiff_lzw"), ("RGBA", "tiff_adobe_deflate"), ("L", "packbits"), ("P", "raw"),
             ("CMYK", "raw"), ("1", "group3"), ("1", "group4"), ("YCbCr", "raw"), ("LAB", "raw"))
    inputs = {f"{mode}-{kind}".lower(): saved(
        Image.merge("LAB", scene(size=(24, 18)).split()) if mode == "LAB" else scene(mode, (24, 18)),
        "TIFF", compression=kind) for mode, kind in kinds}
    inputs["jpeg"] = saved(scene(size=(32, 32)), "TIFF", compression="jpeg", quality=50)
    inputs["turned"] = saved(scene("L", (16, 12)), "TIFF", tiffinfo={274: 6})
    inputs["gray16"] = saved(Image.new("I;16", (12, 9), 40000), "TIFF")
    inputs["float"] = saved(Image.new("F", (12, 9), 0.5), "TIFF")
    inputs["pages"] = moving("TIFF", "L", size=(16, 12), compression="tiff_lzw")
    inputs["truncated"] = inputs["pages"][:len(inputs["pages"]) * 2 // 3]
    return inputs


def bmp(bits, rows, size=(8, 8), coding=0, palette=b"", masks=b"", header=40):
    head = struct.pack("<IiiHHIIiiII", header, *size, 1, bits, coding, len(rows), 0, 0, 0, 0)
    at = 14 + header + len(palette) + (len(masks) if header == 40 else 0)
    return (b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at)
            + (head + masks).ljust(header, b"\0") + palette + rows)


def bmps():
    colours = bytes((i * 37) & 255 for i in range(64))
    core = struct.pack("<IHHHH", 12, 8, 8, 1, 4) + colours[:48]
    return {
        "bits-1": saved(scene("1", (32, 24)), "BMP"),
        "bits-8": saved(scene("L", (16, 12)), "BMP"),
        "bits-24": saved(scene(size=(15, 11)), "BMP"),
        "bits-32": saved(scene("RGBA", (8, 8)), "BMP"),
        "bits-4": bmp(4, bytes(range(32)), palette=colours),
        "bits-2": bmp(2, bytes(range(32)), palette=colours[:16]),
        "bits-16": bmp(16, bytes(range(128))),
        "masks-16": bmp(16, bytes(range(128)), coding=3,
                        masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f)),
        "masks-32": bmp(32, bytes(range(256)), coding=3, header=56,
                        masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000)),
        "top-down": bmp(24, bytes(192), size=(8, -8)),
        "os2": b"BM" + struct.pack("<IHHI", 106, 0, 0, 74) + core + bytes(range(32)),
        "runs-8": bmp(8, b"\4\1\0\3\1\2\3\0\0\0\0\2\2\1\3\2\0\1", coding=1, palette=colours * 16),
        "runs-4": bmp(4, b"\4\x12\0\5\x12\x34\x50\0\0\0\0\2\2\1\3\x21\0\1", coding=2, palette=colours),
        "jpeg-inside": bmp(0, b"\xff\xd8\xff", coding=4),
        "large": bmp(24, b"", size=(70000, 70000)),
        "truncated": bmp(24, bytes(100)),
    }


def exifs():
    return {
        "little": exif(6),
        "big": b"Exif\0\0" + exif(3, ">"),
        "loop": exif(6)[:4] + b"\4\0\0\0" + exif(6)[8:],
        "cut": exif(6)[:15],
        "mpf": mpf([0, 5000]),
        "mpf-big": mpf([0, 5000, 9000], ">"),
        "mpf-no-list": mpf([]),
        "clip": b"junk" + mp4_clip() + b"SEFT",
        "clip-heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + mp4_clip()[24:],
        "words": b"this ftyp is no clip, nor is this ftyp",
        "empty": b"",
    }


def media():
    return {
        "one.jpg": jpegs()["tiny"],
        "one.gif": saved(drawn(1, "P"), "GIF"),
        "one.bmp": bmps()["bits-1"],
        "one.tiff": tiffs()["turned"],
        "one.png": pngs()["exif"],
        "one.webp": webps()["lossless"],
        "head.mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2avc1mp41",
        "head.mov": b"\0\0\0\x08wide\0\0\0\x10mdat12345678",
        "head.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf",
        "head.mkv": b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska",
        "head.avi": b"RIFF\x10\0\0\0AVI LIST\x04\0\0\0hdrl",
        "head.flv": b"FLV\1\5\0\0\0\x09\0\0\0\0",
        "head.ts": (b"G\x40\0\x10" + bytes(184)) * 3,
        "head.m2ts": (b"\0\0\0\0G\x40\0\x10" + bytes(184)) * 3,
        "head.pdf": b"%PDF-1.7\n1 0 obj\n",
        "head.jxl": b"\0\0\0\x0cJXL \r\n\x87\n",
        "text": b"this is no picture",
        "empty": b"",
    }


# --- wire ---

MAGIC = 0x48475731


def job(magic=MAGIC, number=7, offset=0, length=1000, pixels=100000000, frames=5000, scans=100, turned=1, cpu=22):
    return struct.pack("=IIQQQQQqqIIIIQ", magic, 2, number, offset, length, pixels, 4000000000, 3600000, 0,
                       frames, scans, turned, 0, cpu)


def reply(number, kind, rc=0, ms=0, track=0, marks=0, size=(0, 0), looks=0, qualities=(0, 0, 0), done=(0, 0, 0),
          upright=0, duration=0, elsewhere=(0, 0), media_type=b"", msg=b""):
    """struct wire_reply of a 64-bit little-endian machine."""
    hashes = struct.pack("=IIB7x", *size, looks)
    for quality in qualities:
        hashes += struct.pack("=256sB7x", b"\x5a" * 256 if quality else b"", quality)
    return (struct.pack("=IIQIIqII", MAGIC, 2, number, kind, rc, ms, track, marks) + hashes
            + struct.pack("=IIIIqQQ32s232s", *done, upright, duration, *elsewhere, media_type, msg))


def wire():
    return {
        "job": job(),
        "job-offset": job(offset=2**63, length=2**63),
        "job-magic": job(magic=0),
        "job-zero": job(number=0, pixels=0, scans=0, turned=2),
        "job-frames": job(frames=2**24 + 1),
        "hello": reply(0, 1, msg=b"avx2"),
        "hello-open-sandbox": reply(0, 1, rc=14, msg=b"seccomp: refused"),
        "hello-later": reply(3, 1, msg=b"plain"),
        "frame": reply(3, 2, size=(640, 480), looks=1, qualities=(100, 0, 0)),
        "frame-alpha": reply(3, 2, size=(64, 64), looks=3, qualities=(90, 80, 70)),
        "frame-quality": reply(3, 2, size=(64, 64), looks=1, qualities=(101, 0, 0)),
        "frame-looks": reply(3, 2, size=(64, 64), looks=2, qualities=(50, 50, 0)),
        "frame-ms": reply(3, 2, ms=-1, size=(64, 64), looks=1, qualities=(9, 0, 0)),
        "frame-key": reply(3, 2, ms=40, track=1, marks=1, size=(64, 64), looks=1, qualities=(90, 0, 0)),
        "frame-preview": reply(3, 2, ms=4000, marks=3, size=(64, 64), looks=1, qualities=(90, 0, 0)),
        "frame-marks": reply(3, 2, marks=4, size=(64, 64), looks=1, qualities=(90, 0, 0)),
        "done-clip": reply(3, 3, done=(640, 480, 250), upright=1, duration=10000, media_type=b"video/mp4"),
        "done-elsewhere": reply(3, 3, elsewhere=(0, 1000), media_type=b"video/mp4"),
        "done-behind": reply(3, 3, done=(6, 4, 1), elsewhere=(500, 2**64 - 1), media_type=b"image/jpeg"),
        "done-upright": reply(3, 3, done=(6, 4, 1), upright=8, media_type=b"image/png"),
        "done": reply(3, 3, done=(640, 480, 1), media_type=b"image/png"),
        "done-frames": reply(3, 3, done=(640, 480, 2**24 + 1), media_type=b"image/png"),
        "done-none": reply(3, 3, done=(640, 480, 0), media_type=b"image/png"),
        "done-undecodable": reply(3, 3, rc=8, msg=b"PNG: bad CRC"),
        "done-limit": reply(3, 3, rc=9, msg=b"max_pixels"),
        "done-unknown-rc": reply(3, 3, rc=4000000000, msg=b"what"),
        "done-type-open": reply(3, 3, done=(6, 4, 1), media_type=b"x" * 32),
        "done-msg-controls": reply(3, 3, rc=8, msg=b"a\x1b[2Jb"),
        "done-msg-after-nul": reply(3, 3, rc=8, msg=b"a\0b"),
        "kind": reply(3, 9),
        "long": reply(3, 3, done=(6, 4, 1), media_type=b"image/png") + b"\0",
    }


# --- text formats ---

def part(name, data, more=""):
    return f'--B\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{data}\r\n'


def multipart():
    head = "multipart/form-data; boundary=B\n"
    png_header = '; filename="a.png"\r\nContent-Type: image/png'
    return {
        "one": head + part("media", "DATA", png_header) + "--B--\r\n",
        "two": head + part("media", "DATA", png_header) + part("meta", "{}") + "--B--",
        "frames": head + part("f", "1", '; filename="1"\r\nX-Frame-Ms: 0')
        + part("f", "2", '; filename="2"\r\nX-Frame-Ms: 40') + "--B--\r\n",
        "quoted-boundary": 'Multipart/Form-Data; charset=utf-8; boundary="a b\'()+_,-./:=?c"\n'
        + part("x", "y").replace("--B", "--a b'()+_,-./:=?c") + "--a b'()+_,-./:=?c--\r\n",
        "long-boundary": f"multipart/form-data; boundary={'b' * 71}\n--{'b' * 71}--",
        "no-boundary": "multipart/form-data\n--B--",
        "two-boundaries": "multipart/form-data; boundary=B; boundary=C\n--B--",
        "no-end": head + part("media", "DATA"),
        "no-part": head + "--B--\r\n",
        "preamble": head + "hello\r\n" + part("a", "b") + "--B--\r\n",
        "epilogue": head + part("a", "b") + "--B--\r\nmore",
        "blanks": head + part("a", "b").replace("--B", "--B \t") + "--B-- \t\r\n \r\n",
        "empty-part": head + '--B\r\nContent-Disposition: form-data; name=""\r\n\r\n--B--',
        "near-boundary": head + part("a", "\r\n--A\r\n--\r\n-\r\r\n--b") + "--B--",
        "bare-newlines": head + part("a", "b").replace("\r\n", "\n") + "--B--",
        "no-disposition": head + "--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--",
        "two-names": head + part("a", "b", '; name="c"') + "--B--",
        "escapes": head + part('a\\"b%22c\\\\', "b", '; filename="C:\\dir\\x"') + "--B--",
        "extended-name": head + part("a", "b", "; filename*=UTF-8'en'na%C3%AFve.png") + "--B--",
        "bad-extended": head + part("a", "b", "; filename*=UTF-8''%C3%28") + "--B--",
        "bad-utf8": head.encode() + part("a", "b").encode().replace(b'"a"', b'"\xff"') + b"--B--",
        "base64": head + part("a", "b", "\r\nContent-Transfer-Encoding: base64") + "--B--",
        "binary": head + part("a", "b", "\r\nContent-Transfer-Encoding: Binary") + "--B--",
        "bad-ms": head + part("a", "b", "\r\nX-Frame-Ms: -1") + "--B--",
        "many-parts": head + part("a", "b") * 65 + "--B--",
        "many-headers": head + part("a", "b", "\r\nX-H: v" * 20) + "--B--",
        "long-name": head + part("n" * 300, "b") + "--B--",
        "folded": head + part("a", "b", ";\r\n filename=x") + "--B--",
    }


def json():
    return {
        "signal": f'{{"type":"pdq","value":"{PDQ}","quality":100,"ms":1200}}',
        "base64": '{"type":"md5","value":"XUFAKrxLKna5cZ2REBfFkg=="}',
        "upper-case": f'{{"type":"sha256","value":"{SHA256.upper()}"}}',
        "entry": f'{{"signals":[{{"type":"sha1","value":"{SHA256[:40]}"}},'
                 f'{{"type":"pdq","value":"{PDQ}"}}],"reason":"a news photo","labels":["logo","x"]}}',
        "bank": '{"name":"TERROR_CORE","threshold":31,"labels":[],"rate":12.5}',
        "quality-of-digest": f'{{"type":"sha256","value":"{SHA256}","quality":9}}',
        "short-value": '{"type":"pdq","value":"d8f8"}',
        "unknown-type": '{"type":"tmk","value":"00"}',
        "label-twice": '{"labels":["a","a"]}',
        "label-blank": '{"labels":["a b","c,d",""]}',
        "label-types": '{"labels":[1,null,{}]}',
        "many-labels": '{"labels":[' + ",".join(f'"l{i}"' for i in range(33)) + "]}",
        "reason-blank": '{"reason":" \\t\\n"}',
        "reason-controls": '{"reason":"a\\u001bb\\u0085c"}',
        "reason-emoji": '{"reason":"\\ud83d\\ude00 \u202e \U0001f600"}',
        "nul": '{"reason":"a\\u0000b"}',
        "lone-surrogate": '{"reason":"\\ud83d"}',
        "threshold-point": '{"threshold":31.0}',
        "threshold-large": '{"threshold":99999999999999999999}',
        "rate-large": '{"rate":1e400}',
        "rate-negative": '{"rate":-0.5,"threshold":-1}',
        "duplicate": '{"reason":"a","reason":"b"}',
        "unknown-field": '{"\\u202eresaon":"a"}',
        "array": "[1,2]",
        "empty": "",
        "blank": " \n",
        "deep": '{"a":' * 33 + "1" + "}" * 33,
        "deep-in-text": '{"reason":"' + "[{" * 40 + '"}',
        "cut": '{"reason":"a',
        "behind": '{"reason":"a"} x',
        "bad-utf8": b'{"reason":"\xc3\x28\xff"}',
    }


def query():
    return {
        "check": "/v1/check?banks=A,B&orientations=as-is&ref=post-17",
        "bank": "/v1/banks/TERROR_CORE/entries?limit=100&state=active&label=is-logo",
        "root": "/",
        "trailing-slash": "/v1/banks/",
        "no-value": "/v1/check?as&ref=",
        "encoded": "/v1/b%61nks?reason=caf%C3%A9+%F0%9F%98%80&x=%26%3d%25",
        "plus-in-path": "/a+b?c+d=e+f",
        "nul": "/v1/%00",
        "encoded-slash": "/v1%2fcheck",
        "backslash": "/v1\\check",
        "dots": "/v1/../keys",
        "encoded-dots": "/v1/%2e%2E/keys",
        "doubled-slash": "/v1//check",
        "broken-percent": "/v1/%4",
        "broken-percent-in-query": "/v1?a=%zz",
        "bad-utf8": "/v1/%c3%28",
        "overlong": "/v1?a=%c0%af",
        "twice": "/v1?a=1&a=2",
        "twice-encoded": "/v1?a=1&%61=2",
        "fragment": "/v1#x",
        "absolute": "http://host/v1",
        "no-slash": "v1/check",
        "no-name": "/v1?=1",
        "empty-params": "/v1?&&",
        "many-params": "/v1?" + "&".join(f"p{i}={i}" for i in range(25)),
        "many-segments": "/a" * 9,
        "control": "/v1?a=\x7f",
        "space": "/v1?a= b",
        "empty": "",
    }


def config():
    return {
        "usual": "[http]\nlisten = 127.0.0.1:8480, [::1]:8480\nmax_upload = 64MiB\n\n"
                 "[hashing]\nworkers = 4\ntimeout = 30s\nmax_pixels = 50M\n",
        "all-sections": "[store]\ndatabase = sqlite:/tmp/a.db\n[check]\nunusable = review\n"
                        "[limits]\nrate = 12.5\nburst = none\n[metrics]\nlisten = [::1]:9\n"
                        "[log]\nlevel = debug\nformat = json\n[http]\nplain = anywhere\n",
        "comments": "# a\n; b\n[http] ; c\nlisten = 127.0.0.1:0 ; d\n  # e\n",
        "colon": "[log]\nlevel: info\r\nformat:text\r\n",
        "blanks": "  [log]\n\tlevel\t=\tinfo  \n",
        "empty-value": "[http]\naddress_file =\n",
        "text-with-marks": "[http]\naddress_file = a;b#c = 'd' \"e\"\n",
        "unknown-key": "[http]\nlistne = x\n",
        "unknown-section": "[htp]\n",
        "no-section": "listen = x\n",
        "twice": "[log]\nlevel = info\nlevel = info\n",
        "section-again": "[log]\nlevel = info\n[http]\nqueue = 9\n[log]\nformat = text\n",
        "behind-section": "[log] level = info\n",
        "open-section": "[log\nlevel = info\n",
        "no-equals": "[log]\nlevel info\n",
        "bad-size": "[http]\nmax_upload = 64MB\n",
        "large-size": "[http]\nmax_upload = 99999999999TiB\n",
        "small-size": "[http]\nmax_upload = 1\n",
        "duration-without-unit": "[hashing]\ntimeout = 20\n",
        "negative": "[hashing]\nworkers = -1\n",
        "small-rate": "[limits]\nrate = 0.00000123456789012345678\nburst = 999999999.999\n",
        "tiny-rate": "[limits]\nrate = 0.0000000000000000000000001\n",
        "odd-rates": "[limits]\nrate = 1e3\n",
        "two-points": "[limits]\nrate = 1.2.3\n",
        "bad-utf8": b"[http]\naddress_file = \xff\n",
        "controls": "[http]\naddress_file = a\x1bb\n",
        "utf8": "\ufeff[http]\naddress_file = /r\u00e9sum\u00e9\n",
        "long-line": "[http]\naddress_file = " + "x" * 4100 + "\n",
        "long-value": "[http]\naddress_file = " + "x" * 3900 + "\n",
        "no-newline": "[log]\nlevel = info",
        "empty": "",
    }


def lists():
    header = "signal_type,signal_str,collab,category,tags\n"
    return {
        "text": f"tpdq {PDQ}\n\n# a comment\n{PDQ.upper()}\nsha256 {SHA256}\r\n",
        "text-bad": "tpdq 12\nfoo bar baz\nmd5\n" + "0" * 64 + "\n" + "f" * 64 + "\n",
        "text-base64": "tmd5 XUFAKrxLKna5cZ2REBfFkg==\nmd5 XUFAKrxLKna5cZ2REBfFkg\n",
        "text-bom": f"t\ufeffpdq {PDQ}",
        "text-comments": "t# nothing\n\n",
        "text-long-line": "t" + "x" * 8100 + f"\npdq {PDQ}"[:60],
        "text-many-errors": "t" + "x\n" * 120,
        "text-nul": b"tpdq\0 12\n",
        "csv": f"c{header}pdq,{PDQ},GIFCT,POSITIVE_CLASS,logo flag\nvideo_md5,{SHA256[:32]},,,\n",
        "csv-negative": f"c{header}pdq,{PDQ},a,NEGATIVE_CLASS,\n",
        "csv-disputed": f"c{header}pdq,{PDQ},a,DISPUTED,x\nsha1,{SHA256[:40]},,INVESTIGATION_SEED,\n",
        "csv-quoted": f'c{header}pdq,"{PDQ}","a, ""b"" c",,"l1  l2"\n',
        "csv-formula": f'c{header}pdq,{PDQ},"\'=1+1",,\'@x\npdq,{PDQ},\'\'y,,\n',
        "csv-other-order": f"csignal_str,signal_type\r\n{PDQ},pdq\r\n",
        "csv-no-header": f"cpdq,{PDQ}\n",
        "csv-column-twice": "csignal_type,signal_str,signal_type\n",
        "csv-open-quote": f'c{header}pdq,"{PDQ}\n',
        "csv-behind-quote": f'c{header}pdq,"{PDQ}"x,,,\n',
        "csv-few-columns": f"c{header}pdq,{PDQ}\n",
        "csv-many-columns": f"c{header}pdq,{PDQ},,,,,,\n",
        "csv-labels": f"c{header}pdq,{PDQ},,," + " ".join(f"l{i}" for i in range(33)) + "\n",
        "csv-long-label": f"c{header}pdq,{PDQ},,," + "l" * 129 + "\n",
        "csv-category": f"c{header}pdq,{PDQ},,MAYBE,\n",
        "ndjson": f'n{{"type":"pdq","value":"{PDQ}","labels":["a","b"],"source":"x"}}\n\n'
                  f'{{"type":"sha256","value":"{SHA256}"}}\n',
        "ndjson-export": f'n{{"entry":"01J8ZQ4T9H3N5W7Y8X2V6B1C0D","type":"pdq","value":"{PDQ}",'
                         '"quality":80,"ms":40,"reason":"r"}\n',
        "ndjson-quality": f'n{{"type":"pdq","value":"{PDQ}","quality":49}}\n',
        "ndjson-source": f'n{{"type":"pdq","value":"{PDQ}","source":"a\\nb\\t\\"=c"}}\n',
        "ndjson-bad": 'n{"type":1}\n[]\n{"typ":"pdq"}\n{"type":"pdq","type":"pdq"}\nx\n',
        "empty": "t",
    }


def text():
    return {
        "hex": PDQ,
        "hex-upper": SHA256.upper(),
        "base64": "XUFAKrxLKna5cZ2REBfFkg==",
        "base64-bare": "XUFAKrxLKna5cZ2REBfFkg",
        "base64-url": "-_-_-_-_-_-_-_-_-_-_-w",
        "base64-spare-bits": "XUFAKrxLKna5cZ2REBfFkh",
        "time": "2026-01-02T03:04:05.678Z",
        "time-offset": "2026-01-02t03:04:05+05:30",
        "time-edge": "9999-12-31T23:59:59-23:59",
        "time-short-year": "0999-01-01T00:00:00Z",
        "time-zero": "0000-01-01T00:00:00Z",
        "time-leap-day": "2024-02-29T00:00:00Z",
        "time-no-leap-day": "2026-02-29T00:00:00Z",
        "time-leap-second": "2016-12-31T23:59:60Z",
        "time-long-fraction": "2026-01-02T03:04:05.1234567890Z",
        "time-month-13-and-leap-second": "2026-13-45T00:00:60Z",
        "number": "-9223372036854775808",
        "number-over": "9223372036854775808",
        "size": "64MiB",
        "size-over": "18446744073709551615TiB",
        "count": "100M",
        "duration": "250ms",
        "duration-over": "9223372036854775807d",
        "controls": "a\x1b[2J\x7f\u0085b",
        "reordered": "a\u202eb\u2066c\ufeff",
        "emoji": "\U0001f600\u00e9",
        "bad-utf8": b"a\xc0\xaf\xed\xa0\x80\xf5b\xe2\x82",
        "empty": "",
    }


# --- snapshots (the target makes sums, lengths, magic and version right) ---

def items(*rows):
    """Of the index's tails: generation, entry, place, bank."""
    return b"".join(struct.pack("<QIiH6x", *row) for row in rows)


# Every index holds it for itself (db/index.c).
CANARY = struct.pack("<4Q", 0x5bd3a8c61f94e207, 0xc9127e5da0b836f4, 0x36ec4b95d27f810a, 0xa45f09e3768cb1d2)
NEAR = b"\1" + bytes(31)  # what the target looks for
CANARY_ITEM = (0, 0xffffffff, -1, 4096)


def snapshot(entries=3, clips=1, digests=1, hashes=4, order=None, change=None):
    rnd = random.Random(7)

    def rows(tag, n):
        columns = [("hash", b"".join(rnd.randbytes(32) for _ in range(n))),
                   ("entr", struct.pack(f"<{n}Q", *(i % max(entries, 1) for i in range(n)))),
                   ("gene", struct.pack(f"<{n}Q", *range(1, n + 1))),
                   ("bank", struct.pack(f"<{n}H", *(i % 3 for i in range(n))))]
        return [(f"{tag}.{name}", data) for name, data in columns]

    tables = b"".join(struct.pack("<II", 2, 1) + struct.pack("<iIiI", 0, 0, 1000 + i, 0) for i in range(clips))
    sections = [("ids.bits", ((1 << entries) - 1).to_bytes((entries + 63) // 64 * 8, "little")),
                ("ids.ids", b"".join(rnd.randbytes(16) for _ in range(entries))),
                ("clp.entr", struct.pack(f"<{clips}Q", *range(clips))),
                ("clp.data", tables)]
    for tag in ("256", "sha", "md5"):
        sections += rows(tag, digests)
    sections += [("idx.head", struct.pack("<QQ", 0, hashes + 1)),
                 ("idx.hash", CANARY + b"".join(rnd.randbytes(32) for _ in range(hashes))),
                 ("idx.item", items(CANARY_ITEM, *((i, i % max(entries, 1), i - 1, i % 3) for i in range(hashes))))]
    if order:
        sections = order(sections)
    if change:
        sections = [(tag, change.get(tag, data)) for tag, data in sections]
    head = struct.pack("<8sIIQQ", b"HGSNAP\r\n", 0x01020304, 1, 0, len(sections))
    head += struct.pack("<QQ32sq", 9, 9, bytes(range(32)), 1700000000000) + bytes(8)
    return head + b"".join(struct.pack("<8sQQ", tag.encode(), len(data), 0) + data + bytes(8)
                           for tag, data in sections)


def snapshots():
    return {
        "small": snapshot(),
        "empty-list": snapshot(0, 0, 0, 0),
        "more": snapshot(70, 5, 9, 20),
        "short": snapshot()[:-40],
        "header": snapshot()[:96],
        "nothing": b"",
        "swapped": snapshot(order=lambda s: s[1:] + s[:1]),
        "sections-more": snapshot(order=lambda s: s + s[-1:]),
        "bits-beyond": snapshot(change={"ids.bits": b"\xff" * 8}),
        "clip-long": snapshot(change={"clp.data": struct.pack("<IIiI", 0xffffffff, 1, 0, 0)}),
        "clip-stub": snapshot(change={"clp.data": struct.pack("<I", 1)}),
        "clip-none": snapshot(change={"clp.data": struct.pack("<IIQ", 0, 0, 0)}),
        "clip-backwards": snapshot(change={"clp.data": struct.pack("<IIiIiI", 2, 2, 5, 0, 4, 1)}),
        "clip-picture": snapshot(change={"clp.data": struct.pack("<IIiI", 1, 1, 0, 1)}),
        "clip-far": snapshot(change={"clp.entr": struct.pack("<Q", 1 << 62)}),
        "entry-far": snapshot(hashes=1, change={"idx.hash": CANARY + NEAR, "idx.item": items(CANARY_ITEM, (1, 1 << 30, -1, 0))}),
        "bank-far": snapshot(hashes=1, change={"idx.hash": CANARY + NEAR, "idx.item": items(CANARY_ITEM, (1, 1, -1, 4097))}),
        "canary-twice": snapshot(hashes=1, change={"idx.hash": CANARY * 2, "idx.item": items(CANARY_ITEM, CANARY_ITEM)}),
        "canary-missing": snapshot(hashes=1, change={"idx.hash": bytes(64)}),
        "segments-many": snapshot(change={"idx.head": struct.pack("<QQ", 4097, 5)}),
        "segments-missing": snapshot(change={"idx.head": struct.pack("<QQ", 1, 5)}),
        "segment-huge": snapshot(order=lambda s: s[:-2] + [("idx.shap", struct.pack("<QQQQII", 1 << 31, 1 << 31, 1, 1, 1, 1)),
                                                           ("idx.data", bytes(64))] + s[-2:],
                                 change={"idx.head": struct.pack("<QQ", 1, 5)}),
        "column-short": snapshot(change={"idx.item": bytes(24)}),
        "hash-half": snapshot(change={"md5.hash": bytes(48)}),
    }


write("decode", media())
write("jpeg", jpegs())
write("png", pngs())
write("gif", gifs())
write("webp", webps())
write("tiff", tiffs())
write("bmp", bmps())
write("exif", exifs())
write("wire", wire())
write("multipart", multipart())
write("json", json())
write("query", query())
write("config", config())
write("list", lists())
write("text", text())
write("snapshot", snapshots())
