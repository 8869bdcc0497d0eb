"""Fixtures of the system and fault tests."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

import hashgate  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "hostile: also run against the sanitized build")


@pytest.fixture(scope="module")
def service():
    """One running service for a module; each test uses banks of its own."""
    with hashgate.running() as s:
        yield s


@pytest.fixture
def fresh():
    """A service that nobody else has used."""
    with hashgate.running() as s:
        yield s


@pytest.fixture
def listing(fresh):
    """The same, whose bank A lists hashgate.jpeg(7)."""
    fresh.bank("A")
    fresh.add(hashgate.jpeg(7), bank="A")
    return fresh


@pytest.fixture(scope="session")
def shared():
    """The folder of shared test data, or a skip."""
    if not hashgate.SHARED.is_dir():
        pytest.skip("skipped: no ../shared/data")
    return hashgate.SHARED
