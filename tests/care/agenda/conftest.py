from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make

PARIS = ZoneInfo("Europe/Paris")


def at(days: int, hour: int, minute: int = 0) -> datetime:
    """Next Monday plus `days`, at this hour of Paris."""
    today = timezone.localdate()
    day = today + timedelta(days=7 - today.weekday() + days)
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


@pytest.fixture
def dac():
    return make.organization("DAC de Cornouaille", category="606")


@pytest.fixture
def alice(dac):
    """Coordinator of a DAC, opened the circle."""
    role = make.role("Alice", "Morvan", profession="309", system="JDV_J48", organization=dac, mode="S")
    return make.circle(make.viewer(role))


@pytest.fixture
def thomas(dac):
    """Her colleague, outside the circle."""
    return make.viewer(
        make.role("Thomas", "Bozec", profession="309", system="JDV_J48", organization=dac, mode="S", civility="M")
    )


@pytest.fixture
def bruno(alice):
    """Nurse of the circle, of another structure."""
    role = make.role("Bruno", "Le Bris", civility="M")
    person = make.user(role)
    circles.add_member(alice, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), alice.circle_id)


@pytest.fixture
def zoe():
    return make.circle(make.viewer(make.role("Zoé", "Dehors")), birth_family="Gouzien", birth_given="René", sex="M")


@pytest.fixture(autouse=True)
def no_second_factor(settings):
    settings.MFA_REQUIRED = False
