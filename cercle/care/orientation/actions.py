"""The verbs of the desk. Each locks the request, checks the move in the table, writes its step and its trace, in one transaction.

No request ends without an answer to whoever asked (rule 14): a decision leads to « réponse à rendre », and only an answer,
or the reason why none can be given, closes. The database checks it too.
"""

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import ActingLike, record
from cercle.base.common.errors import Refused
from cercle.base.common.ids import uuid7
from cercle.base.realtime.push import push
from cercle.care.coordination.actions import files
from cercle.care.coordination.models import CoordinationFile
from cercle.care.questionnaires import actions as questionnaires
from cercle.care.questionnaires.models import Response
from cercle.people.accounts.models import OneTimeLink
from cercle.people.circles.access import Acting
from cercle.people.circles.desks import DAC, Desk
from cercle.people.directory.models import Organization, PracticeRole, Team
from cercle.people.directory.queries import team_for
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from . import allocation, deadlines
from .models import Call, DeskSetting, Draft, OrientationRequest, SavedFilter, Solicitation, Step
from .vocabulary import MOVES, AskerKind, Channel, Doctor, How, Kind, Level, Outcome, Reason, Reply, Urgency, Verb

LONGEST = 20_000
IDENTITY = ("person_family", "person_given", "person_birth_date", "person_sex", "person_phone")
MOST_FILTERS = 12


class Overtaken(Refused):
    """Someone else has moved this request meanwhile: told who and what; what was typed stays on the page."""

    def __init__(self, request: OrientationRequest):
        last = request.steps.order_by("-recorded_at", "-id").first()
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
    kind: str = Kind.SUPPORT, urgency: int = 0, level: int | None = None, asker_detail: str = "", asker_phone: str = "",
    asker_email: str = "", asker_role: PracticeRole | None = None, asker_user_id: UUID | None = None,
    patient: Patient | None = None, person: dict | None = None, commune_code: str = "", commune_label: str = "",
    doctor_informed: str = "", doctor_informed_on: date | None = None, person_informed_at: datetime | None = None,
    who_knows: str = "", received_at: datetime | None = None, organization: Organization | None = None,
    client_ref: UUID | None = None, code: str = "",
) -> OrientationRequest:  # fmt: skip
    """A request enters. `person`: typed identity (`person_*`), left out when anonymous. `client_ref`: one form, one request.

    `organization` only when the asker is outside the desk (public form, circle). Without a name it stays anonymous: no
    patient row, no identity anywhere, the trace included.
    """
    organization = organization or getattr(desk, "organization", None)
    if organization is None:
        raise Refused(_("Choisissez le dispositif d’appui."), "organization")
    known = ((channel, Channel), (asker_kind, AskerKind), (reason, Reason), (kind, Kind), (int(urgency), Urgency))
    if any(value not in choices.values for value, choices in known):
        raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    if not asker_name.strip():
        raise Refused(_("Indiquez qui demande : il faudra lui répondre."), "asker")
    now = timezone.now()
    received_at = received_at or now
    if received_at > now:
        raise Refused(_("La date de réception est dans le futur."), "future")
    typed = {k: str(v or "").strip()[:100] for k, v in (person or {}).items() if k in IDENTITY}
    if not typed.get("person_family") and any(typed.get(k) for k in IDENTITY if k != "person_sex"):
        raise Refused(_("Donnez aussi le nom de la personne, ou rien d’elle."), "half_named")
    pk = uuid7()
    with transaction.atomic():
        if client_ref:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"request:{client_ref}"])
            if kept := OrientationRequest.objects.filter(client_ref=client_ref, organization=organization).first():
                return kept
        row = OrientationRequest.objects.create(
            id=pk, organization=organization, number=_next_number(organization, received_at), channel=channel, kind=kind,
            level=level, reason=reason, reason_text=_clean(reason_text), urgency=int(urgency), asker_kind=asker_kind,
            asker_name=asker_name.strip()[:160], asker_detail=asker_detail.strip()[:160], asker_phone=asker_phone[:30],
            asker_email=asker_email[:254], asker_role=asker_role, asker_user_id=asker_user_id, patient=patient,
            commune_code=commune_code[:5], commune_label=commune_label[:80], doctor_informed=doctor_informed,
            doctor_informed_on=doctor_informed_on, person_informed_at=person_informed_at, who_knows=who_knows.strip()[:160],
            received_at=received_at, due_at=due_for(settings_of(organization), received_at, int(urgency)),
            team=team_for(organization.pk, commune_code[:5]) if commune_code else None, client_ref=client_ref,
            code_hash=code_hash(pk, code) if code else "", **typed,
        )  # fmt: skip
        _step(desk, row, Verb.RECEIVED, "", at=received_at, author=asker_name if not desk.user_id else "")
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
        reason_text=reason_text, urgency=urgency, patient=acting.patient, person_informed_at=noon(informed_on),
        person={"person_family": identity.used_family or identity.birth_family, "person_given": identity.used_given or identity.birth_given},
        commune_code=home.commune_code if home else "", commune_label=home.commune_label if home else "", client_ref=client_ref,
    )  # fmt: skip


# --- Working on it -----------------------------------------------------------------------------------------------------


def take(desk: Desk, *, request: OrientationRequest, version: int | None = None) -> OrientationRequest:
    """Pre-assessment begins; whoever takes an unassigned request holds it."""
    return _held_by_me(desk, request, Verb.TAKEN, version)


def orient(desk: Desk, *, request: OrientationRequest, version: int | None = None) -> OrientationRequest:
    return _held_by_me(desk, request, Verb.ORIENTING, version)


def wait_list(
    desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None
) -> OrientationRequest:
    return _move(desk, request, Verb.WAITING, version=version, text=_said(reason))


def add_note(desk: Desk, *, request: OrientationRequest, text: str) -> OrientationRequest:
    """On a closed request too: what was typed while a colleague closed it has a place."""
    return _move(desk, request, Verb.NOTE, text=_said(text))


def set_level(desk: Desk, *, request: OrientationRequest, level: int) -> OrientationRequest:
    if level not in Level.values:
        raise Refused(_("Ce niveau n’existe pas."), "level")
    return _move(desk, request, Verb.LEVEL, {"level": level}, data={"level": level})


def set_doctor(desk: Desk, *, request: OrientationRequest, informed: str, on: date | None = None) -> OrientationRequest:
    if informed not in Doctor.values:
        raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    if on and on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    change = {"doctor_informed": informed, "doctor_informed_on": on}
    return _move(desk, request, Verb.DOCTOR, change, data={"informed": informed})


def contacted(desk: Desk, *, request: OrientationRequest) -> OrientationRequest:
    with transaction.atomic():
        row = _locked(desk, request)
        return _moved(desk, row, Verb.CONTACTED, {"first_contact_at": row.first_contact_at or timezone.now()})


def name_person(
    desk: Desk, *, request: OrientationRequest, family: str, given: str, birth_date: str, sex: str, informed_on: date, phone: str = "",
) -> OrientationRequest:  # fmt: skip
    """Anonymous becomes named: the person was told first, and that is recorded. Still no patient row."""
    if informed_on > timezone.localdate():
        raise Refused(_("Cette date est dans le futur."), "future")
    if request.patient_id:
        raise Refused(_("Cette personne a déjà son dossier : son identité s’y corrige."), "known")
    traits = CivilTraits.read(birth_family=family, birth_given=given, birth_date=birth_date, sex=sex)
    change = {
        "person_family": family.strip()[:100], "person_given": given.strip()[:100], "person_birth_date": traits.birth.text, "person_sex": sex,
        "person_phone": phone[:30], "person_informed_at": noon(informed_on),
    }  # fmt: skip
    return _move(desk, request, Verb.NAMED, change, data={"informed_on": str(informed_on)})


def assign(
    desk: Desk, *, request: OrientationRequest, role: PracticeRole | None = None, team: Team | None = None, text: str = "",
    version: int | None = None,
) -> OrientationRequest:  # fmt: skip
    """To a coordinator or a team of this structure; with neither: the least loaded of the territory's team."""
    if role is None and team is None:
        team = allocation.team_of(request)
        role = allocation.least_loaded(desk.organization, team)
        if role is None:
            raise Refused(_("Aucun coordinateur n’est disponible pour ce territoire."), "nobody")
    if role is not None and (role.organization_id != desk.organization.pk or role.ended_at):
        raise Refused(_("Cette personne n’est pas de cette structure."), "role")
    if team is not None and (team.organization_id != desk.organization.pk or team.closed_at):
        raise Refused(_("Cette équipe n’est pas de cette structure."), "team")
    role = allocation.cover_of(role) if role else None
    data = {"role": str(role.pk) if role else None, "team": str(team.pk) if team else None}
    change = {"assigned_role": role} | ({"team": team} if team else {})
    return _move(desk, request, Verb.ASSIGNED, change, version=version, text=text, data=data)


def assign_many(
    desk: Desk, *, requests: list[OrientationRequest], role: PracticeRole | None = None, team: Team | None = None
) -> int:
    """Bulk allocation; to nobody in particular: by territory and load. Those closed meanwhile are left out."""
    done = 0
    with transaction.atomic():
        for request in sorted(requests, key=lambda r: str(r.pk)):
            try:
                assign(desk, request=request, role=role, team=team)
                done += 1
            except Overtaken:
                continue
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
            row = _moved(desk, row, Verb.ORIENTING, {"assigned_role": row.assigned_role or desk.practice_role})
        made = Solicitation.objects.create(
            request=row, organization=organization, role=role, resource_name=name.strip()[:200], what=what.strip()[:200],
            asked_at=asked_at or timezone.now(),
        )  # fmt: skip
        _moved(desk, row, Verb.SOLICITED, text=made.resource_name, data={"solicitation": str(made.pk)})
    return made


def chase(desk: Desk, *, solicitation: Solicitation, text: str = "") -> Solicitation:
    """« Relancer » a resource that has not said yes or no."""
    with transaction.atomic():
        request, row = _solicitation(desk, solicitation)
        if row.state not in Reply.unanswered():
            raise Refused(_("Cette ressource a déjà répondu."), "answered")
        row.chased_at = timezone.now()
        row.save(update_fields=["chased_at"])
        said = " : ".join(x for x in (row.resource_name, _clean(text)) if x)
        _moved(desk, request, Verb.CHASED, text=said, data={"solicitation": str(row.pk)})
    return row


def record_reply(desk: Desk, *, solicitation: Solicitation, state: str, answer: str = "") -> Solicitation:
    if state not in Reply.values:
        raise Refused(_("Valeur inconnue dans la demande."), "vocabulary")
    with transaction.atomic():
        request, row = _solicitation(desk, solicitation)
        row.state, row.answer = state, _clean(answer)
        row.answered_at = timezone.now() if state in (Reply.ACCEPTED, Reply.REFUSED) else row.answered_at
        row.save(update_fields=["state", "answer", "answered_at"])
        said = f"{row.resource_name}, {Reply(state).label.lower()}" + (f" : {row.answer}" if row.answer else "")
        _moved(desk, request, Verb.REPLIED, text=said, data={"solicitation": str(row.pk), "state": state})
    return row


# --- Ending it ---------------------------------------------------------------------------------------------------------


def accept(
    desk: Desk, *, request: OrientationRequest, referent: PracticeRole, level: int | None = None, entry_reason: str = "",
    patient: Patient | None = None, informed_on: date | None = None, informed_by: str = "person", informed_form: str = "oral",
    how: str = "", answer_text: str = "", version: int | None = None,
) -> CoordinationFile:  # fmt: skip
    """Into a coordination file in one action: patient (given, known or created), circle, information of the person, file;
    the pre-assessment goes into the circle, the request's words into the file: nothing is typed twice.

    `patient`: the one that the duplicate search found and the desk may open. `how`: the asker is answered at once. Raises
    Refused when the request is anonymous or nobody told the person.
    """
    with transaction.atomic():
        row = _locked(desk, request, version)
        if row.is_anonymous:
            raise Refused(_("Nommez d’abord la personne, après l’avoir informée."), "anonymous")
        if row.state not in MOVES[Verb.DECIDED][0]:
            raise Overtaken(row)
        informed_on = informed_on or (timezone.localdate(row.person_informed_at) if row.person_informed_at else None)
        if informed_on is None:
            raise Refused(_("Indiquez quand la personne a été informée."), "not_informed")
        patient = row.patient or patient or _create(desk, row)
        level = level or row.level or Level.TWO
        entry_reason = entry_reason or (row.reason if row.reason != Reason.INFORMATION else "other")
        file = files.open_file(
            desk, patient=patient, level=level, referent=referent, entry_reason=entry_reason, entry_text=row.reason_text[:1000],
            request_id=row.pk, team=row.team if row.team and not row.team.closed_at else None, informed_on=informed_on,
            informed_by=informed_by, informed_form=informed_form,
        )  # fmt: skip
        inside = replace(desk, circle_id=file.patient_id)
        for response in Response.objects.filter(subject_ref=row.pk, circle_id=None):
            questionnaires.move_to_circle(inside, response=response)
        row.patient, row.level, row.assigned_role = file.patient, level, referent
        row.person_informed_at = row.person_informed_at or noon(informed_on)
        row.first_contact_at = row.first_contact_at or timezone.now()
        words = answer_text.strip() or _("Un dossier de coordination est ouvert.")
        _decide(desk, row, Outcome.FILE, words, how=how, data={"file": str(file.pk)})
    return file


def close_advice(
    desk: Desk, *, request: OrientationRequest, advice: str, how: str = "", version: int | None = None
) -> OrientationRequest:
    return _ended(desk, request, Outcome.ADVICE, advice, how, version)


def close_oriented(
    desk: Desk, *, request: OrientationRequest, text: str, how: str = "", version: int | None = None
) -> OrientationRequest:
    if not request.solicitations.exists():
        raise Refused(_("Notez d’abord à qui la demande a été adressée."), "no_resource")
    return _ended(desk, request, Outcome.ORIENTED, text, how, version)


def refuse(
    desk: Desk, *, request: OrientationRequest, reason: str, how: str = "", version: int | None = None
) -> OrientationRequest:
    return _ended(desk, request, Outcome.REFUSED, reason, how, version)


def cancel(
    desk: Desk, *, request: OrientationRequest, reason: str, how: str = "", version: int | None = None
) -> OrientationRequest:
    """The asker withdraws it; she is told all the same that it was noted."""
    return _ended(desk, request, Outcome.CANCELLED, reason, how, version)


def answer(
    desk: Desk, *, request: OrientationRequest, how: str, text: str, at: datetime | None = None, version: int | None = None
) -> OrientationRequest:  # fmt: skip
    """The answer to whoever asked. Decided already: the request closes. Else it is a first answer, and the work goes on."""
    with transaction.atomic():
        row = _answered(desk, _locked(desk, request, version), how, text, at)
        return _closed(desk, row) if row.must_answer else row


def cannot_answer(
    desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None
) -> OrientationRequest:
    """The asker cannot be reached (no way to call back, moved…): why, and the decided request closes."""
    with transaction.atomic():
        row = _locked(desk, request, version)
        if row.state in MOVES[Verb.DECIDED][0]:
            raise Refused(_("Décidez d’abord de la suite à donner."), "undecided")
        reason = _said(reason)
        return _closed(desk, _moved(desk, row, Verb.UNREACHABLE, {"no_answer_reason": reason}, text=reason))


def reopen(desk: Desk, *, request: OrientationRequest, reason: str, version: int | None = None) -> OrientationRequest:
    """The decision and the answer that went with it are no longer those; the steps keep them."""
    with transaction.atomic():
        row = _locked(desk, request, version)
        change = {
            "outcome": "", "outcome_text": "", "closed_at": None, "answered_at": None, "answer_how": "", "answer_text": "",
            "no_answer_reason": "", "due_at": max(row.due_at, due_for(settings_of(row.organization), timezone.now(), row.urgency)),
        }  # fmt: skip
        return _moved(desk, row, Verb.REOPENED, change, text=_said(reason))


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


def wrong_code(link: OneTimeLink) -> None:
    """A link from an e-mail, a code that is not the receipt's: five end the link."""
    OneTimeLink.objects.filter(pk=link.pk).update(attempts=F("attempts") + 1)


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


def keep_draft(desk: Desk, *, data: dict) -> None:
    Draft.objects.update_or_create(user_id=desk.user_id, organization=desk.organization, defaults={"data": data})


def save_filter(desk: Desk, *, name: str, query: str) -> SavedFilter:
    if not name.strip():
        raise Refused(_("Donnez un nom à ce filtre."), "name")
    with transaction.atomic():
        if SavedFilter.objects.filter(user_id=desk.user_id, organization=desk.organization).count() >= MOST_FILTERS:
            raise Refused(_("Douze filtres au plus : retirez-en un d’abord."), "many")
        row, _new = SavedFilter.objects.update_or_create(
            user_id=desk.user_id,
            organization=desk.organization,
            name=name.strip()[:60],
            defaults={"query": query[:300]},
        )
        record(desk, "orientation.filter_saved", on=row)
    return row


def drop_filter(desk: Desk, *, saved: SavedFilter) -> None:
    with transaction.atomic():
        record(desk, "orientation.filter_removed", on=saved)
        saved.delete()


# --- The small steps ---------------------------------------------------------------------------------------------------


def settings_of(organization: Organization) -> DeskSetting:
    return DeskSetting.objects.filter(organization=organization).first() or DeskSetting(organization=organization)


def due_for(setting: DeskSetting, start: datetime, urgency: int) -> datetime:
    hours = setting.hours.get(str(urgency)) or deadlines.DEFAULT_HOURS[urgency]
    return deadlines.due(start, hours, closed=frozenset(setting.closed_days), alsace_moselle=setting.alsace_moselle)


def noon(day: date) -> datetime:
    if day >= timezone.localdate():
        return timezone.now()
    return datetime(day.year, day.month, day.day, 12, tzinfo=deadlines.ZONE)


def code_hash(request_id: UUID, code: str) -> str:
    """Of the code given on the receipt of a public form."""
    return sha256(f"{request_id}:{code.strip()}".encode()).hexdigest()


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


def _solicitation(desk, solicitation: Solicitation) -> tuple[OrientationRequest, Solicitation]:
    request = _locked(desk, solicitation.request)
    return request, Solicitation.objects.select_for_update().get(pk=solicitation.pk, request=request)


def _step(
    acting, row: OrientationRequest, verb: str, before: str, *, text: str = "", data: Any = None, at=None, author: str = ""
) -> Step:  # fmt: skip
    return Step.objects.create(
        request=row, kind=verb, from_state=before, to_state=row.state, at=at or timezone.now(), author_user_id=acting.user_id,
        author_role_id=acting.practice_role_id, author_name=(author or acting.actor_name or "Cercle")[:200], text=text, data=data or {},
    )  # fmt: skip


def _move(
    desk, request: OrientationRequest, verb: Verb, change: dict[str, Any] | None = None, *, version: int | None = None,
    text: str = "", data: Any = None,
) -> OrientationRequest:  # fmt: skip
    with transaction.atomic():
        return _moved(desk, _locked(desk, request, version), verb, change, text=text, data=data)


def _moved(
    desk, row: OrientationRequest, verb: Verb, change: dict[str, Any] | None = None, *, text: str = "", data: Any = None, at=None
) -> OrientationRequest:  # fmt: skip
    """The only road to another state; `row` is locked."""
    allowed, to_state = MOVES[verb]
    if row.state not in allowed:
        raise Overtaken(row)
    before = row.state
    row.state = to_state or before
    for name, value in (change or {}).items():
        setattr(row, name, value)
    row.version += 1
    row.save()
    _step(desk, row, verb, before, text=text, data=data, at=at)
    said = {"verb": str(verb), "from": before, "to": row.state}
    record(desk, ACTIONS.get(verb, "orientation.request_changed"), on=row, circle_id=row.patient_id, details=said)
    push(topic(row.organization_id))
    return row


ACTIONS: dict[str, str] = {
    Verb.ANSWERED: "orientation.asker_answered", Verb.CLOSED: "orientation.request_closed",
    Verb.REOPENED: "orientation.request_reopened", Verb.ASSIGNED: "orientation.request_assigned",
    Verb.NAMED: "orientation.person_named", Verb.DECIDED: "orientation.request_decided",
    Verb.SOLICITED: "orientation.resource_asked", Verb.CHASED: "orientation.resource_chased",
    Verb.UNREACHABLE: "orientation.asker_unreachable",
}  # fmt: skip


def _held_by_me(desk: Desk, request: OrientationRequest, verb: Verb, version: int | None) -> OrientationRequest:
    with transaction.atomic():
        row = _locked(desk, request, version)
        return _moved(desk, row, verb, {"assigned_role": row.assigned_role or desk.practice_role})


def _ended(desk, request, outcome: str, text: str, how: str, version: int | None) -> OrientationRequest:
    with transaction.atomic():
        return _decide(desk, _locked(desk, request, version), outcome, _said(text), how=how)


def _decide(desk, row: OrientationRequest, outcome: str, text: str, *, how: str = "", data=None) -> OrientationRequest:
    """`how`: the asker has been told the same words already. Without any answer yet, the request now owes one."""
    if row.state not in MOVES[Verb.DECIDED][0]:
        raise Overtaken(row)
    if how:
        row = _answered(desk, row, how, text)
    change = {"outcome": outcome, "outcome_text": text}
    row = _moved(desk, row, Verb.DECIDED, change, text=text, data={"outcome": outcome} | (data or {}))
    return _closed(desk, row) if row.answered_at else row


def _answered(desk, row: OrientationRequest, how: str, text: str, at: datetime | None = None) -> OrientationRequest:
    if how not in How.values:
        raise Refused(_("Indiquez comment vous avez répondu."), "how")
    text, at = _said(text), at or timezone.now()
    if at > timezone.now():
        raise Refused(_("La date de la réponse est dans le futur."), "future")
    change = {
        "answered_at": row.answered_at or at, "answer_how": how, "answer_text": text,
        "first_contact_at": row.first_contact_at or at,
    }  # fmt: skip
    return _moved(desk, row, Verb.ANSWERED, change, text=text, data={"how": how}, at=at)


def _closed(desk, row: OrientationRequest) -> OrientationRequest:
    return _moved(desk, row, Verb.CLOSED, {"closed_at": timezone.now()})


def _create(desk: Desk, row: OrientationRequest) -> Patient:
    traits = CivilTraits.read(
        birth_family=row.person_family,
        birth_given=row.person_given,
        birth_date=row.person_birth_date,
        sex=row.person_sex,
    )
    home = {"phone": row.person_phone, "commune_code": row.commune_code, "commune_label": row.commune_label}
    return patients.create_patient(desk, traits=traits, coordinates={k: v for k, v in home.items() if v}).patient


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
