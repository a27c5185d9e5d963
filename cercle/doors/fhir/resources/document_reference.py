"""DocumentReference (CDL profile `cdl-document-reference`): a note of the liaison notebook."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.care.documents.content import ENDINGS
from cercle.care.documents.models import Document
from cercle.care.notebook.actions import LONGEST
from cercle.care.notebook.measures import KINDS
from cercle.care.notebook.models import Note, NoteVersion
from cercle.care.notebook.vocabulary import NoteType, State, Urgency
from cercle.doors.fhir.bundle import Entry, Lot
from cercle.doors.fhir.models import Kept
from cercle.doors.fhir.registry import Type, coded, kept_beside, lean, meta, register
from cercle.doors.fhir.search import Ref, Token, When, as_uuid
from cercle.doors.fhir.shape import Issue, Node, Rejected, child, codings, extension, items, oid, text
from cercle.people.circles.models import DocumentRef, Member, Opposition
from cercle.people.circles.vocabulary import JDV_J110, Reader

STATUSES = ("current", "superseded", "entered-in-error")
# The terminologies of the two required bindings, by any of their names (value set, code system, OID).
TYPES = ("R234", "J23", "1.2.250.1.213.1.1.4.334", "1.2.250.1.213.1.1.5.98")
LABELS = ("A07", "J110", "1.2.250.1.213.1.1.4.13")
FORBIDDEN = ("docStatus", "authenticator", "custodian")  # 0..0 in the profile
ACT = {"appends", "replaces"}


@dataclass(slots=True)
class NoteIn:
    entry: Entry
    status: str
    type: str
    urgency: int
    hidden: int
    text: str
    files: list[tuple[str, bytes]]
    written_at: datetime
    has_date: bool
    master: str  # "system|value", or ""
    subject: Node
    authors: list[Node]
    relates: list[tuple[str, Node]]
    digest: str
    files_digest: str
    warnings: list[str] = field(default_factory=list)


def read(entry: Entry, lot: Lot) -> NoteIn:
    """Raises Rejected with all that is to be corrected."""
    resource, issues, warnings = entry.resource, list[Issue](), list[str]()

    def wrong(where: str, message: str, code: str = "required") -> None:
        issues.append(Issue(f"{entry.path}.{where}", message, code))

    for name in FORBIDDEN:
        if resource.get(name):
            wrong(name, _("interdit par le profil du cahier de liaison."), "structure")
    status = text(resource, "status")
    if status not in STATUSES:
        wrong("status", _("statut obligatoire : current, superseded ou entered-in-error."), "code-invalid")
    subject = child(resource, "subject")
    if not subject:
        wrong("subject", _("le patient est obligatoire."))
    authors = [a for a in items(resource, "author") if a]
    if not authors:
        wrong("author", _("au moins un auteur est obligatoire."))
    if not items(resource, "content"):
        wrong("content", _("au moins un contenu est obligatoire."))
    type_ = _type(resource, wrong)
    hidden = _hidden(resource, wrong)
    urgency = _urgency(resource, wrong)
    words, files, others = _content(entry, lot, wrong, warnings)
    written_at, has_date = _written_at(resource, wrong, warnings)
    if issues:
        raise Rejected(*issues)
    words = _with_description(text(resource, "description"), words)
    if others:
        words = "\n\n".join([words, *others]).strip()
    if len(words) > LONGEST:
        files.append(("note-complete.txt", words.encode()))
        words = (
            words[: LONGEST // 4].rstrip()
            + "\n\n"
            + _("[Texte trop long pour une note : la suite est dans le fichier joint.]")
        )
        warnings.append(_("Texte trop long pour une note : il est joint en entier dans un fichier."))
    if not words and not files:
        raise Rejected(Issue(f"{entry.path}.content", _("aucun contenu lisible."), "required"))
    master = child(resource, "masterIdentifier")
    value = text(master, "value")
    kept = {k: v for k, v in resource.items() if k not in ("text", "meta", "id")}
    return NoteIn(
        entry=entry, status=status, type=type_, urgency=urgency, hidden=hidden, text=words, files=files,
        written_at=written_at, has_date=has_date, master=f"{text(master, 'system')}|{value}" if value else "", subject=subject,
        authors=authors, relates=[(text(r, "code"), child(r, "target")) for r in items(resource, "relatesTo")],
        digest=digest(kept), files_digest=hashlib.sha256(b"".join(hashlib.sha256(d).digest() for _n, d in files)).hexdigest(),
        warnings=warnings,
    )  # fmt: skip


def digest(value: object) -> str:
    """Of the content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _known(system: str, marks: tuple[str, ...]) -> bool:
    words = set(re.split(r"[^A-Z0-9.]+", oid(system).upper()))
    return not system or bool(words & set(marks))


def _type(resource: Node, wrong) -> str:
    concept = child(resource, "type")
    if not concept:
        wrong("type", _("le type de la note est obligatoire (JDV_J23)."))
        return ""
    for system, code, _display in codings(concept):
        if _known(system, TYPES) and code in NoteType.values:
            return code
    wrong("type", _("ce type de note n’est pas dans le jeu de valeurs JDV_J23."), "code-invalid")
    return ""


def _hidden(resource: Node, wrong) -> int:
    """Reader classes that do not see the note. What cannot be honoured is refused: a lost mask would be a leak."""
    found = 0
    held = resource.get("securityLabel")
    concepts = items(resource, "securityLabel")
    if held and not (isinstance(held, dict) or (isinstance(held, list) and len(concepts) == len(held))):
        wrong("securityLabel", _("cette visibilité ne se lit pas."), "structure")
    for concept in concepts:
        ours = [code for system, code, _display in codings(concept) if _known(system, LABELS)]
        if not ours or any(code not in JDV_J110 for code in ours):
            wrong("securityLabel", _("cette visibilité n’est pas dans le jeu de valeurs JDV_J110."), "code-invalid")
            continue
        for code in ours:
            found |= int(JDV_J110[code])
    return found


def _urgency(resource: Node, wrong) -> int:
    mark = extension(resource, "cdl-ext-is-emergency", "cdl-isEmergency", "isEmergency")
    if not mark:
        return Urgency.NORMAL
    value = mark.get("valueBoolean")
    value = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    if not isinstance(value, bool):
        wrong("extension(cdl-ext-is-emergency)", _("l’urgence doit valoir true ou false."), "value")
        return Urgency.NORMAL
    return Urgency.URGENT if value else Urgency.NORMAL


def _content(entry: Entry, lot: Lot, wrong, warnings: list[str]) -> tuple[str, list[tuple[str, bytes]], list[str]]:
    """(text, files, sentences about what could not be taken)"""
    texts, files, others = list[str](), list[tuple[str, bytes]](), list[str]()
    for n, row in enumerate(items(entry.resource, "content")):
        held = child(row, "attachment")
        where = f"content[{n}].attachment"
        kind, _semi, rest = text(held, "contentType").lower().partition(";")
        title, encoded = text(held, "title"), held.get("data")
        if not encoded and (binary := lot.find({"reference": text(held, "url")}, entry, {"Binary"})):
            encoded = binary.resource.get("data")
            kind = kind or text(binary.resource, "contentType").lower()
        if not encoded:
            if text(held, "url"):
                warnings.append(_("Une pièce jointe n’est donnée que par une adresse : elle n’a pas été téléchargée."))
                others.append(_("[Pièce jointe non reprise : %(title)s]") % {"title": title or _("sans titre")})
            elif title and not _is_file_name(title):
                texts.append(title)
            continue
        data = _decoded(encoded)
        if data is None:
            wrong(f"{where}.data", _("ce contenu n’est pas du base64."), "value")
            continue
        kind = kind.strip()
        if kind == "text/plain" or (not kind and _is_text(data)):
            words = _as_text(data, rest, warnings)
            if words is None:
                wrong(where, _("ce texte ne se lit pas : son encodage n’est pas celui annoncé."), "value")
                continue
            if (
                title
                and not _is_file_name(title)
                and title not in words
                and title != text(entry.resource, "description")
            ):
                words = f"{title}\n{words}"
            texts.append(words.strip())
        else:
            files.append((title or _("pièce jointe") + ENDINGS.get(kind, ""), data))
    return "\n\n".join(t for t in texts if t), files, others


def _decoded(encoded: object) -> bytes | None:
    if not isinstance(encoded, str):
        return None
    packed = re.sub(r"\s+", "", encoded)
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return None


def _is_text(data: bytes) -> bool:
    try:
        return not re.search(r"[\x00-\x08\x0e-\x1f]", data.decode()) and not data.startswith(b"%PDF-")
    except UnicodeDecodeError:
        return False


def _as_text(data: bytes, parameters: str, warnings: list[str]) -> str | None:
    found = re.search(r"charset\s*=\s*\"?([\w.:-]+)", parameters)
    try:
        return data.decode(found[1] if found else "utf-8-sig").replace("\r\n", "\n").replace("\x00", "")
    except LookupError:
        warnings.append(_("L’encodage annoncé n’est pas connu : le texte est lu en UTF-8."))
    except (UnicodeError, ValueError):
        if found:
            return None
        warnings.append(_("Le texte n’est pas en UTF-8 : il est lu en Windows-1252."))
        try:
            return data.decode("cp1252").replace("\r\n", "\n").replace("\x00", "")
        except UnicodeDecodeError:
            return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _is_file_name(title: str) -> bool:
    return bool(re.fullmatch(r"\S+\.[A-Za-z0-9]{2,5}", title))


def _with_description(description: str, words: str) -> str:
    if not description or " ".join(description.split()).lower() in " ".join(words.split()).lower():
        return words
    return f"{description}\n\n{words}".strip()


def _written_at(resource: Node, wrong, warnings: list[str]) -> tuple[datetime, bool]:
    """The date of the note, else the oldest creation of its contents, else now (and `has_date` is false)."""
    if resource.get("date") is not None:
        found = instant(text(resource, "date"))
        if found is None:
            wrong("date", _("cette date ne se lit pas."), "value")
        elif found > timezone.now() + timedelta(minutes=10):
            wrong("date", _("cette date est dans le futur."), "value")
        return found or timezone.now(), True
    made = [instant(text(child(c, "attachment"), "creation")) for c in items(resource, "content")]
    past = [m for m in made if m and m <= timezone.now()]
    if past:
        return min(past), True
    warnings.append(_("La note n’a pas de date : celle de sa réception est prise."))
    return timezone.now(), False


def instant(said: str) -> datetime | None:
    """A FHIR instant or dateTime in UTC; without a zone, that of the deployment; a day or a month alone is its first noon."""
    try:
        if found := re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", said, re.ASCII):
            year, month, day = (int(part or 1) for part in found.groups())
            moment = datetime.combine(date(year, month, day), clock(12))
        elif re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", said, re.ASCII):
            moment = datetime.fromisoformat(said)
        else:
            return None
        if moment.tzinfo is None:
            moment = timezone.make_aware(moment)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= 1900 else None


# --- On the way out ---------------------------------------------------------------------------------------------------

TYPE_SYSTEM = "https://mos.esante.gouv.fr/NOS/TRE_R234-TypeNote/FHIR/TRE-R234-TypeNote"
LABEL_SYSTEM = "https://mos.esante.gouv.fr/NOS/TRE_A07-StatutVisibiliteDocument/FHIR/TRE-A07-StatutVisibiliteDocument"
CDL = "https://interop.esante.gouv.fr/ig/fhir/cdl/StructureDefinition"
TYPE_WORDS = {
    "GEN": "Note générale", "OBS": "Note d’observation", "INTERV": "Note d’intervention", "DEM-AVIS": "Demande d’avis", "INST": "Instruction",
}  # fmt: skip
UNMAPPED = ("category", "context", "description", "identifier", "language")


class DocumentReferenceType(Type):
    """The notes of the notebook (CDL). Documents of the file come with their own guide (PDSm)."""

    name = "DocumentReference"
    row_label = "notebook.note"
    interactions = "rsvhcud"
    profiles = (f"{CDL}/cdl-document-reference",)
    includes = ("subject", "patient", "author", "relatesto")
    sorts = {"date": "written_at", "_lastUpdated": "recorded_at"}
    params = {
        "identifier": Token(lambda system, value: _named(system, value)),
        "patient": Ref({"Patient": "circle"}),
        "subject": Ref({"Patient": "circle"}),
        "author": Ref(
            {
                "PractitionerRole": lambda ids: Q(author_role__in=ids) | _signed(ids),
                "Practitioner": lambda ids: Q(author_role__practitioner__in=ids) | _signed(ids),
                "Patient": lambda ids: _member(Q(kind="patient", circle__in=ids)) | _signed(ids),
                "RelatedPerson": lambda ids: _member(Q(contact__in=ids)) | _signed(ids),
                "Organization": lambda ids: Q(author_role__organization__in=ids) | _signed(ids),
                "Device": lambda ids: _signed(ids),
            }
        ),
        "date": When("written_at"),
        "type": Token(lambda system, code: Q(type=code) if system is None or _known(system, TYPES) else Q(pk=None)),
        "security-label": Token(lambda system, code: _labelled(code)),
        "status": Token(
            lambda system, code: Q(state={"current": "current", "entered-in-error": "withdrawn"}.get(code, "none"))
        ),
        "relatesto": Ref({"DocumentReference": "reply_to"}),
    }

    def rows(self, access):
        refused = Opposition.objects.active().filter(access.viewer.opposed(), target_id=OuterRef("reply_to_id"))
        return Note.objects.filter(access.clinical(), ~Exists(refused)).select_related(
            "circle", "author_role__practitioner"
        )

    def write(self, access, rows):
        ids = [r.pk for r in rows]
        kept = kept_beside(self.name, ids)
        masters = dict(DocumentRef.objects.filter(target_id__in=ids).values_list("target_id", "value"))
        files: dict = {}
        held = Document.objects.filter(access.clinical(), holder_id__in=ids, state=Document.State.KEPT)
        for document in held.order_by("id"):
            files.setdefault(document.holder_id, []).append(document)
        signed = _persons({(r.circle_id, r.author_user_id) for r in rows if r.author_user_id and not r.author_role_id})
        return [self.node(r, r, kept.get(r.pk), masters.get(r.pk, ""), files.get(r.pk, []), signed) for r in rows]

    def node(self, note, state, kept, master, files, signed) -> Node:
        """`state`: the note, or one of its versions."""
        gone = state.state == State.WITHDRAWN
        at = state.at if isinstance(state, NoteVersion) else note.changed_at or note.recorded_at
        number = state.number if isinstance(state, NoteVersion) else note.version
        payload = kept.payload if kept else {}
        system, _bar, value = master.rpartition("|")
        found: Node = {k: payload[k] for k in UNMAPPED if k in payload and not gone}
        if "description" in found and found["description"] not in state.text:
            del found["description"]  # it was corrected since
        found |= {"resourceType": self.name, "id": str(note.pk), "meta": meta(number, at, *self.profiles)}
        if state.urgency == Urgency.URGENT:
            found["extension"] = [{"url": f"{CDL}/cdl-ext-is-emergency", "valueBoolean": True}]
        found["masterIdentifier"] = {"system": system or "urn:ietf:rfc:3986", "value": value or f"urn:uuid:{note.pk}"}
        found["status"] = "entered-in-error" if gone else "current"
        found["type"] = coded(TYPE_SYSTEM, state.type, TYPE_WORDS.get(state.type, ""))
        found["subject"] = {"reference": f"Patient/{note.circle.canon_id or note.circle_id}"}
        found["date"] = note.written_at.isoformat(timespec="seconds")
        found["author"] = payload.get("author") or [_author(note, signed)]
        if note.reply_to_id:
            found["relatesTo"] = [{"code": "appends", "target": {"reference": f"DocumentReference/{note.reply_to_id}"}}]
        label = next((code for code in LABELLED if JDV_J110[code] & ~state.hidden == 0), "")
        found["securityLabel"] = [coded(LABEL_SYSTEM, label)] if label else []
        found["content"] = _written(note, state, files, gone)
        return lean(found)

    def history(self, access, row):
        masters = DocumentRef.objects.filter(target_id=row.pk).values_list("value", flat=True)
        kept = kept_beside(self.name, [row.pk]).get(row.pk)
        signed = (
            _persons({(row.circle_id, row.author_user_id)}) if row.author_user_id and not row.author_role_id else {}
        )
        files = list(
            Document.objects.filter(access.clinical(), holder_id=row.pk, state=Document.State.KEPT).order_by("id")
        )
        seen = [
            v
            for v in row.versions.order_by("-number")
            if not v.hidden & int(Reader.CONNECTOR) and v.category in access.profile.readable
        ]
        return [(v.number, v.at, self.node(row, v, kept, masters[0] if masters else "", files, signed)) for v in seen]

    def references(self, node, param):
        if param in ("subject", "patient"):
            return [text(node["subject"], "reference")]
        if param == "author":
            return [text(a, "reference") for a in node["author"] if text(a, "reference")]
        return [text(child(r, "target"), "reference") for r in items(node, "relatesTo")]


# One label at most (0..1): the person's own first, for a reader that shows the note to her.
LABELLED = ("INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX", "MASQUE_PSOCIAL", "MASQUE_PT")


def _written(note, state, files, gone: bool) -> list[Node]:
    if gone:
        return [{"attachment": {"contentType": "text/plain; charset=utf-8", "title": str(_("Note retirée"))}}]
    found: list[Node] = []
    made = note.written_at.isoformat(timespec="seconds")
    words = "\n".join(filter(None, [state.text, *(_measured(m) for m in state.measures)]))
    if words:
        found.append(_attachment(words, made))
    for document in files:
        found.append({"attachment": lean({
            "contentType": document.media_type, "url": f"Binary/{document.pk}", "size": document.size, "title": document.title or document.name,
            "creation": document.created_at.isoformat(timespec="seconds"),
        })})  # fmt: skip
    return found or [_attachment(str(_("Note sans texte")), made)]


def _measured(row: dict) -> str:
    """« Tension : 12/8 mmHg »; the Observation says the same in figures."""
    kind = KINDS.get(row.get("kind", ""))
    if kind is None:
        return ""
    value = "/".join(str(row[n]) for n in ("value", "value2") if row.get(n))
    return " ".join(x for x in (f"{kind.label} : {value}", kind.unit, row.get("context", "")) if x)


def _attachment(words: str, made: str) -> Node:
    data = base64.b64encode(words.encode()).decode()
    return {
        "attachment": {"contentType": "text/plain; charset=utf-8", "language": "fr", "data": data, "creation": made}
    }


def _author(note, signed) -> Node:
    if note.author_role_id:
        return {"reference": f"PractitionerRole/{note.author_role_id}", "display": note.author_name}
    who = signed.get((note.circle_id, note.author_user_id))
    return lean({"reference": who, "display": note.author_name})


def _persons(pairs) -> dict:
    """(circle, user) to « Patient/… » or « RelatedPerson/… »."""
    if not pairs:
        return {}
    rows = Member.objects.filter(
        circle__in={c for c, _u in pairs}, user__in={u for _c, u in pairs}, kind__in=("patient", "relative")
    )
    return {
        (m.circle_id, m.user_id): f"Patient/{m.circle_id}" if m.kind == "patient" else f"RelatedPerson/{m.contact_id}"
        for m in rows
    }


def _signed(ids) -> Q:
    """Notes whose kept authors are among these."""
    wanted = list(ids.values_list("pk", flat=True)[:1000]) if hasattr(ids, "values_list") else list(ids)
    return (
        Q(pk__in=Kept.objects.filter(type="DocumentReference", alone=False, authors__overlap=wanted).values("pk"))
        if wanted
        else Q(pk=None)
    )


def _member(where: Q) -> Q:
    users = Member.objects.filter(where, user_id__isnull=False, circle=OuterRef("circle"), user=OuterRef("author_user"))
    return Q(Exists(users), author_role=None)


def _named(system: str | None, value: str) -> Q:
    own = as_uuid(value.removeprefix("urn:uuid:")) if value.startswith("urn:uuid:") else None
    wanted = [f"{system}|{value}", f"{oid(system)}|{value}"] if system else [f"|{value}", f"urn:ietf:rfc:3986|{value}"]
    found = Q(pk__in=DocumentRef.objects.filter(value__in=wanted).values("target_id"))
    return found | Q(pk=own) if own else found


def _labelled(code: str) -> Q:
    mask = JDV_J110.get(code)
    return Q(pk=None) if mask is None else ~Q(hidden__clear_of=int(mask))


register(DocumentReferenceType())
