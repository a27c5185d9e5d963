"""The status machine, walked at random over the real database: no dead end, no step without an author, nobody left without answer."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from cercle.base.common.errors import Refused
from cercle.care.orientation import actions
from cercle.care.orientation.models import OrientationRequest
from cercle.care.orientation.vocabulary import MOVES, State
from tests.factories import coordination as made
from tests.factories.orientation import asked

pytestmark = pytest.mark.django_db
WORDS = st.sampled_from(["Voilà.", "Rappelée deux fois."])
HOWS = st.sampled_from(["phone", "mail", "web"])


def test_no_state_is_a_dead_end_and_each_is_reached():
    for state in State.values:
        assert {to for allowed, to in MOVES.values() if state in allowed and to and to != state}, state
    assert {to for _from, to in MOVES.values() if to} | {State.RECEIVED} == set(State.values)


class Desk(RuleBasedStateMachine):
    """One request in the hands of two coordinators who do anything, in any order."""

    def __init__(self):
        super().__init__()
        self.kept = transaction.atomic()
        self.kept.__enter__()
        dac = made.dac()
        self.people = [made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")]
        self.row = asked(self.people[0])
        self.due, self.steps, self.closures = self.row.due_at, 1, 0

    def teardown(self):
        transaction.set_rollback(True)
        self.kept.__exit__(None, None, None)

    def act(self, who, verb, **given):
        """A verb does what the table allows, or is refused and changes nothing."""
        before = self.read().state
        try:
            with transaction.atomic():
                getattr(actions, verb)(self.people[who].desk, request=self.row, **given)
        except Refused:
            assert self.read().state == before
            return
        after = self.read()
        assert after.steps.count() > self.steps
        self.closures += after.state == State.CLOSED and before != State.CLOSED

    def read(self):
        self.row = OrientationRequest.objects.select_related("organization", "team", "assigned_role__practitioner").get(
            pk=self.row.pk
        )
        return self.row

    who = st.integers(0, 1)

    @rule(who=who, verb=st.sampled_from(["take", "orient", "contacted"]))
    def move(self, who, verb):
        self.act(who, verb)

    @rule(who=who, text=WORDS, verb=st.sampled_from(["wait_list", "cannot_answer", "reopen"]))
    def with_a_reason(self, who, text, verb):
        self.act(who, verb, reason=text)

    @rule(who=who, text=WORDS)
    def note(self, who, text):
        self.act(who, "add_note", text=text)

    @rule(who=who, text=WORDS, how=HOWS)
    def answer(self, who, text, how):
        self.act(who, "answer", text=text, how=how)

    @rule(who=who, text=WORDS, how=st.sampled_from(["", "phone"]), verb=st.sampled_from(["refuse", "cancel"]))
    def end(self, who, text, how, verb):
        self.act(who, verb, reason=text, how=how)

    @rule(who=who, text=WORDS, how=st.sampled_from(["", "phone"]))
    def advise(self, who, text, how):
        self.act(who, "close_advice", advice=text, how=how)

    @rule(who=who)
    def ask_a_resource(self, who):
        self.act(who, "solicit", what="Portage de repas", resource_name="CCAS")

    @precondition(lambda self: self.row.solicitations.exists())
    @rule(who=who, text=WORDS)
    def hand_on(self, who, text):
        self.act(who, "close_oriented", text=text)

    @rule(who=who)
    def name(self, who):
        self.act(who, "name_person", family="Cornec", given="Jean-Yves", birth_date="1946-05-02", sex="M",
                 informed_on=timezone.localdate() - timedelta(days=1))  # fmt: skip

    @rule(who=who)
    def accept(self, who):
        self.act(who, "accept", referent=self.people[who].role)

    @invariant()
    def every_step_has_an_author_and_leads_on_from_the_one_before(self):
        steps = list(self.row.steps.order_by("recorded_at", "id"))
        assert len(steps) >= self.steps and all(s.author_name and s.author_user_id for s in steps)
        self.steps = len(steps)
        assert [s.from_state for s in steps[1:]] == [s.to_state for s in steps[:-1]]
        assert steps[-1].to_state == self.row.state
        assert sum(s.kind == "closed" for s in steps) == self.closures

    @invariant()
    def nobody_is_left_without_an_answer_or_its_reason(self):
        if self.row.state == State.CLOSED:
            assert self.row.outcome and self.row.closed_at
            assert (self.row.answered_at and self.row.answer_text) or self.row.no_answer_reason
            said = set(self.row.steps.values_list("kind", flat=True))
            assert said & {"answered", "unreachable"}
        elif self.row.state == State.TO_ANSWER:
            assert self.row.outcome and not self.row.answered_at

    @invariant()
    def a_deadline_never_comes_nearer(self):
        assert self.row.due_at >= self.due and self.row.due_at >= self.row.received_at
        self.due = self.row.due_at

    @invariant()
    def there_is_always_a_way_out(self):
        assert any(self.row.state in allowed for allowed, to in MOVES.values() if to)


def test_whatever_two_coordinators_do_the_asker_is_answered():
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
