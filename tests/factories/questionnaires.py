"""Small forms for tests."""

from django.utils import timezone

from cercle.care.questionnaires import actions, forms
from cercle.care.questionnaires.models import Questionnaire
from cercle.care.questionnaires.shape import HL7, SDC


def item(link, kind="string", text="", **more) -> dict:
    return {"linkId": link, "type": kind, "text": text or f"Question {link}"} | more


def when(question, operator="exists", **answer) -> dict:
    return {"question": question, "operator": operator} | (answer or {"answerBoolean": True})


def choice(link, *codes, kind="choice", **more) -> dict:
    options = [{"valueCoding": {"system": "urn:test", "code": c, "display": c.upper()}} for c in codes]
    return item(link, kind, answerOption=options, **more)


def calculated(link, expression, kind="integer", **more) -> dict:
    value = {"language": "text/fhirpath", "expression": expression}
    return item(link, kind, extension=[{"url": SDC + "calculatedExpression", "valueExpression": value}], **more)


def initially(link, expression, kind="string") -> dict:
    value = {"language": "text/fhirpath", "expression": expression}
    return item(link, kind, extension=[{"url": SDC + "initialExpression", "valueExpression": value}])


def answer(link, **value) -> dict:
    return {"linkId": link, "text": f"Question {link}", "answer": [value]}


def variable(name, expression) -> dict:
    return {
        "url": HL7 + "variable",
        "valueExpression": {"name": name, "language": "text/fhirpath", "expression": expression},
    }


def shown_if(link, expression, kind="string") -> dict:
    value = {"language": "text/fhirpath", "expression": expression}
    return item(link, kind, extension=[{"url": SDC + "enableWhenExpression", "valueExpression": value}])


def constrained(link, expression, human, kind="integer") -> dict:
    parts = [
        {"url": "key", "valueId": "c"}, {"url": "severity", "valueCode": "error"},
        {"url": "expression", "valueString": expression}, {"url": "human", "valueString": human},
    ]  # fmt: skip
    return item(link, kind, extension=[{"url": HL7 + "questionnaire-constraint", "extension": parts}])


def data(*items, url="urn:test:form", version="1", title="Grille d’essai", **more) -> dict:
    return {
        "resourceType": "Questionnaire",
        "url": url,
        "version": version,
        "title": title,
        "status": "active",
        "item": list(items),
    } | more


def form(*items, slug="essai", category="social", **more) -> Questionnaire:
    content = data(*items, **more)
    return Questionnaire.objects.create(
        url=content["url"], version=content["version"], slug=slug, title=content["title"], data=content, status="active",
        published_at=timezone.now(), category=category,
    )  # fmt: skip


def walk_rows(acting, note) -> dict:
    """An answer in progress about this person, and a form that is not published, for the walks over routes."""
    form(item("a", "text"), slug="marche", url="urn:test:walk")
    response = forms.start(acting, "marche")
    actions.keep_draft(acting, response=response, post={"q-a": [note.text]}, writer="walk")
    content = data(item("a"), url="urn:test:walk:draft")
    draft = Questionnaire.objects.create(
        url=content["url"], version="1", slug="brouillon", title="Grille en préparation", data=content
    )
    return {"response_id": response.pk, "form_id": draft.pk}
