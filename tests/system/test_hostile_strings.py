"""Is every string stored byte-equal or refused, with nothing else changed? (uses ../shared/data)"""
import contextlib
import re
import sqlite3
import urllib.parse

import pytest
import requests

from hashgate import jpeg, running

pytestmark = pytest.mark.hostile

OWN = ["' OR 1=1 --", "\"; DROP TABLE entries; --", "\x1b[2J\x1b[31mred", "a\x00b", "\x9b31m", "../../etc/passwd",
       "%00", "%s%n%x", "\u202egnp.exe", "=cmd|' /C calc'!A0", "\r\nSet-Cookie: a=b", "\ud800".encode(
           "utf-8", "surrogatepass").decode("latin-1"), "a" * 10000, "na\u00efve \U0001f600", "", " ", "\t",
       "<script>alert(1)</script>", "{{7*7}}", "NULL", "\ufeffbom", "\\", "'", "\"", ";", "|", "`id`", "$(id)"]


@pytest.fixture(scope="module")
def strings():
    from hashgate import SHARED
    path = SHARED / "hostile/strings/hostile-strings.txt"
    more = path.read_bytes().decode("utf-8", "replace").split("\n") if path.exists() else []
    return list(dict.fromkeys(OWN + more))


def counts(service):
    with contextlib.closing(sqlite3.connect(f"file:{service.folder}/hashgate.db?mode=ro", uri=True)) as db:
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {n: db.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}


def ok_or_400(answer):
    assert answer.status_code in (200, 201, 400, 404, 409, 413, 414, 431), (answer.status_code, answer.text)
    return answer.status_code in (200, 201)


def test_json_fields(strings):
    with running() as service:
        service.bank("A")
        number = 0
        for s in strings:
            for field in ("reason", "case", "source"):
                number += 1
                body = {"signals": [{"type": "pdq", "value": f"{number:064x}"}], "reason": "r"}
                body[field] = s
                answer = service.post("/v1/banks/A/entries", json=body)
                if ok_or_400(answer):
                    stored = service.get(f"/v1/entries/{answer.json()['id']}").json()[field]
                    assert stored == s, (field, s)
            number += 1
            answer = service.post("/v1/banks/A/entries", json={
                "signals": [{"type": "pdq", "value": f"{number:064x}"}], "reason": "r", "labels": [s]})
            if ok_or_400(answer):
                assert service.get(f"/v1/entries/{answer.json()['id']}").json()["labels"] == [s]
            answer = service.patch("/v1/banks/A", json={"description": s, "owner": s})
            if ok_or_400(answer):
                bank = service.get("/v1/banks/A").json()
                assert bank["description"] == s and bank["owner"] == s
            answer = service.post("/v1/banks", json={"name": s})
            assert (answer.status_code == 201) == bool(re.fullmatch("[A-Z][A-Z0-9_]{0,63}", s)), s
            answer = service.post("/v1/match", json={"media": [{"id": s, "signals": []}]})
            if ok_or_400(answer):
                assert answer.json()["results"][0]["id"] == s
            answer = service.post("/v1/keys", json={"name": s, "scopes": ["check"]})
            if ok_or_400(answer):
                assert s in [k["name"] for k in service.get("/v1/keys").json()["keys"]]
        assert service.get("/v1/audit/verify").json()["ok"] is True


def test_query_header_and_path(strings):
    data = jpeg("strings")
    with running() as service:
        service.bank("A")
        service.add(data, "A")
        quiet = counts(service)
        for s in strings:
            q = urllib.parse.quote(s, safe="", errors="surrogatepass")
            for path in (f"/v1/banks/{q}", f"/v1/entries/{q}", f"/v1/banks/{q}/entries", f"/v1/{q}",
                         f"/v1/banks/{q}/export", f"/v1/keys/{q}", f"/v1/banks?{q}={q}",
                         f"/v1/banks/A/entries?label={q}", f"/v1/banks/A/entries?state={q}",
                         f"/v1/banks/A/entries?signal={q}", f"/v1/banks/A/entries?after={q}",
                         f"/v1/audit?actor={q}", f"/v1/audit?limit={q}"):
                answer = service.get(path)
                assert answer.status_code in (200, 400, 404, 405, 414), (path, answer.status_code)
            for query in (f"?banks={q}", f"?orientations={q}", f"?as={q}"):
                answer = service.check(data, query)
                assert answer.status_code in (200, 400), (query, answer.text)
            for header in ("X-Request-Id", "Content-Type", "X-API-Key", "User-Agent"):
                with contextlib.suppress(requests.exceptions.InvalidHeader, UnicodeEncodeError):
                    answer = service.get("/v1/banks", headers={header: s.encode("utf-8")})
                    assert answer.status_code in (200, 400, 401, 431), (header, s, answer.text)
                    for value in answer.headers.values():
                        assert "\x1b" not in value
        assert counts(service) == dict(quiet)
        for s in strings:
            q = urllib.parse.quote(s, safe="", errors="surrogatepass")
            answer = service.check(data, f"?ref={q}")
            assert answer.status_code in (200, 400), (s, answer.text)


def test_no_control_byte_reaches_a_terminal_or_the_log(strings):
    with running() as service:
        service.bank("A")
        number = 0
        for s in strings:
            number += 1
            service.post("/v1/banks/A/entries", json={
                "signals": [{"type": "pdq", "value": f"{number:064x}"}], "reason": s or "r",
                "case": s, "source": s, "labels": [s] if s else []})
            with contextlib.suppress(ValueError):
                service.cli("bank", "show", s)
        for command in (["entry", "ls", "--bank", "A"], ["audit", "ls", "--limit", "1000"],
                        ["bank", "ls"], ["entry", "ls", "--bank", "A", "--json"]):
            done = service.cli(*command)
            assert done.returncode == 0, done.stderr
            text = done.stdout + done.stderr
            assert not [b for b in text if b < 0x20 and b != 0x0a or b == 0x7f], command
            assert b"\xc2\x9b" not in text and "\u202e".encode() not in text
        log = service.log.read_bytes()
        assert not [b for b in log if b < 0x20 and b != 0x0a or b == 0x7f]
