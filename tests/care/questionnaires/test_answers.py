"""Answers in a circle: drafts, signing, corrections, two writers, rights; the library and its editor."""

import io
import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.care.documents.models import Document
from cercle.care.notebook import actions as notebook
from cercle.care.notebook import measures
from cercle.care.questionnaires import actions, forms, library, queries
from cercle.care.questionnaires.models import Questionnaire, Response, ResponseVersion
from cercle.people.circles.access import make_viewer, reach
from tests import factories as make
from tests.factories import questionnaires as q

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def plain(settings, tmp_path):
    settings.MFA_REQUIRED = False
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def bruno():
    return make.circle(make.viewer(make.role("Bruno", "Le Bris", civility="M")))


@pytest.fixture
def form():
    return q.form(
        q.item("note", "integer", required=True), q.item("pourquoi", "text", enableWhen=[q.when("note", ">", answerInteger=5)]),
        q.calculated("double", "%resource.item.where(linkId='note').answer.value * 2"), q.item("photo", "attachment"),
    )  # fmt: skip


def joined(acting, role):
    person = make.user(role)
    make.join(acting, role)
    return reach(make_viewer(person, role), acting.circle_id)


def post(note="7", **more) -> dict:
    return {"q-note": [note]} | {f"q-{k}": [v] for k, v in more.items()}


def signed(acting, note="7", **more) -> Response:
    return actions.finish(acting, response=forms.start(acting, "essai"), post=post(note, **more))


def url(name, acting, response=None) -> str:
    return reverse(f"questionnaires:{name}", args=[acting.circle_id] + ([response.pk] if response else []))


def test_an_answer_is_signed_with_its_score_its_version_and_its_trace(bruno, form):
    response = signed(bruno, pourquoi="La nuit.")
    response.refresh_from_db()
    assert (response.status, response.version, response.scores["value"]) == ("completed", 1, 14)
    assert response.data["questionnaire"] == "urn:test:form|1" and response.data["subject"] == {
        "reference": f"Patient/{bruno.circle_id}"
    }
    assert response.versions.get().data == response.data
    assert (
        AuditEvent.objects.filter(
            action="questionnaires.completed", target_id=response.pk, circle_id=bruno.circle_id
        ).count()
        == 1
    )


def test_nothing_is_kept_when_the_trace_fails(bruno, form, monkeypatch):
    response = forms.start(bruno, "essai")
    monkeypatch.setattr(actions, "record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        actions.finish(bruno, response=response, post=post())
    response.refresh_from_db()
    assert response.is_open and not response.versions.exists()


def test_a_half_filled_form_is_kept_as_typed_and_said(bruno, form):
    response = forms.start(bruno, "essai")
    actions.keep_draft(bruno, response=response, post=post("sept"), writer="page-1")
    response.refresh_from_db()
    assert response.typed == {"q-note": ["sept"]} and response.data["item"] == []
    with pytest.raises(actions.Invalid) as refused:
        actions.finish(bruno, response=response, post=post("sept"), writer="page-1")
    assert list(refused.value.errors) == ["q-note"]
    assert forms.start(bruno, "essai").pk == response.pk  # taken up again


def test_a_correction_says_why_and_keeps_what_was_signed(bruno, form):
    response = signed(bruno)
    with pytest.raises(Refused) as refused:
        actions.finish(bruno, response=response, post=post("3"))
    assert refused.value.code == "reason"
    actions.finish(bruno, response=response, post=post("3"), reason="erreur de saisie")
    response.refresh_from_db()
    assert (response.status, response.version, response.scores["value"]) == ("amended", 2, 6)
    assert [v.scores["value"] for v in response.versions.order_by("number")] == [14, 6]
    with pytest.raises(DatabaseError), transaction.atomic():
        response.versions.update(reason="autre")


def test_two_writers_are_both_told_and_neither_loses_a_word(bruno, form):
    response = forms.start(bruno, "essai")
    seen = response.revision
    actions.keep_draft(bruno, response=response, post=post("1"), writer="bureau", revision=seen)
    actions.keep_draft(bruno, response=response, post=post("2"), writer="bureau", revision=seen)
    with pytest.raises(actions.TwoWriters), transaction.atomic():
        actions.finish(bruno, response=response, post=post("9"), writer="telephone", revision=seen)
    with pytest.raises(actions.TwoWriters):
        actions.finish(bruno, response=response, post=post("9"), writer="telephone", revision=seen)
    response.refresh_from_db()
    assert response.typed == {"q-note": ["2"]} and response.is_open
    aside = response.versions.get(kind=ResponseVersion.Kind.SET_ASIDE)
    assert aside.data["item"][0]["answer"] == [{"valueInteger": 9}]
    actions.finish(bruno, response=response, post=post("9"), writer="telephone", revision=seen, take_over=True)
    response.refresh_from_db()
    assert response.scores["value"] == 18


def test_a_draft_of_a_second_page_is_set_aside_too(bruno, form, client):
    make.sign_in(client, bruno.user)
    response = forms.start(bruno, "essai")
    for writer, note, status in (("a", "1", 200), ("a", "2", 200), ("b", "8", 409), ("b", "8", 409)):
        got = client.post(url("draft", bruno, response), {"q-note": note, "writer": writer, "revision": "1"})
        assert got.status_code == status, (writer, note)
    assert ResponseVersion.objects.get(kind="set_aside").data["item"][0]["answer"] == [{"valueInteger": 8}]
    page = client.get(url("history", bruno, response)).content.decode()
    assert "deux personnes écrivaient" in page


def test_the_screen_fills_autosaves_computes_and_signs(bruno, form, client):
    make.sign_in(client, bruno.user)
    panel = client.get(f"/patients/{bruno.circle_id}/grilles/").content.decode()
    assert "Grille d’essai" in panel
    got = client.post(url("start", bruno), {"form": "essai"})
    response = Response.objects.get()
    assert got["Location"] == url("fill", bruno, response)
    page = client.get(got["Location"]).content.decode()
    assert 'name="q-note"' in page and "data-when" in page and 'data-draft="' in page
    assert client.post(url("draft", bruno, response), post("x") | {"writer": "w"}).status_code == 200
    assert 'value="x"' in client.get(got["Location"]).content.decode()
    live = client.post(url("live", bruno, response), post("4")).content.decode()
    assert ">8</output>" in live
    wrong = client.post(got["Location"], post("x") | {"writer": "w"})
    assert (
        wrong.status_code == 422
        and "Écrivez un nombre" in wrong.content.decode()
        and 'value="x"' in wrong.content.decode()
    )
    done = client.post(got["Location"], post("4") | {"writer": "w"})
    assert done["Location"] == url("show", bruno, response)
    assert "8" in client.get(done["Location"]).content.decode()


def test_repeated_scores_make_a_trend_and_two_dates_are_compared(bruno, form, client):
    first, second = signed(bruno, "3"), signed(bruno, "8", pourquoi="plus mal")
    assert [p.value for p in queries.trend(bruno.circle, "essai")] == [6, 16]
    assert [p.value for p in queries.trend(bruno.circle_id, "essai", acting=bruno)] == [6, 16]
    lines = {
        line["label"]: (line["first"], line["second"], line["differs"]) for line in queries.compared(first, second)
    }
    assert lines["Question note"] == (["3"], ["8"], True) and lines["Question pourquoi"] == ([], ["plus mal"], True)
    make.sign_in(client, bruno.user)
    assert 'class="spark' in client.get(f"/patients/{bruno.circle_id}/grilles/").content.decode()
    assert client.get(url("compare", bruno), {"avec": first.pk, "et": second.pk}).status_code == 200
    for bad in ("", "x", str(uuid.uuid4()), str(first.pk)):
        assert client.get(url("compare", bruno), {"avec": first.pk, "et": bad}).status_code == 404


def test_a_file_joined_to_an_answer_follows_it(bruno, form, client):
    make.sign_in(client, bruno.user)
    response = forms.start(bruno, "essai")
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "JPEG")
    got = client.post(
        url("upload", bruno, response), {"field": "q-photo", "file": SimpleUploadedFile("plaie.jpg", out.getvalue())}
    )
    document = Document.objects.get()
    assert document.state == "draft" and str(document.pk) in got.content.decode()
    value = f"{document.pk}|image/jpeg|100|plaie.jpg"
    actions.finish(bruno, response=response, post=post("3", photo=value))
    document.refresh_from_db()
    assert (document.state, document.holder_id) == ("kept", response.pk)
    assert (
        reverse("documents:show", args=[bruno.circle_id, document.pk])
        in client.get(url("show", bruno, response)).content.decode()
    )
    stranger = forms.start(bruno, "essai")
    with pytest.raises(Refused), transaction.atomic():
        actions.finish(bruno, response=stranger, post=post("3", photo=f"{uuid.uuid4()}|image/jpeg|1|x.jpg"))


def test_what_is_known_of_the_person_is_filled_in(bruno):
    q.form(
        q.initially("nom", "%patient.name.first().family"), q.initially("age", "%age", "integer"), q.initially("ville", "%commune"),
        q.initially("poids", "%measures.weight", "decimal"), q.item("par", initial=[{"valueString": "téléphone"}]),
    )  # fmt: skip
    typed = forms.start(bruno, "essai").typed
    assert typed["q-par"] == ["téléphone"] and "q-poids" not in typed
    assert typed["q-nom"] and typed["q-age"][0].isdigit()


def test_an_outsider_finds_nothing_and_sends_nothing(bruno, form, client):
    response = signed(bruno)
    zoe = make.circle(make.viewer(make.role("Zoé", "Cariou")), birth_family="Le Berre", birth_date="1950-01-02")
    make.sign_in(client, zoe.user)
    for name in ("show", "fill", "history"):
        assert client.get(url(name, bruno, response)).status_code == 404
        assert client.get(reverse(f"questionnaires:{name}", args=[zoe.circle_id, response.pk])).status_code == 404
    for name in ("fill", "draft", "live", "upload", "discard"):
        assert client.post(url(name, bruno, response), post("1")).status_code == 404
        assert (
            client.post(reverse(f"questionnaires:{name}", args=[zoe.circle_id, response.pk]), post("1")).status_code
            == 404
        )
    response.refresh_from_db()
    assert response.version == 1 and list(queries.trend(zoe.circle_id, "essai", acting=zoe)) == []


def test_a_reader_of_other_categories_sees_neither_the_answer_nor_its_score(bruno, client):
    q.form(q.item("a"), category="medical")
    response = forms.start(bruno, "essai")
    role = make.role("Sara", "Social", profession="320", system="JDV_J48")
    social = joined(bruno, role)
    assert "medical" not in social.readable
    make.sign_in(client, social.user)
    assert client.get(url("show", bruno, response)).status_code == 404
    assert "Grille d’essai" not in client.get(f"/patients/{bruno.circle_id}/grilles/").content.decode()


def test_a_form_retired_meanwhile_stays_readable_and_finishable(bruno, form):
    response = forms.start(bruno, "essai")
    actions.retire(bruno.viewer, form=form)
    with pytest.raises(Refused) as refused:
        role = make.role("Iris", "Autre")
        forms.start(joined(bruno, role), "essai")
    assert refused.value.code == "retired"
    actions.finish(bruno, response=response, post=post("2"))
    assert queries.lines(Response.objects.get())[0]["answers"] == ["2"]


def test_a_desk_answers_about_a_request_before_any_circle(form):
    class Desk:
        user_id = practice_role_id = circle_id = opening = None
        ground, source, actor_name, actor_role = "desk", "web", "Nolwenn", "coordinatrice"

    subject = uuid.uuid4()
    response = forms.start(Desk(), "essai", subject_ref=subject)
    actions.finish(Desk(), response=response, post=post("2"))
    assert list(Response.objects.of_subject(subject)) == [response] and "subject" not in Response.objects.get().data


# --- The library ----------------------------------------------------------------------------------------------------
@pytest.fixture
def operator():
    return make.user(kind="operator", email="region@exemple.fr", first_name="Rozenn", last_name="Région")


def test_the_shipped_library_is_published_once():
    first = library.load()
    assert first["published"] == Questionnaire.objects.active().count() > 10
    assert library.load() == {"published": 0, "drafts": 0, "kept": first["published"]}
    gir = Questionnaire.objects.current("aggir")
    assert gir.source and gir.licence


def test_a_published_form_is_never_changed(form):
    with pytest.raises(DatabaseError), transaction.atomic():
        Questionnaire.objects.filter(pk=form.pk).update(data={"x": 1})
    with pytest.raises(DatabaseError), transaction.atomic():
        form.delete()


def test_the_operator_composes_conditions_previews_publishes_and_retires(operator, client):
    make.sign_in(client, operator)
    client.post("/formulaires/nouveau/", {"title": "Repérage maison", "category": "social"})
    draft = Questionnaire.objects.get()
    edit = reverse("questionnaires:edit", args=[draft.pk])
    sheet = reverse("questionnaires:edit_item", args=[draft.pk])
    for kind, text in (("boolean", "Vit seul"), ("string", "Avec qui")):
        assert client.post(edit, {"verb": "add", "type": kind, "text": text}).status_code == 302
    assert (
        client.post(
            sheet,
            {
                "link": "avec-qui",
                "text": "Avec qui",
                "type": "string",
                "question": "vit-seul",
                "operator": "=",
                "answer": "non",
            },
        ).status_code
        == 302
    )
    ring = client.post(
        sheet, {"link": "vit-seul", "text": "Vit seul", "type": "boolean", "question": "avec-qui", "operator": "exists"}
    )
    assert ring.status_code == 422 and "tourne en rond" in ring.content.decode()
    client.post(edit, {"verb": "up", "link": "avec-qui"})
    assert client.post(edit, {"verb": "remove", "link": "vit-seul"}).status_code == 422  # another depends on it
    draft.refresh_from_db()
    assert [i["linkId"] for i in draft.data["item"]] == ["avec-qui", "vit-seul"]
    assert draft.data["item"][0]["enableWhen"] == [{"question": "vit-seul", "operator": "=", "answerBoolean": False}]
    assert "Avec qui" in client.get(edit).content.decode()
    decide = reverse("questionnaires:decide", args=[draft.pk])
    client.post(decide, {"verb": "publish"})
    draft.refresh_from_db()
    assert draft.is_active and draft.approved_by and client.get(edit).status_code == 404
    client.post(decide, {"verb": "version"})
    second = Questionnaire.objects.get(status="draft")
    assert (second.version, second.slug) == ("2", draft.slug)
    client.post(reverse("questionnaires:decide", args=[second.pk]), {"verb": "publish"})
    draft.refresh_from_db()
    assert draft.status == "retired" and Questionnaire.objects.current(draft.slug).pk == second.pk
    client.post(reverse("questionnaires:decide", args=[second.pk]), {"verb": "retire"})
    assert Questionnaire.objects.current(draft.slug) is None


def test_a_file_from_elsewhere_is_kept_whole_and_what_is_lost_is_said(operator, client):
    make.sign_in(client, operator)
    content = q.data(q.item("a", "signature"), url="https://ailleurs.example/Questionnaire/x", extra={"kept": True})
    got = client.post(
        "/formulaires/importer/", {"file": SimpleUploadedFile("x.json", json.dumps(content).encode())}, follow=True
    )
    row = Questionnaire.objects.get()
    assert row.data == content and row.is_draft and "signature" in got.content.decode()
    exported = client.get(reverse("questionnaires:export", args=[row.pk]))
    assert json.loads(exported.content) == content
    for bad in (b"{", b"[]", b'{"resourceType": "Patient"}', b"\xff\xfe", b"[" * 5000, json.dumps(content).encode()):
        got = client.post("/formulaires/importer/", {"file": SimpleUploadedFile("x.json", bad)}, follow=True)
        assert got.status_code == 200 and 'role="alert"' in got.content.decode()
    assert Questionnaire.objects.count() == 1


def test_only_the_operator_changes_the_library_and_only_professionals_read_it(bruno, form, client):
    make.sign_in(client, bruno.user)
    assert "Grille d’essai" in client.get("/formulaires/").content.decode()
    assert client.get(reverse("questionnaires:form", args=[form.pk])).status_code == 200
    for name in ("edit", "edit_item"):
        assert client.get(reverse(f"questionnaires:{name}", args=[form.pk])).status_code == 404
    assert client.post(reverse("questionnaires:decide", args=[form.pk]), {"verb": "retire"}).status_code == 404
    assert client.post("/formulaires/nouveau/", {"title": "x"}).status_code == 404
    relative = make.sign_in(Client(), make.user(kind="relative", email="fille@exemple.fr"))
    assert relative.get("/formulaires/").status_code == 404


def test_a_form_starts_with_the_last_measure_of_notes_one_may_read(bruno):
    q.form(q.initially("poids", "%measures.weight", "decimal"))
    notebook.add_note(bruno, text="Pesée.", measures=[measures.parse("weight", "61")])
    notebook.add_note(bruno, text="Pesée.", measures=[measures.parse("weight", "62,5")])
    assert forms.start(bruno, "essai").typed["q-poids"] == ["62,5"]
