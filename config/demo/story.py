"""Yvonne Le Gall: the one patient told by hand, so that the first screens of the demo read like a real week.

Everything passes by the verbs of the product. Invented people; hours are relative to the day of the load.
"""

import io
from datetime import datetime, time, timedelta

from django.utils import timezone
from PIL import Image, ImageDraw, ImageFilter

from cercle.care.notebook import actions as notebook
from cercle.care.notebook.measures import parse
from cercle.care.notebook.models import ReadCursor
from cercle.care.stays import actions as stays
from cercle.people.accounts.models import User
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting, make_viewer, reach
from cercle.people.circles.models import Consent, ConsentText
from cercle.people.directory.models import Organization, PracticeRole, Practitioner
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import CivilTraits

from .stories import typeset


def day(offset: int, hour: int, minute: int = 0) -> datetime:
    """A local instant, `offset` days from today; never in the future."""
    zone = timezone.get_current_timezone()
    at = datetime.combine(timezone.localdate() + timedelta(days=offset), time(hour, minute), zone)
    return min(at, timezone.now() - timedelta(minutes=2))


def wound_photo() -> bytes:
    """A drawn photo of a small leg ulcer with its ruler: no real person's picture."""
    image = Image.new("RGB", (960, 700), (214, 168, 138))
    draw = ImageDraw.Draw(image)
    for y in range(700):
        shade = int(18 * y / 700)
        draw.line([(0, y), (960, y)], fill=(220 - shade, 172 - shade, 142 - shade))
    draw.ellipse((330, 190, 640, 430), fill=(196, 118, 104))
    draw.ellipse((370, 220, 600, 405), fill=(170, 62, 58))
    draw.ellipse((430, 265, 545, 360), fill=(146, 38, 42))
    image = image.filter(ImageFilter.GaussianBlur(13))
    draw = ImageDraw.Draw(image)
    draw.rectangle((230, 560, 760, 640), fill=(250, 250, 246))
    for i, x in enumerate(range(240, 756, 17)):
        draw.line([(x, 560), (x, 590 if i % 3 == 0 else 578)], fill=(40, 40, 40), width=3)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


class Upload(io.BytesIO):
    def __init__(self, data: bytes, name: str):
        super().__init__(data)
        self.name, self.size = name, len(data)


def person(
    given: str,
    family: str,
    civility: str,
    *,
    at: Organization | None,
    email: str,
    password: str,
    title: str = "",
    **role,
) -> User:
    """An account with its practitioner and one situation of exercise, or the one that exists."""
    if found := User.objects.filter(email=email).first():
        return found
    practitioner = Practitioner.objects.create(
        given=given, family=family, civility=civility, title=title, source="demo"
    )
    place = (
        {k: getattr(at, k) for k in ("address", "postal_code", "city", "commune_code", "lat", "lon", "phone")}
        if at
        else {}
    )
    made = PracticeRole.objects.create(practitioner=practitioner, organization=at, source="demo", **place | role)
    user = User.objects.create_user(
        email,
        password,
        first_name=given,
        last_name=family,
        practitioner=practitioner,
        last_context=made,
        kind="professional",
    )
    return user


def acting(user: User, circle_id) -> Acting:
    found = reach(make_viewer(user, user.last_context, source="demo"), circle_id)
    assert found is not None, f"{user.email} is outside the circle"
    return found


def tell(cast: dict[str, User], daughter: User, hospital: Organization) -> Patient:
    """`cast`: nurse, doctor, coordinator, physio, pharmacist, home_aid, ward_nurse. Gives back the patient."""
    nurse = cast["nurse"]
    viewer = make_viewer(nurse, nurse.last_context, source="demo")
    traits = CivilTraits.read(
        birth_family="QUÉMÉNEUR", birth_given="YVONNE", birth_givens="YVONNE MARIE", sex="F", birth_date="1941-04-12",
        birth_place_code="29220", birth_place_label="Pont-l’Abbé", used_family="LE GALL", used_given="YVONNE",
    )  # fmt: skip
    where = {
        "address": "4 rue du Lycée", "address_extra": "vit seule, 2e étage sans ascenseur", "postal_code": "29120",
        "commune_code": "29220", "commune_label": "Pont-l’Abbé", "phone": "0261914027",
    }  # fmt: skip
    patient = patients.create_patient(viewer, traits=traits, coordinates=where, is_test=True, source="demo").patient
    patients.validate_identity(viewer, patient=patient, document="CN")
    circles.open_circle(
        viewer, patient=patient, role="Infirmière référente", informed=timezone.localdate() - timedelta(days=400)
    )
    me = acting(nurse, patient.pk)
    roles = {
        "doctor": "Médecin traitant", "coordinator": "Référente de parcours", "physio": "", "pharmacist": "", "home_aid": "", "ward_nurse": "",
    }  # fmt: skip
    for key, word in roles.items():
        ground = "establishment" if key in ("ward_nurse", "coordinator") else "recognised"
        circles.add_member(me, practice_role=cast[key].last_context, ground=ground, role=word)
    contact = patients.add_contact(
        viewer, patient=patient, family="LE GALL", given="SOAZIG", relationship="DAUC", is_carer=True, is_emergency=True, is_trusted=True,
        phone="0600000012",
    )  # fmt: skip
    circles.add_member(me, contact=contact, user=daughter, ground="wish", role="Fille, personne de confiance")
    patients.declare_treating_doctor(viewer, patient=patient, practice_role=cast["doctor"].last_context)
    as_ = {key: acting(user, patient.pk) for key, user in cast.items()}
    as_["daughter"] = reach(make_viewer(daughter, None, source="demo"), patient.pk)

    def write(who: str, at: datetime, text: str, **more):
        return notebook.add_note(as_[who], text=typeset(text), written_at=at, **more)

    for back, weight, bp, spo2, sugar, text in (
        (26, "70,8", "14/8", "96", "1,31", "Passage du soir, rien de particulier."),
        (
            19,
            "70,9",
            "15/8",
            "96",
            "1,22",
            "A bien dîné. Marche dans l’appartement sans s’essouffler, chevilles souples.",
        ),
        (12, "71,0", "14/8", "95", "1,36", "Bonne journée, sa voisine est passée. Injection faite, cuisse droite."),
        (
            10,
            "71,4",
            "15/9",
            "95",
            "1,28",
            "Un peu fatiguée, dit avoir mangé salé dimanche. Les chaussettes marquent un peu.",
        ),
    ):
        write(
            "nurse", day(-back, 18), text, type="OBS",
            measures=[parse("weight", weight), parse("bp", bp), parse("spo2", spo2), parse("glycaemia", sugar, "à jeun")],
        )  # fmt: skip
    write(
        "physio",
        day(-9, 11, 20),
        "Marche 40 mètres avec le déambulateur, escalier deux étages avec pause. À poursuivre trois fois par semaine.",
        type="INTERV",
    )
    write(
        "pharmacist",
        day(-7, 16, 10),
        "Pilulier de la semaine prêt. Le générique du furosémide a changé de couleur, Mme Le Gall est prévenue.",
        type="GEN",
    )
    write(
        "nurse", day(-3, 18, 6), "Œdèmes aux deux chevilles, prise de poids rapide. J’ai appelé le cabinet du Dr Kervella, rendez-vous demain 10 h.",
        type="OBS", measures=[parse("weight", "74,1"), parse("bp", "15/8"), parse("spo2", "93"), parse("glycaemia", "1,42", "à jeun")],
    )  # fmt: skip
    write(
        "home_aid",
        day(-2, 8, 20),
        "Mme Le Gall est essoufflée au lever et a dormi dans son fauteuil. Chevilles très gonflées. Le 15 est prévenu, je reste avec elle.",
        type="OBS",
        urgency=1,
    )
    stay = stays.admit(
        as_["ward_nurse"], organization=hospital, label="CH de Quimper", ward="cardiologie", room="214", entry_mode="emergency",
        started_at=day(-2, 11, 26),
    )  # fmt: skip
    write(
        "ward_nurse", day(-1, 15, 20),
        "Ulcère de la malléole interne gauche : berges propres, fond bourgeonnant, peu d’exsudat, 3,1 × 2,2 cm (−0,4 cm depuis la photo). Hydrocellulaire, "
        "bande de compression remise. Douleur 2 sur 10 au retrait. À refaire vendredi au domicile.",
        type="INTERV", category="nursing", files=[Upload(wound_photo(), "plaie.jpg")],
    )  # fmt: skip
    stays.announce_discharge(as_["ward_nurse"], stay=stay, expected_end=day_ahead(1, 14), has_time=True)
    urgent = write(
        "coordinator", day(0, 8, 52),
        "Sortie confirmée demain vers 14 h. Le lit médicalisé n’est pas encore livré et l’aide du soir n’a pas repris. "
        "Dr Kervella, pouvez-vous faire l’ordonnance du lit ce matin ?",
        urgency=2, type="DEM-AVIS", category="social",
    )  # fmt: skip
    write("doctor", day(0, 9, 15), "Ordonnance envoyée à la pharmacie.", reply_to=urgent)
    write("pharmacist", day(0, 9, 31), "Livraison possible demain entre 9 h et 11 h. Qui ouvre ?", reply_to=urgent)
    write("daughter", day(0, 9, 48), "Je serai sur place dès 8 h 30.", reply_to=urgent)
    # Who had read what, when the nurse opens the page: the others are up to date, she was last here three days ago.
    seen = {
        "doctor": 99,
        "coordinator": 99,
        "pharmacist": 99,
        "ward_nurse": 99,
        "daughter": 99,
        "physio": 8,
        "home_aid": 9,
        "nurse": 7,
    }
    top = urgent.seq + 3
    for key, seq in seen.items():
        user = daughter if key == "daughter" else cast[key]
        at = day(-3, 18, 10) if key == "nurse" else day(0, 9, 50)
        ReadCursor.objects.update_or_create(
            user=user,
            circle_id=patient.pk,
            defaults={"read_seq": min(seq, top), "seen_at": at, "visit_seq": 0, "visit_at": None},
        )
    if ConsentText.objects.exists() and not Consent.objects.filter(circle_id=patient.pk).exists():
        circles.record_consent(
            me, flow="information", given_by="person", form="oral", given_on=timezone.localdate() - timedelta(days=400)
        )
    return patient


def day_ahead(offset: int, hour: int) -> datetime:
    zone = timezone.get_current_timezone()
    return datetime.combine(timezone.localdate() + timedelta(days=offset), time(hour), zone)
