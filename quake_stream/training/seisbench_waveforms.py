"""
Read traces out of the HDF5 file of a SeisBench set, one at a time: such files do not fit into memory.

Knows trace names, trace blocks and the group ``data_format``; nothing of tables.
"""

import re
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from quake_stream.errors import SourceError
from quake_stream.training.examples import ACCEPTED_SETS, N_COMPONENTS
from quake_stream.windowing.components import choose_set

_INDEX: Final = re.compile(r"-?\d+")
_SLICE: Final = re.compile(r"(-?\d*):(-?\d*)")


class Waveforms:
    """
    One open file of traces.

    Raises
    ------
    SourceError
        The file cannot be opened, or its ``data_format`` is missing or of no use.
    """

    def __init__(self, file: Path) -> None:
        self._path = file
        try:
            self._file = h5py.File(file, "r")
        except OSError as exc:
            raise SourceError(f"{file}: {exc}") from exc
        try:
            self._samples_last = _samples_last(self._said("dimension_order"), file)
            self._components = self._said("component_order")
            self.rate_hz = self._rate_hz()
        except SourceError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, name: str, components: str = "") -> NDArray[np.float32] | None:
        """
        Read one trace.

        Parameters
        ----------
        name
            ``name`` or, inside a block, ``block$slice``.
        components
            Order of components of this trace, where it differs from that of the file.

        Returns
        -------
        float32 [3, n] in channel order, an absent component 0; None where there is no such trace, or
        none of the component sets that a model accepts.
        """
        block, _, address = name.partition("$")
        try:
            stored = self._file["data"][block]
            values = np.asarray(stored[_address(address)], dtype=np.float32)
        except (KeyError, IndexError, ValueError):
            return None
        codes = components or self._components
        if values.ndim != 2:
            return None
        values = values if self._samples_last else values.T
        chosen = choose_set(set(codes), ACCEPTED_SETS) if len(codes) == len(values) else None
        if chosen is None:
            return None
        samples = np.zeros((N_COMPONENTS, values.shape[1]), dtype=np.float32)
        for channel, code in enumerate(chosen):
            samples[channel] = values[codes.index(code)]
        return samples

    def _said(self, key: str) -> str:
        """Entry of ``data_format``: a string, or a list of letters."""
        value = self._entry(key)
        if value is None:
            raise SourceError(f"{self._path}: no data_format/{key}")
        parts = np.atleast_1d(np.asarray(value)).tolist()
        return "".join(part.decode() if isinstance(part, bytes) else str(part) for part in parts)

    def _rate_hz(self) -> float | None:
        value = self._entry("sampling_rate")
        try:
            return None if value is None else float(value)
        except (TypeError, ValueError) as exc:
            raise SourceError(f"{self._path}: data_format/sampling_rate is no number: {value!r}") from exc

    def _entry(self, key: str) -> Any:
        try:
            return self._file["data_format"][key][()]
        except (KeyError, TypeError):
            return None


def _samples_last(order: str, file: Path) -> bool:
    letters = order.removeprefix("N")
    if letters not in ("CW", "WC"):
        raise SourceError(f"{file}: data_format/dimension_order {order!r} is neither CW nor WC")
    return letters == "CW"


def _address(text: str) -> Any:
    """``34,:3,:6000`` → index into a block; all of it for an empty text."""
    if not text:
        return ()
    parts: list[int | slice] = []
    for part in text.split(","):
        if _INDEX.fullmatch(part):
            parts.append(int(part))
        elif found := _SLICE.fullmatch(part):
            parts.append(slice(*(int(bound) if bound else None for bound in found.groups())))
        else:
            raise ValueError(f"{part!r} addresses nothing in a block")
    return tuple(parts)
