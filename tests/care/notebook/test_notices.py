import pytest

from cercle.base.notifications.models import Delivery, Notification
from cercle.care.notebook import actions, tasks
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.circles.vocabulary import Reader
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def erwan(bruno):
    role = make.role("Erwan", "Kervella", profession="10", civility="M")
    person = make.user(role)
    circles.add_member(bruno, practice_role=role, ground="recognised")
    return reach(make_viewer(person, role), bruno.circle_id)


def tell(note):
    tasks.tell(str(note.pk))
    return {n.user_id: n for n in Notification.objects.filter(target_id=note.pk)}


def test_the_circle_is_told_and_not_the_author(bruno, erwan):
    assert set(tell(actions.add_note(bruno, text="Bonjour"))) == {erwan.user_id}


def test_who_may_not_read_is_not_told(bruno, erwan):
    note = actions.add_note(bruno, text="Entre nous", category="social", hidden=int(Reader.HEALTH), urgency=2)
    assert tell(note) == {}


def test_an_urgent_note_leaves_by_mail_at_once_without_a_word_of_it(bruno, erwan):
    tell(actions.add_note(bruno, text="Chute de Mme Quéméneur", urgency=2))
    assert Delivery.objects.filter(notifications__user_id=erwan.user_id).exists()
    assert "Chute" not in str(Notification.objects.values_list("params", "kind"))


def test_masking_a_note_afterwards_takes_its_unread_notices_back(bruno, erwan):
    note = actions.add_note(bruno, text="Trop vite écrit", category="social")
    tell(note)
    actions.correct_note(bruno, note=note, based_on=1, text="Trop vite écrit", hidden=int(Reader.HEALTH))
    tasks.take_back(str(note.pk))
    assert not Notification.objects.filter(target_id=note.pk, user_id=erwan.user_id).exists()


def test_an_opposition_takes_notices_back(bruno, erwan):
    note = actions.add_note(bruno, text="Bonjour")
    tell(note)
    row = circles.oppose(bruno, practitioner=erwan.practice_role.practitioner)
    from cercle.people.circles.tasks import opposition_changed

    opposition_changed(str(row.pk))
    assert not Notification.objects.filter(user_id=erwan.user_id, circle_id=bruno.circle_id, read_at=None).exists()
