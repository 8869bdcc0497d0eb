"""Draws the pictures of this folder anew: python3 tests/golden/make_golden.py

Made scenes, so that nothing here has an owner.  harbour-small.jpg is harbour.jpg as a person would
pass it on: smaller and compressed harder.
"""
import pathlib
import random

from PIL import Image, ImageDraw, ImageFilter

HERE = pathlib.Path(__file__).parent


def harbour():
    rnd = random.Random(7)
    image = Image.new("RGB", (800, 600))
    draw = ImageDraw.Draw(image)
    for y in range(600):
        sky = (90 + y // 5, 130 + y // 6, 190 - y // 8) if y < 330 else (30, 60 + (y - 330) // 6, 110)
        draw.line([(0, y), (800, y)], fill=sky)
    draw.ellipse([560, 60, 660, 160], fill=(250, 230, 160))
    for x in range(0, 800, 57):
        height = rnd.randrange(40, 190)
        shade = rnd.randrange(50, 140)
        draw.rectangle([x, 330 - height, x + 48, 330], fill=(shade, shade - 15, shade - 25))
        for window in range(330 - height + 8, 322, 22):
            draw.rectangle([x + 10, window, x + 18, window + 9], fill=(240, 220, 120))
    for left, top, width in ((60, 420, 240), (420, 380, 160), (520, 470, 230)):
        hull = [(left, top), (left + width, top), (left + width - 40, top + 50), (left + 30, top + 50)]
        draw.polygon(hull, fill=(120, 30, 30))
        draw.polygon([(left + width // 2, top - 120), (left + width // 2, top - 6),
                      (left + width // 2 + 80, top - 6)], fill=(230, 230, 225))
    return image.filter(ImageFilter.GaussianBlur(1))


def hills():
    rnd = random.Random(21)
    image = Image.new("RGB", (640, 480), (205, 220, 235))
    draw = ImageDraw.Draw(image)
    for layer in range(5):
        base = 170 + layer * 62
        points = [(0, 480)]
        for x in range(0, 641, 40):
            points.append((x, base + rnd.randrange(-50, 50)))
        points.append((640, 480))
        draw.polygon(points, fill=(60 + layer * 12, 150 - layer * 24, 70 - layer * 8))
    for _ in range(24):
        x, y = rnd.randrange(640), rnd.randrange(250, 470)
        draw.polygon([(x, y - 46), (x - 14, y), (x + 14, y)], fill=(20, 60 + rnd.randrange(40), 25))
    return image.filter(ImageFilter.GaussianBlur(1))


picture = harbour()
picture.save(HERE / "harbour.jpg", quality=82)
picture.resize((400, 300), Image.LANCZOS).save(HERE / "harbour-small.jpg", quality=55)
hills().convert("P", palette=Image.ADAPTIVE, colors=64).save(HERE / "hills.png", optimize=True)
