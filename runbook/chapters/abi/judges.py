"""The article's register table, decided by what the probes measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from runbook.chapters.abi.columns import Column, columns
from runbook.chapters.abi.convention import ALIGNMENT, ARGUMENTS, KEPT, REALS, RESULT, RETURN, ZERO, Convention
from runbook.chapters.abi.measure import Measured
from runbook.chapters.article import named_architecture
from runbook.claims.judge import Judgement, judges
from runbook.targets import Target

SUM_OF_32_BITS = "ffffffff80000000"  # 0x7fffffff + 1, as a signed 32-bit number in a register of 64


@dataclass(frozen=True)
class Conventions:
    """What was measured, for the site's target and for those that stand beside it."""

    site: Target
    measured: tuple[Measured, ...]

    def of_the_article(self) -> Measured | None:
        """Of the architecture that the article is about, where it could be measured."""
        return next((one for one in self.measured
                     if one.target.goarch == named_architecture() and one.convention), None)

    def missing(self) -> str:
        """What would be needed to measure that one."""
        own = next((one for one in self.measured if one.target.goarch == named_architecture()), None)
        if own is not None and own.why:
            return own.why
        return f"it needs a C compiler and a host of {named_architecture()}; this site's target is {self.site.name}"

    def __str__(self) -> str:
        return "; ".join(str(one) for one in self.measured)


@judges("2.1-c")
def r0_is_always_zero(seen: Conventions) -> Judgement:
    found = _found(seen)
    if isinstance(found, Judgement):
        return found
    one, convention, column = found
    if ZERO in convention.missing:
        return Judgement(None, "", why=convention.missing[ZERO])
    if column.zero in convention.keeping.zero:
        return Judgement(True, f"{column.zero} was filled, and is 0 all the same", one.basis)
    always = ", ".join(convention.keeping.zero) or "no register"
    return Judgement(False, f"{column.zero} holds what it is filled with; {always} is 0 whatever is written to it",
                     one.basis)


@judges("2.1-d")
def r1_is_the_return_address(seen: Conventions) -> Judgement:
    return _item(seen, RETURN, lambda convention, column: convention.return_address == column.return_address,
                 lambda convention: f"a call leaves its return address in {convention.return_address}")


@judges("2.1-f")
def integer_arguments_go_where_it_says(seen: Conventions) -> Judgement:
    return _item(seen, ARGUMENTS, lambda convention, column: column.arguments_are(convention.in_registers),
                 lambda convention: f"{', '.join(convention.in_registers)}, then the stack")


@judges("2.1-h")
def the_stack_is_aligned_to_16(seen: Conventions) -> Judgement:
    return _item(seen, ALIGNMENT, lambda convention, column: convention.alignment == column.stack_alignment,
                 lambda convention: f"the stack pointers of many frames are multiples of {convention.alignment}")


@judges("2.1-i")
def add_takes_and_returns_where_it_says(seen: Conventions) -> Judgement:
    return _item(seen, RESULT,
                 lambda convention, column: convention.result == column.integer_result
                 and convention.in_registers[:2] == column.integer_arguments[:2],
                 lambda convention: f"arguments in {' and '.join(convention.in_registers[:2])}, "
                                    f"the result in {convention.result}")


@judges("2.1-l")
def the_other_columns_are_right(seen: Conventions) -> Judgement:
    """Judged by the columns that could be measured here; those that could not are named."""
    others = {name: column for name, column in columns().items() if name != named_architecture()}
    told = [one for one in seen.measured if one.target.name in others and one.convention and not one.convention.missing]
    if not told:
        return Judgement(None, "", why=f"no C compiler here for {' or '.join(others)}")
    wrong = [f"{one.target.name}: {what}" for one in told for what in _wrong(one.convention, others[one.target.name])]
    measured = ", ".join(one.target.name for one in told)
    left = ", ".join(sorted(set(others) - {one.target.name for one in told}))
    unmeasured = f"; {left} was not measured" if left else ""
    bases = {one.basis for one in told}
    return Judgement(not wrong, (f"{'; '.join(wrong)}" if wrong else f"{measured}: as the article says") + unmeasured,
                     max(bases, key=lambda basis: basis != "native"))


def _wrong(seen: Convention, column: Column) -> list[str]:
    """What of a column is otherwise; what it does not say cannot be wrong."""
    wrong = []
    if not column.arguments_are(seen.in_registers):
        wrong.append(f"arguments in {', '.join(seen.in_registers)}")
    if column.integer_result and column.integer_result != seen.result:
        wrong.append(f"result in {seen.result}")
    if column.return_address and column.return_address != seen.return_address:
        wrong.append(f"return address in {seen.return_address}")
    if column.float_arguments != seen.reals_in_registers:
        wrong.append(f"floating arguments in {', '.join(seen.reals_in_registers)}")
    if not set(column.callee_saved) <= set(seen.keeping.kept):
        wrong.append(f"a function gives back {', '.join(seen.keeping.kept)}")
    if column.stack_alignment != seen.alignment:
        wrong.append(f"stack aligned to {seen.alignment}")
    return wrong


def _found(seen: Conventions) -> tuple[Measured, Convention, Column] | Judgement:
    one = seen.of_the_article()
    if one is None or one.convention is None:
        return Judgement(None, "", why=seen.missing())
    return one, one.convention, columns()[one.target.name]


def _item(seen: Conventions, item: str, holds: Callable[[Convention, Column], bool],
          told: Callable[[Convention], str]) -> Judgement:
    found = _found(seen)
    if isinstance(found, Judgement):
        return found
    one, convention, column = found
    if item in convention.missing:
        return Judgement(None, "", why=convention.missing[item])
    return Judgement(holds(convention, column), told(convention), one.basis)


@judges("2.1-a")
def instructions_have_32_bits(seen: Conventions) -> Judgement:
    found = _found(seen)
    if isinstance(found, Judgement):
        return found
    code = found[0].code
    if not code.lengths:
        return Judgement(None, "", why=code.why)
    lengths = ", ".join(map(str, sorted(code.lengths)))
    return Judgement(code.lengths == {4}, f"the instructions of a static program have {lengths} bytes", found[0].basis)


@judges("2.1-e")
def the_named_registers_are_saved(seen: Conventions) -> Judgement:
    return _item(seen, KEPT, lambda convention, column: set(column.caller_saved) <= set(convention.keeping.lost)
                 and set(column.callee_saved) <= set(convention.keeping.kept),
                 lambda convention: f"a function gives back {', '.join(convention.keeping.kept)}, and no other")


@judges("2.1-g")
def float_arguments_go_where_it_says(seen: Conventions) -> Judgement:
    return _item(seen, REALS, lambda convention, column: convention.reals_in_registers == column.float_arguments,
                 lambda convention: f"{', '.join(convention.reals_in_registers)}, then the stack")


@judges("2.1-j")
def addl_adds_32_bits(seen: Conventions) -> Judgement:
    return _fact(seen, "instruction.addl", SUM_OF_32_BITS, lambda sum: f"0x7fffffff + 1 by addl is 0x{sum}")


@judges("2.1-k")
def ret_needs_no_operand(seen: Conventions) -> Judgement:
    """The probe returns by a register that nobody names, with 0 in those that are named."""
    return _fact(seen, "instruction.ret_goes_by_its_operand", "0",
                 lambda _: "ret goes where the register says that it names, whatever the return address's holds")


def _fact(seen: Conventions, name: str, holds_if: str, told: Callable[[str], str]) -> Judgement:
    found = _found(seen)
    if isinstance(found, Judgement):
        return found
    one, convention, _ = found
    value = convention.facts.get(name)
    if value is None:
        return Judgement(None, "", why=f"the probe's own instruction for it did not come to its end on {one.host}")
    return Judgement(value == holds_if, told(value), one.basis)
