import datetime as dt

import pytest

from quake_stream.errors import SourceError
from quake_stream.mseed.folders import Wanted, files_below
from quake_stream.selection import parse_streams
from quake_stream.types import NS_PER_S

DAY_NS = 86_400 * NS_PER_S
MIDNIGHT_NS = int(dt.datetime(2024, 2, 3, tzinfo=dt.UTC).timestamp()) * NS_PER_S
FILE = "IU.ANMO.00.BHZ.D.2024.034"


def wanted(include="*.*.*.*", exclude=(), **bounds):
    return Wanted(include=parse_streams(include), exclude=exclude, **bounds)


def test_an_sds_file_is_left_out_by_its_stream():
    assert wanted("IU.*.*.BH?").file(FILE)
    assert not wanted("IU.*.*.HH?").file(FILE)
    assert not wanted(exclude=parse_streams("IU.ANMO")).file(FILE)


def test_an_sds_file_is_left_out_by_its_day_with_a_day_of_margin():
    assert wanted(start_ns=MIDNIGHT_NS + DAY_NS).file(FILE)
    assert not wanted(start_ns=MIDNIGHT_NS + 2 * DAY_NS).file(FILE)
    assert wanted(end_ns=MIDNIGHT_NS).file(FILE)
    assert not wanted(end_ns=MIDNIGHT_NS - DAY_NS).file(FILE)


@pytest.mark.parametrize("name", ["today.mseed", "IU.ANMO.00.BHZ.D.0000.034", "IU.ANMO.00.BHZ.D.2024.034.gz"])
def test_other_names_say_nothing(name):
    assert wanted("XX.*.*.*", start_ns=MIDNIGHT_NS * 2).file(name)


def test_an_interval_is_half_open_and_a_moment_counts():
    only = wanted(start_ns=100, end_ns=200)
    assert only.overlaps(0, 101)
    assert not only.overlaps(0, 100)
    assert only.overlaps(199, 300)
    assert not only.overlaps(200, 300)
    assert only.overlaps(100, 100)
    assert not only.overlaps(200, 200)


def test_files_come_in_the_order_of_names_without_hidden_ones(tmp_path):
    for name in ("b/2", "b/1", "a/3", "c", ".hidden", ".git/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(file.relative_to(tmp_path)) for file in files_below(tmp_path)]
    assert found == ["c", "a/3", "b/1", "b/2"]


def test_linked_folders_are_followed_once(tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "x").touch()
    (tmp_path / "archive" / "loop").symlink_to(tmp_path)
    assert [file.name for file in files_below(tmp_path)] == ["x"]


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere: no such file or folder"):
        list(files_below(tmp_path / "nowhere"))
