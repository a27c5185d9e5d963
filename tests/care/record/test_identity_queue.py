import pytest

from cercle.base.audit.models import AuditEvent
from cercle.care.record import identity_queue
from cercle.people.circles import actions as circles
from cercle.people.circles.models import Circle
from cercle.people.patients.models import MergeDecision, Patient, PotentialDuplicate
from tests import factories as make

pytestmark = pytest.mark.django_db
QUEUE = "/identites/"


@pytest.fixture
def pair():
    """Two files of one person, each in its circle."""
    for given in ("Bruno", "Erwan"):
        viewer = make.viewer(make.role(given, "Le Bris", civility="M"))
        make.circle(viewer, birth_family="Le Goff", birth_given="Marie", birth_givens="Marie Jeanne",
                    birth_date="1939-04-12", birth_place_code="29232", birth_place_label="Quimper")  # fmt: skip
    return PotentialDuplicate.objects.get()


@pytest.fixture
def operator(client):
    person = make.user(kind="operator", first_name="Odile", last_name="Région")
    client.force_login(person)
    return person


def test_only_the_operator_enters_and_sees_the_place(client, pair):
    client.force_login(make.user(make.role()))
    for path in (QUEUE, f"{QUEUE}{pair.pk}/", f"{QUEUE}decisions/"):
        assert client.get(path).status_code == 403
    assert client.post(f"{QUEUE}{pair.pk}/reunir/", {"survivor": pair.first_id, "reason": "x"}).status_code == 403
    assert "Identitovigilance" not in client.get("/patients/").content.decode()
    assert AuditEvent.objects.filter(action="circles.refused", ground="identity_queue").count() == 4


def test_the_pair_is_explained_side_by_side_and_read_in_both_journals(client, operator, pair):
    page = client.get(QUEUE).content.decode()
    for words in ("LE GOFF", "Quimper 29232", "Pourquoi cette paire", "identique", "Fiche A", "ressemblance"):
        assert words in page
    read = AuditEvent.objects.filter(action="record.identity_pair_read")
    assert {e.circle_id for e in read} == {pair.first_id, pair.second_id}
    assert {e.ground for e in read} == {"identity_queue"}


def test_the_operator_reads_no_circle_from_there(client, operator, pair):
    assert client.get(f"/patients/{pair.first_id}/").status_code == 404
    assert client.get(f"/patients/{pair.first_id}/dossier/").status_code == 404


def test_same_person_then_undone(client, operator, pair):
    form = {"survivor": str(pair.first_id), "reason": "même carte d’identité"}
    assert client.post(f"{QUEUE}{pair.pk}/reunir/", form).status_code == 302
    assert Patient.objects.get(pk=pair.second_id).merged_into_id == pair.first_id
    assert Circle.objects.get(pk=pair.second_id).canon_id == pair.first_id
    assert client.get(f"{QUEUE}{pair.pk}/").status_code == 404
    decision = MergeDecision.objects.get()
    assert "même carte" in client.get(f"{QUEUE}decisions/").content.decode()
    assert client.post(f"{QUEUE}decisions/{decision.pk}/separer/").status_code == 302
    assert Patient.objects.get(pk=pair.second_id).merged_into_id is None
    assert Circle.objects.get(pk=pair.second_id).canon_id is None


def test_a_decision_asks_for_its_reason_and_a_file(client, operator, pair):
    answer = client.post(f"{QUEUE}{pair.pk}/reunir/", {"survivor": str(pair.first_id)})
    assert answer.status_code == 422 and "Indiquez le motif" in answer.content.decode()
    answer = client.post(f"{QUEUE}{pair.pk}/reunir/", {"reason": "mot gardé"})
    assert answer.status_code == 422 and "Choisissez la fiche" in answer.content.decode()
    assert "mot gardé" in answer.content.decode()
    stranger = {"survivor": "00000000-0000-0000-0000-000000000000", "reason": "x"}
    assert client.post(f"{QUEUE}{pair.pk}/reunir/", stranger).status_code == 404


def test_decisions_turn_their_pages(client, operator, pair, monkeypatch):
    monkeypatch.setattr(identity_queue, "LISTED", 1)
    for n in range(3):  # together, apart, together, apart…
        decision = circles.merge_files(
            make.viewer(person=operator), survivor=pair.first, merged=pair.second, reason=f"motif {n}"
        )
        circles.unmerge_files(make.viewer(person=operator), decision=decision)
    pages = [client.get(f"{QUEUE}decisions/?from={n}").content.decode() for n in range(3)]
    for n, page in enumerate(pages):
        assert f"motif {2 - n}" in page and f"motif {1 - n}" not in page
    assert "from=1" in pages[0] and "Plus récentes" not in pages[0]
    assert "Plus anciennes" not in pages[2] and "from=1" in pages[2]
    assert client.get(f"{QUEUE}decisions/?from=²&apart=-1").status_code == 200


def test_two_persons_are_not_proposed_again(client, operator, pair):
    client.post(f"{QUEUE}{pair.pk}/distinguer/", {"reason": "jumelles"})
    assert "Aucune paire à examiner" in client.get(QUEUE).content.decode()
    assert "jumelles" in client.get(f"{QUEUE}decisions/").content.decode()


def test_later_decides_nothing(client, operator, pair):
    client.post(f"{QUEUE}{pair.pk}/plus-tard/")
    assert "remise à plus tard" in client.get(QUEUE).content.decode()
    pair.refresh_from_db()
    assert pair.state == "open"


def test_levels_filter_the_list(client, operator, pair):
    PotentialDuplicate.objects.update(level="review")
    assert "Aucune paire" in client.get(QUEUE + "?level=auto").content.decode()
    assert "LE GOFF" in client.get(QUEUE + "?level=review").content.decode()
