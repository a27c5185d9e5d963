"""The English catalogue keeps every placeholder of its French sentences, and can be compiled."""

import re

import pytest
from babel.messages.pofile import read_po

from tests.support.database import ROOT

PLACES = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")
CATALOGUE = ROOT / "cercle" / "locale" / "en" / "LC_MESSAGES" / "django.po"


@pytest.fixture(scope="module")
def messages():
    with CATALOGUE.open("rb") as file:
        return [message for message in read_po(file, locale="en", abort_invalid=True) if message.id]


def _forms(text) -> tuple[str, ...]:
    return text if isinstance(text, (tuple, list)) else (text,)


def test_english_keeps_the_placeholders(messages):
    wrong = []
    for message in messages:
        wanted = {frozenset(PLACES.findall(form)) for form in _forms(message.id)}
        for form in filter(None, _forms(message.string)):
            if frozenset(PLACES.findall(form)) not in wanted:
                wrong.append((message.id, form))
    assert wrong == []


def test_nothing_is_fuzzy(messages):
    assert [message.id for message in messages if message.fuzzy] == []
