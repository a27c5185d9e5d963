from io import StringIO

import pytest
from django.core.management import call_command

from cercle.base.audit.models import AuditEvent
from cercle.people.patients import actions, forms, tasks
from cercle.people.patients.models import PotentialDuplicate
from tests.people.patients.conftest import JEANNE

TYPED = {
    **JEANNE,
    "birth_family": "Le Gall",
    "birth_given": "Jeanne",
    "birth_givens": "Jeanne, Marie",
    "phone": "06 12 34 56 78",
}


def test_what_is_typed_becomes_checked_traits():
    form = forms.IdentityForm({**TYPED, "nss": "2 41 04 29 019 002 38"})
    form.is_valid()
    assert list(form.errors) == ["nss"]  # its key is wrong
    form = forms.IdentityForm(TYPED)
    assert form.is_valid(), form.errors
    assert (form.traits.birth_family, form.traits.birth_givens, form.traits.birth.text) == (
        "LE GALL",
        "JEANNE MARIE",
        "1941-04-12",
    )
    assert form.coordinates["phone"] == "0612345678"
    assert form.identifiers == []


@pytest.mark.parametrize(
    ("field", "typed", "says"),
    [
        ("birth_date", "31/02/1941", "Le 31 février n’existe pas. Vérifiez le jour."),
        ("birth_date", "", "obligatoire"),
        ("birth_family", "L3", "lettres"),
        ("birth_givens", "Marie Jeanne", "premier prénom"),
        ("birth_place_code", "29", "cinq caractères"),
        ("sex", "X", "choix"),
        ("phone", "abc", "téléphone"),
        ("email", "jeanne@", "adresse"),
        ("nss", "123456789012244", "mois"),
    ],
)
def test_each_error_is_said_beside_its_field_and_nothing_typed_is_lost(field, typed, says):
    form = forms.IdentityForm({**TYPED, field: typed})
    assert not form.is_valid()
    assert says in str(form.errors[field])
    assert form["birth_place_label"].value() == TYPED.get("birth_place_label")
    assert form[field].value() == typed


def test_a_number_that_does_not_fit_the_traits_is_a_warning():
    form = forms.IdentityForm({**TYPED, "nss": "260058815400233"})
    assert form.is_valid()
    assert len(form.warnings) == 2
    assert form.identifiers == [("NSS", "", "260058815400233")]


@pytest.mark.django_db
def test_a_form_opens_filled_with_the_identity(make_patient):
    identity = make_patient(birth_date="04/1941").identity
    form = forms.ChangeForm.of(identity)
    assert form["birth_date"].value() == "04/1941"
    assert form["birth_family"].value() == "LE GALL"
    again = forms.ChangeForm({**{n: form[n].value() or "" for n in form.fields}, "origin": "manual"})
    assert again.is_valid(), again.errors


@pytest.mark.django_db
def test_only_lower_statuses_are_offered(clerk, make_patient):
    patient = make_patient()
    assert forms.LowerForm(current=patient.identity).fields["to"].choices == []
    identity = actions.validate_identity(clerk, patient=patient, document="CN")
    assert [c[0] for c in forms.LowerForm(current=identity).fields["to"].choices] == ["PROV"]


@pytest.mark.django_db
def test_the_command_and_the_job_file_duplicates_and_leave_a_trace(make_patient):
    make_patient(), make_patient()
    PotentialDuplicate.objects.all().delete()
    out = StringIO()
    call_command("patients_duplicates", stdout=out, verbosity=0)
    assert "dont nouvelles dans la file\u00a0: 1" in out.getvalue()
    assert tasks.search_duplicates() == 0
    assert AuditEvent.objects.filter(action="patients.duplicates_searched").count() == 2
