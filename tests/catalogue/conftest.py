"""An FDSN event server on loopback."""

from collections.abc import Iterator

import pytest
from fdsn import FdsnServer


@pytest.fixture
def fdsn_server() -> Iterator[FdsnServer]:
    """Run a server for one test."""
    server = FdsnServer()
    yield server
    server.close()
