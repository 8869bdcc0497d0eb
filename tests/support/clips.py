"""Clips made by the ffmpeg program, an encoder that shares no code with what is tested here but its codecs."""
import pathlib
import subprocess
import tempfile


def ffmpeg(*arguments):
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *[str(a) for a in arguments]],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def made(*arguments, suffix=".mp4"):
    """The bytes of the file that ffmpeg writes."""
    with tempfile.TemporaryDirectory(prefix="clip-") as folder:
        path = pathlib.Path(folder) / ("clip" + suffix)
        ffmpeg(*arguments, path)
        return path.read_bytes()


H264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p", "-an"]


def pan(picture, folder, name, seconds=12, size="480x360", rate=25):
    """A camera that wanders over a large picture: neighbours are alike, seconds are not."""
    still = pathlib.Path(folder) / (name + ".png")
    picture.save(still)
    path = pathlib.Path(folder) / (name + ".mp4")
    width, height = (int(n) for n in size.split("x"))
    crop = (f"crop={width}:{height}:'(iw-{width})*(0.5+0.5*sin(t*0.45))':'(ih-{height})*(0.5+0.5*cos(t*0.31))'")
    ffmpeg("-loop", "1", "-framerate", rate, "-t", seconds, "-i", still, "-vf", crop, *H264, "-g", "50", path)
    return path


def still_of(path, seconds):
    return made("-ss", seconds, "-i", path, "-frames:v", "1", suffix=".png")
