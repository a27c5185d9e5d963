import pytest

from cercle.people.accounts.models import StructureAdmin
from tests import factories as make


@pytest.fixture
def dac(db):
    return make.organization("DAC de Cornouaille", category="606", city="Quimper")


@pytest.fixture
def nolwenn(dac):
    """A nurse of the DAC who administers it: desk, files and figures."""
    person = make.user(make.role("Nolwenn", "Le Bris", profession="60", mode="S", organization=dac))
    StructureAdmin.objects.create(user=person, organization=dac)
    return person


@pytest.fixture(autouse=True)
def plain(settings):
    settings.MFA_REQUIRED = False
