import csv

import pytest

from quake_stream.errors import SourceError
from quake_stream.training.seisbench_table import label_of, read_rows

ROW = {"trace_name": "bucket0$0,:3,:6000", "station_code": "PB01", "station_network_code": "CX"}


@pytest.fixture
def table(tmp_path):
    """Write rows as a table; what is read from it."""

    def write(*rows):
        rows = [{**ROW, **row} for row in rows]
        with (tmp_path / "metadata.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)
        return list(read_rows(tmp_path / "metadata.csv", ""))

    return write


def test_a_row_of_stead_is_understood(table):
    (row,) = table(
        {
            "trace_category": "earthquake_local",
            "trace_p_arrival_sample": "600.0",
            "trace_s_arrival_sample": "1100.5",
            "trace_p_status": "manual",
            "trace_snr_db": "[10.0 20.0 nan]",
            "source_magnitude": "2.5",
            "source_distance_km": "33",
            "source_id": "us1",
            "split": "Train",
        }
    )
    assert (row.name, row.station, row.label) == ("bucket0$0,:3,:6000", "CX.PB01", "earthquake")
    assert (row.p, row.s, row.p_source, row.split) == (600.0, 1100.5, "manual", "train")
    assert (row.snr_db, row.magnitude, row.distance_km, row.event) == (15.0, 2.5, 33.0, "us1")
    assert (row.rate_hz, row.components, row.time) == (None, "", "")


@pytest.mark.parametrize(
    ("columns", "p"),
    [
        ({"trace_P_arrival_sample": "7"}, 7.0),
        ({"trace_Pg_arrival_sample": "", "trace_Pn_arrival_sample": "9"}, 9.0),
        ({"trace_Pg_arrival_sample": "11", "trace_Pn_arrival_sample": "9.5"}, 9.5),
        ({"trace_Pg_arrival_sample": "nan", "trace_PmP_arrival_sample": "3"}, None),
    ],
)
def test_the_first_p_wave_counts_however_it_is_called(table, columns, p):
    assert table(columns)[0].p == p


def test_the_sampling_rate_may_be_given_as_an_interval(table):
    assert [row.rate_hz for row in table({"trace_dt_s": "0.008"}, {"trace_dt_s": ""})] == [125.0, None]
    assert table({"trace_dt_s": "0.008", "trace_sampling_rate_hz": "50"})[0].rate_hz == 50.0


@pytest.mark.parametrize(
    ("category", "is_bare", "label"),
    [
        ("noise", False, ""),
        ("", True, ""),
        ("", False, "earthquake"),
        ("earthquake_local", False, "earthquake"),
        ("mine blast", False, "blast"),
        ("explosion", False, "blast"),
        ("surface event", False, "surface event"),
    ],
)
def test_words_of_a_set_become_classes(category, is_bare, label):
    assert label_of(category, is_bare=is_bare) == label


def test_background_in_a_set_of_its_own_may_number_its_rows_as_sources(table):
    assert table({"source_id": "123"})[0].label == ""


def test_an_event_without_a_p_time_is_no_background(table):
    (row,) = table({"source_id": "123", "trace_P_arrival_sample": ""})
    assert (row.label, row.p) == ("earthquake", None)


@pytest.mark.parametrize("column", ["trace_name", "station_code"])
def test_a_missing_column_is_named(tmp_path, column):
    file = tmp_path / "metadata.csv"
    file.write_text(",".join({*ROW} - {column}) + "\n")
    with pytest.raises(SourceError, match=f"metadata.csv: no column {column}"):
        list(read_rows(file, ""))


def test_what_is_no_number_is_named_with_its_line_and_column(table):
    with pytest.raises(
        SourceError, match=r"metadata\.csv, line 3, column source_magnitude: 'big' is no number"
    ):
        table({"source_magnitude": "1"}, {"source_magnitude": "big"})


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.csv"):
        list(read_rows(tmp_path / "gone.csv", ""))
