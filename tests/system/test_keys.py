"""Does a key allow what its scopes say, and nothing more?"""
import time

import pytest

from hashgate import jpeg, running

MATCH = {"media": [{"signals": [{"type": "pdq", "value": "f" * 63 + "0"}]}]}
CALLS = {
    "check": ("POST", "/v1/check"), "hash": ("POST", "/v1/hash"), "match": ("POST", "/v1/match"),
    "banks": ("GET", "/v1/banks"), "entries": ("GET", "/v1/banks/A/entries"),
    "export": ("GET", "/v1/banks/A/export"), "audit": ("GET", "/v1/audit"), "keys": ("GET", "/v1/keys"),
    "metrics": ("GET", "/metrics"),
}
ALLOWED = {
    "check": {"check", "hash"}, "match": {"match"}, "detail": set(), "metrics": {"metrics"},
    "moderate": {"check", "hash", "match", "banks", "entries", "export", "audit"},
    "admin": set(CALLS),
}


@pytest.mark.parametrize("scope", ALLOWED)
def test_scopes(service, scope):
    if service.get("/v1/banks/A").status_code == 404:
        service.bank("A")
    key = service.new_key(scope)
    for name, (method, path) in CALLS.items():
        more = {"json": MATCH} if name == "match" else {"data": jpeg("k")} if method == "POST" else {}
        answer = service.call(method, path, key=key, **more)
        wanted = 200 if name in ALLOWED[scope] else 403
        assert answer.status_code == wanted, (scope, name, answer.text)


def test_no_key_and_wrong_keys_are_told_the_same(service):
    texts = set()
    for key in (None, "hgk_" + "A" * 43, "x", service.key[:-1] + ("A" if service.key[-1] != "A" else "B")):
        answer = service.get("/v1/banks", key=key)
        assert answer.status_code == 401 and "Bearer" in answer.headers["WWW-Authenticate"]
        if key:
            texts.add(answer.json()["detail"])
    assert len(texts) == 1


def test_x_api_key_is_read_too(service):
    assert service.get("/v1/banks", key=None, headers={"X-API-Key": service.key}).status_code == 200


def test_revoked_at_once_and_shown_once(service):
    made = service.post("/v1/keys", json={"name": "short", "scopes": ["check"]}).json()
    listed = service.get("/v1/keys").text
    assert made["id"] in listed and made["key"] not in listed
    assert service.check(jpeg("r"), key=made["key"]).status_code == 200
    assert service.call("DELETE", f"/v1/keys/{made['id']}").status_code in (200, 204)
    assert service.check(jpeg("r"), key=made["key"]).status_code == 401


def test_expiry(service):
    from datetime import datetime, timedelta, timezone
    soon = (datetime.now(timezone.utc) + timedelta(seconds=1.5)).isoformat(timespec="milliseconds")
    key = service.new_key("check", expires=soon)
    assert service.check(jpeg("r"), key=key).status_code == 200
    time.sleep(2)
    assert service.check(jpeg("r"), key=key).status_code == 401


def test_rate_limit_by_key():
    with running() as service:
        key = service.new_key("check", rate=1, burst=3)
        statuses = [service.check(jpeg("r"), key=key).status_code for _ in range(6)]
        assert statuses[:3] == [200] * 3 and 429 in statuses[3:]
        refused = next(a for a in (service.check(jpeg("r"), key=key) for _ in range(5))
                       if a.status_code == 429)
        assert int(refused.headers["Retry-After"]) >= 1
        assert service.check(jpeg("r")).status_code == 200


def test_each_signal_counts_against_the_budget():
    with running() as service:
        key = service.new_key("match", rate=0.001, burst=10)
        media = {"media": [{"signals": [{"type": "pdq", "value": f"{i + 1:064x}"}
                                        for i in range(8)]}]}
        assert service.post("/v1/match", json=media, key=key).status_code == 200
        assert service.post("/v1/match", json=media, key=key).status_code == 429


def test_a_key_that_sees_some_banks(service):
    data = jpeg("visible")
    for bank in ("SEEN", "UNSEEN"):
        service.bank(bank)
        service.add(data, bank)
    key = service.new_key("check", "moderate", banks=["SEEN"])
    answer = service.check(data, key=key).json()
    assert [m["bank"] for m in answer["matches"]] == ["SEEN"]
    a = service.check(data, "?banks=UNSEEN", key=key)
    b = service.check(data, "?banks=NOSUCH", key=key)
    assert a.status_code == b.status_code == 400
    assert a.json()["detail"].replace("UNSEEN", "NOSUCH") == b.json()["detail"]
    assert service.get("/v1/banks/UNSEEN", key=key).status_code == 404
    assert "UNSEEN" not in service.get("/v1/banks", key=key).text


def test_metrics_and_health(service):
    assert service.get("/livez", key=None).status_code == 200
    assert service.get("/readyz", key=None).status_code == 200
    assert service.get("/openapi.json", key=None).json()["openapi"].startswith("3.1")
    assert service.get("/metrics", key=None).status_code == 401
    text = service.get("/metrics").text
    assert "# TYPE hashgate_" in text and service.key not in text
