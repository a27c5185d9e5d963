"""Two coordinators, two connections, the same request at the same moment."""

import threading

import pytest
from django.db import connection

from cercle.care.orientation import actions
from cercle.care.orientation.models import OrientationRequest, Step
from tests.factories import coordination as made
from tests.factories.orientation import asked

pytestmark = pytest.mark.usefixtures("fresh_db")


def together(*acts) -> list:
    gate, said = threading.Barrier(len(acts)), []

    def run(act):
        try:
            gate.wait(timeout=10)
            said.append(act())
        except Exception as error:
            said.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return said


@pytest.fixture
def pair():
    dac = made.dac()
    return made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")


def test_of_two_who_close_at_once_one_closes_and_the_other_is_told_who(pair):
    alice, erwan = pair
    row = asked(alice)
    said = together(
        lambda: actions.close_advice(alice.desk, request=row, advice="Le CCAS.", how="phone", version=row.version),
        lambda: actions.refuse(erwan.desk, request=row, reason="Hors territoire.", how="mail", version=row.version),
    )
    told = [x for x in said if isinstance(x, actions.Overtaken)]
    assert len(told) == 1 and len(said) == 2
    kept = OrientationRequest.objects.get(pk=row.pk)
    winner, words = (alice, "Le CCAS.") if kept.outcome == "advice" else (erwan, "Hors territoire.")
    assert kept.state == "closed" and kept.answer_text == words and winner.desk.actor_name in str(told[0].message)
    kinds = list(Step.objects.filter(request=row).order_by("recorded_at", "id").values_list("kind", flat=True))
    assert kinds == ["received", "answered", "decided", "closed"]


def test_numbers_given_at_once_are_all_different(pair):
    alice, erwan = pair
    said = together(*[lambda: asked(alice), lambda: asked(erwan)] * 4)
    assert sorted(r.number[-4:] for r in said) == [f"{n:04}" for n in range(1, 9)]
