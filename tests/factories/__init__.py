"""Rows for tests, by the shortest way that keeps every constraint. Invented people only."""

import itertools

from cercle.people.accounts.models import User
from cercle.people.circles import actions as circles
from cercle.people.circles.access import make_viewer, reach
from cercle.people.directory.models import Organization, PracticeRole, Practitioner, Team, TeamMember
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Contact
from cercle.people.patients.traits import CivilTraits

_n = itertools.count(1)
PASSWORD = "un mot de passe pour les tests"


def organization(name="Cabinet de la Madeleine", **fields) -> Organization:
    return Organization.objects.create(name=name, **fields)


def role(
    given="Maëlle", family="Tanguy", profession="60", system="TRE_G15", organization=None, **fields
) -> PracticeRole:
    """A practitioner with one situation of exercise; default: a liberal nurse."""
    fields.setdefault("mode", "L")
    practitioner = Practitioner.objects.create(
        family=family, given=given, civility=fields.pop("civility", "MME"), is_external=fields.pop("is_external", False)
    )
    return PracticeRole.objects.create(
        practitioner=practitioner, organization=organization, profession_system=system, profession=profession, **fields
    )


def user(role=None, email=None, kind="professional", **fields) -> User:
    email = email or f"personne{next(_n)}@exemple.fr"
    if role is not None:
        fields.setdefault("first_name", role.practitioner.given)
        fields.setdefault("last_name", role.practitioner.family)
        fields["practitioner"] = role.practitioner
        fields["last_context"] = role
    person = User.objects.create_user(email, PASSWORD, kind=kind, **fields)
    return person


def viewer(role=None, person=None, source="web"):
    person = person or user(role)
    return make_viewer(person, role, source=source)


def patient(
    viewer,
    *,
    birth_family="Quéméneur",
    birth_given="Yvonne",
    birth_date="1941-04-12",
    sex="F",
    coordinates=None,
    **traits,
):
    read = CivilTraits.read(
        birth_family=birth_family, birth_given=birth_given, birth_date=birth_date, sex=sex, **traits
    )
    return patients.create_patient(viewer, traits=read, coordinates=coordinates).patient


def circle(viewer, **traits):
    """A patient and her circle, opened by `viewer`; gives the viewer's Acting."""
    person = patient(viewer, **traits)
    circles.open_circle(viewer, patient=person)
    return reach(viewer, person.pk)


def join(acting, role=None, *, contact=None, team=None, person=None, ground="recognised", **fields):
    """Adds someone and gives their Acting."""
    circles.add_member(
        acting,
        practice_role=role,
        contact=contact,
        team=team,
        user=person if contact else None,
        ground=ground,
        **fields,
    )
    if contact is not None:
        return reach(make_viewer(person), acting.circle_id)
    return None


def contact(patient, family="Le Gall", given="Soazig", **fields) -> Contact:
    fields.setdefault("is_carer", True)
    return Contact.objects.create(patient=patient, family=family, given=given, **fields)


def team(organization, *roles, name="Équipe Cornouaille") -> Team:
    made = Team.objects.create(organization=organization, name=name)
    for r in roles:
        TeamMember.objects.create(team=made, practice_role=r)
    return made


def sign_in(client, user):
    """A signed-in test client; the caller sets `settings.MFA_REQUIRED = False` (the fixture puts it back)."""
    answer = client.post("/connexion/", {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.status_code
    return client
