"""What a run compiles: the service as it is deployed, and everything beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from runbook.chapters.buildhost.decide import Place
from runbook.chapters.compile.build import Built
from runbook.chapters.compile.decide import Recipe
from runbook.chapters.compile.verify import verify_build
from runbook.show.tables import state_mark, table
from runbook.targets import load_target
from runbook.verdict import State


@dataclass(frozen=True, repr=False)
class Recipes:
    """How each is built; the first is deployed."""

    deployed: Recipe
    others: tuple[Recipe, ...] = ()
    place: Place | None = None  # None: this machine

    def __iter__(self) -> Iterator[Recipe]:
        return iter((self.deployed, *self.others))

    def __str__(self) -> str:
        told = [_named(one, self.deployed) for one in self]
        return "\n".join((*told, *([str(self.place)] if self.place else ())))

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Artefacts:
    """What was built, in the order of the recipes."""

    deployed: Built
    others: tuple[Built, ...] = ()

    def __iter__(self) -> Iterator[Built]:
        return iter((self.deployed, *self.others))

    def called(self, built: Built) -> str:
        """How its files are called among the run's artefacts."""
        return called(built.recipe, self.deployed.recipe.target)

    def __str__(self) -> str:
        return "\n".join(_named(one.recipe, self.deployed.recipe) + f", on {one.on}" * bool(one.on) for one in self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table(("", "artefact", "for", "size", "what it is", "sha256"), map(_row, self))


def called(recipe: Recipe, target: str) -> str:
    """How the files of what it makes are called: what is not for the site's target says for which it is."""
    return recipe.service if recipe.target == target else f"{recipe.service}.{recipe.target}"


def _named(recipe: Recipe, deployed: Recipe) -> str:
    """The same wherever it is rehearsed: a tool's machine is the host's own."""
    own = recipe.target == deployed.target
    return str(recipe) if own else f"{recipe.service} for the host that it runs on by {recipe.go}, without cgo"


def _row(built: Built) -> tuple[str, ...]:
    verdicts = verify_build(built, load_target(built.recipe.target))
    wrong = "; ".join(f"{one.what}: {one.reason}" for one in verdicts if not one.ok)
    return (
        state_mark(State.FAIL if wrong else State.PASS),
        f"<b>{escape(built.recipe.service)}</b>",
        escape(built.recipe.target),
        f"{built.path.stat().st_size / (1 << 20):.1f} MiB",
        escape(wrong or f"static, the same when built again; {built.state} in {built.seconds:.1f} s"),
        f"<code>{built.sha256[:16]}</code>",
    )
