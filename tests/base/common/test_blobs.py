"""Files named by their hash."""

import hashlib
import io
import os
import stat
import subprocess
import sys
import threading

import pytest

from cercle.base.common import blobs
from cercle.base.common.errors import Refused


@pytest.fixture
def store(settings, tmp_path):
    settings.FILES_ROOT = tmp_path / "files"
    return blobs.store()


def age(store, sha256, days=2):
    path = store.path(sha256)
    old = path.stat().st_mtime - days * 86400
    os.utime(path, (old, old))


def test_a_file_is_named_by_its_hash_and_closed_to_others(store):
    blob = blobs.put(io.BytesIO(b"bonjour"))
    assert blob == blobs.Blob(hashlib.sha256(b"bonjour").hexdigest(), 7)
    path = blobs.path(blob.sha256)
    assert path.relative_to(store.root).parts == (blob.sha256[:2], blob.sha256[2:4], blob.sha256)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with blobs.open(blob.sha256) as f:
        assert f.read() == b"bonjour"


def test_the_same_content_is_kept_once_even_from_many_threads(store):
    threads = [threading.Thread(target=blobs.put, args=(b"x" * 300_000,)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(list(blobs.iterate())) == 1
    assert not list((store.root / "tmp").iterdir())


def test_too_large_says_so_in_french_and_keeps_nothing(store):
    with pytest.raises(blobs.TooLarge, match="trop lourd") as refusal:
        blobs.put(io.BytesIO(b"x" * 1000), limit=500)
    assert refusal.value.code == "too_large"
    assert not list(blobs.iterate())
    assert not list((store.root / "tmp").iterdir())


def test_a_full_disk_is_said_in_one_sentence(store, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blobs.os, "fsync", full)
    with pytest.raises(Refused, match="plus de place"):
        blobs.put(b"x")
    assert not list((store.root / "tmp").iterdir())


def test_the_file_and_its_folder_are_flushed_before_put_returns(store, monkeypatch):
    flushed = []
    real = os.fsync
    monkeypatch.setattr(blobs.os, "fsync", lambda d: (flushed.append(os.readlink(f"/proc/self/fd/{d}")), real(d)))
    blob = blobs.put(b"durable")
    assert any("/tmp/" in f for f in flushed)
    assert flushed[-1] == str(blobs.path(blob.sha256).parent)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "/x", None])
def test_nothing_but_a_hash_reaches_the_disk(store, name):
    with pytest.raises(FileNotFoundError):
        blobs.open(name)


def test_an_absent_file_is_absent(store):
    assert not blobs.exists("0" * 64)
    with pytest.raises(FileNotFoundError):
        blobs.open("0" * 64)


def test_check_finds_what_is_missing_damaged_and_orphan(store, monkeypatch):
    kept, damaged, orphan, young = (blobs.put(t) for t in (b"kept", b"damaged", b"orphan", b"young"))
    blobs.path(damaged.sha256).write_bytes(b"changed")
    age(store, orphan.sha256)
    monkeypatch.setattr(blobs, "_references", [lambda: [kept.sha256, damaged.sha256, "f" * 64, ""]])
    found = blobs.check()
    assert found.missing == ["f" * 64]
    assert found.damaged == [damaged.sha256]
    assert [b.sha256 for b in found.orphans] == [orphan.sha256]
    assert found.checked == 4


def test_storing_again_heals_a_cut_file_and_makes_it_young(store):
    blob = blobs.put(b"whole")
    blobs.path(blob.sha256).write_bytes(b"who")
    age(store, blob.sha256)
    blobs.put(b"whole")
    assert blobs.digest(blob.sha256) == blob
    assert store.age(blob.sha256) < 3600


def test_interrupted_writes_are_swept_after_a_day(store):
    blobs.put(b"x")
    draft = store.root / "tmp" / "left"
    draft.write_bytes(b"half")
    assert store.sweep_drafts() == 0
    os.utime(draft, (0, 0))
    assert store.sweep_drafts() == 1


def test_a_killed_writer_leaves_no_file_under_a_name(store, tmp_path):
    code = (
        "import os, io, sys; sys.path.insert(0, '.')\n"
        "from cercle.base.common.blobs import Folder\n"
        "class Dies(io.BytesIO):\n"
        "    def read(self, n=-1):\n"
        "        data = super().read(10)\n"
        "        if not data: os._exit(9)\n"
        "        return data\n"
        f"Folder({str(store.root)!r}).put(Dies(b'0123456789' * 3), None)\n"
    )
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.support.settings"}
    assert subprocess.run([sys.executable, "-c", code], env=env).returncode == 9
    assert not list(blobs.iterate())


class FakeS3:
    """The five calls that the port makes, in memory."""

    class exceptions:
        class ClientError(Exception):
            response = {"ResponseMetadata": {"HTTPStatusCode": 404}}

    def __init__(self):
        self.kept = {}

    def head_object(self, Bucket, Key):
        if Key not in self.kept:
            raise self.exceptions.ClientError
        return {"ContentLength": len(self.kept[Key])}

    def put_object(self, Bucket, Key, Body, ContentLength):
        self.kept[Key] = Body.read()
        assert len(self.kept[Key]) == ContentLength

    def get_object(self, Bucket, Key):
        return {"Body": io.BytesIO(self.kept[Key])}

    def delete_object(self, Bucket, Key):
        self.kept.pop(Key, None)

    def get_paginator(self, _name):
        contents = [{"Key": k, "Size": len(v)} for k, v in self.kept.items()]
        return type("Pages", (), {"paginate": lambda self, **k: [{"Contents": contents}]})()


def test_the_s3_store_keeps_the_same_contract():
    store = blobs.S3("s3://seau/cercle", client=FakeS3())
    blob = store.put(io.BytesIO(b"bonjour"), None)
    assert list(store.client.kept) == [f"cercle/{blob.sha256[:2]}/{blob.sha256[2:4]}/{blob.sha256}"]
    assert store.open(blob.sha256).read() == b"bonjour"
    assert store.exists(blob.sha256) and list(store.iterate()) == [blob]
    with pytest.raises(blobs.TooLarge):
        store.put(io.BytesIO(b"x" * 100), 10)
    store.delete(blob.sha256)
    assert not store.exists(blob.sha256)
    with pytest.raises(FileNotFoundError):
        store.open(blob.sha256)
