"""The ledger: complete, and without contradiction."""

import re

import pytest

from runbook.claims.ledger import CHAPTERS, FILE, LedgerError, load_ledger, read_ledger

# How many lettered statements each section of the article has.
SECTIONS = {"1": 10, "2.1": 12, "2.2": 8, "2.3": 7, "2.4": 3, "2.5": 9, "3.1": 9, "3.2": 8, "3.3": 6,
            "4.1": 8, "4.2": 4, "4.3": 7, "4.4": 6, "5": 3}


@pytest.fixture(scope="module")
def ledger():
    return load_ledger()


def test_every_statement_of_the_article_has_its_row_in_order(ledger):
    wanted = [f"{section}-{chr(ord('a') + n)}" for section, count in SECTIONS.items() for n in range(count)]
    assert [claim.id for claim in ledger.claims] == wanted
    assert len(wanted) == 100


def test_only_three_rows_are_traps_that_the_article_does_not_say(ledger):
    assert [claim.id for claim in ledger.claims if claim.kind == "trap"] == ["4.1-d", "4.1-e", "4.3-f"]


def test_only_what_no_host_can_tell_cannot_be_judged(ledger):
    assert [claim.id for claim in ledger.claims if claim.cannot_judge] == ["1-g", "2.1-b", "5-a", "5-b", "5-c"]


def test_expectations_are_those_of_the_sources(ledger):
    held = {claim.id for claim in ledger.claims if claim.expected}
    open_ = {claim.id for claim in ledger.claims if claim.expected is None}
    assert held == {"1-b", "1-j", "2.1-a", "2.1-l", "2.3-a", "2.4-b", "2.4-c", "3.1-e", "3.2-h"}
    assert len(open_) == 29
    assert {"2.3-b", "3.2-a", "4.3-g"} < open_


def test_statements_of_the_article_are_quoted_but_for_one_that_it_only_implies(ledger):
    silent = [claim.id for claim in ledger.claims if claim.kind == "claim" and not claim.article_zh]
    assert silent == ["3.2-g"]


def test_every_chapter_that_judges_has_claims(ledger):
    assert all(ledger.of_chapter(chapter) for chapter in CHAPTERS if chapter != "00_start")
    assert ledger.of_chapter("03_static_compile")[0].id == "1-b"


def test_every_headline_number_is_listed(ledger):
    sections = [number.section for number in ledger.numbers]
    assert {section: sections.count(section) for section in dict.fromkeys(sections)} == {
        "1": 2, "2.3": 1, "2.5": 4, "3.1": 11, "3.2": 1, "3.3": 1, "4.2": 2, "4.3": 4, "4.4": 3}
    assert [number.name for number in ledger.numbers if number.value is None] == ["etcd.mtls"]


def test_a_number_reads_as_the_article_puts_it(ledger):
    said = {number.name: str(number) for number in ledger.numbers}
    assert said["load.gin_default"] == "12450 ± 320 1/s"
    assert said["image.kylin_base_size"] == "about 180 MB"
    assert said["etcd.mtls"] == "no figure"


def test_gains_are_those_of_the_rates(ledger):
    value = {number.name: number.value for number in ledger.numbers}
    for framework in ("gin", "echo"):
        gain = 100 * (value[f"load.{framework}_tuned"] / value[f"load.{framework}_default"] - 1)
        assert gain == pytest.approx(value[f"load.{framework}_gain"], abs=0.06)


def test_an_unknown_claim_is_answered_with_the_nearest(ledger):
    with pytest.raises(LedgerError, match="did you mean `2.3-f`"):
        ledger.claim("23-f")


@pytest.mark.parametrize(("old", "new", "message"), [
    ('id = "1-b"', 'id = "1-a"', "1-a stands twice"),
    ('id = "1-a"', 'id = "one"', "claim[1].id: expected such as 2.3-f"),
    ('chapter = "01_abi_inspection"', 'chapter = "01_abi"', "did you mean `01_abi_inspection`?"),
    ("expected = true", 'expected = "T"', "expected true or false, found a string"),
    ('where = ["H"]', 'where = ["Z"]', "unknown value `Z`"),
    ('where = ["H"]', "where = []", "1-a needs `where`, or `cannot_judge`"),
    ('evidence = "KOE elf-em.h, regdef.h"\n', "", "the key `evidence` is missing"),
    ("why = ", "wy = ", "did you mean `why`?"),
    ('\nkind = "trap"', '\nkind = "trap"\narticle_zh = "x"', "is a trap: the article does not say it"),
    ("value = 180\n", "", "image.kylin_base_size: `value` and `relation` contradict"),
    ("schema = 1", "schema = ", "not TOML"),
])
def test_a_damaged_ledger_is_refused_with_line_and_key(old, new, message):
    text = FILE.read_text("utf-8")
    assert old in text
    with pytest.raises(LedgerError) as caught:
        read_ledger(text.replace(old, new, 1))
    assert message in caught.value.what
    assert re.match(r"ledger\.toml:(\d+:| not TOML: .*line \d+)", caught.value.what)
