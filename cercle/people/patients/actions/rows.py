"""What the verbs share: locks, who decided, and writing the next dated row."""

from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike
from cercle.base.common.errors import Refused
from cercle.people.patients import duplicates
from cercle.people.patients.models import Identity, Patient

# Columns that a new identity row takes over from the former one unless they change.
CARRIED = (
    *("birth_family", "birth_given", "birth_givens", "sex", "birth_date", "birth_earliest", "birth_latest"),
    *("birth_place_code", "birth_place_label", "used_family", "used_given", "ins_value", "ins_oid"),
    *("status", "document", "method", "verified_at", "is_doubtful", "is_fictive", "is_homonym"),
)


def decided(acting: ActingLike, reason: str = "", at: datetime | None = None) -> dict:
    return {
        "decided_by_id": acting.user_id,
        "decided_role_id": acting.practice_role_id,
        "decided_name": (acting.actor_name or "")[:200],
        "decided_at": at or timezone.now(),
        "reason": reason.strip()[:2000],
    }


def locked(acting: ActingLike, patient: Patient | UUID) -> Patient:
    """The patient's row, locked, with her current identity. Refuses a merged file; another circle is a bug."""
    pk = getattr(patient, "pk", patient)
    if acting.circle_id and acting.circle_id != pk and pk not in getattr(acting, "circles", ()):
        raise ValueError("this acting belongs to another circle")
    row = Patient.objects.select_for_update(of=("self",)).select_related("identity").get(pk=pk)
    if row.merged_into_id:
        raise Refused(_("Cette fiche a été réunie avec une autre. Travaillez sur la fiche conservée."), "merged_file")
    return row


def lock_ins(value: str, oid: str) -> None:
    """One claim at a time for one INS, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"ins|{oid}|{value}"])


def holder(value: str, oid: str) -> Identity | None:
    return (
        Identity.objects.current()
        .exclude(ins_value="")
        .filter(ins_value=value, ins_oid=oid)
        .select_related("patient")
        .first()
    )


def supersede(acting: ActingLike, patient: Patient, *, reason: str = "", **changes) -> Identity:
    """The next identity row: the current one with `changes`. `patient` must be locked."""
    now = timezone.now()
    former = patient.identity
    Identity.objects.filter(pk=former.pk, superseded_at=None).update(superseded_at=now)
    identity = Identity(
        patient=patient,
        **{name: getattr(former, name) for name in CARRIED} | changes,
        **decided(acting, reason, now),
    )
    identity.save(force_insert=True)
    patient.identity = identity
    patient.save(update_fields=["identity"])
    duplicates.refresh_keys(patient.pk)
    return identity
