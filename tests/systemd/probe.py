"""
Try what a service must not do, and say of each whether it went through.

Run twice: as root without a sandbox, where all goes through, which shows that the attempts are good ones; and in
the sandbox of the unit.
"""

import ctypes
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

NAMESPACES = {"user": 0x10000000, "mount": 0x00020000, "network": 0x40000000}
OTHER_STATE = "/var/lib/private/quake-stream/test/test.lock"


def write(path: str) -> None:
    Path(path).write_text("x")
    Path(path).unlink()


def unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


def in_child(action: Callable[[], object]) -> None:
    """Do what would change this process in another one."""
    pid = os.fork()
    if not pid:
        try:
            action()
        except BaseException:  # noqa: BLE001  whatever it is, it did not go through
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise OSError("it did not go through")


def set_user_bit() -> None:
    path = Path(os.environ.get("STATE_DIRECTORY", "/tmp"), "program")
    path.touch()
    try:
        path.chmod(0o4755)
    finally:
        path.unlink()


ATTEMPTS: dict[str, Callable[[], object]] = {
    "write /etc": lambda: write("/etc/x"),
    "write /usr": lambda: write("/usr/x"),
    "write /opt": lambda: write("/opt/x"),
    "write /var/lib": lambda: write("/var/lib/x"),
    "write /root": lambda: write("/root/x"),
    "write its own configuration": lambda: write("/etc/quake-stream/x"),
    "read /root": lambda: Path("/root/secret").read_text(),
    "read /home": lambda: Path("/home/somebody/secret").read_text(),
    "read /etc/shadow": lambda: Path("/etc/shadow").read_text(),
    "read the state of another instance": lambda: Path(OTHER_STATE).read_text(),
    "see other processes": lambda: Path("/proc/1/status").read_text(),
    "open a raw socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close(),
    "open a packet socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "take priority": lambda: in_child(lambda: os.nice(-5)),
    "become root": lambda: in_child(lambda: os.setgroups([0])),
    "change the name of the host": lambda: in_child(lambda: socket.sethostname(socket.gethostname())),
    "make a set-user file": set_user_bit,
    **{
        f"leave its {name} namespace": lambda flag=flag: in_child(lambda: unshare(flag))
        for name, flag in NAMESPACES.items()
    },
}
# The sandbox of the tests has no right to set the clock, so that this fails anyway; it must be refused, not tried.
CLOCK = "set the clock"


def goes_through(action: Callable[[], object]) -> bool:
    try:
        action()
    except OSError:
        return False
    return True


def main() -> None:
    through = {name for name, action in ATTEMPTS.items() if goes_through(action)}
    if sys.argv[1] == "control":
        missing = sorted(ATTEMPTS.keys() - through)
        sys.exit(f"even root cannot: {missing}" if missing else 0)
    if goes_through(lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())):
        through.add(CLOCK)
    for folder in ("STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
        write(f"{os.environ[folder]}/x")
    with socket.create_server(("127.0.0.1", 0)):
        pass
    sys.exit(f"the sandbox lets through: {sorted(through)}" if through else 0)


if __name__ == "__main__":
    main()
