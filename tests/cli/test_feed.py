import pytest
import typer

from quake_stream.cli.feed import StateSet, since_ns, states_of


def test_states_are_read_from_a_list_with_commas_and_shown_in_the_order_of_a_life():
    assert states_of("end, new") == {"new", "end"}
    assert str(states_of("end,new")) == "new,end"


def test_a_default_is_handed_on_as_it_is():
    default = StateSet({"new"})
    assert states_of(default) is default


@pytest.mark.parametrize("text", ["", "old", "new,", "new;end"])
def test_other_words_are_refused_with_those_allowed(text):
    with pytest.raises(typer.BadParameter, match="holds others than new, update, end, retract"):
        states_of(text)


def test_a_time_to_begin_at_is_read_against_the_clock_or_as_it_stands():
    assert since_ns(None) is None
    assert since_ns("1970-01-01T00:00:01Z") == 10**9
    assert since_ns("2h") < since_ns("1h")


def test_what_is_no_time_is_told_with_its_option():
    with pytest.raises(typer.BadParameter) as caught:
        since_ns("yesterday")
    assert caught.value.param_hint == "--since"
