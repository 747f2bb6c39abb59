"""States of detections as the option ``--states`` takes them."""

import typer

STATES = ("new", "update", "end", "retract")


class StateSet(frozenset[str]):
    """States as the command line takes them, ``new,end``."""

    def __str__(self) -> str:
        return ",".join(state for state in STATES if state in self)


def states_of(text: str | StateSet) -> StateSet:
    """Read ``new,end``; raises `typer.BadParameter` on anything else."""
    if isinstance(text, StateSet):  # typer hands defaults over as well
        return text
    chosen = StateSet(name.strip() for name in text.split(","))
    if not chosen <= set(STATES):
        raise typer.BadParameter(f"{text!r} holds others than {', '.join(STATES)}")
    return chosen
