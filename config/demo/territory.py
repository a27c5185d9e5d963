"""An invented patient with all her rows, ready for COPY: what the verbs would have written, without passing by them.

`check.py` holds the invariants that the verbs keep and this must keep too.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

from cercle.care.notebook.measures import KINDS
from cercle.people.patients import ins
from cercle.people.patients.matching import Traits

from . import people, stories
from .stories import Line, Story

NOTES = 17
SOURCE = "demo"
PARIS = ZoneInfo("Europe/Paris")
HOURS = {
    "nurse": (7, 19), "doctor": (9, 19), "pharm": (9, 18), "physio": (9, 17), "aid": (8, 18), "ssiad": (8, 11), "ward": (10, 17),
    "coord": (9, 17), "psy": (10, 17), "ortho": (10, 17), "relative": (17, 21),
}  # fmt: skip
LEVELS = {
    "weight": (48, 88, 0.5), "bp": (115, 150, 7), "spo2": (95, 98, 0.8), "pulse": (62, 88, 5), "glycaemia": (0.95, 1.7, 0.22),
    "temperature": (36.3, 37.1, 0.25), "pain": (2, 5, 0.9),
}  # fmt: skip
HEALTH, SOCIAL, CARER = 2, 4, 32
PROFILES = {
    "nurse": ("nurse", HEALTH), "ward": ("nurse", HEALTH), "doctor": ("prescriber", HEALTH), "pharm": ("pharmacist", HEALTH),
    "physio": ("therapist", HEALTH), "ortho": ("therapist", HEALTH), "ssiad": ("therapist", HEALTH), "aid": ("home_care", SOCIAL),
    "coord": ("coordination", SOCIAL), "psy": ("psychologist", SOCIAL),
}  # fmt: skip
ROLES = {"nurse": "", "doctor": "Médecin traitant", "coord": "Référente de parcours"}
# Weights of the ways a story stands today.
ENDINGS = (("", 86), ("hospital", 4), ("watch", 6), ("urgent", 4))

COLUMNS = {
    "patients_patient": "id source identity_id deceased last_contact_at retention_class legal_hold is_test created_at",
    "patients_identity": (
        "id patient_id birth_family birth_given birth_givens sex birth_date birth_earliest birth_latest birth_place_code birth_place_label"
        " used_family used_given ins_value ins_oid status document method verified_at is_doubtful is_fictive is_homonym decided_by_id"
        " decided_role_id decided_name decided_at reason"
    ),
    "patients_coordinates": (
        "id patient_id address address_extra postal_code commune_code commune_label country_code phone phone_other email decided_by_id"
        " decided_role_id decided_name decided_at reason"
    ),
    "patients_contact": (
        "id patient_id family given relationship is_emergency is_trusted is_legal_rep is_carer lives_with phone phone_other email address"
        " note since decided_by_id decided_role_id decided_name decided_at reason"
    ),
    "patients_treatingdoctor": (
        "id patient_id practice_role_id external_name external_place external_phone is_none since decided_by_id decided_role_id"
        " decided_name decided_at reason"
    ),
    "patients_matchkey": "key patient_id",
    "circles_circle": "patient_id opened_at opened_by_id lead_id has_absorbed has_oppositions",
    "circles_circlecounter": "circle_id note_seq open_seq masked_seq urgent_seq",
    "circles_member": (
        "id circle_id kind practice_role_id team_id contact_id user_id profile reader_mask role ground reason started_at end_reason"
        " added_by_id added_by_role_id recorded_at"
    ),
    "circles_consent": "id circle_id flow text_id given_by form given_on recorded_at recorded_by_id recorded_by_role_id scope",
    "record_essential": (
        "id circle_id kind category hidden is_none label detail code code_system since written_at author_user_id author_role_id"
        " author_name author_label ended_name end_reason"
    ),
    "notebook_note": (
        "id circle_id seq type urgency category hidden text author_user_id author_role_id author_name author_label entered_as source"
        " reply_to_id thread_user written_at recorded_at version state changed_at measures attachments asks_receipt"
    ),
    "notebook_noteversion": "id note_id number state type urgency category hidden text measures reason at by_user_id by_name",
    "notebook_measure": "id note_id circle_id kind value value2 context measured_at is_current",
    "notebook_readcursor": "user_id circle_id read_seq seen_at visit_seq visit_at",
    "documents_document": (
        "id circle_id holder_id sha256 size media_type name title category hidden author_user_id author_role_id author_name created_at"
        " recorded_at width height thumbnail active_content scan_state scan_detail state"
    ),
    "stays_stay": (
        "id circle_id kind organization_id label ward room entry_mode started_at started_has_time expected_end expected_has_time"
        " ended_at ended_has_time end_kind source source_ref entered_by_user_id entered_by_role_id recorded_at"
    ),
    "stays_movement": (
        "id stay_id kind at has_time ward room expected_has_time end_kind text source source_ref author_user_id author_role_id"
        " author_name recorded_at"
    ),
    "audit_event": (
        "actor_name actor_role ground source action kind circle_id target_type target_id shown hidden reason details outcome"
    ),
}  # fmt: skip
COLUMNS = {table: tuple(names.split()) for table, names in COLUMNS.items()}


@dataclass(slots=True)
class Person:
    """A professional or a relative as she signs."""

    user: str | None
    role: str | None
    name: str
    label: str
    team: str | None = None
    organization: str | None = None
    place: str = ""
    wards: list[str] = field(default_factory=list)
    salutation: str = ""
    first_name: str = ""
    mates: list[str] = field(default_factory=list)  # accounts of the whole team, which reads together


@dataclass(slots=True)
class Sector:
    """The professionals of a few hundred patients, and where these live: (code, name, postal code)."""

    by_work: dict[str, list[Person]]
    communes: list[tuple[str, str, str]]


@dataclass(slots=True)
class World:
    seed: int
    now: datetime
    information: str  # id of the text shown
    tests: list[dict]  # official test identities not given yet
    relatives: list[tuple[str, str, str, str]]  # accounts for relatives: id, given, family, sex
    photos: list[dict]
    first: Person | None = None  # whose list is set as in the pictures
    given: int = 0
    counter: int = 0

    def key(self) -> str:
        """A uuidv7 that goes up by one row: index pages fill in order."""
        self.counter += 1
        ms = int(self.now.timestamp() * 1000)
        value = ms << 80 | 0x7 << 76 | (self.counter >> 20 & 0xFFF) << 64 | 0b10 << 62
        value |= (self.counter & 0xFFFFF) << 42 | RANDOM.getrandbits(42)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


RANDOM = Random()


@cache
def _lines(key: str) -> list[Line]:
    return stories.read()[key].threads


@cache
def _tales() -> list[Story]:
    return [s for s in stories.read().values() if s.problem]


class Bundle:
    """One patient's rows, by table."""

    def __init__(self, world: World, sector: Sector, number: int):
        self.world, self.number = world, number
        self.rng = Random(f"{world.seed}:{number}")
        self.rows: dict[str, list[tuple]] = defaultdict(list)
        self.test = world.tests.pop() if world.tests and number % 8 == 5 else None
        self.story = self.rng.choice(self._fitting_tales())
        self.ending = self._ending()
        self.sector, self.drawn = sector, False
        self._circle()
        self._identity()
        self._write()

    def _fitting_tales(self) -> list[Story]:
        if not self.test:
            return _tales()
        age = self.world.now.year - int(self.test["date_naissance"][:4])
        return [s for s in _tales() if s.ages[0] - 5 <= age] or [s for s in _tales() if s.key == "ms"]

    # --- Who is around ------------------------------------------------------------------------------------------------
    def _ending(self) -> str:
        return self.rng.choices([e for e, _ in ENDINGS], [w for _, w in ENDINGS])[0]

    def _pick(self, work: str) -> Person:
        return self.rng.choice(self.sector.by_work[work])

    def _circle(self) -> None:
        wanted = ["nurse", "doctor", *sorted(self.story.cast - {"nurse", "doctor", "relative"})]
        if self.ending == "hospital" and "ward" not in wanted:
            wanted.append("ward")
        for more, chance in (("pharm", 0.6), ("aid", 0.5), ("coord", 0.45), ("physio", 0.2)):
            if more not in wanted and len(wanted) < 7 and self.rng.random() < chance:
                wanted.append(more)
        self.cast = {work: self._pick(work) for work in wanted[:7]}
        for work in ("ward",) if self.ending == "hospital" else ():
            self.cast.setdefault(work, self._pick(work))
        if self.world.first and self.cast["nurse"] is self.world.first:
            self._as_drawn()

    def _as_drawn(self) -> None:
        """The list of the first account: a few to read, some in hospital, the others quiet."""
        place = self.world.given
        self.world.given += 1
        self.drawn = True
        self.ending = {3: "urgent", 7: "watch", 11: "calm!", 16: "calm!", 19: "hospital", 24: "hospital"}.get(place, "")
        if self.ending == "hospital":
            self.cast.setdefault("ward", self._pick("ward"))

    def _identity(self) -> None:
        rng, world = self.rng, self.world
        today = world.now.astimezone(PARIS).date()
        low, high = self.story.ages
        if self.test:
            t = self.test
            self.sex, self.birth = t["sexe"], date.fromisoformat(t["date_naissance"])
            strict_family, strict_given = t["nom_naissance"], t["premier_prenom"]
            givens, used_given, used_family = " ".join(t["liste_prenoms"]), "", ""
            place, place_name = t["cog_naissance"], ""
        else:
            self.sex = "F" if rng.random() < 0.6 else "M"
            self.birth = people.born(rng, today, low, high)
            given = people.given(rng, self.sex, self.birth.year)
            family = people.family(rng)
            strict_family, strict_given = people.strict(family), people.strict(given)
            others = [
                people.strict(people.given(rng, self.sex, self.birth.year - 30))
                for _ in range(rng.choice((0, 1, 1, 2)))
            ]
            givens = " ".join([strict_given, *(o for o in others if o != strict_given)])
            used_given = given if given != strict_given else ""
            used_family = people.family(rng) if self.sex == "F" and rng.random() < 0.62 else ""
            used_family = "" if used_family == family else used_family
            place, place_name, _ = rng.choice(self.sector.communes)
        self.family, self.given = used_family or strict_family, used_given or strict_given
        code, commune, postal = rng.choice(self.sector.communes)
        draw = rng.random()
        status = "QUAL" if draw < 0.5 else "VALI" if draw < 0.72 else "RECUP" if draw < 0.82 else "PROV"
        if self.test:
            status = "QUAL" if draw < 0.6 else "RECUP"
        with_ins = status in ("QUAL", "RECUP")
        value = ""
        if with_ins:
            value = (
                self.test["matricule_ins"]
                if self.test
                else people.matricule(self.sex, self.birth, place[:2], self.number)
            )
        self.pk, identity = world.key(), world.key()
        self.lead = self.cast["nurse"]
        self.opened = self._moment(-rng.randint(70, 170), 9, 18)
        patient, opened = self.pk, self.opened
        decided = (self.lead.user, self.lead.role, self.lead.name, opened, "")
        birth = self.birth.isoformat()
        add = self.rows
        add["patients_patient"].append((patient, SOURCE, identity, "", world.now, "support", False, True, opened))
        add["patients_identity"].append((
            identity, patient, strict_family, strict_given, givens, self.sex, birth, birth, birth, place, place_name, used_family,
            used_given, value, ins.NIR_TEST if with_ins else "", status, rng.choice(("CN", "CN", "PA")) if status in ("QUAL", "VALI") else "",
            "INSI" if with_ins else "SM", opened if with_ins else None, False, False, False, *decided,
        ))  # fmt: skip
        address = f"{rng.randint(1, 68)} {rng.choice(people.STREETS)}"
        extra = rng.choice(
            (
                "",
                "",
                "",
                "1er étage, sonner deux fois",
                "au fond de la cour",
                "vit chez sa fille",
                "2e étage sans ascenseur",
            )
        )
        self.phone = people.phone(rng, False)
        add["patients_coordinates"].append((
            world.key(), patient, address, extra, postal, code, commune, "", self.phone, people.phone(rng, True) if rng.random() < 0.4 else "", "",
            *decided,
        ))  # fmt: skip
        traits = Traits(
            birth_family=strict_family, used_family=used_family, birth_givens=givens, first_given=strict_given, used_given=used_given,
            sex=self.sex, birth_date=birth, birth_place=place, ins=value, phone=self.phone, address=address, postcode=postal, commune=commune,
        )  # fmt: skip
        self.traits = traits  # its match keys are made by the batch (load.py)
        add["patients_treatingdoctor"].append(
            (world.key(), patient, self.cast["doctor"].role, "", "", "", False, opened.date(), *decided)
        )
        self._members(decided)
        self._essentials()
        add["audit_event"].append((
            "Cercle", "", "system", "cli", "demo.patient_loaded", "create", patient, "patients.patient", patient, [], 0, "", "{}", "ok",
        ))  # fmt: skip

    def _members(self, decided: tuple) -> None:
        rng, world, add, patient = self.rng, self.world, self.rows, self.pk
        lead = world.key()
        add["circles_circle"].append((patient, self.opened, self.lead.user, lead, False, False))
        add["circles_consent"].append((
            world.key(), patient, "information", world.information, "person", rng.choice(("oral", "oral", "written")), self.opened.date(),
            self.opened, self.lead.user, self.lead.role, "",
        ))  # fmt: skip
        seen = set()
        for work, person in self.cast.items():
            who = person.team or person.role
            if who in seen:
                continue
            seen.add(who)
            profile, mask = PROFILES[work]
            if person.team and work == "ssiad":
                profile, mask = "nurse", HEALTH  # the profile of the team
            started = self.opened + timedelta(days=0 if work == "nurse" else rng.randint(0, 6), minutes=len(seen))
            role = "Infirmière référente" if person is self.lead else ROLES.get(work, "")
            add["circles_member"].append((
                lead if person is self.lead else world.key(), patient, "team" if person.team else "practice_role",
                None if person.team else person.role, person.team, None, None, profile, mask, role,
                "establishment" if work in ("ward", "coord") else "recognised", "", started, "", self.lead.user, self.lead.role, started,
            ))  # fmt: skip
        relation, code, sex = self._relation()
        near_given = people.given(rng, sex, self.birth.year + (2 if code in ("WIFE", "HUSB") else 28))
        near_family = self.family if code not in ("NEPHEW",) else people.family(rng)
        user = None
        if "relative" in self.story.cast and self.number % 25 == 7 and world.relatives and not self.test:
            user, near_given, near_family, sex = world.relatives.pop()
            relation, code = ("fille", "DAUC") if sex == "F" else ("fils", "SONC")
        self.near = (relation, people.soften(near_given), sex)
        contact = world.key()
        add["patients_contact"].append((
            contact, patient, near_family.upper(), near_given.upper(), code, True, rng.random() < 0.6, False, True, code in ("WIFE", "HUSB"),
            people.phone(rng, True), "", "", "", "", self.opened, *decided,
        ))  # fmt: skip
        name = f"{people.soften(near_given)} {people.soften(near_family)}"
        self.cast["relative"] = Person(user, None, name, relation)
        if "relative" in self.story.cast or rng.random() < 0.2:
            add["circles_member"].append((
                world.key(), patient, "relative", None, None, contact, user, "carer", CARER, relation.capitalize(), "wish", "",
                self.opened + timedelta(days=1), "", self.lead.user, self.lead.role, self.opened,
            ))  # fmt: skip

    def _relation(self) -> tuple[str, str, str]:
        she = self.sex == "F"
        if self.story.key == "alone":
            return "neveu", "NEPHEW", "M"
        if self.story.key == "ms" or self.birth.year > 1970:
            return ("mari", "HUSB", "M") if she else ("femme", "WIFE", "F")
        return ("fille", "DAUC", "F") if self.rng.random() < 0.62 else ("fils", "SONC", "M")

    def _essentials(self) -> None:
        rng, doctor, nurse = self.rng, self.cast["doctor"], self.lead
        at = self.opened + timedelta(hours=1)

        def say(kind, category, label, by, *, none=False, detail="", code=""):
            self.rows["record_essential"].append((
                self.world.key(), self.pk, kind, category, 0, none, "" if none else label, detail, code, ins_cim if code else "", "", at,
                by.user, by.role, by.name, by.label, "", "",
            ))  # fmt: skip

        ins_cim = "2.16.840.1.113883.6.3"
        draw = rng.random()
        if draw < 0.5:
            say("allergy", "medical", "", doctor, none=True)
        elif draw < 0.8:
            say(
                "allergy",
                "medical",
                rng.choice(("Pénicilline : éruption", "Sulfamides", "Produits iodés", "Latex", "Aspirine")),
                doctor,
            )
        for treatment in self.story.treatments:
            say("treatment", "medical", treatment, doctor)
        say("problem", "medical", self.story.problem, doctor, code=self.story.code)
        if rng.random() < 0.4:
            say(
                "problem",
                "medical",
                rng.choice(
                    ("Hypertension artérielle", "Arthrose des genoux", "Surdité appareillée", "Cataracte opérée")
                ),
                doctor,
            )
        if rng.random() < 0.55:
            say("home", "nursing", rng.choice((
                f"Code du portail : {rng.randint(1000, 9999)}", "Clé dans le boîtier, à gauche de la porte", "Sonner longtemps, entend mal",
                "Passer par le jardin, la porte de la cuisine reste ouverte", "Chien au jardin, gentil mais bruyant",
            )), nurse)  # fmt: skip

    # --- What was written ---------------------------------------------------------------------------------------------
    def _moment(self, days: int, first: int, last: int) -> datetime:
        day = self.world.now.astimezone(PARIS).date() + timedelta(days=days)
        hour, minute = self.rng.randint(first, last - 1), self.rng.randrange(60)
        return datetime.combine(day, time(hour, minute), PARIS)

    def _threads(self) -> list[Line]:
        """The story's threads in order, everyday ones between them, and how it stands today: 17 notes in all."""
        rng = self.rng
        end = self.ending.rstrip("!")
        if not end and rng.random() < 0.7:
            end = "calm"
        last = self._may_write(_lines(end)) if end else []
        if self.drawn and self.ending:  # what she has to read was written by someone else
            last = [line for line in last if line.who != "nurse"] or last
        closing = [rng.choice(last)] if last else []
        room = NOTES - len(closing)
        told: list[Line] = []
        for thread in self.story.threads:
            size = 1 + len(self._answers(thread))
            if thread.who in self.cast and size <= room:
                told.append(thread)
                room -= size
        between = self._may_write(_lines("filler"))
        while room:
            told.insert(rng.randint(1, len(told)), rng.choice(between))
            room -= 1
        return told + closing

    def _may_write(self, lines: list[Line]) -> list[Line]:
        return [line for line in lines if line.who in self.cast and line.who != "relative" or line.who == "nurse"]

    def _answers(self, thread: Line) -> list[Line]:
        return [r for r in thread.replies if r.who in self.cast]

    def _write(self) -> None:
        rng = self.rng
        threads = self._threads()
        ward = self.cast.get("ward")
        slots = stories.words(
            sex=self.sex, family=people.soften(self.family), near=self.near, doctor=self.cast["doctor"].salutation,
            nurse=self.lead.first_name, hospital=ward.place if ward else "l’hôpital",
        )  # fmt: skip
        self.levels = {k: rng.uniform(low, high) for k, (low, high, _) in LEVELS.items()}
        self.seq = self.open = self.masked = self.urgent = 0
        self.used: set[str] = set()
        lively = self.ending.rstrip("!") != ""
        # Alive today, a few days ago or some weeks ago.
        quiet = 0 if lively else int(26 * rng.random() ** 2.6)
        days = self._days(len(threads), quiet)
        self.times: list[datetime] = []
        self.authors: list[Person] = []
        floor = self.opened + timedelta(hours=2)
        for thread, day in zip(threads, days, strict=True):
            first, last = HOURS[thread.who]
            at = self._before_now(max(self._moment(day, first, last), floor), day)
            root = self._note(thread, at, slots, None)
            floor = self.times[-1] + timedelta(minutes=7)
            for answer in self._answers(thread):
                at = self._before_now(floor + timedelta(minutes=rng.randint(4, 75)), day)
                self._note(answer, at, slots, root)
                floor = self.times[-1] + timedelta(minutes=3)
        self.rows["circles_circlecounter"].append((self.pk, self.seq, self.open, self.masked, self.urgent))
        self._cursors()
        if self.ending == "hospital" and ward:
            self._stay(ward)
        elif rng.random() < 0.15 and ward:
            self._past_stay(ward)

    def _days(self, count: int, quiet: int) -> list[int]:
        span = max((self.world.now - self.opened).days - 3, quiet + count)
        raw = sorted((self.rng.random() for _ in range(count - 1)), reverse=True)
        offsets = [-(quiet + int(r**1.6 * (span - quiet))) for r in raw]  # denser as one comes near
        if self.ending in ("urgent", "watch", "calm!"):
            return [min(o, -1) for o in offsets] + [0 if self.rng.random() < 0.6 else -1]
        if self.ending == "hospital":
            return [min(o, -4) for o in offsets] + [-self.rng.randint(1, 2)]
        return [min(o, -quiet) for o in offsets] + [-quiet]

    def _before_now(self, at: datetime, day: int) -> datetime:
        latest = self.world.now - timedelta(minutes=4)
        if at > latest:
            at = latest - timedelta(minutes=self.rng.randint(5, 90))
        return max(at, self.times[-1] + timedelta(seconds=50)) if self.times else at

    def _note(self, line: Line, at: datetime, slots: dict, root: tuple | None) -> tuple:
        rng, world, person = self.rng, self.world, self.cast[line.who]
        self.seq += 1
        pk = world.key()
        fresh = [t for t in line.texts if t not in self.used] or line.texts
        template = rng.choice(fresh)
        self.used.add(template)
        at = self._fitting(at, template, root)
        text = stories.say(rng, template, slots)
        measured = [self._measure(kind) for kind in line.measures]
        measures = json.dumps(
            [{"kind": k, "value": v, **({"value2": w} if w else {})} for k, v, w in measured], ensure_ascii=False
        ) if measured else "[]"  # fmt: skip
        hidden = line.hidden
        state, version, changed = "current", 1, None
        edit = rng.random()
        whole = ". " in text and edit < 0.03
        gone = root is None and not line.replies and not line.urgency and 0.03 <= edit < 0.034
        if whole or gone:
            version, changed = 2, at + timedelta(minutes=rng.randint(2, 40))
            state = "withdrawn" if gone else "current"
        recorded = at + timedelta(seconds=rng.randint(5, 50))
        root_id, thread_user = (root[0], root[1]) if root else (None, None)
        add, patient = self.rows, self.pk
        add["notebook_note"].append((
            pk, patient, self.seq, line.type, line.urgency, line.category, hidden, text, person.user, person.role, person.name, person.label,
            "", SOURCE, root_id, thread_user, at, recorded, version, state, changed, measures, int(line.photo), False,
        ))  # fmt: skip
        common = (line.type, line.urgency, line.category, hidden)
        signed = (person.user, person.name)
        former = text.rsplit(". ", 1)[0] + "." if whole else text
        add["notebook_noteversion"].append(
            (world.key(), pk, 1, "current", *common, former, measures, "", recorded, *signed)
        )
        if version == 2:
            reason = "Écrite dans le mauvais cahier." if gone else "Complément"
            add["notebook_noteversion"].append(
                (world.key(), pk, 2, state, *common, text, measures, reason, changed, *signed)
            )
        for kind, value, value2 in measured:
            add["notebook_measure"].append((world.key(), pk, patient, kind, value, value2, "", at, not gone))
        if line.photo:
            self._photo(pk, line, person, at, recorded)
        if hidden:
            self.masked = self.seq
        else:
            self.open = self.seq
            if line.urgency == 2:
                self.urgent = self.seq
        self.times.append(at)
        self.authors.append(person)
        return pk, person.user

    def _fitting(self, at: datetime, template: str, root: tuple | None) -> datetime:
        """« ce soir » is not said at nine in the morning, nor « ce matin » at night."""
        hour = at.astimezone(PARIS).hour
        if root is None and "ce soir" in template and hour < 16:
            at += timedelta(hours=18 - hour)
        elif root is None and "ce matin" in template and hour > 14:
            at -= timedelta(hours=hour - 10)
        return self._before_now(at, 0)

    def _measure(self, kind: str) -> tuple[str, str, str | None]:
        low, high, noise = LEVELS[kind]
        self.levels[kind] += self.story.drifts.get(kind, 0)
        rng, spec = self.rng, KINDS[kind]
        value = self.levels[kind] + rng.gauss(0, noise)
        if kind == "bp":
            high_ = round(value / 10) * 10 if rng.random() < 0.7 else round(value)
            return kind, str(high_), str(round(high_ * rng.uniform(0.52, 0.6) / 10) * 10)
        if kind == "temperature" and self.ending in ("urgent", "watch") and self.seq > 15:
            value = rng.uniform(38.2, 39.1)
        ceiling = 99 if kind == "spo2" else 10 if kind == "pain" else float(spec.high)
        floor = {"spo2": 88, "pain": 0, "weight": 38}.get(kind, float(spec.low))
        value = min(max(value, floor), ceiling)
        return kind, f"{value:.{spec.decimals}f}", None

    def _photo(self, note: str, line: Line, person: Person, at: datetime, recorded: datetime) -> None:
        shot = self.rng.choice(self.world.photos)
        self.rows["documents_document"].append((
            self.world.key(), self.pk, note, shot["sha256"], shot["size"], "image/jpeg", "plaie.jpg", "", line.category, line.hidden,
            person.user, person.role, person.name, at, recorded, shot["width"], shot["height"], shot["thumbnail"], False, "not_scanned", "",
            "kept",
        ))  # fmt: skip

    def _cursors(self) -> None:
        """Most have read to the end; some are behind by their last answers."""
        rng, now = self.rng, self.world.now
        # Whoever wrote has seen what stands before her own words.
        wrote = {a.user: n for n, a in enumerate(self.authors, 1)}
        accounts = dict.fromkeys(u for p in self.cast.values() for u in (p.user, *p.mates) if u)
        for user in accounts:
            behind = rng.choices((0, 1, 2, 4), (84, 9, 4, 3))[0]
            if self.drawn and self.world.first and user == self.world.first.user:
                behind = {"urgent": 2, "watch": 3, "calm!": 1}.get(self.ending, 0)
            read = max(self.seq - behind, wrote.get(user, 0))
            at = self.times[read - 1] + timedelta(minutes=9)
            self.rows["notebook_readcursor"].append((user, self.pk, read, min(at, now), 0, None))

    # --- Stays --------------------------------------------------------------------------------------------------------
    def _stay(self, ward: Person) -> None:
        start = self._moment(-self.rng.randint(3, 9), 8, 20)
        expected = self._moment(self.rng.randint(1, 5), 14, 15) if self.rng.random() < 0.5 else None
        self._add_stay(ward, start, None, expected)

    def _past_stay(self, ward: Person) -> None:
        start = self.opened - timedelta(days=self.rng.randint(4, 11))
        self._add_stay(ward, start, self.opened - timedelta(hours=2), None)

    def _add_stay(self, ward: Person, start: datetime, end: datetime | None, expected: datetime | None) -> None:
        rng, pk = self.rng, self.world.key()
        unit, room = rng.choice(ward.wards or ["médecine"]), str(rng.randint(101, 428))
        how = rng.choice(("emergency", "planned"))
        self.rows["stays_stay"].append((
            pk, self.pk, "hospital", ward.organization, ward.place, unit, room, how, start, True, expected, False, end, True,
            "home" if end else "", "manual", "", ward.user, ward.role, start,
        ))  # fmt: skip
        for kind, at, finish in [("admission", start, ""), *([("discharge", end, "home")] if end else [])]:
            self.rows["stays_movement"].append((
                self.world.key(), pk, kind, at, True, unit, room, False, finish, "", "manual", "", ward.user, ward.role, ward.name, at,
            ))  # fmt: skip


def bundles(world: World, groups: list[list[Sector]], count: int, size: int) -> Iterator[Bundle]:
    """`count` patients, `size` to each group in turn, dealt between the sectors of a group."""
    for number in range(1, count + 1):
        group = groups[min((number - 1) // size, len(groups) - 1)]
        yield Bundle(world, group[number * 7 % len(group)], number)
