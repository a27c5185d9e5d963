"""Fills an empty, marked database: structures, professionals, accounts, then patients by COPY, then what the verbs tell."""

import io
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from random import Random

from django.contrib.auth.hashers import make_password
from django.db import connection, connections, transaction
from django.utils import timezone
from PIL import Image, ImageDraw, ImageFilter

from cercle.base.audit.record import Machine
from cercle.base.common import blobs
from cercle.base.common.ids import uuid7
from cercle.base.common.text import name_key
from cercle.care.documents import content
from cercle.care.questionnaires import library
from cercle.people import patients as identities
from cercle.people.accounts import actions as accounts
from cercle.people.accounts.models import StructureAdmin, User
from cercle.people.circles.access import described
from cercle.people.circles.models import ConsentText
from cercle.people.directory import reference
from cercle.people.directory.keys import luhn_key
from cercle.people.directory.models import Commune, Organization, PracticeRole, Practitioner, Team, TeamMember
from cercle.people.patients.matching import keys_of

from . import cast, desk, extras, house, people, support, week
from .models import mark
from .territory import COLUMNS, Bundle, Person, Sector, World, bundles

BATCH = 1000
LARGE = 2 * BATCH  # from here on, one batch is written while the next is invented
PER_SECTOR = 400  # patients whom one set of professionals looks after
SHELL = Machine(source="cli", ground="shell", actor_name="cercle demo")
Progress = Callable[[int, int], None]


def load(*, patients: int, seed: int, now: datetime | None = None, progress: Progress | None = None) -> dict[str, int]:
    """Rows written, by table. Raises Refused on a database that already has patients.

    A territory comes whole or not at all, however large: an interrupted load leaves an empty database, to load again.
    """
    with transaction.atomic():
        return _load(patients, seed, now or timezone.now(), progress)


def _load(patients: int, seed: int, now: datetime, progress: Progress | None) -> dict[str, int]:
    mark(patients=patients, seed=seed)
    if not reference.is_loaded():
        reference.load()
    library.load()
    rng = Random(f"{seed}:cast")
    with transaction.atomic():
        staff = Staff(rng)
        world = World(
            seed=seed, now=now, information=str(ConsentText.objects.filter(flow="information").latest("version").pk),
            tests=_test_identities(), relatives=staff.relatives(), photos=_photos(), first=staff.first,
        )  # fmt: skip
        groups = [staff.zones, *([staff.sector(n, rng)] for n in range(1, -(-patients // PER_SECTOR)))]
    counts: dict[str, int] = defaultdict(int)
    stream = bundles(world, groups, patients, PER_SECTOR)
    done = 0
    with _writer(patients) as write:
        while rows := _batch(list(islice(stream, BATCH))):
            write(rows, counts)
            done += len(rows["patients_patient"])
            if progress:
                progress(done, patients)
    extras.tell(staff, patients=patients, now=now)
    with transaction.atomic():
        support.tell(seed, now)
        desk.tell(seed, now)
        week.tell(staff, now)
        house.tell(staff, now)
    with connection.cursor() as cursor:
        for table in COLUMNS:
            if table != "audit_event":
                cursor.execute(f"ANALYZE {table}")
    return dict(counts)


def _batch(some: list[Bundle]) -> dict[str, list[tuple]]:
    """Their rows together, with the match keys, which are cheap only many at a time."""
    rows: dict[str, list[tuple]] = defaultdict(list)
    for bundle in some:
        for table, found in bundle.rows.items():
            rows[table] += found
    if some:
        for bundle, keys in zip(some, keys_of([b.traits for b in some]), strict=True):
            rows["patients_matchkey"] += [(key, bundle.pk) for key in keys]
    return rows


def _copy(rows: dict[str, list[tuple]], counts: dict[str, int], by=connection) -> None:
    with by.cursor() as cursor:
        for table, columns in COLUMNS.items():
            if not rows[table]:
                continue
            counts[table] += len(rows[table])
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows[table]:
                    copy.write_row(row)
        # Foreign keys are looked at now: put off to the end, they would wait in memory, some bytes a row.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@contextmanager
def _writer(patients: int) -> Iterator[Callable]:
    """Gives `write(rows, counts)`. A large territory writes one batch behind, while the next one is invented.

    The thread behind writes on this connection, in its transaction; nothing else asks it anything meanwhile.
    """
    if patients <= LARGE:
        yield _copy
        return
    here = connections[connection.alias]
    here.inc_thread_sharing()
    with ThreadPoolExecutor(1) as behind:
        waiting: list[Future] = []

        def write(rows: dict[str, list[tuple]], counts: dict[str, int]) -> None:
            if waiting:
                waiting.pop().result()
            waiting.append(behind.submit(_copy, rows, counts, here))

        try:
            yield write
            for each in waiting:
                each.result()
        finally:
            behind.shutdown()  # the last batch ends before anything is rolled back
            here.dec_thread_sharing()


def _test_identities() -> list[dict]:
    """Official test identities with a right key, complete enough for a file; the last is given first."""
    file = Path(identities.__file__).parent / "data" / "insi_test_identities.json"
    kept, seen = [], set()
    for row in json.loads(file.read_text(encoding="utf-8"))["identites"]:
        value = row.get("matricule_ins") or ""
        if not (
            row.get("cle_valide")
            and row.get("matricule_coherent_avec_traits")
            and len(row.get("date_naissance") or "") == 10
        ):
            continue
        if (
            value in seen
            or not row.get("cog_naissance")
            or row.get("sexe") not in ("F", "M")
            or row["date_naissance"] > "1999"
        ):
            continue
        if not re.fullmatch("[A-Z' -]+", row["nom_naissance"] + row["premier_prenom"] + "".join(row["liste_prenoms"])):
            continue
        seen.add(value)
        kept.append(row)
    return kept[::-1]


class Staff:
    """Everyone who works in the territory, as rows, and as they sign."""

    def __init__(self, rng: Random):
        self.password = make_password(cast.PASSWORD)
        self.communes = {c.code: c for c in Commune.objects.filter(kind="COM", department__in=("22", "29", "35", "56"))}
        self.places = self._places()
        self.wards = {self.places[k].pk: v for k, v in cast.WARDS.items()}
        self.roles: dict[str, PracticeRole] = {}
        self.users: dict[str, User] = {}
        self.teams: dict[str, Team] = {}
        self._number = 0
        people_ = [self._professional(pro) for pro in cast.PROS]
        for key, name in (("dac29", "Équipe Cornouaille"), ("dac56", "Équipe Vannes"), ("ssiad", "Équipe du Cap")):
            self.teams[key] = Team.objects.create(organization=self.places[key], name=name)
            members = [r for r in self.roles.values() if r.organization_id == self.places[key].pk]
            TeamMember.objects.bulk_create(TeamMember(team=self.teams[key], practice_role=r) for r in members)
        team_of = {t.organization_id: str(t.pk) for t in self.teams.values()}
        by_work: dict[str, list[Person]] = defaultdict(list)
        for pro, person in zip(cast.PROS, people_, strict=True):
            if pro.work in ("coord", "ssiad"):
                person.team = team_of[self.places[pro.place].pk]
                person.mates = [str(self.users[_login(p)].pk) for p in cast.PROS if p.place == pro.place]
            by_work[pro.work].append(person)
        self.first = by_work["nurse"][0]
        self.everywhere = dict(by_work)
        zone_of = {id(person): pro.zone for pro, person in zip(cast.PROS, people_, strict=True)}
        self.zones: list[Sector] = []
        for zone, share in cast.SHARES.items():
            local = {
                work: [p for p in them if zone_of[id(p)] == zone] or them for work, them in self.everywhere.items()
            }
            if self.first in local["nurse"]:
                local["nurse"] = [self.first, *local["nurse"]]  # whose list one opens first
            self.zones += [Sector(local, [self._commune(c) for c in cast.ZONES[zone]])] * share
        self._accounts()

    def _commune(self, code: str) -> tuple[str, str, str]:
        c = self.communes[code]
        return code, c.name.replace("'", "’"), c.postal_codes[0]

    def _at(self, code: str) -> dict:
        c = self.communes[code]
        name = c.name.replace("'", "’")
        return {"postal_code": c.postal_codes[0], "city": name, "commune_code": code, "lat": c.lat, "lon": c.lon}

    def _places(self) -> dict[str, Organization]:
        made = {}
        for n, (key, (name, category, commune, street, phone)) in enumerate(cast.PLACES.items(), 1):
            body = f"99000{n:03}"
            made[key] = Organization(
                id=uuid7(), name=name, category=category, sector="" if category else "SA08", address=street, phone=phone, source="demo",
                source_key=f"place:{key}", finess=body + luhn_key(body) if category else None, **self._at(commune),
            )  # fmt: skip
        Organization.objects.bulk_create(made.values())
        return made

    def _rpps(self) -> str:
        self._number += 1
        body = f"99{self._number:08}"
        return body + luhn_key(body)

    def _professional(self, pro: cast.Pro) -> Person:
        organization = self.places.get(pro.place)
        system, code, mode, title, more = cast.WORKS[pro.work]
        if pro.civility == "M" and "profession_label" in more:
            more = more | {"profession_label": "Coordinateur DAC"}
        where = self._at(organization.commune_code if organization else cast.ZONES[pro.zone][0])
        practitioner = Practitioner.objects.create(
            given=pro.given, family=pro.family, civility=pro.civility, title=title, source="demo", source_key=pro.key,
            rpps=self._rpps() if system == "TRE_G15" else None,
        )  # fmt: skip
        common = {"practitioner": practitioner, "profession_system": system, "profession": code, "source": "demo"}
        phone = organization.phone if organization else f"02619141{self._number:02}"
        role = PracticeRole.objects.create(
            organization=organization, mode=mode, phone=phone, address=organization.address if organization else "", **common, **where,
            **more,
        )  # fmt: skip
        if pro.second[0]:
            other = self.places[pro.second[0]]
            PracticeRole.objects.create(
                organization=other, mode=pro.second[1], phone=other.phone, address=other.address, **common,
                **self._at(other.commune_code), **more,
            )  # fmt: skip
        login = _login(pro)
        user = User.objects.create(
            email=f"{login}@{cast.DOMAIN}", password=self.password, first_name=pro.given, last_name=pro.family, kind="professional",
            practitioner=practitioner, last_context=role,
        )  # fmt: skip
        if pro.admin:
            StructureAdmin.objects.create(user=user, organization=organization)
        self.roles[pro.key], self.users[login] = role, user
        name = practitioner.display_name
        return Person(
            user=str(user.pk), role=str(role.pk), name=name, label=described(role), organization=str(organization.pk) if organization else None,
            place=organization.name if organization else "", wards=self.wards.get(organization.pk, []) if organization else [],
            salutation=f"Dr\u00a0{pro.family}" if title == "DR" else name, first_name=pro.given,
        )  # fmt: skip

    def _accounts(self) -> None:
        for login, given, family, kind in (
            ("soazig", "Soazig", "Le Gall", "relative"), ("yvonne", "Yvonne", "Le Gall", "patient"),
            ("support", "Camille", "Aubert", "support"), ("operateur", "Dominique", "Perrot", "operator"),
        ):  # fmt: skip
            self.users[login] = User.objects.create(
                email=f"{login}@{cast.DOMAIN}", password=self.password, first_name=given, last_name=family, kind=kind
            )
        for login, secret in cast.SECRETS.items():
            accounts.give_second_factor(self.users[login], secret)

    def relatives(self) -> list[tuple[str, str, str, str]]:
        made: list[tuple[str, str, str, str]] = []
        for given, sex in (
            ("Annaïg", "F"),
            ("Goulven", "M"),
            ("Sophie", "F"),
            ("Ronan", "M"),
            ("Armelle", "F"),
            ("Pierrick", "M"),
        ):
            family = ("Cosquer", "Gouzien", "Toulemont", "Daniélou", "Bideau", "Riou")[len(made)]
            user = User.objects.create(
                email=f"{name_key(given)}@{cast.DOMAIN}",
                password=self.password,
                first_name=given,
                last_name=family,
                kind="relative",
            )
            made.append((str(user.pk), given, family, sex))
        return made[::-1]

    # --- Large territories --------------------------------------------------------------------------------------------
    def sector(self, number: int, rng: Random) -> Sector:
        """A set of professionals of their own for the next few hundred patients, around one town of Brittany."""
        towns = sorted((c for c in self.communes.values() if (c.population or 0) > 2500), key=lambda c: c.code)
        town = rng.choice(towns)
        near = sorted(towns, key=lambda c: (c.lat - town.lat) ** 2 + (c.lon - town.lon) ** 2)[:6]
        by_work: dict[str, list[Person]] = {w: self.everywhere[w] for w in ("ward", "psy", "ssiad")}
        desk = self._desk(number)
        for work, count in (
            ("nurse", 4),
            ("doctor", 3),
            ("pharm", 2),
            ("physio", 2),
            ("aid", 2),
            ("ortho", 1),
            ("coord", 1),
        ):
            by_work[work] = [self._more(work, f"{number}-{n}", rng, town.code, desk) for n in range(count)]
        return Sector(by_work, [self._commune(c.code) for c in near])

    def _desk(self, number: int) -> Team:
        """The coordination of five sectors, about 2,000 patients."""
        if number < 5:
            return self.teams["dac29"]
        key = f"desk{number // 5}"
        if key not in self.teams:
            place = Organization.objects.create(
                name=f"DAC, antenne {number // 5}", category="606", source="demo", source_key=key, **self._at("29232")
            )
            self.teams[key] = Team.objects.create(organization=place, name="Équipe de l’antenne")
        return self.teams[key]

    def _more(self, work: str, key: str, rng: Random, commune: str, desk: Team) -> Person:
        sex = "F" if rng.random() < 0.7 else "M"
        given, family = (
            people.soften(people.given(rng, sex, rng.randint(1965, 1996))),
            people.soften(people.family(rng)),
        )
        system, code, mode, title, more = cast.WORKS[work]
        practitioner = Practitioner.objects.create(
            given=given, family=family, civility="MME" if sex == "F" else "M", title=title, source="demo", source_key=f"{work}:{key}",
            rpps=self._rpps() if system == "TRE_G15" else None,
        )  # fmt: skip
        organization = desk.organization if work == "coord" else None
        role = PracticeRole.objects.create(
            practitioner=practitioner, organization=organization, profession_system=system, profession=code, mode=mode, source="demo",
            **self._at(commune), **more,
        )  # fmt: skip
        user = User.objects.create(
            email=f"{work}.{key}@{cast.DOMAIN}", password=self.password, first_name=given, last_name=family, kind="professional",
            practitioner=practitioner, last_context=role,
        )  # fmt: skip
        if work == "coord":
            TeamMember.objects.create(team=desk, practice_role=role)
        name = practitioner.display_name
        return Person(
            user=str(user.pk), role=str(role.pk), name=name, label=described(role), team=str(desk.pk) if work == "coord" else None,
            salutation=f"Dr\u00a0{family}" if title else name, first_name=given,
        )  # fmt: skip


def _login(pro: cast.Pro) -> str:
    return pro.login or name_key(f"{pro.given} {pro.family}").replace(" ", ".")


def _photos() -> list[dict]:
    """A few drawn wounds, kept once each: no real person's picture."""
    shots = []
    rng = Random(7)
    for _ in range(6):
        image = _drawn(rng)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=84)
        out.seek(0)
        blob = blobs.put(out)
        out.seek(0)
        small = blobs.put(content.thumbnail(out))
        shots.append(
            {
                "sha256": blob.sha256,
                "size": blob.size,
                "width": image.width,
                "height": image.height,
                "thumbnail": small.sha256,
            }
        )
    return shots


def _drawn(rng: Random) -> Image.Image:
    skin = rng.choice([(214, 168, 138), (226, 184, 158), (188, 140, 108), (232, 196, 172)])
    image = Image.new("RGB", (960, 700), skin)
    draw = ImageDraw.Draw(image)
    x, y = rng.randint(300, 460), rng.randint(180, 280)
    w, h = rng.randint(150, 300), rng.randint(110, 220)
    for grow, colour in ((50, (200, 128, 110)), (18, (172, 66, 60)), (-24, (146, 38, 42)), (-52, (178, 84, 62))):
        if w // 2 + grow > 12 and h // 2 + grow > 12:
            draw.ellipse((x - grow, y - grow, x + w + grow, y + h + grow), fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(12))
    draw = ImageDraw.Draw(image)
    draw.rectangle((230, 580, 760, 650), fill=(250, 250, 246))
    for n, at in enumerate(range(240, 756, 17)):
        draw.line([(at, 580), (at, 612 if n % 3 == 0 else 598)], fill=(40, 40, 40), width=3)
    return image


def bar(done: int, total: int, started: float) -> None:
    """One line that grows, on a terminal; a line at each tenth elsewhere."""
    spent = max(time.monotonic() - started, 0.001)
    left = spent / done * (total - done)
    text = f"{done:>7} patients sur {total}, {done / spent:.0f} par seconde, reste {left // 60:.0f} min {left % 60:02.0f} s"
    if sys.stderr.isatty():
        filled = done * 30 // total
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (30 - filled)}] {text} ")
        if done >= total:
            sys.stderr.write("\n")
    elif total > BATCH and done * 10 // total != (done - BATCH) * 10 // total:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()


__all__ = ["SHELL", "Staff", "bar", "load"]
