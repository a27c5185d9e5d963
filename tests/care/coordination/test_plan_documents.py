"""PPCS, PPS and PSI: every part filled from the rows, nothing retyped; drawn inside the page; no reader gains a part by a paper."""

import io
import subprocess

import pytest
from django.utils import timezone
from PIL import Image, ImageChops
from pypdf import PdfReader

from cercle.base.common import blobs, pdf
from cercle.care.coordination import meeting_documents
from cercle.care.coordination import plan_documents as documents
from cercle.care.coordination.actions import meetings
from cercle.care.coordination.actions import plan as actions
from cercle.care.coordination.vocabulary_plan import PlanKind
from cercle.care.questionnaires.models import Response
from cercle.care.structures import actions as structures
from cercle.people.circles.vocabulary import Reader
from cercle.people.directory.models import StructureLogo
from cercle.people.patients import actions as patients
from tests import factories as make
from tests.factories import plan as plans
from tests.factories import questionnaires as forms

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.FILES_ROOT = tmp_path


@pytest.fixture
def bruno():
    coordinates = {
        "address": "3 rue du Port", "postal_code": "29100", "commune_code": "29046", "commune_label": "Douarnenez", "phone": "0298000001",
    }  # fmt: skip
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")), coordinates=coordinates)


@pytest.fixture
def alice(bruno):
    return plans.coordinator(bruno)


def gir(acting, value=3, **fields):
    row = forms.form(forms.item("a"), slug="aggir", category="nursing", title="AGGIR", url="urn:test:aggir")
    return Response.objects.create(
        questionnaire=row, circle_id=acting.circle_id, status="completed", version=1, finished_at=timezone.now(),
        scores={"gir": value, "value": value}, category="nursing", author_user_id=acting.user_id, **fields,
    )  # fmt: skip


@pytest.fixture
def rich(alice, bruno):
    """Every part has its rows: identity, those near her, treating doctor, logo, GIR, plan, agreement, signature."""
    erwan = make.role("Erwan", "Kervella", profession="10", civility="M")
    patients.declare_treating_doctor(bruno, patient=bruno.patient, practice_role=erwan)
    soazig = plans.relative(bruno, is_trusted=True, phone="0600000002", relationship="DAUC")
    gir(bruno)
    structures.set_logo(alice, organization=alice.practice_role.organization, file=picture())
    plan, goal = plans.whole(alice, owner_member=soazig.member)
    actions.change(alice, row=plan, fields={"project": ("", "Revoir la mer"), "review_note": ("", "La nuit")})
    actions.add_action(
        alice, goal=goal, label="Rééducation à domicile", owner=actions.owner_of(alice, member=bruno.member)
    )
    actions.agree(
        alice, plan=plan, decision="partly", given_by="trusted", given_name="Soazig Le Gall", form="oral",
        given_on=timezone.localdate(), words="Sans accueil de jour",
    )  # fmt: skip
    actions.sign(bruno, plan=plan)
    plan.refresh_from_db()
    return plan


def picture() -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", (300, 90), "#0f4c5c").save(out, "PNG")
    return io.BytesIO(out.getvalue())


def drawn(acting, plan, kind, **parts) -> bytes:
    seen = documents.seen_by(acting, documents.snapshot(acting, plan)) | parts
    return pdf.render(documents.TEMPLATE, documents.pdf_data(acting, seen, kind, plan=plan))


def text_of(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


ALL = [
    "Yvonne QUEMENEUR", "12/04/1941", "Douarnenez", "Nom de naissance", "3 rue du Port", "02 98 00 00 01",  # identity
    "Personne de confiance", "Soazig LE GALL, fille, 06 00 00 00 02",  # those near her
    "Erwan Kervella", "Référent : Alice Morvan", "DAC de Cornouaille",  # who holds it, her doctor
    "Rester à Tréboul", "Moins de chutes", "Aucune chute en un mois", "Barres d’appui", "S. Le Gall", "Rééducation à domicile",
    "en continu", "Marcher seul dehors", "Risque de chute trop élevé", "Appeler le DAC",  # her words, goals, actions, unmet
    "d’accord en partie", "Sans accueil de jour", "sa personne de confiance", "à l’oral",  # agreement
    "Bruno Le Bris", "a signé le", "La nuit",  # circle, signatures, review
]  # fmt: skip


@pytest.mark.parametrize("kind", list(PlanKind))
def test_each_part_is_filled_from_the_rows_and_nothing_is_retyped(alice, rich, kind):
    text = text_of(drawn(alice, rich, kind))
    for words in ALL:
        assert words in text, words
    assert "À compléter" not in text and "À fixer" not in text
    shared = kind == PlanKind.PSI  # handed to the person: neither synthesis, nor score, nor list of problems
    for words in ("Blocages à la marche", "GIR estimé 3", "Chutes au lever"):
        assert (words in text) != shared, words
    assert ("Revoir la mer" in text) == (kind != PlanKind.PPS)


@pytest.mark.parametrize("kind", list(PlanKind))
def test_the_paper_is_tagged_and_bears_the_logo_with_its_words(alice, rich, kind):
    reader = PdfReader(io.BytesIO(drawn(alice, rich, kind)))
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "fr-FR" and reader.metadata.title
    tags, words = set(), set()

    def walk(node):
        node = node.get_object()
        for child in node if isinstance(node, list) else [node]:
            if isinstance(child := child.get_object(), dict):
                tags.add(child.get("/S"))
                words.add(child.get("/Alt"))
                if "/K" in child and not isinstance(child["/K"], int):
                    walk(child["/K"])

    walk(root["/StructTreeRoot"])
    assert {"/H1", "/H2", "/Table", "/TH", "/TD", "/L", "/Figure"} <= tags
    assert "Logo de DAC de Cornouaille" in words


def test_without_a_logo_or_with_a_lost_file_the_paper_is_made_all_the_same(alice, rich):
    StructureLogo.objects.update(sha256="0" * 64)
    assert "DAC de Cornouaille" in text_of(drawn(alice, rich, "ppcs"))
    StructureLogo.objects.all().delete()
    assert "DAC de Cornouaille" in text_of(drawn(alice, rich, "ppcs"))


@pytest.mark.parametrize("kind", list(PlanKind))
def test_long_words_and_long_texts_stay_inside_the_page(alice, rich, kind):
    """A million ways to run off a page: an endless word, a very long name, three hundred lines, forty actions."""
    endless = "Llanfairpwllgwyngyll" * 12
    parts = documents.seen_by(alice, documents.snapshot(alice, rich))
    action = parts["goals"][0]["actions"][0]
    goal = parts["goals"][0] | {
        "label": f"Que {endless}", "measure": endless,
        "actions": [action | {"label": f"{endless} {n}", "owner": "Anne-Gwenola de Kermadec-Trévarez " * 5} for n in range(40)],
    }  # fmt: skip
    long = {
        "wish": "Ligne\n" * 300, "project": endless, "synthesis": endless * 4, "goals": [goal], "contingency": endless,
        "team": [{"name": endless[:200], "label": endless[:200], "place": endless[:200], "role": "", "users": []}],
        "agreement": parts["agreement"] | {"words": endless * 3, "name": endless[:200]}, "near": [[endless[:60], endless]],
    }  # fmt: skip
    data = documents.pdf_data(alice, parts | long, kind, plan=rich)
    pages = pdf.pages(documents.TEMPLATE, data, ppi=50)
    assert len(pages) > 3
    for page in pages:
        found = Image.open(io.BytesIO(page)).convert("L")
        width, height = found.size
        for margin in ((0, 0, 28, height), (width - 28, 0, width, height), (0, height - 12, width, height)):
            strip = found.crop(margin)
            assert ImageChops.invert(strip).getbbox() is None


def test_what_is_kept_from_the_person_is_not_in_the_psi_whoever_prints_it(alice, bruno):
    plan, _goal = plans.whole(alice)
    kept = actions.add_goal(alice, plan=plan, label="Protéger de l’emprise d’un proche")
    actions.set_readers(alice, row=kept, hidden=int(Reader.PATIENT))
    assert kept.label in text_of(drawn(alice, plan, "ppcs"))
    assert kept.label not in text_of(drawn(alice, plan, "psi"))


def test_what_was_hidden_since_is_hidden_in_the_former_versions_too(alice, bruno, client, settings):
    settings.MFA_REQUIRED = False
    plan, goal = plans.whole(alice)
    actions.agree(
        alice, plan=plan, decision="yes", given_by="person", given_name="Yvonne", form="oral", given_on=timezone.localdate()
    )  # fmt: skip
    actions.sign(alice, plan=plan)
    actions.revise(alice, plan=plan)
    url = f"/patients/{alice.circle_id}/plan/{plan.pk}/"
    client.force_login(bruno.user)
    first = client.get(f"{url}pdf/ppcs/?version=1")
    text = text_of(first.content)
    assert "Moins de chutes" in text and "Version 1, signé" in text and "Alice Morvan" in text and "a signé le" in text
    assert "ppcs-version-1.pdf" in first["Content-Disposition"]
    actions.set_readers(alice, row=goal, hidden=int(Reader.HEALTH))
    assert "Moins de chutes" not in text_of(client.get(f"{url}pdf/ppcs/?version=1").content)
    assert "Moins de chutes" not in client.get(f"{url}versions/").content.decode()
    assert client.get(f"{url}pdf/ppcs/?version=7").status_code == 404


def test_the_paper_sent_to_the_circle_follows_the_strictest_mask_and_says_whom_it_is_not_shown(alice, client, settings):
    settings.MFA_REQUIRED = False
    plan, goal = plans.whole(alice)
    actions.set_readers(alice, row=goal, hidden=int(Reader.PATIENT | Reader.CARER))
    client.force_login(alice.user)
    page = client.post(f"/patients/{alice.circle_id}/plan/{plan.pk}/envoyer/", {"kind": "ppcs"}, follow=True)
    assert "Il n’est pas montré à : la personne, proches" in page.content.decode()
    document = documents_of(alice).get()
    assert document.hidden == int(Reader.PATIENT | Reader.CARER) and document.title.startswith("Plan personnalisé")


def documents_of(acting):
    from cercle.care.documents.models import Document

    return Document.objects.visible_to(acting)


def test_a_grid_that_the_paper_s_readers_may_not_read_is_left_out_and_the_paper_says_extract(alice, bruno):
    gir(bruno)
    plan, _goal = plans.whole(alice)
    document = actions.send(alice, plan=plan, kind="ppcs")
    with blobs.open(document.sha256) as stream:
        text = " ".join(page.extract_text() for page in PdfReader(stream).pages)
    assert document.category == "social" and "GIR" not in text and "extrait" in text
    assert "GIR estimé 3" in text_of(drawn(alice, plan, "ppcs"))


def test_call_and_minutes_bear_the_logo_and_what_was_decided(alice, rich):
    meeting = meetings.call_meeting(
        alice, title="Point à trois mois", starts_at=timezone.now(), place="Mairie", agenda="La nuit", plan=rich,
        invitees=[actions.owner_of(alice, name="Mme Guével", label="Bailleur")],
    )  # fmt: skip
    meetings.hold_meeting(alice, meeting=meeting, present={})
    meetings.decide(alice, meeting=meeting, text="Demander l’APA", owner=actions.owner_of(alice, name="Jean Le Berre"))
    actions.change(alice, row=meeting, fields={"report": ("", "Chacun a parlé.")})
    meeting.refresh_from_db()
    call = meeting_documents.pdf_data(alice, meeting, "call")
    minutes = meeting_documents.pdf_data(alice, meeting, "minutes")
    assert call["logo"] and minutes["logo"]
    said = text_of(pdf.render(meeting_documents.TEMPLATE, minutes))
    for words in (
        "Point à trois mois",
        "Mairie",
        "La nuit",
        "Mme Guével",
        "absent",
        "Chacun a parlé.",
        "Demander l’APA",
        "Jean Le Berre",
    ):
        assert words in said, words
    paper = text_of(pdf.render(meeting_documents.TEMPLATE, call | {"sections": call["sections"] * 9}))
    assert "Demander l’APA" not in paper and "QUEMENEUR" not in paper.upper()  # it goes to people outside the circle


def test_poppler_reads_the_words_in_their_order(alice, rich, tmp_path):
    """As a screen reader would meet them: what she wishes, then where she stands, then who does what."""
    (tmp_path / "ppcs.pdf").write_bytes(drawn(alice, rich, "ppcs"))
    try:
        text = subprocess.run(["pdftotext", str(tmp_path / "ppcs.pdf"), "-"], capture_output=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("poppler is not installed")
    headings = [
        "Ce que je souhaite", "Mon projet", "Synthèse", "Problèmes", "Plan d’action", "Objectifs non atteints", "Si la situation change",
        "Personne et entourage", "Accord de la personne\n", "Équipe et signatures", "Dates de révision",
    ]  # fmt: skip
    places = [text.index(words) for words in headings]
    assert places == sorted(places)
