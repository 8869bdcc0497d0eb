"""Does a change of the list count in the very next check?"""
import threading

from hashgate import distance, jpeg


def test_one_entry_then_revoke_a_thousand_times(fresh):
    fresh.bank()
    data = jpeg("one entry")
    entry = fresh.add(data)["id"]
    for _ in range(1000):
        assert fresh.verdict(data, "?orientations=as-is") == "block"
        fresh.revoke(entry)
        assert fresh.verdict(data, "?orientations=as-is") == "allow"
        fresh.revoke(entry, state="active")


def test_a_bank_with_one_single_hash_works(fresh):
    fresh.bank()
    data = jpeg("single")
    value = fresh.post("/v1/hash", data).json()["signals"][0]["value"]
    fresh.add_pdq(value)
    assert fresh.verdict(data) == "block"


def test_threshold_is_exact_and_its_change_counts_at_once(fresh):
    fresh.bank("A", threshold=31)
    data = jpeg("threshold")
    value = int(fresh.post("/v1/hash", data).json()["signals"][0]["value"], 16)
    for flips in (0, 10, 31, 32, 40, 63):
        listed = format(value ^ ((1 << flips) - 1 << 100), "064x")
        entry = fresh.add_pdq(listed, "A")
        assert distance(listed, format(value, "064x")) == flips
        for threshold in (0, 9, 10, 30, 31, 32, 62, 63):
            changed = fresh.patch("/v1/banks/A", json={"threshold": threshold})
            assert changed.status_code == 200
            answer = fresh.check(data, "?orientations=as-is").json()
            assert (answer["verdict"] == "block") == (flips <= threshold), (flips, threshold)
        fresh.revoke(entry["id"])


def test_generations_only_grow_under_concurrent_writers(fresh):
    fresh.bank()
    seen, failures = [], []

    def add(worker):
        import requests
        session = requests.Session()
        try:
            last = 0
            for i in range(40):
                entry = fresh.call("POST", "/v1/banks/TEST/entries", session=session, json={
                    "signals": [{"type": "pdq", "value": f"{worker * 1000 + i + 1:064x}"}],
                    "reason": "r"}).json()
                assert entry["generation"] > last
                last = entry["generation"]
                found = fresh.call("POST", "/v1/match", session=session, json={"media": [{
                    "signals": [{"type": "pdq", "value": f"{worker * 1000 + i + 1:064x}"}]}]}).json()
                assert entry["id"] in [m["entry"] for m in found["results"][0]["matches"]]
                seen.append(entry["generation"])
        except Exception as e:  # noqa: BLE001 - reported below
            failures.append(repr(e))

    threads = [threading.Thread(target=add, args=(w,)) for w in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures, failures
    assert len(seen) == len(set(seen)) == 240
