"""A small region: alice coordinates and administers the DAC, bruno nurses in two places, sam is support, olga operates."""

import time
from types import SimpleNamespace

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from cercle.people.accounts import actions
from cercle.people.accounts.acting import user_acting
from cercle.people.accounts.models import Kind, StructureAdmin, User
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

PASSWORD = "une phrase assez longue"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def code(step: int = 0) -> str:
    """The code of the application, `step` periods from now."""
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30 + step))


def practitioner(given: str, family: str, **fields) -> Practitioner:
    return Practitioner.objects.create(given=given, family=family, **fields)


def role(person: Practitioner, organization: Organization | None, profession: str = "60", **fields) -> PracticeRole:
    return PracticeRole.objects.create(
        practitioner=person, organization=organization, profession=profession, profession_label="Infirmier", **fields
    )


@pytest.fixture
def region(db):
    dac = Organization.objects.create(name="DAC du Ponant", city="Quimper")
    practice = Organization.objects.create(name="Cabinet de la Madeleine", city="Quimper")
    alice_p, bruno_p = practitioner("Alice", "Morvan"), practitioner("Bruno", "Le Goff")
    alice = User.objects.create_user(
        "alice@example.org", PASSWORD, first_name="Alice", last_name="Morvan", practitioner=alice_p
    )
    bruno = User.objects.create_user(
        "bruno@example.org", PASSWORD, first_name="Bruno", last_name="Le Goff", practitioner=bruno_p
    )
    roles = SimpleNamespace(
        alice=role(alice_p, dac), bruno=role(bruno_p, practice), bruno_dac=role(bruno_p, dac),
    )  # fmt: skip
    StructureAdmin.objects.create(user=alice, organization=dac)
    return SimpleNamespace(
        dac=dac, practice=practice, alice=alice, bruno=bruno, roles=roles,
        sam=User.objects.create_user("sam@example.org", PASSWORD, kind=Kind.SUPPORT),
        olga=User.objects.create_user("olga@example.org", PASSWORD, kind=Kind.OPERATOR),
    )  # fmt: skip


@pytest.fixture
def coded(region):
    """bruno, with an application of codes."""
    actions.give_second_factor(region.bruno, SECRET)
    return region.bruno


@pytest.fixture
def acting(region):
    return user_acting(region.alice, role=region.roles.alice)


def sign_in(client, user, password: str = PASSWORD, code_text: str | None = None):
    """The whole way, as a robot would; gives the last answer."""
    answer = client.post("/connexion/", {"login": user.email, "password": password})
    if answer.status_code == 302 and answer["Location"] == "/connexion/code/":
        client.get("/connexion/code/")
        answer = client.post("/connexion/code/", {"code": code() if code_text is None else code_text})
    return answer
