"""What a person decides about two files that may be one. Rows never move; each decision is kept and can be undone."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.people.patients.actions.rows import decided
from cercle.people.patients.models import MergeDecision, Patient, PotentialDuplicate


def merge(acting: ActingLike, *, survivor: Patient, merged: Patient, reason: str) -> MergeDecision:
    """« These are one person »: `merged` becomes an alias of `survivor`, and whatever was merged into it follows.

    The file that holds the INS survives. Circles, notes and memberships stay where they are: who crosses is another
    decision (people/circles).
    """
    _reason_given(reason)
    with transaction.atomic():
        survivor, merged = _both_locked(survivor, merged)
        if survivor.merged_into_id or merged.merged_into_id:
            raise Refused(_("Une de ces fiches est déjà réunie avec une autre."), "already_merged")
        if survivor.is_test != merged.is_test:
            raise Refused(_("Une fiche de test ne se réunit pas avec une vraie fiche."), "test_and_real")
        if merged.identity.ins_value and survivor.identity.ins_value:
            raise Refused(
                _("Ces deux fiches portent chacune un INS différent : retirez d’abord celui qui est faux."),
                "ins_conflict",
            )
        if merged.identity.ins_value:
            raise Refused(_("Conservez plutôt l’autre fiche : c’est elle qui porte l’INS."), "survivor_without_ins")
        duplicate = _pair(survivor, merged).first()
        decision = MergeDecision(survivor=survivor, merged=merged, duplicate=duplicate, **decided(acting, reason))
        decision.save(force_insert=True)
        Patient.objects.filter(pk=merged.pk).update(merged_into=survivor)
        Patient.objects.filter(merged_into=merged).update(merged_into=survivor)  # chains are flat
        if duplicate:
            _close(acting, duplicate, PotentialDuplicate.State.MERGED, reason)
        record(
            acting,
            "patients.patient_merged",
            on=decision,
            circle_id=survivor.pk,
            details={"survivor": survivor.pk, "merged": merged.pk},
            reason=reason,
        )
        return decision


def unmerge(acting: ActingLike, *, decision: MergeDecision, reason: str = "") -> MergeDecision:
    """Undo one decision: the file stands for itself again, with what had been merged into it before."""
    with transaction.atomic():
        # Every merge or undoing of one family of files locks its rows in the same order.
        root = Patient.objects.get(pk=decision.merged_id).canonical_id
        family = list(
            Patient.objects.select_for_update()
            .filter(pk__in=_family_ids(root))
            .order_by("pk")
            .only("pk", "merged_into")
        )
        decision = MergeDecision.objects.select_for_update().get(pk=decision.pk)
        if decision.undone_at:
            return decision
        decision.undone_at, decision.undone_by_id = timezone.now(), acting.user_id
        decision.undone_name, decision.undone_reason = (acting.actor_name or "")[:200], reason.strip()[:2000]
        decision.save(update_fields=["undone_at", "undone_by", "undone_name", "undone_reason"])
        targets = dict(
            MergeDecision.objects.filter(merged__in=[p.pk for p in family], undone_at=None).values_list(
                "merged_id", "survivor_id"
            )
        )
        for patient in family:
            final = _final(patient.pk, targets)
            wanted = None if final == patient.pk else final
            if patient.merged_into_id != wanted:
                Patient.objects.filter(pk=patient.pk).update(merged_into=wanted)
        if decision.duplicate_id:
            _close(acting, decision.duplicate, PotentialDuplicate.State.DISTINCT, reason)
        record(
            acting,
            "patients.patient_unmerged",
            on=decision,
            circle_id=decision.survivor_id,
            details={"survivor": decision.survivor_id, "merged": decision.merged_id},
            reason=reason,
        )
        return decision


def set_apart(acting: ActingLike, *, duplicate: PotentialDuplicate, reason: str) -> PotentialDuplicate:
    """« These are two persons »: the pair leaves the queue and is not proposed again."""
    _reason_given(reason)
    with transaction.atomic():
        duplicate = PotentialDuplicate.objects.select_for_update().get(pk=duplicate.pk)
        if duplicate.state == PotentialDuplicate.State.MERGED:
            raise Refused(_("Ces fiches sont réunies : séparez-les d’abord."), "already_merged")
        _close(acting, duplicate, PotentialDuplicate.State.DISTINCT, reason)
        record(acting, "patients.duplicate_set_apart", on=duplicate, reason=reason)
        return duplicate


def _both_locked(survivor: Patient, merged: Patient) -> tuple[Patient, Patient]:
    if survivor.pk == merged.pk:
        raise Refused(_("C’est deux fois la même fiche."), "same_file")
    both = Patient.objects.select_for_update(of=("self",)).select_related("identity").order_by("pk")
    rows = {p.pk: p for p in both.filter(pk__in=[survivor.pk, merged.pk])}
    return rows[survivor.pk], rows[merged.pk]


def _family_ids(root) -> list:
    return [root, *Patient.objects.filter(merged_into=root).values_list("pk", flat=True)]


def _final(pk, targets: dict):
    while pk in targets:
        pk = targets[pk]
    return pk


def _pair(a: Patient, b: Patient):
    return PotentialDuplicate.objects.filter(first_id=min(a.pk, b.pk), second_id=max(a.pk, b.pk))


def _close(acting: ActingLike, duplicate: PotentialDuplicate, state: str, reason: str) -> None:
    duplicate.state = state
    for name, value in decided(acting, reason).items():
        setattr(duplicate, name, value)
    duplicate.save(update_fields=["state", "decided_by", "decided_role", "decided_name", "decided_at", "reason"])


def _reason_given(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("Indiquez le motif."), "reason_missing")
