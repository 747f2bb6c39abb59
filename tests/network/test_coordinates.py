import pytest
from obspy import UTCDateTime
from obspy.core.inventory import Inventory, Network, Station

from quake_stream.errors import SourceError
from quake_stream.network.coordinates import read_coordinates
from quake_stream.network.geometry import Coordinates

PB01 = Coordinates(latitude_deg=-21.04, longitude_deg=-69.49)


def test_a_table_is_read_by_its_heading(tmp_path):
    path = tmp_path / "stations.csv"
    path.write_text("note,longitude,latitude,station,network\nx,-69.49,-21.04,PB01,CX\n")
    assert read_coordinates(path) == {"CX.PB01": PB01}


def test_the_text_of_fdsn_station_services_is_read(tmp_path):
    path = tmp_path / "stations.txt"
    path.write_text(
        "#Network | Station | Latitude | Longitude | Elevation | SiteName | StartTime | EndTime\n"
        "CX|PB01|-21.04|-69.49|900.0|Huatacondo|2006-01-01T00:00:00|\n"
    )
    assert read_coordinates(path) == {"CX.PB01": PB01}


def test_of_several_epochs_in_stationxml_the_last_counts(tmp_path):
    epochs = [
        Station("PB01", latitude=-21.04, longitude=-69.49, elevation=0, start_date=UTCDateTime(2010, 1, 1)),
        Station("PB01", latitude=-20.0, longitude=-69.0, elevation=0, start_date=UTCDateTime(2006, 1, 1)),
    ]
    path = tmp_path / "network.xml"
    Inventory(networks=[Network("CX", stations=epochs)]).write(str(path), format="STATIONXML")
    assert read_coordinates(path) == {"CX.PB01": PB01}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("network,station,latitude\nCX,PB01,1\n", "the heading names no longitude"),
        ("network,station,latitude,longitude\nCX,PB01,1,2\nCX,PB02,x,2\n", "line 3: could not convert"),
        ("network,station,latitude,longitude\nCX,PB01,91,2\n", "line 2: 91.0, 2.0 is no place on Earth"),
        (
            "network,station,latitude,longitude\nCX,PB01,1\n",
            "line 2: station, latitude or longitude is empty",
        ),
        ("network,station,latitude,longitude\n", "holds no stations"),
        ("hello\n", "neither StationXML nor a table of stations"),
        ("", "neither StationXML nor a table of stations"),
    ],
)
def test_a_problem_is_named_with_file_and_line(tmp_path, text, problem):
    path = tmp_path / "stations.csv"
    path.write_text(text)
    with pytest.raises(SourceError, match=problem) as raised:
        read_coordinates(path)
    assert str(raised.value).startswith(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"none\.xml: cannot be read: No such file"):
        read_coordinates(tmp_path / "none.xml")
