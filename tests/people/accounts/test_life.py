"""Invitation, activation, reset, recovery, closing, terms of use."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.utils import timezone

from cercle.base.audit.models import AuditEvent
from cercle.base.common.errors import Refused
from cercle.people.accounts import actions, links, policy, tasks
from cercle.people.accounts.acting import user_acting
from cercle.people.accounts.models import Invitation, OneTimeLink, RecoveryRequest, StructureAdmin, User
from cercle.people.directory.models import Practitioner

from .conftest import PASSWORD, SECRET, practitioner, role, sign_in

NEW = "une autre phrase bien longue"


def link_in(message) -> str:
    return re.search(r"https?://[^/\s]+(/\S+)", message.body)[1]


def follow(client, address: str) -> str:
    """Open the link: it hides its secret and changes nothing."""
    answer = client.get(address)
    assert answer.status_code == 302 and answer["Location"] in address and answer["Location"] != address
    return answer["Location"]


@pytest.fixture
def invited(region, acting):
    carole = practitioner("CAROLE", "LE BIHAN")
    where = role(carole, region.dac, email="carole@example.org")
    return actions.invite(acting, email="Carole@example.org", practice_role=where)


def test_an_invited_professional_activates_her_account_and_acts_in_her_role(invited, client, region):
    tasks.send_invitation(str(invited.pk))
    (message,) = mail.outbox
    assert message.to == ["carole@example.org"] and "DAC du Ponant" in message.body
    page = follow(client, link_in(message))
    assert "Carole" in client.get(page).content.decode()
    assert not User.objects.filter(email="carole@example.org").exists()
    answer = client.post(page, {"password1": NEW, "password2": NEW})
    assert answer["Location"] == "/"
    carole = User.objects.get(email="carole@example.org")
    assert (carole.first_name, carole.last_name) == ("Carole", "Le Bihan")
    assert carole.practitioner == invited.practitioner and carole.last_context == invited.practice_role
    assert client.get("/")["Location"] == "/compte/premiers-pas/"
    invited.refresh_from_db()
    assert invited.accepted_by == carole
    assert Client().get(link_in(message)).status_code == 302
    assert AuditEvent.objects.filter(action="accounts.account_activated", target_id=carole.pk).exists()


def test_a_used_link_is_dead(invited, client, region):
    token = actions.invitation_link(invited)
    page = follow(client, f"/connexion/activation/{token}/")
    client.post(page, {"password1": NEW, "password2": NEW})
    stranger = Client()
    dead = stranger.get(follow(stranger, f"/connexion/activation/{token}/"))
    assert dead.status_code == 410 and "ne marche plus" in dead.content.decode()


def test_weak_or_different_passwords_are_refused_and_the_link_stays(invited, client):
    page = follow(client, f"/connexion/activation/{actions.invitation_link(invited)}/")
    assert "ne sont pas les mêmes" in client.post(page, {"password1": NEW, "password2": PASSWORD}).content.decode()
    assert client.post(page, {"password1": "court", "password2": "court"}).status_code == 200
    assert OneTimeLink.objects.get().used_at is None


def test_sending_again_ends_the_earlier_link(invited, acting, client):
    first = actions.invitation_link(invited)
    actions.send_again(acting, invited)
    tasks.send_invitation(str(invited.pk))
    assert links.find(actions.INVITATION, first) is None
    assert client.get(follow(client, link_in(mail.outbox[0]))).status_code == 200


def test_a_cancelled_invitation_opens_nothing(invited, acting, client):
    token = actions.invitation_link(invited)
    actions.cancel_invitation(acting, invited)
    assert client.get(follow(client, f"/connexion/activation/{token}/")).status_code == 410
    tasks.send_invitation(str(invited.pk))
    assert mail.outbox == []
    with pytest.raises(Refused):
        actions.send_again(acting, Invitation.objects.get())


def test_nobody_is_invited_twice_at_once(invited, acting, region):
    with pytest.raises(Refused, match="attend déjà"):
        actions.invite(acting, email="carole@example.org", organization=region.dac)


def test_someone_known_only_by_a_feed_is_never_invited(acting, region):
    feed = practitioner("Xavier", "Inconnu", is_external=True)
    with pytest.raises(Refused):
        actions.invite(acting, email="x@example.org", practice_role=role(feed, region.dac))


def test_nothing_is_kept_when_the_trace_fails(acting, region, monkeypatch):
    monkeypatch.setattr(actions, "record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        actions.invite(acting, email="n@example.org", organization=region.dac)
    assert not Invitation.objects.exists()


def test_someone_with_an_account_accepts_signed_in(region, acting, client):
    actions.invite(acting, email="bruno@example.org", organization=region.dac, makes_admin=True)
    token = actions.invitation_link(Invitation.objects.get())
    page = follow(client, f"/connexion/activation/{token}/")
    assert "déjà un compte" in client.get(page).content.decode()
    client.post(page)
    assert not StructureAdmin.objects.filter(user=region.bruno).exists()
    other = Client()
    other.force_login(region.alice)
    assert "autre compte" in other.get(follow(other, f"/connexion/activation/{token}/")).content.decode()
    own = Client()
    own.force_login(region.bruno)
    assert own.post(follow(own, f"/connexion/activation/{token}/"))["Location"] == "/"
    assert StructureAdmin.objects.filter(user=region.bruno, organization=region.dac).exists()


def test_a_forgotten_password_is_replaced_by_a_link_and_ends_every_session(coded, region):
    elsewhere, client = Client(), Client()
    sign_in(elsewhere, coded)
    assert elsewhere.get("/compte/").status_code == 200
    client.post("/connexion/mot-de-passe-oublie/", {"email": "BRUNO@example.org"})
    tasks.send_password_link(str(coded.pk))
    page = follow(client, link_in(mail.outbox[0]))
    assert client.get(page).status_code == 200
    assert client.post(page, {"password1": NEW, "password2": NEW})["Location"] == "/connexion/"
    coded.refresh_from_db()
    assert coded.check_password(NEW)
    assert elsewhere.get("/compte/")["Location"].startswith("/connexion/")
    # the second factor is still asked
    assert client.post("/connexion/", {"login": coded.email, "password": NEW})["Location"] == "/connexion/code/"


def test_asking_for_a_link_tells_nothing(client, region, django_capture_on_commit_callbacks):
    from procrastinate.contrib.django.models import ProcrastinateJob as Job

    def ask(email):
        page = client.post("/connexion/mot-de-passe-oublie/", {"email": email})
        return page.status_code, re.sub(r'"X-CSRFToken": "[^"]*"|value="[^"]*"', "", page.content.decode())

    assert ask("bruno@example.org") == ask("nobody@example.org")
    assert Job.objects.filter(task_name__endswith="send_password_link").count() == 2
    assert mail.outbox == []


def test_links_by_mail_are_limited(client, region):
    statuses = [
        client.post("/connexion/mot-de-passe-oublie/", {"email": "nobody@example.org"}).status_code for _ in range(6)
    ]
    assert statuses == [200] * 5 + [429]


def test_mails_carry_no_name_of_patients_nor_tokens_of_others(coded):
    tasks.tell(str(coded.pk), "password")
    assert "Bruno" not in mail.outbox[0].body and "@" not in mail.outbox[0].body


def test_a_lost_second_factor_is_replaced_after_an_administrator_saw_the_person(coded, region, acting):
    client = Client()
    client.post("/connexion/", {"login": coded.email, "password": PASSWORD})
    assert client.get("/connexion/code-perdu/").status_code == 200
    assert "demande est partie" in client.post("/connexion/code-perdu/").content.decode()
    asked = RecoveryRequest.objects.get()
    tasks.tell_recovery_asked(str(asked.pk))
    assert mail.outbox[-1].to == ["alice@example.org"] and "Bruno" not in mail.outbox[-1].body

    admin = Client()
    actions.give_second_factor(region.alice, SECRET)
    sign_in(admin, region.alice)
    assert "Bruno" in admin.get(f"/ma-structure/{region.dac.pk}/").content.decode()
    address = f"/ma-structure/demandes/{asked.pk}/"
    assert admin.get(address).status_code == 200
    admin.post(address, {"identity_check": "vu en personne, carte CPS", "verb": "confirm"})
    tasks.send_second_factor_link(str(asked.pk))
    page = follow(client, link_in(mail.outbox[-1]))
    assert Authenticator.objects.filter(user=coded).exists()
    assert client.post(page, {"password": "non"}).status_code == 200
    assert client.post(page, {"password": PASSWORD})["Location"] == "/connexion/"
    assert not Authenticator.objects.filter(user=coded).exists()
    sign_in(client, coded)
    assert client.get("/")["Location"] == "/compte/premiers-pas/"
    asked.refresh_from_db()
    assert (asked.status, asked.decided_by) == ("used", region.alice)


def test_nobody_confirms_her_own_recovery(region, acting):
    asked = actions.ask_recovery(region.alice)
    with pytest.raises(Refused):
        actions.confirm_recovery(acting, asked, identity_check="moi")
    client = Client()
    client.force_login(region.alice)
    assert client.get(f"/ma-structure/demandes/{asked.pk}/").status_code == 404


def test_an_administrator_of_elsewhere_cannot_confirm(region):
    asked = actions.ask_recovery(region.alice)
    StructureAdmin.objects.create(user=region.bruno, organization=region.practice)
    client = Client()
    client.force_login(region.bruno)
    assert client.get(f"/ma-structure/demandes/{asked.pk}/").status_code == 404


def test_confirming_asks_for_a_fresh_sign_in(region):
    asked = actions.ask_recovery(region.bruno)
    client = Client()
    client.force_login(region.alice)
    assert client.get(f"/ma-structure/demandes/{asked.pk}/")["Location"].startswith("/compte/confirmer/?next=")


def test_a_closed_account_loses_its_sessions_at_once_and_can_reopen(coded, region, acting):
    client = Client()
    sign_in(client, coded)
    actions.deactivate(acting, coded, reason="départ")
    assert client.get("/compte/")["Location"].startswith("/connexion/")
    forced = Client()
    forced.force_login(coded)  # a session no list knows
    assert forced.get("/compte/")["Location"].startswith("/connexion/")
    actions.reactivate(acting, coded)
    coded.refresh_from_db()
    assert coded.is_active and coded.deactivated_at is None
    with pytest.raises(Refused):
        actions.deactivate(acting, region.alice, reason="moi")


def test_a_new_version_of_the_terms_stops_open_sessions_until_accepted(coded, region):
    policy.forget_terms_number()
    client = Client()
    sign_in(client, coded)
    assert client.get("/ma-structure/").status_code == 404
    version = actions.publish_terms(user_acting(region.olga), text="Le texte entier.", summary="Ce qui change")
    assert client.get("/ma-structure/")["Location"] == "/compte/conditions/"
    assert "Ce qui change" in client.get("/compte/conditions/").content.decode()
    client.post("/compte/conditions/", {"accept": str(version.number)})
    assert client.get("/ma-structure/").status_code == 404
    assert coded.acceptances.get().version == version
    policy.forget_terms_number()


def test_a_code_on_another_channel_is_asked_and_ends_the_link_after_five_errors(region):
    row, token, text = links.make("guest", region.bruno.pk, lasts=timezone.timedelta(hours=1), with_code=True)
    assert len(text) == 6 and links.check_code(row, token, text)
    assert token not in row.token_hash
    for _ in range(5):
        assert not links.check_code(row, token, "x")
    assert links.find("guest", token) is None


def test_a_link_burnt_by_another_request_is_refused(region):
    row, token, _text = links.make("guest", region.bruno.pk, lasts=timezone.timedelta(hours=1))
    links.use(links.find("guest", token))
    with pytest.raises(Refused):
        links.use(row)
    assert links.find("guest", token) is None


def test_purge_forgets_what_is_over(coded):
    sign_in(Client(), coded)
    from django.contrib.sessions.models import Session

    Session.objects.update(expire_date=timezone.now() - timezone.timedelta(days=1))
    tasks.purge()
    assert not Session.objects.exists() and not coded.usersession_set.exists()


def test_practitioners_are_left_as_they_are(invited):
    assert Practitioner.objects.get(family="LE BIHAN").given == "CAROLE"
