"""A file lives any life that verbs allow, with real commits: what the rows say and what the events tell never part."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cercle.base.common.errors import Refused
from cercle.care.coordination.actions import files, handover, sheets
from cercle.care.coordination.models import CoordinationFile, CoReferent, FileEvent, Handover
from cercle.care.coordination.tasks import end_handovers
from cercle.people.circles.access import reach
from tests import factories as make
from tests.factories import coordination as made


def told(file_id, until) -> dict:
    """What the events known at `until` say of a file: the only thing that a figure « as known on D » reads."""
    seen = {"state": "", "level": 0, "referent": "", "beside": set(), "suspended_until": None}
    for e in FileEvent.objects.filter(file_id=file_id, recorded_at__lte=until).order_by("recorded_at", "id"):
        d = e.data
        if e.kind in ("opened", "reopened", "transferred_in"):
            seen |= {"state": "open", "level": d["level"], "referent": d["referent"]}
            seen["beside"] |= set(d.get("co_referents", ()))
        elif e.kind == "level":
            seen["level"] = d["to"]
        elif e.kind == "referent":
            seen["referent"] = d["to"]
        elif e.kind == "co_referent":
            seen["beside"].add(d["who"])
        elif e.kind == "co_referent_ended":
            seen["beside"].discard(d["who"])
        elif e.kind == "suspended":
            seen |= {"state": "suspended", "suspended_until": d["until"]}
        elif e.kind == "resumed":
            seen |= {"state": "open", "suspended_until": None}
        elif e.kind in ("closed", "transferred_out"):
            seen |= {"state": "closed", "suspended_until": None}
    return seen


def row_of(file: CoordinationFile) -> dict:
    beside = CoReferent.objects.filter(file=file, ended_at=None).values_list("practice_role_id", flat=True)
    return {
        "state": file.state, "level": file.level, "referent": str(file.referent_id), "beside": {str(pk) for pk in beside},
        "suspended_until": file.suspended_until and str(file.suspended_until),
    }  # fmt: skip


def moment():
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


HOUSES, DAYS = st.sampled_from([0, 1]), st.integers(1, 30)


class Life(RuleBasedStateMachine):
    """One person, two DACs of two coordinators each."""

    @initialize()
    def people(self):
        self.known: list = []
        self.houses = []
        for name in ("DAC Cornouaille", "DAC du Léon"):
            dac = made.dac(name)
            self.houses.append([made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")])
        circle = make.circle(make.viewer(make.role("Bruno", "Hascoët")))
        self.patient = circle.patient

    def files(self):
        """Hers: other lives are told in the same database."""
        return CoordinationFile.objects.filter(patient=self.patient)

    def living(self, house):
        rows = CoordinationFile.objects.filter(organization=self.houses[house][0].desk.organization)
        return rows.living().first()

    def last(self, house):
        rows = CoordinationFile.objects.filter(organization=self.houses[house][0].desk.organization)
        return rows.order_by("-opened_at").first()

    def tried(self, verb):
        """A refusal leaves everything as it was; the invariants look."""
        try:
            return verb()
        except Refused:
            return None

    @rule(house=HOUSES, beside=st.booleans())
    def open(self, house, beside):
        alice, erwan = self.houses[house]
        self.tried(
            lambda: files.open_file(
                alice.desk, patient=self.patient, level=2, referent=alice.role, entry_reason="home",
                informed_on=timezone.localdate(), co_referents=[erwan.role] if beside else [],
            )
        )  # fmt: skip

    @precondition(lambda self: self.known)
    @rule(house=HOUSES, verb=st.sampled_from(["level", "suspend", "resume", "close", "leave", "referent", "beside", "alone", "sheet"]),
          who=HOUSES, n=DAYS)  # fmt: skip
    def move(self, house, verb, who, n):
        file, one = self.last(house), self.houses[house][who]
        if file is None:
            return
        desk = self.houses[house][0].desk
        verbs = {
            "level": lambda: files.set_level(desk, file=file, level=n % 3 + 1),
            "suspend": lambda: files.suspend_file(
                desk, file=file, reason="hospitalisée", until=timezone.localdate() + timedelta(days=n) if n % 2 else None
            ),
            "resume": lambda: files.resume_file(desk, file=file),
            "close": lambda: files.close_file(desk, file=file, exit_reason="goals"),
            "leave": lambda: files.close_file(desk, file=file, exit_reason="lost", leave_circle=True),
            "referent": lambda: files.change_referent(desk, file=file, referent=one.role),
            "beside": lambda: files.add_co_referent(desk, file=file, practice_role=one.role),
            "alone": lambda: files.end_co_referent(desk, file=file, practice_role=one.role),
            "sheet": lambda: sheets.write_sheet(
                desk, file=file, act="call", at=timezone.now(), minutes=n, text="Appel.", share=n % 2 == 0
            ),
        }  # fmt: skip
        self.tried(verbs[verb])

    @precondition(lambda self: self.known)
    @rule(house=HOUSES, new=st.booleans(), who=HOUSES)
    def reopen(self, house, new, who):
        if file := self.last(house):
            one = self.houses[house][who]
            self.tried(
                lambda: files.reopen_file(
                    one.desk, file=file, reason="reprise", new_episode=new, referent=one.role,
                    informed_on=timezone.localdate(),
                )
            )  # fmt: skip

    @precondition(lambda self: self.known)
    @rule(house=HOUSES, stays=st.booleans())
    def transfer(self, house, stays):
        if file := self.living(house):
            there = self.houses[1 - house][0]
            self.tried(
                lambda: files.transfer_file(
                    self.houses[house][0].desk, file=file, to=there.desk.organization, referent=there.role, text="Déménage.",
                    informed_on=timezone.localdate(), leave_circle=not stays,
                )
            )  # fmt: skip

    @precondition(lambda self: self.known)
    @rule(house=HOUSES, who=HOUSES, days=st.one_of(st.none(), DAYS))
    def hand_over(self, house, who, days):
        one, other = self.houses[house][who], self.houses[house][1 - who]
        until = timezone.localdate() + timedelta(days=days) if days else None
        self.tried(lambda: handover.hand_over(one.desk, from_role=one.role, to_role=other.role, until=until))

    @precondition(lambda self: self.known)
    @rule(house=HOUSES, late=st.booleans())
    def give_back(self, house, late):
        row = Handover.objects.filter(
            organization=self.houses[house][0].desk.organization, ended_at=None, until__isnull=False
        ).first()
        if row is None:
            return
        if late:
            Handover.objects.filter(pk=row.pk).update(until=timezone.localdate() - timedelta(days=1))
            end_handovers()
        else:
            handover.end_handover(row, by=self.houses[house][0].desk)

    @invariant()
    def the_row_is_what_its_events_tell(self):
        if not hasattr(self, "patient"):
            return
        now = moment()
        for file in self.files():
            row = row_of(file)
            assert told(file.pk, now) == row
            self.known.append((now, file.pk, row))
        self.known = self.known or [(now, None, {})]

    @invariant()
    def one_living_episode_a_house_and_every_event_is_signed(self):
        if not hasattr(self, "patient"):
            return
        living = list(self.files().living())
        assert len({f.organization_id for f in living}) == len(living) <= 2
        assert not FileEvent.objects.filter(file__in=self.files(), author_name="").exists()

    @invariant()
    def no_state_is_without_an_exit(self):
        """A living file can be closed; a closed one can begin again, by the same verbs that screens call."""
        if not hasattr(self, "patient"):
            return
        for house in (0, 1):
            if (file := self.last(house)) is None:
                continue
            desk, role = self.houses[house][0].desk, self.houses[house][0].role
            with transaction.atomic():
                if file.is_closed:
                    files.reopen_file(desk, file=file, reason="essai", new_episode=True, referent=role)
                else:
                    files.close_file(desk, file=file, exit_reason="other")
                transaction.set_rollback(True)

    @invariant()
    def whoever_answers_for_the_person_is_in_her_circle(self):
        if not hasattr(self, "patient"):
            return
        everyone = {one.role.pk: one for house in self.houses for one in house}
        for file in self.files().living():
            assert reach(everyone[file.referent_id].viewer, self.patient.pk) is not None

    def teardown(self):
        """As known on any past date: replayed at the end, each moment still tells what the row was then."""
        for at, pk, row in getattr(self, "known", [])[::3]:
            if pk:
                assert told(pk, at) == row


@pytest.mark.parametrize("examples", [12, pytest.param(80, marks=pytest.mark.slow)])
def test_any_life_of_a_file_agrees_with_its_events_and_has_an_exit(fresh_db, examples):
    given = settings(
        max_examples=examples, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )  # fmt: skip
    run_state_machine_as_test(Life, settings=given)
