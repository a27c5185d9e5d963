"""A small territory made at random, loaded into the tables; and every indicator counted again in Python, from its definition.

Each row is told as its states and the moments when they were written down. Nothing here reads the product's own statements.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from cercle.base.common.ids import uuid7
from cercle.care.coordination.models import (
    CarePlan,
    CoordinationFile,
    FollowUpSheet,
    Goal,
    GoalEvent,
    Meeting,
    PlanEvent,
)
from cercle.care.orientation.models import OrientationRequest
from cercle.care.questionnaires.models import Questionnaire, Response
from cercle.doors.steering.models import Superseded
from cercle.doors.steering.sources import KEPT
from cercle.people.accounts.models import User
from cercle.people.circles.models import Circle, Member
from cercle.people.patients.models import Coordinates, Identity, Patient
from tests import factories as make

FIRST = date(2024, 1, 1)
DAYS = 240
DAY = timedelta(days=1)
TOWNS = ("29232", "29170", "29039", "")


@dataclass
class Told:
    """One row: its states, each from when it was written down."""

    id: UUID
    states: list[tuple[datetime, dict]]

    @property
    def recorded(self) -> datetime:
        return self.states[0][0]

    @property
    def last(self) -> dict:
        return self.states[-1][1]

    def known(self, at: datetime) -> dict | None:
        found = [values for since, values in self.states if since < at]
        return {"id": self.id, **found[-1]} if found else None


@dataclass
class World:
    organizations: list = field(default_factory=list)
    teams: list = field(default_factory=list)
    requests: list[Told] = field(default_factory=list)
    files: list[Told] = field(default_factory=list)
    sheets: list[Told] = field(default_factory=list)
    plans: list[Told] = field(default_factory=list)
    meetings: list[Told] = field(default_factory=list)
    responses: list[Told] = field(default_factory=list)
    plan_events: list[Told] = field(default_factory=list)
    goal_events: list[Told] = field(default_factory=list)
    identities: dict[UUID, list[Told]] = field(default_factory=lambda: defaultdict(list))
    homes: dict[UUID, list[Told]] = field(default_factory=lambda: defaultdict(list))
    members: list[dict] = field(default_factory=list)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, timezone.get_default_timezone()).astimezone(
        UTC
    )  # what is waited is counted in hours


# --- Making it --------------------------------------------------------------------------------------------------------
class Maker:
    def __init__(self, seed: int):
        self.dice, self.world = Random(seed), World()

    def moment(self, day: int) -> datetime:
        """Some time of that day, midnight itself now and then: where days begin is where one errs."""
        day_ = FIRST + timedelta(days=day)
        if self.dice.random() < 0.1:
            return midnight(day_)
        return midnight(day_) + timedelta(minutes=self.dice.randrange(24 * 60 - 120) + 60)

    def day(self) -> int:
        return self.dice.randrange(DAYS)

    def one(self, *words):
        return self.dice.choice(words)

    def history(self, since: datetime, values: dict, changes: list[dict], ready=None) -> Told:
        """`changes` are written one after the other, some days apart."""
        states = [(since, values)]
        for change in changes:
            since += timedelta(days=self.dice.randrange(1, 25), minutes=self.dice.randrange(600))
            values = {**values, **(change(since) if callable(change) else change)}
            states.append((since, values))
        return Told(uuid7(), states)

    def some(self, most: int, change) -> list:
        return [change for _n in range(self.dice.randrange(most))]

    def make(self) -> World:
        world, one = self.world, self.one
        a, b = (make.organization(f"DAC {n}", category="606") for n in "AB")
        world.organizations, world.teams = [a, b], [make.team(a, name="Nord"), make.team(a, name="Sud")]
        coordinators = {
            a: [make.role("Nolwenn", f"A{n}", organization=a) for n in range(3)],
            b: [make.role("Erwan", "B", organization=b)],
        }
        self.outside()
        people = [self.person(n) for n in range(9)]
        form = Questionnaire.objects.create(url="https://exemple.fr/q", version="1", slug="q", title="Q", data={})
        for n, person in enumerate(people):
            for organization in (a, b) if n % 4 == 0 else (one(a, a, b),):
                self.support(person, organization, coordinators[organization])
            for _n in range(self.dice.randrange(3)):
                self.graded(person, form)
        for n in range(26):
            self.request(n, one(a, a, b), one(None, *people), coordinators)
        return world

    def outside(self) -> None:
        """Professionals of the circles: some with an account, one with two situations of exercise."""
        self.outsiders = []
        for n, profession in enumerate(("60", "60", "10", "86")):
            role = make.role("Anne", f"P{n}", profession=profession)
            self.outsiders.append(role)
            if n < 3:
                user = make.user(role)
                User.objects.filter(pk=user.pk).update(date_joined=self.moment(self.day()))
        twin = type(role).objects.create(
            practitioner=self.outsiders[0].practitioner, profession_system="TRE_G15", profession="60", mode="S"
        )
        self.outsiders.append(twin)

    def person(self, n: int) -> Patient:
        patient = Patient.objects.create()
        Circle.objects.create(patient=patient)
        born = date(self.dice.randrange(1925, 1975), self.dice.randrange(1, 13), self.dice.randrange(1, 29))
        if n < 3:  # whose birthdays fall where a period may end
            born = date(1925 + self.one(0, 24, 39), 1, 1) + timedelta(days=self.dice.choice((59, 60, 120)))
        values = {"sex": self.one("F", "F", "M"), "birth_earliest": born}
        told = self.history(
            self.moment(-40), values, self.some(2, {"sex": self.one("F", "M"), "birth_earliest": born + 400 * DAY})
        )
        named = {
            "birth_family": "Famille",
            "birth_given": "Anne",
            "birth_date": "1940",
            "birth_latest": date(2000, 1, 1),
        }
        patient.identity = self.replace(Identity, patient, told, named)
        patient.save()
        self.world.identities[patient.pk].append(told)
        if self.dice.random() < 0.8:
            told = self.history(
                self.moment(self.one(-40, 30)),
                {"commune_code": self.one(*TOWNS)},
                self.some(2, {"commune_code": self.one(*TOWNS)}),
            )
            self.replace(Coordinates, patient, told, {})
            self.world.homes[patient.pk].append(told)
        for role in self.dice.sample(self.outsiders, self.dice.randrange(4)):
            started = self.moment(self.day())
            ended = started + timedelta(days=self.dice.randrange(1, 150)) if self.dice.random() < 0.4 else None
            recorded = started + self.dice.randrange(10) * DAY
            Member.objects.create(
                circle_id=patient.pk, kind="practice_role", practice_role=role, profile="nurse", reader_mask=2, ground="recognised",
                started_at=started, ended_at=ended, end_reason="x" if ended else "", recorded_at=recorded,
            )  # fmt: skip
            user = User.objects.filter(practitioner=role.practitioner).first()
            self.world.members.append({
                "circle": patient.pk, "who": role.practitioner_id, "profession": f"{role.profession_system}:{role.profession}",
                "started": started, "ended": ended, "recorded": recorded, "joined": user.date_joined if user else None,
            })  # fmt: skip
        return patient

    def replace(self, model, patient, told: Told, more: dict):
        """Rows of a history by dates (identity, home): the past ones, then the current one."""
        for (since, values), (until, _next) in pairwise([*told.states, (None, {})]):
            made = model.objects.create(patient=patient, decided_at=since, superseded_at=until, **values, **more)
        return made

    def support(self, person: Patient, organization, roles: list) -> None:
        world, one, dice = self.world, self.one, self.dice
        opened = self.day()
        since = self.moment(opened)
        late = dice.choice((0, 0, 0, 5, 40)) * DAY

        def closes(now: datetime) -> dict:
            return {
                "closed_at": since + (now - since) * dice.random(),
                "exit_reason": one("goals", "death"),
                "state": "closed",
            }

        teams = [t.pk for t in world.teams] if organization is world.organizations[0] else []
        values = {
            "patient_id": person.pk, "organization_id": organization.pk, "team_id": one(None, *teams), "level": one(1, 2, 3),
            "referent_id": one(*roles).pk, "opened_at": since, "closed_at": None, "entry_reason": one("home", "rights"), "exit_reason": "",
            "state": "open", "family_situation": one("", "alone", "couple"),
        }  # fmt: skip
        changes: list = self.some(
            3, {"level": one(1, 2, 3), "team_id": one(None, *teams), "referent_id": one(*roles).pk}
        )
        changes += self.some(2, {"family_situation": one("alone", "children")})
        if dice.random() < 0.5:
            changes.append(closes)
            if dice.random() < 0.3:  # reopened
                changes.append({"closed_at": None, "exit_reason": "", "state": "open"})
        file = self.history(since + late, values, changes)
        world.files.append(file)
        for _n in range(dice.randrange(6)):
            at = since + dice.randrange(150) * DAY
            sheet = {
                "file_id": file.id, "organization_id": organization.pk, "act": one("call", "visit", "meeting"), "at": at,
                "minutes": dice.randrange(5, 90), "topic": one("coordination", "health"), "author_role_id": one(*roles).pk, "state": "current",
            }  # fmt: skip
            changes = self.some(2, {"minutes": dice.randrange(90), "act": one("call", "admin")})
            if dice.random() < 0.3:
                changes.append({"state": "withdrawn"})
            world.sheets.append(self.history(max(at, file.recorded) + dice.choice((0, 0, 3, 30)) * DAY, sheet, changes))
        if dice.random() < 0.8:
            self.plan(person, organization, since)
        for _n in range(dice.randrange(3)):
            starts = self.moment(self.day())
            meeting = {
                "circle_id": person.pk,
                "organization_id": organization.pk,
                "starts_at": starts,
                "minutes": 60,
                "state": "planned",
            }
            world.meetings.append(
                self.history(
                    starts - 8 * DAY,
                    meeting,
                    [{"state": one("held", "held", "cancelled")}, *self.some(2, {"minutes": 30})],
                )
            )

    def plan(self, person, organization, since: datetime) -> None:
        world, one, dice = self.world, self.one, self.dice
        values = {
            "circle_id": person.pk, "organization_id": organization.pk, "state": "draft", "number": 1, "opened_at": since, "closed_at": None,
            "review_on": one(None, FIRST + timedelta(days=self.day())),
        }  # fmt: skip
        changes: list = self.some(3, {"review_on": FIRST + timedelta(days=self.day())})
        if dice.random() < 0.3:
            changes.append(lambda now: {"closed_at": since + (now - since) * dice.random()})
        plan = self.history(since + dice.choice((0, 4)) * DAY, values, changes)
        world.plans.append(plan)
        for was, then in (("draft", "agreed"), ("agreed", "signed"), ("signed", "revised"), ("revised", "revised")):
            if dice.random() < 0.6:
                event = {
                    "plan": plan.id, "patient_id": person.pk, "organization_id": organization.pk, "from": was, "to": then, "at": self.moment(self.day()),
                }  # fmt: skip
                world.plan_events.append(Told(uuid7(), [(event["at"] + dice.randrange(9) * DAY, event)]))
        for _n in range(dice.randrange(4)):
            event = {
                "plan": plan.id, "goal": uuid7(), "category": one("medical", "social"), "patient_id": person.pk,
                "organization_id": organization.pk, "to": one("reached", "unmet", "dropped", "active"), "at": self.moment(self.day()),
            }  # fmt: skip
            world.goal_events.append(Told(uuid7(), [(event["at"] + dice.randrange(9) * DAY, event)]))

    def graded(self, person, form) -> None:
        at = self.moment(self.day())
        values = {
            "circle_id": person.pk, "questionnaire_id": form.pk, "status": self.one("completed", "completed", "in-progress"),
            "scores": self.one({"gir": str(self.dice.randrange(1, 7))}, {"gir": self.dice.randrange(1, 7)}, {"mini": 2}), "finished_at": at,
        }  # fmt: skip
        changes = self.some(2, {"status": "amended", "scores": {"gir": str(self.dice.randrange(1, 7))}})
        self.world.responses.append(self.history(at + self.dice.randrange(3) * DAY, values, changes))

    def request(self, n: int, organization, person, coordinators: dict) -> None:
        one, dice = self.one, self.dice
        received = self.moment(self.day())
        teams = [t.pk for t in self.world.teams] if organization is self.world.organizations[0] else []
        values = {
            "organization_id": organization.pk, "team_id": one(None, *teams), "assigned_role_id": None, "patient_id": person and person.pk,
            "channel": one("phone", "mail"), "kind": "support", "level": one(None, 1, 2, 3), "reason": one("home", "rights"), "urgency": one(0, 2),
            "outcome": "", "asker_kind": one("relative", "person"), "commune_code": one(*TOWNS), "received_at": received,
            "first_contact_at": None, "answered_at": None, "closed_at": None, "state": "received",
        }  # fmt: skip

        def between(now):
            return received + (now - received) * dice.random()

        changes: list = self.some(
            2, {"level": one(1, 2, 3), "team_id": one(None, *teams), "reason": one("home", "carer")}
        )
        if dice.random() < 0.7:
            changes.append(
                lambda now: {"first_contact_at": between(now), "assigned_role_id": one(*coordinators[organization]).pk}
            )
        if dice.random() < 0.7:
            changes.append(lambda now: {"answered_at": between(now)})
        if dice.random() < 0.6:
            changes.append(
                lambda now: {"closed_at": between(now), "state": "closed", "outcome": one("advice", "refused")}
            )
            if dice.random() < 0.2:
                changes.append({"closed_at": None, "state": "pre_assessment", "outcome": ""})
        self.world.requests.append(self.history(received + dice.choice((0, 0, 2, 30)) * DAY, values, changes))


# --- Into the tables --------------------------------------------------------------------------------------------------
def load(world: World) -> None:
    kinds = (
        ("coordination_coordinationfile", CoordinationFile, world.files, lambda n: {"episode": n + 1}),
        ("coordination_followupsheet", FollowUpSheet, world.sheets, lambda n: {"text": "x", "author_name": "x"}),
        ("coordination_careplan", CarePlan, world.plans, lambda n: {"author_name": "x"}),
        ("coordination_meeting", Meeting, world.meetings, lambda n: {"author_name": "x", "title": "RCP"}),
        ("questionnaires_response", Response, world.responses, lambda n: {"category": "social"}),
        ("orientation_orientationrequest", OrientationRequest, world.requests, lambda n: {
            "number": f"2024-{n:04}", "asker_name": "x", "due_at": midnight(FIRST), "no_answer_reason": "x", "person_informed_at": midnight(FIRST),
        }),
    )  # fmt: skip
    for table, model, rows, more in kinds:
        columns = KEPT[table].split()
        for n, told in enumerate(rows):
            values = dict(told.last)
            if model is Response and values["status"] != "in-progress":
                values["version"] = 1
            model.objects.create(id=told.id, recorded_at=told.recorded, **values, **more(n))
            for (_since, was), (until, _now) in pairwise(told.states):
                data = {"id": told.id, "recorded_at": told.recorded, **was}
                Superseded.objects.create(
                    source=table, row_id=told.id, recorded_at=told.recorded, superseded_at=until,
                    data=json.loads(json.dumps({k: v for k, v in data.items() if k in columns}, cls=DjangoJSONEncoder)),
                )  # fmt: skip
    for told in world.plan_events:
        e = told.last
        PlanEvent.objects.create(
            plan_id=e["plan"],
            kind=e["to"],
            from_state=e["from"],
            to_state=e["to"],
            at=e["at"],
            recorded_at=told.recorded,
            author_name="x",
        )
    for told in world.goal_events:
        e = told.last
        Goal.objects.create(
            id=e["goal"],
            plan_id=e["plan"],
            circle_id=e["patient_id"],
            category=e["category"],
            label="x",
            author_name="x",
            state="active",
        )
        GoalEvent.objects.create(
            goal_id=e["goal"],
            kind="moved",
            from_state="active",
            to_state=e["to"],
            at=e["at"],
            recorded_at=told.recorded,
            author_name="x",
        )


# --- Counting it again ------------------------------------------------------------------------------------------------
@dataclass
class Hand:
    """`start`, `end`: days, both included. `known`: the end of that day."""

    world: World
    start: date
    end: date
    known: date | None = None
    organizations: tuple = ()
    team: UUID | None = None
    level: int | None = None
    commune: str = ""

    def __post_init__(self):
        self.k = midnight(self.known + DAY) if self.known else timezone.now()
        self.e = midnight(self.end + DAY)

    # What was known of each kind of row; a fact dated later was not.
    def rows(self, kind: str, *facts: str) -> list[dict]:
        found = []
        for told in getattr(self.world, kind):
            row = told.known(self.k)
            if row is not None:
                found.append({**row, **{f: row[f] if row[f] and row[f] < self.k else None for f in facts}})
        return found

    def requests(self):
        return [
            r
            for r in self.rows("requests", "first_contact_at", "answered_at", "closed_at")
            if r["received_at"] < self.k
        ]

    def files(self):
        return [f for f in self.rows("files", "closed_at") if f["opened_at"] < self.k]

    def sheets(self):
        return [s for s in self.rows("sheets") if s["state"] == "current" and s["at"] < self.k]

    def plans(self):
        return [p | {"patient_id": p["circle_id"]} for p in self.rows("plans", "closed_at") if p["opened_at"] < self.k]

    def meetings(self):
        return [
            m | {"patient_id": m["circle_id"]}
            for m in self.rows("meetings")
            if m["state"] == "held" and m["starts_at"] < self.k
        ]

    def events(self, kind):
        return [e for e in self.rows(kind) if e["at"] < self.k]

    def connected(self):
        found, until = [], min(self.e, self.k)
        for file in self.standing(self.files()):
            for m in self.world.members:
                inside = m["started"] < self.e and (m["ended"] is None or m["ended"] >= until)
                if (
                    m["circle"] == file["patient_id"]
                    and m["recorded"] < self.k
                    and inside
                    and m["joined"]
                    and m["joined"] < until
                ):
                    found.append({**file, "who": m["who"], "profession": m["profession"]})
        return found

    # Dated facts of the period; what stands on its last day.
    def dated(self, rows, moment: str):
        return [r for r in rows if r[moment] and midnight(self.start) <= r[moment] < self.e]

    def standing(self, rows):
        return [r for r in rows if r["opened_at"] < self.e and (r["closed_at"] is None or r["closed_at"] >= self.e)]

    # What is known of the person behind a row.
    def decided(self, histories: dict, patient: UUID | None) -> dict:
        for told in histories.get(patient, ()):
            if (row := told.known(self.k)) is not None:
                return row
        return {}

    def held(self, row) -> dict:
        own = [
            f
            for f in self.files()
            if (f["patient_id"], f["organization_id"]) == (row["patient_id"], row["organization_id"])
        ]
        return max(own, key=lambda f: (f["opened_at"], f["id"]), default={})

    def file(self, row) -> dict:
        return next(f for f in self.files() if f["id"] == row["file_id"])

    def age(self, row) -> str | None:
        born = self.decided(self.world.identities, row["patient_id"]).get("birth_earliest")
        if born is None:
            return None
        years = self.end.year - born.year - ((self.end.month, self.end.day) < (born.month, born.day))
        return next(word for least, word in ((85, "85+"), (75, "75-84"), (60, "60-74"), (-1, "0-59")) if years >= least)

    def gir(self, row) -> str | None:
        done = [
            r for r in self.rows("responses")
            if r["circle_id"] == row["patient_id"] and r["status"] != "in-progress" and r["finished_at"] < min(self.e, self.k) and "gir" in r["scores"]
        ]  # fmt: skip
        last = max(done, key=lambda r: (r["finished_at"], r["id"]), default=None)
        return str(last["scores"]["gir"]) if last else None

    def part(self, by: str, row) -> Any:
        match by:
            case "commune":
                return row["commune_code"]
            case "home":
                return self.decided(self.world.homes, row["patient_id"]).get("commune_code") or None
            case "sheet_home":
                return self.decided(self.world.homes, self.file(row)["patient_id"]).get("commune_code") or None
            case "sex":
                return self.decided(self.world.identities, row["patient_id"]).get("sex")
            case "age" | "gir":
                return getattr(self, by)(row)
            case "alone":
                return {"": None, "alone": "yes"}.get(row["family_situation"], "no")
            case "file_level" | "file_team":
                return self.file(row)[{"file_level": "level", "file_team": "team_id"}[by]]
            case "held_level" | "held_team":
                return self.held(row).get({"held_level": "level", "held_team": "team_id"}[by])
            case "organization" | "team" | "referent" | "author":
                return row[
                    {
                        "organization": "organization_id",
                        "team": "team_id",
                        "referent": "referent_id",
                        "author": "author_role_id",
                    }[by]
                ]
            case _:
                return row[by]

    NARROW = {  # where a source's team, level and commune are found
        "requests": ("team", "level", "commune"), "files": ("team", "level", "home"), "connected": ("team", "level", "home"),
        "sheets": ("file_team", "file_level", "sheet_home"),
    }  # fmt: skip

    def narrowed(self, source: str, rows: list[dict]) -> list[dict]:
        if self.organizations:
            rows = [r for r in rows if r["organization_id"] in self.organizations]
        wanted = (self.team, self.level, self.commune)
        for by, value in zip(self.NARROW.get(source, ("held_team", "held_level", "home")), wanted, strict=True):
            if value:
                rows = [r for r in rows if self.part(by, r) == value]
        return rows

    def told(self, key: str, by: str = "") -> tuple[float | None, dict]:
        """The whole, and by part when asked."""
        source, rows, measure = getattr(self, f"_{key}")()
        rows = self.narrowed(source, rows)
        parts: dict[Any, list] = defaultdict(list)
        for row in rows if by else ():
            parts[self.part(by, row)].append(row)
        return measure(rows), {part: measure(some) for part, some in parts.items()}

    # The indicators, each from the words of its definition.
    def _demandes_recues(self):
        return "requests", self.dated(self.requests(), "received_at"), len

    def _delai_premier_contact(self):
        return "requests", self.dated(self.requests(), "first_contact_at"), waited("received_at", "first_contact_at")

    def _delai_premiere_reponse(self):
        return "requests", self.dated(self.requests(), "answered_at"), waited("received_at", "answered_at")

    def _closes_avec_reponse(self):
        return "requests", self.dated(self.requests(), "closed_at"), share(lambda r: r["answered_at"] is not None)

    def _suites_donnees(self):
        return "requests", self.dated(self.requests(), "closed_at"), len

    def _dossiers_suivis(self):
        return "files", self.standing(self.files()), len

    def _entrees(self):
        return "files", self.dated(self.files(), "opened_at"), len

    def _sorties(self):
        return "files", self.dated(self.files(), "closed_at"), len

    def _duree_de_suivi(self):
        return "files", self.dated(self.files(), "closed_at"), waited("opened_at", "closed_at")

    def _charge_par_coordonnateur(self):
        return (
            "files",
            self.standing(self.files()),
            lambda rows: len(rows) / len({r["referent_id"] for r in rows}) if rows else None,
        )

    def _actes(self):
        return "sheets", self.dated(self.sheets(), "at"), len

    def _temps(self):
        return (
            "sheets",
            self.dated(self.sheets(), "at"),
            lambda rows: sum(r["minutes"] for r in rows) / 60 if rows else None,
        )

    def _reunions(self):
        return "meetings", self.dated(self.meetings(), "starts_at"), len

    def _plans_faits(self):
        return "plan_events", [e for e in self.dated(self.events("plan_events"), "at") if e["to"] == "signed"], len

    def _plans_revises(self):
        return (
            "plan_events",
            [e for e in self.dated(self.events("plan_events"), "at") if e["to"] == "revised" != e["from"]],
            len,
        )

    def _plans_en_retard(self):
        return "plans", [p for p in self.standing(self.plans()) if p["review_on"] and p["review_on"] < self.end], len

    def _plans_relus_a_temps(self):
        return (
            "plans",
            [p for p in self.standing(self.plans()) if p["review_on"]],
            share(lambda p: p["review_on"] >= self.end),
        )

    def _goals(self, *states):
        return [e for e in self.dated(self.events("goal_events"), "at") if e["to"] in states]

    def _objectifs_atteints(self):
        return "goal_events", self._goals("reached", "unmet", "dropped"), share(lambda e: e["to"] == "reached")

    def _besoins_non_couverts(self):
        return "goal_events", self._goals("unmet"), len

    def _professionnels_connectes(self):
        return "connected", self.connected(), lambda rows: len({r["who"] for r in rows})


def waited(since: str, until: str):
    return lambda rows: median((r[until] - r[since]) / DAY for r in rows) if rows else None


def share(holds):
    return lambda rows: 100 * sum(map(holds, rows)) / len(rows) if rows else None
