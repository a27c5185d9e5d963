import datetime

import pytest
from django.utils import timezone

from cercle.base.common.errors import Refused
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.models import BreakGlass, JoinRequest, Member
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


def doctor(name="Kervella"):
    role = make.role("Erwan", name, profession="10", civility="M")
    return make_viewer(make.user(role), role)


def test_who_is_not_in_the_circle_is_nothing(bruno):
    assert reach(doctor(), bruno.circle_id) is None


def test_a_member_enters_and_an_ended_one_does_not(bruno):
    viewer = doctor()
    member = circles.add_member(bruno, practice_role=viewer.practice_role, ground="recognised")
    assert reach(viewer, bruno.circle_id).ground == "member"
    circles.end_member(bruno, member=member)
    assert reach(viewer, bruno.circle_id) is None
    assert Member.objects.filter(pk=member.pk).exists()


def test_outside_the_team_consent_comes_first(bruno):
    viewer = doctor()
    with pytest.raises(Refused, match="consentement"):
        circles.add_member(bruno, practice_role=viewer.practice_role, ground="consent")
    given = circles.record_consent(bruno, flow="consent", given_by="person", form="oral", given_on=timezone.localdate())
    circles.add_member(bruno, practice_role=viewer.practice_role, ground="consent", consent=given)
    circles.withdraw_consent(bruno, consent=given)
    assert reach(viewer, bruno.circle_id) is None


def test_a_neighbour_never_holds_clinical_rights(bruno):
    contact = make.contact(bruno.patient, is_carer=False, relationship="NBOR")
    person = make.user(kind="relative")
    acting = make.join(bruno, contact=contact, person=person, ground="wish")
    assert acting.readable == {"appointments"} and not acting.writable


def test_a_replacement_ends_by_itself(bruno):
    viewer = doctor()
    circles.add_member(
        bruno,
        practice_role=viewer.practice_role,
        ground="recognised",
        until=timezone.now() + datetime.timedelta(hours=1),
    )
    Member.objects.filter(practice_role=viewer.practice_role).update(
        started_at=timezone.now() - datetime.timedelta(days=2), until=timezone.now() - datetime.timedelta(minutes=1)
    )
    assert reach(viewer, bruno.circle_id) is None


def test_opposition_to_a_structure_holds_for_its_teams(bruno):
    place = make.organization("DAC Cornouaille", category="606")
    role = make.role("Nolwenn", "Le Bris", profession="309", system="JDV_J48", organization=place)
    viewer = make.viewer(role)
    circles.add_member(bruno, team=make.team(place, role), ground="establishment")
    assert reach(viewer, bruno.circle_id).ground == "team"
    circles.oppose(bruno, organization=place)
    assert reach(viewer, bruno.circle_id) is None


def test_opposition_to_a_profession_and_its_lifting(bruno):
    viewer = doctor()
    circles.add_member(bruno, practice_role=viewer.practice_role, ground="recognised")
    row = circles.oppose(bruno, profession="TRE_G15:10", category="medical")
    assert "medical" not in reach(viewer, bruno.circle_id).readable
    circles.lift_opposition(bruno, opposition=row)
    assert "medical" in reach(viewer, bruno.circle_id).readable


def test_break_glass_opens_for_a_day_and_only_reads(bruno):
    viewer = doctor()
    opened = circles.break_glass(viewer, circle_id=bruno.circle_id, reason="Arrêt cardiaque à domicile, SAMU sur place")
    acting = reach(viewer, bruno.circle_id)
    assert acting.ground == "break_glass" and not acting.may("manage_members") and acting.may("read_notebook")
    assert opened.expires_at - opened.opened_at == datetime.timedelta(hours=24)


def test_break_glass_yields_to_opposition_before_and_during(bruno):
    viewer = doctor()
    circles.break_glass(viewer, circle_id=bruno.circle_id, reason="Malaise dans la rue, inconscient")
    circles.oppose(bruno, profession="TRE_G15:10")
    assert reach(viewer, bruno.circle_id) is None
    with pytest.raises(Refused):
        circles.break_glass(doctor("Autre"), circle_id=bruno.circle_id, reason="Malaise dans la rue, inconscient")


def test_break_glass_is_for_health_professionals(bruno):
    role = make.role("Ana", "Social", profession="41", system="JDV_J48")
    with pytest.raises(Refused, match="professionnels de santé"):
        circles.break_glass(
            make.viewer(role), circle_id=bruno.circle_id, reason="Je voudrais voir ce dossier maintenant"
        )


def test_break_glass_has_a_quota(bruno):
    viewer = doctor()
    for n in range(circles.BREAK_GLASS_QUOTA):
        other = make.circle(bruno.viewer, birth_family=f"Autre{chr(65 + n)}")
        circles.break_glass(viewer, circle_id=other.circle_id, reason="Urgence vitale, patient inconscient")
    with pytest.raises(Refused, match="24 h"):
        circles.break_glass(viewer, circle_id=bruno.circle_id, reason="Urgence vitale, patient inconscient")


def test_nobody_reviews_her_own_opening(bruno):
    viewer = doctor()
    opened = circles.break_glass(viewer, circle_id=bruno.circle_id, reason="Urgence vitale, patient inconscient")
    circles.add_member(bruno, practice_role=viewer.practice_role, ground="recognised")
    with pytest.raises(Refused, match="propre"):
        circles.review_break_glass(reach(viewer, bruno.circle_id), opened=opened, verdict="justified")
    circles.review_break_glass(bruno, opened=opened, verdict="contested")
    assert BreakGlass.objects.get().closed_at


def test_asking_to_join_twice_is_one_request(bruno):
    viewer = doctor()
    circles.ask_to_join(viewer, circle_id=bruno.circle_id)
    circles.ask_to_join(viewer, circle_id=bruno.circle_id)
    row = JoinRequest.objects.get()
    circles.answer_join_request(bruno, request=row, accept=True)
    assert reach(viewer, bruno.circle_id)


def test_merged_circles_cross_only_after_review(bruno):
    erwan = doctor()
    other = make.circle(erwan, birth_given="Ivonne")
    decision = circles.merge_files(bruno.viewer, survivor=bruno.patient, merged=other.patient, reason="même personne")
    assert reach(erwan, bruno.circle_id) is None and reach(erwan, other.circle_id) is not None
    survivor = reach(bruno.viewer, bruno.circle_id)
    member = Member.objects.get(circle=other.circle)
    other.circle.refresh_from_db()
    circles.review_crossing(survivor, absorbed=other.circle, keep=[member])
    assert reach(erwan, bruno.circle_id).circles == (bruno.circle_id, other.circle_id)
    assert reach(erwan, other.circle_id).circle_id == bruno.circle_id
    circles.unmerge_files(bruno.viewer, decision=decision)
    assert reach(erwan, other.circle_id).circle_id == other.circle_id
