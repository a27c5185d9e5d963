import base64
import copy
import json
import random
from pathlib import Path

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.base.web import places
from cercle.care.documents.models import Document
from cercle.care.notebook import queries
from cercle.care.notebook.models import Note
from cercle.doors.fhir.guides import cdl
from cercle.doors.fhir.models import Link, Received
from cercle.doors.fhir.shape import Rejected
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach, reach_as_feed
from cercle.people.circles.models import Circle, Member
from cercle.people.directory.models import Commune, Practitioner
from cercle.people.patients.models import Identity, Patient, PatientIdentifier, PotentialDuplicate
from tests import factories as make

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parents[2] / "samples" / "cdl"
OFFICIAL = (SAMPLES / "Bundle-cdl-bundle-creation-note.json").read_bytes()
R234 = "https://mos.esante.gouv.fr/NOS/TRE_R234-TypeNote/FHIR/TRE-R234-TypeNote"
A07 = "https://mos.esante.gouv.fr/NOS/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument"
G15 = "https://mos.esante.gouv.fr/NOS/TRE_G15-ProfessionSante/FHIR/TRE-G15-ProfessionSante"
V0445 = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0445"
CORE = "https://hl7.fr/ig/fhir/core/StructureDefinition/"
EMERGENCY = "https://interop.esante.gouv.fr/ig/fhir/cdl/StructureDefinition/cdl-ext-is-emergency"
TEST_OID, NIR_OID = "urn:oid:1.2.250.1.213.1.4.10", "urn:oid:1.2.250.1.213.1.4.8"
PAT_TROIS = "279035121518989"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="


def b64(text, encoding="utf-8"):
    return base64.b64encode(text.encode(encoding)).decode()


def pat_trois(value=PAT_TROIS, system=TEST_OID, status="VALI", kind="INS-NIR", **fields):
    return {
        "resourceType": "Patient",
        "id": "pat-trois",
        "extension": [
            {"url": CORE + "fr-core-identity-reliability", "extension": [{"url": "identityStatus", "valueCoding": {"system": V0445, "code": status}}]}
        ],
        "identifier": [{"use": "official", "type": {"coding": [{"code": kind}]}, "system": system, "value": value}],
        "name": [{"use": "official", "family": "PAT-TROIS", "given": ["DOMINIQUE"], "extension": [
            {"url": CORE + "fr-core-patient-birth-list-given-name", "valueString": "DOMINIQUE MARIE-LOUISE"}]}],
        "gender": "female",
        "birthDate": "1979-03-28",
    } | fields  # fmt: skip


def nurse(rpps=None, family="Kermarrec", given="Anne"):
    person = {
        "resourceType": "Practitioner",
        "id": "p-1",
        "name": [{"family": family, "given": [given], "prefix": ["MME"]}],
    }
    if rpps:
        person["identifier"] = [{"system": "urn:oid:1.2.250.1.71.4.2.1", "value": "8" + rpps}]
    role = {
        "resourceType": "PractitionerRole",
        "id": "ide-1",
        "practitioner": {"reference": "Practitioner/p-1"},
        "code": [{"coding": [{"system": G15, "code": "60", "display": "Infirmier"}]}],
    }
    return [person, role]


def sample(name):
    return json.loads((SAMPLES / name).read_text())


def note(text="Pansement refait.", ref="urn:uuid:n-1", **fields):
    found = sample("note-obs-valid.json")
    found["masterIdentifier"]["value"] = ref
    found.pop("description")
    found["content"] = [{"attachment": {"contentType": "text/plain", "data": b64(text)}}]
    return found | fields


def lot(*resources, kind="transaction", method="POST", patient=None):
    patient = pat_trois() if patient is None else patient
    actors = nurse() if not any(r["resourceType"].startswith("Practitioner") for r in resources) else []
    rows = [*resources, *([patient] if patient else []), *actors]
    return {"resourceType": "Bundle", "type": kind, "entry": [
        {"resource": r, "request": {"method": method if r["resourceType"] == "DocumentReference" else "POST", "url": r["resourceType"]}} for r in rows
    ]}  # fmt: skip


@pytest.fixture
def source():
    return cdl.connector("Logiciel A")


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.setitem(places._hooks, "demo", lambda: True)


@pytest.fixture
def send(source):
    return lambda payload, client=None: cdl.receive(
        client or source, payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    )


def cards(acting):
    return [e for e in queries.page(acting).entries if e.kind == "note"]


def reader(patient_id, source, role):
    circles.add_member(reach_as_feed(source, patient_id, source="fhir"), practice_role=role, ground="recognised")
    return reach(make_viewer(make.user(role), role), patient_id)


# --- The official example ----------------------------------------------------------------------------------------------


def test_the_official_example_appears_in_the_notebook(send, source):
    Commune.objects.create(code="60141", kind="COM", name="Chantilly", postal_codes=["60500"])
    report = send(OFFICIAL)
    assert (report.patients_created, report.notes_created) == (1, 1)
    patient = Patient.objects.select_related("identity").get()
    identity = patient.identity
    assert (identity.birth_family, identity.birth_given, identity.birth_date) == ("ROUBINOWITZ", "MICHEL", "1975-03-11")
    assert identity.ins_value == "" and identity.status == Identity.Status.PROV
    assert identity.birth_place_code == "" and identity.birth_place_label == "Chantilly"
    assert any("matricule INS reçu est faux" in w for w in report.warnings) and any(
        "code postal" in w for w in report.warnings
    )
    acting = reader(patient.pk, source, make.role())
    (card,) = cards(acting)
    assert card.note.text == "Maman est fatiguée. Elle n'a pas voulu sortir ce matin."
    assert (
        card.note.type == "DEM-AVIS"
        and card.note.author_name == "Sophie Brooks"
        and card.note.author_label == "Infirmière"
    )
    assert card.note.written_at.isoformat() == "2019-03-03T21:30:00+00:00" and card.note.entered_as == "Logiciel A"
    assert "123456789012244" in json.dumps(Received.objects.get().payload)
    assert not PatientIdentifier.objects.exists()


def test_the_same_file_twice_changes_nothing_and_says_so(send):
    send(OFFICIAL)
    again = send(json.dumps(json.loads(OFFICIAL), indent=3).encode())
    assert again.repeated and not again.changed and "rien n’a changé" in again.lines()[0]
    assert (Patient.objects.count(), Note.objects.count(), Practitioner.objects.count()) == (1, 1, 1)


def test_the_patient_of_a_second_file_of_the_same_source_is_recognised(send):
    send(OFFICIAL)
    second = json.loads(OFFICIAL)
    second["entry"][0]["fullUrl"] = "urn:uuid:04886b69-ef36-4584-819e-000000000009"
    second["entry"][0]["resource"]["id"] = "04886b69-ef36-4584-819e-000000000009"
    report = send(second)
    assert (report.patients_found, report.notes_created, Patient.objects.count()) == (1, 1, 1)


def test_another_source_does_not_reach_a_patient_by_a_guessed_id(send):
    send(OFFICIAL)
    send(OFFICIAL, cdl.connector("Logiciel B"))
    assert Patient.objects.count() == 2 and PotentialDuplicate.objects.exists()


def test_the_fact_is_traced_with_its_source(send):
    send(OFFICIAL)
    event = AuditEvent.objects.get(action="notebook.note_added")
    assert event.source == "fhir" and event.actor_name == "Logiciel A"
    assert AuditEvent.objects.get(action="fhir.message_received").circle_id == Patient.objects.get().pk


# --- Type, urgency, visibility -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["GEN", "INTERV", "OBS", "DEM-AVIS", "INST"])
def test_each_national_type_is_kept(send, code):
    send(lot(note(type={"coding": [{"system": R234, "code": code}]})))
    assert Note.objects.get().type == code


@pytest.mark.parametrize("name", ["neg-no-type.json", "neg-unknown-type.json"])
def test_a_missing_or_unknown_type_is_refused_where_it_stands(send, name):
    with pytest.raises(Rejected) as refused:
        send(lot(sample(name)))
    assert refused.value.issues[0].path == "Bundle.entry[0].resource.type" and "JDV_J23" in str(refused.value)
    assert not Patient.objects.exists() and not Circle.objects.exists() and not Received.objects.exists()
    assert AuditEvent.objects.get(action="fhir.message_refused").outcome == "refused"


def test_an_urgent_note_is_urgent(send):
    send(lot(sample("note-urgent-emergency.json")))
    found = Note.objects.get()
    assert found.is_urgent and found.type == "INST" and "fièvre" in found.text and "Téléphone" in found.text


LABELS = {
    "INVISIBLE_PATIENT": {"nurse", "social"},
    "INVISIBLE_REPRESENTANTS_LEGAUX": {"nurse", "social", "patient", "carer"},
    "MASQUE_PS": {"social", "patient", "carer"},
    "MASQUE_PSOCIAL": {"nurse", "patient", "carer"},
    "MASQUE_PT": {"nurse", "social", "patient"},
}


@pytest.mark.parametrize("label", LABELS)
def test_each_label_hides_from_whom_it_says(send, source, label):
    send(lot(note(securityLabel=[{"coding": [{"system": A07, "code": label}]}])))
    pk = Patient.objects.get().pk
    feed = reach_as_feed(source, pk, source="fhir")
    person, daughter = make.user(kind="patient"), make.user(kind="relative")
    circles.add_member(feed, kind="patient", user=person, ground="own_file")
    contact = make.contact(Patient.objects.get())
    circles.add_member(feed, contact=contact, user=daughter, ground="wish")
    readers = {
        "nurse": reader(pk, source, make.role()),
        "social": reader(pk, source, make.role("Alice", "Morvan", profession="309", system="JDV_J48")),
        "patient": reach(make_viewer(person), pk),
        "carer": reach(make_viewer(daughter), pk),
    }
    assert {who for who, acting in readers.items() if cards(acting)} == LABELS[label]


@pytest.mark.parametrize(
    "label",
    [
        [{"coding": [{"system": A07, "code": "MASQUE_TOUS"}]}],
        [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]}],
        [{"text": "secret"}], "INVISIBLE_PATIENT", [{}],
    ],
)  # fmt: skip
def test_a_mask_that_cannot_be_kept_refuses_the_note(send, label):
    with pytest.raises(Rejected, match=r"securityLabel"):
        send(lot(note(securityLabel=label)))


@pytest.mark.parametrize("gone", ["status", "subject", "author", "content"])
def test_what_the_profile_requires_is_required(send, gone):
    made = note()
    del made[gone]
    with pytest.raises(Rejected, match=gone):
        send(lot(made))


@pytest.mark.parametrize(
    "extra", [{"docStatus": "preliminary"}, {"custodian": {"display": "X"}}, {"authenticator": {"display": "X"}}]
)
def test_what_the_profile_forbids_is_refused(send, extra):
    with pytest.raises(Rejected, match="interdit"):
        send(lot(note(**extra)))


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_kept(send):
    with pytest.raises(Rejected) as refused:
        send(lot(note(), sample("neg-no-type.json"), sample("neg-unknown-type.json"), kind="collection"))
    assert len(refused.value.issues) == 2 and not Note.objects.exists()


# --- Identity ----------------------------------------------------------------------------------------------------------


def test_a_qualified_test_identity_is_recovered_on_a_demo_base_only(send, demo):
    send(lot(note()))
    identity = Patient.objects.select_related("identity").get().identity
    assert (identity.ins_value, identity.status) == (PAT_TROIS, Identity.Status.RECUP)


def test_a_test_matricule_is_left_aside_on_a_real_base(send):
    report = send(lot(note()))
    assert Patient.objects.get().identity.ins_value == "" and any("de test" in w for w in report.warnings)
    assert not Patient.objects.get().is_test


def test_a_matricule_that_is_not_qualified_is_left_aside(send, demo):
    report = send(lot(note(), patient=pat_trois(status="PROV")))
    assert Patient.objects.get().identity.ins_value == "" and any("qualifiée" in w for w in report.warnings)


def test_a_matricule_that_contradicts_the_traits_is_left_aside(send):
    report = send(lot(note(), patient=pat_trois("274075176079430", NIR_OID, gender="male", birthDate="2005-01-01")))
    assert Patient.objects.get().identity.ins_value == "" and any("contredit" in w for w in report.warnings)


@pytest.mark.parametrize("system", [NIR_OID, "urn:oid:1.2.250.1.213.1.4.13"])
def test_a_social_security_number_is_never_an_ins(send, system):
    send(lot(note(), patient=pat_trois(system=system, kind="NH")))
    identity = Patient.objects.get().identity
    assert identity.ins_value == "" and PatientIdentifier.objects.get().kind == "NSS"


def test_a_wrong_social_security_number_is_left_aside(send):
    report = send(lot(note(), patient=pat_trois("276037510669380", "urn:oid:1.2.250.1.213.1.4.13", kind="NH")))
    assert not PatientIdentifier.objects.exists() and any("sécurité sociale" in w for w in report.warnings)


def test_the_ins_finds_the_patient_across_sources_when_the_traits_agree(send, demo):
    send(lot(note()))
    send(lot(note(ref="urn:uuid:n-2")), cdl.connector("Logiciel B"))
    assert Patient.objects.count() == 1 and Note.objects.count() == 2
    assert Member.objects.filter(kind="connector").count() == 2


def test_the_same_ins_with_other_traits_is_a_doubt_not_a_merge(send, demo):
    send(lot(note()))
    other = pat_trois(id="autre", name=[{"use": "official", "family": "LEGOFF", "given": ["MAELLE"]}])
    report = send(lot(note(ref="urn:uuid:n-2"), patient=other))
    assert Patient.objects.count() == 2 and any("identitovigilance" in w for w in report.warnings)
    assert Identity.objects.exclude(ins_value="").count() == 1


def test_the_same_label_for_two_people_makes_two_files_each_found_again(send):
    other = pat_trois("276037510669380", name=[{"family": "LEGOFF", "given": ["MAELLE"]}], birthDate="1976-03-05")
    for n in range(2):
        send(lot(note(ref=f"urn:uuid:a-{n}")))
        send(lot(note(ref=f"urn:uuid:b-{n}"), patient=other))
    assert Patient.objects.count() == 2 and Note.objects.count() == 4


def test_a_usual_name_is_not_the_name_at_birth(send):
    names = [{"use": "usual", "family": "Durand", "given": ["Dominique"]}, *pat_trois()["name"]]
    send(lot(note(), patient=pat_trois(name=names)))
    identity = Patient.objects.get().identity
    assert (identity.birth_family, identity.used_family, identity.birth_givens) == (
        "PAT-TROIS",
        "Durand",
        "DOMINIQUE MARIE-LOUISE",
    )


def test_an_identity_without_its_traits_is_refused(send):
    for gone in ("name", "birthDate"):
        person = pat_trois()
        del person[gone]
        with pytest.raises(Rejected, match=f"Bundle.entry.*{gone}"):
            send(lot(note(), patient=person))


def test_a_circle_that_others_opened_takes_the_feed_in_unless_it_was_sent_away(send, source, demo):
    report = send(lot(note()))
    pk = report.patient_ids[0]
    reader(pk, source, make.role())
    other = cdl.connector("Logiciel B")
    send(lot(note(ref="urn:uuid:n-2")), other)
    member = Member.objects.get(api_client=other)
    circles.end_member(reach_as_feed(source, pk, source="fhir"), member=member)
    with pytest.raises(Rejected, match="a pris fin"):
        send(lot(note(ref="urn:uuid:n-3")), other)
    assert Note.objects.count() == 2


def test_a_connector_sees_nothing_of_a_circle_that_it_did_not_feed(send):
    pk = send(lot(note())).patient_ids[0]
    assert reach_as_feed(cdl.connector("Inconnu"), pk, source="fhir") is None


@pytest.mark.parametrize("category", ["", "nursing"])
def test_an_opposition_to_its_structure_closes_the_door(send, source, category):
    pk = send(lot(note())).patient_ids[0]
    feed = reach_as_feed(source, pk, source="fhir")
    circles.oppose(feed, organization=source.organization, category=category)
    with pytest.raises(Rejected):
        send(lot(note(ref="urn:uuid:n-2")))
    assert Note.objects.count() == 1


def test_a_connector_that_was_switched_off_sends_nothing(source):
    source.active = False
    source.save()
    with pytest.raises(Refused, match="désactivé"):
        cdl.connector(source.name)


def test_a_psychologist_is_kept_among_the_strictest_notes_that_a_connector_writes(send):
    role = nurse()
    role[1]["code"] = [{"coding": [{"system": G15, "code": "93"}]}]
    report = send(lot(note(), *role))
    assert Note.objects.get().category == "medical" and any("médical" in w for w in report.warnings)


def test_a_role_that_names_nobody_beside_one_person_is_hers(send):
    person, role = nurse()
    del role["practitioner"]
    send(
        lot(
            note(
                author=[
                    {"reference": "Practitioner/p-1"},
                    {"reference": "PractitionerRole/ide-1", "display": "Mme Anne Kermarrec (infirmier)"},
                ]
            ),
            person,
            role,
        )
    )
    found = Note.objects.get()
    assert (found.author_name, found.author_label) == ("Anne Kermarrec", "Infirmière")


# --- Authors -----------------------------------------------------------------------------------------------------------


def test_an_author_of_the_directory_is_recognised_by_her_number(send):
    role = make.role("Anne", "Kermarrec")
    Practitioner.objects.filter(pk=role.practitioner_id).update(rpps="10000000017", national_id="810000000017")
    send(lot(note(), *nurse("10000000017")))
    found = Note.objects.get()
    assert (
        found.author_role_id == role.pk
        and found.author_user_id is None
        and not Practitioner.objects.filter(is_external=True).exists()
    )


def test_a_number_that_bears_another_name_is_not_believed(send):
    role = make.role("Paul", "Riou")
    Practitioner.objects.filter(pk=role.practitioner_id).update(rpps="10000000017", national_id="810000000017")
    report = send(lot(note(), *nurse("10000000017")))
    assert Note.objects.get().author_name == "Anne Kermarrec" and any("autre nom" in w for w in report.warnings)


def test_an_unknown_author_is_external_and_one_row_for_all_her_notes(send):
    for n in range(3):
        send(lot(note(ref=f"urn:uuid:n-{n}"), *nurse("10000000017")))
    person = Practitioner.objects.get(is_external=True)
    assert person.rpps is None and Note.objects.filter(author_role__practitioner=person).count() == 3
    assert set(Note.objects.values_list("category", flat=True)) == {"nursing"}


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        (
            {
                "resourceType": "RelatedPerson",
                "id": "x",
                "name": [{"family": "Le Gall", "given": ["Soazig"]}],
                "relationship": [{"coding": [{"code": "DAUC"}]}],
            },
            "Soazig Le Gall",
        ),
        ({"resourceType": "Organization", "id": "x", "name": "SSIAD du Cap"}, "SSIAD du Cap"),
        (
            {"resourceType": "Device", "id": "x", "deviceName": [{"name": "Balance", "type": "user-friendly-name"}]},
            "Balance",
        ),
    ],
)
def test_a_relative_a_structure_or_an_apparatus_may_sign(send, actor, name):
    send(lot(note(author=[{"reference": f"{actor['resourceType']}/x"}]), actor))
    assert Note.objects.get().author_name == name


def test_the_person_may_sign(send):
    send(lot(note(author=[{"reference": "Patient/pat-trois"}])))
    assert Note.objects.get().author_label == "la personne"


def test_an_author_nobody_names_is_refused_and_a_name_alone_is_enough(send):
    with pytest.raises(Rejected, match="auteur"):
        send(lot(note(author=[{"reference": "Practitioner/inconnu"}])))
    send(lot(note(author=[{"reference": "Practitioner/inconnu", "display": "Dr Jean Morvan"}])))
    assert Note.objects.get().author_name == "Dr Jean Morvan"


# --- References and shapes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["relative", "urn", "full", "contained", "identifier", "history"])
def test_the_patient_is_found_however_she_is_referred_to(send, form):
    person, made = pat_trois(id="0d920958-b596-4b91-af67-9bafc707820b"), note()
    uid, base = person["id"], "https://ehr.example/fhir/Patient/"
    made["subject"] = {
        "relative": {"reference": f"Patient/{uid}"}, "urn": {"reference": f"urn:uuid:{uid.upper()}"},
        "full": {"reference": base + uid}, "history": {"reference": f"Patient/{uid}/_history/3"},
        "contained": {"reference": "#pat"}, "identifier": {"identifier": {"system": TEST_OID, "value": PAT_TROIS}},
    }[form]  # fmt: skip
    if form == "contained":
        made["contained"] = [person | {"id": "pat"}]
        bundle = lot(made, patient=False)
    else:
        bundle = lot(made, patient=person)
        bundle["entry"][1]["fullUrl"] = base + uid if form == "full" else f"urn:uuid:{uid}"
    send(bundle)
    assert Note.objects.count() == 1


@pytest.mark.parametrize("kind", ["transaction", "collection", "batch", "searchset", "message"])
def test_any_kind_of_bundle_is_read_with_or_without_requests(send, kind):
    bundle = lot(note(), kind=kind)
    for entry in bundle["entry"]:
        del entry["request"]
    send(bundle)
    assert Note.objects.count() == 1


def test_actors_sent_alone_then_bare_notes_make_the_notebook(send):
    for resource in (pat_trois(), *nurse(), note("Un"), note("Deux", "urn:uuid:n-2")):
        send(resource)
    assert Note.objects.count() == 2 and set(Note.objects.values_list("author_name", flat=True)) == {"Anne Kermarrec"}


def test_a_bare_note_about_nobody_known_is_refused(send):
    with pytest.raises(Rejected, match="subject"):
        send(note())


# --- Threads, corrections, withdrawals ---------------------------------------------------------------------------------


def reply(to, text="Vu.", ref="urn:uuid:r-1"):
    return note(text, ref, relatesTo=[{"code": "appends", "target": to}])


def test_an_answer_in_the_same_file_comes_under_its_note_even_when_it_stands_first(send, source):
    first = note(id="note-1", securityLabel=[{"coding": [{"system": A07, "code": "INVISIBLE_PATIENT"}]}])
    send(lot(reply({"reference": "DocumentReference/note-1"}), first, kind="collection"))
    answer = Note.objects.exclude(reply_to=None).get()
    assert answer.reply_to.text == "Pansement refait." and answer.hidden == answer.reply_to.hidden != 0


@pytest.mark.parametrize("form", ["id", "master", "urn", "ours"])
def test_an_answer_in_a_later_file_comes_under_its_note(send, form):
    send(lot(note(id="note-1", ref="urn:uuid:11111111-2222-4333-8444-000000000001")))
    root = Note.objects.get()
    target = {
        "id": {"reference": "DocumentReference/note-1"},
        "master": {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:11111111-2222-4333-8444-000000000001"}},
        "urn": {"reference": "urn:uuid:11111111-2222-4333-8444-000000000001"},
        "ours": {"reference": f"DocumentReference/{root.pk}"},
    }[form]  # fmt: skip
    send(lot(reply(target)))
    assert Note.objects.exclude(pk=root.pk).get().reply_to_id == root.pk


def test_an_answer_to_a_note_never_received_opens_a_thread_and_says_so(send):
    report = send(lot(sample("note-reply-appends.json")))
    assert Note.objects.get().reply_to is None and any("ouvre un fil" in w for w in report.warnings)


def test_notes_that_answer_each_other_are_refused(send):
    one = note(
        "A", "urn:uuid:a", id="a", relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/b"}}]
    )
    two = note(
        "B", "urn:uuid:b", id="b", relatesTo=[{"code": "appends", "target": {"reference": "DocumentReference/a"}}]
    )
    with pytest.raises(Rejected, match="en cercle"):
        send(lot(one, two, kind="collection"))


def test_a_put_corrects_the_note_and_the_history_stays(send):
    send(lot(note("Avant", id="n")))
    report = send(lot(note("Après", id="n"), method="PUT"))
    found = Note.objects.get()
    assert report.notes_corrected == 1 and found.text == "Après" and found.version == 2
    assert [v.text for v in found.versions.order_by("number")] == ["Avant", "Après"]
    assert not send(lot(note("Après", id="n"), method="PUT")).changed
    assert send(lot(note("Avant", id="n"), method="PUT")).notes_corrected == 1


def test_a_put_of_a_note_never_received_creates_it(send):
    assert send(lot(note(id="n"), method="PUT")).notes_created == 1


def test_a_post_with_another_content_changes_nothing_and_says_so(send):
    send(lot(note("Avant")))
    report = send(lot(note("Après")))
    assert Note.objects.get().text == "Avant" and any("PUT" in w for w in report.warnings)


def test_a_note_that_replaces_another_is_its_next_version(send):
    send(lot(note("Avant")))
    send(
        lot(
            note(
                "Après",
                "urn:uuid:n-2",
                relatesTo=[
                    {
                        "code": "replaces",
                        "target": {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:n-1"}},
                    }
                ],
            )
        )
    )
    assert Note.objects.get().text == "Après"


@pytest.mark.parametrize("status", ["entered-in-error", "superseded"])
def test_a_note_taken_back_at_its_source_is_withdrawn(send, status):
    send(lot(note()))
    assert send(lot(note(status=status), method="PUT")).notes_withdrawn == 1
    assert Note.objects.get().is_withdrawn


def test_only_the_author_corrects_and_another_source_cannot(send, demo):
    send(lot(note("Avant", id="n")))
    with pytest.raises(Rejected, match="seul l’auteur"):
        send(lot(note("Faux", id="n"), *nurse(family="Riou", given="Paul"), method="PUT"))
    send(lot(note("Autre", id="n"), method="PUT"), cdl.connector("Logiciel B"))
    assert set(Note.objects.values_list("text", flat=True)) == {"Avant", "Autre"}


# --- Contents ----------------------------------------------------------------------------------------------------------


def attachment(**fields):
    return {"attachment": fields}


def test_text_comes_in_its_own_alphabet(send):
    send(
        lot(
            note(
                content=[
                    attachment(
                        contentType="text/plain; charset=ISO-8859-1",
                        data=b64("Œdème à surveiller".replace("Œ", "E"), "latin-1"),
                    )
                ]
            )
        )
    )
    assert Note.objects.get().text == "Edème à surveiller"


def test_a_picture_and_a_pdf_are_joined_and_an_address_is_not_fetched(send):
    pdf = base64.b64encode(b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n").decode()
    report = send(lot(note(content=[
        attachment(contentType="text/plain", data=b64("Voir la photo.")), attachment(contentType="image/png", data=PNG, title="Talon"),
        attachment(contentType="application/pdf", data=pdf, title="Ordonnance"), attachment(contentType="image/jpeg", url="https://ailleurs.example/x.jpg", title="Radio"),
    ])))  # fmt: skip
    found = Note.objects.get()
    assert found.attachments == 2 and "[Pièce jointe non reprise : Radio]" in found.text.replace("\u00a0", " ")
    assert set(Document.objects.values_list("media_type", flat=True)) == {"image/png", "application/pdf"}
    assert set(Document.objects.values_list("author_name", flat=True)) == {"Anne Kermarrec"}
    assert any("adresse" in w for w in report.warnings)


def test_an_executable_is_refused_in_words(send):
    with pytest.raises(Rejected, match="fichier"):
        send(
            lot(
                note(
                    content=[
                        attachment(
                            contentType="application/octet-stream",
                            data=base64.b64encode(b"MZ\x00\x01\x02" * 9).decode(),
                        )
                    ]
                )
            )
        )


def test_a_very_long_text_is_joined_as_a_file(send):
    send(lot(note("mot " * 9000)))
    found = Note.objects.get()
    assert found.attachments == 1 and "fichier joint" in found.text


# --- Files that are not what we take -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "vide"), (b"bonjour", "JSON"), (b"<Bundle/>", "XML"), ("\ufeff<?xml?>".encode(), "XML"), (b"[1, 2]", "ressource FHIR"),
        (b'{"a": 1}', "resourceType"), (b'{"resourceType": "Observation"}', "Observation"), (b'{"resourceType":"Bundle"}', "vide"),
        (b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}}]}', "aucune note"),
        (b'{"resourceType":"Bundle","entry":[{"request":{"method":"DELETE","url":"DocumentReference/1"}}]}', "entered-in-error"),
        (b"[" * 100_000, "niveaux|JSON"), (b'{"x": "\xe9"}', "UTF-8"), (b'{"x": NaN}', "JSON"), (b'{"x": ' + b"1" * 6000 + b"}", "JSON"),
    ],
)  # fmt: skip
def test_another_kind_of_file_gets_one_clear_line(send, raw, said):
    with pytest.raises(Rejected, match=said) as refused:
        send(raw)
    assert len(refused.value.issues) == 1


def test_the_command_prints_a_report_and_exits_on_a_refusal(tmp_path, capsys):
    good, bad = tmp_path / "bon.json", tmp_path / "faux.json"
    good.write_bytes(OFFICIAL)
    bad.write_text(json.dumps(lot(sample("neg-no-type.json"))))
    call_command("import_cdl", str(good), "--source", "Région")
    said = capsys.readouterr()
    assert "Notes créées" in said.out and "Attention" in said.out
    call_command("import_cdl", str(good), "--source", "Région")
    assert "rien n’a changé" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        call_command("import_cdl", str(bad))
    assert left.value.code == 1 and capsys.readouterr().err.count("\n") == 1
    assert Link.objects.exists()


# --- Whatever comes ----------------------------------------------------------------------------------------------------

JUNK = [
    None,
    0,
    -1,
    1e999,
    True,
    "",
    " ",
    "\x00",
    "\ud800",
    "é" * 500,
    [],
    {},
    [None],
    [[]],
    {"a": []},
    [{}],
    "2026-13-45",
    "urn:uuid:",
    "#",
    "/",
]


def _paths(node, path=()):
    if path:
        yield path
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from _paths(node[key], (*path, key))


def _mutate(payload, rng):
    path = rng.choice([p for p in _paths(payload) if p])
    node = payload
    for key in path[:-1]:
        node = node[key]
    action = rng.choice(["drop", "junk", "wrap", "double"])
    if action == "drop":
        del node[path[-1]]
    elif action == "junk":
        node[path[-1]] = copy.deepcopy(rng.choice(JUNK))
    elif action == "wrap":
        node[path[-1]] = [node[path[-1]]]
    elif isinstance(node, list):
        node.append(copy.deepcopy(node[path[-1]]))


BASES = [json.loads(OFFICIAL), lot(reply({"reference": "DocumentReference/n"}), note(id="n"), kind="collection")]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), times=st.integers(1, 5))
def test_a_damaged_bundle_is_imported_or_refused_never_a_traceback(send, seed, times):
    rng = random.Random(seed)
    payload = copy.deepcopy(rng.choice(BASES))
    for _ in range(times):
        _mutate(payload, rng)
    before = Note.objects.count()
    try:
        send(json.dumps(payload).replace("Infinity", "1e999").encode())
    except Rejected as refused:
        assert refused.issues and all(i.message for i in refused.issues)
        assert Note.objects.count() == before


def test_nothing_is_kept_when_the_trace_fails(send, monkeypatch):
    real = cdl.record
    monkeypatch.setattr(
        cdl,
        "record",
        lambda acting, action, **k: 1 / 0 if action == "fhir.message_received" else real(acting, action, **k),
    )
    with pytest.raises(ZeroDivisionError):
        send(OFFICIAL)
    assert not Patient.objects.exists() and not Note.objects.exists()
