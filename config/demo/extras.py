"""What needs a verb, told on top of the territory: Yvonne's week, a refusal, an emergency opening, requests, doubles."""

from datetime import datetime, timedelta
from typing import Any

from cercle.base.common.errors import Refused
from cercle.care.notebook.models import ReadCursor
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting, Viewer, make_viewer, reach
from cercle.people.circles.models import Circle, Member
from cercle.people.circles.vocabulary import MemberKind
from cercle.people.directory import actions as directory
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from . import story


def tell(staff: Any, *, patients: int, now: datetime) -> None:
    """`staff`: load.Staff. Yvonne last, so that hers is the newest file."""
    files = list(Circle.objects.order_by("pk")[:60])
    if len(files) > 26:  # the farthest file that a scene takes
        _refusals(staff, files)
        _emergency(staff, files)
        _requests(staff, files)
        _doubles(staff, files)
        _reports(staff)
    _yvonne(staff)


def _viewer(staff: Any, login: str) -> Viewer:
    user = staff.users[login]
    return make_viewer(user, user.last_context, source="demo")


def _lead(circle: Circle) -> Acting:
    lead = circle.lead
    assert lead is not None
    user = lead.practice_role.practitioner.user
    found = reach(make_viewer(user, lead.practice_role, source="demo"), circle.pk)
    assert found is not None
    return found


def _refusals(staff: Any, files: list[Circle]) -> None:
    """Two people said no: one to a pharmacist about what is psychological, one to a whole structure."""
    pharmacist = staff.roles["Anne-Sophie Bourhis"].practitioner
    circles.oppose(
        _lead(files[17]),
        practitioner=pharmacist,
        category="psychological",
        reason="«\u00a0C’est une voisine, je ne veux pas qu’elle sache.\u00a0»",
    )
    circles.oppose(
        _lead(files[18]),
        organization=staff.places["ehpad"],
        reason="Ne souhaite pas que la résidence de son frère voie son dossier.",
    )


def _emergency(staff: Any, files: list[Circle]) -> None:
    """An opening in an emergency, still to be reviewed by the circle's lead."""
    viewer = _viewer(staff, "ines")
    for circle in files[20:]:
        if reach(viewer, circle.pk) is None:
            circles.break_glass(
                viewer, circle_id=circle.pk,
                reason="Patient amené aux urgences, confus, sans ordonnance ni accompagnant : traitements et allergies à connaître.",
            )  # fmt: skip
            return


def _requests(staff: Any, files: list[Circle]) -> None:
    asked = 0
    for login, message in (
        ("soizic", "Je remplace Maëlle au cabinet à partir de lundi, merci de m’ajouter."),
        ("loic", "Ordonnance de dix séances reçue ce matin, je commence jeudi."),
        ("zoe", "Entrée prévue en hébergement temporaire chez nous, pourriez-vous m’ouvrir le dossier ?"),
    ):
        viewer = _viewer(staff, login)
        for circle in files[5 + asked * 3 :]:
            if reach(viewer, circle.pk) is None:
                circles.ask_to_join(viewer, circle_id=circle.pk, message=message)
                asked += 1
                break


def _doubles(staff: Any, files: list[Circle]) -> None:
    """The same person written down twice, as it happens: a name without its particle, a day and a month exchanged."""
    viewer = _viewer(staff, "enora.cadiou")
    for n, circle in enumerate((files[12], files[26], files[40 % len(files)])):
        known = Patient.objects.select_related("identity").get(pk=circle.pk)
        i, at = known.identity, known.coordinates
        family = i.birth_family.replace("LE ", "LE", 1) if n == 0 else i.birth_family
        born = i.birth_date if n != 1 else _exchanged(i.birth_date)
        traits = CivilTraits.read(
            birth_family=family, birth_given=i.birth_given, sex=i.sex, birth_date=born, birth_place_code=i.birth_place_code if n else "",
            birth_place_label=i.birth_place_label, used_family=i.used_family, used_given=i.used_given,
        )  # fmt: skip
        where = {"address": at.address, "postal_code": at.postal_code, "commune_code": at.commune_code, "commune_label": at.commune_label,
                 "phone": at.phone}  # fmt: skip
        made = patients.create_patient(viewer, traits=traits, coordinates=where, is_test=True, source="demo").patient
        circles.open_circle(viewer, patient=made)


def _exchanged(text: str) -> str:
    year, month, day = text.split("-")
    return f"{year}-{day}-{month}" if int(day) <= 12 else text


def _reports(staff: Any) -> None:
    directory.report_error(
        _viewer(staff, "maelle"), about=staff.roles["Hervé Salaün"], field="phone", text="Le cabinet a changé de numéro depuis le début du mois.",
        proposed="0261914199",
    )  # fmt: skip
    directory.report_error(
        _viewer(staff, "nolwenn"),
        about=staff.places["lambe"],
        field="address",
        text="La pharmacie a déménagé de l’autre côté de la place.",
    )


def _yvonne(staff: Any) -> None:
    keys = {
        "nurse": "maelle", "doctor": "erwan", "coordinator": "nolwenn", "physio": "loic", "pharmacist": "annesophie", "home_aid": "katell",
        "ward_nurse": "ines",
    }  # fmt: skip
    team = {key: staff.users[login] for key, login in keys.items()}
    patient = story.tell(team, staff.users["soazig"], staff.places["ch"])
    me = story.acting(team["nurse"], patient.pk)
    circles.add_member(me, kind=MemberKind.PATIENT, user=staff.users["yvonne"], ground="own_file", role="")
    # Her own account opens on the newest words; the DAC is there as a team too.
    team_member = Member.objects.filter(circle_id=patient.pk, team=staff.teams["dac29"]).exists()
    if not team_member:
        try:
            circles.add_member(me, team=staff.teams["dac29"], ground="establishment", role="Équipe d’appui")
        except Refused:  # pragma: no cover  someone refused the structure in a changed story
            return
    Circle.objects.filter(pk=patient.pk).update(opened_at=story.day(-400, 9))
    Patient.objects.filter(pk=patient.pk).update(created_at=story.day(-400, 9))
    ReadCursor.objects.get_or_create(
        user=staff.users["yvonne"],
        circle_id=patient.pk,
        defaults={"read_seq": 9, "seen_at": story.day(-1, 18) - timedelta(hours=1)},
    )
