"""
Which messages are exported: those that can be read, in the states and probabilities wanted.

Pure: no socket, file or clock.  It sees every detection message in order and keeps no more than the names
of the last detections that were too improbable.
"""

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from quake_stream.formats import Body
from quake_stream.publish.iso8601 import parse_utc

MAX_REMEMBERED: Final = 10_000  # names of detections; a network has some hundred open at once
_MAX_ABS_NS = 2**63 - 1  # databases hold 64 bits: the years 1677 to 2262


def _is_time(text: str) -> str:
    if abs(parse_utc(text)) > _MAX_ABS_NS:
        raise ValueError("too far from 1970")
    return text


def _is_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds control characters")  # XML has no way to write them
    return text


_Time = Annotated[str, AfterValidator(_is_time)]
_Text = Annotated[str, AfterValidator(_is_printable)]
_Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,8}$")]  # they become names of files and topics


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)
    name: _Text
    version: _Text
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]


class _Latency(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)
    total: float


class _Detection(BaseModel):
    """Fields that exporters rely on; the whole contract is the JSON Schema of the feed."""

    model_config = ConfigDict(strict=True, frozen=True)
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # becomes a name of files
    state: Literal["new", "update", "end", "retract"]
    revision: Annotated[int, Field(ge=0, lt=2**53)]
    network: _Code
    station: _Code
    location: _Code
    channels: Annotated[list[_Text], Field(min_length=1)]
    source_id: _Text
    onset_time: _Time
    onset_uncertainty_s: float | None
    on_time: _Time
    off_time: _Time | None
    class_name: Annotated[_Text, Field(alias="class")]
    peak_probability: Annotated[float, Field(ge=0, le=1)]
    n_windows: Annotated[int, Field(ge=0, lt=2**53)]
    amplitude_counts: float | None
    snr_db: float | None
    latency_s: _Latency
    reason: _Text
    model: _Model
    processing: Literal["live", "replay"]
    author: _Text
    agency: _Text
    created: _Time


def fault(body: Body) -> str:
    """Name the first field of a detection that an exporter could not read; empty when all are well."""
    try:
        _Detection.model_validate(body)
    except ValidationError as error:
        return str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
    return ""


class Choice:
    """
    Sort messages into wanted and withheld ones.

    A retraction is wanted only if the detection that it takes back was not withheld for its probability:
    nobody needs to hear that something they never heard of is not true.

    Parameters
    ----------
    states
        States wanted.
    min_probability
        Least peak probability wanted; of a detection that grows, the messages from there on.
    """

    def __init__(self, states: AbstractSet[str], *, min_probability: float = 0.0) -> None:
        self._states = states
        self._min_probability = min_probability
        self._improbable: OrderedDict[str, None] = OrderedDict()

    def withheld(self, body: Body) -> str:
        """Say why a detection is not exported (``state``, ``probability``), empty when it is."""
        if body["state"] not in self._states:
            return "state"
        probable = body["peak_probability"] >= self._min_probability
        if body["state"] == "retract":
            probable &= body["id"] not in self._improbable
        self._remember(body["id"], probable=probable)
        return "" if probable else "probability"

    def _remember(self, name: str, *, probable: bool) -> None:
        self._improbable.pop(name, None)
        if not probable:
            self._improbable[name] = None
            if len(self._improbable) > MAX_REMEMBERED:
                self._improbable.popitem(last=False)
