"""The controls of a notebook: what its parameters cell sets, set by hand; they set the same names and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass

from runbook.contents import COMMON_PARAMETERS, Title, title_of
from runbook.errors import ParameterError
from runbook.showing import watched

HELP: Mapping[str, str] = {
    "site": "the site file",
    "run": "the run to join; empty: the site's open run",
    "check": "look and plan, change nothing",
    "only_hosts": "none ticked: all",
    "confirm": "the site's name, where it is protected",
}


@dataclass(frozen=True)
class Parameter:
    """One name of the parameters cell, its type and the value that it has now."""

    name: str
    type: type
    value: object

    @property
    def help(self) -> str:
        return HELP.get(self.name, "")

    def line(self, value: object) -> str:
        """The line of a parameters cell that sets this value."""
        return f"{self.name}: {self.type.__name__} = {value!r}"


@dataclass(frozen=True, repr=False)
class Controls:
    """What stands where nobody can click: the names, which are as the parameters cell has them."""

    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{', '.join(self.names)}: as the cell above sets them"


def controls(name: str, names: MutableMapping[str, object]) -> object:
    """A form that sets the parameters of the chapter `name` in `names`, which a cell gives as `globals()`.

    Where no front end watches it returns a line that says that nothing was set. Raises ParameterError for an
    unknown chapter, and where the parameters cell has not been run.
    """
    title = title_of(name)
    parameters = tuple(parameters_in(title, names))
    if not watched():
        return Controls(tuple(one.name for one in parameters))
    from runbook.show.form import form

    return form(parameters, names)


def parameters_in(title: Title, names: Mapping[str, object]) -> Iterator[Parameter]:
    """The chapter's parameters with their values, in the order of the contents. Raises ParameterError."""
    for name, kind in {**COMMON_PARAMETERS, **title.parameters}.items():
        if name not in names:
            raise ParameterError(f"{title.name}: `{name}` is not set", next="run the parameters cell first")
        yield Parameter(name, kind, names[name])
