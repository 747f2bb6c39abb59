"""
Detections in the JSON formats of the USGS: ``Pick``, and ``Retract`` where one is taken back.

Field names and allowed values are those of https://github.com/usgs/earthquake-detection-formats, which
the NEIC's associator reads and its message broker carries.  Pure but for the stream handed over.
"""

import json
from typing import Final, TextIO

from quake_stream.formats import Body

# A source must name an agency; XX is the network code that belongs to nobody.
UNKNOWN_AGENCY: Final = "XX"
# Classes of models that are also one of the event types which the format allows.
_EVENT_TYPES: Final = {"earthquake": "Earthquake", "quarry_blast": "QuarryBlast", "icequake": "IceQuake"}


def pick_or_retract(body: Body) -> dict[str, object]:
    """
    Describe a detection as ``Pick`` with the onset as its time; a retracted one as ``Retract``.

    A later message on a detection is a pick of the same ``ID``.  There is no ``Phase``, as a detection
    claims none.  ``SNR`` is a ratio of amplitudes, ``Amplitude`` is in counts.
    """
    source = {"AgencyID": body["agency"] or UNKNOWN_AGENCY, "Author": body["author"] or "quake_stream"}
    if body["state"] == "retract":
        return {"Type": "Retract", "ID": body["id"], "Source": source}
    site = {"Station": body["station"], "Channel": body["channels"][0], "Network": body["network"]}
    if body["location"]:
        site["Location"] = body["location"]
    amplitude = {"Amplitude": body["amplitude_counts"]}
    if body["snr_db"] is not None:
        amplitude["SNR"] = float(f"{10 ** (min(body['snr_db'], 180.0) / 20):.4g}")
    known = {name: value for name, value in amplitude.items() if value is not None}
    event_type = _EVENT_TYPES.get(body["class"])
    return {
        "Type": "Pick",
        "ID": body["id"],
        "Site": site,
        "Time": f"{body['onset_time'][:19]}.{_milliseconds(body['onset_time'])}Z",
        "Source": source,
        "Picker": "other",
        **({"Amplitude": known} if known else {}),
        "ClassificationInfo": {
            **({"EventType": {"Type": event_type, "Certainty": "Suspected"}} if event_type else {}),
            "EventTypeProbability": body["peak_probability"],
            "Source": source,
        },
    }


def _milliseconds(time: str) -> str:
    """Exactly three decimals, as readers of the format expect; cut, since a rounded 0.9996 s has four."""
    return time[20:-1].ljust(3, "0")[:3]


class UsgsWriter:
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, body: Body) -> None:
        """Write one line."""
        self._stream.write(json.dumps(pick_or_retract(body), ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Flush."""
        self._stream.flush()
