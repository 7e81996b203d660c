"""A bill of materials is valid, names every module with its licence, and is the same for the same binary."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from runbook.chapters.compile.bill import bill_of
from runbook.chapters.compile.build import build
from runbook.chapters.compile.decide import recipe_for
from runbook.chapters.compile.licences import Licence, licence_of, licences_in, unknown
from runbook.chapters.compile.observe import ingredients
from runbook.chapters.compile.passport import BinaryPassport, passport
from runbook.elf.go import Module
from runbook.remote.local import LocalShell
from runbook.site import Site
from runbook.targets import load_target

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of\nthis software and " \
      "associated documentation files (the \"Software\")"
BSD = "Redistribution and use in source and binary forms, with or\nwithout modification, are permitted"
GIN = Module("github.com/gin-gonic/gin", "v1.12.0", "h1:b3YAbrZtnf8N//yjKeU2+MQsh2mY5htkZidOM7O0wG8=")
ODD = Module("example.org/~who/a b!c+d", "v0.0.0-20260101000000-0123456789ab+incompatible", "h1:x=")
LOCAL = Module("./patched", "", "", "example.org/it v1.0.0")


@pytest.fixture
def seen(site: Site, local: LocalShell, services: Path, tmp_path: Path) -> BinaryPassport:
    found = ingredients(site, local, services)
    recipe = recipe_for("hello", found.sources, found.go, load_target("riscv64"), tmp_path)
    return passport(build(recipe, local, tmp_path / "builds"))


def test_a_bill_is_valid_and_names_all_that_is_in_the_binary(seen: BinaryPassport) -> None:
    licences = (Licence(GIN, ("MIT",), "LICENSE", "ab" * 32), Licence(LOCAL, ()),
                Licence(Module("gopkg.in/yaml.v3", "v3.0.1"), ("MIT", "Apache-2.0")), Licence(ODD, ("ISC",)))
    text = bill_of(seen, licences)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    assert told["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": seen.binary.sha256}]
    parts = {one["name"]: one for one in told["components"]}
    assert set(parts) == {"stdlib", GIN.path, LOCAL.path, ODD.path, "gopkg.in/yaml.v3"}
    assert parts[ODD.path]["purl"].startswith("pkg:golang/example.org/~who/a%20b%21c%2Bd@v0.0.0-2026")
    assert parts[GIN.path]["purl"] == "pkg:golang/github.com/gin-gonic/gin@v1.12.0"
    assert {"name": "runbook:go:sum", "value": GIN.sum} in parts[GIN.path]["properties"]
    assert parts["gopkg.in/yaml.v3"]["licenses"] == [{"expression": "MIT AND Apache-2.0"}]
    assert "licenses" not in parts[LOCAL.path]
    (root,) = [one for one in told["dependencies"] if one["ref"] == "hello"]
    assert len(root["dependsOn"]) == 5


def test_equal_binaries_have_equal_bills(seen: BinaryPassport) -> None:
    assert bill_of(seen, ()) == bill_of(replace(seen, toolchain="cd" * 32), ())


@pytest.mark.parametrize(("text", "ids"), [
    (MIT, ("MIT",)),
    ("Apache License\n                Version 2.0, January 2004", ("Apache-2.0",)),
    (f"{BSD}... to endorse or promote products derived from", ("BSD-3-Clause",)),
    (BSD, ("BSD-2-Clause",)),
    (f"{MIT} and Apache License Version 2.0, January 2004", ("MIT", "Apache-2.0")),
    ("GNU LESSER GENERAL PUBLIC LICENSE Version 3", ("LGPL-3.0-only",)),
    ("All rights reserved.", ()),
])
def test_a_licence_is_known_by_its_words(text: str, ids: tuple[str, ...]) -> None:
    assert licences_in(text) == ids


def test_a_modules_licence_is_read_from_gos_cache(tmp_path: Path) -> None:
    folder = tmp_path / "github.com" / "!azure" / "it@v1.0.0"
    folder.mkdir(parents=True)
    module = Module("github.com/Azure/it", "v1.0.0")
    assert licence_of(module, tmp_path) == Licence(module, ()), "no text, no licence"
    (folder / "LICENSE.md").write_text(MIT)
    (folder / "license_test.go").mkdir()
    found = licence_of(module, tmp_path)
    assert (found.ids, found.file) == (("MIT",), "LICENSE.md") and len(found.sha256) == 64
    assert unknown([found, Licence(LOCAL, ()), licence_of(GIN, tmp_path)]) == (str(LOCAL), str(GIN))
