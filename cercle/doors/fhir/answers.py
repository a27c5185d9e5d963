"""Bundles and OperationOutcomes on their way out."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpResponse
from django.utils import timezone

from .registry import instant
from .shape import Issue, Node

FHIR_JSON = "application/fhir+json; charset=utf-8"
# What an Issue's code is called in FHIR, and with which status the whole is refused.
ISSUE_TYPES = {
    "required": ("required", 422), "structure": ("structure", 400), "value": ("value", 422), "code-invalid": ("code-invalid", 422),
    "not-found": ("not-found", 404), "forbidden": ("forbidden", 403), "not-supported": ("not-supported", 400), "too-long": ("too-long", 413),
    "too-deep": ("structure", 400), "multiple-matches": ("multiple-matches", 412), "conflict": ("conflict", 409), "deleted": ("deleted", 410),
    "login": ("login", 401), "method": ("not-supported", 405), "media": ("not-supported", 415), "accept": ("not-supported", 406),
    "conflict-version": ("conflict", 412), "throttled": ("throttled", 429), "exception": ("exception", 500),
}  # fmt: skip


def outcome(issues: Iterable[Issue], severity: str = "error") -> Node:
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": severity, "code": ISSUE_TYPES.get(i.code, ("processing", 422))[0],
                "details": {"text": str(i.message)}, "diagnostics": str(i), **({"expression": [i.path]} if i.path else {}),
            }
            for i in issues
        ],
    }  # fmt: skip


def status_of(issues: Iterable[Issue]) -> int:
    return max((ISSUE_TYPES.get(i.code, ("", 422))[1] for i in issues), default=422)


def said(node: Any, status: int = 200, **headers: str) -> HttpResponse:
    response = HttpResponse(orjson.dumps(node), status=status, content_type=FHIR_JSON)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def refused(*issues: Issue, status: int | None = None) -> HttpResponse:
    response = said(outcome(issues), status or status_of(issues))
    if response.status_code == 401:
        response["WWW-Authenticate"] = 'Bearer realm="Cercle"'
    return response


def searchset(base: str, found: list[Node], included: list[Node], *, total: int | None, links: dict[str, str], outcomes: list[Issue]) -> Node:  # fmt: skip
    entries = [_entry(base, n, "match") for n in found] + [_entry(base, n, "include") for n in included]
    if outcomes:
        entries.append({"resource": outcome(outcomes, "warning"), "search": {"mode": "outcome"}})
    node: Node = {"resourceType": "Bundle", "type": "searchset", "timestamp": instant(timezone.now())}
    if total is not None:
        node["total"] = total
    node["link"] = [{"relation": k, "url": v} for k, v in links.items() if v]
    if entries:
        node["entry"] = entries
    return node


def _entry(base: str, node: Node, mode: str) -> Node:
    return {"fullUrl": f"{base}/{node['resourceType']}/{node['id']}", "resource": node, "search": {"mode": mode}}
