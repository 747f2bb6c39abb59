"""Pick files, read back by ObsPy and held against the schemas that it ships."""

import io
from pathlib import Path

import obspy
import pytest
from bodies import detection
from lxml import etree
from obspy.io.quakeml.core import _validate as is_valid_quakeml
from obspy.io.seiscomp.core import validate as is_valid_scml

from quake_stream.errors import QuakeStreamError
from quake_stream.export.picks import SCML_VERSION, PickFolder, quakeml, scml

CASES = [
    detection(),
    detection(state="retract", location="00"),
    detection(state="end", onset_uncertainty_s=None, author="", agency="höhe & <täl>"),
    detection(state="end", processing="replay", model={"name": "my model/1", "sha256": "", "version": "1"}),
]


@pytest.mark.parametrize("body", CASES)
def test_quakeml_is_valid_and_obspy_reads_the_pick_back(body):
    document = quakeml(body)
    assert is_valid_quakeml(io.BytesIO(document))
    (event,) = obspy.read_events(io.BytesIO(document), format="QUAKEML")
    (pick,) = event.picks
    assert pick.time == obspy.UTCDateTime("2010-05-27T16:24:33.315123Z")
    assert pick.waveform_id.get_seed_string() == f"CX.PB01.{body['location']}.HHZ"
    assert pick.evaluation_status == ("rejected" if body["state"] == "retract" else None)


@pytest.mark.parametrize("body", CASES)
def test_scml_is_valid_and_holds_one_pick_and_no_event(body):
    document = scml(body)
    assert is_valid_scml(io.BytesIO(document), version=SCML_VERSION)
    root = etree.fromstring(document)
    assert root.get("version") == SCML_VERSION
    (parameters,) = root
    (pick,) = parameters
    assert etree.QName(pick).localname == "pick"
    assert pick.get("publicID") == f"smi:local/quake-stream/pick/{body['id']}"
    found = {etree.QName(part).localname: part for part in pick}
    assert found["time"][0].text == "2010-05-27T16:24:33.315123Z"
    assert dict(found["waveformID"].attrib) == {
        "networkCode": "CX",
        "stationCode": "PB01",
        "locationCode": body["location"],
        "channelCode": "HHZ",
    }
    assert ("evaluationStatus" in found) == (body["state"] == "retract")


def test_obspy_takes_the_scml_for_its_own():
    assert obspy.read_events(io.BytesIO(scml(detection())), format="SCML").events == []  # picks need no event


def test_a_detection_has_one_file_that_follows_its_life(tmp_path):
    folder = PickFolder(tmp_path, lambda body: body["state"].encode())
    for state, onset in [("new", "23:59:59.9"), ("end", "23:59:58.1")]:
        folder.write(
            detection(state=state, onset_time=f"2010-05-27T{onset}Z", on_time="2010-05-28T00:00:04Z")
        )
    folder.settle()
    folder.close()
    (path,) = [found for found in tmp_path.rglob("*") if found.is_file()]
    assert path == tmp_path / "2010-05-28" / "CX_PB01_---00ff.xml"
    assert path.read_text() == "end"
    assert folder.counts() == {}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    folder = PickFolder(Path(tmp_path / "file"), lambda _: b"")
    with pytest.raises(QuakeStreamError, match="cannot be written"):
        folder.write(detection())
