"""A running client of the fake server, joined at the end of the test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fake_seedlink import FakeServer
from listening import Client

from quake_stream.ingest.resume import ResumeStore
from quake_stream.ingest.seedlink.settings import SeedLinkSettings
from quake_stream.selection import parse_streams


@pytest.fixture
def listen(server: FakeServer) -> Iterator[Callable[..., Client]]:
    """Start a client of the server: ``listen("XX.AAA")``; quick to try again, and slow to give up."""
    clients: list[Client] = []

    def start(
        *streams: str, positions: ResumeStore | None = None, address: str = "", **options: Any
    ) -> Client:
        include = tuple(p for text in streams or ("XX.AAA",) for p in parse_streams(text))
        exclude = tuple(p for text in options.pop("exclude", ()) for p in parse_streams(text))
        others = {key: options.pop(key) for key in ("now_ns", "getaddrinfo") if key in options}
        others |= {"include": include, "exclude": exclude}
        settings = SeedLinkSettings(**({"retry_first_s": 0.01, "retry_limit_s": 0.05} | options))
        store = positions or ResumeStore(None)
        clients.append(Client(address or server.address, store, settings=settings, **others))
        return clients[-1]

    yield start
    for client in clients:
        client.stop()
