"""Where something is compiled is decided by the site and the chapter, and what is done for it is taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook.chapters.buildhost.decide import FOLDER, folder_for, host_for, place_for
from runbook.chapters.buildhost.observe import BuildHost
from runbook.errors import Blocked, ParameterError, SiteError
from runbook.plan import Folder, Restore, Run
from runbook.site import Build, Site

SEEN = BuildHost("any", "operator", "staff", 4, 1 << 30, "", frozenset(), "node1")


def with_roles(site: Site, *roles: str, on: str = "") -> Site:
    return replace(site, hosts=(replace(site.hosts[0], roles=roles),), build=Build(on))


def test_this_machine_compiles_unless_the_site_or_the_chapter_names_a_host(site: Site) -> None:
    builds = with_roles(site, "build")
    assert host_for(builds) is None
    assert host_for(builds, "node1") == host_for(replace(builds, build=Build("node1"))) == builds.hosts[0]
    assert host_for(replace(builds, build=Build("node1")), "local") is None


def test_only_a_host_that_is_there_to_compile_does(site: Site) -> None:
    with pytest.raises(ParameterError, match="node1 has not the role `build`") as refused:
        host_for(with_roles(site, "service"), "node1")
    assert 'add "build" to its roles' in refused.value.next
    with pytest.raises(SiteError, match="did you mean `node1`"):
        host_for(with_roles(site, "build"), "node2")


def test_the_folder_is_the_users_alone_and_goes_with_all_that_is_in_it() -> None:
    (step,) = folder_for(SEEN)
    assert step.do == (Folder(FOLDER, 0o700, "operator:staff"),)
    clear, restore = step.undo
    assert isinstance(clear, Run) and clear.words[-1] == FOLDER and restore == Restore(FOLDER)
    assert str(place_for(SEEN)).startswith(f"on node1, in {FOLDER}: 1 step") and place_for(None) is None


def test_a_folder_that_is_there_is_left_as_it_is_and_its_rights_are_mended() -> None:
    assert not folder_for(replace(SEEN, folder="700 operator:staff"))
    (step,) = folder_for(replace(SEEN, folder="755 operator:staff"))
    assert step.undo == (Restore(FOLDER),), "what an earlier run brought there is not this one's to take away"


def test_somebody_elses_folder_is_not_used() -> None:
    with pytest.raises(Blocked, match=f"node1: {FOLDER} is root:root's, and operator:staff is to compile there"):
        folder_for(replace(SEEN, folder="700 root:root"))
