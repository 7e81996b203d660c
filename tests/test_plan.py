"""Plans: what they show, and that they can be written and read back."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.action import OWNER, action_of
from runbook.as_json import line_of, to_json
from runbook.errors import RunbookError
from runbook.plan import Folder, Place, Plan, Plans, Remove, RemoveFolder, Replace, Restore, Run, Step
from runbook.remote.secret import KNOWN, Secret

UNIT = "/etc/systemd/system/users.service"
STEP = Step(
    why="the unit differs in MemoryMax",
    do=(Replace(UNIT, "[Service]\nMemoryMax=64M\n", was="[Service]\nMemoryMax=32M\n"),
        Run("systemctl", "restart", "users")),
    undo=(Restore(UNIT), Run("systemctl", "restart", "users")),
)
NOTHING = Plan(because="users runs as wanted")

paths = st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: name not in (".", "..")).map(lambda name: f"/srv/{name}")
rights = {"mode": st.integers(0, 0o7777), "owner": st.from_regex(OWNER, fullmatch=True)}
actions = st.one_of(
    st.lists(st.text(), min_size=1).map(lambda words: Run(*words, limit=5, also={3: "not there"})),
    st.builds(Replace, paths, st.text(st.characters(exclude_categories=["Cs"])) | st.binary(), **rights),
    st.builds(Place, paths, paths.map(Path), st.just("ab" * 32), **rights),
    st.builds(Folder, paths, **rights),
    st.builds(Remove, paths), st.builds(RemoveFolder, paths), st.builds(Restore, paths),
)


@given(actions)
def test_any_action_comes_back_from_json(action: object) -> None:
    import json

    raw = json.loads(line_of({"action": to_json(action)}))["action"]
    back = action_of(raw)
    if isinstance(action, Replace):
        assert (back.path, back.data) == (action.path, action.data)
        assert (back.mode, back.owner) == (action.mode, action.owner)
    else:
        assert back == action


def test_a_step_comes_back_from_its_dict_and_keeps_its_id() -> None:
    back = Step.from_dict(STEP.to_dict())
    assert back == STEP and back.id == STEP.id
    assert Step("another reason", STEP.do, STEP.undo).id != STEP.id


def test_a_diff_shows_what_changes_and_what_runs() -> None:
    assert STEP.diff.splitlines() == [
        f"--- {UNIT}", f"+++ {UNIT} (0644 root:root)", "@@ -1,2 +1,2 @@", " [Service]",
        "-MemoryMax=32M", "+MemoryMax=64M", "run: systemctl restart users",
    ]


@pytest.mark.parametrize(("action", "diff"), [
    (Replace("/etc/a", "one"),
     "--- /dev/null\n+++ /etc/a (0644 root:root)\n@@ -0,0 +1 @@\n+one\n\\ No newline at end of file"),
    (Replace("/etc/a", "same\n", was="same\n", mode=0o600),
     "replace /etc/a (0600 root:root): the same content"),
    (Replace("/etc/a", b"\xff\x00"),
     f"replace /etc/a (0644 root:root): 2 bytes, sha256 {hashlib.sha256(bytes([255, 0])).hexdigest()}"),
    (Place("/opt/a b", Path("x"), "ab" * 32), f"place /opt/a b (0755 root:root): sha256 {'ab' * 32}"),
    (Folder("/opt/a", 0o700, "operator:operator"), "folder /opt/a (0700 operator:operator)"),
    (Run("echo", "a b", "$HOME"), "run: echo 'a b' '$HOME'"),
    (Remove("/etc/a"), "remove /etc/a"), (RemoveFolder("/etc/a"), "remove folder /etc/a"),
])
def test_every_action_has_its_diff(action: object, diff: str) -> None:
    assert action.diff == diff


def test_a_plan_is_a_sentence() -> None:
    assert str(Plan(STEP)) == "1 step: the unit differs in MemoryMax"
    assert str(Plan(STEP, STEP)).startswith("2 steps: the unit differs in MemoryMax; the unit")
    assert str(NOTHING) == "nothing to do: users runs as wanted" and not NOTHING
    assert (NOTHING + Plan(STEP)).steps == (STEP,)
    unseen = Replace(UNIT, "[Service]\nMemoryMax=64M\n")
    assert Plan(STEP) == Plan(Step(STEP.why, (unseen, STEP.do[1]), STEP.undo))


def test_plans_have_a_line_a_host_and_show_alike_hosts_once() -> None:
    plans = Plans({"node1": Plan(STEP), "node2": NOTHING, "node3": Plan(STEP)})
    assert str(plans).splitlines() == [
        "node1: 1 step: the unit differs in MemoryMax", "node2: nothing to do: users runs as wanted",
        "node3: 1 step: the unit differs in MemoryMax"]
    assert not plans.empty and Plans({"node1": NOTHING}).empty
    assert plans.diff.startswith("node1, node3:\n--- ") and "node2" not in plans.diff
    page = plans._repr_html_()
    assert page.count("+MemoryMax=64M") == 1 and '<span class="add">+MemoryMax=64M</span>' in page
    assert "<b>node1, node3</b>" in page and "nothing to do" in page


def test_a_page_escapes_what_files_hold() -> None:
    page = Plan(Step("<b>why</b>", (Replace("/etc/a", "<script>alert(1)</script>\n"),)))._repr_html_()
    assert "<script>" not in page and "<b>why" not in page


def test_a_secret_is_in_no_face_of_a_plan() -> None:
    secret = Secret("pa55-in-a-plan")
    for content in (secret, f"password = {secret.reveal()}\n", secret.reveal().encode()):
        action = Replace("/etc/secret", content)
        step = Step("the password differs", (action,), (Restore("/etc/secret"),))
        faces = [repr(step), step.diff, str(Plan(step)), Plan(step)._repr_html_(), str(to_json(step))]
        assert action.diff.endswith(": content is a secret, sha256 not shown")
        for face in faces:
            assert KNOWN.mask(face) == face and action.sha256 not in face
        with pytest.raises(RunbookError, match="was a secret and is not in the journal"):
            action_of(action.to_dict())


@pytest.mark.parametrize("make", [
    lambda: Replace("etc/a", ""), lambda: Replace("/etc/../a", ""), lambda: Folder("/"),
    lambda: Remove("/etc/a/"), lambda: Remove("/a\0b"), lambda: Folder("/a", 0o10000),
    lambda: Folder("/a", owner="root"), lambda: Folder("/a", owner="-x:root"), lambda: Plan(),
    lambda: Step("", (Remove("/a"),)), lambda: Step("why"), lambda: Step("why", (Restore("/a"),)),
])
def test_what_makes_no_sense_is_refused_when_it_is_planned(make) -> None:
    with pytest.raises(ValueError):
        make()


@pytest.mark.parametrize("make", [
    lambda: Run(), lambda: Run("a", Secret("long-enough")), lambda: Step("why", ("rm",)),
])
def test_what_is_no_action_is_refused_when_it_is_planned(make) -> None:
    with pytest.raises(TypeError):
        make()
