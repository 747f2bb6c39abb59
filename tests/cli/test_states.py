import pytest
import typer

from quake_stream.cli.states import StateSet, states_of


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
