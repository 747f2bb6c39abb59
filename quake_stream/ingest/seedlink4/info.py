"""
Read the answers to INFO of SeedLink 4: one packet of JSON.  Pure.

The names of times differ between servers (``start_time``, ``begin_time``); what is illegible is left out.
"""

import json
import re
from collections.abc import Iterator, Mapping

from quake_stream.ingest.offers import Offer, time_ns
from quake_stream.ingest.seedlink.framing import Frame
from quake_stream.ingest.seedlink.info import MAX_STARTED, InfoText
from quake_stream.source_id import SourceId

_CODE = re.compile(r"[A-Za-z0-9-]{1,8}")


class InfoJson(InfoText):
    """Collects one INFO answer."""

    def add(self, frame: Frame) -> None:
        """Take the packet that is the answer."""
        self._parts.append(frame.record)
        self._n_bytes += len(frame.record)
        self.is_complete = True


def server_started(text: str) -> str:
    """When the server says it was started, as it writes it; empty where it does not say."""
    found = _object(text).get("server_start", "")
    return found if isinstance(found, str) and len(found) <= MAX_STARTED else ""


def stations(text: str) -> Iterator[tuple[str, str]]:
    """Network and station codes in an answer to INFO STATIONS or STREAMS; illegible ones are left out."""
    for network, station, _ in _stations(text):
        yield network, station


def offers(text: str) -> Iterator[Offer]:
    """Read an answer to INFO STREAMS; what is no data (events, logs, calibration) is left out."""
    for network, station, entry in _stations(text):
        for stream in _objects(entry, "stream"):
            if stream.get("subformat", "D") != "D":
                continue
            try:
                source_id = SourceId.from_fdsn(f"FDSN:{network}_{station}_{stream.get('id')}")
            except ValueError:
                continue
            yield Offer(
                source_id=source_id,
                first_ns=time_ns(str(stream.get("start_time", stream.get("begin_time")))),
                last_ns=time_ns(str(stream.get("end_time"))),
            )


def _stations(text: str) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    for entry in _objects(_object(text), "station"):
        network, _, station = str(entry.get("id")).partition("_")
        if _CODE.fullmatch(network) and _CODE.fullmatch(station):
            yield network, station, entry


def _object(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _objects(entry: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    found = entry.get(key)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()
