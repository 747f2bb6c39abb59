"""
One small file for each detection: QuakeML or SeisComP's XML.

Later messages on a detection replace its file, a retraction leaves a rejected pick.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from quake_stream.counters import Key
from quake_stream.export.files import replace_file
from quake_stream.formats import Body, event_with_pick

# That of SeisComP 5; later releases read it as well, earlier ones do not read later schemas.
SCML_VERSION: Final = "0.12"


class PickFolder:
    """
    Files ``<folder>/<day of trigger on>/<instrument>-<id>.xml``.

    Day and instrument never change in the life of a detection, so each has one file.
    """

    n_waiting = 0

    def __init__(self, folder: Path, render: Callable[[Body], bytes]) -> None:
        self._folder = folder
        self._render = render

    def write(self, body: Body) -> None:
        """Write or replace one file; raises QuakeStreamError when the disk refuses."""
        instrument = "_".join([body["network"], body["station"], body["location"] or "--"])
        name = f"{instrument}-{body['id']}.xml"
        replace_file(self._folder / body["on_time"][:10] / name, self._render(body))

    def settle(self) -> None:
        """Nothing: each file is on the disk already."""

    def close(self) -> None:
        """Nothing: no file is open."""

    def counts(self) -> Mapping[Key, int]:
        """Nothing: a file is written or the program ends."""
        return {}


def quakeml(body: Body) -> bytes:
    """Write QuakeML 1.2 with one event that holds one pick."""
    return _document(body, format="QUAKEML")


def scml(body: Body) -> bytes:
    """Write SeisComP's XML with one pick and no event, as SeisComP itself associates picks to events."""
    return _document(body, format="SCML", version=SCML_VERSION, event_removal=True)


def _document(body: Body, **options: object) -> bytes:
    from obspy.core.event import Catalog  # noqa: PLC0415  ObsPy takes a second to import

    text = io.BytesIO()
    Catalog([event_with_pick(body)]).write(text, **options)
    return text.getvalue()
