"""Streams that are closed, full or stuck: lines are lost, and nothing else."""

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from quake_stream.log_stream import JournalStream, UnbreakableStream, is_journal


def forget(file) -> None:
    """Let what is left in the buffer go, so that closing does not fail."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), file.fileno())


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as reading, os.fdopen(writer, "w") as writing:
        yield reading, writing


def test_lines_go_through_at_once(pipe):
    reading, writing = pipe
    stream = UnbreakableStream(writing)
    assert stream.write("one\n") == 4
    assert os.read(reading.fileno(), 100) == b"one\n"
    assert stream.n_lost == 0


@pytest.mark.fault(46)
def test_a_reader_that_hangs_holds_nobody_up(pipe):
    reading, writing = pipe
    stream = UnbreakableStream(writing)
    line = "x" * 999 + "\n"

    def write():
        for _ in range(300):  # a pipe holds 64 KiB
            stream.write(line)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert 200 < stream.n_lost < 300
    n_there = len(os.read(reading.fileno(), 2**20)) // 1000
    assert n_there == 300 - stream.n_lost
    assert stream.write("again\n")  # the reader is back
    assert os.read(reading.fileno(), 100) == b"again\n"
    assert stream.n_lost == 0


@pytest.mark.fault(46)
def test_a_journald_that_hangs_holds_nobody_up():
    """It reads from a socket, which has room for a line whenever it says so."""
    reading, writing = socket.socketpair()
    with reading, writing, writing.makefile("w") as file:
        stream = UnbreakableStream(file)
        thread = threading.Thread(
            target=lambda: [stream.write("x" * 3999 + "\n") for _ in range(1000)], daemon=True
        )
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert 0 < stream.n_lost < 1000


@pytest.mark.fault(46)
def test_a_closed_pipe_costs_lines_only(pipe):
    reading, writing = pipe
    stream = UnbreakableStream(writing)
    reading.close()
    for _ in range(100):
        assert stream.write("x" * 1000 + "\n") == 0
    assert stream.n_lost == 100
    forget(writing)


@pytest.mark.fault(45)
def test_a_full_disk_costs_lines_only():
    with Path("/dev/full").open("w", encoding="ascii") as full:
        stream = UnbreakableStream(full)
        assert stream.write("one\n") == 0
        assert stream.n_lost == 1
        forget(full)


def test_a_stream_without_descriptor_is_written_to_and_a_closed_one_is_not():
    memory = io.StringIO()
    stream = UnbreakableStream(memory)
    assert stream.write("one\n") == 4
    stream.flush()
    assert memory.getvalue() == "one\n"
    memory.close()
    assert stream.write("two\n") == 0
    assert UnbreakableStream(memory).write("three\n") == 0


ENTRY = 'PRIORITY=4\nQS_STATION=CX.PB01\nMESSAGE={"event": "x"}\n'


def test_an_entry_of_the_journal_is_one_datagram(tmp_path, pipe):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(str(tmp_path / "socket"))
        stream = JournalStream(UnbreakableStream(pipe[1]), str(tmp_path / "socket"))
        assert stream.write(ENTRY) == len(ENTRY)
        stream.flush()
        assert journald.recv(4096) == ENTRY.encode()
        assert stream.n_lost == 0


@pytest.mark.fault(46)
def test_without_journald_the_entry_goes_to_standard_error_and_back_once_it_is_there_again(tmp_path, pipe):
    reading, writing = pipe
    address = str(tmp_path / "socket")
    stream = JournalStream(UnbreakableStream(writing), address)
    stream.write(ENTRY)
    assert os.read(reading.fileno(), 4096) == b'<4>{"event": "x"}\n'
    reading.close()
    assert stream.write(ENTRY) == 0
    assert stream.n_lost == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(address)
        assert stream.write(ENTRY)
        assert stream.n_lost == 0
        assert journald.recv(4096) == ENTRY.encode()
    forget(writing)


@pytest.mark.fault(46)
def test_a_journald_that_reads_no_entries_holds_nobody_up(tmp_path, pipe):
    address = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.bind(address)
        stream = JournalStream(UnbreakableStream(pipe[1]), address)
        thread = threading.Thread(target=lambda: [stream.write(ENTRY) for _ in range(5000)], daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        assert stream.n_lost > 0


def test_a_stream_is_the_journal_if_systemd_says_so(pipe):
    status = os.fstat(pipe[1].fileno())
    assert is_journal(pipe[1], f"{status.st_dev}:{status.st_ino}")
    assert not is_journal(pipe[1], f"{status.st_dev}:{status.st_ino + 1}")
    assert not is_journal(pipe[1], "")
    assert not is_journal(io.StringIO(), "8:1")
