"""Is a bucket scanned like a folder: once, told, and nothing taken for gone that nobody looked at?"""
import io
import threading
import zipfile

import s3_store
from hashgate import jpeg
from s3_store import Store
from scanning import bucket_environment, run


def scan(service, folder, store, *arguments):
    env = bucket_environment(service, folder, store.url, s3_store.KEY_ID, s3_store.SECRET,
                             s3_store.REGION)
    return run(env, *arguments, "--state", folder / "state")


def objects():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as z:
        z.writestr("bad.jpg", jpeg(7))
    found = {b"in/%02d.jpg" % i: jpeg(i) for i in range(12)}
    found[b"in/a b+\xc3\xbc.zip"] = made.getvalue()
    found[b"in/letter.txt"] = b"no medium"
    found[b"out.jpg"] = jpeg(7)
    return found


def test_a_bucket_is_scanned_once(listing, tmp_path):
    with Store(objects(), page=5) as store:
        done = scan(listing, tmp_path, store, "s3://bucket/in/", "--report", tmp_path / "page.html")
        assert done.returncode == 1, done.stderr
        assert b"s3://bucket/in/07.jpg" in done.stdout
        assert "s3://bucket/in/a b+ü.zip!bad.jpg" in done.stdout.decode()
        assert b"out.jpg" not in done.stdout and not store.failures
        assert b"15 files: 2 matched" in done.stderr
        read = [path for path, _ in store.requests if "list-type" not in path]
        assert len(read) == 14
        # Known objects are not read again, but for one that changed; one is gone.
        store.objects[b"in/00.jpg"] = jpeg(7) + b"!"
        del store.objects[b"in/07.jpg"]
        store.requests.clear()
        done = scan(listing, tmp_path, store, "s3://bucket/in/")
        assert [p for p, _ in store.requests if "list-type" not in p] == ["/bucket/in/00.jpg"]
        assert b"1 gone" in done.stderr and b"00.jpg" in done.stdout and b"07.jpg" not in done.stdout
        done = scan(listing, tmp_path, store, "s3://bucket/in/", "--yes", "--action",
                    f"quarantine {tmp_path / 'away'}")
        assert done.stderr.count(b"it is no file of this machine") == 1
        assert done.stderr.count(b"it lies in an archive") == 1


def test_objects_are_read_several_at_a_time(listing, tmp_path):
    together = threading.Barrier(4)

    def script(_, handler):
        if "list-type" not in handler.path:
            together.wait(20)  # breaks, and the objects are told as errors, when fewer come
        return False

    with Store({b"%02d.jpg" % i: jpeg(i) for i in range(12)}, script=script) as store:
        done = scan(listing, tmp_path, store, "s3://bucket")
        assert done.returncode == 1 and b"12 files: 1 matched \xc2\xb7 12 hashed" in done.stderr, done
        assert len(store.requests) == 13


def test_a_listing_that_breaks_off_loses_nothing(listing, tmp_path):
    with Store(objects(), page=5) as store:
        assert scan(listing, tmp_path, store, "s3://bucket/in").returncode == 1
        store.script = lambda n, h: "continuation" in h.path and (h.problem(403, "AccessDenied") or True)
        done = scan(listing, tmp_path, store, "s3://bucket/in")
        assert done.returncode == 1 and b"AccessDenied" in done.stdout and b"gone" not in done.stderr
        assert b"07.jpg" in done.stdout
        store.script = None
        done = scan(listing, tmp_path, store, "s3://bucket/in")
        assert b"AccessDenied" not in done.stdout and b"15 files: 2 matched" in done.stderr


def test_what_cannot_be_reached_is_told(listing, tmp_path):
    with Store({b"a.jpg": jpeg(1)}) as store:
        store.script = lambda n, h: h.problem(404, "NoSuchBucket") or True
        done = scan(listing, tmp_path, store, "s3://bucket")
        assert done.returncode == 2 and b"s3://bucket: " in done.stderr and b"NoSuchBucket" in done.stderr
        assert b"0 files" in done.stderr and b"1 not opened" in done.stderr
        # An object that cannot be read is one error among others, and tried again when asked.
        store.script = lambda n, h: h.path == "/bucket/a.jpg" and (h.problem(403, "AccessDenied") or True)
        done = scan(listing, tmp_path, store, "s3://bucket")
        assert done.returncode == 2 and b"AccessDenied" in done.stdout
        store.script = None
        assert scan(listing, tmp_path, store, "s3://bucket", "--retry-errors").returncode == 0
    done = run(bucket_environment(listing, tmp_path, "http://127.0.0.1:1", "", "", "x"), "s3://bucket",
               "--state", tmp_path / "other")
    assert done.returncode == 2 and b"AWS_ACCESS_KEY_ID" in done.stderr
