import pytest

from quake_stream.windowing.components import COMPONENT_SETS, choose_set, is_useful

ALL = ("ZNE", "Z12", "123", "ZXY", "Z", "1C")


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        ("ENZ", ("Z", "N", "E")),
        ("12Z", ("Z", "1", "2")),
        ("123", ("3", "1", "2")),
        ("XYZ", ("Z", "X", "Y")),
        ("Z", ("Z",)),
        ("NZ", ("Z",)),
        ("H", ("H",)),
    ],
)
def test_the_vertical_comes_first_whatever_the_components_are_called(present, chosen):
    assert choose_set(set(present), ALL) == chosen


def test_the_first_accepted_set_wins():
    assert choose_set(set("ZNE12"), ("Z12", "ZNE")) == ("Z", "1", "2")
    assert choose_set(set("ZNE12"), ("ZNE", "Z12")) == ("Z", "N", "E")


@pytest.mark.parametrize(("present", "accepted"), [("NE", ALL), ("", ALL), ("Z", ("ZNE",)), ("ZN", ("1C",))])
def test_an_incomplete_set_is_not_chosen(present, accepted):
    assert choose_set(set(present), accepted) is None


def test_an_unknown_set_is_an_error():
    with pytest.raises(KeyError):
        choose_set({"Z"}, ("ABC",))


def test_a_component_is_useful_if_any_accepted_set_holds_it():
    assert is_useful("N", ("Z", "ZNE"))
    assert not is_useful("N", ("Z", "Z12"))
    assert is_useful("N", ("1C",))


def test_no_set_names_a_component_twice():
    assert all(len(set(codes)) == len(codes) <= 3 for codes in COMPONENT_SETS.values())
