"""An OCI image of one static binary, written without a daemon: equal input gives equal bytes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import RunbookError

CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
"""Media types of the OCI image specification 1.0. The layer is not compressed: compressors differ by version."""

NAME = "io.containerd.image.name"
"""The annotation by which containerd names an image that it imports; the specification's own is a tag alone."""
TAG = "org.opencontainers.image.ref.name"
USER = 65532
"""`nonroot` of the images that are built for it; no system gives this number to a person or a service."""
BINARY_LABEL = "runbook.binary.sha256"
EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Recipe:
    """What goes into an image: the binary at `/NAME`, who runs it, and for which platform (`linux/…`)."""

    service: str
    platform: str
    binary_sha256: str
    arguments: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    user: int = USER

    @property
    def path(self) -> str:
        """Where the binary is in the image."""
        return f"/{self.service}"


@dataclass(frozen=True)
class Image:
    """An image in its archive: how containerd calls it, and the digests by which everything in it is known."""

    name: str
    digest: str  # of the manifest: `sha256:…`
    layer: str  # of the one layer, likewise
    config: Mapping[str, object]
    files: Mapping[str, str]  # SHA-256 of each file in the layer, by its path
    size: int  # bytes of the blobs
    archive_sha256: str


@dataclass(frozen=True)
class _Blob:
    """A part of an image, known by its digest."""

    kind: str
    data: bytes
    digest: str

    @classmethod
    def of(cls, kind: str, data: bytes) -> _Blob:
        return cls(kind, data, _digest(data))

    @property
    def path(self) -> str:
        """In the archive."""
        return f"blobs/{self.digest.replace(':', '/')}"

    @property
    def descriptor(self) -> dict[str, object]:
        return {"mediaType": self.kind, "digest": self.digest, "size": len(self.data)}


def image_name(service: str, digest: str) -> str:
    """`localhost`, as others call what is in no registry; the tag is the manifest's: another image is another name."""
    return f"localhost/{service}:{digest.removeprefix('sha256:')[:12]}"


def write_image(recipe: Recipe, binary: bytes, archive: Path) -> Image:
    """Writes the image's archive, an OCI layout in a tar; what it returns is what `read_image` would say.

    Raises RunbookError where the binary is not the one that the recipe names.
    """
    if hashlib.sha256(binary).hexdigest() != recipe.binary_sha256:
        raise RunbookError(f"{recipe.service}: the binary is not {recipe.binary_sha256[:12]}, which the image is of",
                           next="run the chapter that builds it again")
    layer = _Blob.of(LAYER, _tar({recipe.path.lstrip("/"): (binary, 0o555)}))
    told = _config(recipe, layer.digest)
    config = _Blob.of(CONFIG, _json(told))
    manifest = _Blob.of(MANIFEST, _json({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config.descriptor, "layers": [layer.descriptor]}))
    name = image_name(recipe.service, manifest.digest)
    system, _, architecture = recipe.platform.partition("/")
    index = _json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest.descriptor | {
        "platform": {"architecture": architecture, "os": system},
        "annotations": {NAME: name, TAG: name.rpartition(":")[2]},
    }]})
    blobs = (config, layer, manifest)
    whole = _tar({
        "oci-layout": (_json({"imageLayoutVersion": "1.0.0"}), 0o444), "index.json": (index, 0o444),
        **{one.path: (one.data, 0o444) for one in blobs},
    })
    archive.write_bytes(whole)
    return Image(name, manifest.digest, layer.digest, told, {recipe.path: recipe.binary_sha256},
                 sum(len(one.data) for one in blobs), hashlib.sha256(whole).hexdigest())


def read_image(archive: Path) -> Image:
    """What an archive holds, every blob compared with its digest.

    Raises RunbookError where it is damaged, or no image of one manifest and one layer.
    """
    try:
        whole = archive.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as tar:
            parts = {member.name: _content(tar, member) for member in tar if member.isfile()}
        (entry,) = json.loads(parts["index.json"])["manifests"]
        manifest = json.loads(_blob(parts, entry["digest"]))
        (below,) = manifest["layers"]
        layer = _blob(parts, below["digest"])
        config = json.loads(_blob(parts, manifest["config"]["digest"]))
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:") as tar:
            files = {f"/{one.name}": hashlib.sha256(_content(tar, one)).hexdigest() for one in tar if one.isfile()}
        size = sum(len(blob) for path, blob in parts.items() if path.startswith("blobs/"))
        known = hashlib.sha256(whole).hexdigest()
        return Image(entry["annotations"][NAME], entry["digest"], below["digest"], config, files, size, known)
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError) as error:
        raise RunbookError(f"{archive.name}: {error or type(error).__name__}: the image's archive is damaged",
                           next="run the chapter again: it writes the archive anew") from error


def _config(recipe: Recipe, layer: str) -> dict[str, object]:
    """The image's configuration (OCI image specification, config.md): who runs what, and of which layer."""
    system, _, architecture = recipe.platform.partition("/")
    labels = {BINARY_LABEL: recipe.binary_sha256, "org.opencontainers.image.title": recipe.service,
              **dict(recipe.labels)}
    return {
        "created": EPOCH, "architecture": architecture, "os": system,
        "config": {
            "User": f"{recipe.user}:{recipe.user}", "Entrypoint": [recipe.path], "Cmd": list(recipe.arguments),
            "Env": ["PATH=/"], "WorkingDir": "/", "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created": EPOCH, "created_by": "runbook"}],
    }


def _tar(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """A tar in the given order, of root's files, without times: nothing in it is of this machine."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), mode, 0
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None  # only files are asked for
    return file.read()


def _blob(parts: Mapping[str, bytes], digest: str) -> bytes:
    blob = parts[f"blobs/{digest.replace(':', '/')}"]
    if _digest(blob) != digest:
        raise ValueError(f"a blob is not what its name says, {digest[:19]}")
    return blob


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
