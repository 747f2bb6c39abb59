"""A fake SeedLink server, joined at the end of the test."""

from collections.abc import Iterator

import pytest
from fake_seedlink import FakeServer


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """Server on a free loopback port; what goes wrong in its threads fails the test."""
    fake = FakeServer()
    yield fake
    fake.close()
    if fake.errors:
        raise fake.errors[0]
