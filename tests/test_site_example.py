"""The commented example: complete, valid, and the same as what `runbook new-site` writes."""

import dataclasses
import re

import pytest

from runbook import targets
from runbook.errors import TargetError
from runbook.remote.secret import Reference
from runbook.site import ROOT, Site, load_site
from runbook.site_example import new_site
from runbook.table import columns, toml_name


def test_the_example_in_the_repository_is_what_new_site_writes():
    file = "sites/example-sw64.toml"
    assert (ROOT / file).read_text() == new_site("ward-7", "sw64", file)


@pytest.mark.parametrize("target", targets.names())
def test_a_new_site_is_valid_as_it_stands(tmp_path, target):
    file = tmp_path / "site.toml"
    file.write_text(new_site("a", target))
    site = load_site(file)
    assert (site.name, site.target, site.protected, site.accepted) == ("a", target, True, ())


def test_a_new_site_with_every_comment_taken_off_is_valid_too(tmp_path):
    file = tmp_path / "site.toml"
    live = re.sub(r"(?m)^( *)# (?=[a-z_]+ = |\[)", r"\1", new_site("a", "sw64"))
    file.write_text(live.replace('passphrase = ""', 'passphrase = "prompt:"'))
    site = load_site(file)
    assert site.hosts[0].bmc and site.accepted and site.ssh.passphrase == Reference("prompt:")


def keys(table: type):
    for one, hint in columns(table):
        yield toml_name(one), one.metadata["help"]
        for inner in (hint, *getattr(hint, "__args__", ())):
            if dataclasses.is_dataclass(inner) and not one.metadata["read"]:
                yield from keys(inner)


def test_the_example_explains_every_key_of_the_site():
    text = " ".join(re.sub(r"(^|\s)#(?=\s)", " ", new_site("ward-7", "sw64")).split())
    for name, help in keys(Site):
        assert re.search(rf"\b{name}\b", text), name
        assert help in text, name


def test_a_site_for_an_unknown_target_is_refused():
    with pytest.raises(TargetError, match="did you mean `riscv64`"):
        new_site("a", "riscv")
