"""The API as a machine sees it: what it sends it finds again, what is not its own does not exist."""

import base64
import json
from pathlib import Path

import pytest

from cercle.care.notebook.models import Note
from cercle.doors.fhir.access import make_token
from cercle.doors.fhir.guides.cdl import connector
from cercle.people.circles.models import Member
from cercle.people.patients.models import Patient, PotentialDuplicate

pytestmark = pytest.mark.django_db
OFFICIAL = next(Path(__file__).parents[2].rglob("Bundle-cdl-bundle-creation-note.json"))
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{"system": "urn:oid:1.2.250.1.213.99.1", "value": "IPP-1", "type": {"coding": [{"code": "PI"}]}}],
    "name": [{"use": "official", "family": "LE GOFF", "given": ["Yvonne"]}],
    "gender": "female",
    "birthDate": "1941-05-02",
    "telecom": [{"system": "phone", "value": "06 12 34 56 78"}],
    "maritalStatus": {"text": "veuve"},
}
NURSE = {"resourceType": "Practitioner", "name": [{"family": "Brooks", "given": ["Sophie"]}]}


class Machine:
    def __init__(self, client, name="Essai", scope="system/*.cruds"):
        self.client = client
        self.client_row = connector(name)
        self.token = make_token(self.client_row, scope=scope)

    def ask(self, method, path, node=None, **headers):
        body = {"data": json.dumps(node), "content_type": "application/fhir+json"} if node is not None else {}
        answer = getattr(self.client, method)(
            f"/fhir/{path}".rstrip("/"), **body, headers={"Authorization": f"Bearer {self.token}"} | headers
        )
        answer.node = json.loads(answer.content) if answer.content and "json" in answer["Content-Type"] else None
        return answer

    def post(self, type_, node, **headers):
        return self.ask("post", type_, node, **headers)

    def get(self, path, **headers):
        return self.ask("get", path, **headers)


@pytest.fixture
def machine(client):
    return Machine(client)


def note(patient_id, signed, text="Plaie propre.", **more):
    data = base64.b64encode(text.encode()).decode()
    return {
        "resourceType": "DocumentReference", "status": "current",
        "type": {"coding": [{"system": "https://mos.esante.gouv.fr/NOS/TRE_R234-TypeNote/FHIR/TRE-R234-TypeNote", "code": "OBS"}]},
        "subject": {"reference": f"Patient/{patient_id}"}, "author": [{"reference": signed}], "date": "2026-01-06T08:10:00+01:00",
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    } | more  # fmt: skip


def test_without_a_token_nothing_answers_but_what_the_door_says_of_itself(client):
    assert client.get("/fhir/Patient").status_code == 401
    assert client.get("/fhir/Patient", headers={"Authorization": "Bearer forged"}).status_code == 401
    said = client.get("/fhir/metadata")
    assert said.status_code == 200 and json.loads(said.content)["fhirVersion"] == "4.0.1"


def test_a_patient_is_created_read_and_found(machine):
    made = machine.post("Patient", PATIENT)
    assert made.status_code == 201, made.node
    pk = made.node["id"]
    assert made["Location"].endswith(f"/fhir/Patient/{pk}/_history/1") and made["ETag"] == 'W/"1"'
    read = machine.get(f"Patient/{pk}").node
    assert read["name"][0]["family"] == "LE GOFF" and read["birthDate"] == "1941-05-02"
    assert read["maritalStatus"] == {"text": "veuve"}  # not ours: given back as sent
    for query in (
        "identifier=urn:oid:1.2.250.1.213.99.1|IPP-1", "identifier=IPP-1", "family=le+gof", "given=yvon", "name=goff", "name:contains=goff",
        "birthdate=1941", "birthdate=ge1941-05-02&birthdate=lt1941-05-03", "gender=female", f"_id={pk}", "family:exact=LE GOFF",
    ):  # fmt: skip
        found = machine.get(f"Patient?{query}").node
        expected = 0 if query == "name=goff" else 1  # names are found by their beginning
        assert found["total"] == expected, query
    assert machine.get("Patient?birthdate=gt1941-05-02").node["total"] == 0


def test_another_machine_sees_nothing_of_it(machine, client):
    pk = machine.post("Patient", PATIENT).node["id"]
    other = Machine(client, "Autre")
    assert other.get(f"Patient/{pk}").status_code == 404
    assert other.get("Patient?identifier=IPP-1").node["total"] == 0
    mine = other.post(
        "Patient", PATIENT
    )  # it knows her as well: a file of its own, and the pair is for the identity queue
    assert mine.status_code == 201 and mine.node["id"] != pk
    assert PotentialDuplicate.objects.count() == 1
    assert Member.objects.filter(circle_id=pk).count() == 1
    refused = other.post("DocumentReference", note(pk, "Practitioner/x", author=[{"display": "Sophie Brooks"}]))
    assert refused.status_code == 404 and Note.objects.count() == 0


def test_a_note_is_created_found_and_shown_with_who_signed(machine):
    pk = machine.post("Patient", PATIENT).node["id"]
    nurse = machine.post("Practitioner", NURSE).node["id"]
    made = machine.post("DocumentReference", note(pk, f"Practitioner/{nurse}"))
    assert made.status_code == 201, made.node
    row = Note.objects.get(pk=made.node["id"])
    assert row.text == "Plaie propre." and row.author_name == "Sophie Brooks"
    for query in (
        f"patient={pk}", f"subject=Patient/{pk}", "patient.identifier=IPP-1", "subject:Patient.identifier=urn:oid:1.2.250.1.213.99.1|IPP-1",
        "type=OBS", "date=2026-01-06", f"author=Practitioner/{nurse}", "author:Practitioner.family=brooks", "status=current",
    ):  # fmt: skip
        found = machine.get(f"DocumentReference?{query}").node
        assert [e["resource"]["id"] for e in found["entry"]] == [str(row.pk)], query
    page = machine.get(
        f"DocumentReference?patient={pk}&_include=DocumentReference:author&_include=DocumentReference:subject"
    ).node
    assert sorted(e["resource"]["resourceType"] for e in page["entry"]) == [
        "DocumentReference",
        "Patient",
        "Practitioner",
    ]
    assert {e["search"]["mode"] for e in page["entry"]} == {"match", "include"}
    assert machine.get("DocumentReference?type=GEN").node["total"] == 0


def test_a_thread_a_correction_and_a_withdrawal(machine):
    pk = machine.post("Patient", PATIENT).node["id"]
    nurse = machine.post("Practitioner", NURSE).node["id"]
    first = machine.post("DocumentReference", note(pk, f"Practitioner/{nurse}")).node
    answer = machine.post(
        "DocumentReference",
        note(pk, f"Practitioner/{nurse}", "Vu ce jour.", relatesTo=[{"code": "appends", "target": {"reference": f"DocumentReference/{first['id']}"}}]),
    ).node  # fmt: skip
    assert str(Note.objects.get(pk=answer["id"]).reply_to_id) == first["id"]
    changed = machine.ask(
        "put",
        f"DocumentReference/{first['id']}",
        note(pk, f"Practitioner/{nurse}", "Plaie sale.") | {"id": first["id"]},
    )
    assert changed.status_code == 200 and changed.node["meta"]["versionId"] == "2", changed.node
    old = machine.get(f"DocumentReference/{first['id']}/_history/1").node
    assert base64.b64decode(old["content"][0]["attachment"]["data"]).decode() == "Plaie propre."
    stale = machine.ask(
        "put",
        f"DocumentReference/{first['id']}",
        note(pk, f"Practitioner/{nurse}") | {"id": first["id"]},
        **{"If-Match": 'W/"1"'},
    )
    assert stale.status_code == 412
    assert machine.ask("delete", f"DocumentReference/{first['id']}").status_code == 200
    assert machine.get(f"DocumentReference/{first['id']}").node["status"] == "entered-in-error"


def test_the_official_transaction_goes_in_whole(machine):
    bundle = json.loads(OFFICIAL.read_text())
    done = machine.ask("post", "", bundle)
    assert done.status_code == 200, done.node
    assert done.node["type"] == "transaction-response" and len(done.node["entry"]) == len(bundle["entry"])
    types = [e["response"]["location"].split("/")[0] for e in done.node["entry"]]
    assert types == ["DocumentReference", "PractitionerRole", "Practitioner", "Patient"]
    shown = machine.get(done.node["entry"][0]["response"]["location"].partition("/_history")[0]).node
    assert shown["subject"]["reference"] == done.node["entry"][3]["response"]["location"].partition("/_history")[0]


def test_a_transaction_with_one_bad_entry_leaves_nothing(machine):
    bundle = json.loads(OFFICIAL.read_text())
    del bundle["entry"][0]["resource"]["type"]
    done = machine.ask("post", "", bundle)
    assert done.status_code == 500 and done.node["resourceType"] == "OperationOutcome"
    assert Patient.objects.count() == 0 and Note.objects.count() == 0


def test_scopes_are_held(client):
    reader = Machine(client, "Lecteur", "system/Patient.rs system/DocumentReference.r")
    assert reader.post("Patient", PATIENT).status_code == 403
    assert reader.get("Patient").status_code == 200
    assert reader.get("DocumentReference").status_code == 403
    assert reader.ask("delete", "DocumentReference?identifier=x").status_code == 403


def test_a_masked_note_is_not_for_machines(machine):
    from cercle.people.circles.vocabulary import JDV_J110

    pk = machine.post("Patient", PATIENT).node["id"]
    made = machine.post("DocumentReference", note(pk, "", author=[{"display": "Sophie Brooks"}])).node
    Note.objects.filter(pk=made["id"]).update(hidden=int(JDV_J110["MASQUE_PS"]))
    assert machine.get(f"DocumentReference/{made['id']}").status_code == 404
    assert machine.get(f"DocumentReference?patient={pk}").node["total"] == 0


def test_pages_follow_each_other(machine):
    pk = machine.post("Patient", PATIENT).node["id"]
    for n in range(5):
        machine.post("DocumentReference", note(pk, "", f"Note {n}", author=[{"display": "Sophie Brooks"}]))
    seen, url = [], f"DocumentReference?patient={pk}&_count=2&_sort=-_lastUpdated"
    while url:
        page = machine.get(url).node
        seen += [e["resource"]["id"] for e in page["entry"]]
        after = [x["url"] for x in page["link"] if x["relation"] == "next"]
        url = after[0].partition("/fhir/")[2] if after else ""
    assert len(seen) == len(set(seen)) == 5


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b"\xff", 400),
        (b'{"resourceType":"Patient"}', 422),
        (b'{"resourceType":"Device"}', 400),
    ],
)
def test_bad_bodies_are_refused_in_words(machine, body, status):
    answer = machine.client.post(
        "/fhir/Patient",
        data=body,
        content_type="application/fhir+json",
        headers={"Authorization": f"Bearer {machine.token}"},
    )
    said = json.loads(answer.content)
    assert (
        answer.status_code == status
        and said["resourceType"] == "OperationOutcome"
        and said["issue"][0]["details"]["text"]
    )


def test_xml_goes_in_and_comes_out(machine):
    body = (
        '<Patient xmlns="http://hl7.org/fhir"><identifier><system value="urn:oid:1.2.250.1.213.99.1"/><value value="IPP-7"/></identifier>'
        '<name><use value="official"/><family value="LE GOFF"/><given value="Yvonne"/></name><gender value="female"/>'
        '<birthDate value="1941-05-02"/></Patient>'
    )
    headers = {"Authorization": f"Bearer {machine.token}", "Accept": "application/fhir+xml"}
    made = machine.client.post("/fhir/Patient", data=body, content_type="application/fhir+xml", headers=headers)
    assert made.status_code == 201 and made["Content-Type"].startswith("application/fhir+xml"), made.content
    assert b'<family value="LE GOFF"' in made.content
    found = machine.client.get(
        "/fhir/Patient?identifier=IPP-7&_format=xml", headers={"Authorization": f"Bearer {machine.token}"}
    )
    assert b'<total value="1"' in found.content and found.content.startswith(b"<?xml")


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"><id value="&e;"/></Patient>',
        b"<Patient>", b"<Patient/>", b'<Patient xmlns="http://hl7.org/fhir">' + b"<contact>" * 500 + b"</contact>" * 500 + b"</Patient>",
    ],
    ids=["entity", "open", "no namespace", "deep"],
)  # fmt: skip
def test_hostile_xml_is_refused_in_words(machine, body):
    answer = machine.client.post(
        "/fhir/Patient",
        data=body,
        content_type="application/fhir+xml",
        headers={"Authorization": f"Bearer {machine.token}"},
    )
    assert answer.status_code in (400, 422) and json.loads(answer.content)["resourceType"] == "OperationOutcome"


def test_everything_about_a_patient_names_who_signed(machine):
    pk = machine.post("Patient", PATIENT).node["id"]
    nurse = machine.post("Practitioner", NURSE).node["id"]
    machine.post("DocumentReference", note(pk, f"Practitioner/{nurse}"))
    found = machine.get(f"Patient/{pk}/$everything").node
    assert sorted({e["resource"]["resourceType"] for e in found["entry"]}) == [
        "CareTeam",
        "DocumentReference",
        "Patient",
        "Practitioner",
    ]


def test_the_matcher_finds_her_again_and_nobody_of_others(machine, client):
    pk = machine.post("Patient", PATIENT).node["id"]
    asked = {
        "resourceType": "Parameters",
        "parameter": [{"name": "resource", "resource": PATIENT | {"identifier": []}}],
    }
    found = machine.post("Patient/$match", asked).node
    assert [e["resource"]["id"] for e in found["entry"]] == [pk] and found["entry"][0]["search"]["score"] == 1.0
    assert Machine(client, "Autre").post("Patient/$match", asked).node["total"] == 0


def test_validation_says_what_a_create_would_refuse(machine):
    wrong = note("x", "Practitioner/y") | {
        "type": {
            "coding": [
                {"system": "https://mos.esante.gouv.fr/NOS/TRE_R234-TypeNote/FHIR/TRE-R234-TypeNote", "code": "ZZZ"}
            ]
        }
    }
    said = machine.post("DocumentReference/$validate", wrong).node
    assert said["issue"][0]["severity"] == "error" and said["issue"][0]["expression"]
    assert machine.post("Patient/$validate", PATIENT).node["issue"][0]["severity"] == "information"


def test_a_create_that_must_not_repeat(machine):
    headers = {"If-None-Exist": "identifier=urn:oid:1.2.250.1.213.99.1|IPP-1"}
    first = machine.post("Patient", PATIENT, **headers)
    again = machine.post("Patient", PATIENT, **headers)
    assert (first.status_code, again.status_code) == (201, 200) and first.node["id"] == again.node["id"]
    gone = machine.ask("delete", "DocumentReference?identifier=urn:ietf:rfc:3986|urn:uuid:none")
    assert gone.status_code == 404


def test_an_actor_keeps_its_versions(machine):
    made = machine.post(
        "Device", {"resourceType": "Device", "deviceName": [{"name": "Balance", "type": "user-friendly-name"}]}
    )
    pk = made.node["id"]
    changed = machine.ask(
        "put",
        f"Device/{pk}",
        {"resourceType": "Device", "id": pk, "deviceName": [{"name": "Pèse-personne", "type": "user-friendly-name"}]},
    )
    assert changed.status_code == 200 and changed.node["meta"]["versionId"] == "2"
    story = machine.get(f"Device/{pk}/_history").node
    assert [e["resource"]["deviceName"][0]["name"] for e in story["entry"]] == ["Pèse-personne", "Balance"]
    assert machine.get("Device?name=pese").node["total"] == 1
