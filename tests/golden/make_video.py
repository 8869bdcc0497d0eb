"""Makes the clips of video/ anew: python3 tests/golden/make_video.py

A slow pan over harbour.jpg in every codec, container and kind of pixels that is decoded, by the
ffmpeg program.  The same encoder gives the same bytes; another version of it gives other clips,
and the tests must pass with those too.
"""
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).parent
OUT = HERE / "video"
X264 = ["-c:v", "libx264", "-crf", "25", "-g", "6", "-bf", "2"]


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y",
                    *map(str, arguments)], check=True)


def pan(width, height, frames, rate=10, times="PTS"):
    """The input: a window that moves 4 pixels down and right for each frame."""
    view = f"scale=320:240,format=rgb24,crop={width}:{height}:8+4*n:8+4*n,setpts={times},format=yuv420p"
    return ["-loop", 1, "-framerate", rate, "-i", HERE / "harbour.jpg", "-vf", view,
            "-frames:v", frames, "-bitexact", "-flags:v", "+bitexact", "-threads", 1]


def clip(name, *codec, size=(128, 96), frames=12, rate=10):
    ffmpeg(*pan(*size, frames, rate), *codec, OUT / name)


def turned(name, matrix):
    """h264.mp4 with this 2x2 part in the display matrix of its track."""
    data = bytearray((OUT / "h264.mp4").read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    rows = [matrix[0] << 16, matrix[1] << 16, 0, matrix[2] << 16, matrix[3] << 16, 0, 0, 0, 1 << 30]
    data[at:at + 36] = struct.pack(">9i", *rows)
    (OUT / name).write_bytes(data)
    # As ffmpeg's own player-like conversion shows it.
    ffmpeg("-i", OUT / name, "-frames:v", 2, "-c:v", "libx264", "-crf", 12, "-bitexact",
           "-flags:v", "+bitexact", "-threads", 1, OUT / f"shown-{name}")


def one_codec_each():
    clip("h264.mp4", *X264)
    clip("h264.mkv", *X264)
    clip("hevc.mp4", "-c:v", "libx265", "-crf", 26, "-tag:v", "hvc1", "-x265-params",
         "keyint=6:bframes=2:log-level=error:info=0")
    clip("vp8.webm", "-c:v", "libvpx", "-b:v", "160k", "-auto-alt-ref", 1, "-lag-in-frames", 8)
    clip("vp9.webm", "-c:v", "libvpx-vp9", "-crf", 34, "-b:v", 0)
    clip("av1.mp4", "-c:v", "libaom-av1", "-crf", 34, "-b:v", 0, "-cpu-used", 8)
    clip("mpeg4.mp4", "-c:v", "mpeg4", "-q:v", 6)
    clip("mpeg1.mov", "-c:v", "mpeg1video", "-q:v", 6, rate=25)
    clip("mpeg2.mkv", "-c:v", "mpeg2video", "-q:v", 6, "-bf", 2, rate=25)
    clip("h263.3gp", "-c:v", "h263", "-q:v", 6, frames=6)
    clip("mjpeg.mov", "-c:v", "mjpeg", "-q:v", 16, "-pix_fmt", "yuvj420p", frames=4)
    clip("prores.mov", "-c:v", "prores_ks", "-profile:v", 0, "-bits_per_mb", 400, frames=2)


def pixels():
    clip("h264-10bit.mp4", *X264, "-pix_fmt", "yuv420p10le", frames=6)
    clip("h264-444.mp4", *X264, "-pix_fmt", "yuv444p", frames=6)
    clip("h264-rgb.mp4", "-c:v", "libx264rgb", "-crf", 25, "-pix_fmt", "rgb24", frames=6)
    clip("h264-gray.mp4", *X264, "-pix_fmt", "gray", frames=6)
    clip("h264-full-range.mp4", *X264, "-vf",
         "scale=320:240,crop=128:96:8+4*n:8+4*n,scale=out_range=full,format=yuvj420p", frames=6)
    clip("h264-interlaced.mp4", *X264, "-flags:v", "+ilme+ildct+bitexact", "-x264-params", "tff=1",
         frames=6)
    clip("hevc-10bit.mp4", "-c:v", "libx265", "-crf", 26, "-pix_fmt", "yuv420p10le", "-x265-params",
         "log-level=error:info=0", frames=6)
    clip("vp9-10bit.webm", "-c:v", "libvpx-vp9", "-crf", 34, "-b:v", 0, "-pix_fmt", "yuv420p10le",
         frames=6)
    clip("vp9-odd.webm", "-c:v", "libvpx-vp9", "-crf", 34, "-b:v", 0, size=(101, 75), frames=6)
    clip("h264-odd.mp4", *X264, "-pix_fmt", "yuv444p", size=(101, 75), frames=6)


def containers():
    clip("h264-fragments.mp4", *X264, "-movflags", "frag_keyframe+empty_moov+default_base_moof")
    clip("h264-unknown-lengths.mkv", *X264, "-f", "matroska", "-live", 1)
    ffmpeg(*pan(128, 96, 12), *X264, "-x264-params", "slices=3", "-f", "mov", OUT / "h264.mov")
    source = ["-i", OUT / "h264.mp4"]
    copy = ["-c", "copy", "-bitexact"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=1.2:sample_rate=8000"]
    ffmpeg(*sound, *source, "-map", 0, "-map", 1, "-c:v", "copy", "-c:a", "aac", "-b:a", "8k",
           "-bitexact", OUT / "with-sound.mp4")
    ffmpeg("-i", OUT / "h264-444.mp4", "-i", OUT / "hevc-10bit.mp4", "-map", 0, "-map", 1, *copy,
           OUT / "two-tracks.mp4")
    ffmpeg("-i", HERE / "hills.png", "-vf", "scale=160:120", "-frames:v", 1, OUT / "cover.png")
    cover = ["-i", OUT / "cover.png", "-map", 0, "-map", 1, *copy, "-disposition:v:1",
             "attached_pic"]
    ffmpeg(*source, *cover, OUT / "with-cover.mp4")
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.3:sample_rate=8000", "-i", OUT / "cover.png",
           "-map", 0, "-map", 1, "-c:a", "aac", "-b:a", "8k", "-c:v", "copy", "-disposition:v:0",
           "attached_pic", "-bitexact", OUT / "sound-with-cover.mp4")
    (OUT / "cover.png").unlink()
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.3:sample_rate=8000", "-c:a", "aac", "-b:a", "8k",
           "-bitexact", OUT / "sound-only.mp4")
    ffmpeg(*pan(128, 96, 8, times="N*N/10/TB"), *X264, "-vsync", "vfr", OUT / "uneven-times.mp4")
    ffmpeg(*source, *copy, "-metadata", "creation_time=2026-11-24T12:00:00Z", "-movflags",
           "+use_metadata_tags", OUT / "with-date.mov")


def size_changes():
    """Two clips of different sizes, one behind the other in one track."""
    for name, size in (("a", (128, 96)), ("b", (96, 128))):
        clip(f"{name}.webm", "-c:v", "libvpx-vp9", "-crf", 34, "-b:v", 0, size=size, frames=4)
    (OUT / "list").write_text("file a.webm\nfile b.webm\n")
    ffmpeg("-f", "concat", "-i", OUT / "list", "-c", "copy", "-bitexact", OUT / "size-changes.webm")
    for name in ("a.webm", "b.webm", "list"):
        (OUT / name).unlink()


OUT.mkdir(exist_ok=True)
one_codec_each()
pixels()
containers()
size_changes()
turned("turned-90.mp4", (0, 1, -1, 0))
turned("turned-180.mp4", (-1, 0, 0, -1))
turned("turned-270.mp4", (0, -1, 1, 0))
turned("mirrored.mp4", (-1, 0, 0, 1))
turned("upside-down.mp4", (1, 0, 0, -1))
turned("transposed.mp4", (0, 1, 1, 0))
