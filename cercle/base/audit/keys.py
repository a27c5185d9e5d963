"""The key that signs seals: a file outside the database, and the public halves that check them.

`AUDIT_KEY_FILE` (default CERCLE_HOME/secrets/audit.key) holds the private key; each public key that was ever used stays
beside it as audit-<id>.pub. Give a copy of the public key to whoever must be able to check without trusting the host.
"""

import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


def path() -> Path:
    return Path(getattr(settings, "AUDIT_KEY_FILE", None) or Path(settings.CERCLE_HOME) / "secrets" / "audit.key")


def exists() -> bool:
    return path().exists()


def private() -> Ed25519PrivateKey:
    """The signing key, made on first use."""
    file = path()
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, file)  # the first of two processes that start together wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("the audit key is not an Ed25519 key")
    public_file = file.with_name(f"audit-{key_id(key.public_key())}.pub")
    if not public_file.exists():
        public_file.write_bytes(pem_of(key.public_key()))
    return key


def pem_of(public: Ed25519PublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(public: Ed25519PublicKey) -> str:
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256(raw).hexdigest()[:16]


def publics(*files: Path) -> dict[str, Ed25519PublicKey]:
    """Public keys by id: of these files, or, when none is named, of all those kept beside the private key."""
    found = {}
    for file in files or sorted(path().parent.glob("audit-*.pub")):
        key = serialization.load_pem_public_key(file.read_bytes())
        if isinstance(key, Ed25519PublicKey):
            found[key_id(key)] = key
    return found


def is_signed(public: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    try:
        public.verify(signature, payload)
    except InvalidSignature:
        return False
    return True
