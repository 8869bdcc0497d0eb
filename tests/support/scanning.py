"""Drives `hashgate scan` for tests: runs it, reads what it tells, and sees what it opens."""
import contextlib
import os
import re
import sqlite3
import subprocess

from hashgate import BIN, environment


def scan(service, state, *arguments, code=None, **more):
    done = service.cli("scan", *map(str, arguments), "--state", str(state), **more)
    if code is not None:
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
    return done


def lines(service, state, *arguments):
    """Every file that the scan tells, as an object."""
    return service.cli("scan", *map(str, arguments), "--state", str(state), "--json", "--all",
                       json_lines=True)


def by_name(lines_told):
    """Lines by the name's bytes, of a member by (name, True)."""
    found = {}
    for line in lines_told:
        name = bytes.fromhex(line["file_hex"]) if "file_hex" in line else line["file"].encode()
        name = (name, True) if line.get("member") else name
        assert name not in found
        found[name] = line
    return found


def told(service, state, *arguments):
    return by_name(lines(service, state, *arguments))


def page(path):
    """A report without the one paragraph that tells times."""
    return re.sub(rb'<p class="times">.*?</p>\n', b"", path.read_bytes())


def contents(state):
    with contextlib.closing(sqlite3.connect(state)) as db:
        return db.execute("SELECT count(*) FROM contents").fetchone()[0]


def check_whole(found, must, may):
    """Whether lines by name are what archive.expected() says."""
    wrong = [(name, outcome, found.get(name)) for name, outcome in must.items()
             if name not in found or found[name]["outcome"] != outcome]
    assert not wrong, f"{len(wrong)} of {len(must)}, as {wrong[:3]}"
    for name in found.keys() - must.keys():
        assert name in may, f"nobody made {name}"
        assert found[name]["outcome"] in ("unreadable", may[name]), found[name]
    for line in found.values():
        assert line["outcome"] != "unreadable" or line["error"]["detail"], line


def settings(service, folder, **more):
    return environment({"HASHGATE_URL": service.url, "HASHGATE_KEY": service.key,
                        "HOME": str(folder), **more})


def opened(trace):
    """The names in a trace of strace -xx."""
    return [bytes.fromhex(name.replace("\\x", "")) for name in
            re.findall(r'open(?:at2?)?\(.*?"((?:\\x[0-9a-f]{2})*)"', trace.read_text())]


def traced(service, folder, *arguments):
    """The names that a command and its children open."""
    trace = folder / "trace"
    done = subprocess.run(["strace", "-f", "-qq", "-xx", "-s", "4096", "-o", trace, "-e",
                           "trace=open,openat,openat2,creat", BIN / "hashgate", "scan",
                           *map(str, arguments)], env=settings(service, folder),
                          capture_output=True, timeout=300)
    return done, opened(trace)


def bucket_environment(service, folder, store, key_id, secret, region):
    return settings(service, folder, AWS_ACCESS_KEY_ID=key_id, AWS_SECRET_ACCESS_KEY=secret,
                    AWS_REGION=region, AWS_ENDPOINT_URL=store, no_proxy="*")


def run(env, *arguments, timeout=300):
    return subprocess.run([BIN / "hashgate", "scan", *map(str, arguments)], env=env,
                          capture_output=True, timeout=timeout)


def names_of(tree):
    return sorted(os.path.join(folder, name) for folder, _, files in os.walk(os.fsencode(tree))
                  for name in files)
