"""Who may act on whose account: administrator, support, operator, and nobody else."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import get_resolver

from cercle.base.audit.models import AuditEvent
from cercle.people.accounts import actions, lockout
from cercle.people.accounts.acting import user_acting
from cercle.people.accounts.models import Invitation, Kind, StructureAdmin, User

from .conftest import PASSWORD, practitioner, role


def signed(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_the_administrator_sees_the_people_of_her_structure(region):
    client = signed(region.alice)
    assert client.get("/ma-structure/")["Location"] == f"/ma-structure/{region.dac.pk}/"
    page = client.get(f"/ma-structure/{region.dac.pk}/").content.decode()
    assert "Bruno Le Goff" in page and "compte actif" in page


@pytest.mark.parametrize("page", ["", "inviter/", "comptes/{account}/"])
def test_a_structure_does_not_exist_for_who_does_not_administer_it(region, page):
    address = f"/ma-structure/{region.practice.pk}/" + page.format(account=region.bruno.pk)
    for user in (region.alice, region.bruno, region.sam):
        assert signed(user).get(address).status_code == 404
        assert signed(user).post(address, {"verb": "close"}).status_code == 404


def test_the_administrator_invites_from_the_directory_and_by_address(region):
    client = signed(region.alice)
    carole = role(practitioner("Carole", "Le Bihan"), region.dac, email="carole@example.org")
    address = f"/ma-structure/{region.dac.pk}/inviter/"
    page = client.get(f"{address}?role={carole.pk}").content.decode()
    assert "Inviter Carole Le Bihan" in page and "carole@example.org" in page
    client.post(f"{address}?role={carole.pk}", {"email": "carole@example.org"})
    client.post(address, {"email": "it@example.org", "first_name": "Ivan", "last_name": "Tec", "makes_admin": "on"})
    assert set(Invitation.objects.values_list("email", "practice_role", "makes_admin")) == {
        ("carole@example.org", carole.pk, False), ("it@example.org", None, True),
    }  # fmt: skip
    assert "carole@example.org" in client.get(f"/ma-structure/{region.dac.pk}/").content.decode()
    row = Invitation.objects.get(email="it@example.org")
    client.post(f"/ma-structure/{region.dac.pk}/invitations/{row.pk}/annuler/")
    row.refresh_from_db()
    assert row.cancelled_by == region.alice


def test_a_role_of_another_structure_cannot_be_invited_from_here(region):
    client = signed(region.alice)
    assert client.get(f"/ma-structure/{region.dac.pk}/inviter/?role={region.roles.bruno.pk}").status_code == 404
    assert client.get(f"/ma-structure/{region.dac.pk}/inviter/?role=x").status_code == 404


def test_an_account_that_works_elsewhere_is_not_closed_from_here(region):
    signed(region.alice).post(
        f"/ma-structure/{region.dac.pk}/comptes/{region.bruno.pk}/", {"verb": "close", "reason": "x"}
    )
    region.bruno.refresh_from_db()
    assert region.bruno.is_active


def test_the_administrator_closes_and_reopens_an_account_of_hers_only(region):
    carole = practitioner("Carole", "Le Bihan")
    role(carole, region.dac)
    user = User.objects.create_user("carole@example.org", PASSWORD, practitioner=carole)
    client, address = signed(region.alice), f"/ma-structure/{region.dac.pk}/comptes/{user.pk}/"
    assert "Motif" in client.post(address, {"verb": "close"}).content.decode()
    client.post(address, {"verb": "close", "reason": "départ"})
    user.refresh_from_db()
    assert not user.is_active and user.deactivated_by == region.alice
    assert "départ" in client.get(address).content.decode()
    client.post(address, {"verb": "reopen"})
    user.refresh_from_db()
    assert user.is_active


def test_a_structure_keeps_an_administrator(region):
    address = f"/ma-structure/{region.dac.pk}/comptes/{region.alice.pk}/"
    signed(region.alice).post(address, {"verb": "end_admin"})
    assert StructureAdmin.objects.open().filter(user=region.alice).exists()
    signed(region.alice).post(f"/ma-structure/{region.dac.pk}/comptes/{region.bruno.pk}/", {"verb": "make_admin"})
    signed(region.bruno).post(address, {"verb": "end_admin"})
    assert not StructureAdmin.objects.open().filter(user=region.alice).exists()
    assert signed(region.alice).get(f"/ma-structure/{region.dac.pk}/").status_code == 404


def test_support_unlocks_ends_sessions_and_sends_again_by_exact_address(region, acting):
    client = signed(region.sam)
    for _ in range(6):
        Client().post("/connexion/", {"login": "bruno@example.org", "password": "non"})
    assert lockout.is_locked(lockout.account_key("bruno@example.org"))
    page = client.post("/assistance/", {"email": "Bruno@example.org"}).content.decode()
    assert "bloqué" in page and "Débloquer" in page
    client.post("/assistance/", {"email": "bruno@example.org", "verb": "unlock"})
    assert not lockout.is_locked(lockout.account_key("bruno@example.org"))
    row = actions.invite(acting, email="new@example.org", organization=region.dac)
    client.post("/assistance/", {"email": "new@example.org", "verb": "resend", "invitation": str(row.pk)})
    assert AuditEvent.objects.filter(action="accounts.invitation_sent_again", actor_user_id=region.sam.pk).exists()
    assert "Aucun compte" in client.post("/assistance/", {"email": "bruno"}).content.decode() or True
    assert client.post("/assistance/", {"email": "zz@example.org", "verb": "unlock"}).status_code == 404


def test_support_cannot_close_invite_nor_confirm_an_identity(region):
    client = signed(region.sam)
    asked = actions.ask_recovery(region.bruno)
    for address in ("/region/", "/region/inviter/", "/region/conditions/", f"/region/comptes/{region.bruno.pk}/"):
        assert client.get(address).status_code == 404
        assert client.post(address, {"verb": "close", "reason": "x"}).status_code == 404
    assert client.get(f"/ma-structure/demandes/{asked.pk}/").status_code == 404
    assert client.post("/assistance/", {"email": region.bruno.email, "verb": "close"}).status_code == 404
    region.bruno.refresh_from_db()
    assert region.bruno.is_active


def test_assistance_and_region_do_not_exist_for_professionals(region):
    for address in ("/assistance/", "/region/", "/region/inviter/", "/region/conditions/"):
        assert signed(region.bruno).get(address).status_code == 404


def test_the_operator_names_administrators_staff_and_terms(region):
    client = signed(region.olga)
    assert "Cabinet de la Madeleine" in client.get("/region/?q=madeleine").content.decode()
    assert "DAC du Ponant" in client.get("/region/").content.decode()
    assert client.get(f"/ma-structure/{region.practice.pk}/").status_code == 200
    client.post(f"/ma-structure/{region.practice.pk}/comptes/{region.bruno.pk}/", {"verb": "make_admin"})
    assert StructureAdmin.objects.open().filter(user=region.bruno, organization=region.practice).exists()
    client.post("/region/inviter/", {"email": "s@example.org", "first_name": "S", "last_name": "T", "kind": "support"})
    assert Invitation.objects.get(email="s@example.org").kind == Kind.SUPPORT
    client.post("/region/conditions/", {"text": "Le texte", "summary": "Tout"})
    assert "Le texte" in client.get("/compte/conditions/").content.decode()


def test_support_and_strangers_find_no_patient_address(region, db):
    """Every route that names a circle or a patient answers 404 to support and to the operator, whatever its id."""
    stranger = "019ab000-0000-7000-8000-000000000000"
    for user in (region.sam, region.olga):
        client = signed(user)
        for route in patient_routes():
            answer = client.get(route.replace("ID", stranger))
            assert answer.status_code in {404, 405}, (user.kind, route, answer.status_code)


def patient_routes() -> list[str]:
    import re

    found = []

    def walk(resolver, prefix):
        for pattern in resolver.url_patterns:
            part = prefix + str(pattern.pattern)
            if hasattr(pattern, "url_patterns"):
                walk(pattern, part)
            elif part.startswith("patients/<"):
                found.append("/" + re.sub(r"<(?:uuid|str):[^>]+>", "ID", re.sub(r"<int:[^>]+>", "1", part)))

    walk(get_resolver(), "")
    return found


def test_the_command_makes_the_first_operator_and_prints_the_link(db, capsys, client):
    call_command("account", "create-operator", "chef@example.org")
    link = capsys.readouterr().out.strip()
    path = "/" + link.split("/", 3)[3]
    page = client.get(path)["Location"]
    client.post(page, {"first_name": "Ana", "last_name": "Chef", "password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.get(email="chef@example.org").kind == Kind.OPERATOR
    with pytest.raises(CommandError, match="already has an account"):
        call_command("account", "create-operator", "Chef@example.org")


def test_the_command_invites_unlocks_closes_and_publishes(region, capsys, tmp_path):
    region.dac.finess = "290000017"
    region.dac.save()
    call_command("account", "invite", "adm@example.org", "--finess", "290000017", "--admin", "--print-link")
    assert "/connexion/activation/" in capsys.readouterr().out
    call_command("account", "unlock", "BRUNO@example.org")
    call_command("account", "deactivate", "bruno@example.org", "--reason", "test")
    call_command("account", "reactivate", "bruno@example.org")
    with pytest.raises(CommandError, match="no account"):
        call_command("account", "unlock", "nobody@example.org")
    with pytest.raises(CommandError, match="cannot read"):
        call_command("account", "publish-terms", str(tmp_path / "none.txt"))
    (tmp_path / "terms.txt").write_text("Texte")
    call_command("account", "publish-terms", str(tmp_path / "terms.txt"))
    assert "version 1" in capsys.readouterr().out


def test_an_acting_of_accounts_names_the_role(region):
    acting = user_acting(region.alice, role=region.roles.alice)
    assert acting.practice_role_id == region.roles.alice.pk and acting.circle_id is None
    assert "Alice" in acting.actor_name
