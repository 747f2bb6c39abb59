"""``quake-stream demo``: the whole service on real earthquakes, on one machine, in less than a minute."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from quake_stream.errors import QuakeStreamError

_CONFIG = """\
[[source]]
url = "seedlink://{address}"
streams = ["BW.UH?"]

[model]
name = "{model}"

[trigger]
on = {on}
off = {off}
confirm_windows = 2
max_s_minus_p_s = 5.0  # these earthquakes are close: S comes a second after P

[publish]
bind = "ipc://{folder}/feed"

[metrics]
bind = ""

[service]
state_dir = "{folder}"
runtime_dir = "{folder}"
log_level = "warning"
log_format = "console"
"""

# Far below what the weights ship with: on so quiet a recording nothing but earthquakes comes near it.  The
# weakest one is above it for a few windows only, at one station.
_ON, _OFF = 0.3, 0.2

_POINTER = """
To listen to your own station, copy config/raspberry-shake.toml or config/small-network.toml, put in the
address of your SeedLink server and your streams, and then
    quake-stream check my.toml
    quake-stream run my.toml
and in another terminal
    quake-stream listen"""

# A detection belongs to an earthquake if its onset lies from 3 s before P to 20 s after it: a weak P can
# drown, and the S waves of these earthquakes come 1.2 s later.
_BEFORE_NS, _AFTER_NS = 3_000_000_000, 20_000_000_000
_LIMIT_S = 120.0


def demo(
    speed: Annotated[
        float, typer.Option(metavar="TIMES", help="How much faster than it happened.", min=1, max=100)
    ] = 10.0,
    model: Annotated[str, typer.Option(metavar="NAME", help='"lstm", "lstm-mhsa" or "stalta".')] = "lstm",
) -> None:
    """
    Detect real earthquakes: a SeedLink server with recordings, the service, and a subscriber.

    Four stations in Bavaria, 27 May 2010, nearly four minutes.  Needs no network.  Exit status 0 when every
    clear earthquake was found at every station and nothing was reported that is none.

    Example: `quake-stream demo --speed 20`
    """
    from quake_stream.counters import Counters  # noqa: PLC0415  keep --help fast
    from quake_stream.mseed import archive  # noqa: PLC0415  likewise
    from quake_stream.replay import demo_data  # noqa: PLC0415  likewise
    from quake_stream.replay.server import ReplayServer  # noqa: PLC0415  likewise

    with tempfile.TemporaryDirectory(prefix="quake-stream-demo-") as name:
        folder = Path(name)
        index = archive.index(demo_data.write_demo_records(folder / "data"), counters=Counters())
        server = ReplayServer(index, speed=speed, restamp=False, wait_for_clients=1)
        config = folder / "demo.toml"
        config.write_text(
            _CONFIG.format(address=server.address, model=model, on=_ON, off=_OFF, folder=folder)
        )
        try:
            print(f"SeedLink server at {server.address}: {len(index)} records of four stations.")
            print(f"Threshold {_ON}: lower than what the weights ship with, as the stations are very quiet.")
            with _service(config) as service:
                # The server answers only once the subscriber is there, so that it misses nothing.
                ends = _listen(folder, service, start=server.start, n_packets=len(index))
        finally:
            server.stop()
    n_wrong = _compare(ends, demo_data.KNOWN_EVENTS)
    print(_POINTER)
    raise typer.Exit(1 if n_wrong else 0)


@contextmanager
def _service(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the real program on a configuration; its warnings go to our standard error."""
    process = subprocess.Popen([sys.executable, "-m", "quake_stream", "run", str(config)])  # noqa: S603  our own program
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listen(
    folder: Path, service: subprocess.Popen[bytes], *, start: Callable[[], object], n_packets: int
) -> list[Mapping[str, Any]]:
    """Print messages until the service has read everything and ended; returns the ends of detections."""
    from quake_stream.cli.rows import HEADING, format_row  # noqa: PLC0415  keep --help fast
    from quake_stream.health import HealthFile  # noqa: PLC0415  likewise
    from quake_stream.publish.subscriber import Message, Subscriber  # noqa: PLC0415  likewise

    health = HealthFile(folder / "demo.health.json")
    give_up_s = time.monotonic() + _LIMIT_S
    ends = []
    has_started = is_stopping = False
    with Subscriber(f"ipc://{folder}/feed", topics=("detection.", "heartbeat"), timeout_s=0.5) as subscriber:
        while True:
            if time.monotonic() > give_up_s:
                raise QuakeStreamError(f"the demo did not end within {_LIMIT_S:.0f} s")
            has_ended = service.poll() is not None
            try:
                item = subscriber.receive()
            except TimeoutError:
                if has_ended:
                    break
                report = health.read(time.time())
                n_read = sum(source.n_packets for source in report.sources)
                if n_read >= n_packets and report.queue_depth == 0 and not is_stopping:
                    is_stopping = True  # a second signal would make it leave before all is scored
                    service.terminate()
                continue
            if not has_started:
                has_started = True
                start()
                print(f"The service reads it, faster than it happened. Detections:\n\n{HEADING}", flush=True)
            if isinstance(item, Message) and item.topic != "heartbeat":
                print(format_row(item), flush=True)
                if item.body["state"] == "end":
                    ends.append(item.body)
    if service.returncode:
        raise QuakeStreamError(f"the service ended with exit status {service.returncode}")
    return ends


def _compare(ends: Sequence[Mapping[str, Any]], events: Sequence[Any]) -> int:
    """Print what was found of what is known; returns the number of misses and false detections."""
    print("\nKnown earthquakes (P read by eye), and when the detector knew of them:")
    used = set()
    n_missed = 0
    for event in events:
        print(f"  {event.name} UTC, {'clear' if event.is_clear else 'weak'}:", end="")
        for station, p_ns in sorted(event.p_arrivals_ns.items()):
            own = [b for b in ends if f"{b['network']}.{b['station']}" == station]
            found = [b for b in own if -_BEFORE_NS <= b["onset_time_ns"] - p_ns <= _AFTER_NS]
            used |= {b["id"] for b in found}
            n_missed += event.is_clear and not found
            delay = f"{(found[0]['on_time_ns'] - p_ns) / 1e9:+.1f} s" if found else "missed"
            print(f"  {station.removeprefix('BW.')} {delay}", end="")
        print()
    others = [body for body in ends if body["id"] not in used]
    print(f"Detections that are none of them: {len(others)}")
    return n_missed + len(others)
