"""Do the manual pages tell what the programs tell?  Both ways: nothing is missing, nothing is made up."""
import re
import shutil
import subprocess

import pytest

from hashgate import BIN, ROOT, environment

PAGES = ROOT / "docs/man"
GENERAL_OPTIONS = {"json", "help", "usage", "version"}


def run(*arguments):
    done = subprocess.run([str(a) for a in arguments], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def page(name):
    return (PAGES / name).read_text()


def settings_of_program():
    """{(section, key): default} as --check-config prints them; an unset default is "none"."""
    found, section, default = {}, None, None
    for line in run(BIN / "hashgated", "--check-config").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith("# Default: "):
            default = line.removeprefix("# Default: ").split(". Environment: ")[0]
        elif " =" in line and not line.startswith("#"):
            found[section, line.split(" =")[0]] = default
    return found


def settings_of_page():
    found, section, key = {}, None, None
    lines = iter(page("hashgated.conf.5").splitlines())
    for line in lines:
        if line.startswith(".Ss ["):
            section = line.removeprefix(".Ss ").strip("[]")
        elif line.startswith(".It Ic "):
            key = line.removeprefix(".It Ic ")
            assert (section, key) not in found, f"[{section}] {key} is there twice"
            found[section, key] = None
        elif line == "Default:":
            found[section, key] = next(lines).removeprefix(".Ql ").removesuffix(" .")
        elif line == "Default: none.":
            found[section, key] = "none"
    return found


def commands_of_program():
    listing = run(BIN / "hashgate", "--help").split("Commands:\n")[1].split("\n\n")[0]
    return [re.split(r"\s{2,}", line.strip())[0] for line in listing.splitlines()]


def items_of_page():
    """{command: the text of its item} of hashgate.1."""
    items = re.split(r"^\.It Ic ", page("hashgate.1"), flags=re.M)[1:]
    found = {}
    for item in items:
        words = re.match(r"[a-z]+(?: [a-z]+)?", item).group()
        found[words] = item.split("\n.Sh ")[0]
    return found


def options_of_program(command):
    text = run(BIN / "hashgate", *command.split(), "--help").split("Example:")[0]
    return set(re.findall(r"^ .*?--([a-z0-9-]+)", text, flags=re.M)) - GENERAL_OPTIONS


def options_of_section(heading):
    """Those that a section or subsection of hashgate.1 gives an item to."""
    text = re.search(rf"^\.S[hs] {heading}\n(.*?)^\.S[h{'s' if heading != 'SCANNING' else ''}] ",
                     page("hashgate.1"), flags=re.M | re.S).group(1)
    return set(re.findall(r"^\.It .*Fl Fl ([a-z0-9-]+)", text, flags=re.M)) - GENERAL_OPTIONS


def test_every_setting_is_in_the_page_with_its_default():
    settings = settings_of_program()
    assert len(settings) > 20 and settings["http", "max_upload"] == "32MiB"
    assert settings_of_page() == settings


def test_every_command_is_in_the_page():
    commands = commands_of_program()
    assert len(commands) > 10 and "entry revoke" in commands
    assert sorted(items_of_page()) == sorted(commands)


def test_every_option_of_a_command_is_in_the_page():
    items = items_of_page()
    total = 0
    for command in commands_of_program():
        told = set(re.findall(r"Fl Fl ([a-z0-9-]+)", items[command]))
        if command == "bank set":
            told |= set(re.findall(r"Fl Fl ([a-z0-9-]+)", items["bank create"]))
        if command in ("scan", "scan merge"):  # theirs have a section of their own
            told |= options_of_section("SCANNING" if command == "scan" else "Telling")
        options = options_of_program(command)
        assert told == options, command
        total += len(options)
    assert total > 20


def test_the_commands_and_options_of_the_service_are_in_its_page():
    usage, text = run(BIN / "hashgated", "--help"), page("hashgated.8")
    options = set(re.findall(r"--([a-z-]+)", usage))
    assert "check-config" in options
    assert options == set(re.findall(r"Fl Fl ([a-z-]+)", text))
    for command in re.findall(r"^  ([a-z]+(?: [a-z]+)?)", usage, flags=re.M):
        assert f".Cm {command}" in text, command


def test_scopes_are_those_of_the_service():
    scopes = re.search(r"scopes: ((?:[a-z]+,?\s*)+)", run(BIN / "hashgated", "--help")).group(1)
    scopes = re.findall(r"[a-z]+", scopes.split("audit verify")[0])
    part = page("hashgated.8").split(".Ss Scopes")[1].split(".Sh ")[0]
    assert scopes == re.findall(r"^\.It Cm ([a-z]+)", part, flags=re.M)


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
@pytest.mark.parametrize("name", ["hashgate.1", "hashgated.conf.5", "hashgated.8", "hashgate-worker.8",
                                  "hashgate-worker-video.8"])
def test_a_page_is_well_formed(name):
    run("mandoc", "-T", "lint", "-W", "warning", PAGES / name)
