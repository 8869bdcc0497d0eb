"""Does the command line do what its help says, with the exit codes of the contract?"""
import json
import subprocess

import pytest

from hashgate import BIN, environment, jpeg

COMMANDS = ["check", "hash", "bank create", "bank ls", "bank show", "bank set", "add", "entry ls", "entry show",
            "entry revoke", "entry restore", "import", "export", "audit ls", "audit verify", "key create", "key ls",
            "key revoke", "scan", "scan merge", "completion"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command):
    done = subprocess.run([BIN / "hashgate", *command.split(), "--help"], env=environment(), capture_output=True,
                          text=True)
    assert done.returncode == 0
    assert f"Example:\n  hashgate {command}" in done.stdout


def test_a_moderators_day(fresh, tmp_path):
    bad, good, broken = tmp_path / "bad.jpg", tmp_path / "good.jpg", tmp_path / "broken.jpg"
    bad.write_bytes(jpeg("bad"))
    good.write_bytes(jpeg("good"))
    broken.write_bytes(jpeg("bad")[:600])
    assert fresh.cli("bank", "create", "A", "--action", "block", "--threshold", "31").returncode == 0
    assert b"block" in fresh.cli("bank", "ls").stdout
    assert fresh.cli("add", bad, "--bank", "A", "--reason", "r", "--label", "x", "--label", "y").returncode == 0
    again = fresh.cli("add", bad, "--bank", "A", "--reason", "r")
    assert again.returncode == 2 and b"entry 0" in again.stderr
    assert fresh.cli("check", good).returncode == 0
    assert fresh.cli("check", bad).returncode == 1
    assert fresh.cli("check", broken).returncode == 2
    assert fresh.cli("check", good, broken).returncode == 2
    assert fresh.cli("check", broken, bad, good).returncode == 1
    assert fresh.cli("check", tmp_path / "missing.jpg").returncode == 2
    lines = fresh.cli("check", "--json", bad, good, broken, json_lines=True)
    assert [line.get("verdict") for line in lines] == ["block", "allow", None]
    assert lines[2]["error"]["status"] == 422 and lines[0]["file"] == str(bad)
    entry = lines[0]["matches"][0]["entry"]
    shown = fresh.cli("entry", "show", entry)
    assert b"x y" in shown.stdout and shown.returncode == 0
    assert fresh.cli("entry", "revoke", entry, "--reason", "mistake").returncode == 0
    assert fresh.cli("check", bad).returncode == 0
    assert fresh.cli("entry", "restore", entry, "--reason", "no mistake").returncode == 0
    assert fresh.cli("check", bad).returncode == 1
    assert entry.encode() in fresh.cli("entry", "ls", "--bank", "A").stdout
    audit = fresh.cli("audit", "ls", "--bank", "A").stdout
    assert b"entry.revoke" in audit and b"mistake" in audit
    assert fresh.cli("audit", "verify").returncode == 0


def test_hash_add_import_export(fresh, tmp_path):
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg("a"))
    fresh.bank("A")
    signals = fresh.cli("hash", file, "--json", json_lines=True)[0]["signals"]
    pdq = next(s["value"] for s in signals if s["type"] == "pdq")
    assert pdq.encode() in fresh.cli("hash", file).stdout
    assert fresh.cli("add", "--pdq", pdq, "--bank", "A", "--reason", "r").returncode == 0
    assert fresh.cli("check", file).returncode == 1
    out = tmp_path / "out.csv"
    assert fresh.cli("export", "--bank", "A", "--format", "csv", "--output", out).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600 and pdq in out.read_text()
    fresh.bank("B")
    done = fresh.cli("import", out, "--bank", "B")
    assert done.returncode == 0 and b"added" in done.stdout
    bad = tmp_path / "bad.txt"
    bad.write_text("pdq 12\n")
    done = fresh.cli("import", bad, "--bank", "B")
    assert done.returncode == 2 and b"LINE" in done.stdout
    text = fresh.cli("export", "--bank", "B").stdout.decode()
    assert text.split() == ["pdq", pdq]


def test_keys(fresh):
    done = fresh.cli("key", "create", "--name", "uploads", "--scope", "check", "--json", json_lines=True)[0]
    assert fresh.check(jpeg("k"), key=done["key"]).status_code == 200
    listing = fresh.cli("key", "ls").stdout
    assert b"uploads" in listing and done["key"].encode() not in listing
    assert fresh.cli("key", "revoke", done["id"]).returncode == 0
    assert fresh.check(jpeg("k"), key=done["key"]).status_code == 401


def test_over_a_unix_socket_and_from_the_config_file(fresh, tmp_path):
    env = environment({"HASHGATE_URL": f"unix:{fresh.folder}/admin.sock", "HOME": str(tmp_path)})
    done = subprocess.run([BIN / "hashgate", "bank", "create", "SOCK"], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "hashgate").mkdir()
    (tmp_path / "hashgate/config").write_text(f"url = {fresh.url}\nkey = {fresh.key}\n")
    env = environment({"XDG_CONFIG_HOME": str(tmp_path)})
    done = subprocess.run([BIN / "hashgate", "bank", "ls", "--json"], env=env, capture_output=True)
    assert done.returncode == 0 and json.loads(done.stdout)["banks"][0]["name"] == "SOCK"


def test_errors_exit_with_2(fresh, tmp_path):
    for command in (["nonsense"], [], ["bank"], ["check"], ["bank", "create"], ["check", "--nonsense", "x"],
                    ["bank", "show", "NONE"], ["entry", "show", "nonsense"]):
        assert fresh.cli(*command).returncode == 2, command
    (tmp_path / "a.jpg").write_bytes(jpeg("a"))
    for command in [["bank", "ls"], ["check", tmp_path / "a.jpg"], ["hash", tmp_path / "a.jpg"],
                    ["scan", tmp_path / "a.jpg", "--state", tmp_path / "state"]]:
        done = fresh.cli(*command, key=False)
        said = done.stdout + done.stderr
        assert done.returncode == 2 and b"HASHGATE_KEY" in said and b"Bearer" not in said, said
    assert b"unknown API key" in fresh.cli("bank", "ls", key="nonsense").stderr
    env = environment({"HASHGATE_URL": "http://127.0.0.1:1"})
    assert subprocess.run([BIN / "hashgate", "bank", "ls"], env=env, capture_output=True).returncode == 2
