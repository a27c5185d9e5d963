"""The verbs of the desk. Each locks the request, checks the move in the table, writes its step and its trace, in one transaction.

No request ends without an answer to whoever asked (rule 14): a decision leads to « réponse à rendre », and only an answer,
or the reason why none can be given, closes. The database checks it too.
"""

from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.realtime.push import push
from cercle.care.coordination.actions import files
from cercle.care.coordination.models import CoordinationFile
from cercle.people.circles.access import Acting
from cercle.people.circles.desks import DAC, Desk
from cercle.people.directory.models import Organization, PracticeRole, Team, TeamMember
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from . import deadlines
from .models import (
    Absence,
    Call,
    DeskSetting,
    Draft,
    OrientationRequest,
    SavedFilter,
    Solicitation,
    Step,
    Territory,
)
from .vocabulary import MOVES, AskerKind, Channel, Doctor, How, Level, Outcome, Reason, Reply, Urgency, Verb

LONGEST = 20_000
IDENTITY = ("person_family", "person_given", "person_birth_date", "person_sex", "person_phone")


class Overtaken(Refused):
    """Someone else has moved this request meanwhile: told who and what; what was typed stays on the page."""

    def __init__(self, request: OrientationRequest):
        last = request.steps.order_by("-at", "-id").first()
        self.request = request
        super().__init__(
            _(
                "%(who)s a agi sur cette demande avant vous (%(what)s). Ce que vous avez écrit est gardé : relisez, puis décidez."
            )
            % {"who": last.author_name if last else "Cercle", "what": last.get_kind_display() if last else ""},
            "overtaken",
        )


def topic(organization_id) -> str:
    return f"desk:{organization_id}"


# --- Receiving ---------------------------------------------------------------------------------------------------------


def receive_request(
    desk: Desk | ActingLike, *, channel: str, asker_kind: str, asker_name: str, reason: str = Reason.OTHER, reason_text: str = "",
    kind: str = "support", urgency: int = 0, level: int | None = None, asker_detail: str = "", asker_phone: str = "",
    asker_email: str = "", asker_role: PracticeRole | None = None, asker_user_id: UUID | None = None,
    patient: Patient | None = None, person: dict | None = None, commune_code: str = "", commune_label: str = "",
    doctor_informed: str = "", doctor_informed_on: date | None = None, person_informed_at: datetime | None = None,
    received_at: datetime | None = None, organization: Organization | None = None, client_ref: UUID | None = None,
    code: str = "",
) -> OrientationRequest:  # fmt: skip
    """A request enters. `person`: typed identity (`person_*`), left out when anonymous. `client_ref`: one form, one request.

    `organization` only when the asker is outside the desk (public form, circle). Without a name it stays anonymous: no
    patient row, no identity anywhere, the trace included.
    """
    organization = organization or getattr(desk, "organization", None)
    if organization is None:
        raise Refused(_("Choisissez le dispositif d’appui."), "organization")
    for value, choices in ((channel, Channel), (asker_kind, AskerKind), (reason, Reason), (int(urgency), Urgency)):
        if value not in choices.values:
            raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    if not asker_name.strip():
        raise Refused(_("Indiquez qui demande : il faudra lui répondre."), "asker")
    now = timezone.now()
    received_at = received_at or now
    if received_at > now:
        raise Refused(_("La date de réception est dans le futur."), "future")
    typed = {k: str(v or "").strip()[:100] for k, v in (person or {}).items() if k in IDENTITY}
    with transaction.atomic():
        if client_ref:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"request:{client_ref}"])
            if kept := OrientationRequest.objects.filter(client_ref=client_ref, organization=organization).first():
                return kept
        setting = settings_of(organization)
        row = OrientationRequest.objects.create(
            organization=organization, number=_next_number(organization, received_at), channel=channel, kind=kind, level=level,
            reason=reason, reason_text=_clean(reason_text), urgency=int(urgency), asker_kind=asker_kind,
            asker_name=asker_name.strip()[:160], asker_detail=asker_detail.strip()[:160], asker_phone=asker_phone[:30],
            asker_email=asker_email[:254], asker_role=asker_role, asker_user_id=asker_user_id, patient=patient,
            commune_code=commune_code[:5], commune_label=commune_label[:80], doctor_informed=doctor_informed,
            doctor_informed_on=doctor_informed_on, person_informed_at=person_informed_at, received_at=received_at,
            due_at=due_for(setting, received_at, int(urgency)), client_ref=client_ref, **typed,
        )  # fmt: skip
        if code:
            row.code_hash = sha256(f"{row.pk}:{code}".encode()).hexdigest()
            row.save(update_fields=["code_hash"])
        _step(desk, row, Verb.RECEIVED, "", at=received_at, author=asker_name if not desk.user_id else "")
        team = team_for(organization, row.commune_code)
        if team is not None:
            row.team = team
            row.save(update_fields=["team"])
        if desk.user_id:
            Draft.objects.filter(user_id=desk.user_id, organization=organization).delete()
        record(
            desk, "orientation.request_received", on=row, details={"channel": channel, "urgency": int(urgency), "anonymous": row.is_anonymous},
        )  # fmt: skip
        push(topic(organization.pk))
    return row


def ask_support(
    acting: Acting, *, organization: Organization, reason: str, reason_text: str, urgency: int, informed_on: date,
    client_ref: UUID | None = None,
) -> OrientationRequest:  # fmt: skip
    """« Demander un appui », from a circle: the DAC learns who is concerned, the person having been told first."""
    if organization.category != DAC or organization.closed_on:
        raise Refused(_("Ce dispositif n’est pas un DAC."), "organization")
    if informed_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    identity = acting.patient.identity
    home = acting.patient.coordinates
    return receive_request(
        acting, organization=organization, channel=Channel.CIRCLE, asker_kind=AskerKind.PROFESSIONAL, asker_name=acting.actor_name,
        asker_detail=acting.actor_role, asker_role=acting.practice_role, asker_user_id=acting.user_id, reason=reason,
        reason_text=reason_text, urgency=urgency, patient=acting.patient, person_informed_at=_noon(informed_on),
        person={"person_family": identity.used_family or identity.birth_family, "person_given": identity.used_given or identity.birth_given},
        commune_code=home.commune_code if home else "", commune_label=home.commune_label if home else "", client_ref=client_ref,
    )  # fmt: skip


# --- Working on it -----------------------------------------------------------------------------------------------------


def take(desk: Desk, *, request: OrientationRequest, version: int | None = None) -> OrientationRequest:
    """Pre-assessment begins; whoever takes an unassigned request holds it."""
    return _move(desk, request, Verb.TAKEN, version=version, change=_hold)


def orient(desk: Desk, *, request: OrientationRequest, version: int | None = None) -> OrientationRequest:
    return _move(desk, request, Verb.ORIENTING, version=version, change=_hold)


def wait_list(
    desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None
) -> OrientationRequest:
    return _move(desk, request, Verb.WAITING, version=version, text=_said(reason))


def add_note(desk: Desk, *, request: OrientationRequest, text: str) -> OrientationRequest:
    return _move(desk, request, Verb.NOTE, text=_said(text))


def set_level(desk: Desk, *, request: OrientationRequest, level: int) -> OrientationRequest:
    if level not in Level.values:
        raise Refused(_("Ce niveau n’existe pas."), "level")
    return _move(desk, request, Verb.LEVEL, change={"level": level}, data={"level": level})


def set_doctor(desk: Desk, *, request: OrientationRequest, informed: str, on: date | None = None) -> OrientationRequest:
    if informed not in Doctor.values:
        raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    if on and on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    return _move(
        desk,
        request,
        Verb.DOCTOR,
        change={"doctor_informed": informed, "doctor_informed_on": on},
        data={"informed": informed},
    )


def contacted(desk: Desk, *, request: OrientationRequest) -> OrientationRequest:
    def first(row):
        row.first_contact_at = row.first_contact_at or timezone.now()

    return _move(desk, request, Verb.CONTACTED, change=first)


def name_person(
    desk: Desk,
    *,
    request: OrientationRequest,
    family: str,
    given: str,
    birth_date: str,
    sex: str,
    informed_on: date,
    phone: str = "",
) -> OrientationRequest:
    """Anonymous becomes named: the person was told first, and that is recorded. Still no patient row."""
    if informed_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    traits = CivilTraits.read(birth_family=family, birth_given=given, birth_date=birth_date, sex=sex)
    change = {
        "person_family": family.strip()[:100], "person_given": given.strip()[:100], "person_birth_date": traits.birth.text, "person_sex": sex,
        "person_phone": phone[:30], "person_informed_at": _noon(informed_on),
    }  # fmt: skip
    return _move(desk, request, Verb.NAMED, change=change, data={"informed_on": str(informed_on)})


def assign(
    desk: Desk,
    *,
    request: OrientationRequest,
    role: PracticeRole | None = None,
    team: Team | None = None,
    text: str = "",
) -> OrientationRequest:
    """To a coordinator or a team of this structure; with neither: the least loaded of the territory's team."""
    if role is None and team is None:
        team = request.team or team_for(desk.organization, request.commune_code)
        role = least_loaded(desk.organization, team)
        if role is None:
            raise Refused(_("Aucun coordinateur n’est disponible pour ce territoire."), "nobody")
    if role is not None and (role.organization_id != desk.organization.pk or role.ended_at):
        raise Refused(_("Cette personne n’est pas de cette structure."), "role")
    if team is not None and (team.organization_id != desk.organization.pk or team.closed_at):
        raise Refused(_("Cette équipe n’est pas de cette structure."), "team")
    role = cover_of(role) if role else None

    def give(row):
        row.assigned_role, row.team = role, team or row.team

    data = {"role": str(role.pk) if role else None, "team": str(team.pk) if team else None}
    return _move(desk, request, Verb.ASSIGNED, change=give, text=text, data=data)


def assign_many(desk: Desk, *, requests: list[OrientationRequest], role: PracticeRole | None) -> int:
    """Bulk allocation; `role` None: by territory and load. Those closed meanwhile are left out."""
    done = 0
    with transaction.atomic():
        for request in sorted(requests, key=lambda r: str(r.pk)):
            if not OrientationRequest.objects.filter(pk=request.pk, organization=desk.organization).open().exists():
                continue
            assign(desk, request=request, role=role)
            done += 1
    return done


def solicit(
    desk: Desk, *, request: OrientationRequest, what: str, organization: Organization | None = None, role: PracticeRole | None = None,
    resource_name: str = "", asked_at: datetime | None = None,
) -> Solicitation:  # fmt: skip
    """A resource is asked. From reception on, this puts the request in orientation."""
    name = resource_name or (
        organization.display_name if organization else role.practitioner.display_name if role else ""
    )
    if not name.strip() or not what.strip():
        raise Refused(_("Indiquez qui est sollicité et pour quoi."), "resource")
    with transaction.atomic():
        row = _locked(desk, request)
        if row.is_closed:
            raise Overtaken(row)
        if row.state in MOVES[Verb.ORIENTING][0]:
            row = _move(desk, row, Verb.ORIENTING, change=_hold)
        made = Solicitation.objects.create(
            request=row, organization=organization, role=role, resource_name=name.strip()[:200], what=what.strip()[:200],
            asked_at=asked_at or timezone.now(),
        )  # fmt: skip
        _move(desk, row, Verb.SOLICITED, text=made.resource_name, data={"solicitation": str(made.pk)})
    return made


def record_reply(desk: Desk, *, solicitation: Solicitation, state: str, answer: str = "") -> Solicitation:
    if state not in Reply.values:
        raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    with transaction.atomic():
        request = _locked(desk, solicitation.request)
        row = Solicitation.objects.select_for_update().get(pk=solicitation.pk, request=request)
        row.state, row.answer = state, _clean(answer)
        row.answered_at = timezone.now() if state in (Reply.ACCEPTED, Reply.REFUSED) else row.answered_at
        row.save(update_fields=["state", "answer", "answered_at"])
        _move(desk, request, Verb.REPLIED, text=row.answer, data={"solicitation": str(row.pk), "state": state})
    return row


# --- Ending it ---------------------------------------------------------------------------------------------------------


def accept(
    desk: Desk, *, request: OrientationRequest, referent: PracticeRole, level: int | None = None, entry_reason: str = "",
    patient: Patient | None = None, informed_on: date | None = None, informed_by: str = "person", informed_form: str = "oral",
    version: int | None = None,
) -> CoordinationFile:  # fmt: skip
    """Into a coordination file in one action: patient (given, known or created), circle, information of the person, file.

    `patient`: the one that the duplicate search found and the desk may open. Raises Refused when the request is anonymous
    or nobody told the person.
    """
    with transaction.atomic():
        row = _locked(desk, request, version)
        if row.is_anonymous:
            raise Refused(_("Nommez d’abord la personne, après l’avoir informée."), "anonymous")
        informed_on = informed_on or (timezone.localdate(row.person_informed_at) if row.person_informed_at else None)
        if informed_on is None:
            raise Refused(_("Indiquez quand la personne a été informée."), "not_informed")
        patient = row.patient or patient or _create(desk, row)
        level = level or row.level or Level.TWO
        entry_reason = entry_reason or (row.reason if row.reason != Reason.INFORMATION else "other")
        file = files.open_file(
            desk, patient=patient, level=level, referent=referent, entry_reason=entry_reason, request_id=row.pk, team=row.team,
            informed_on=informed_on, informed_by=informed_by, informed_form=informed_form,
        )  # fmt: skip
        row.patient, row.level, row.assigned_role = patient, level, referent
        row.person_informed_at = row.person_informed_at or _noon(informed_on)
        row.first_contact_at = row.first_contact_at or timezone.now()
        _decide(desk, row, Outcome.FILE, _("Un dossier de coordination est ouvert."), data={"file": str(file.pk)})
    return file


def close_advice(
    desk: Desk, *, request: OrientationRequest, advice: str, version: int | None = None
) -> OrientationRequest:
    return _ended(desk, request, Outcome.ADVICE, _said(advice), version)


def close_oriented(
    desk: Desk, *, request: OrientationRequest, text: str, version: int | None = None
) -> OrientationRequest:
    if not request.solicitations.exists():
        raise Refused(_("Notez d’abord à qui la demande a été adressée."), "no_resource")
    return _ended(desk, request, Outcome.ORIENTED, _said(text), version)


def refuse(desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None) -> OrientationRequest:
    return _ended(desk, request, Outcome.REFUSED, _said(reason), version)


def cancel(desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None) -> OrientationRequest:
    """The asker withdraws it; she is told all the same that it was noted."""
    return _ended(desk, request, Outcome.CANCELLED, _said(reason), version)


def answer(
    desk: Desk,
    *,
    request: OrientationRequest,
    how: str,
    text: str,
    at: datetime | None = None,
    version: int | None = None,
) -> OrientationRequest:
    """The answer to whoever asked. Decided already: the request closes. Else it is a first answer, and the work goes on."""
    if how not in How.values:
        raise Refused(_("Indiquez comment vous avez répondu."), "how")
    text, at = _said(text), at or timezone.now()
    if at > timezone.now():
        raise Refused(_("La date de la réponse est dans le futur."), "future")
    with transaction.atomic():
        row = _locked(desk, request, version)
        if row.is_closed:
            raise Overtaken(row)
        row._held = True  # type: ignore[attr-defined]
        row.answered_at, row.answer_how, row.answer_text = at, how, text
        row.first_contact_at = row.first_contact_at or at
        row = _move(desk, row, Verb.ANSWERED, text=text, data={"how": how}, at=at)
        return _close(desk, row) if row.must_answer else row


def cannot_answer(
    desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None
) -> OrientationRequest:
    """The asker cannot be reached (no way to call back, moved…): why, and the decided request closes."""
    with transaction.atomic():
        row = _locked(desk, request, version)
        if not row.must_answer:
            raise (
                Refused(_("Décidez d’abord de la suite à donner."), "undecided")
                if not row.is_closed
                else Overtaken(row)
            )
        row._held = True  # type: ignore[attr-defined]
        row.no_answer_reason = _said(reason)
        row = _move(desk, row, Verb.UNREACHABLE, text=row.no_answer_reason)
        return _close(desk, row)


def reopen(desk: Desk, *, request: OrientationRequest, reason: str) -> OrientationRequest:
    def back(row):
        row.outcome, row.outcome_text, row.closed_at = "", "", None
        row.answered_at, row.answer_how, row.answer_text, row.no_answer_reason = None, "", "", ""
        row.due_at = due_for(settings_of(row.organization), timezone.now(), row.urgency)

    return _move(desk, request, Verb.REOPENED, change=back, text=_said(reason))


def rate(acting: ActingLike, *, request: OrientationRequest, mark: int, text: str = "") -> None:
    """What the asker thought of the answer, 1 to 4; once."""
    if mark not in (1, 2, 3, 4):
        raise Refused(_("Choisissez une des quatre réponses."), "mark")
    with transaction.atomic():
        row = OrientationRequest.objects.select_for_update(of=("self",)).get(pk=request.pk)
        if not row.answered_at or row.satisfaction:
            raise Refused(_("Vous avez déjà donné votre avis, ou la réponse n’est pas encore rendue."), "rated")
        row.satisfaction, row.satisfaction_text = mark, text.strip()[:2000]
        row.save(update_fields=["satisfaction", "satisfaction_text"])
        record(acting, "orientation.rated", on=row, details={"mark": mark})


def log_call(
    desk: Desk, *, asker_kind: str, topic_code: str, minutes: int = 5, text: str = "", at: datetime | None = None
) -> Call:
    """A call that asks for nothing more; no one is named in it."""
    if asker_kind not in AskerKind.values or topic_code not in Reason.values or not 0 < minutes < 481:
        raise Refused(_("Valeur inconnue dans l’appel."), "vocabulary")
    with transaction.atomic():
        row = Call.objects.create(
            organization=desk.organization, at=at or timezone.now(), minutes=minutes, asker_kind=asker_kind, topic=topic_code,
            text=_clean(text), author_user_id=desk.user_id, author_role_id=desk.practice_role_id, author_name=desk.actor_name,
        )  # fmt: skip
        record(desk, "orientation.call_added", on=row)
    return row


# --- Settings, drafts --------------------------------------------------------------------------------------------------


def set_desk(desk: Desk, *, hours: dict[str, int], closed_days: list[date], alsace_moselle: bool = False, public_form: bool = True) -> DeskSetting:  # fmt: skip
    if not all(k in {"0", "1", "2"} and 1 <= v <= 400 for k, v in hours.items()):
        raise Refused(_("Le délai va de 1 à 400 heures d’ouverture."), "hours")
    with transaction.atomic():
        row, _new = DeskSetting.objects.update_or_create(
            organization=desk.organization,
            defaults={
                "hours": hours,
                "closed_days": closed_days,
                "alsace_moselle": alsace_moselle,
                "public_form": public_form,
            },
        )
        record(desk, "orientation.setting_changed", on=row)
    return row


def set_territory(
    desk: Desk, *, commune_code: str, team: Team, cover: Team | None = None, absent_from=None, absent_until=None
) -> Territory:
    if team.organization_id != desk.organization.pk or (cover and cover.organization_id != desk.organization.pk):
        raise Refused(_("Cette équipe n’est pas de cette structure."), "team")
    with transaction.atomic():
        row, _new = Territory.objects.update_or_create(
            organization=desk.organization, commune_code=commune_code,
            defaults={"team": team, "cover": cover, "absent_from": absent_from, "absent_until": absent_until},
        )  # fmt: skip
        record(desk, "orientation.territory_changed", on=row)
    return row


def keep_draft(desk: Desk, *, data: dict) -> None:
    Draft.objects.update_or_create(user_id=desk.user_id, organization=desk.organization, defaults={"data": data})


def save_filter(desk: Desk, *, name: str, query: str) -> SavedFilter:
    if not name.strip():
        raise Refused(_("Donnez un nom à ce filtre."), "name")
    with transaction.atomic():
        row, _new = SavedFilter.objects.update_or_create(
            user_id=desk.user_id,
            organization=desk.organization,
            name=name.strip()[:60],
            defaults={"query": query[:300]},
        )
        record(desk, "orientation.filter_saved", on=row)
    return row


# --- The small steps ---------------------------------------------------------------------------------------------------


def settings_of(organization: Organization) -> DeskSetting:
    return DeskSetting.objects.filter(organization=organization).first() or DeskSetting(organization=organization)


def due_for(setting: DeskSetting, start: datetime, urgency: int) -> datetime:
    hours = setting.hours.get(str(urgency)) or deadlines.DEFAULT_HOURS[urgency]
    return deadlines.due(start, hours, closed=frozenset(setting.closed_days), alsace_moselle=setting.alsace_moselle)


def team_for(organization: Organization, commune_code: str, day: date | None = None) -> Team | None:
    """commune → team; its cover while it is away."""
    if not commune_code:
        return None
    row = (
        Territory.objects.select_related("team", "cover")
        .filter(organization=organization, commune_code=commune_code)
        .first()
    )
    if row is None:
        return None
    day = day or timezone.localdate()
    away = row.absent_from and row.absent_from <= day and (row.absent_until is None or day <= row.absent_until)
    return row.cover if away and row.cover else row.team


def away(day: date | None = None):
    day = day or timezone.localdate()
    return Absence.objects.filter(first_day__lte=day, last_day__gte=day)


def cover_of(role: PracticeRole, day: date | None = None) -> PracticeRole:
    row = away(day).filter(role=role).select_related("cover").first()
    return row.cover if row and row.cover else role


def coordinators(organization: Organization, team: Team | None = None):
    found = PracticeRole.objects.filter(organization=organization, ended_at=None).select_related("practitioner")
    if team is not None:
        members = TeamMember.objects.filter(team=team, ended_at=None).values("practice_role_id")
        found = found.filter(pk__in=members)
    return found


def least_loaded(organization: Organization, team: Team | None) -> PracticeRole | None:
    """Open requests count, then living files; whoever is away is left out."""
    found = coordinators(organization, team).exclude(pk__in=away().values("role_id"))
    if team is None:
        found = found.filter(function="330")
    ids = list(found.values_list("pk", flat=True))
    asked = dict(
        OrientationRequest.objects.open()
        .filter(assigned_role__in=ids)
        .values_list("assigned_role")
        .annotate(n=Count("id"))
    )
    held = dict(
        CoordinationFile.objects.living().filter(referent__in=ids).values_list("referent").annotate(n=Count("id"))
    )
    return min(found, key=lambda r: (asked.get(r.pk, 0), held.get(r.pk, 0), str(r.pk)), default=None)


def _next_number(organization: Organization, at: datetime) -> str:
    """The row of the year is the lock: no gap is reused, no number given twice."""
    year = timezone.localtime(at).year
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orientation_sequence (organization_id, year, last) VALUES (%s, %s, 1)"
            " ON CONFLICT (organization_id, year) DO UPDATE SET last = orientation_sequence.last + 1 RETURNING last",
            [organization.pk, year],
        )
        return f"{year}-{cursor.fetchone()[0]:04d}"


def _locked(desk, request: OrientationRequest, version: int | None = None) -> OrientationRequest:
    row = OrientationRequest.objects.select_for_update(of=("self",)).select_related("organization").get(
        pk=request.pk, organization=desk.organization
    )  # fmt: skip
    if version is not None and row.version != version:
        raise Overtaken(row)
    return row


def _step(
    acting,
    row: OrientationRequest,
    verb: str,
    before: str,
    *,
    text: str = "",
    data: Any = None,
    at=None,
    author: str = "",
) -> Step:
    return Step.objects.create(
        request=row, kind=verb, from_state=before, to_state=row.state, at=at or timezone.now(), author_user_id=acting.user_id,
        author_role_id=acting.practice_role_id, author_name=(author or acting.actor_name or "Cercle")[:200], text=text, data=data or {},
    )  # fmt: skip


def _move(
    desk, request: OrientationRequest, verb: str, *, version=None, change=None, text="", data=None, at=None
) -> OrientationRequest:
    """The only road to another state."""
    before_states, to_state = MOVES[verb]
    with transaction.atomic():
        row = request if getattr(request, "_held", False) else _locked(desk, request, version)
        if row.state not in before_states:
            raise Overtaken(row)
        before = row.state
        if to_state:
            row.state = to_state
        if callable(change):
            change(row) if change is not _hold else _hold(row, desk)
        else:
            for name, value in (change or {}).items():
                setattr(row, name, value)
        row.version += 1
        row.save()
        _step(desk, row, verb, before, text=text, data=data, at=at)
        record(
            desk, f"orientation.{ACTIONS.get(verb, 'request_changed')}", on=row, circle_id=row.patient_id,  # type: ignore[call-overload]
            details={"verb": str(verb), "from": before, "to": row.state},
        )  # fmt: skip
        push(topic(row.organization_id))
    return row


ACTIONS = {
    Verb.ANSWERED: "asker_answered", Verb.CLOSED: "request_closed", Verb.REOPENED: "request_reopened", Verb.ASSIGNED: "request_assigned",
    Verb.NAMED: "person_named", Verb.DECIDED: "request_decided", Verb.SOLICITED: "resource_asked", Verb.UNREACHABLE: "asker_unreachable",
}  # fmt: skip


def _hold(row: OrientationRequest, desk: Desk) -> None:
    if row.assigned_role_id is None and desk.practice_role_id:
        row.assigned_role_id = desk.practice_role_id


def _decide(desk, row: OrientationRequest, outcome: str, text: str, *, data=None) -> OrientationRequest:
    row._held = True  # type: ignore[attr-defined]
    try:
        row = _move(
            desk,
            row,
            Verb.DECIDED,
            change={"outcome": outcome, "outcome_text": text},
            text=text,
            data={"outcome": outcome} | (data or {}),
        )
        return _close(desk, row) if row.answered_at else row
    finally:
        row._held = False  # type: ignore[attr-defined]


def _ended(desk, request, outcome: str, text: str, version) -> OrientationRequest:
    with transaction.atomic():
        return _decide(desk, _locked(desk, request, version), outcome, text)


def _close(desk, row: OrientationRequest) -> OrientationRequest:
    return _move(desk, row, Verb.CLOSED, change={"closed_at": timezone.now()})


def _create(desk: Desk, row: OrientationRequest) -> Patient:
    traits = CivilTraits.read(
        birth_family=row.person_family,
        birth_given=row.person_given,
        birth_date=row.person_birth_date,
        sex=row.person_sex,
    )
    home = {"phone": row.person_phone, "commune_code": row.commune_code, "commune_label": row.commune_label}
    return patients.create_patient(desk, traits=traits, coordinates={k: v for k, v in home.items() if v}).patient


def _noon(day: date) -> datetime:
    return (
        datetime(day.year, day.month, day.day, 12, tzinfo=deadlines.ZONE)
        if day < timezone.localdate()
        else timezone.now()
    )


def _clean(text: str) -> str:
    text = (text or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST:
        raise Refused(
            _("Votre texte fait %(n)s caractères ; %(max)s au plus.") % {"n": len(text), "max": LONGEST}, "long"
        )
    return text


def _said(text: str) -> str:
    if not (text := _clean(text)):
        raise Refused(_("Écrivez-le en une phrase : ce sera gardé dans l’historique."), "text")
    return text
