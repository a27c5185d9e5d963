"""Logs: what happened to the machine, never to whom."""

import io
import logging
import logging.config

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from cercle.base.common.logs import DiscreetFormatter, discreet
from cercle.people.accounts.models import User
from tests import factories as make

PRIVATE = ("Quéméneur", "yvonne@exemple.fr", "1 41 04 29", "SELECT", "mot de passe")


@pytest.fixture
def written():
    """What a process would write, by the formatter of settings.LOGGING."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(DiscreetFormatter(settings.LOGGING["formatters"]["line"]["format"], style="{"))
    logging.getLogger().addHandler(handler)
    yield out
    logging.getLogger().removeHandler(handler)


def test_the_settings_use_it_for_every_handler():
    assert settings.LOGGING["formatters"]["line"]["()"].endswith("DiscreetFormatter")
    assert all(h["formatter"] == "line" for h in settings.LOGGING["handlers"].values())


@pytest.mark.django_db
def test_a_refused_row_is_told_without_its_values(written):
    make.user(email="yvonne@exemple.fr")
    try:
        with transaction.atomic():
            User.objects.create_user("yvonne@exemple.fr", "x", first_name="Yvonne", last_name="Quéméneur")
    except IntegrityError as error:
        logging.getLogger("essai").exception("it failed")
        logging.getLogger("essai").error("it failed: %s", error)
    text = written.getvalue()
    assert "IntegrityError (23505 accounts_user" in text and "test_logs.py" in text
    assert not [p for p in PRIVATE if p in text], text


@pytest.mark.django_db
def test_a_wrong_value_is_told_without_it(written):
    for act in (
        lambda: int("Quéméneur"),
        lambda: {}["yvonne@exemple.fr"],
        lambda: connection.cursor().execute("SELECT 'Quéméneur'::int"),
    ):
        try:
            with transaction.atomic():
                act()
        except Exception:
            logging.getLogger("essai").exception("it failed")
    text = written.getvalue()
    assert "ValueError" in text and "KeyError" in text and "22P02" in text
    # The line of code is ours; what it was about is not shown by the error.
    assert "yvonne@exemple.fr" not in text and "invalid" not in text


@pytest.mark.django_db
def test_a_page_that_breaks_says_where_and_not_about_whom(written, settings, monkeypatch):
    settings.MFA_REQUIRED = False
    alice = make.circle(make.viewer(make.role("Alice", "Le Goff", profession="10")))
    client = make.sign_in(Client(raise_request_exception=False), alice.user)

    def broken(*args, **kwargs):
        raise ValueError("Quéméneur Yvonne, née le 12/04/1941")

    monkeypatch.setattr("cercle.care.record.views.lists.lines", broken)
    answer = client.post("/patients/", {"q": "Quéméneur"})
    text = written.getvalue()
    assert answer.status_code == 500 and "ValueError" in text
    assert "1941" not in text and "Yvonne" not in text and "Yvonne" not in answer.text


@pytest.mark.django_db
def test_the_secret_of_a_link_is_not_written(written):
    url = reverse("accounts:activation", args=["s3cr3t-" + "x" * 30])
    logging.getLogger("django.request").warning("Gone: %s", url)
    logging.getLogger("essai").warning("GET /events?topics=abcdef&x=1")
    text = written.getvalue()
    assert "s3cr3t" not in text and "abcdef" not in text and "[secret]" in text


def test_an_address_typed_is_not_written():
    assert discreet("no mailbox for yvonne.q@exemple.fr here") == "no mailbox for [adresse] here"
