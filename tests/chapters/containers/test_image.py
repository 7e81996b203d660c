"""An image is known by its bytes: the same from the same binary, and refused when one of them changed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.image import BINARY_LABEL, NAME, Recipe, read_image, write_image
from runbook.errors import RunbookError

BINARY = b"\x7fELF and so on" * 1000
RECIPE = Recipe("users", "linux/riscv64", hashlib.sha256(BINARY).hexdigest())
DIGEST = "sha256:98d7359d598ebabed8bda13ede06ec7c2005c3b22491301fc8ff96274b7139d5"


def test_the_same_binary_gives_the_same_bytes_whenever_it_is_written(tmp_path: Path) -> None:
    first = write_image(RECIPE, BINARY, tmp_path / "first.tar")
    os.utime(tmp_path / "first.tar", (0, 0))
    second = write_image(RECIPE, BINARY, tmp_path / "second.tar")
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    assert first == second and first.digest == DIGEST, "the writer changed: every image on a host gets a new digest"


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    written = write_image(RECIPE, BINARY, tmp_path / "users.tar")
    assert read_image(tmp_path / "users.tar") == written
    assert written.files == {"/users": RECIPE.binary_sha256}
    assert written.name == f"localhost/users:{written.digest[7:19]}"


def test_its_configuration_is_that_of_the_specification(tmp_path: Path) -> None:
    image = write_image(RECIPE, BINARY, tmp_path / "users.tar")
    assert (image.config["os"], image.config["architecture"]) == ("linux", "riscv64")
    run = image.config["config"]
    assert run["User"] == "65532:65532" and run["Entrypoint"] == ["/users"]
    assert run["Labels"][BINARY_LABEL] == RECIPE.binary_sha256
    assert image.config["rootfs"] == {"type": "layers", "diff_ids": [image.layer]}
    with tarfile.open(tmp_path / "users.tar") as tar:
        names = tar.getnames()
        (entry,) = json.load(tar.extractfile("index.json"))["manifests"]
        layer = tar.extractfile(f"blobs/{image.layer.replace(':', '/')}").read()
    assert names[:2] == ["oci-layout", "index.json"] and len(names) == 5
    assert entry["annotations"][NAME] == image.name
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        (member,) = tar
    assert (member.name, member.mode, member.uid, member.mtime) == ("users", 0o555, 0, 0)


@pytest.mark.parametrize("other", [{"platform": "linux/amd64"}, {"service": "orders"}, {"labels": (("a", "b"),)}])
def test_another_recipe_is_another_image(tmp_path: Path, other: dict) -> None:
    one = write_image(RECIPE, BINARY, tmp_path / "one.tar")
    two = write_image(replace(RECIPE, **other), BINARY, tmp_path / "two.tar")
    assert one.digest != two.digest and one.name != two.name


def test_another_binary_than_the_recipes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match=f"the binary is not {RECIPE.binary_sha256[:12]}"):
        write_image(RECIPE, BINARY + b"!", tmp_path / "users.tar")
    assert not (tmp_path / "users.tar").exists()


@pytest.mark.parametrize("where", [b"ELF and so on", b'"Entrypoint"', b'"layers"'])
def test_an_archive_with_a_changed_byte_is_refused(tmp_path: Path, where: bytes) -> None:
    archive = tmp_path / "users.tar"
    write_image(RECIPE, BINARY, archive)
    archive.write_bytes(changed(archive.read_bytes(), where))
    with pytest.raises(RunbookError, match="a blob is not what its name says"):
        read_image(archive)


@pytest.mark.parametrize("damage", [b"", b"no tar", None])
def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path, damage: bytes | None) -> None:
    archive = tmp_path / "users.tar"
    if damage is not None:
        archive.write_bytes(damage)
    with pytest.raises(RunbookError, match="users.tar: .*damaged"):
        read_image(archive)


def changed(archive: bytes, where: bytes) -> bytes:
    """One byte of it is another."""
    at = archive.index(where)
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1:]
