"""The duplicate search against the database: keys in, candidates out, with a score that says why.

At creation: one look-up of exact keys (`MatchKey`, an ordinary index), one read of the candidates' traits, one
comparison. Its cost does not grow with the number of patients. What it finds is for the identity queue; whoever creates
is told at most that a file like this one exists.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cercle.people.patients.matching import Comparison, Traits, compare, keys, rank
from cercle.people.patients.matching import words as spoken
from cercle.people.patients.matching.levels import FIELDS
from cercle.people.patients.models import PotentialDuplicate
from cercle.people.patients.traits import CivilTraits

CANDIDATES = 200  # those that share most keys; the true one shares many
BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """`level` is auto or review. `why`: field, level of likeness and weight; never the traits themselves."""

    patient_id: UUID
    score: float
    level: str
    why: list[dict]
    version: str = ""  # of the weights


def traits_of(
    traits: CivilTraits, coordinates: Mapping[str, str] | None = None, *, ins: str = "", nss: str = ""
) -> Traits:
    at = coordinates or {}
    return Traits(
        birth_family=traits.birth_family,
        used_family=traits.used_family,
        birth_givens=traits.birth_givens,
        first_given=traits.birth_given,
        used_given=traits.used_given,
        sex=traits.sex,
        birth_date=traits.birth.text,
        birth_place=traits.birth_place_code,
        ins=ins,
        nss=nss,
        phone=at.get("phone", ""),
        email=at.get("email", ""),
        address=at.get("address", ""),
        postcode=at.get("postal_code", ""),
        commune=at.get("commune_label", ""),
    )


# --- At creation -----------------------------------------------------------------------------------------------------
_LOOK_UP = """
SELECT patient_id FROM patients_matchkey WHERE key = ANY(%s) AND patient_id <> ALL(%s::uuid[])
GROUP BY patient_id ORDER BY count(*) DESC, patient_id LIMIT %s
"""
_TRAITS = """
SELECT coalesce(p.merged_into_id, p.id), i.birth_family, i.used_family, i.birth_givens, i.birth_given, i.used_given,
       i.sex, i.birth_date, i.birth_place_code, i.ins_value, coalesce(n.value, ''), coalesce(c.phone, ''),
       coalesce(c.email, ''), coalesce(c.address, ''), coalesce(c.postal_code, ''), coalesce(c.commune_label, '')
FROM patients_patient p
JOIN patients_identity i ON i.id = p.identity_id
LEFT JOIN patients_coordinates c ON c.patient_id = p.id AND c.superseded_at IS NULL
LEFT JOIN LATERAL (SELECT value FROM patients_patientidentifier x
                   WHERE x.patient_id = p.id AND x.kind = 'NSS' AND x.until IS NULL LIMIT 1) n ON true
"""


def resembling(traits: Traits, *, but: UUID | None = None, profile: str = "fr") -> list[Candidate]:
    """Patients that may be this person, best first: two statements whatever the size of the territory."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [list(keys(traits)), [but] if but else [], CANDIDATES])
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return []
        cursor.execute(_TRAITS + "WHERE p.id = ANY(%s)", [ids])
        rows = cursor.fetchall()
    others = [Traits(*row[1:]) for row in rows]
    best: dict[UUID, Candidate] = {}
    for n, found in rank(traits, others, profile=profile):
        pk = rows[n][0]
        if pk != but:  # a merged file speaks for its survivor
            best.setdefault(pk, Candidate(pk, found.score, found.decision, _why(found), found.version))
    return list(best.values())


def _why(found: Comparison) -> list[dict]:
    return [{"field": e.field, "level": e.level, "weight": e.weight} for e in found.evidence]


# --- Filing ----------------------------------------------------------------------------------------------------------
def file_all(patient_id: UUID, found: Iterable[Candidate], *, origin: str) -> None:
    """Into the identity queue, once a pair: one already decided is not asked again."""
    rows = [
        PotentialDuplicate(
            first_id=min(patient_id, c.patient_id),
            second_id=max(patient_id, c.patient_id),
            score=c.score,
            level=c.level,
            explanation=c.why,
            origin=origin,
            weights_version=c.version,
        )
        for c in found
    ]
    if rows:
        PotentialDuplicate.objects.bulk_create(rows, ignore_conflicts=True)


def file_claim(patient_id: UUID, holder_id: UUID, *, level: str) -> None:
    """Two files claim one INS: into the queue whatever the score, the second one without the INS."""
    claim = Candidate(
        holder_id, 1.0 if level == "auto" else 0.5, level, [{"field": "ins", "level": "claimed", "weight": 0}]
    )
    file_all(patient_id, [claim], origin="ins")


# --- Keys ------------------------------------------------------------------------------------------------------------
def insert_keys(patient_id: UUID, traits: Traits) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO patients_matchkey (key, patient_id) SELECT unnest(%s::bigint[]), %s",
            [list(keys(traits)), patient_id],
        )


def refresh_keys(patient_id: UUID) -> None:
    """After a change of identity, coordinates or social-security number."""
    with connection.cursor() as cursor:
        cursor.execute(_TRAITS + "WHERE p.id = %s", [patient_id])
        wanted = list(keys(Traits(*cursor.fetchone()[1:])))
        cursor.execute("DELETE FROM patients_matchkey WHERE patient_id = %s AND key <> ALL(%s)", [patient_id, wanted])
        cursor.execute(
            "INSERT INTO patients_matchkey (key, patient_id) SELECT unnest(%s::bigint[]), %s ON CONFLICT DO NOTHING",
            [wanted, patient_id],
        )


# --- Whole territory -------------------------------------------------------------------------------------------------
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Found:
    patients: int
    pairs: int
    filed: int  # new in the queue


def _silent(what: str, done: int, total: int) -> None:
    pass


def search_everywhere(progress: Progress = _silent, *, profile: str = "fr") -> Found:
    """All pairs of active patients, into the queue; pairs already known are left as they were decided."""
    # Loaded here: a web process never needs it.
    from cercle.people.patients.matching import batch, people, weights

    ids: list[UUID] = []
    everyone: list[Traits] = []
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_TRAITS + "WHERE p.merged_into_id IS NULL")
        while rows := cursor.fetchmany(BATCH):
            ids.extend(row[0] for row in rows)
            everyone.extend(Traits(*row[1:]) for row in rows)
            progress("read", len(ids), 0)
    table = weights.table(profile)
    pairs = batch.match(people.of_traits(everyone), table, progress)
    before = PotentialDuplicate.objects.count()
    score = weights.probability(pairs.log_odds)
    for start in range(0, len(pairs.a), BATCH):
        progress("file", start, len(pairs.a))
        rows = []
        for n in range(start, min(start + BATCH, len(pairs.a))):
            a, b = ids[pairs.a[n]], ids[pairs.b[n]]
            rows.append(
                PotentialDuplicate(
                    first_id=min(a, b),
                    second_id=max(a, b),
                    score=float(score[n]),
                    level="auto" if pairs.auto[n] else "review",
                    origin="batch",
                    weights_version=table.version,
                )
            )
        PotentialDuplicate.objects.bulk_create(rows, ignore_conflicts=True)
    return Found(len(ids), len(pairs.a), PotentialDuplicate.objects.count() - before)


def explain(duplicate: PotentialDuplicate) -> list[dict]:
    """Why these two: field, level, weight, and both in the reader's language (`label`, `words`).

    As filed; a pair of a batch is filed without, and is compared now.
    """
    why = duplicate.explanation
    if not why:
        with connection.cursor() as cursor:
            cursor.execute(_TRAITS + "WHERE p.id = ANY(%s)", [[duplicate.first_id, duplicate.second_id]])
            rows = [Traits(*row[1:]) for row in cursor.fetchall()]
        why = _why(compare(*rows)) if len(rows) == 2 else []
    names = dict.fromkeys(FIELDS, "missing") | {e["field"]: e["level"] for e in why}
    return [e | {"label": spoken.field_name(e["field"]), "words": _words(e, names)} for e in why]


def _words(evidence: dict, names: dict[str, str]) -> str:
    if evidence["level"] == "claimed":
        return _("l’INS de l’une a été demandé pour l’autre")
    if evidence["field"] == "together":
        return spoken.combination(names)[1]
    return spoken.words_for(evidence["field"], evidence["level"])
