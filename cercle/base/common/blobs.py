"""Immutable files named by the SHA-256 of their content.

`put` returns once the bytes are on the disk (file and folder flushed), so a blob always precedes the commit of the row
that names it. Rows never name a path: the same names live in a folder (default) or in an S3-compatible store.

    blob = blobs.put(stream, limit=20_000_000)      # Blob(sha256, size)
    with blobs.open(blob.sha256) as f: ...

Nothing is deleted when a row goes: `cercle files check` finds what no row names, and retention deletes it.
"""

import contextlib
import errno
import hashlib
import io
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

CHUNK = 1024 * 1024
NAME = re.compile(r"[0-9a-f]{64}")
# A blob written less than this ago may belong to a transaction that has not committed yet.
GRACE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Blob:
    sha256: str
    size: int


class TooLarge(Refused):
    def __init__(self, limit: int, size: int | None = None):
        self.limit, self.size = limit, size
        most = megabytes(limit)
        super().__init__(
            _(
                "Ce fichier est trop lourd (%(size)s). La limite est de %(limit)s : réduisez-le, "
                "puis envoyez-le de nouveau."
            )
            % {"size": megabytes(size), "limit": most}
            if size
            else _("Ce fichier est trop lourd. La limite est de %(limit)s : réduisez-le, puis envoyez-le de nouveau.")
            % {"limit": most},
            "too_large",
        )


def megabytes(size: int) -> str:
    """« 20 Mo », « 1,4 Mo », « 12 ko », with no-break spaces."""
    if size < 1024 * 1024:
        return _("%(n)d ko") % {"n": max(1, round(size / 1024))}
    mega = size / 1024 / 1024
    return _("%(n)s Mo") % {"n": f"{mega:.0f}" if mega >= 10 or mega == int(mega) else f"{mega:.1f}".replace(".", ",")}


class Store(Protocol):
    """The port. `path` is None where files are not on this machine."""

    def put(self, stream: BinaryIO, limit: int | None) -> Blob: ...
    def open(self, sha256: str) -> BinaryIO: ...
    def path(self, sha256: str) -> Path | None: ...
    def exists(self, sha256: str) -> bool: ...
    def delete(self, sha256: str) -> None: ...
    def iterate(self) -> Iterator[Blob]: ...
    def age(self, sha256: str) -> float: ...


def _checked(sha256: str) -> str:
    # Names reach file paths: nothing but a hash may.
    if not NAME.fullmatch(sha256 or ""):
        raise FileNotFoundError(errno.ENOENT, "not a blob name")
    return sha256


def _copy(stream: BinaryIO, out: BinaryIO, limit: int | None) -> Blob:
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        if limit is not None and size > limit:
            raise TooLarge(limit)
        digest.update(chunk)
        out.write(chunk)
    return Blob(digest.hexdigest(), size)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Folder:
    """`root/ab/cd/<sha256>`, files 0600, folders 0700."""

    def __init__(self, root: Path):
        self.root = Path(root)

    def _place(self, sha256: str) -> Path:
        sha256 = _checked(sha256)
        return self.root / sha256[:2] / sha256[2:4] / sha256

    def _make(self, folder: Path) -> None:
        missing = [f for f in (folder, *folder.parents) if not f.exists()]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for made in missing:  # a new folder survives a power cut only once its parent is flushed too
            _sync_folder(made.parent)

    def put(self, stream: BinaryIO, limit: int | None) -> Blob:
        drafts = self.root / "tmp"
        draft: Path | None = None
        try:
            self._make(drafts)
            handle, name = tempfile.mkstemp(dir=drafts)  # 0600
            draft = Path(name)
            with os.fdopen(handle, "wb") as out:
                blob = _copy(stream, out, limit)
                out.flush()
                os.fsync(out.fileno())
            place = self._place(blob.sha256)
            self._make(place.parent)
            try:
                os.link(draft, place)
            except FileExistsError:
                if place.stat().st_size == blob.size:
                    os.utime(place)  # young again: the garbage finder leaves it alone
                else:
                    os.replace(draft, place)  # heals a damaged copy
            _sync_folder(place.parent)
            return blob
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Refused(
                    _("Le serveur n’a plus de place pour ce fichier. Gardez-le, et prévenez votre administrateur."),
                    "disk_full",
                ) from e
            raise
        finally:
            if draft is not None:
                with contextlib.suppress(FileNotFoundError):
                    draft.unlink()

    def open(self, sha256: str) -> BinaryIO:
        return self._place(sha256).open("rb")

    def path(self, sha256: str) -> Path | None:
        return self._place(sha256)

    def exists(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def delete(self, sha256: str) -> None:
        self._place(sha256).unlink(missing_ok=True)

    def iterate(self) -> Iterator[Blob]:
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                if NAME.fullmatch(file.name):
                    yield Blob(file.name, file.stat().st_size)

    def age(self, sha256: str) -> float:
        return time.time() - self._place(sha256).stat().st_mtime

    def sweep_drafts(self) -> int:
        """Removes what interrupted writes left behind; returns how many."""
        swept = 0
        for draft in (self.root / "tmp").glob("*"):
            if time.time() - draft.stat().st_mtime > GRACE_SECONDS:
                draft.unlink(missing_ok=True)
                swept += 1
        return swept


class S3:
    """`FILES_URL=s3://bucket/prefix?endpoint=https://…&region=…`, credentials from boto3's usual variables.

    Needs the optional extra `cercle[s3]`. The hash must be known before the upload (it is the key), so the stream goes
    through a temporary file. The store answers a PUT only once it is durable: that is S3's own promise.
    """

    def __init__(self, url: str, client=None):
        parts = urlsplit(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query).items()}
        self.bucket, self.prefix = parts.netloc, parts.path.strip("/")
        if client is None:
            import boto3  # optional extra

            client = boto3.client("s3", endpoint_url=options.get("endpoint"), region_name=options.get("region"))
        self.client = client

    def _key(self, sha256: str) -> str:
        sha256 = _checked(sha256)
        return "/".join(p for p in (self.prefix, sha256[:2], sha256[2:4], sha256) if p)

    def _head(self, sha256: str) -> dict | None:
        key = self._key(sha256)
        try:
            return self.client.head_object(Bucket=self.bucket, Key=key)
        except self.client.exceptions.ClientError as e:
            if e.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                return None
            raise

    def put(self, stream: BinaryIO, limit: int | None) -> Blob:
        with tempfile.TemporaryFile() as draft:
            blob = _copy(stream, draft, limit)
            draft.seek(0)
            # Written again even when present: its date must be young for the garbage finder.
            self.client.put_object(Bucket=self.bucket, Key=self._key(blob.sha256), Body=draft, ContentLength=blob.size)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        if self._head(sha256) is None:
            raise FileNotFoundError(errno.ENOENT, "no such blob", sha256)
        copy = tempfile.TemporaryFile()
        body = self.client.get_object(Bucket=self.bucket, Key=self._key(sha256))["Body"]
        _copy(body, copy, None)
        copy.seek(0)
        return copy

    def path(self, sha256: str) -> Path | None:
        return None

    def exists(self, sha256: str) -> bool:
        return self._head(sha256) is not None

    def delete(self, sha256: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=self._key(sha256))

    def iterate(self) -> Iterator[Blob]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                name = item["Key"].rsplit("/", 1)[-1]
                if NAME.fullmatch(name):
                    yield Blob(name, item["Size"])

    def age(self, sha256: str) -> float:
        head = self._head(sha256)
        return time.time() - head["LastModified"].timestamp() if head else 0.0


_lock = threading.Lock()


@lru_cache(maxsize=8)
def _store(url: str, root: str) -> Store:
    return S3(url) if url else Folder(Path(root))


def store() -> Store:
    with _lock:
        return _store(getattr(settings, "FILES_URL", ""), str(settings.FILES_ROOT))


def put(stream: BinaryIO | bytes, limit: int | None = None) -> Blob:
    """Stores the content and returns its name. More than `limit` bytes: `TooLarge`, and nothing is kept."""
    return store().put(io.BytesIO(stream) if isinstance(stream, bytes) else stream, limit)


def open(sha256: str) -> BinaryIO:
    """The content, to read. `FileNotFoundError` when there is none."""
    return store().open(sha256)


def path(sha256: str) -> Path | None:
    return store().path(sha256)


def exists(sha256: str) -> bool:
    return store().exists(sha256)


def delete(sha256: str) -> None:
    """Only for retention and the garbage finder: nothing else may know that no row names it any more."""
    store().delete(sha256)


def iterate() -> Iterator[Blob]:
    return store().iterate()


def digest(sha256: str) -> Blob:
    """What the stored bytes really are: compared with the name, it tells damage."""
    found, size = hashlib.sha256(), 0
    with open(sha256) as f:
        while chunk := f.read(CHUNK):
            found.update(chunk)
            size += len(chunk)
    return Blob(found.hexdigest(), size)


# --- Who names which blobs ------------------------------------------------------------------------------------------
_references: list[Callable[[], Iterable[str]]] = []


def referenced_by(names: Callable[[], Iterable[str]]) -> Callable[[], Iterable[str]]:
    """Decorator: an app whose rows name blobs says which (an iterable of sha256, empty strings skipped)."""
    _references.append(names)
    return names


@dataclass
class Findings:
    checked: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    orphans: list[Blob] = field(default_factory=list)


def check(*, contents: bool = True, progress: Callable[[Iterable], Iterable] = iter) -> Findings:
    """Compares the rows with the store. Orphans younger than a day are left out: their row may be about to commit."""
    found = Findings()
    stored = list(iterate())  # before the rows: what commits meanwhile is young anyway
    named = {sha for names in _references for sha in names() if sha}
    found.missing = sorted(sha for sha in named - {b.sha256 for b in stored} if not exists(sha))
    for blob in progress(stored):
        found.checked += 1
        if blob.sha256 not in named:
            if store().age(blob.sha256) > GRACE_SECONDS:
                found.orphans.append(blob)
        elif contents and digest(blob.sha256).sha256 != blob.sha256:
            found.damaged.append(blob.sha256)
    return found
