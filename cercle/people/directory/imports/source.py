"""Files as streams: plain, .gz or .zip; lines with their numbers; flat memory whatever the file holds."""

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

MAX_LINE = 64 * 1024  # the longest real line seen has 900 bytes
BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError)


class Broken(Exception):
    """The compressed file stops or is damaged; what came before is good."""


class Counted(io.RawIOBase):
    """A file that knows how many bytes were read from the disk, for the progress bar."""

    def __init__(self, path: Path):
        self.file = path.open("rb", buffering=0)
        self.done = 0

    def readinto(self, buffer) -> int:
        read = self.file.readinto(buffer) or 0
        self.done += read
        return read

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
        super().close()


class Source:
    """One file to import."""

    def __init__(self, path: Path):
        self.path = Path(path)
        try:
            self.size = self.path.stat().st_size
            self.sha256 = self._hash()
        except OSError as error:
            reason = error.strerror or ""
            raise Refused(_("Impossible de lire « %s » : %s") % (self.path.name, reason), "unreadable") from None
        self.raw: Counted | None = None

    def _hash(self) -> str:
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def open(self, offset: int = 0) -> IO[bytes]:
        """The uncompressed bytes from `offset` on."""
        self.raw = Counted(self.path)
        buffered = io.BufferedReader(self.raw, 1 << 20)
        start = buffered.peek(4)[:4]
        try:
            if start[:2] == b"\x1f\x8b":
                # No larger buffer on top: what a cut file still holds must come out before the error.
                stream: IO[bytes] = gzip.GzipFile(fileobj=buffered)  # type: ignore[assignment]
            elif start == b"PK\x03\x04":
                archive = zipfile.ZipFile(buffered)
                members = [m for m in archive.infolist() if not m.is_dir()]
                if not members:
                    raise Refused(_("L’archive « %s » est vide.") % self.path.name, "wrong_file")
                stream = io.BufferedReader(archive.open(max(members, key=lambda m: m.file_size)), 8192)  # type: ignore[arg-type]
            else:
                buffered.seek(offset)
                return buffered
            while offset:
                block = stream.read(min(offset, 1 << 20))
                if not block:
                    break
                offset -= len(block)
        except BROKEN as error:
            raise Refused(_("Le fichier compressé « %s » est abîmé.") % self.path.name, "broken_file") from error
        return stream

    @property
    def done(self) -> int:
        """Bytes of the file on disk read so far."""
        return self.raw.done if self.raw else 0

    def close(self) -> None:
        if self.raw:
            self.raw.close()


class Line(NamedTuple):
    number: int  # the first line of the file is 1; blank lines count
    offset: int  # bytes of the uncompressed file up to the end of this line
    text: str | None  # without its end; None when `problem` says why
    problem: str  # "", line_too_long, nul, encoding


class Lines:
    """Numbered lines of a stream. The first bytes beyond ASCII decide between UTF-8 and Latin-1."""

    def __init__(self, stream: IO[bytes], *, number: int = 0, offset: int = 0, encoding: str = ""):
        self.stream, self.number, self.offset, self.encoding = stream, number, offset, encoding

    def __iter__(self) -> Iterator[Line]:
        try:
            while raw := self.stream.readline(MAX_LINE):
                self.number += 1
                self.offset += len(raw)
                if len(raw) == MAX_LINE and raw[-1:] != b"\n":
                    while (rest := self.stream.readline(MAX_LINE)) and not (self._count(rest) and rest.endswith(b"\n")):
                        pass
                    yield Line(self.number, self.offset, None, "line_too_long")
                elif b"\0" in raw:
                    yield Line(self.number, self.offset, None, "nul")
                else:
                    yield self._decode(raw)
        except BROKEN as error:
            raise Broken from error

    def _count(self, raw: bytes) -> bool:
        self.offset += len(raw)
        return True

    def _decode(self, raw: bytes) -> Line:
        if self.number == 1 and raw.startswith(b"\xef\xbb\xbf"):
            raw, self.encoding = raw[3:], "utf-8"
        raw = raw.rstrip(b"\r\n")
        if not self.encoding and not raw.isascii():
            try:
                raw.decode("utf-8")
                self.encoding = "utf-8"
            except UnicodeDecodeError:
                self.encoding = "cp1252"
        try:
            return Line(self.number, self.offset, raw.decode(self.encoding or "ascii"), "")
        except UnicodeDecodeError:
            return Line(self.number, self.offset, None, "encoding")
