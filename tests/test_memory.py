"""Freed memory is kept by the programs that ask for it again, and by no other."""

import ctypes
import subprocess
import sys

import pytest

# What a command leaves behind once it has begun: here it ends at its missing input.
PROGRAM = """
import ctypes, resource, sys
from quake_stream.cli import app
from typer.testing import CliRunner
CliRunner().invoke(app, sys.argv[1:])
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def touch():
    block = libc.malloc(50_000_000)
    ctypes.memset(block, 1, 50_000_000)
    libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt * resource.getpagesize()
first = touch()
print(touch() - first)
"""


glibc = pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "mallopt"), reason="NOT RUN: this C library has no mallopt"
)


def bytes_asked_again(*command):
    """Of a block of 50 MB that was freed and is allocated again, the bytes that the system has to clear."""
    run = [sys.executable, "-c", PROGRAM, *command]
    return int(subprocess.run(run, capture_output=True, text=True, check=True, timeout=280).stdout)


@glibc
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "command", [("run", "none.toml"), ("scan", "none"), ("train", "out", "--prepared", "none.npz")]
)
def test_freed_memory_is_kept_by_what_runs_networks(tmp_path, command):
    paths = [str(tmp_path / part) if part.startswith(("none", "out")) else part for part in command]
    assert bytes_asked_again(*paths) < 5_000_000


def test_what_refers_to_itself_is_found_soon_in_spite_of_all_that_was_loaded_before():
    program = """
import collections, sys, weakref
from quake_stream.memory import look_for_garbage_often
import quake_stream.service
if sys.argv[1] == "often":
    look_for_garbage_often()
class Node: pass
alive = weakref.WeakSet()
in_use = collections.deque(maxlen=10_000)  # long enough to be taken for something that stays
most = 0
for _ in range(60_000):
    node = Node()
    node.itself = node
    alive.add(node)
    in_use.append(node)
    most = max(most, len(alive))
print(most)
"""

    def most_waiting(how):
        done = subprocess.run(
            [sys.executable, "-c", program, how], capture_output=True, text=True, check=True, timeout=150
        )
        return int(done.stdout)

    often, seldom = most_waiting("often"), most_waiting("as it is")
    assert often < 26_000
    assert often < seldom


@glibc
def test_holes_between_what_is_in_use_are_given_back():
    program = """
import ctypes
from pathlib import Path
from quake_stream.memory import give_back_holes, keep_freed_memory
keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
def resident_kb():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
blocks = [libc.malloc(20_000) for _ in range(10_000)]
for block in blocks:
    ctypes.memset(block, 1, 20_000)
for n, block in enumerate(blocks):
    if n % 10:
        libc.free(block)
before = resident_kb()
assert give_back_holes()
print(before - resident_kb())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=150
    )
    assert int(done.stdout) > 100_000


@glibc
def test_other_commands_leave_memory_to_the_library():
    assert bytes_asked_again("--version") > 45_000_000
