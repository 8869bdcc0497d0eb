#!/usr/bin/python3
"""Real PDQ hashes, each once, a line each: the base of a list with clusters.

From ../shared/data: its photographs and PDQ's sample pictures in all eight orientations, and every
frame of its clips, those of a quality of at least 50.  The files hold the reference's hashes, which
ours are bit-equal to (tests/unit/hashing).

    real_hashes.py FOLDER
"""
import csv
import pathlib
import sys

MIN_QUALITY = 50


def of_pictures(manifest, quality, prefix):
    """Columns of hashes: those that begin with the prefix, or are named after an orientation."""
    names = ("pdq", "hash", "rot90", "rot180", "rot270", "flipx", "flipy", "flipplus1",
             "flipminus1", "flipp", "flipm")
    with open(manifest, encoding="ascii") as file:
        for row in csv.DictReader(file):
            if int(row[prefix + quality] or 0) >= MIN_QUALITY:
                yield from (row[prefix + name] for name in names if row.get(prefix + name))


def of_frames(lines):
    with open(lines, encoding="ascii") as file:
        for line in file:
            _, quality, value, _ = line.strip().split(",")
            if int(quality) >= MIN_QUALITY:
                yield value


def main():
    folder = pathlib.Path(sys.argv[1])
    found = list(of_pictures(folder / "photos/manifest.csv", "quality", ""))
    found += of_pictures(folder / "pdq/manifest.csv", "quality", "cpp_")
    for clip in sorted((folder / "video").glob("*.meta-all.txt")):
        found += of_frames(clip)
    print("\n".join(dict.fromkeys(found)))


if __name__ == "__main__":
    main()
