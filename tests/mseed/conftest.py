"""Records made by hand, so that every field can be set or spoilt; and packed by libmseed."""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import pymseed
import pytest


def _make_v2(
    *,
    order: str = ">",
    codes: bytes = b"ANMO 00BHZIU",
    start: tuple[int, int, int, int, int, int] = (2024, 34, 5, 14, 28, 5000),
    samples: Sequence[int] = (1, -2, 3),
    n_samples: int | None = None,
    rate: tuple[int, int] = (100, 1),
    flags: tuple[int, int, int] = (0, 0, 0),
    correction: int = 0,
    blockettes: Sequence[tuple[int, bytes]] | None = None,
    encoding: int = 3,
    length: int = 512,
    data_offset: int = 128,
) -> bytes:
    """Build a version 2 record of 32-bit integers; ``blockettes`` replace the usual blockette 1000."""
    if blockettes is None:
        word_order = 1 if order == ">" else 0
        blockettes = [(1000, bytes([encoding, word_order, length.bit_length() - 1, 0]))]
    count = len(samples) if n_samples is None else n_samples
    head = b"000001D " + codes
    head += struct.pack(order + "HHBBBxH", *start)
    head += struct.pack(order + "Hhh", count, *rate)
    head += struct.pack(order + "BBBBlHH", *flags, len(blockettes), correction, data_offset, 48)
    if not blockettes:
        head = head[:46] + b"\0\0"
    for number, (kind, body) in enumerate(blockettes, start=1):
        link = 0 if number == len(blockettes) else len(head) + 4 + len(body)
        head += struct.pack(order + "HH", kind, link) + body
    payload = np.asarray(samples, dtype=np.dtype(np.int32).newbyteorder(order)).tobytes()
    return (head.ljust(data_offset, b"\0") + payload).ljust(length, b"\0")


def _pack(
    samples: np.ndarray,
    *,
    encoding: int,
    version: int = 2,
    sid: str = "FDSN:IU_ANMO_00_B_H_Z",
    start_ns: int = 1_700_000_000_000_000_000,
    rate_hz: float = 100.0,
    length: int = 512,
) -> list[bytes]:
    """Pack one stretch of samples into records, as libmseed does."""
    record = pymseed.MS3Record(reclen=length, encoding=encoding)
    record.sourceid, record.starttime, record.samprate = sid, start_ns, rate_hz
    record.formatversion = version
    kind = {"int32": "i", "float32": "f", "float64": "d"}[samples.dtype.name]
    return [bytes(packed) for packed in record.generate(data_samples=samples, sample_type=kind)]


@pytest.fixture(scope="session")
def make_v2() -> Callable[..., bytes]:
    return _make_v2


@pytest.fixture(scope="session")
def pack() -> Callable[..., list[bytes]]:
    return _pack


@pytest.fixture(scope="session")
def steim2(pack) -> bytes:
    """One 512-byte Steim 2 record, full."""
    rng = np.random.default_rng(1)
    return pack(np.cumsum(rng.integers(-200, 200, 1000)).astype(np.int32), encoding=11)[0]
