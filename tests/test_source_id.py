"""Identifiers cross between old and new names without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quake_stream.source_id import SourceId

code = st.text("ABCXYZ019", min_size=1, max_size=5)
letter = st.sampled_from("BHENZ12S")


@given(
    network=code, station=code, location=st.text("019", max_size=2), channel=st.tuples(letter, letter, letter)
)
def test_nslc_and_fdsn_identifiers_name_the_same_stream(network, station, location, channel):
    source_id = SourceId.from_codes(network, station, location, "".join(channel))
    assert SourceId.from_nslc(source_id.nslc) == source_id
    assert SourceId.from_fdsn(str(source_id)) == source_id


def test_a_blank_location_is_written_as_two_dashes_in_an_instrument():
    source_id = SourceId.from_nslc("CX.PB01..HHZ")
    assert str(source_id.instrument) == "CX.PB01.--.HH"
    assert SourceId.from_nslc("CX.PB01.--.HHZ") == source_id
    assert source_id.instrument.nsl == "CX.PB01"


def test_long_fdsn_codes_keep_their_underscores():
    source_id = SourceId.from_fdsn("FDSN:XX_STA_00_B_XX_Z")
    assert source_id.channel == "B_XX_Z"
    assert SourceId.from_nslc(source_id.nslc) == source_id


def test_velocity_and_acceleration_of_one_station_are_two_instruments():
    assert SourceId.from_nslc("AM.R1.00.EHZ").instrument != SourceId.from_nslc("AM.R1.00.ENZ").instrument


@pytest.mark.parametrize(
    "nslc",
    ["IU.ANMO.00", "IU.ANMO.00.BH", "IU..00.BHZ", "I U.ANMO.00.BHZ", "IU.AN/O.00.BHZ", "IU.ANMO56789.00.BHZ"],
)
def test_codes_that_fdsn_does_not_allow_are_refused(nslc):
    with pytest.raises(ValueError, match=r".+"):
        SourceId.from_nslc(nslc)
