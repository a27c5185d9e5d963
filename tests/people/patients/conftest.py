from uuid import uuid4

import pytest

from cercle.base.audit.record import Machine
from cercle.people.patients import actions
from cercle.people.patients.traits import CivilTraits

JEANNE = {
    "birth_family": "LE GALL",
    "birth_given": "JEANNE",
    "birth_givens": "JEANNE MARIE",
    "sex": "F",
    "birth_date": "12/04/1941",
    "birth_place_code": "29019",
    "used_family": "Kervella",
}


@pytest.fixture
def clerk():
    """Someone of the identity queue: no circle, no account row needed."""
    return Machine(actor_name="Alice Identité", actor_role="Secrétaire", ground="identity_queue", source="web")


@pytest.fixture
def traits():
    """Make traits: Jeanne's, with what is given changed."""

    def make(**changes) -> CivilTraits:
        return CivilTraits.read(**JEANNE | changes)

    return make


@pytest.fixture
def make_patient(db, clerk, traits):
    def make(*, coordinates=None, identifiers=(), is_test=False, **changes):
        return actions.create_patient(
            clerk, traits=traits(**changes), coordinates=coordinates, identifiers=identifiers, is_test=is_test
        ).patient

    return make


@pytest.fixture
def someone(make_patient):
    """A patient who looks like nobody else."""

    def make(**changes):
        letters = "".join(chr(ord("A") + int(c, 16)) for c in uuid4().hex[:10])
        return make_patient(birth_family=f"ZZ{letters}", used_family="", **changes)

    return make
