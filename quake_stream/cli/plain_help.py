"""Help texts for people: flags say no type, since ``--json <bool>`` reads as if a value had to follow."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command whose help says no type of flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters as they are shown, ``--help`` among them."""
        return _without_types_of_flags(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """Commands whose common help says no type of flags."""

    def get_params(self, ctx: Any) -> list[Any]:
        """List the parameters as they are shown, ``--help`` among them."""
        return _without_types_of_flags(super().get_params(ctx))


def _without_types_of_flags(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params
