"""Small forms for tests."""

from django.utils import timezone

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
