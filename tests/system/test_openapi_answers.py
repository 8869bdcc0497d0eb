"""Does each route answer as docs/openapi.json says: status, content type, headers, body?"""
import json
import time

import pytest

from clips import pan
from hashgate import ROOT, encode, jpeg, picture
from json_schema import Mismatch, Schemas

DOCUMENT = json.loads((ROOT / "docs/openapi.json").read_text())
SCHEMAS = Schemas(DOCUMENT)
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = {(method.upper(), path): operation for path, methods in DOCUMENT["paths"].items()
              for method, operation in methods.items() if method in METHODS}
PDQ = "d8f8f0cec0f4a84f0637022a278f67f0b36e2ed596621e1d33e6b39c4e9c9b22"
NO_ID = "01J8ZQ4T9H3N5W7Y8X2V6B1C0D"


def check_body(answer, content):
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in content, f"{kind} is not documented: {sorted(content)}"
    schema = content[kind]["schema"]
    if kind == "application/x-ndjson":
        for line in answer.text.splitlines():
            SCHEMAS.check(schema, json.loads(line), "line")
    elif kind.endswith("json"):
        SCHEMAS.check(schema, answer.json())
    else:
        SCHEMAS.check(schema, answer.text)


def check_answer(method, path, answer):
    """The answer is one of the documented ones."""
    responses = OPERATIONS[method, path]["responses"]
    status = str(answer.status_code)
    assert status in responses, f"{status} is not documented: {answer.text}"
    response = SCHEMAS.resolve(responses[status])
    for header in response.get("headers", {}):
        assert header in answer.headers, f"{header} is missing"
    if "content" in response:
        check_body(answer, response["content"])
    else:
        assert answer.content == b""
    if answer.status_code >= 400:
        assert answer.json()["status"] == answer.status_code


class Caller:
    """Calls routes by their documented path and checks every answer."""

    def __init__(self, service):
        self.service = service
        self.seen = {}

    def __call__(self, method, path, status, query="", data=None, auth=True, content=None, files=None, body=None,
                 **names):
        headers = {"Content-Type": content} if content else {}
        answer = self.service.call(method, path.format(**names) + query, key=auth, headers=headers, data=data,
                                   files=files, json=body)
        try:
            assert answer.status_code == status, answer.text
            check_answer(method, path, answer)
        except (AssertionError, Mismatch) as fault:
            raise AssertionError(f"{method} {path}{query} {status}: {fault}\n{answer.text[:2000]}") from fault
        self.seen.setdefault((method, path), set()).add(status)
        return answer


@pytest.fixture(scope="module")
def call(service):
    service.bank("OPENAPI", description="d", owner="o", sharing="s", labels=["one"])
    service.add(jpeg(1), bank="OPENAPI", label="logo", case="c", source="s")
    return Caller(service)


def alpha():
    image = picture(3, mode="RGBA")
    image.putalpha(picture(4).convert("L"))
    return encode(image, "PNG")


def try_media(call):
    flat = encode(picture(1).point(lambda v: 128), "PNG")
    for status, data in ((200, jpeg(1)), (200, jpeg(2)), (200, flat), (200, alpha()), (415, b"no picture"),
                         (422, jpeg(1)[:2000]), (400, b"")):
        call("POST", "/v1/check", status, data=data)
        call("POST", "/v1/hash", status, "?orientations=all", data=data)
    few = call.service.new_key("check")
    assert "signals" not in call("POST", "/v1/check", 200, data=jpeg(1), auth=few).json()
    two = [("a", ("a.jpg", jpeg(1))), ("b", ("b.jpg", jpeg(2)))]
    for query in ("", "?as=items", "?as=frames"):
        call("POST", "/v1/check", 200, query, files=two)
    call("POST", "/v1/check", 400, "?banks=NONE", data=jpeg(1))
    call("POST", "/v1/hash", 400, "?orientations=some", data=jpeg(1))
    call("POST", "/v1/hash", 200, files=two[:1])


def try_checks(call, clip):
    answer = call("POST", "/v1/check", 200, data=clip)
    assert answer.json()["media"]["duration_ms"] > 0
    answer = call("POST", "/v1/check", 200, "?examine=all", data=clip)
    headers = {"Prefer": "respond-async"}
    late = call.service.check(clip, headers=headers)
    assert late.status_code == 202
    check_answer("POST", "/v1/check", late)
    broken = call.service.check(clip[:-3000], headers=headers)
    for check in (late.json()["check_id"], broken.json()["check_id"]):
        while call("GET", "/v1/checks/{check}", 200, check=check).json()["state"] == "running":
            time.sleep(0.1)
    call("GET", "/v1/checks/{check}", 404, check=NO_ID)
    call("GET", "/v1/checks/{check}", 400, "?x=1", check=NO_ID)
    call("POST", "/v1/check", 400, "?examine=some", data=clip)


def try_match(call):
    media = [{"id": "a", "signals": [{"type": "pdq", "value": PDQ, "quality": 80, "ms": 40}]},
             {"signals": [{"type": "md5", "value": "a0" * 16}]}]
    call("POST", "/v1/match", 200, body={"media": media, "since": 0})
    entry = call("GET", "/v1/banks/{bank}/entries", 200, bank="OPENAPI").json()["entries"][0]
    media = [{"signals": [s]} for s in entry["signals"]]
    got = call("POST", "/v1/match", 200, "?banks=OPENAPI", body={"media": media})
    assert all(r["matches"] for r in got.json()["results"])
    for bad in ({}, {"media": []}, {"media": [{"signals": [{"type": "pdq", "value": "00"}]}]}, {"media": 1, "x": 1}):
        call("POST", "/v1/match", 400, body=bad)


def try_banks(call):
    call("GET", "/v1/banks", 200)
    call("GET", "/v1/banks", 400, "?x=1")
    call("POST", "/v1/banks", 201, body={"name": "OPENAPI_2", "action": "observe", "threshold": 20})
    call("POST", "/v1/banks", 409, body={"name": "OPENAPI_2"})
    call("POST", "/v1/banks", 400, body={"name": "lower"})
    call("GET", "/v1/banks/{bank}", 200, bank="OPENAPI")
    call("GET", "/v1/banks/{bank}", 404, bank="NONE")
    call("PATCH", "/v1/banks/{bank}", 200, bank="OPENAPI_2", body={"threshold": 21, "labels": ["x"], "reason": "r"})
    call("PATCH", "/v1/banks/{bank}", 400, bank="OPENAPI_2", body={"threshold": 64})
    call("PATCH", "/v1/banks/{bank}", 404, bank="NONE", body={"threshold": 21})


def try_entries(call):
    path = "/v1/banks/{bank}/entries"
    new = {"signals": [{"type": "pdq", "value": PDQ}, {"type": "sha1", "value": "ab" * 20}], "reason": "r"}
    added = call("POST", path, 201, bank="OPENAPI", body=new).json()
    assert call("POST", path, 409, bank="OPENAPI", body=new).json()["entry"] == added["id"]
    call("POST", path, 400, bank="OPENAPI", body={"reason": "r"})
    call("POST", path, 400, bank="OPENAPI", data=jpeg(5))
    call("POST", path, 404, "?reason=r", bank="NONE", data=jpeg(5))
    call("POST", path, 415, "?reason=r", bank="OPENAPI", data=b"no picture")
    call("POST", path, 422, "?reason=r", bank="OPENAPI", data=jpeg(5)[:2000])
    flat = encode(picture(1).point(lambda v: 90), "PNG")
    assert call("POST", path, 201, "?reason=r", bank="OPENAPI", data=flat).json()["note"]
    call("POST", path, 201, "?reason=r", bank="OPENAPI", data=alpha())
    parts = {"media": ("a.jpg", jpeg(6)), "meta": (None, json.dumps({"reason": "r", "labels": ["a"]}))}
    call("POST", path, 201, bank="OPENAPI", files=parts)
    page = call("GET", path, 200, "?limit=1&state=active", bank="OPENAPI").json()
    call("GET", path, 200, f"?limit=1&after={page['next']}", bank="OPENAPI")
    call("GET", path, 200, f"?signal={PDQ}&label=none", bank="OPENAPI")
    call("GET", path, 400, "?limit=0", bank="OPENAPI")
    call("GET", path, 404, bank="NONE")
    call("GET", "/v1/entries/{entry}", 200, entry=added["id"])
    call("GET", "/v1/entries/{entry}", 404, entry=NO_ID)
    call("PATCH", "/v1/entries/{entry}", 200, entry=added["id"], body={"state": "revoked", "reason": "r"})
    call("PATCH", "/v1/entries/{entry}", 400, entry=added["id"], body={"state": "revoked"})
    call("PATCH", "/v1/entries/{entry}", 404, entry=NO_ID, body={"state": "revoked", "reason": "r"})


def try_lists(call):
    path = "/v1/banks/{bank}/import"
    call.service.bank("LISTS")
    line = {"type": "md5", "value": "12" * 16, "labels": ["a"], "source": "s"}
    call("POST", path, 200, "?reason=r", bank="LISTS", content="text/plain", data=f"pdq {PDQ}\n")
    call("POST", path, 200, "?reason=r", bank="LISTS", content="application/x-ndjson", data=json.dumps(line))
    refused = call("POST", path, 400, "?reason=r", bank="LISTS", content="text/plain", data=f"pdq {PDQ}\npdq 12\n")
    assert refused.json()["error_count"] == 1
    call("POST", path, 200, bank="LISTS", content="text/plain", data=f"pdq {PDQ}\n")
    call("POST", path, 400, "?on_error=maybe", bank="LISTS", content="text/plain", data=f"pdq {PDQ}\n")
    call("POST", path, 200, "?reason=r&on_error=skip", bank="LISTS", content="text/plain", data=f"pdq {PDQ}\npdq 12\n")
    call("POST", path, 404, "?reason=r", bank="NONE", content="text/plain", data=f"pdq {PDQ}\n")
    for form in ("text", "csv", "ndjson"):
        assert call("GET", "/v1/banks/{bank}/export", 200, f"?format={form}", bank="LISTS").text
    call("GET", "/v1/banks/{bank}/export", 200, "?format=ndjson", bank="OPENAPI")
    call("GET", "/v1/banks/{bank}/export", 400, "?format=xml", bank="LISTS")
    call("GET", "/v1/banks/{bank}/export", 404, bank="NONE")


def try_audit(call):
    page = call("GET", "/v1/audit", 200, "?limit=2").json()
    call("GET", "/v1/audit", 200, f"?before={page['next']}")
    call("GET", "/v1/audit", 400, "?before=x")
    assert call("GET", "/v1/audit/verify", 200).json()["ok"]
    call("GET", "/v1/audit/verify", 400, "?x=1")


def try_keys(call):
    made = call("POST", "/v1/keys", 201, body={"name": "n", "scopes": ["check"]}).json()
    call("POST", "/v1/keys", 201, body={"name": "n", "scopes": ["moderate"], "banks": ["OPENAPI"], "rate": 2.5,
                                        "burst": 9, "expires": "2099-01-01T00:00:00Z"})
    call("POST", "/v1/keys", 400, body={"name": "n", "scopes": ["everything"]})
    call("GET", "/v1/keys", 200)
    call("GET", "/v1/keys", 400, "?x=1")
    call("DELETE", "/v1/keys/{key}", 204, key=made["id"])
    call("DELETE", "/v1/keys/{key}", 204, key=made["id"])  # harmless
    call("DELETE", "/v1/keys/{key}", 404, key=NO_ID)
    call("GET", "/v1/keys", 200)


def try_health(call):
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        call("GET", path, 200)
        call("GET", path, 400, "?x=1")
    assert call("GET", "/openapi.json", 200).json() == DOCUMENT


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return pan(picture(91, (1200, 900)), tmp_path_factory.mktemp("clip"), "clip", seconds=4).read_bytes()


def test_every_route_answers_as_documented(call, clip):
    try_checks(call, clip)
    for part in (try_media, try_match, try_banks, try_entries, try_lists, try_audit, try_keys, try_health):
        part(call)
    assert set(call.seen) == set(OPERATIONS), "a route was not called"
    for operation, statuses in call.seen.items():
        assert min(statuses) < 300 and max(statuses) >= 400, operation


@pytest.mark.parametrize("method, path", sorted(OPERATIONS))
def test_keys_are_asked_for_as_documented(call, method, path):
    scopes = [scope for way in OPERATIONS[method, path]["security"] for scopes in way.values() for scope in scopes]
    names = {"bank": "OPENAPI", "entry": NO_ID, "key": NO_ID, "check": NO_ID}
    if not scopes:
        call(method, path, 200, auth=None, **names)
        return
    call(method, path, 401, auth=None, **names)
    call(method, path, 401, auth="hgk_" + "A" * 43, **names)
    other = call.service.new_key("check" if "metrics" in scopes else "metrics")
    call(method, path, 403, auth=other, **names)


def test_too_large_a_body(call):
    filler = b" " * (2 << 20)
    for path in ("/v1/banks", "/v1/keys"):
        call("POST", path, 413, data=filler, content="application/json")
    call("PATCH", "/v1/banks/{bank}", 413, data=filler, content="application/json", bank="OPENAPI")
    call("PATCH", "/v1/entries/{entry}", 413, data=filler, content="application/json", entry=NO_ID)


def test_every_reference_and_example_is_good():
    def walk(thing, path):
        if isinstance(thing, list):
            for item in thing:
                walk(item, path)
        elif isinstance(thing, dict):
            if "$ref" in thing:
                SCHEMAS.resolve(thing)
            if "example" in thing and "schema" in thing:
                SCHEMAS.check(thing["schema"], thing["example"], path)
            for name, member in thing.items():
                walk(member, f"{path}/{name}")
    walk(DOCUMENT, "")


@pytest.mark.parametrize("schema, value", [
    ({"type": "integer"}, True), ({"type": ["string", "null"]}, 1), ({"enum": ["a"]}, "b"), ({"const": "a"}, "b"),
    ({"required": ["a"]}, {}), ({"properties": {"a": {}}}, {"b": 1}), ({"items": {"type": "string"}}, ["a", 1]),
    ({"minimum": 1}, 0), ({"maximum": 1}, 2), ({"pattern": "^a$"}, "b"), ({"minItems": 1}, []),
    ({"maxLength": 1}, "ab"), ({"oneOf": [{"type": "string"}, {"enum": ["a"]}]}, "a"),
    ({"$ref": "#/components/schemas/Verdict"}, "observe"),
])
def test_the_checker_sees_what_is_wrong(schema, value):
    with pytest.raises(Mismatch):
        SCHEMAS.check(schema, value)
