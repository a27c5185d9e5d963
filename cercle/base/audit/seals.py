"""Seals: every minute the finished transactions of the journal become one Merkle root, chained, signed, exported.

**Which rows.** `xid` is the 64-bit number of the writing transaction. A batch is `last_to <= xid < horizon`, where the
horizon is `pg_snapshot_xmin` of the very statement that reads the rows: below it every transaction has ended, so a row
that took its id first and committed last is in a later batch, never skipped. By clock or by id it would be.

**Which bytes.** A leaf is the row in PostgreSQL's COPY text format (tab between columns, backslash escapes, \\N for
null), in the order of `FORMATS`; `at` in microseconds since 1970, `details` as jsonb prints it. Rows go by (xid, id).
A seal signs `payload(seal)`; `previous` is the SHA-256 of the payload and signature before.

**Segments.** A restored database counts transactions from another number, so `new_segment` closes the chain, gives new
rows a new `segment`, and goes on with the same numbers of lots. It is never done silently.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused

from . import keys, merkle
from .models import AuditEvent, Seal

log = logging.getLogger(__name__)

LOCK = 0x0CE5_5EA1  # advisory lock: one sealer at a time
START = b"\x00" * 32
ALARM_SECONDS = 300

# Never change a line once released: add a format when a column is added.
FORMATS = {
    1: (
        "id, (extract(epoch FROM at) * 1000000)::bigint, xid, segment, actor_user_id, practice_role_id, actor_name,"
        " actor_role, ground, source, action, kind, circle_id, target_type, target_id, shown, hidden, opening, reason,"
        " details, outcome"
    )
}
CURRENT_FORMAT = 1


# --- Bytes -----------------------------------------------------------------------------------------------------------
def payload(seal: Seal) -> bytes:
    """What is signed."""
    return "\n".join(
        [
            f"cercle-audit-seal-{seal.format}",
            str(seal.number),
            str(seal.segment),
            seal.cluster,
            str(seal.from_xid),
            str(seal.to_xid),
            str(seal.rows),
            bytes(seal.root).hex(),
            bytes(seal.previous).hex(),
            timezone.localtime(seal.at, timezone.get_fixed_timezone(0)).isoformat(timespec="microseconds"),
            seal.key_id,
            json.dumps(seal.reason, ensure_ascii=True),
        ]
    ).encode()


def fingerprint(seal: Seal) -> bytes:
    """What the next seal holds on to."""
    return sha256(payload(seal) + bytes(seal.signature)).digest()


def _copy(using: str, columns: str, where: str) -> Generator[bytes]:
    """Rows as lines without their end, in the order of sealing."""
    with connections[using].cursor() as cursor:
        statement = f"COPY (SELECT {columns} FROM audit_event WHERE {where} ORDER BY xid, id) TO STDOUT"
        with cursor.copy(statement) as copy:
            for line in copy:
                yield bytes(line)[:-1]


# --- Sealing ---------------------------------------------------------------------------------------------------------
def seal(using: str = "default") -> Seal | None:
    """Seal what has been committed since the last seal; None when there is nothing. Safe to call from several hosts.

    Raises Refused when the database is not the one of the last seal (restored): `new_segment` must be run first.
    """
    _check_key(using)
    with transaction.atomic(using=using):
        last = _locked_last(using)
        cluster, horizon_now = _cluster(using)
        segment, from_xid = (last.segment, last.to_xid) if last else (_current_segment(using), 0)
        if last and (last.cluster != cluster or last.to_xid > horizon_now):
            raise Refused(
                _("Cette base a été restaurée : lancez « cercle audit new-segment » avant de sceller à nouveau."),
                "restored",
            )
        # One statement, one snapshot: the horizon and the rows below it.
        horizon, tree = 0, merkle.Tree()
        for line in _copy(
            using,
            f"pg_snapshot_xmin(pg_current_snapshot()), {FORMATS[CURRENT_FORMAT]}",
            f"segment = {segment} AND xid >= '{from_xid}'::xid8 AND xid < pg_snapshot_xmin(pg_current_snapshot())",
        ):
            head, _tab, row = line.partition(b"\t")
            if not horizon:
                horizon = int(head)
            tree.add(row)
        if not tree.size:
            return None
        made = _write(
            using, last, segment=segment, cluster=cluster, from_xid=from_xid, to_xid=horizon, tree=tree, reason=""
        )
    export(using)
    return made


def new_segment(reason: str, using: str | None = None) -> Seal:
    """Close the chain after a restore (or a change of key) and open the next segment; needs the owner's rights.

    Run it before anything is written to the restored database. What was committed and not yet sealed goes into a last
    batch of the old segment. Seals that were exported and are not in the restored database are declared lost: their
    numbers are skipped, and the signed opening says so for ever.
    """
    using = using or ("owner" if "owner" in connections else "default")
    if not reason.strip():
        raise Refused(_("Indiquez la raison."), "reason_missing")
    with transaction.atomic(using=using):
        last = _locked_last(using)
        segment = last.segment if last else _current_segment(using)
        with connections[using].cursor() as cursor:
            # Waits for writers, so what the old segment holds afterwards is all it will ever hold.
            cursor.execute(f"ALTER TABLE audit_event ALTER COLUMN segment SET DEFAULT {segment + 1}")
            # A restored row that was written by a release or a script with another default would be lost to the chain.
            cursor.execute("SELECT max(segment) FROM audit_event")
            if (cursor.fetchone()[0] or 0) > segment:
                raise Refused(_("Des lignes d’un segment à venir existent déjà."), "segment_ahead")
        cluster, _horizon = _cluster(using)
        from_xid = last.to_xid if last else 0
        tree, to_xid = merkle.Tree(), from_xid
        for line in _copy(
            using, f"xid, {FORMATS[CURRENT_FORMAT]}", f"segment = {segment} AND xid >= '{from_xid}'::xid8"
        ):
            head, _tab, row = line.partition(b"\t")
            to_xid = int(head) + 1
            tree.add(row)
        if tree.size:
            last = _write(
                using,
                last,
                segment=segment,
                cluster=last.cluster if last else cluster,
                from_xid=from_xid,
                to_xid=to_xid,
                tree=tree,
                reason="",
            )
        opening = _write(
            using,
            last,
            segment=segment + 1,
            cluster=cluster,
            from_xid=0,
            to_xid=1,  # transaction numbers start at 3
            tree=merkle.Tree(),
            reason=reason.strip(),
            number=max(last.number if last else 0, _last_exported()) + 1,
        )
    export(using)
    return opening


def _check_key(using: str) -> None:
    if not keys.exists() and Seal.objects.using(using).exists():
        raise Refused(_("La clef du journal manque (secrets/audit.key) : remettez-la avant de sceller."), "key_missing")


def _locked_last(using: str) -> Seal | None:
    with connections[using].cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        if cursor.fetchone()[0] != "read committed":
            raise RuntimeError("sealing needs READ COMMITTED: each statement must see what the lock waited for")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    return Seal.objects.using(using).order_by("-number").first()


def _cluster(using: str) -> tuple[str, int]:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT system_identifier::text, pg_snapshot_xmin(pg_current_snapshot())::text FROM pg_control_system()"
        )
        cluster, horizon = cursor.fetchone()
    return cluster, int(horizon)


def _current_segment(using: str) -> int:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid"
            " AND a.attnum = d.adnum WHERE d.adrelid = 'audit_event'::regclass AND a.attname = 'segment'"
        )
        return int(cursor.fetchone()[0].strip("'").split("'")[0])


def _write(using: str, last: Seal | None, *, segment, cluster, from_xid, to_xid, tree, reason, number=None) -> Seal:
    key = keys.private()
    made = Seal(
        number=number or (last.number if last else 0) + 1,
        format=CURRENT_FORMAT,
        segment=segment,
        cluster=cluster,
        from_xid=from_xid,
        to_xid=to_xid,
        rows=tree.size,
        root=tree.root(),
        previous=fingerprint(last) if last else START,
        at=timezone.now(),
        key_id=keys.key_id(key.public_key()),
        reason=reason,
    )
    made.signature = key.sign(payload(made))
    made.save(using=using, force_insert=True)
    return made


# --- The copy outside the database -----------------------------------------------------------------------------------
def folder() -> Path:
    return Path(getattr(settings, "AUDIT_SEALS_DIR", None) or Path(settings.CERCLE_HOME) / "seals")


def as_line(seal: Seal) -> str:
    values = {f.attname: getattr(seal, f.attname) for f in Seal._meta.local_fields}
    values = {k: bytes(v).hex() if isinstance(v, bytes | memoryview) else v for k, v in values.items()}
    values["at"] = seal.at.isoformat()
    return json.dumps(values, ensure_ascii=True, separators=(",", ":"))


def from_line(line: str) -> Seal:
    values = json.loads(line)
    for name in ("root", "previous", "signature"):
        values[name] = bytes.fromhex(values[name])
    values["at"] = datetime.fromisoformat(values["at"])
    return Seal(**values)


def export(using: str = "default") -> int:
    """Append to CERCLE_HOME/seals/<year>.jsonl the seals that it lacks, and make it lasting. Returns how many."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    done = 0
    with open(folder() / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = Seal.objects.using(using).filter(number__gt=_last_exported()).order_by("number")
        file = None
        try:
            for one in missing.iterator(chunk_size=1000):
                target = folder() / f"{one.at.year}.jsonl"
                if file is None or file.name != str(target):
                    if file is not None:
                        _settle(file)
                    file = open(target, "a")
                file.write(as_line(one) + "\n")
                done += 1
        finally:
            if file is not None:
                _settle(file)
    return done


def _settle(file) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def exported(after: int = 0) -> Iterator[Seal]:
    for file in sorted(folder().glob("*.jsonl")):
        with open(file) as lines:
            for line in lines:
                if line.strip():
                    one = from_line(line)
                    if one.number > after:
                        yield one


def _last_exported() -> int:
    for file in sorted(folder().glob("*.jsonl"), reverse=True):
        with open(file, "rb") as raw:
            raw.seek(0, os.SEEK_END)
            raw.seek(max(0, raw.tell() - 8192))
            lines = [line for line in raw.read().split(b"\n") if line.strip()]
        if lines:
            return json.loads(lines[-1])["number"]
    return 0


# --- Verifying -------------------------------------------------------------------------------------------------------
@dataclass
class Report:
    """What `verify` found. `problems` are sentences that begin with « lot N » wherever a batch can be named."""

    lots: int = 0
    rows: int = 0
    unsealed: int = 0
    last: Seal | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def verify(
    start: int = 1,
    *,
    using: str = "default",
    public_keys: dict[str, Ed25519PublicKey] | None = None,
    progress: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Read every row again and compare with the seals, from lot `start` on. Memory does not grow with the journal."""
    report = Report()
    trusted = keys.publics() if public_keys is None else public_keys
    previous = Seal.objects.using(using).filter(number__lt=start).order_by("-number").first()
    if start <= 1 and previous:
        report.problems.append(_("lot %d : sceau ajouté") % previous.number)
        previous = None
    segments = {previous.segment} if previous else set()
    lost: list[range] = []
    outside = iter(exported(after=previous.number if previous else 0))
    copy = next(outside, None)
    if copy is None:
        report.warnings.append(_("aucun sceau exporté : le retrait des derniers sceaux ne se verrait pas"))
    while chunk := list(
        islice(
            Seal.objects.using(using)
            .filter(number__gt=previous.number if previous else (start - 1))
            .order_by("number")
            .iterator(),
            500,
        )
    ):
        for one in chunk:
            _check_link(one, previous, trusted, report, lost)
            segments.add(one.segment)
            while copy is not None and copy.number <= one.number:
                if copy.number == one.number and as_line(copy) != as_line(one):
                    report.problems.append(_("lot %d : sceau différent de sa copie exportée") % one.number)
                elif copy.number < one.number and not any(copy.number in gap for gap in lost):
                    report.problems.append(_("lot %d : sceau retiré de la base") % copy.number)
                copy = next(outside, None)
            previous = one
        for segment in sorted({s.segment for s in chunk}):
            _check_rows([s for s in chunk if s.segment == segment], using, report)
            progress(report)
    while copy is not None:
        report.problems.append(_("lot %d : sceau retiré de la base") % copy.number)
        copy = next(outside, None)
    report.last = previous
    _check_rest(previous, segments, start, using, report)
    report.problems = list(dict.fromkeys(report.problems))
    return report


def _check_link(one: Seal, previous: Seal | None, trusted: dict, report: Report, lost: list[range]) -> None:
    name, opening = one.number, bool(one.reason)
    key = trusted.get(one.key_id)
    if key is None:
        report.problems.append(_("lot %d : clef de signature inconnue") % name)
    elif not keys.is_signed(key, bytes(one.signature), payload(one)):
        report.problems.append(_("lot %d : sceau modifié, signature fausse") % name)
    expected = previous.number + 1 if previous else 1
    if one.number != expected and (previous or not opening):
        if opening:
            lost.append(range(expected, one.number))
            report.warnings.append(
                _("lots %(a)d à %(b)d perdus, déclarés à la restauration : %(why)s")
                % {"a": expected, "b": one.number - 1, "why": one.reason}
            )
        else:
            report.problems += [
                _("lot %d : sceau retiré de la base") % n for n in range(expected, min(one.number, expected + 50))
            ]
            return
    if previous is None:
        if bytes(one.previous) != START:
            report.problems.append(_("lot %d : n’est pas le premier de la chaîne") % name)
        return
    if bytes(one.previous) != fingerprint(previous):
        report.problems.append(_("lot %d : ne tient plus au sceau précédent") % name)
    follows = one.segment == previous.segment and one.from_xid == previous.to_xid and one.cluster == previous.cluster
    begins = opening and one.segment == previous.segment + 1 and one.from_xid == 0
    if not (follows or begins):
        report.problems.append(_("lot %d : ne commence pas où finit le précédent") % name)


def _check_rows(seals: list[Seal], using: str, report: Report) -> None:
    """Seals of one segment, in order: their rows in one pass."""
    for fmt in sorted({s.format for s in seals}):
        batch = [s for s in seals if s.format == fmt]
        rows = _copy(
            using,
            f"xid, {FORMATS[fmt]}",
            f"segment = {seals[0].segment} AND xid >= '{batch[0].from_xid}'::xid8 AND xid < '{batch[-1].to_xid}'::xid8",
        )
        line = next(rows, None)
        for one in batch:
            tree, to_xid = merkle.Tree(), one.to_xid
            while line is not None:
                head, _tab, row = line.partition(b"\t")
                xid = int(head)
                if xid >= to_xid:
                    break
                if xid >= one.from_xid:
                    tree.add(row)
                line = next(rows, None)
            report.lots += 1
            report.rows += tree.size
            if tree.size < one.rows:
                report.problems.append(
                    _("lot %(n)d : %(k)d ligne(s) retirée(s) du journal") % {"n": one.number, "k": one.rows - tree.size}
                )
            elif tree.size > one.rows:
                report.problems.append(
                    _("lot %(n)d : %(k)d ligne(s) ajoutée(s) au journal") % {"n": one.number, "k": tree.size - one.rows}
                )
            elif tree.root() != bytes(one.root):
                report.problems.append(_("lot %d : ligne modifiée dans le journal") % one.number)
        rows.close()


def _check_rest(last: Seal | None, segments: set[int], start: int, using: str, report: Report) -> None:
    """Rows that no seal covers: waiting ones are normal, others were put there."""
    with connections[using].cursor() as cursor:
        if last is None:
            cursor.execute("SELECT count(*) FROM audit_event")
            report.unsealed = cursor.fetchone()[0]
            return
        cursor.execute(
            "SELECT count(*) FROM audit_event WHERE segment = %s AND xid >= %s::xid8", [last.segment, str(last.to_xid)]
        )
        report.unsealed = cursor.fetchone()[0]
        cursor.execute(
            "SELECT count(*) FROM audit_event WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()) AND segment = %s",
            [last.segment],
        )
        if ahead := cursor.fetchone()[0]:
            report.problems.append(_("après le lot %(n)d : %(k)d ligne(s) forgée(s)") % {"n": last.number, "k": ahead})
        if start <= 1:
            cursor.execute("SELECT count(*) FROM audit_event WHERE segment <> ALL(%s)", [sorted(segments)])
            if strange := cursor.fetchone()[0]:
                report.problems.append(
                    _("après le lot %(n)d : %(k)d ligne(s) hors de tout segment") % {"n": last.number, "k": strange}
                )
    ends = {}
    for segment, number, to_xid in (
        Seal.objects.using(using)
        .filter(segment__lt=last.segment)
        .order_by("number")
        .values_list("segment", "number", "to_xid")
        if len(segments) > 1
        else ()
    ):
        ends[segment] = (number, to_xid)
    for segment, (number, to_xid) in ends.items():
        late = AuditEvent.objects.using(using).filter(segment=segment, xid__gte=to_xid).count()
        if late:
            report.problems.append(_("lot %(n)d : %(k)d ligne(s) ajoutée(s) au journal") % {"n": number, "k": late})


# --- One row ---------------------------------------------------------------------------------------------------------
def prove(event_id: UUID, using: str = "default") -> dict:
    """The inclusion proof of one row (RFC 6962): leaf, path, and the signed seal. Refused when it is not sealed yet."""
    event = AuditEvent.objects.using(using).filter(pk=event_id).first()
    if event is None:
        raise Refused(_("Cette trace n’existe pas."), "unknown")
    one = Seal.objects.using(using).filter(segment=event.segment, from_xid__lte=event.xid, to_xid__gt=event.xid).first()
    if one is None:
        raise Refused(_("Cette trace n’est pas encore scellée : réessayez dans une minute."), "unsealed")
    leaves = list(
        _copy(
            using,
            FORMATS[one.format],
            f"segment = {one.segment} AND xid >= '{one.from_xid}'::xid8 AND xid < '{one.to_xid}'::xid8",
        )
    )
    prefix = str(event_id).encode() + b"\t"
    index = next(i for i, line in enumerate(leaves) if line.startswith(prefix))
    return {
        "lot": one.number,
        "leaf": leaves[index].decode(),
        "index": index,
        "size": len(leaves),
        "path": [h.hex() for h in merkle.proof(leaves, index)],
        "root": bytes(one.root).hex(),
        "signed": payload(one).decode(),
        "signature": bytes(one.signature).hex(),
        "key_id": one.key_id,
    }


def is_proved(proof: dict, public_keys: dict[str, Ed25519PublicKey]) -> bool:
    """Whether a proof holds, with nothing but the public key."""
    root = merkle.root_from_proof(
        proof["leaf"].encode(), proof["index"], proof["size"], [bytes.fromhex(h) for h in proof["path"]]
    )
    key = public_keys.get(proof["key_id"])
    return (
        key is not None
        and root.hex() == proof["root"]
        and proof["root"] in proof["signed"].split("\n")
        and keys.is_signed(key, bytes.fromhex(proof["signature"]), proof["signed"].encode())
    )


# --- Watching --------------------------------------------------------------------------------------------------------
def seal_age(using: str = "default") -> float:
    """Seconds that the oldest unsealed row has waited; 0 when all is sealed. For /healthz; above 300 is an alarm."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "WITH last AS (SELECT segment, to_xid FROM audit_seal ORDER BY number DESC LIMIT 1)"
            " SELECT extract(epoch FROM clock_timestamp() - at) FROM audit_event e"
            " WHERE segment = coalesce((SELECT segment FROM last), segment)"
            " AND xid >= coalesce((SELECT to_xid FROM last), '0'::xid8) ORDER BY xid LIMIT 1"
        )
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else 0.0


def watch(using: str = "default") -> float:
    """Log an alarm when seals are late: a transaction left open somewhere in the cluster, or a stopped job."""
    age = seal_age(using)
    if age > ALARM_SECONDS:
        log.error("audit: the oldest unsealed row is %d s old; look for an open transaction or a stopped job", age)
    return age


def make_partitions(using: str = "default", today: datetime | None = None) -> list[int]:
    """This year's and next year's partition of the journal; alarms when the next is missing 60 days before the end."""
    now = today or timezone.now()
    made = []
    with connections[using].cursor() as cursor:
        for year in (now.year, now.year + 1):
            try:
                with transaction.atomic(using=using):
                    cursor.execute("SELECT audit_make_partition(%s)", [year])
                    if cursor.fetchone()[0]:
                        made.append(year)
            except Exception:
                log.exception("audit: no partition for %d", year)
        if not partition_ready(using, now):
            log.error("audit: the journal has no partition for %d; writes will stop with the year", now.year + 1)
    return made


def partition_ready(using: str = "default", today: datetime | None = None) -> bool:
    """False from 60 days before the end of the year when next year's partition is missing."""
    now = today or timezone.now()
    if (datetime(now.year + 1, 1, 1, tzinfo=now.tzinfo) - now).days > 60:
        return True
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"public.audit_event_{now.year + 1}"])
        return cursor.fetchone()[0]
