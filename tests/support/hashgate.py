"""Starts the built programs and talks to them: what every system and fault test builds on.

The client is Python's requests, which shares no code with the service; raw sockets are used where
a request must be malformed.
"""
import contextlib
import io
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HASHGATE_BIN", ROOT / "build/release/bin"))
SHARED = ROOT.parent / "shared" / "data"


def environment(extra=None):
    """A clean environment: nothing of the caller's HASHGATE_* leaks into a test."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("HASHGATE_")}
    env["ASAN_OPTIONS"] = "abort_on_error=1:detect_leaks=0"
    env.update(extra or {})
    return env


class Service:
    """One hashgated on a database and sockets of its own."""

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.settings = {
            "HASHGATE_STORE_DATABASE": f"sqlite:{self.folder}/hashgate.db",
            "HASHGATE_HTTP_LISTEN": "127.0.0.1:0",
            "HASHGATE_HTTP_ADDRESS_FILE": f"{self.folder}/address",
            "HASHGATE_HTTP_ADMIN_SOCKET": f"{self.folder}/admin.sock",
            "HASHGATE_HASHING_WORKERS": "2",
        }
        for name, value in settings.items():
            self.settings["HASHGATE_" + name.upper()] = str(value)
        self.process = None
        self.log = self.folder / "log"
        self.key = None
        self.session = requests.Session()
        self.session.trust_env = False

    def run(self, *arguments, check=True):
        """hashgated with these arguments and this configuration, to its end."""
        done = subprocess.run([BIN / "hashgated", *arguments], env=environment(self.settings),
                              capture_output=True, text=True, timeout=60)
        if check:
            assert done.returncode == 0, done.stderr
        return done

    def init(self):
        self.run("init")
        self.key = self.run("keys", "create", "--name", "test", "--scope", "admin").stdout.strip()
        return self

    def start(self, wait=True):
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "address").unlink()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([BIN / "hashgated"], env=environment(self.settings),
                                            stderr=log, stdin=subprocess.DEVNULL)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, "hashgated ended:\n" + self.log_text()
            with contextlib.suppress(FileNotFoundError, IndexError, requests.RequestException):
                self.address = (self.folder / "address").read_text().splitlines()[0]
                if self.get("/readyz", key=None).status_code == 200:
                    return
            time.sleep(0.01)
        raise AssertionError("not ready:\n" + self.log_text())

    def stop(self):
        """A graceful stop must end with 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        assert code == 0, f"exit {code}:\n" + self.log_text()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.session.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def log_text(self):
        return self.log.read_text(errors="replace")[-8000:] if self.log.exists() else ""

    # --- calls ---

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    @property
    def url(self):
        return "http://" + self.address

    def call(self, method, path, key=True, headers=None, timeout=120, session=None, **more):
        headers = dict(headers or {})
        key = self.key if key is True else key
        if key:
            headers["Authorization"] = "Bearer " + key
        return (session or self.session).request(method, self.url + path, headers=headers,
                                                 timeout=timeout, **more)

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, data=None, **more):
        return self.call("POST", path, data=data, **more)

    def patch(self, path, **more):
        return self.call("PATCH", path, **more)

    def check(self, data, query="", **more):
        return self.post("/v1/check" + query, data, **more)

    def verdict(self, data, query=""):
        answer = self.check(data, query)
        assert answer.status_code == 200, answer.text
        return answer.json()["verdict"]

    def bank(self, name="TEST", **fields):
        answer = self.post("/v1/banks", json={"name": name, **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def add(self, data, bank="TEST", reason="test", **query):
        query = urllib.parse.urlencode({"reason": reason, **query})
        answer = self.post(f"/v1/banks/{bank}/entries?{query}", data)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def add_pdq(self, value, bank="TEST", reason="test"):
        answer = self.post(f"/v1/banks/{bank}/entries",
                           json={"signals": [{"type": "pdq", "value": value}], "reason": reason})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def revoke(self, entry, reason="test", state="revoked"):
        answer = self.patch(f"/v1/entries/{entry}", json={"state": state, "reason": reason})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def new_key(self, *scopes, **fields):
        answer = self.post("/v1/keys", json={"name": "-".join(scopes), "scopes": list(scopes),
                                             **fields})
        assert answer.status_code == 201, answer.text
        return answer.json()["key"]

    def raw(self, data, seconds=20, half_close=False):
        """Sends bytes on a fresh connection; what came back until the close or the time is over."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            got = b""
            with contextlib.suppress(ConnectionError, socket.timeout):
                while chunk := s.recv(65536):
                    got += chunk
            return got

    # --- what it costs ---

    def rss(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def children(self):
        """{pid: state} of the worker processes, zombies included."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == self.process.pid:
                    found[int(stat.parent.name)] = fields[0]
        return found

    def cli(self, *arguments, key=True, json_lines=False, **more):
        env = environment({"HASHGATE_URL": self.url, "HOME": str(self.folder)})
        if key:
            env["HASHGATE_KEY"] = self.key if key is True else key
        done = subprocess.run([BIN / "hashgate", *arguments], env=env, capture_output=True,
                              timeout=300, **more)
        if json_lines:
            return [json.loads(line) for line in done.stdout.splitlines()]
        return done


def picture(seed, size=(256, 192), mode="RGB"):
    """A made picture with enough detail for PDQ; different seeds are far apart."""
    from PIL import Image, ImageDraw, ImageFilter
    rnd = random.Random(seed)
    image = Image.new("RGB", size, tuple(rnd.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        box = [rnd.randrange(-size[0] // 4, size[0]), rnd.randrange(-size[1] // 4, size[1])]
        box += [box[0] + rnd.randrange(8, size[0] // 2), box[1] + rnd.randrange(8, size[1] // 2)]
        draw.rectangle(box, fill=tuple(rnd.randrange(256) for _ in range(3)))
    return image.filter(ImageFilter.GaussianBlur(1)).convert(mode)


def encode(image, kind="JPEG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg(seed, size=(256, 192), **options):
    return encode(picture(seed, size), "JPEG", quality=90, **options)


def distance(a, b):
    return bin(int(a, 16) ^ int(b, 16)).count("1")


@contextlib.contextmanager
def running(**settings):
    """A service on a folder of its own, stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="hashgate-test-") as folder:
        service = Service(folder, **settings).init().start()
        try:
            yield service
            assert service.process.poll() is None, "hashgated ended:\n" + service.log_text()
        finally:
            service.close()
