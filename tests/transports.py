"""The ways by which a server is reached: SeedLink 3 and 4, in the clear and through TLS, with a password."""

import contextlib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme
from hostile import listen, serve
from listening import Client

from quake_stream.ingest.seedlink.credentials import Credentials
from quake_stream.replay.server import ReplayServer

PASSWORD = "s3cret-of-anna"
WAYS = ("v3", "v4", "tls3", "tls4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Options of server and client that fit each other."""

    version: str
    scheme: str
    server: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)

    def serve(self, records: Sequence[bytes], **options: Any) -> ReplayServer:
        """Serve records this way; to be used in a ``with``."""
        return serve(records, **(self.server | options))

    @contextlib.contextmanager
    def listen(self, address: str, *streams: str, **options: Any) -> Iterator[Client]:
        """Read this way from ``host:port``."""
        with listen(f"{self.scheme}://{address}", *streams, **(self.client | options)) as client:
            yield client


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Make what a server needs to show a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def make_way(name: str, folder: Path) -> Way:
    """One of the ``WAYS``, with its files in a folder of the test's own."""
    version = name[-1]
    if not name.startswith("tls"):
        return Way(version=version, scheme="seedlink", client={"protocol": version})
    authority = trustme.CA()
    ca_file, secret_file = folder / "ca.pem", folder / "password"
    authority.cert_pem.write_to_path(ca_file)
    secret_file.write_text(PASSWORD)
    secret_file.chmod(0o600)
    server: dict[str, Any] = {"tls": server_context(authority.issue_cert("127.0.0.1", "localhost"))}
    client: dict[str, Any] = {"ca_file": ca_file, "protocol": "3"}
    if version == "4":
        server["admitted"] = [f"USERPASS anna {PASSWORD}"]
        client = {"ca_file": ca_file, "credentials": Credentials(user="anna", secret_file=secret_file)}
    return Way(version=version, scheme="seedlinks", server=server, client=client)
