"""Messages as the journal takes them, for the tests of what stands on it."""

from functools import cache
from uuid import UUID

import bodies

from quake_stream.publish.frames import Header, encode
from quake_stream.publish.journal import Journal
from quake_stream.types import NS_PER_S

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@cache
def frames(session: UUID, sequence: int, **fields: object) -> list[bytes]:
    return encode("status", Header(session=session, sequence=sequence), bodies.status(**fields))


def fill(journal: Journal, session: UUID, first: int, last: int, *, start_s: int = 0) -> None:
    """Write messages ``first`` to ``last``, one a second."""
    for n in range(first, last + 1):
        journal.append((start_s + n) * NS_PER_S, frames(session, n))
