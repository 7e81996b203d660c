"""What of a convention is compared: each item with what a target's file expects, what was measured, what is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runbook.chapters.abi import convention as what
from runbook.chapters.abi.columns import Column
from runbook.chapters.abi.convention import Convention
from runbook.targets import Target

COUNT = 10  # arguments that a probe passes
NONE = "none"
Expected = Callable[[Target], tuple[str, ...]]
Seen = Callable[[Convention, Target], str]


@dataclass(frozen=True)
class Item:
    """`expected` has more than one text where sources disagree, and none where no source says it; `source` is the key
    of the target's file; `then` what a table adds to what was measured."""

    source: str
    expected: Expected
    measured: Seen
    said: Callable[[Column], str] = lambda _: ""
    then: Seen = lambda *_: ""


def _passed(name: str, key: str) -> Item:
    return Item(f"passing.{name}", lambda target: _one(getattr(target.passing, name)),
                lambda seen, _: ", ".join(seen.structured.get(key, ())))


def _one(parts: tuple[str, ...]) -> tuple[str, ...]:
    return (", ".join(parts),) if parts else ()


def _call(target: Target) -> str:
    call = target.syscall
    return f"{call.instruction}, number in {call.number}, first argument in {call.arguments[0]}"


def _values(facts: Mapping[str, str], group: str, names: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {_number(facts.get(f'{group}.{name}', ''))}" for name in sorted(names))


def _number(text: str) -> str:
    """A macro that the target's headers do not have stays text."""
    return text if text.lstrip("-").isdigit() else NONE


def _expected_values(names: Mapping[str, int]) -> tuple[str, ...]:
    return (", ".join(f"{name} {names[name]}" for name in sorted(names)),)


def _behind(places: tuple[str, ...]) -> str:
    return f", then {', '.join(places)}" if places else ""


ALL: Mapping[str, Item] = {
    what.ARGUMENTS: Item("registers.integer_arguments", lambda target: _one(target.registers.integer_arguments[:COUNT]),
                         lambda seen, _: ", ".join(seen.in_registers), Column.arguments_said,
                         lambda seen, _: _behind(seen.on_stack)),
    what.REALS: Item("registers.float_arguments", lambda target: _one(target.registers.float_arguments[:COUNT]),
                     lambda seen, _: ", ".join(seen.reals_in_registers), lambda said: ", ".join(said.float_arguments),
                     lambda seen, _: _behind(seen.reals[len(seen.reals_in_registers):])),
    what.MIXED: _passed("mixed", what.MIXED),
    what.VARIADIC: _passed("variadic", what.VARIADIC),
    what.SMALL: _passed("small_struct", what.SMALL),
    what.REAL_STRUCT: _passed("real_struct", what.REAL_STRUCT),
    what.LARGE: _passed("large_struct", what.LARGE),
    what.RESULT: Item("registers.integer_results", lambda target: target.registers.integer_results[:1],
                      lambda seen, _: seen.result, lambda said: said.integer_result),
    what.REAL_RESULT: Item("registers.float_results", lambda target: target.registers.float_results[:1],
                           lambda seen, _: seen.real_result),
    what.WIDE_RESULT: _passed("wide_result", what.WIDE_RESULT),
    what.SMALL_RESULT: _passed("small_result", what.SMALL_RESULT),
    what.REAL_STRUCT_RESULT: _passed("real_struct_result", what.REAL_STRUCT_RESULT),
    what.LARGE_RESULT: _passed("large_result", what.LARGE_RESULT),
    what.RETURN: Item("registers.return_address", lambda target: (target.registers.return_address or "stack+0",),
                      lambda seen, _: seen.return_address, lambda said: said.return_address),
    what.ALIGNMENT: Item("registers.stack_alignment",
                         lambda target: tuple(str(size) for size in target.registers.stack_alignment),
                         lambda seen, _: str(seen.alignment), lambda said: str(said.stack_alignment)),
    what.KEPT: Item("registers.callee_saved", lambda target: _one((*target.registers.callee_saved,
                                                                   *target.registers.float_callee_saved)),
                    lambda seen, _: ", ".join(seen.keeping.kept), lambda said: ", ".join(said.callee_saved)),
    what.ZERO: Item("registers.zero", lambda target: (target.registers.zero or NONE,),
                    lambda seen, _: seen.keeping.zero[0] if seen.keeping.zero else NONE, lambda said: said.zero,
                    lambda seen, _: "".join(f", and {name}" for name in seen.keeping.zero[1:])),
    what.CALL: Item("syscall.instruction", lambda target: (_call(target),), lambda _, target: _call(target)),
    what.NUMBERS: Item("syscall.numbers", lambda target: _expected_values(target.syscall.numbers),
                       lambda seen, target: _values(seen.facts, "syscall", target.syscall.numbers)),
    what.CONSTANTS: Item("constants.SIGCHLD", lambda target: _expected_values(target.constants),
                         lambda seen, target: _values(seen.facts, "constant", target.constants)),
}
