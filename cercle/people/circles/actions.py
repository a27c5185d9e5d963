"""The verbs of the circle. Rows, trace and what follows, in one transaction."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.people.accounts.models import ApiClient, User
from cercle.people.directory.models import Organization, PracticeRole, Practitioner, Team
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Contact, Patient

from . import rights
from .access import BREAK_GLASS_LASTS, Acting, Viewer, in_force
from .models import (
    BreakGlass,
    Circle,
    CircleCounter,
    Consent,
    ConsentText,
    JoinRequest,
    Member,
    Opposition,
    RightsMatrix,
)
from .vocabulary import Category, LegalGround, MemberKind, Permission

# Emergency openings of one person: more than this in 24 h is not an emergency any more (architecture, security rules).
BREAK_GLASS_QUOTA = 5


def topic(circle_id) -> str:
    return f"circle:{circle_id}"


# --- Opening a circle, its members -----------------------------------------------------------------------------------


def open_circle(
    viewer: Viewer | Acting, *, patient: Patient, role: str = "", ground: str = LegalGround.RECOGNISED,
    informed: date | None = None, client: ApiClient | None = None,
) -> tuple[Circle, Member]:  # fmt: skip
    """Open the circle of a patient who has none; whoever opens it is its first member and lead.

    `informed`: the day on which the person was told (first flow of rule 3). A feed opens with its connector as sole member.
    """
    with transaction.atomic():
        circle, new = Circle.objects.get_or_create(patient=patient, defaults={"opened_by_id": viewer.user_id})
        if not new:
            raise Refused(_("Ce patient a déjà un cercle : demandez à le rejoindre."), "circle_exists")
        CircleCounter.objects.create(circle=circle)
        if client is not None:
            member = _new_member(
                circle, kind=MemberKind.CONNECTOR, api_client=client, profile="connector", ground=LegalGround.FEED
            )
        else:
            if not viewer.practice_role_id:
                raise Refused(_("Choisissez d’abord votre situation d’exercice."), "no_context")
            member = _new_member(
                circle, kind=MemberKind.PRACTICE_ROLE, practice_role_id=viewer.practice_role_id,
                profile=viewer.profile if isinstance(viewer, Viewer) else viewer.profile.code,
                ground=ground, role=role, added_by_id=viewer.user_id, added_by_role_id=viewer.practice_role_id,
            )  # fmt: skip
        Circle.objects.filter(pk=circle.pk).update(lead=member)
        circle.lead = member
        if informed and viewer.user_id:
            _consent(circle, viewer, flow="information", given_by="person", form="oral", given_on=informed, scope="")
        record(viewer, "circles.opened_new", on=member, circle_id=circle.pk)
    return circle, member


def join_as_feed(viewer: Viewer, *, circle: Circle, client: ApiClient) -> Member:
    """A connector that the region plugged in joins a circle that others opened; its members are told.

    Raises Refused when the person opposed its structure, or when somebody ended its participation: a feed does not come back.
    """
    with transaction.atomic():
        circle = Circle.objects.select_for_update(of=("self",)).get(pk=circle.pk)
        former = Member.objects.filter(circle=circle, api_client=client)
        if found := former.filter(in_force()).first():
            return found
        if former.exists():
            raise Refused(_("La participation de ce connecteur à ce cercle a pris fin."), "feed_ended")
        if _is_opposed(circle, organization=client.organization):
            raise Refused(_("La personne s’est opposée à cette structure."), "opposed")
        member = _new_member(
            circle, kind=MemberKind.CONNECTOR, api_client=client, profile="connector", ground=LegalGround.FEED
        )
        record(
            viewer, "circles.member_added", on=member, circle_id=circle.pk,
            details={"kind": member.kind, "ground": str(LegalGround.FEED)},
        )  # fmt: skip
        push(topic(circle.pk))
    return member


def _new_member(circle: Circle, *, profile: str, **fields) -> Member:
    mask = rights.current().profiles[profile].mask
    return Member.objects.create(circle=circle, profile=profile, reader_mask=mask, **fields)


def add_member(
    acting: Acting, *, practice_role: PracticeRole | None = None, team: Team | None = None, contact: Contact | None = None,
    user: User | None = None, kind: str = "", ground: str, role: str = "", until: datetime | None = None,
    consent: Consent | None = None, reason: str = "",
) -> Member:  # fmt: skip
    """Someone joins, told at once. Outside the care team (`ground=consent`) a prior consent of this circle is required.

    Raises Refused: external practitioner, opposed person, missing consent, already a member, volunteer with clinical rights.
    """
    if ground == LegalGround.CONSENT and (
        consent is None or consent.circle_id != acting.circle_id or consent.withdrawn_at
    ):
        raise Refused(_("Hors de l’équipe de soins, il faut d’abord le consentement de la personne."), "consent_needed")
    fields: dict = {"role": role, "ground": ground, "until": until, "consent": consent, "reason": reason,
                    "added_by_id": acting.user_id, "added_by_role_id": acting.practice_role_id}  # fmt: skip
    if until and until <= timezone.now():
        raise Refused(_("La date de fin est déjà passée."), "until_past")
    if practice_role is not None:
        if practice_role.practitioner.is_external or practice_role.ended_at:
            raise Refused(
                _("Ce professionnel n’est pas dans l’annuaire vérifié : il ne peut pas être invité."), "external"
            )
        profile = rights.current().profile_of(practice_role.profession_system, practice_role.profession).code
        if _is_opposed(acting.circle, practice_role=practice_role):
            raise Refused(_("La personne s’est opposée à ce professionnel."), "opposed")
        fields |= {"kind": MemberKind.PRACTICE_ROLE, "practice_role": practice_role}
    elif team is not None:
        profile = "coordination" if team.organization.kind in {"dac", "cpts", "clic"} else "nurse"
        if _is_opposed(acting.circle, organization=team.organization):
            raise Refused(_("La personne s’est opposée à cette structure."), "opposed")
        fields |= {"kind": MemberKind.TEAM, "team": team}
    elif contact is not None:
        if contact.patient_id not in acting.circles:
            raise Refused(_("Ce proche n’est pas dans ce dossier."), "wrong_circle")
        profile = (
            "legal_rep" if contact.is_legal_rep else "carer" if contact.is_carer or contact.is_trusted else "volunteer"
        )
        fields |= {"kind": MemberKind.RELATIVE, "contact": contact, "user": user}
    elif kind == MemberKind.PATIENT:
        profile = "person"
        fields |= {"kind": MemberKind.PATIENT, "user": user}
    else:
        raise ValueError("nobody to add")
    with transaction.atomic():
        # The circle's row is the lock: two clicks make one member.
        circle = Circle.objects.select_for_update(of=("self",)).get(pk=acting.circle_id)
        same = {k: v for k, v in fields.items() if k in {"practice_role", "team", "contact"}} or {
            "kind": MemberKind.PATIENT
        }
        if Member.objects.filter(circle=circle, ended_at=None, **same).exists():
            raise Refused(_("Déjà membre de ce cercle."), "already_member")
        member = _new_member(circle, profile=profile, **fields)
        record(acting, "circles.member_added", on=member, details={"kind": member.kind, "ground": ground})
        push(topic(circle.pk))
    return member


def end_member(acting: Acting, *, member: Member, reason: str = "") -> Member:
    """End a participation: rights stop at once, history stays. The last professional cannot be taken out."""
    with transaction.atomic():
        Circle.objects.select_for_update(of=("self",)).get(pk=acting.circle_id)
        member = Member.objects.select_for_update(of=("self",)).get(pk=member.pk, circle_id=acting.circle_id)
        if member.ended_at:
            return member
        others = Member.objects.filter(
            in_force(), circle_id=acting.circle_id, kind__in=(MemberKind.PRACTICE_ROLE, MemberKind.TEAM)
        ).exclude(pk=member.pk)
        if member.kind in (MemberKind.PRACTICE_ROLE, MemberKind.TEAM) and not others.exists():
            raise Refused(
                _("Il faut au moins un professionnel dans le cercle. Ajoutez quelqu’un d’abord."), "last_member"
            )
        member.ended_at, member.end_reason, member.ended_by_id = timezone.now(), reason, acting.user_id
        member.save(update_fields=["ended_at", "end_reason", "ended_by"])
        if acting.circle.lead_id == member.pk:
            Circle.objects.filter(pk=acting.circle_id).update(lead=others.order_by("started_at").first())
        record(acting, "circles.member_ended", on=member, reason=reason)
        push(topic(acting.circle_id), *([f"user:{member.user_id}"] if member.user_id else []))
    return member


def set_until(acting: Acting, *, member: Member, until: datetime | None) -> Member:
    """A place that lasts longer than was said, or for good (None)."""
    with transaction.atomic():
        row = Member.objects.select_for_update(of=("self",)).get(pk=member.pk, circle_id=acting.circle_id)
        if row.ended_at:
            raise Refused(_("Cette personne n’est plus membre du cercle."), "not_member")
        row.until = until
        row.save(update_fields=["until"])
        record(acting, "circles.member_extended", on=row)
        push(topic(acting.circle_id))
    return row


def leave(acting: Acting, *, reason: str = "") -> Member:
    if acting.member is None or acting.member.kind == MemberKind.TEAM:
        raise Refused(_("Vous participez par votre équipe : son administrateur peut vous en retirer."), "by_team")
    return end_member(acting, member=acting.member, reason=reason)


def set_lead(acting: Acting, *, member: Member) -> None:
    with transaction.atomic():
        if member.circle_id != acting.circle_id or member.ended_at:
            raise Refused(_("Cette personne n’est plus membre du cercle."), "not_member")
        Circle.objects.filter(pk=acting.circle_id).update(lead=member)
        record(acting, "circles.lead_changed", on=member)
        push(topic(acting.circle_id))


# --- Information, consent, opposition ---------------------------------------------------------------------------------


def _consent(circle, viewer, *, flow, given_by, form, given_on, scope) -> Consent:
    text = ConsentText.objects.filter(flow=flow).order_by("-version").first()
    if text is None:
        raise Refused(_("Le texte présenté à la personne n’est pas encore publié par la région."), "no_text")
    return Consent.objects.create(
        circle=circle, flow=flow, text=text, given_by=given_by, form=form, given_on=given_on, scope=scope,
        recorded_by_id=viewer.user_id, recorded_by_role_id=viewer.practice_role_id,
    )  # fmt: skip


def record_consent(acting: Acting, *, flow: str, given_by: str, form: str, given_on: date, scope: str = "") -> Consent:
    """`flow`: "information" (inside the team, she may oppose) or "consent" (before sharing outside it)."""
    if given_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    with transaction.atomic():
        row = _consent(acting.circle, acting, flow=flow, given_by=given_by, form=form, given_on=given_on, scope=scope)
        record(acting, "circles.consent_added", on=row, details={"flow": flow, "version": row.text.version})
        push(topic(acting.circle_id))
    return row


def withdraw_consent(acting: Acting, *, consent: Consent) -> list[Member]:
    """Withdrawn: whoever was there on that consent alone is out at once. Returns those who left."""
    with transaction.atomic():
        row = Consent.objects.select_for_update(of=("self",)).get(pk=consent.pk, circle_id=acting.circle_id)
        if row.withdrawn_at:
            return []
        row.withdrawn_at, row.withdrawn_by_id = timezone.now(), acting.user_id
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
        gone = list(Member.objects.filter(consent=row, ended_at=None))
        for member in gone:
            member.ended_at, member.end_reason, member.ended_by_id = (
                timezone.now(),
                _("consentement retiré"),
                acting.user_id,
            )
            member.save(update_fields=["ended_at", "end_reason", "ended_by"])
        record(acting, "circles.consent_withdrawn", on=row, kind=None, details={"members_ended": len(gone)})
        push(topic(acting.circle_id))
    return gone


def oppose(
    acting: Acting, *, practitioner: Practitioner | None = None, organization: Organization | None = None,
    profession: str = "", user: User | None = None, category: str = "", target_id=None, said_by: str = "person",
    said_on: date | None = None, reason: str = "",
) -> Opposition:  # fmt: skip
    """The person refuses that someone sees everything, one category, or one thing. In force at once, open screens included."""
    if category and category not in Category.values:
        raise Refused(_("Catégorie inconnue."), "category")
    with transaction.atomic():
        row = Opposition.objects.create(
            circle=acting.circle, practitioner=practitioner, organization=organization, profession=profession, user=user,
            category=category, target_id=target_id, said_by=said_by, said_on=said_on or timezone.localdate(), reason=reason,
            recorded_by_id=acting.user_id,
        )  # fmt: skip
        files = _mark_oppositions(acting.circle)
        # An emergency opening already under way yields too.
        if not category and not target_id:
            _close_break_glasses(files, row)
        record(acting, "circles.opposition_added", on=row, details={"category": category, "profession": profession})
        push(*map(topic, files))
    return row


def _mark_oppositions(circle: Circle) -> list:
    """Says on each file of the person, those brought together included, whether she refused something. Their ids."""
    root = circle.canon_id or circle.pk
    files = Circle.objects.filter(Q(pk=root) | Q(canon_id=root))
    files.update(has_oppositions=Opposition.objects.active().of(circle).exists())
    return list(files.values_list("pk", flat=True))


def _close_break_glasses(files: list, row: Opposition) -> None:
    opened = BreakGlass.objects.filter(circle_id__in=files, closed_at=None)
    if row.practitioner_id:
        opened = opened.filter(practice_role__practitioner_id=row.practitioner_id)
    elif row.organization_id:
        opened = opened.filter(practice_role__organization_id=row.organization_id)
    elif row.profession:
        system, __, code = row.profession.partition(":")
        opened = opened.filter(practice_role__profession_system=system, practice_role__profession=code)
    else:
        opened = opened.filter(user_id=row.user_id)
    opened.update(closed_at=timezone.now())


def lift_opposition(acting: Acting, *, opposition: Opposition) -> None:
    with transaction.atomic():
        row = Opposition.objects.of(acting.circle).select_for_update(of=("self",)).get(pk=opposition.pk)
        if row.lifted_at:
            return
        row.lifted_at, row.lifted_by_id = timezone.now(), acting.user_id
        row.save(update_fields=["lifted_at", "lifted_by"])
        files = _mark_oppositions(acting.circle)
        record(acting, "circles.opposition_lifted", on=row)
        push(*map(topic, files))


def _is_opposed(
    circle: Circle, *, practice_role: PracticeRole | None = None, organization: Organization | None = None
) -> bool:
    """A whole refusal (no category, no single thing) of this person, her profession or her structure."""
    rows = Opposition.objects.active().of(circle).filter(category="", target_id=None)
    if practice_role is not None:
        viewer = Viewer(
            user_id=None, practice_role_id=practice_role.pk, practitioner_id=practice_role.practitioner_id,
            organization_id=practice_role.organization_id, profession=f"{practice_role.profession_system}:{practice_role.profession}",
        )  # fmt: skip
        return rows.filter(viewer.opposed()).exists()
    return rows.filter(organization=organization).exists()


# --- Break-glass ------------------------------------------------------------------------------------------------------


def check_break_glass_quota(viewer: Viewer) -> None:
    """Before any file is looked for: a spent quota must say the same about a file that exists and one that does not."""
    if _quota_is_spent(viewer):
        with transaction.atomic():
            record(viewer, "circles.break_glass_refused", outcome="refused", reason="quota")
        raise _no_more()


def _quota_is_spent(viewer: Viewer) -> bool:
    since = timezone.now() - BREAK_GLASS_LASTS
    return BreakGlass.objects.filter(user_id=viewer.user_id, opened_at__gt=since).count() >= BREAK_GLASS_QUOTA


def _no_more() -> Refused:
    return Refused(
        _("Vous avez déjà ouvert %(n)s dossiers en urgence en 24 h. Appelez le responsable du cercle ou le support.")
        % {"n": BREAK_GLASS_QUOTA},
        "quota",
    )


def break_glass(viewer: Viewer, *, circle_id, reason: str) -> BreakGlass:
    """Open a file in an emergency: health professionals only, 24 h, told at once, reviewed (rule 5).

    The view has asked for a fresh sign-in. Raises Refused: profession, reason too short, quota, opposition — the
    last one with the same words as an unknown file, so that nothing is revealed.
    """
    if (
        not viewer.practice_role_id
        or Permission.BREAK_GLASS not in rights.current().profiles[viewer.profile].permissions
    ):
        raise Refused(_("L’ouverture en urgence est réservée aux professionnels de santé."), "profession")
    reason = reason.strip()
    if len(reason) < 15:
        raise Refused(_("Écrivez la raison en une phrase : elle sera lue et examinée."), "reason")
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=viewer.user_id)  # the quota counts under this lock
        now = timezone.now()
        mine = BreakGlass.objects.filter(user_id=viewer.user_id)
        live = mine.filter(
            circle_id=circle_id, practice_role_id=viewer.practice_role_id, closed_at=None, expires_at__gt=now
        )
        if found := live.first():
            return found
        if _quota_is_spent(viewer):
            record(viewer, "circles.break_glass_refused", circle_id=circle_id, outcome="refused", reason="quota")
            error = _no_more()
        elif (circle := Circle.objects.filter(pk=circle_id, canon=None).first()) is None or _is_opposed(
            circle, practice_role=viewer.practice_role
        ):
            record(viewer, "circles.break_glass_refused", circle_id=circle_id, outcome="refused", reason="opposition")
            error = Refused(_("Ce dossier ne peut pas être ouvert en urgence."), "not_available")
        else:
            row = BreakGlass.objects.create(
                circle_id=circle_id, user_id=viewer.user_id, practice_role_id=viewer.practice_role_id, reason=reason,
                opened_at=now, expires_at=now + BREAK_GLASS_LASTS,
            )  # fmt: skip
            record(viewer, "circles.break_glass_opened", on=row, circle_id=circle_id, reason=reason)
            push(topic(circle_id))
            return row
    raise error  # after the commit: the refused attempt keeps its trace


def review_break_glass(acting: Acting, *, opened: BreakGlass, verdict: str, note: str = "") -> BreakGlass:
    with transaction.atomic():
        row = BreakGlass.objects.select_for_update(of=("self",)).get(pk=opened.pk, circle_id=acting.circle_id)
        if row.user_id == acting.user_id:
            raise Refused(_("On n’examine pas sa propre ouverture."), "own")
        if row.reviewed_at:
            raise Refused(_("Cette ouverture a déjà été examinée."), "done")
        row.reviewed_at, row.reviewed_by_id, row.verdict, row.verdict_note = (
            timezone.now(),
            acting.user_id,
            verdict,
            note,
        )
        if verdict == "contested" and row.closed_at is None:
            row.closed_at = timezone.now()
        row.save(update_fields=["reviewed_at", "reviewed_by", "verdict", "verdict_note", "closed_at"])
        record(acting, "circles.break_glass_reviewed", on=row, details={"verdict": verdict})
        push(topic(acting.circle_id))
    return row


# --- Asking to join ---------------------------------------------------------------------------------------------------


def ask_to_join(viewer: Viewer, *, circle_id, message: str = "") -> None:
    """Says the same whether the request was kept, repeated or silently refused by an opposition: no oracle."""
    if not viewer.practice_role_id:
        raise Refused(_("Choisissez d’abord votre situation d’exercice."), "no_context")
    with transaction.atomic():
        circle = Circle.objects.select_for_update(of=("self",)).filter(pk=circle_id).first()
        if circle is None or _is_opposed(circle, practice_role=viewer.practice_role):
            return
        if Member.objects.filter(circle=circle, practice_role_id=viewer.practice_role_id, ended_at=None).exists():
            return
        row, new = JoinRequest.objects.get_or_create(
            circle=circle, practice_role_id=viewer.practice_role_id, state="waiting",
            defaults={"user_id": viewer.user_id, "message": message},
        )  # fmt: skip
        if new:
            record(viewer, "circles.join_requested", on=row, kind=None, circle_id=circle_id)
            push(topic(circle_id))


def answer_join_request(
    acting: Acting, *, request: JoinRequest, accept: bool, ground: str = LegalGround.RECOGNISED, answer: str = ""
) -> Member | None:
    with transaction.atomic():
        row = JoinRequest.objects.select_for_update(of=("self",)).get(pk=request.pk, circle_id=acting.circle_id)
        if row.state != "waiting":
            raise Refused(_("Quelqu’un a déjà répondu à cette demande."), "done")
        member = add_member(acting, practice_role=row.practice_role, ground=ground) if accept else None
        row.state = "accepted" if accept else "refused"
        row.answered_at, row.answered_by_id, row.answer = timezone.now(), acting.user_id, answer
        row.save(update_fields=["state", "answered_at", "answered_by", "answer"])
        record(acting, "circles.join_request_answered", on=row, details={"state": row.state})
    return member


# --- Merge ------------------------------------------------------------------------------------------------------------


def merge_files(viewer, *, survivor: Patient, merged: Patient, reason: str):
    """Two files are one person: a recorded, reversible decision. Members do not cross before `review_crossing`."""
    with transaction.atomic():
        decision = patients.merge(viewer, survivor=survivor, merged=merged, reason=reason)
        survivor_circle = Circle.objects.filter(patient=survivor).first()
        if survivor_circle is not None:
            Circle.objects.filter(patient=merged).update(canon=survivor_circle, crossed_at=None)
            # Chains are flattened: what pointed to the merged one points to the survivor, unreviewed.
            Circle.objects.filter(canon_id=merged.pk).update(canon=survivor_circle, crossed_at=None)
            _has_absorbed(survivor_circle.pk)
            _mark_oppositions(survivor_circle)  # what she refused in one file holds in both
        push(topic(survivor.pk), topic(merged.pk))
    return decision


def review_crossing(acting: Acting, *, absorbed: Circle, keep: list[Member]) -> None:
    """After review, the notes of `absorbed` are read through this circle; only the members in `keep` come along."""
    with transaction.atomic():
        row = Circle.objects.select_for_update(of=("self",)).get(pk=absorbed.pk, canon_id=acting.circle_id)
        if row.crossed_at:
            raise Refused(_("Ce rapprochement a déjà été examiné."), "done")
        for member in keep:
            if member.circle_id != row.pk or member.ended_at:
                continue
            who = {"practice_role": member.practice_role} if member.practice_role_id else {"team": member.team}
            if (
                any(who.values())
                and not Member.objects.filter(circle_id=acting.circle_id, ended_at=None, **who).exists()
            ):
                add_member(acting, **who, ground=member.ground, role=member.role, reason=_("rapprochement de dossiers"))
        row.crossed_at = timezone.now()
        row.save(update_fields=["crossed_at"])
        _has_absorbed(acting.circle_id)
        record(
            acting, "circles.crossing_reviewed", on=acting.member, details={"absorbed": str(row.pk), "kept": len(keep)}
        )
        push(topic(acting.circle_id), topic(row.pk))


def unmerge_files(viewer, *, decision) -> None:
    with transaction.atomic():
        patients.unmerge(viewer, decision=decision)
        # In a chain, undoing one link moves others: every alias follows what its patient now says.
        touched = Circle.objects.filter(Q(pk=decision.merged_id) | Q(canon_id=decision.survivor_id)).select_related(
            "patient"
        )
        for circle in touched:
            target = circle.patient.merged_into_id
            if circle.canon_id != target:
                Circle.objects.filter(pk=circle.pk).update(canon_id=target, crossed_at=None)
        for circle in Circle.objects.filter(pk__in=[decision.survivor_id, *(c.pk for c in touched)]):
            _mark_oppositions(circle)
        _has_absorbed(decision.survivor_id)
        _has_absorbed(decision.merged_id)
        push(topic(decision.survivor_id), topic(decision.merged_id))


def _has_absorbed(circle_id) -> None:
    crossed = Circle.objects.filter(canon_id=circle_id, crossed_at__isnull=False).exists()
    Circle.objects.filter(pk=circle_id).update(has_absorbed=crossed)


# --- The matrix -------------------------------------------------------------------------------------------------------


def publish_matrix(viewer: Viewer, *, data: dict) -> RightsMatrix:
    """A new version, never an edit. `data` has the shape of rights/v1.json; its version is given here."""
    with transaction.atomic():
        last = RightsMatrix.objects.select_for_update().order_by("-version").first()
        version = (last.version if last else 0) + 1
        rights.Matrix({**data, "version": version})  # a malformed matrix fails here, before it is published
        row = RightsMatrix.objects.create(
            version=version, data={**data, "version": version}, published_by_id=viewer.user_id
        )
        record(viewer, "circles.matrix_created", on=row, details={"version": version})
    rights.forget()
    return row
