"""
Sets of recordings: a folder with ``mseed/`` and, where known, ``events.csv`` and ``exclude.csv``.

A set measures recall by its events, false alarms where its list of events is complete, or both.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from quake_stream.errors import SourceError
from quake_stream.evaluation.matching import Arrival, Span, read_arrivals
from quake_stream.training.streams import read_excluded

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bridge_skience2023": "structures",
        "california_hec_2022_24h_1c": "quiet, some traffic",
        "chile_extra": "quiet",
        "colombia_cm": "oil field, culture",
        "global_pre_event": "quiet, 107 sites",
        "hec_1c_noisepy": "quiet",
        "hvsr_sprit": "people and impulses",
        "hvsr_swprocess": "people and impulses",
        "hvsr_usc": "people and impulses",
        "nodes_cuhk": "geophone nodes",
        "np_a23l": "people and impulses",
        "pnw_elep": "volcano",
        "puerto_rico_saipy": "island, surf",
        "remi_1c": "people and impulses",
        "road_tcbs_skience2026": "vehicles",
        "strokkur_geyser": "geyser",
        "structures_skience2025": "structures",
        "vehicles_mlmsa": "vehicles",
    }
)
"""What shakes at the sites of known sets; any other set is a kind of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSet:
    """
    One set.

    ``measures_recall`` and ``measures_false_alarms`` say what it is used for.
    """

    folder: Path
    arrivals: tuple[Arrival, ...]
    excluded: Mapping[str, Sequence[Span]]
    measures_recall: bool
    measures_false_alarms: bool

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """Kind of site."""
        return KINDS.get(self.name, self.name)

    @property
    def recordings(self) -> Path:
        """Folder of the miniSEED files."""
        return self.folder / "mseed"


def open_sets(folders: Iterable[Path], noise: Iterable[Path]) -> list[RecordingSet]:
    """
    Open sets by what they are used for.

    Parameters
    ----------
    folders
        Sets whose earthquakes shall be found.
    noise
        Sets that count false alarms, or folders of such; one may also be among ``folders``.

    Raises
    ------
    SourceError
        A folder holds no recordings, or one of ``folders`` no list of events.
    """
    with_events = list(dict.fromkeys(path.absolute() for path in folders))
    quiet = list(dict.fromkeys(found for path in noise for found in _sets_at(path.absolute())))
    opened = []
    for folder in dict.fromkeys([*with_events, *quiet]):
        if not (folder / "mseed").is_dir():
            raise SourceError(f"{folder}: no folder mseed/ with recordings in there")
        arrivals = tuple(read_arrivals(folder / "events.csv"))
        if folder in with_events and not any(arrival.is_wanted for arrival in arrivals):
            raise SourceError(f"{folder / 'events.csv'}: no event of quality A or B with a P time in there")
        opened.append(
            RecordingSet(
                folder=folder,
                arrivals=arrivals,
                excluded=read_excluded(folder / "exclude.csv"),
                measures_recall=folder in with_events,
                measures_false_alarms=folder in quiet,
            )
        )
    return opened


def _sets_at(path: Path) -> list[Path]:
    if (path / "mseed").is_dir():
        return [path]
    found = sorted(folder.parent for folder in path.glob("*/mseed") if folder.is_dir())
    if not found:
        raise SourceError(f"{path}: neither a folder mseed/ nor folders with one in there")
    return found
