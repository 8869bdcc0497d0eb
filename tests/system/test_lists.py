"""Do banks, entries, import, export, match and audit keep what the contract says?"""
import base64
import random

import pytest

from hashgate import distance, jpeg


def hexes(n, seed=1):
    rnd = random.Random(seed)
    return [f"{rnd.getrandbits(256):064x}" for _ in range(n)]


def test_bank_life(fresh):
    made = fresh.bank("TERROR_CORE", action="review", threshold=20, description="d", labels=["x"])
    assert made["threshold"] == 20 and made["action"] == "review" and made["labels"] == ["x"]
    assert fresh.post("/v1/banks", json={"name": "TERROR_CORE"}).status_code == 409
    for bad in ({"name": "lower"}, {"name": "1A"}, {"name": "A" * 65}, {"name": "A", "threshold": 64},
                {"name": "A", "threshold": -1}, {"name": "A", "threshold": "31"}, {"name": "A", "action": "x"},
                {"name": "A", "colour": 1}, {}, []):
        answer = fresh.post("/v1/banks", json=bad)
        assert answer.status_code == 400, bad
    assert "colour" in fresh.post("/v1/banks", json={"name": "A", "colour": 1}).json()["detail"]
    twice = fresh.post("/v1/banks", data=b'{"name":"A","name":"B"}',
                       headers={"Content-Type": "application/json"})
    assert twice.status_code == 400 and "name" in twice.json()["detail"]
    changed = fresh.patch("/v1/banks/TERROR_CORE", json={"action": "block"}).json()
    assert changed["action"] == "block" and changed["threshold"] == 20
    assert changed["generation"] > made["generation"]
    assert fresh.get("/v1/banks/NONE").status_code == 404


def test_entry_life(fresh):
    fresh.bank("A")
    data = jpeg("life")
    assert fresh.post("/v1/banks/A/entries", data).status_code == 400
    entry = fresh.add(data, "A", label="logo", case="C-1", source="me")
    assert entry["state"] == "active"
    again = fresh.post("/v1/banks/A/entries?reason=r", data)
    assert again.status_code == 409 and again.json()["entry"] == entry["id"]
    shown = fresh.get(f"/v1/entries/{entry['id']}").json()
    assert shown["reason"] == "test" and shown["case"] == "C-1" and shown["labels"] == ["logo"]
    assert {s["type"] for s in shown["signals"]} >= {"pdq", "sha256"}
    assert fresh.patch(f"/v1/entries/{entry['id']}", json={"state": "revoked"}).status_code == 400
    assert fresh.revoke(entry["id"])["state"] == "revoked"
    assert fresh.verdict(data) == "allow"
    assert fresh.revoke(entry["id"], state="active")["state"] == "active"
    assert fresh.verdict(data) == "block"
    multipart = fresh.post("/v1/banks/A/entries", files={
        "media": ("m.jpg", jpeg("other"), "image/jpeg"),
        "meta": (None, '{"reason":"by multipart","labels":["x"]}', "application/json")})
    assert multipart.status_code == 201, multipart.text
    page = fresh.get("/v1/banks/A/entries?limit=1").json()
    assert len(page["entries"]) == 1 and page["next"]
    rest = fresh.get(f"/v1/banks/A/entries?limit=1&after={page['next']}").json()
    assert rest["entries"][0]["id"] == multipart.json()["id"]
    assert len(fresh.get("/v1/banks/A/entries?label=logo").json()["entries"]) == 1
    assert len(fresh.get("/v1/banks/A/entries?state=revoked").json()["entries"]) == 0


def test_match_by_hash(fresh):
    fresh.bank("A")
    value = hexes(1)[0]
    fresh.add_pdq(value, "A")
    near = format(int(value, 16) ^ 0b11111, "064x")
    far = format(int(value, 16) ^ (1 << 40) - 1, "064x")
    b64 = base64.b64encode(bytes.fromhex(value)).decode()
    answer = fresh.post("/v1/match", json={"media": [
        {"id": "a", "signals": [{"type": "pdq", "value": near}]},
        {"id": "b", "signals": [{"type": "pdq", "value": far}]},
        {"id": "c", "signals": [{"type": "pdq", "value": b64}]},
        {"id": "d", "signals": [{"type": "pdq", "value": value.upper(), "quality": 49}]},
        {"signals": [{"type": "sha256", "value": "0" * 64}]}]}).json()
    results = answer["results"]
    assert [r.get("id") for r in results[:4]] == ["a", "b", "c", "d"]
    assert [r["verdict"] for r in results] == ["block", "allow", "block", "allow", "allow"]
    assert results[0]["matches"][0]["distance"] == 5
    later = fresh.post("/v1/match", json={"since": answer["generation"], "media": [
        {"signals": [{"type": "pdq", "value": value}]}]}).json()
    assert later["results"][0]["verdict"] == "allow"
    for bad in ({"media": [{"signals": [{"type": "pdq", "value": "xyz"}]}]},
                {"media": [{"signals": [{"type": "md6", "value": "00"}]}]},
                {"media": [{"signals": [], "more": 1}]}, {"media": {}}, {}, {"medium": []}):
        refused = fresh.post("/v1/match", json=bad)
        assert refused.status_code == 400, bad
    many = [{"signals": [{"type": "pdq", "value": value}] * 101}] * 100
    assert fresh.post("/v1/match", json={"media": many}).status_code == 400


def test_digests_match(fresh):
    import hashlib
    fresh.bank("A")
    for kind in ("md5", "sha1", "sha256"):
        data = jpeg("digest " + kind)
        assert fresh.verdict(data) == "allow"
        answer = fresh.post("/v1/banks/A/entries", json={"reason": "r", "signals": [
            {"type": kind, "value": hashlib.new(kind, data).hexdigest()}]})
        assert answer.status_code == 201
        found = fresh.check(data).json()
        assert found["verdict"] == "block" and found["matches"][0]["type"] == kind


@pytest.mark.parametrize("kind", ["text", "csv", "ndjson"])
def test_import_and_export_round_trip(fresh, kind):
    values = hexes(500)
    types = {"text": "text/plain", "csv": "text/csv", "ndjson": "application/x-ndjson"}
    lines = {"text": [f"pdq {v}" for v in values],
             "csv": ["signal_type,signal_str,collab,category,tags"] +
                    [f"pdq,{v},my list,INVESTIGATION_SEED,a b" for v in values],
             "ndjson": [f'{{"type":"pdq","value":"{v}"}}' for v in values]}[kind]
    fresh.bank("A")
    answer = fresh.post("/v1/banks/A/import?reason=r", "\n".join(lines).encode(),
                        headers={"Content-Type": types[kind]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["added"] == 500 and answer.json()["duplicates"] == 0
    again = fresh.post("/v1/banks/A/import?reason=r", "\r\n".join(lines).encode(),
                       headers={"Content-Type": types[kind]}).json()
    assert again["added"] == 0 and again["duplicates"] == 500
    out = fresh.get(f"/v1/banks/A/export?format={kind}")
    assert out.status_code == 200
    fresh.bank("B")
    back = fresh.post("/v1/banks/B/import?reason=r", out.content, headers={"Content-Type": types[kind]})
    assert back.json()["added"] == 500
    found = fresh.post("/v1/match", json={"media": [{"signals": [{"type": "pdq", "value": v}]}
                                                    for v in values]}).json()
    assert all(len(r["matches"]) == 2 for r in found["results"])


def test_bad_lines_are_told_and_nothing_is_half_imported(fresh):
    values = hexes(10)
    body = "\n".join([f"pdq {v}" for v in values[:4]] + ["pdq 123", "nonsense", ""] +
                     [f"pdq {v}" for v in values[4:]])
    fresh.bank("A")
    refused = fresh.post("/v1/banks/A/import?reason=r", body.encode(),
                         headers={"Content-Type": "text/plain"})
    assert refused.status_code == 400
    assert [e["line"] for e in refused.json()["errors"]] == [5, 6]
    assert fresh.get("/v1/banks/A").json()["entries"] == 0
    skipped = fresh.post("/v1/banks/A/import?reason=r&on_error=skip", body.encode(),
                         headers={"Content-Type": "text/plain"}).json()
    assert skipped["added"] == 10 and [e["line"] for e in skipped["errors"]] == [5, 6]


def test_a_million_lines_in_one_stream(fresh):
    rnd = random.Random(3)
    values = [f"{rnd.getrandbits(256):064x}" for _ in range(1_000_000)]
    fresh.bank("A")
    answer = fresh.post("/v1/banks/A/import?reason=r", ("pdq " + "\npdq ".join(values)).encode(),
                        headers={"Content-Type": "text/plain"}, timeout=600)
    assert answer.status_code == 200 and answer.json()["added"] == 1_000_000, answer.text[:500]
    picks = rnd.sample(values, 200)
    found = fresh.post("/v1/match", json={"media": [{"signals": [{"type": "pdq", "value": v}]}
                                                    for v in picks]}).json()
    assert all(r["verdict"] == "block" for r in found["results"])
    assert all(distance(p, p) == 0 for p in picks)
    out = fresh.get("/v1/banks/A/export", timeout=600)
    assert len(out.content.splitlines()) == 1_000_000
    fresh.kill()
    fresh.start()
    found = fresh.post("/v1/match", json={"media": [{"signals": [{"type": "pdq", "value": picks[0]}]}]})
    assert found.json()["results"][0]["verdict"] == "block"


def test_audit_tells_who_what_when_why(fresh):
    fresh.bank("A")
    entry = fresh.add(jpeg("audit"), "A", reason="because")
    fresh.revoke(entry["id"], reason="a mistake")
    rows = fresh.get("/v1/audit?bank=A").json()["audit"]
    assert [r["action"] for r in rows] == ["entry.revoke", "entry.add", "bank.create"]
    assert rows[0]["reason"] == "a mistake" and rows[1]["reason"] == "because"
    assert rows[0]["target"] == entry["id"] and rows[0]["actor"]["name"] == "test" and rows[0]["at"].endswith("Z")
    verified = fresh.get("/v1/audit/verify").json()
    assert verified["ok"] is True and verified["rows"] >= 4
