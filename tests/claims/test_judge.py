"""Judges: one for each claim at most, and the count of what is decided."""

import importlib
import pkgutil
from dataclasses import dataclass

import pytest

import runbook.chapters
from runbook.claims import judge
from runbook.claims.hearing import hear
from runbook.claims.judge import Judgement, count, judge_of, judged_ids, judges, row, standing
from runbook.claims.ledger import LedgerError, load_ledger
from runbook.errors import BuildFailed

LEDGER = load_ledger()


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """A registry of the test's own, so that judges of chapters neither help nor hinder."""
    monkeypatch.setattr(judge, "_JUDGES", {})


@dataclass(frozen=True)
class Tree:
    """Evidence for the tests."""

    files: tuple[str, ...]


def test_a_judge_is_found_by_its_claim():
    @judges("2.2-b")
    def code_generator(tree: Tree) -> Judgement:
        return Judgement("ssagen" in tree.files, "none there")

    assert judge_of("2.2-b") is code_generator
    assert judge_of("2.2-c") is None
    assert judged_ids() == ("2.2-b",)


def test_a_second_judge_of_a_claim_is_refused_by_both_names():
    @judges("2.2-b")
    def first(tree: Tree) -> Judgement:
        return Judgement(True, "")

    with pytest.raises(LedgerError, match=r"2\.2-b: judged by .*first and by .*second"):
        @judges("2.2-b")
        def second(tree: Tree) -> Judgement:
            return Judgement(True, "")


def test_a_module_may_be_loaded_again():
    for _ in range(2):
        @judges("2.2-b")
        def same(tree: Tree) -> Judgement:
            return Judgement(True, "")
    assert judge_of("2.2-b") is same


def test_a_judgement_that_was_not_made_has_to_say_what_is_missing():
    with pytest.raises(ValueError, match="what is missing"):
        Judgement(None, "")


def test_a_basis_is_one_of_the_four():
    assert str(Judgement(True, "x", "emulated").basis) == "emulated"
    with pytest.raises(ValueError, match="guessed"):
        Judgement(True, "x", "guessed")


def test_without_judges_all_is_pending_but_for_what_nothing_can_judge():
    assert str(count(LEDGER, {})) == "0 judged, 5 not measurable here, 95 pending"


def test_judgements_are_counted_by_what_they_say():
    made = {"1-b": Judgement(True, "no INTERP"), "2.3-b": Judgement(None, "", why="this host has one node")}
    assert str(count(LEDGER, made)) == "1 judged, 6 not measurable here, 93 pending"


def test_a_judgement_of_an_unknown_claim_is_refused():
    with pytest.raises(LedgerError, match="did you mean `1-b`"):
        count(LEDGER, {"1b": Judgement(True, "x")})


def test_a_claim_whose_judge_was_not_asked_says_so():
    @judges("2.2-b")
    def code_generator(tree: Tree) -> Judgement:
        return Judgement(False, "")

    state, why = standing(LEDGER.claim("2.2-b"))
    assert (state, why) == ("not-measurable", "02_toolchain_build did not come to judge it in this run")


def test_a_row_has_the_keys_of_the_contract():
    line = row(LEDGER.claim("2.3-f"), Judgement(False, "madvise(DONTNEED) both times", "emulated"))
    assert line == {
        "id": "2.3-f", "state": "judged", "article": LEDGER.claim("2.3-f").article,
        "measured": "madvise(DONTNEED) both times", "holds": False, "why": LEDGER.claim("2.3-f").why,
        "basis": "emulated"}
    assert row(LEDGER.claim("5-a"))["state"] == "not-measurable"
    assert row(LEDGER.claim("1-b"))["state"] == "pending"


def test_a_chapter_hears_the_judges_that_its_evidence_suits_in_the_ledgers_order():
    @judges("2.2-c")
    def runtime_files(tree: Tree) -> Judgement:
        return Judgement("asm_new.s" not in tree.files, "asm_new.s")

    @judges("2.2-b")
    def code_generator(tree: Tree) -> Judgement:
        return Judgement(False, "a package of its own")

    @judges("2.2-d")
    def another_evidence(text: str) -> Judgement:
        return Judgement(True, text)

    @judges("1-b")
    def another_chapter(tree: Tree) -> Judgement:
        return Judgement(True, "")

    heard = list(hear("02_toolchain_build", Tree(("asm_new.s",))))
    assert [(claim.id, judgement.holds) for claim, judgement in heard] == [("2.2-b", False), ("2.2-c", False)]


def test_a_judge_that_stumbles_leaves_its_claim_undecided_and_stops_no_other():
    @judges("2.2-b")
    def stumbles(tree: Tree) -> Judgement:
        raise BuildFailed("go list: exit 1")

    @judges("2.2-c")
    def decides(tree: Tree) -> Judgement:
        return Judgement(True, "seen")

    (_, first), (_, second) = hear("02_toolchain_build", Tree(()))
    assert (first.holds, first.why) == (None, "go list: exit 1")
    assert second.holds is True


def test_evidence_that_decides_nothing_gives_no_judgement():
    @judges("2.2-b")
    def undecided(tree: Tree) -> Judgement | None:
        return None

    assert list(hear("02_toolchain_build", Tree(()))) == []


def test_a_judge_without_a_typed_parameter_is_refused():
    @judges("2.2-b")
    def untyped(tree) -> Judgement:
        return Judgement(True, "")

    with pytest.raises(TypeError, match="a judge has one parameter, typed by its evidence"):
        list(hear("02_toolchain_build", Tree(())))


def chapters_judges(monkeypatch) -> None:
    monkeypatch.undo()                    # the chapters' own registry
    for module in pkgutil.walk_packages(runbook.chapters.__path__, "runbook.chapters."):
        if module.name.endswith(("judges", "started")):
            importlib.import_module(module.name)


# What of the article is about how programs call each other, how the toolchain is built, and how a server starts.
INSPECTED = ("1-d", "1-e", "1-f", *(f"2.1-{row}" for row in "abcdefghijkl"), *(f"2.2-{row}" for row in "abcdefgh"),
             *(f"2.4-{row}" for row in "abc"), *(f"2.5-{row}" for row in "abcdefghi"))


@pytest.mark.parametrize("id", INSPECTED)
def test_every_row_about_calls_toolchain_and_start_has_a_judge_or_says_what_is_missing(id, monkeypatch):
    chapters_judges(monkeypatch)
    claim = LEDGER.claim(id)
    assert (judge_of(id) is None) == bool(claim.cannot_judge), claim
    assert claim.test or claim.cannot_judge


def test_those_are_all_of_their_sections(monkeypatch):
    sections = ("2.1-", "2.2-", "2.4-", "2.5-")
    assert {claim.id for claim in LEDGER.claims if claim.id.startswith(sections)} == {
        id for id in INSPECTED if id.startswith(sections)}


def test_every_judge_of_a_chapter_judges_a_claim_of_the_ledger_that_can_be_judged(monkeypatch):
    chapters_judges(monkeypatch)
    known = {claim.id: claim for claim in LEDGER.claims}
    for id in judged_ids():
        assert id in known, f"{id}: no such claim"
        assert not known[id].cannot_judge, f"{id}: has a judge, and cannot_judge says that nothing can"
