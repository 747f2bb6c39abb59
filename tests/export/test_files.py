"""Files replaced at once, files that grow by whole lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.errors import QuakeStreamError
from quake_stream.export.files import open_lines, replace_file


def test_a_file_is_made_with_its_folders_and_replaced(tmp_path):
    path = tmp_path / "2010-05-27" / "one.xml"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert [found.name for found in path.parent.iterdir()] == ["one.xml"]


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_no_draft(tmp_path):
    path = tmp_path / "one.xml"
    path.mkdir()
    (path / "inside").touch()
    with pytest.raises(QuakeStreamError, match=r"one\.xml: cannot be written"):
        replace_file(path, b"new")
    assert [found.name for found in tmp_path.iterdir()] == ["one.xml"]


def test_lines_are_appended(tmp_path):
    path = tmp_path / "a.csv"
    for text in ("one\n", "two\n"):
        with open_lines(path) as stream:
            stream.write(text)
    assert path.read_text() == "one\ntwo\n"
    assert not (tmp_path / "a.csv.torn").exists()


@given(lines=st.lists(st.binary(max_size=9).map(lambda part: part.replace(b"\n", b"") + b"\n"), max_size=4))
def test_a_torn_line_is_set_aside_and_no_whole_line_is_touched(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("torn") / "a.csv"
    path.write_bytes(b"".join(lines) + b"torn")
    with open_lines(path) as stream:
        stream.write("next\n")
    assert path.read_bytes() == b"".join(lines) + b"next\n"
    assert path.with_name("a.csv.torn").read_bytes() == b"torn\n"


def test_two_programs_do_not_mix_their_lines(tmp_path):
    with open_lines(tmp_path / "a.csv"), pytest.raises(QuakeStreamError, match="another program"):
        open_lines(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["", "nowhere/a.csv"])
def test_a_path_that_cannot_be_appended_to_is_one_line(tmp_path, name):
    with pytest.raises(QuakeStreamError, match="cannot be written"):
        open_lines(tmp_path / name)
