"""/fhir over HTTP: FHIR R4 in JSON. One view; it knows nothing of any resource, it asks the registry."""

import logging
import re
from collections.abc import Callable
from uuid import uuid4

import orjson
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from cercle.base.audit.record import Kind, record
from cercle.base.common import blobs
from cercle.base.common.errors import Refused
from cercle.base.web import places
from cercle.base.web.middleware import view_with_own_sign_in
from cercle.care.documents.models import Document

from . import answers, bundle, capability, operations, reading, writing, xml
from .access import Access, open_door
from .answers import refused, said
from .bundle import Entry, Lot
from .registry import BASE, TYPES
from .resources import (  # noqa: F401  they register
    care_team,
    device,
    document_reference,
    observation,
    organization,
    patient,
    practitioner,
    related_person,
)
from .search import reference
from .shape import Issue, Node, Rejected, child, items, reject, storable, text

log = logging.getLogger(__name__)
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
JSONS = ("application/fhir+json", "application/json", "text/json", "json", "*/*", "application/*", "text/html", "")
XMLS = ("application/fhir+xml", "application/xml", "text/xml", "xml")
FHIR_XML = "application/fhir+xml; charset=utf-8"
MOST_IN_TRANSACTION = 1000


@csrf_exempt
@view_with_own_sign_in
def serve(request: HttpRequest, path: str = "") -> HttpResponse:
    with translation.override("fr"):
        try:
            response = _serve(request, [part for part in path.split("/") if part])
        except Rejected as wrong:
            response = refused(*wrong.issues)
        except Refused as wrong:
            response = refused(Issue("", str(wrong.message), wrong.code))
        except RequestDataTooBig:
            response = refused(Issue("", _("ce contenu est trop gros."), "too-long"))
        except (TooManyFieldsSent, UnicodeError):
            response = refused(Issue("", _("cette demande ne se lit pas."), "structure"))
        except Exception as error:  # a machine is answered in its language; we are told which error, never with what
            log.exception("FHIR request failed: %s", type(error).__name__)
            response = refused(
                Issue("", _("Quelque chose n’a pas marché de notre côté : réessayez dans un instant."), "exception")
            )
    if _wants_xml(request) and response.content and response["Content-Type"] == answers.FHIR_JSON:
        response.content = xml.write(orjson.loads(response.content))
        response["Content-Type"] = FHIR_XML
    response["X-Request-Id"] = request.headers.get("X-Request-Id", "")[:64] or str(uuid4())
    response["Cache-Control"] = "no-store"
    return response


def _serve(request: HttpRequest, parts: list[str]) -> HttpResponse:
    _acceptable(request)
    if parts == ["metadata"]:
        return said(capability.statement(_base(request)))
    access = _who(request)
    if access is None:
        return refused(
            Issue("", _("Ce jeton n’ouvre pas cette porte : il manque, il est faux, ou il est passé."), "login")
        )
    method = request.method or "GET"
    if not parts:
        if method != "POST":
            raise reject("", _("seul POST est accepté à cette adresse."), "method")
        return _system(request, access)
    type_, rest = parts[0], parts[1:]
    if type_ == "Binary" and len(rest) == 1 and method == "GET":
        return _binary(request, access, rest[0])
    if type_ not in TYPES:
        raise reject("", _("ce type de ressource n’est pas servi ici."), "not-found")
    if rest == ["_search"] and method == "POST":
        return _search(request, access, type_, [*request.GET.lists(), *QueryDict(request.body).lists()])
    if not rest:
        return ON_TYPE.get(method, _no)(request, access, type_)
    if rest[-1].startswith("$"):
        return _operation(request, access, type_, rest)
    if not ID.fullmatch(rest[0]):
        raise reject("", _("cette ressource n’existe pas."), "not-found")
    if len(rest) == 1:
        return ON_ONE.get(method, _no)(request, access, type_, rest[0])
    if rest[1] == "_history" and method in ("GET", "HEAD") and len(rest) <= 3:
        return _history(request, access, type_, rest[0], rest[2] if len(rest) == 3 else "")
    raise reject("", _("cette adresse n’existe pas."), "not-found")


# --- Before anything -----------------------------------------------------------------------------------------------------


def _who(request: HttpRequest) -> Access | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return open_door(token.strip()) if scheme.lower() == "bearer" and token else None


def _kinds(request: HttpRequest) -> list[str]:
    wanted = request.GET.get("_format", "").replace(" ", "+") or request.headers.get("Accept", "")
    return [word.partition(";")[0].strip().lower() for word in wanted.split(",")]


def _acceptable(request: HttpRequest) -> None:
    if not any(kind in JSONS or kind in XMLS for kind in _kinds(request)) and "/Binary/" not in request.path:
        raise reject(
            "", _("ce format n’est pas servi : demandez application/fhir+json ou application/fhir+xml."), "accept"
        )


def _wants_xml(request: HttpRequest) -> bool:
    kinds = [k for k in _kinds(request) if k in JSONS or k in XMLS]
    return bool(kinds) and kinds[0] in XMLS


def _may(access: Access, type_: str, letter: str) -> None:
    if not access.may(type_, letter):
        raise reject("", _("la portée de ce jeton ne permet pas cela."), "forbidden")
    if type_ not in TYPES:
        raise reject("", _("ce type de ressource n’est pas servi ici."), "not-found")
    if letter not in TYPES[type_].interactions:
        raise reject("", _("cette interaction n’est pas ouverte pour ce type de ressource."), "method")


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri(BASE)


def _no(request, access, type_, *rest) -> HttpResponse:
    raise reject("", _("cette interaction n’est pas ouverte pour ce type de ressource."), "method")


def _strict(request: HttpRequest) -> bool:
    return "handling=strict" in request.headers.get("Prefer", "")


def _raw(request: HttpRequest) -> bytes:
    """The body, with this door's own limit: a transaction carries its photos, a page never does."""
    if (held := getattr(request, "_fhir_body", None)) is None:
        held = request.read(bundle.LARGEST + 1)
        if len(held) > bundle.LARGEST:
            raise reject("", _("ce contenu est trop gros."), "too-long")
        request._fhir_body = held  # type: ignore[attr-defined]
    return held


def _body(request: HttpRequest) -> Node:
    kind = request.content_type or ""
    if kind in XMLS:
        return storable(xml.read(_raw(request)))
    if kind and kind not in (*JSONS, "application/octet-stream"):
        raise reject("", _("ce format n’est pas lu : envoyez application/fhir+json ou application/fhir+xml."), "media")
    return read_json(_raw(request))


def read_json(raw: bytes) -> Node:
    try:
        payload = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise reject("", _("ce contenu n’est pas du JSON lisible, en UTF-8."), "structure") from None
    if not isinstance(payload, dict) or not text(payload, "resourceType"):
        raise reject("", _("ce n’est pas une ressource FHIR : « resourceType » manque."), "structure")
    return storable(payload)


# --- Reading -------------------------------------------------------------------------------------------------------------


def _read(request, access, type_, said_id) -> HttpResponse:
    _may(access, type_, "r")
    node = reading.read(access, type_, said_id)
    if request.headers.get("If-None-Match") == _etag(node):
        return HttpResponse(status=304)
    return _with_version(said(node), node)


def _history(request, access, type_, said_id, version) -> HttpResponse:
    _may(access, type_, "r")
    found = reading.history(access, type_, said_id)
    if version:
        node = next((n for number, _at, n in found if str(number) == version), None)
        if node is None:
            raise reject("", _("cette version n’existe pas."), "not-found")
        return _with_version(said(node), node)
    base = _base(request)
    entries = [
        {
            "fullUrl": f"{base}/{type_}/{n['id']}", "resource": n,
            "request": {"method": "POST" if number == 1 else "PUT", "url": type_ if number == 1 else f"{type_}/{n['id']}"},
            "response": {"status": "201" if number == 1 else "200", "etag": f'W/"{number}"', "lastModified": at.isoformat(timespec="milliseconds")},
        }
        for number, at, n in found
    ]  # fmt: skip
    return said({"resourceType": "Bundle", "type": "history", "total": len(entries), "entry": entries})


def _find(request, access, type_) -> HttpResponse:
    return _search(request, access, type_, list(request.GET.lists()))


def _search(request, access, type_, lists) -> HttpResponse:
    _may(access, type_, "s")
    asked = [(name, value) for name, values in lists for value in values]
    page = reading.search(access, type_, asked, base=_base(request), strict=_strict(request))
    return said(
        answers.searchset(
            _base(request), page.nodes, page.included, total=page.total, links=page.links, outcomes=page.outcomes
        )
    )


def _binary(request, access, said_id) -> HttpResponse:
    if not access.may("Binary", "r"):
        raise reject("", _("la portée de ce jeton ne permet pas cela."), "forbidden")
    from .search import as_uuid

    row = Document.objects.filter(access.clinical(), pk=as_uuid(said_id), state=Document.State.KEPT).first()
    acting = access.acting(row.circle_id) if row else None
    if row is None or acting is None or not Document.objects.visible_to(acting).filter(pk=row.pk).exists():
        raise reject("", _("cette ressource n’existe pas."), "not-found")
    record(acting, "fhir.read", on=row, kind=Kind.READ, shown=[row.pk], hidden=row.hidden, details={"type": "Binary"})
    with blobs.open(row.sha256) as file:
        data = file.read()
    if "json" in request.headers.get("Accept", ""):
        import base64

        return said(
            {
                "resourceType": "Binary",
                "id": str(row.pk),
                "contentType": row.media_type,
                "data": base64.b64encode(data).decode(),
            }
        )
    response = HttpResponse(data, content_type=row.media_type)
    response["Content-Disposition"] = "attachment"
    return response


def _operation(request, access, type_, rest) -> HttpResponse:
    asked = [(k, v) for k, values in request.GET.lists() for v in values]
    base, method = _base(request), request.method
    match type_, rest, method:
        case "Patient", [said_id, "$everything"], "GET" | "POST":
            _may(access, "Patient", "r")
            return said(operations.everything(access, said_id, dict(asked), base))
        case "Patient", ["$match"], "POST":
            _may(access, "Patient", "s")
            return said(operations.match(access, _body(request), base, _is_demo()))
        case "Observation", ["$lastn"], "GET" | "POST":
            _may(access, "Observation", "s")
            return said(operations.lastn(access, asked, base))
        case _, ["$validate"], "POST":
            _may(access, type_, "r")
            return said(operations.validate(access, type_, _body(request), _is_demo()))
    raise reject("", _("cette opération n’existe pas."), "not-found")


def _is_demo() -> bool:
    is_demo = places.hook("demo")
    return bool(is_demo and is_demo())


# --- Writing -------------------------------------------------------------------------------------------------------------


def _lot(type_: str, node: Node, method: str, url: str) -> Lot:
    if text(node, "resourceType") != type_:
        raise reject("resourceType", _("le contenu n’est pas du type de l’adresse."), "structure")
    if type_ not in writing.WRITABLE:
        raise reject("", _("cette interaction n’est pas ouverte pour ce type de ressource."), "method")
    return Lot([Entry(node, type_, "", method, url)], node, type_)


def _create(request, access, type_) -> HttpResponse:
    _may(access, type_, "c")
    node = _body(request)
    if query := request.headers.get("If-None-Exist"):
        with transaction.atomic():
            held = _matching(request, access, type_, query)
            if held:
                return _answer(request, access, type_, held, 200, [])
            return _write(request, access, type_, node, "POST", "")
    return _write(request, access, type_, node, "POST", "")


def _write(request, access, type_, node, method, url) -> HttpResponse:
    if method == "POST":
        node = {k: v for k, v in node.items() if k != "id"}
    done, warnings = writing.apply(access, _lot(type_, node, method, url), _raw(request))
    return _answer(request, access, type_, str(done[0].id), 201 if done[0].created else 200, warnings)


def _answer(request, access, type_, pk: str, status: int, warnings: list[str]) -> HttpResponse:
    side, row = reading.find(access, type_, pk)
    node = side.write(access, [row])[0]
    prefer = request.headers.get("Prefer", "")
    if "return=minimal" in prefer:
        response = HttpResponse(status=status, content_type=answers.FHIR_JSON)
    elif "return=OperationOutcome" in prefer:
        response = said(answers.outcome([Issue("", w, "informational") for w in warnings], "warning"), status)
    else:
        response = said(node, status)
    response["Location"] = f"{_base(request)}/{type_}/{node['id']}/_history/{node['meta']['versionId']}"
    return _with_version(response, node)


def _matching(request, access, type_, query: str) -> str | None:
    """Id of the only match. Raises Rejected (412) when several match."""
    lists = QueryDict(query.partition("?")[2] or query).lists()
    asked = [(n, v) for n, values in lists for v in values]
    if not any(not n.startswith("_") or n == "_id" for n, _v in asked):
        raise reject("", _("donnez au moins un critère."), "required")
    page = reading.search(access, type_, [*asked, ("_count", "2")], base=BASE, strict=True)
    if len(page.nodes) > 1:
        raise reject("", _("plusieurs ressources répondent à ces critères."), "multiple-matches")
    return page.nodes[0]["id"] if page.nodes else None


def _update(request, access, type_, said_id) -> HttpResponse:
    _may(access, type_, "u")
    node = _body(request)
    if text(node, "id") and text(node, "id") != said_id:
        raise reject("id", _("l’identifiant du contenu n’est pas celui de l’adresse."), "structure")
    with transaction.atomic():
        _if_match(request, access, type_, said_id)
        return _write(request, access, type_, node | {"id": said_id}, "PUT", f"{type_}/{said_id}")


def _conditional_update(request, access, type_) -> HttpResponse:
    _may(access, type_, "u")
    node = _body(request)
    with transaction.atomic():
        held = _matching(request, access, type_, request.META.get("QUERY_STRING", ""))
        if held is None:
            _may(access, type_, "c")
            return _write(request, access, type_, node, "POST", "")
        return _write(request, access, type_, node | {"id": held}, "PUT", f"{type_}/{held}")


def _if_match(request, access, type_, said_id) -> None:
    wanted = request.headers.get("If-Match")
    if not wanted:
        return
    side, row = reading.find(access, type_, said_id)
    if _etag(side.write(access, [row])[0]) != wanted.strip():
        raise reject("", _("cette ressource a changé depuis : relisez-la."), "conflict-version")


def _delete(request, access, type_, said_id) -> HttpResponse:
    _may(access, type_, "d")
    side, row = reading.find(access, type_, said_id)
    _if_match(request, access, type_, said_id)
    writing.delete(access, type_, row.pk)
    return said(answers.outcome([Issue("", _("supprimée."), "informational")], "information"))


def _conditional_delete(request, access, type_) -> HttpResponse:
    _may(access, type_, "d")
    held = _matching(request, access, type_, request.META.get("QUERY_STRING", ""))
    if held is None:
        raise reject("", _("aucune ressource ne répond à ces critères."), "not-found")
    return _delete(request, access, type_, held)


# --- Transaction and batch -----------------------------------------------------------------------------------------------


def _system(request, access) -> HttpResponse:
    node = _body(request)
    kind = text(node, "type")
    if text(node, "resourceType") != "Bundle" or kind not in ("transaction", "batch"):
        raise reject("Bundle.type", _("seuls un lot « transaction » ou « batch » sont acceptés ici."), "structure")
    entries = items(node, "entry")
    if len(entries) > MOST_IN_TRANSACTION:
        raise reject(
            "Bundle.entry", _("ce lot est trop long : %(n)s entrées au plus.") % {"n": MOST_IN_TRANSACTION}, "too-long"
        )
    if not entries:
        return said({"resourceType": "Bundle", "type": f"{kind}-response"})
    work: Callable = _transaction if kind == "transaction" else _batch
    try:
        return said(
            {"resourceType": "Bundle", "type": f"{kind}-response", "entry": work(request, access, node, entries)}
        )
    except Rejected as wrong:
        # The guides CDL and CDS say 500 for a transaction that is undone; FHIR itself says why it was refused.
        named = " ".join(p for p in child(node, "meta").get("profile", []) if isinstance(p, str))
        return refused(*wrong.issues, status=500 if "/cdl-bundle" in named or "/cds-bundle" in named else None)


def _transaction(request, access, node, entries) -> list[Node]:
    made: list[Node | None] = [None] * len(entries)
    writes: list[tuple[int, Entry]] = []
    with transaction.atomic():
        for n, row in enumerate(entries):
            method, url, resource = _asked(row, n)
            type_ = (
                reference(url.partition("?")[0])[0]
                or url.partition("?")[0].strip("/")
                or text(resource, "resourceType")
            )
            if method in ("POST", "PUT"):
                type_ = text(resource, "resourceType")
                if type_ not in writing.WRITABLE:
                    raise reject(
                        f"Bundle.entry[{n}].resource", _("ce type de ressource ne s’écrit pas ici."), "not-supported"
                    )
                _may(access, type_, "c" if method == "POST" else "u")
                query = text(child(row, "request"), "ifNoneExist") or (url.partition("?")[2] if method == "PUT" else "")
                held = _matching(request, access, type_, query) if query else None
                if held and method == "POST":
                    made[n] = {"response": {"status": "200", "location": f"{type_}/{held}"}}
                    continue
                if query and method == "PUT":
                    method, url = ("PUT", f"{type_}/{held}") if held else ("POST", type_)
                writes.append((n, Entry(resource, f"Bundle.entry[{n}].resource", text(row, "fullUrl"), method, url)))
            elif method == "DELETE":
                _may(access, type_, "d")
                held = _matching(request, access, type_, url) if "?" in url else reference(url)[1]
                if held:
                    writing.delete(access, type_, reading.find(access, type_, held)[1].pk)
                made[n] = {"response": {"status": "204"}}
        if writes:
            done, warnings = writing.apply(access, Lot([e for _n, e in writes], node, "Bundle"), _raw(request))
            for (n, _entry), one in zip(writes, done, strict=True):
                at = f"{one.type}/{one.id}/_history/{one.version}"
                made[n] = {
                    "response": {
                        "status": "201 Created" if one.created else "200 OK",
                        "location": at,
                        "etag": f'W/"{one.version}"',
                    }
                }
                side, row = reading.find(access, one.type, str(one.id))
                written = side.write(access, [row])[0]
                made[n] |= {"fullUrl": f"{_base(request)}/{one.type}/{one.id}", "resource": written}  # type: ignore[operator]
                made[n]["response"]["lastModified"] = written["meta"]["lastUpdated"]  # type: ignore[index]
            if warnings and made[writes[0][0]]:
                made[writes[0][0]]["response"]["outcome"] = answers.outcome(
                    [Issue("", w, "informational") for w in warnings], "warning"
                )  # type: ignore[index]
        for n, row in enumerate(entries):
            if made[n] is None:
                made[n] = _got(request, access, _asked(row, n)[1])
    return [m for m in made if m]


def _batch(request, access, node, entries) -> list[Node]:
    found: list[Node] = []
    for row in entries:
        try:
            found += _transaction(
                request, access, {"resourceType": "Bundle", "type": "transaction", "entry": [row]}, [row]
            )
        except Rejected as wrong:
            found.append(
                {"response": {"status": str(answers.status_of(wrong.issues)), "outcome": answers.outcome(wrong.issues)}}
            )
    return found


def _asked(row: Node, n: int) -> tuple[str, str, Node]:
    asked = child(row, "request")
    method, url = text(asked, "method").upper() or "POST", text(asked, "url").lstrip("/")
    if method not in ("GET", "POST", "PUT", "DELETE"):
        raise reject(
            f"Bundle.entry[{n}].request.method", _("cette méthode n’est pas acceptée dans un lot."), "not-supported"
        )
    resource = child(row, "resource")
    if method in ("POST", "PUT") and not text(resource, "resourceType"):
        raise reject(f"Bundle.entry[{n}].resource", _("la ressource manque."), "required")
    return method, url, resource


def _got(request, access, url: str) -> Node:
    path, _mark, query = url.partition("?")
    parts = path.strip("/").split("/")
    if parts[0] not in TYPES or len(parts) > 2:
        raise reject("Bundle.entry.request.url", _("cette adresse n’existe pas."), "not-found")
    if len(parts) == 2:
        _may(access, parts[0], "r")
        node = reading.read(access, *parts)
        return {"resource": node, "response": {"status": "200", "etag": _etag(node)}}
    _may(access, parts[0], "s")
    asked = [(k, v) for k, values in QueryDict(query).lists() for v in values]
    page = reading.search(access, parts[0], asked, base=_base(request))
    held = answers.searchset(
        _base(request), page.nodes, page.included, total=page.total, links=page.links, outcomes=page.outcomes
    )
    return {"resource": held, "response": {"status": "200"}}


def _etag(node: Node) -> str:
    return f'W/"{node["meta"]["versionId"]}"'


def _with_version(response: HttpResponse, node: Node) -> HttpResponse:
    from datetime import datetime

    response["ETag"] = _etag(node)
    response["Last-Modified"] = http_date(datetime.fromisoformat(node["meta"]["lastUpdated"]).timestamp())
    return response


ON_TYPE = {"GET": _find, "HEAD": _find, "POST": _create, "PUT": _conditional_update, "DELETE": _conditional_delete}
ON_ONE = {"GET": _read, "HEAD": _read, "PUT": _update, "DELETE": _delete}
