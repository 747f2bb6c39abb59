"""The heap of the service: large blocks stay out of it, whatever was freed before."""

import ctypes
import subprocess
import sys

import pytest

# What the program `quake-stream run` leaves behind once it has begun: here it ends at its configuration.
PROGRAM = """
import ctypes, sys
from quake_stream.cli import app
from typer.testing import CliRunner
CliRunner().invoke(app, sys.argv[1:])
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
class Counts(ctypes.Structure):
    _fields_ = [(f"n{n}", ctypes.c_size_t) for n in range(4)] + [("mapped", ctypes.c_size_t)]
    _fields_ += [(f"m{n}", ctypes.c_size_t) for n in range(5)]
libc.mallinfo2.restype = Counts
libc.free(libc.malloc(8_000_000))
before = libc.mallinfo2().mapped
block = libc.malloc(4_000_000)
print(libc.mallinfo2().mapped - before)
"""


def mapped_bytes(*command):
    """Of a block of 4 MB, the bytes outside the heap after a larger one was freed."""
    run = [sys.executable, "-c", PROGRAM, *command]
    return int(subprocess.run(run, capture_output=True, text=True, check=True, timeout=280).stdout)


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="NOT RUN: the C library is not glibc 2.33 or later"
)
@pytest.mark.timeout(600)
def test_large_blocks_stay_out_of_the_heap_of_the_service_only(tmp_path):
    assert mapped_bytes("run", str(tmp_path / "none.toml")) >= 4_000_000
    assert mapped_bytes("--version") == 0  # what glibc does by itself
