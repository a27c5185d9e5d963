"""The gate read once for a whole circle lets in exactly who the gate lets in one by one."""

import pytest

from cercle.people.circles.access import Everyone, reach
from tests import factories as make

pytestmark = pytest.mark.django_db


def test_everyone_of_a_circle_passes_as_one_by_one(django_assert_num_queries):
    bruno = make.viewer(make.role("Bruno", "Le Bris"))
    acting = make.circle(bruno)
    dac = make.organization("DAC Cornouaille")
    colleague, stranger = make.role("Nolwenn", "Le Bris", organization=dac), make.role("Zoé", "Lannuzel")
    make.join(acting, team=make.team(dac, colleague))
    relative = make.user(kind="relative")
    make.join(acting, contact=make.contact(acting.patient), person=relative)
    viewers = [bruno, make.viewer(colleague), make.viewer(stranger), make.viewer(person=relative)]
    everyone = Everyone(acting.circle_id)
    passed = []
    for viewer in viewers:
        one, many = reach(viewer, acting.circle_id), reach(viewer, acting.circle_id, among=everyone)
        assert (one is None) == (many is None)
        if one is not None:
            passed.append(one.ground)
            assert (one.member.pk, one.ground, one.permissions) == (many.member.pk, many.ground, many.permissions)
    assert passed == ["member", "team", "relative"]
    with django_assert_num_queries(0):
        reach(bruno, acting.circle_id, among=everyone)
