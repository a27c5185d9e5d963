"""Three years of a DAC's desk, as its verbs would have left it: requests, steps, resources asked, calls; and today's queue.

Every file of `support.py` comes from a request; the others ended in advice, elsewhere, or outside the mission.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone

from cercle.base.common.ids import uuid7
from cercle.care.coordination.models import CoordinationFile
from cercle.care.orientation.deadlines import is_worked
from cercle.care.orientation.models import Call, OrientationRequest, Sequence, Solicitation, Step
from cercle.people.circles.desks import DAC
from cercle.people.directory.models import Organization, PracticeRole, Team

from . import people
from .stories import typeset
from .support import MONTHS, _pick

WEEKLY = 6.0  # requests that open no file, for one desk
CHANNELS = (("phone", 58), ("web_pro", 17), ("web_public", 8), ("mail", 10), ("circle", 5), ("visit", 2))
OUTCOMES = (("advice", 52), ("oriented", 34), ("refused", 6), ("cancelled", 8))
HOWS = {
    "phone": "phone",
    "web_pro": "secure",
    "web_public": "web",
    "mail": "mail",
    "circle": "secure",
    "visit": "presence",
}
REASONS = (
    ("home", 18), ("discharge", 14), ("autonomy", 16), ("cognitive", 10), ("carer", 10), ("rights", 12), ("isolation", 6), ("housing", 5),
    ("refusal", 3), ("no_doctor", 4), ("information", 2),
)  # fmt: skip
WORDS = {
    "home": "Ne s’en sort plus seul{e} à la maison. Les aides s’arrêtent à midi, personne le soir.",
    "discharge": "Sortie prévue dans la semaine, rien n’est prêt au domicile.",
    "autonomy": "Marche moins bien depuis un mois, deux chutes. Que peut-on mettre en place ?",
    "cognitive": "Oublie ses médicaments et se perd dans le bourg. Sa famille est loin.",
    "carer": "Son proche ne dort plus. Il nous faut un relais, au moins la nuit.",
    "rights": "Dossier d’APA jamais demandé, et une facture d’EHPAD temporaire à payer.",
    "isolation": "Ne voit plus personne depuis le décès de sa femme.",
    "housing": "Logement sans chauffage, le bailleur ne répond pas.",
    "refusal": "Refuse les soins depuis quinze jours, la plaie s’aggrave.",
    "no_doctor": "Sans médecin traitant depuis le départ à la retraite du sien.",
    "information": "Quels services existent autour de Pont-l’Abbé pour une personne âgée ?",
}
ANSWERS = {
    "file": "Un dossier de coordination est ouvert ; {ref} devient l’interlocutrice de la personne et vous rappelle dans la semaine.",
    "advice": "Coordonnées des services données et démarches expliquées. Vous pouvez rappeler le guichet.",
    "oriented": "Relais pris par le service sollicité, qui prend contact avec la personne.",
    "refused": "La demande n’entre pas dans nos missions ; le bon service vous a été indiqué.",
    "cancelled": "Demande retirée à votre initiative, nous en prenons note.",
}
RESOURCES = (
    ("Département, antenne de Pont-l’Abbé", "Demande d’APA, évaluation à domicile"), ("SSIAD du Cap", "Équipe spécialisée Alzheimer"),
    ("SAAD du Pays bigouden", "Aide le soir et le week-end"), ("CCAS", "Portage de repas"), ("Accueil de jour Les Bruyères", "Un jour par semaine"),
)  # fmt: skip
# Today’s queue: state, hours until due, reason, channel, urgency, level, words, asker kind
QUEUE = (
    ("received", -2, "discharge", "phone", 2, None, "Fin de prise en charge du SSIAD vendredi, personne pour le relais.", "structure"),
    ("received", -0.7, "isolation", "phone", 1, None, "Une voisine : volets fermés depuis trois jours. Que faire ?", "other"),
    ("received", 20, "home", "web_public", 0, None, "Portage de repas et quelqu’un pour les courses.", "relative"),
    ("pre_assessment", 22, "carer", "phone", 1, 2, "« Deux chutes en trois semaines, sa femme ne dort plus. Je cherche un relais. »", "professional"),
    ("pre_assessment", 27, "refusal", "circle", 1, 2, "Couple qui refuse toute aide. L’infirmière passe encore.", "professional"),
    ("pre_assessment", 70, "cognitive", "web_pro", 0, 1, "Pilulier mal suivi, mémoire. Que proposez-vous ?", "professional"),
    ("orientation", 26, "housing", "mail", 2, 3, "Sortie d’hospitalisation sans logement adapté.", "structure"),
    ("orientation", 94, "refusal", "phone", 1, 3, "Jeune adulte en rupture de soins, parents dépassés.", "structure"),
    ("orientation", 116, "autonomy", "web_pro", 0, 2, "Réponse du SAVS attendue.", "professional"),
    ("waiting", 140, "carer", "phone", 0, 2, "Place d’accueil de jour souhaitée, rien avant un mois.", "relative"),
    ("to_answer", 7, "rights", "phone", 0, 1, "Droits à la retraite complémentaire.", "professional"),
    ("to_answer", 22, "no_doctor", "mail", 0, 1, "Cherche un médecin traitant près de Concarneau.", "structure"),
    ("to_answer", 90, "information", "web_public", 0, 1, "Aides pour adapter la salle de bains.", "person"),
)  # fmt: skip


@dataclass
class _Rows:
    requests: list = field(default_factory=list)
    steps: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    numbers: dict = field(default_factory=lambda: defaultdict(int))


def tell(seed: int, now: datetime) -> int:
    """Requests written. After `support.tell`: its files say where they come from."""
    total = 0
    files: dict[Any, list[CoordinationFile]] = defaultdict(list)
    for file in CoordinationFile.objects.select_related("patient__identity", "referent__practitioner__user").order_by(
        "opened_at", "id"
    ):
        files[file.organization_id].append(file)
    askers = list(
        PracticeRole.objects.filter(source="demo", profession__in=("10", "60", "21"), ended_at=None)
        .select_related("practitioner", "organization")
        .order_by("practitioner__source_key", "id")[:60]
    )
    if not askers:
        return 0
    for organization in Organization.objects.filter(category=DAC, source="demo").order_by("source_key"):
        rng = Random(f"{seed}:desk:{organization.source_key}")
        staff = list(
            PracticeRole.objects.filter(organization=organization, profession="309", ended_at=None)
            .select_related("practitioner__user")
            .order_by("practitioner__source_key", "id")
        )
        if staff:
            total += _desk(rng, organization, staff, askers, files[organization.pk], now)
    return total


def _desk(rng: Random, organization: Any, staff: list, askers: list, files: list, now: datetime) -> int:
    rows = _Rows()
    team = Team.objects.open().filter(organization=organization).order_by("name").first()  # its communes: house.py
    moments: list[tuple[datetime, CoordinationFile | None]] = [
        (file.opened_at - timedelta(days=rng.triangular(1, 12, 3)), file) for file in files
    ]
    moments += [
        (now - timedelta(days=2 + rng.random() * MONTHS * 30), None)
        for _ in range(int(WEEKLY * MONTHS * 52 / 12 * rng.uniform(0.9, 1.1)))
    ]
    for received, file in sorted(moments, key=lambda m: m[0]):
        _ended(rng, rows, organization, staff, askers, file, received, now)
    for scene in QUEUE:
        _waiting(rng, rows, organization, staff, askers, scene, now)
    for _ in range(int(MONTHS * 9)):
        who = rng.choice(staff)
        at = now - timedelta(days=rng.random() * MONTHS * 30)
        rows.calls.append(
            Call(
                organization=organization, at=at, minutes=rng.choice((3, 5, 5, 8, 10)), asker_kind=rng.choice(("professional", "relative", "person")),
                topic=_pick(rng, REASONS), text="", author_user_id=who.practitioner.user.pk, author_role_id=who.pk,
                author_name=who.practitioner.display_name, recorded_at=at,
            )
        )  # fmt: skip
    for request in rows.requests:
        request.team = team
    OrientationRequest.objects.bulk_create(rows.requests, batch_size=500)
    Step.objects.bulk_create(rows.steps, batch_size=1000)
    Solicitation.objects.bulk_create(rows.asked, batch_size=1000)
    Call.objects.bulk_create(rows.calls, batch_size=1000)
    Sequence.objects.bulk_create(Sequence(organization=organization, year=y, last=n) for y, n in rows.numbers.items())
    CoordinationFile.objects.bulk_update([f for f in files if f.request_id], ["request_id"], batch_size=500)
    return len(rows.requests)


COMMUNES = (
    ("29220", "Pont-l’Abbé"), ("29232", "Quimper"), ("29135", "Loctudy"), ("29158", "Penmarch"), ("29165", "Plobannalec-Lesconil"),
)  # fmt: skip


def _request(
    rng: Random, rows: _Rows, organization: Any, askers: list, received: datetime, **fields
) -> OrientationRequest:
    if not fields.pop("as_is", False):
        received = received.replace(hour=rng.randint(8, 17), minute=rng.randint(0, 59), second=0, microsecond=0)
    rows.numbers[received.year] += 1
    kind = fields.pop("asker_kind", None) or _pick(
        rng, (("professional", 46), ("structure", 20), ("relative", 24), ("person", 8), ("other", 2))
    )
    asker: dict = {"asker_kind": kind}
    if kind in ("professional", "structure"):
        role = rng.choice(askers)
        place = role.organization.name if role.organization_id else ""
        asker |= {
            "asker_name": role.practitioner.display_name,
            "asker_role": role,
            "asker_detail": place,
            "asker_phone": role.phone,
        }
    else:
        sex = rng.choice("FM")
        asker |= {
            "asker_name": f"{people.soften(people.given(rng, sex, 1965))} {people.soften(people.family(rng))}",
            "asker_phone": "0261914999",
        }
        asker["asker_detail"] = {"relative": "fille" if sex == "F" else "fils", "other": "voisinage"}.get(kind, "")
    return OrientationRequest(
        id=uuid7(), organization=organization, number=f"{received.year}-{rows.numbers[received.year]:04}", received_at=received,
        recorded_at=received, **asker, **fields,
    )  # fmt: skip


def _named(rng: Random, at: datetime) -> dict:
    sex = rng.choice("FM")
    born = rng.randint(1932, 1950)
    given, family = people.soften(people.given(rng, sex, born)), people.soften(people.family(rng))
    date = f"{born}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
    return {
        "person_family": family,
        "person_given": given,
        "person_birth_date": date,
        "person_sex": sex,
        "person_informed_at": at,
    }


def _step(
    rows: _Rows,
    request: OrientationRequest,
    who: PracticeRole,
    kind: str,
    at: datetime,
    text: str = "",
    was: str = "",
    to: str = "",
) -> None:
    rows.steps.append(
        Step(
            id=uuid7(), request=request, kind=kind, from_state=was, to_state=to or request.state, at=at, recorded_at=at, text=text, data={},
            author_user_id=who.practitioner.user.pk, author_role_id=who.pk, author_name=who.practitioner.display_name,
        )
    )  # fmt: skip


def _ended(
    rng: Random,
    rows: _Rows,
    organization: Any,
    staff: list,
    askers: list,
    file: CoordinationFile | None,
    received: datetime,
    now: datetime,
) -> None:
    who = file.referent if file else rng.choice(staff)
    outcome = "file" if file else _pick(rng, OUTCOMES)
    reason = file.entry_reason if file else _pick(rng, REASONS)
    level = file.level if file else 1 if outcome in ("advice", "refused", "cancelled") else rng.choice((1, 2))
    anonymous = outcome == "advice" and rng.random() < 0.25
    person: dict = (
        {"patient": file.patient, "person_informed_at": received}
        if file
        else {}
        if anonymous
        else _named(rng, received)
    )
    if file:
        identity = file.patient.identity
        person |= {
            "person_family": identity.family,
            "person_given": identity.given,
            "person_birth_date": identity.birth_date,
            "person_sex": identity.sex,
        }
    commune = rng.choice(COMMUNES)
    request = _request(
        rng, rows, organization, askers, received, channel=_pick(rng, CHANNELS), kind="information" if outcome == "advice" else "support",
        level=level, reason=reason, reason_text=typeset(WORDS.get(reason, "").replace("{e}", "")), urgency=_pick(rng, ((0, 70), (1, 22), (2, 8))),
        state="closed", outcome=outcome, doctor_informed=_pick(rng, (("yes", 70), ("no", 14), ("none", 8), ("refused", 8))),
        commune_code=commune[0], commune_label=commune[1], assigned_role=who, due_at=received + timedelta(days=2), **person,
    )  # fmt: skip
    taken = request.received_at + timedelta(hours=rng.triangular(0.2, 30, 3))
    contact = taken + timedelta(hours=rng.triangular(0.5, 60, 20))
    answered = min(contact + timedelta(hours=rng.triangular(0.5, 120, 18)), now - timedelta(hours=1))
    taken, contact = min(taken, answered), min(contact, answered)
    request.first_contact_at, request.answered_at, request.closed_at = contact, answered, answered
    request.answer_how, request.answer_text = (
        HOWS[request.channel],
        typeset(ANSWERS[outcome].replace("{ref}", who.practitioner.display_name)),
    )
    if rng.random() < 0.3:
        request.satisfaction = rng.choice((4, 4, 3, 3, 2, 4, 3, 1))
    rows.requests.append(request)
    _step(rows, request, who, "received", request.received_at, to="received")
    _step(rows, request, who, "taken", taken, was="received", to="pre_assessment")
    _step(rows, request, who, "contacted", contact, to="pre_assessment", was="pre_assessment")
    state = "pre_assessment"
    if outcome in ("file", "oriented"):
        _step(rows, request, who, "orienting", contact, was=state, to="orientation")
        state = "orientation"
        for name, what in rng.sample(RESOURCES, rng.randint(1, 2)):
            rows.asked.append(
                Solicitation(
                    request=request, resource_name=name, what=what, asked_at=contact, recorded_at=contact, answered_at=answered,
                    state="accepted" if rng.random() < 0.8 else "refused",
                )
            )  # fmt: skip
    _step(rows, request, who, "decided", answered, was=state, to="to_answer")
    _step(rows, request, who, "answered", answered, was="to_answer", to="to_answer")
    _step(rows, request, who, "closed", answered, was="to_answer", to="closed")
    if file:
        file.request_id = request.pk


def _waiting(
    rng: Random, rows: _Rows, organization: Any, staff: list, askers: list, scene: tuple, now: datetime
) -> None:
    state, hours, reason, channel, urgency, level, words, kind = scene
    due = now + timedelta(hours=hours)
    if hours > 0:  # as the desk's hours would have said
        there = timezone.localtime(due)
        while not is_worked(there.date()):
            there += timedelta(days=1)
        due = there.replace(hour=min(max(there.hour, 9), 17), minute=0, second=0, microsecond=0)
    received = min(due - timedelta(hours=26), now - timedelta(minutes=50))
    anonymous = kind == "other"
    who = rng.choice(staff)
    request = _request(
        rng, rows, organization, askers, received, as_is=True, channel=channel, level=level, reason=reason, reason_text=typeset(words),
        kind="information" if level == 1 else "support", urgency=urgency, state=state, outcome="advice" if state == "to_answer" else "",
        doctor_informed="" if state == "received" else "yes", doctor_informed_on=None if state == "received" else received.date(), asker_kind=kind,
        commune_code="29220", commune_label="Pont-l’Abbé", assigned_role=None if state == "received" else who, due_at=due,
        first_contact_at=None if state == "received" else received + timedelta(hours=1), **({} if anonymous else _named(rng, received)),
    )  # fmt: skip
    rows.requests.append(request)
    _step(rows, request, who, "received", received, to="received")
    if state != "received":
        _step(rows, request, who, "taken", received + timedelta(minutes=30), was="received", to="pre_assessment")
    if state in ("orientation", "waiting"):
        _step(rows, request, who, "orienting", received + timedelta(minutes=45), was="pre_assessment", to="orientation")
        for name, what in rng.sample(RESOURCES, 3):
            answer = rng.choice(("accepted", "received", "waiting"))
            rows.asked.append(
                Solicitation(
                    request=request, resource_name=name, what=what, asked_at=received + timedelta(minutes=50), state=answer,
                    recorded_at=received + timedelta(minutes=50), answered_at=now - timedelta(hours=1) if answer == "accepted" else None,
                )
            )  # fmt: skip
    if state == "waiting":
        _step(rows, request, who, "waiting", received + timedelta(hours=1), was="orientation", to="waiting")
    if state == "to_answer":
        _step(rows, request, who, "decided", received + timedelta(hours=1), was="pre_assessment", to="to_answer")
