"""Is every malformed request refused, and never taken for a part of another? (needs ../shared/data)"""
import concurrent.futures
import json
import re

import pytest

from hashgate import running

pytestmark = pytest.mark.hostile

GOOD = b"GET /livez HTTP/1.1\r\nHost: good\r\n\r\n"


def statuses(got):
    """The status lines of what came back."""
    return [int(n) for n in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]


def problems(got):
    """The refusals of what came back; each must be a problem document."""
    found = []
    for answer in got.split(b"HTTP/1.1 ")[1:]:
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"4"):
            continue
        assert b"\r\nContent-Type: application/problem+json" in head, answer
        length = int(re.search(rb"\r\nContent-Length: (\d+)", head).group(1))
        problem = json.loads(body[:length])
        assert {"type", "title", "status", "detail", "request_id"} <= problem.keys()
        assert problem["status"] == int(head[:3])
        found.append(problem)
    return found


@pytest.fixture(scope="module")
def impatient():
    with running(http_header_timeout="3s", http_body_timeout="3s", http_idle_timeout="3s") as s:
        yield s


def requests_of(shared):
    files = sorted((shared / "hostile/http").iterdir())
    assert len(files) >= 190
    return [(f.name, f.read_bytes()) for f in files]


def test_each_alone(impatient, shared):
    def one(item):
        name, data = item
        return name, impatient.raw(data, seconds=15)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for name, got in pool.map(one, requests_of(shared)):
            for status in statuses(got):
                assert 400 <= status < 500, (name, got[:300])
            problems(got)
    assert impatient.get("/livez", key=None).status_code == 200


def test_each_behind_a_good_request(impatient, shared):
    def one(item):
        name, data = item
        return name, impatient.raw(GOOD + data, seconds=15)

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        for name, got in pool.map(one, requests_of(shared)):
            found = statuses(got)
            assert found and found[0] == 200, (name, got[:300])
            assert b'"alive"' in got.split(b"HTTP/1.1 ")[1], name
            for status in found[1:]:
                assert 400 <= status < 500, (name, got[:300])
            problems(got)


@pytest.mark.parametrize("sent, status", [
    (b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    (b"GET /livez HTTP/0.9\r\nHost: x\r\n\r\n", 400),
    (b"GET /livez HTTP/x\r\nHost: x\r\n\r\n", 400),
    (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
])
def test_what_cannot_be_parsed_is_refused_in_our_words(impatient, sent, status):
    """libmicrohttpd would answer these by itself, in HTML, and another version with 505."""
    for before in (b"", GOOD):
        got = impatient.raw(before + sent, seconds=10)
        found = problems(got)
        assert [p["status"] for p in found] == [status], got[:400]
        assert b"<html" not in got


@pytest.mark.parametrize("head, status", [
    (b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 10\r\n\r\nhello", 400),
    (b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    (b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    (b"GET /livez%00x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /v1/../livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /%2e%2e/livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /v1%2fbanks HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET //livez HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /livez HTTP/1.1\r\n\r\n", 400),
    (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404),
    (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
])
def test_hazards(impatient, head, status):
    got = impatient.raw(head + GOOD, seconds=10)
    found = statuses(got)
    assert found[0] == status, got[:400]
    if status == 400:
        assert len(found) == 1, "what followed a bad request was answered"


def test_no_body_byte_is_read_without_a_key(impatient):
    got = impatient.raw(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n"
                        b"Expect: 100-continue\r\n\r\n", seconds=10)
    assert statuses(got)[0] == 401 and b"100 Continue" not in got


def test_too_large_declared_and_chunked(impatient):
    key = impatient.key.encode()
    got = impatient.raw(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n"
                        b"Authorization: Bearer " + key + b"\r\n\r\n", seconds=10)
    assert statuses(got)[0] == 413

    def chunks():
        for _ in range(40):
            yield bytes(1 << 20)
    answer = impatient.post("/v1/check", data=chunks())
    assert answer.status_code == 413


def test_a_body_cut_short_is_never_a_verdict(impatient):
    key = impatient.key.encode()
    got = impatient.raw(b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
                        b"Authorization: Bearer " + key + b"\r\n\r\n" + bytes(500), seconds=15,
                        half_close=True)
    assert b"verdict" not in got
