"""Tell systemd how the service is doing (protocol of sd_notify(3)); silent where there is no systemd."""

import os
import socket
from collections.abc import Mapping

from quake_stream.types import NS_PER_S


class Notifier:
    """
    Sends state lines to the socket that systemd names in ``NOTIFY_SOCKET``.

    A socket that has gone away must never stop the service, so failures to send are ignored.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for Linux's abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        usec = environment.get("WATCHDOG_USEC", "")
        pid = environment.get("WATCHDOG_PID", "")
        for_us = usec.isdigit() and (not pid or pid == str(os.getpid()))
        self._watchdog_ns = int(usec) * 1000 if for_us else None

    @property
    def watchdog_s(self) -> float | None:
        """Time after which systemd gives up on a silent service; None without watchdog."""
        return None if self._watchdog_ns is None else self._watchdog_ns / NS_PER_S

    def send(self, *lines: str) -> bool:
        """Send lines such as ``READY=1``; returns whether they went out."""
        if not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(1.0)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True
