"""
Encrypt one TCP connection to a server: TLS, with a deadline and stoppable.

The server must prove to be the host that was asked for; there is no way to do without.  Knows nothing of
SeedLink.  Whatever fails becomes `LinkLostError` with its reason.
"""

import contextlib
import select
import socket
import ssl
from pathlib import Path

from quake_stream.ingest.seedlink.lost import LinkLostError, Lost
from quake_stream.ingest.seedlink.pulse import Pulse


def encrypt(
    sock: socket.socket, host: str, pulse: Pulse, *, timeout_s: float, ca_file: Path | None = None
) -> ssl.SSLSocket:
    """
    Shake hands over a connected, non-blocking socket and return the encrypted one; on failure it is closed.

    ``ca_file`` (PEM) is read anew each time, so that renewed certificates need no restart; None means the
    authorities that the system trusts.

    Raises
    ------
    LinkLostError
        ``certificate``: the server's is not trusted, expired or another host's, or ``ca_file`` is not
        usable; ``tls``: the server does not speak TLS; ``command_timeout``: it says nothing.
    StoppedError
        Stopped meanwhile.
    """
    deadline_s = pulse.now_s() + timeout_s
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(sock.close)
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ValueError) as exc:
            raise LinkLostError(Lost.CERTIFICATE, f"{ca_file}: {exc}") from exc
        try:
            encrypted = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        except (OSError, ValueError) as exc:  # reset already, or a name that no certificate can have
            raise LinkLostError(Lost.TLS, str(exc)) from exc
        on_failure.callback(encrypted.close)
        _shake_hands(encrypted, pulse, deadline_s)
        on_failure.pop_all()
    return encrypted


def _shake_hands(encrypted: ssl.SSLSocket, pulse: Pulse, deadline_s: float) -> None:
    while True:
        try:
            encrypted.do_handshake()
        except ssl.SSLWantReadError:
            events = select.POLLIN
        except ssl.SSLWantWriteError:
            events = select.POLLOUT
        except ssl.SSLCertVerificationError as exc:
            raise LinkLostError(Lost.CERTIFICATE, exc.verify_message or str(exc)) from exc
        except OSError as exc:
            raise LinkLostError(Lost.TLS, str(exc)) from exc
        else:
            return
        # Looked at first: a server that sends byte after byte is always ready, and never done.
        if pulse.now_s() >= deadline_s or not pulse.wait(encrypted, events, deadline_s):
            raise LinkLostError(Lost.COMMAND_TIMEOUT, "no answer to the TLS handshake")
