"""The form of the controls: it sets the names that the parameters cell sets, and says the cell that does the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import ipywidgets
import pytest

from runbook import controls
from runbook.by_hand import parameters_in
from runbook.contents import COMMON_PARAMETERS, title_of
from runbook.errors import ParameterError
from runbook.show.form import Form, sites
from runbook.site import ROOT
from tests.test_consent import SITE

Names = dict[str, object]


@pytest.fixture
def names(tmp_path: Path) -> Names:
    site = tmp_path / "ward-7.toml"
    site.write_text(SITE.format(protected="true"))
    return {"site": str(site), "run": "", "check": False, "only_hosts": [], "confirm": "", "packages": ["fmt"],
            "stop_after": "", "on": "", "chapter": "not a parameter"}


def every(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def of(form: Form, name: str) -> ipywidgets.Widget:
    return next(one for one in every(form.box) if f"rb-set-{name}" in getattr(one, "_dom_classes", ()))


def host(form: Form, name: str) -> ipywidgets.Widget:
    return next(one for one in every(form.box) if getattr(one, "description", "") == name)


@pytest.fixture
def form(names: Names) -> Form:
    return Form(tuple(parameters_in(title_of("02_toolchain_build"), names)), names)


def test_each_change_sets_its_name_with_the_type_of_the_parameters_cell(form: Form, names: Names) -> None:
    of(form, "check").value = True
    of(form, "confirm").value = "ward-7"
    of(form, "packages").value = "fmt, net/http ,"
    host(form, "node2").value = True
    assert names["check"] is True and names["confirm"] == "ward-7" and names["packages"] == ["fmt", "net/http"]
    assert names["only_hosts"] == ["node2"]
    host(form, "node1").value = True
    assert names["only_hosts"] == [], "all that are ticked are all that there are"
    assert set(names) == {*COMMON_PARAMETERS, "packages", "stop_after", "on", "chapter"}, "it sets no other names"


def test_it_says_the_lines_of_a_parameters_cell_that_do_the_same(form: Form, names: Names) -> None:
    said = [one for one in every(form.box) if isinstance(one, ipywidgets.HTML)][-1]
    assert "As the parameters cell has it" in said.value
    of(form, "check").value = True
    assert "check: bool = True" in said.value and "confirm" not in said.value
    done: Names = {}
    exec("check: bool = True", done)
    assert done["check"] == names["check"]


def test_another_site_offers_its_own_hosts_and_a_bad_one_says_why(form: Form, names: Names) -> None:
    host(form, "node2").value = True
    of(form, "site").value = "sites/testbed.toml"
    assert names["site"] == "sites/testbed.toml" and names["only_hosts"] == [] and host(form, "node3")
    bad = Path(str(names["site"])).with_suffix(".bad")
    assert not bad.exists()
    form._names["site"] = str(bad)
    form._offer_hosts()
    assert "no such site file" in form._hosts.children[0].value


def test_the_sites_of_the_project_are_offered_and_none_twice() -> None:
    offered = sites("sites/testbed.toml")
    assert offered[0] == "sites/testbed.toml" and len(set(offered)) == len(offered)
    assert {(ROOT / one).resolve() for one in offered} == set((ROOT / "sites").glob("*.toml"))


def test_where_nobody_watches_nothing_is_set_and_no_widget_is_made(names: Names) -> None:
    before = dict(names)
    told = controls("02_toolchain_build", names)
    assert repr(told) == "site, run, check, only_hosts, confirm, packages, stop_after, on: as the cell above sets them"
    assert names == before and "IPython" in sys.modules, "IPython alone makes nobody watch"


def test_a_parameters_cell_that_was_not_run_is_named(names: Names) -> None:
    del names["confirm"]
    with pytest.raises(ParameterError, match="`confirm` is not set"):
        controls("02_toolchain_build", names)
