"""Wrong, huge and curious: always an OperationOutcome in words, never a 5xx, never a hint of what others hold."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cercle.care.notebook.models import Note
from cercle.doors.fhir import reading
from cercle.doors.fhir.registry import TYPES

from .test_server import PATIENT, Machine, machine, note  # noqa: F401  a fixture

pytestmark = pytest.mark.django_db
NAMES = sorted({p for t in TYPES.values() for side in t.both() for p in side.params}) + [
    "_id", "_lastUpdated", "_count", "_sort", "_include", "_revinclude", "_has:DocumentReference:subject:type", "_page", "_elements", "_total",
    "subject:Patient.identifier", "author:Practitioner.name", "patient.name", "subject.subject.subject", "nothing", "family:exact", "date:missing",
]  # fmt: skip
VALUES = st.one_of(
    st.text(max_size=30), st.sampled_from(["\x00", "|", ",", "\\,", "a|b|c", "ge", "9999-12-31", "0000", "2026-02-30", "ge2026-01-01T25:00", "%", "'; drop"]),
    st.just("x" * 3000), st.just(",".join("abcdefgh" * 20)),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(type_=st.sampled_from(sorted(TYPES)), asked=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4))
def test_no_search_breaks_the_door(machine, type_, asked):  # noqa: F811
    query = "&".join(f"{quote(n)}={quote(v.encode('utf-8', 'replace'))}" for n, v in asked)
    answer = machine.get(f"{type_}?{query}")
    assert answer.status_code < 500, (query, answer.node)
    assert answer.node["resourceType"] in ("Bundle", "OperationOutcome")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    type_=st.sampled_from(["Patient", "Practitioner", "Device", "DocumentReference", "Observation"]),
    body=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from("id name identifier status type subject author content gender birthDate date".split()), inner, max_size=6),
        ),
        max_leaves=12,
    ),
)  # fmt: skip
def test_no_body_breaks_the_door(machine, type_, body):  # noqa: F811
    node = {"resourceType": type_} | (body if isinstance(body, dict) else {"name": body})
    for answer in (
        machine.post(type_, node),
        machine.post("", {"resourceType": "Bundle", "type": "transaction", "entry": [{"resource": node}]}),
    ):
        assert answer.status_code < 500, (node, answer.node)


def test_a_number_that_someone_else_holds_tells_nothing(machine, client):  # noqa: F811
    """Two machines know one person: each finds her own file by the number it sent, once, and nothing of the other's."""
    first = machine.post("Patient", PATIENT).node
    other = Machine(client, "Autre")
    headers = {"If-None-Exist": "identifier=urn:oid:1.2.250.1.213.99.1|IPP-1"}
    theirs = other.post("Patient", PATIENT, **headers)
    assert theirs.status_code == 201 and theirs.node["id"] != first["id"]
    alike = [{k: v for k, v in n.items() if k not in ("id", "meta")} for n in (first, theirs.node)]
    assert alike[0]["identifier"][0]["value"] == alike[1]["identifier"][0]["value"] == "IPP-1"
    assert other.post("Patient", PATIENT, **headers).status_code == 200  # no third file
    assert other.get("Patient?identifier=urn:oid:1.2.250.1.213.99.1|IPP-1").node["total"] == 1


def test_each_version_that_an_answer_names_can_be_read(machine):  # noqa: F811
    pk = machine.post("Patient", PATIENT).node["id"]
    changed = machine.ask("put", f"Patient/{pk}", PATIENT | {"id": pk, "birthDate": "1941-05-03"})
    assert changed.status_code == 200 and changed.node["birthDate"] == "1941-05-03"
    for number in range(1, int(changed.node["meta"]["versionId"]) + 1):
        read = machine.get(f"Patient/{pk}/_history/{number}")
        assert read.status_code == 200 and read.node["meta"]["versionId"] == str(number)
    nurse = machine.post("Practitioner", {"resourceType": "Practitioner", "name": [{"family": "Brooks"}]})
    assert machine.get(nurse["Location"].partition("/fhir/")[2]).status_code == 200


def test_the_address_with_or_without_its_slash(machine):  # noqa: F811
    empty = {"resourceType": "Bundle", "type": "batch"}
    for address in ("/fhir", "/fhir/"):
        answer = machine.client.post(
            address,
            json.dumps(empty),
            content_type="application/fhir+json",
            headers={"Authorization": f"Bearer {machine.token}"},
        )
        assert answer.status_code == 200, address


def test_photos_of_eight_megabytes_go_through_and_too_much_is_said(machine, settings, monkeypatch):  # noqa: F811
    pk = machine.post("Patient", PATIENT).node["id"]
    file = {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"mot " * 1_500_000).decode()}}
    sent = machine.post("DocumentReference", note(pk, "", author=[{"display": "Sophie Brooks"}]) | {"content": [file]})
    assert sent.status_code == 201, sent.node
    monkeypatch.setattr("cercle.doors.fhir.bundle.LARGEST", 1000)
    refused = machine.post("DocumentReference", note(pk, "", "x" * 2000))
    assert refused.status_code == 413 and Note.objects.count() == 1


def test_our_own_fault_is_said_in_the_machine_s_language(machine, monkeypatch):  # noqa: F811
    def broken(*a, **k):
        raise RuntimeError("secret of Yvonne")

    monkeypatch.setattr(reading, "read", broken)
    answer = machine.get("Patient/x")
    assert (
        answer.status_code == 500
        and answer.node["issue"][0]["code"] == "exception"
        and "Yvonne" not in json.dumps(answer.node)
    )


def test_what_is_not_hers_and_what_is_not_there_look_the_same(machine, client):  # noqa: F811
    pk = machine.post("Patient", PATIENT).node["id"]
    other = Machine(client, "Autre")
    for path in ("Patient/{}", "CareTeam/{}", "Patient/{}/_history", "Patient/{}/$everything"):
        there = other.get(path.format(pk))
        absent = other.get(path.format("01a20f52-993b-7a61-ad3e-02ae1fad25d5"))
        assert (there.status_code, there.content) == (absent.status_code, absent.content) == (404, there.content), path
