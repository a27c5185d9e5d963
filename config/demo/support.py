"""Three years of a DAC's support, told on top of the territory: coordination files, their events, their follow-up sheets.

Rows as the verbs write them, in bulk: `coordination.actions.files` would take a minute for a region. Deterministic by `seed`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db.models import Q

from cercle.base.common.ids import uuid7
from cercle.care.coordination.models import AdministrativeVersion, CoordinationFile, FileEvent, FollowUpSheet
from cercle.care.coordination.models.files import ADMINISTRATIVE
from cercle.people.circles.desks import DAC
from cercle.people.circles.models import Circle, Member
from cercle.people.directory.models import PracticeRole, TeamMember

from .stories import typeset

MONTHS = 36
SUPPORTED = 0.6  # of the circles where a coordinator stands
MOST = 12_000  # circles asked about in a large territory: a region's DACs hold some ten thousand files
# entry reason: weight, level, synthesis, wish
REASONS: dict[str, tuple[int, int, str, str]] = {
    "home": (20, 2, "Vit seul{e} à domicile, aides insuffisantes le soir et le week-end. "
             "Repas sautés, linge et courses difficiles. Pas de famille proche disponible en semaine.",
             "Rester chez moi, dans mon quartier, avec mes habitudes."),
    "discharge": (16, 2, "Sortie d’hospitalisation à organiser : lit médicalisé, passages infirmiers, portage des repas. "
             "Fatigue importante, marche avec aide.",
                  "Rentrer à la maison dès que possible, et ne plus retourner à l’hôpital."),
    "autonomy": (16, 2, "Perte d’autonomie progressive depuis l’hiver : toilette et habillage partiellement aidés, deux "
             "chutes sans gravité. Logement à l’étage, baignoire.",
                 "Me laver sans avoir peur de tomber."),
    "cognitive": (12, 3, "Troubles de mémoire en cours de bilan. Oublis de traitements, factures en retard, une plaque laissée allumée. "
             "Accepte les visites si on le prévient la veille.",
                  "Qu’on ne décide pas à ma place."),
    "carer": (12, 3, "L’aidant principal assure les nuits et s’épuise. Pas de relais identifié. Droits au répit non demandés.",
              "Que mes proches puissent souffler, sans que je parte."),
    "rights": (8, 1, "Droits non ouverts : APA non demandée, complémentaire santé solidaire à renouveler. "
             "Besoin d’aide pour les dossiers.",
               "Comprendre mes papiers."),
    "isolation": (6, 1, "Isolement depuis le veuvage. Sort peu, plus de contacts avec les voisins. Souhaite des visites.", "Voir du monde."),
    "housing": (4, 2, "Logement humide et encombré, chauffage d’appoint. Bailleur alerté. Risque de chute.", "Un logement plus petit, au rez-de-chaussée."),
    "refusal": (3, 3, "Refuse les passages infirmiers depuis deux mois. Accepte le médecin traitant et la pharmacienne.", "Qu’on me laisse le temps."),
    "palliative": (3, 3, "Situation palliative à domicile, hospitalisation à domicile en place. Directives anticipées écrites.", "Finir ma vie ici."),
}  # fmt: skip
SHEETS: dict[str, list[tuple[str, int, str]]] = {
    "call": [
        ("coordination", 15, "Appel au médecin traitant : point sur la situation, d’accord avec les aides proposées."),
        ("home_help", 10, "SAAD : une intervenante de plus le soir à partir de lundi."),
        ("carer", 20, "Échange avec l’aidant : fatigue, nuits hachées. Proposition d’un accueil de jour."),
        ("hospital", 15, "Service social du CH : sortie prévue en fin de semaine, ordonnances à transmettre à la pharmacie."),
        ("rights", 15, "Département : dossier d’APA complet, visite d’évaluation attendue."),
    ],
    "visit": [
        ("assessment", 75, "Visite à domicile : évaluation avec la personne et son proche, logement vu, grille AGGIR remplie."),
        ("coordination", 60, "Visite : plan relu ensemble, chacun sait qui appeler. La personne va mieux."),
        ("housing", 60, "Visite avec l’ergothérapeute : barres d’appui à poser, tapis retirés."),
    ],
    "meeting": [
        ("coordination", 60, "Réunion de concertation : médecin traitant, infirmière, SAAD. Passages répartis, une seule personne à appeler le soir."),
        ("health", 45, "Point avec l’équipe de soins : pansement, douleur, reprise de la marche."),
    ],
    "mail": [
        ("rights", 15, "Courrier envoyé à la caisse de retraite avec les justificatifs."),
        ("coordination", 10, "Compte rendu adressé au médecin traitant par messagerie sécurisée."),
    ],
    "admin": [
        ("rights", 40, "Dossier d’APA rempli et envoyé avec la personne."),
        ("housing", 30, "Demande d’aide à l’adaptation du logement déposée."),
        ("home_help", 20, "Recherche d’une place en accueil de jour : deux établissements contactés."),
    ],
}  # fmt: skip
ACTS = ("call", "call", "call", "call", "visit", "visit", "admin", "admin", "mail", "meeting")
EXITS = (("goals", 34), ("relay", 24), ("residence", 18), ("death", 12), ("moved", 4), ("refused", 5), ("lost", 3))
HOUSING = (("owner", 55), ("tenant", 22), ("social", 14), ("hosted", 4), ("residence", 5))
FAMILY = (("alone", 52), ("couple", 34), ("children", 10), ("others", 4))
PROTECTION = (("none", 82), ("asked", 6), ("curatelle", 5), ("tutelle", 3), ("habilitation", 4))
INCOME = (("minimum", 18), ("low", 40), ("middle", 30), ("high", 4), ("unsaid", 8))


@dataclass
class _Rows:
    files: list
    events: list
    sheets: list
    versions: list


def tell(seed: int, now: datetime) -> dict[str, int]:
    """Rows written, by table; nothing when no coordinator stands in any circle."""
    rng, rows, taken = Random(f"{seed}:support"), _Rows([], [], [], []), set()
    members = (
        Member.objects.filter(
            Q(practice_role__organization__category=DAC) | Q(team__organization__category=DAC), ended_at=None
        )
        .select_related("practice_role__practitioner__user", "circle__patient__identity")
        .order_by("circle_id", "id")
    )
    coordinators = _coordinators()
    share = min(SUPPORTED, MOST * SUPPORTED / max(members.count(), 1))
    told = Circle.objects.order_by("-pk").values_list("pk", flat=True).first()  # Yvonne's, the newest
    for member in members.iterator(chunk_size=2000):
        role, patient = member.practice_role, member.circle.patient
        if role is None:
            if not coordinators[member.team_id]:
                continue
            role = rng.choice(coordinators[member.team_id])
        key = (patient.pk, role.organization_id)
        if key in taken or (rng.random() > share and patient.pk != told):
            continue
        taken.add(key)
        _file(rng, rows, patient, role, now, told=patient.pk == told)
        if len(rows.sheets) > 20_000:
            _flush(rows)
    counts = {"files": len(taken)}
    _flush(rows)
    return counts


def _coordinators() -> dict[UUID, list[PracticeRole]]:
    """Who may be referent, by team: the coordinators first known, in an order that does not change."""
    found: dict[UUID, list[PracticeRole]] = defaultdict(list)
    rows = TeamMember.objects.filter(team__organization__category=DAC, ended_at=None, practice_role__profession="309")
    for row in rows.select_related("practice_role__practitioner__user").order_by("practice_role__source_key", "id"):
        found[row.team_id].append(row.practice_role)
    return found


def _pick(rng: Random, pairs: Any) -> str:
    return rng.choices([key for key, _w in pairs], [weight for _k, weight in pairs])[0]


def _file(rng: Random, rows: _Rows, patient: Any, role: PracticeRole, now: datetime, *, told: bool) -> None:
    """`told`: the file that everyone opens in a demonstration, still going on, at the third level."""
    reason = "discharge" if told else rng.choices(list(REASONS), [r[0] for r in REASONS.values()])[0]
    _weight, level, synthesis, wish = REASONS[reason]
    opened = now - timedelta(days=rng.triangular(3, MONTHS * 30, 120), hours=rng.random() * 8)
    length = timedelta(days=rng.triangular(20, 500, 150))
    if told:
        opened, length, level = now - timedelta(days=152, hours=3), timedelta(days=900), 3
    closed = opened + length if opened + length < now - timedelta(days=2) else None
    ended = closed or now
    she = patient.identity.sex == "F"
    name, user = role.practitioner.display_name, getattr(role.practitioner, "user", None)
    signed = {"author_user": user, "author_role": role, "author_name": name}
    administrative = dict.fromkeys(ADMINISTRATIVE, "") | {
        "housing": _pick(rng, HOUSING), "family_situation": _pick(rng, FAMILY), "legal_protection": _pick(rng, PROTECTION),
        "income_band": _pick(rng, INCOME), "fund": "CARSAT Bretagne" if rng.random() < 0.7 else "MSA d’Armorique",
        "rights": {"apa": {"state": rng.choice(["to_ask", "asked", "obtained"]), "until": "", "note": ""}},
    }  # fmt: skip
    file = CoordinationFile(
        id=uuid7(), patient=patient, organization_id=role.organization_id, level=level, referent=role, opened_at=opened, entry_reason=reason,
        informed_on=opened.date(), state="closed" if closed else "open", closed_at=closed, exit_reason=_pick(rng, EXITS) if closed else "",
        synthesis=typeset(synthesis.replace("{e}", "e" if she else "")), wish=typeset(wish), synthesis_at=opened + timedelta(days=4),
        synthesis_by=name, **administrative,
        recorded_at=opened,
        review_on=(now + timedelta(days=rng.randint(-20, 90))).date() if not closed else None,
    )  # fmt: skip
    steps = [("opened", opened, {"level": level, "reason": reason, "referent": str(role.pk)})]
    if ended - opened > timedelta(days=90) and rng.random() < 0.3:
        raised = min(level + 1, 3)
        if raised != level:
            steps.append(("level", opened + (ended - opened) * 0.4, {"from": level, "to": raised}))
            file.level = raised
    if closed:
        steps.append(("closed", closed, {"reason": file.exit_reason}))
    rows.events += [
        FileEvent(id=uuid7(), file=file, kind=kind, at=at, recorded_at=at, data=data, **signed)
        for kind, at, data in steps
    ]
    rows.versions.append(
        AdministrativeVersion(
            id=uuid7(), file=file, number=1, data=administrative, at=opened, by_user=user, by_name=name,
        )
    )  # fmt: skip
    at = opened + timedelta(hours=2)
    for n in range(min(2 + int((ended - opened).days / 9), 40)):
        act = "visit" if n == 1 else rng.choice(ACTS)
        topic, minutes, text = rng.choice(SHEETS[act])
        if n:
            at += timedelta(days=rng.triangular(1, 24, 6))
        moment = at.replace(
            hour=rng.randint(8, 17), minute=rng.choice((0, 10, 15, 30, 40, 45)), second=0, microsecond=0
        )
        moment = max(moment, opened)
        if moment >= ended:
            break
        rows.sheets.append(
            FollowUpSheet(
                id=uuid7(), file=file, organization_id=file.organization_id, act=act, at=moment, topic=topic, text=typeset(text),
                minutes=max(5, minutes + rng.choice((-10, -5, 0, 0, 5, 15))), recorded_at=moment + timedelta(hours=rng.choice((0, 0, 1, 20))),
                **signed,
            )
        )  # fmt: skip
        file.last_act_at = max(file.last_act_at or moment, moment)
    rows.files.append(file)


def _flush(rows: _Rows) -> None:
    CoordinationFile.objects.bulk_create(rows.files, batch_size=500)
    FileEvent.objects.bulk_create(rows.events, batch_size=1000)
    AdministrativeVersion.objects.bulk_create(rows.versions, batch_size=1000)
    FollowUpSheet.objects.bulk_create(rows.sheets, batch_size=1000)
    for some in (rows.files, rows.events, rows.sheets, rows.versions):
        some.clear()
