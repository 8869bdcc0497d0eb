"""Do the programs start, refuse to start, listen and stop as the contract says?"""
import hashlib
import contextlib
import os
import socket
import ssl
import stat
import subprocess
import time

import pytest
import requests

from hashgate import BIN, Service, environment, jpeg, running


def run(*arguments, **env):
    return subprocess.run([BIN / "hashgated", *arguments], env=environment(env), capture_output=True, text=True,
                          timeout=60)


def test_version_and_help():
    for program in ("hashgated", "hashgate"):
        done = subprocess.run([BIN / program, "--version"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith(program)
        done = subprocess.run([BIN / program, "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and "Usage" in done.stdout


def test_no_start_without_a_database(tmp_path):
    done = run(HASHGATE_STORE_DATABASE=f"sqlite:{tmp_path}/none.db", HASHGATE_HTTP_LISTEN="127.0.0.1:0")
    assert done.returncode != 0 and "none.db" in done.stderr and "hashgated init" in done.stderr
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("this is not a database at all, whatever its name says\n" * 40)
    done = run(HASHGATE_STORE_DATABASE=f"sqlite:{tmp_path}/text.db", HASHGATE_HTTP_LISTEN="127.0.0.1:0")
    assert done.returncode != 0 and "text.db" in done.stderr


def test_init_is_harmless_and_private(tmp_path):
    for _ in range(2):
        assert run("init", HASHGATE_STORE_DATABASE=f"sqlite:{tmp_path}/a.db").returncode == 0
    assert stat.S_IMODE(os.stat(tmp_path / "a.db").st_mode) == 0o600
    done = run("keys", "create", "--name", "n", "--scope", "check,match",
               HASHGATE_STORE_DATABASE=f"sqlite:{tmp_path}/a.db")
    assert done.returncode == 0 and len(done.stdout.split()) == 1
    bad = run("keys", "create", "--name", "n", "--scope", "chek", HASHGATE_STORE_DATABASE=f"sqlite:{tmp_path}/a.db")
    assert bad.returncode != 0 and "chek" in bad.stderr


@pytest.mark.parametrize("text, words", [
    ("[http]\nlistne = 127.0.0.1:1\n", [":2", "listne"]),
    ("[htp]\nlisten = 127.0.0.1:1\n", [":1", "htp"]),
    ("[http]\nmax_upload = much\n", [":2", "max_upload", "much"]),
    ("[check]\nunusable = block\n", [":2", "unusable", "block"]),
    ("[hashing]\ntimeout = 20\n", [":2", "timeout"]),
    ("[http]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\n", [":3", "listen"]),
])
def test_a_bad_configuration_stops_the_start(tmp_path, text, words):
    file = tmp_path / "bad.conf"
    file.write_text(text)
    for arguments in (["--config", file], ["--config", file, "--check-config"]):
        done = run(*arguments)
        assert done.returncode != 0
        for word in ["bad.conf", *words]:
            assert word in done.stderr, done.stderr


def test_file_environment_and_check_config(tmp_path):
    file = tmp_path / "good.conf"
    file.write_text("[http]\nmax_upload = 1MiB\n[check]\nunusable = review\n")
    done = run("--config", file, "--check-config", HASHGATE_HTTP_MAX_UPLOAD="2MiB")
    assert done.returncode == 0, done.stderr
    assert "2MiB" in done.stdout and "review" in done.stdout
    (tmp_path / "printed.conf").write_text(done.stdout)
    again = run("--config", tmp_path / "printed.conf", "--check-config")
    assert again.returncode == 0 and again.stdout == done.stdout
    assert run("--config", tmp_path / "missing.conf", "--check-config").returncode != 0
    done = run("--check-config", HASHGATE_HTTP_LISTNE="x")
    assert done.returncode != 0 and "HASHGATE_HTTP_LISTNE" in done.stderr


def test_plain_beyond_loopback_is_refused(tmp_path):
    service = Service(tmp_path).init()
    service.settings["HASHGATE_HTTP_LISTEN"] = "0.0.0.0:0"
    done = service.run(check=False)
    assert done.returncode != 0 and "plain" in done.stderr
    with running(http_listen="0.0.0.0:0", http_plain="anywhere") as s:
        assert s.address.startswith("0.0.0.0:")


def test_listeners_and_the_admin_socket():
    with running(http_listen="127.0.0.1:0,[::1]:0,unix:/tmp/hashgate-test-%d.sock" % os.getpid()) as s:
        lines = (s.folder / "address").read_text().splitlines()
        assert len(lines) == 3 and lines[1].startswith("[::1]:") and lines[2].startswith("unix:/")
        assert requests.get(f"http://{lines[1]}/livez").status_code == 200
        assert stat.S_IMODE(os.stat(s.folder / "admin.sock").st_mode) == 0o600

        def ask(path):
            with socket.socket(socket.AF_UNIX) as c:
                c.connect(path)
                c.sendall(b"GET /v1/banks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return c.makefile("rb").read()
        assert b" 200 " in ask(str(s.folder / "admin.sock")).split(b"\r\n")[0]
        assert b" 401 " in ask(lines[2][5:]).split(b"\r\n")[0]


def test_metrics_listener():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(metrics_listen=f"127.0.0.1:{port}") as s:
        text = requests.get(f"http://127.0.0.1:{port}/metrics").text
        assert "# TYPE hashgate_" in text
        assert requests.get(f"http://127.0.0.1:{port}/v1/banks").status_code in (401, 404)
        assert s.get("/metrics", key=None).status_code == 401


def test_tls(tmp_path):
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                           "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem",
                           "-out", tmp_path / "cert.pem"], capture_output=True)
    if made.returncode != 0:
        pytest.skip("skipped: no openssl")
    service = Service(tmp_path, http_tls_certificate=tmp_path / "cert.pem", http_tls_key=tmp_path / "key.pem").init()
    try:
        service.start(wait=False)
        for _ in range(400):
            if (tmp_path / "address").exists():
                break
            time.sleep(0.02)
        address = (tmp_path / "address").read_text().split()[0]
        url = f"https://{address}"
        answer = requests.get(url + "/livez", verify=str(tmp_path / "cert.pem"))
        assert answer.status_code == 200
        answer = requests.post(url + "/v1/check", data=jpeg("tls"), verify=str(tmp_path / "cert.pem"),
                               headers={"Authorization": "Bearer " + service.key})
        assert answer.status_code == 200 and answer.json()["verdict"] == "allow"
        context = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as s:
                s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/9.9\r\nHost: x\r\n\r\n")
                got = b""
                with contextlib.suppress(ssl.SSLError):
                    while chunk := s.recv(65536):
                        got += chunk
        assert got.startswith(b"HTTP/1.1 200 ") and got.count(b"HTTP/1.1 ") == 2
        assert b"HTTP/1.1 400 " in got and b"application/problem+json" in got and b"<html" not in got
        with pytest.raises(requests.RequestException):
            requests.get(f"http://{address}/livez", timeout=5)
        assert run(HASHGATE_HTTP_TLS_CERTIFICATE="/x", HASHGATE_HTTP_LISTEN="127.0.0.1:0").returncode != 0
    finally:
        service.close()


def test_not_ready_is_never_an_allow(tmp_path):
    """While it loads, a check is refused with 503, not answered from an empty list."""
    service = Service(tmp_path).init()
    try:
        service.start()
        service.bank("A")
        data = jpeg("load")
        service.add(data, "A")
        for _ in range(10):
            service.kill()
            service.start(wait=False)
            seen = set()
            end = time.monotonic() + 60
            while time.monotonic() < end:
                try:
                    service.address = (tmp_path / "address").read_text().split()[0]
                    answer = service.check(data)
                except (OSError, IndexError, requests.RequestException):
                    continue
                seen.add(answer.status_code)
                if answer.status_code == 200:
                    assert answer.json()["verdict"] == "block"
                    break
                assert answer.status_code == 503 and answer.headers["Retry-After"]
            assert 200 in seen
    finally:
        service.close()


def test_workers_are_jailed_and_hold_no_list():
    with running(hashing_workers="2", video_workers="1") as s:
        value = hashlib.sha256(b"no library holds this").hexdigest()
        s.bank("A")
        s.add_pdq(value, "A")
        s.check(jpeg("w"))
        workers = [p for p in s.children()]
        assert len(workers) == 4  # of the two, and one of each kind for videos
        for pid in workers:
            status = open(f"/proc/{pid}/status").read()
            assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
            fds = sorted(int(n) for n in os.listdir(f"/proc/{pid}/fd"))
            assert fds == [0, 1, 2, 3]
            if os.geteuid() != 0 or "dev" in str(BIN):
                continue
            needle = bytes.fromhex(value)
            with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
                for line in maps:
                    span, mode = line.split()[:2]
                    if "r" not in mode or "[v" in line:
                        continue
                    low, high = (int(x, 16) for x in span.split("-"))
                    memory.seek(low)
                    try:
                        data = memory.read(high - low)
                    except OSError:
                        continue
                    assert needle not in data and needle[::-1] not in data
