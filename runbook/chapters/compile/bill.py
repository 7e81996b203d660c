"""A binary's bill of materials, as CycloneDX: what it is made of, by Go's own account in it, with licences."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from runbook.chapters.compile.licences import Licence
from runbook.chapters.compile.passport import BinaryPassport

ENDING = ".cdx.json"
"""As CycloneDX asks of a JSON file, so that tools know it by its name."""
STANDARD, STANDARD_LICENCE = "stdlib", "BSD-3-Clause"
"""Go's standard library, as govulncheck and the vulnerability database call it; its licence is go.dev/LICENSE."""
PREFIX = "runbook:"


def bill_of(seen: BinaryPassport, licences: Iterable[Licence]) -> str:
    """The bill's text, CycloneDX 1.6; equal binaries have equal bills, so it tells no time.

    Which module needs which is not in a binary: all are what the program depends on.
    """
    binary, recipe = seen.binary, seen.built.recipe
    program = Component(
        name=seen.name, version=recipe.sources.version, type=ComponentType.APPLICATION, bom_ref=seen.name,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=binary.sha256)],
        properties=[Property(name=f"{PREFIX}target", value=recipe.target)])
    parts = [_standard(binary.go.version)] if binary.go else []
    parts += map(_part, licences)
    serial = uuid5(NAMESPACE_URL, f"sha256:{binary.sha256}")
    bill = Bom(components=parts, serial_number=serial, metadata=BomMetaData(component=program))
    bill.metadata.timestamp = None  # type: ignore[assignment]  # the schema lets it be left out
    bill.register_dependency(program, parts)
    return JsonV1Dot6(bill).output_as_string(indent=1) + "\n"


def _standard(version: str) -> Component:
    plain = version.removeprefix("go").partition(" ")[0]
    return Component(
        name=STANDARD, version=plain, type=ComponentType.LIBRARY, bom_ref=STANDARD,
        purl=PackageURL("golang", None, STANDARD, plain),
        licenses=[LicenseFactory().make_from_string(STANDARD_LICENCE)])


def _part(licence: Licence) -> Component:
    module = licence.module
    told = {"go:sum": module.sum, "instead_of": module.instead_of, "licence:sha256": licence.sha256}
    folder, _, name = module.path.rpartition("/")
    return Component(
        name=module.path, version=module.version, type=ComponentType.LIBRARY, bom_ref=str(module),
        purl=PackageURL("golang", folder or None, name, module.version or None),
        licenses=[LicenseFactory().make_from_string(" AND ".join(licence.ids))] if licence.ids else [],
        properties=[Property(name=f"{PREFIX}{key}", value=value) for key, value in told.items() if value])
