"""The files of keys and of those who may subscribe."""

from collections.abc import Iterator
from pathlib import Path

from quake_stream.errors import ConfigError
from quake_stream.publish.clients import read_clients
from quake_stream.publish.keys import is_key, read_client_key, read_server_key

# Of the documentation of CURVE (ZeroMQ RFC 26), so known to everybody.
_PUBLIC = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
_SECRET = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"  # noqa: S105  see above


def seeds() -> Iterator[bytes]:
    """Give a file of keys and a list of subscribers."""
    text = (
        f'curve\n    public-key = "{_PUBLIC}"\n    secret-key = "{_SECRET}"\n    server-key = "{_PUBLIC}"\n'
    )
    yield text.encode()
    yield f"# who may subscribe\nclient {_PUBLIC}\n".encode()


def check(data: bytes, folder: Path) -> None:
    """Give keys, or raise ConfigError, which names the file and never the secret."""
    path = folder / "keys"
    path.write_bytes(data)
    path.chmod(0o600)
    for read in (read_server_key, read_client_key, read_clients):
        try:
            found = read(path)
        except ConfigError as error:
            assert str(path) in str(error)  # noqa: PT017  every message names the file
            assert _SECRET not in str(error)  # noqa: PT017  whoever reads the log must not learn it
            continue
        if isinstance(found, dict):
            assert all(is_key(key) for key in found.values())
