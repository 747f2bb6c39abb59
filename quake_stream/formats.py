"""
Write detections in the formats that others read: JSON lines, CSV, QuakeML.

Input are message bodies of schema ``quake-stream/detection/1``, so what a subscriber receives and what a
scan writes is the same.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TextIO

from quake_stream.publish.iso8601 import parse_utc

Body = Mapping[str, Any]

CSV_COLUMNS = (
    "id",
    "state",
    "revision",
    "network",
    "station",
    "location",
    "channels",
    "onset_time",
    "onset_uncertainty_s",
    "on_time",
    "off_time",
    "class",
    "peak_probability",
    "n_windows",
    "amplitude_counts",
    "snr_db",
    "reason",
)


class Writer(Protocol):
    """Takes bodies one by one; nothing is complete before `close`."""

    def write(self, body: Body) -> None:
        """Add one detection message."""
        ...

    def close(self) -> None:
        """Finish the document; does not close the stream."""
        ...


class JsonLinesWriter:
    """One JSON object a line, as on the feed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, body: Body) -> None:
        """Write one line."""
        self._stream.write(json.dumps(body, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Flush."""
        self._stream.flush()


class CsvWriter:
    """Comma-separated values, RFC 4180, with a heading unless one is there; channels are separated by spaces."""

    def __init__(self, stream: TextIO, *, heading: bool = True) -> None:
        self._stream = stream
        self._writer = csv.DictWriter(stream, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
        if heading:
            self._writer.writeheader()

    def write(self, body: Body) -> None:
        """Write one row."""
        self._writer.writerow({**body, "channels": " ".join(body["channels"])})

    def close(self) -> None:
        """Flush."""
        self._stream.flush()


class QuakeMlWriter:
    """QuakeML 1.2, one event with one automatic pick for each detection."""

    def __init__(self, stream: TextIO) -> None:
        from obspy.core.event import Catalog  # noqa: PLC0415  ObsPy takes a second to import

        self._stream = stream
        self._catalog = Catalog()

    def write(self, body: Body) -> None:
        """Add one event."""
        self._catalog.append(event_with_pick(body))

    def close(self) -> None:
        """Write the document."""
        text = io.BytesIO()
        self._catalog.write(text, format="QUAKEML")
        self._stream.write(text.getvalue().decode())
        self._stream.flush()


def event_with_pick(body: Body) -> Any:
    """
    Describe a detection as an ObsPy ``Event`` with one automatic pick.

    QuakeML has no element for a detection; the pick holds onset and uncertainty, and makes no claim about
    the phase.  The vertical or first channel stands for the instrument.  The pick of a detection that was
    retracted is rejected, that of recorded data says so in a comment.
    """
    from obspy import UTCDateTime  # noqa: PLC0415  ObsPy takes a second to import
    from obspy.core import event as quakeml  # noqa: PLC0415  likewise

    creation = quakeml.CreationInfo(
        author=body["author"] or None,
        agency_id=body["agency"] or None,
        creation_time=UTCDateTime(ns=parse_utc(body["created"])),
    )
    pick = quakeml.Pick(
        resource_id=quakeml.ResourceIdentifier(f"smi:local/quake-stream/pick/{body['id']}"),
        time=UTCDateTime(ns=parse_utc(body["onset_time"])),
        time_errors=quakeml.QuantityError(uncertainty=body["onset_uncertainty_s"]),
        waveform_id=quakeml.WaveformStreamID(
            network_code=body["network"],
            station_code=body["station"],
            location_code=body["location"],
            channel_code=body["channels"][0],
        ),
        method_id=quakeml.ResourceIdentifier(_method_uri(body["model"])),
        evaluation_mode="automatic",
        evaluation_status="rejected" if body["state"] == "retract" else None,
        creation_info=creation,
        comments=[quakeml.Comment(text=remark) for remark in _remarks(body)],
    )
    return quakeml.Event(
        resource_id=quakeml.ResourceIdentifier(f"smi:local/quake-stream/event/{body['id']}"),
        picks=[pick],
        creation_info=creation,
    )


def _method_uri(model: Mapping[str, str]) -> str:
    name = re.sub(r"[^A-Za-z0-9.-]", "_", model["name"])  # what QuakeML allows in an identifier
    return f"smi:local/quake-stream/model/{name}-{model['sha256'][:12]}"


def _remarks(body: Body) -> Iterator[str]:
    yield f"peak_probability={body['peak_probability']}"
    if body.get("processing") == "replay":
        yield "processing=replay"


WRITERS: Mapping[str, Callable[[TextIO], Writer]] = {
    "jsonl": JsonLinesWriter,
    "csv": CsvWriter,
    "quakeml": QuakeMlWriter,
}
