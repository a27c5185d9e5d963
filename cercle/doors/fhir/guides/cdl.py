"""Cahier de liaison (ANS, CDL): a received lot becomes patients, circles and notes, all or nothing.

Tolerant on shape (kinds of Bundle, ways to refer), strict on identity and on what rules who reads: see README.md of this door.
"""

import copy
import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.base.web import places
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.care.notebook.vocabulary import State
from cercle.doors.fhir import bundle
from cercle.doors.fhir.access import viewer_of
from cercle.doors.fhir.bundle import ACTORS, Entry, Lot
from cercle.doors.fhir.models import Link, Received
from cercle.doors.fhir.resources import device, document_reference, organization, patient, practitioner, related_person
from cercle.doors.fhir.resources.document_reference import NoteIn, digest
from cercle.doors.fhir.shape import Issue, Node, Rejected, child, full_name, items, reject, text
from cercle.people.accounts.models import ApiClient
from cercle.people.circles import actions as circles
from cercle.people.circles import rights
from cercle.people.circles.access import Acting, reach_as_feed
from cercle.people.circles.models import Circle, ClientRef, DocumentRef
from cercle.people.circles.vocabulary import Category
from cercle.people.directory.models import Organization
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.traits import agree

PATIENT, NOTE = "patients.patient", "notebook.note"
KEPT_DATA = 100_000  # characters of base64; beyond, the payload keeps the hash: the bytes are a document


@dataclass
class Report:
    """What the import did; counts and sentences without personal data."""

    patients_created: int = 0
    patients_found: int = 0
    notes_created: int = 0
    notes_corrected: int = 0
    notes_withdrawn: int = 0
    notes_unchanged: int = 0
    actors: int = 0
    warnings: list[str] = field(default_factory=list)
    patient_ids: list[UUID] = field(default_factory=list)
    note_ids: list[UUID] = field(default_factory=list)
    repeated: bool = False

    @property
    def changed(self) -> bool:
        return bool(
            self.patients_created or self.notes_created or self.notes_corrected or self.notes_withdrawn or self.actors
        )

    def warn(self, sentences: Iterable[str]) -> None:
        self.warnings.extend(s for s in sentences if s not in self.warnings)

    def lines(self) -> list[str]:
        if self.repeated:
            return [_("Déjà reçu de cette source : rien n’a changé.")]
        counts = (
            (self.patients_created, _("Patients créés : %(n)s")),
            (self.patients_found, _("Patients reconnus : %(n)s")),
            (self.actors, _("Acteurs gardés : %(n)s")),
            (self.notes_created, _("Notes créées : %(n)s")),
            (self.notes_corrected, _("Notes corrigées : %(n)s")),
            (self.notes_withdrawn, _("Notes retirées : %(n)s")),
            (self.notes_unchanged, _("Notes déjà reçues, sans changement : %(n)s")),
        )
        found = [said % {"n": n} for n, said in counts if n]
        if not self.changed:
            found.append(_("Rien n’a changé."))
        return found


def connector(name: str) -> ApiClient:
    """The connector of that name, made with its technical structure when it is new."""
    name = " ".join(name.split())[:120]
    if not name:
        raise Refused(_("Donnez un nom à la source."), "source")
    with transaction.atomic():
        owner, _new = Organization.objects.get_or_create(
            source="system",
            source_key="import-cdl",
            defaults={"name": "Import CDL", "long_name": "Import du cahier de liaison"},
        )
        client, _new = ApiClient.objects.get_or_create(organization=owner, name=name)
    if not client.active or (client.until and client.until <= timezone.now()):
        raise Refused(_("Ce connecteur est désactivé."), "source")
    return client


def receive(client: ApiClient, raw: bytes) -> Report:
    """Import a file. Raises Rejected (nothing is kept then, except the trace of the refusal)."""
    sha256 = hashlib.sha256(raw).hexdigest()
    try:
        lot = bundle.read(raw)
        with transaction.atomic():
            return Import(client, lot, sha256).run()
    except Refused as refusal:
        issues = refusal.issues if isinstance(refusal, Rejected) else (Issue("", str(refusal.message), refusal.code),)
        with transaction.atomic():
            record(
                viewer_of(client), "fhir.message_refused", kind=Kind.OTHER, outcome="refused",
                details={"guide": "cdl", "sha256": sha256, "issues": [{"path": i.path, "code": i.code} for i in issues[:20]]},
            )  # fmt: skip
        raise Rejected(*issues) from None


class Import:
    def __init__(self, client: ApiClient, lot: Lot, sha256: str):
        self.client, self.lot, self.sha256 = client, lot, sha256
        self.viewer = viewer_of(client)
        self.report = Report(warnings=list(lot.warnings))
        self.within: Callable[[Patient], bool] | None = None  # a region's import reaches every file
        self.is_demo = bool((hook := places.hook("demo")) and hook())
        self.made: dict[int, Any] = {}  # id(entry) to the row made from it
        self.links: list[dict] = []

    def run(self) -> Report:
        with connection.cursor() as cursor:  # one file of a source at a time: two sends of a note make one
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fhir|{self.client.pk}"])
        content = digest(self.lot.payload)
        former = Received.objects.filter(client=self.client, digest=content).order_by("received_at").last()
        if former and self._still_last(former):
            self.report.repeated = True
            self.report.patient_ids = [former.patient_id] if former.patient_id else []
            return self.report
        notes, issues = list[NoteIn](), list[Issue]()
        for entry in self.lot.of("DocumentReference"):
            try:
                notes.append(document_reference.read(entry, self.lot))
            except Rejected as wrong:
                issues.extend(wrong.issues)
        if issues:
            raise Rejected(*issues)
        for entry in self.lot.of("Patient"):
            self._patient(entry)
        for entry in self.lot.of(*(ACTORS - {"Patient"})):
            self._keep_actor(entry)
        for note in parents_first(notes, self.lot):
            self._note(note)
        self._keep(content)
        return self.report

    def _still_last(self, former: Received) -> bool:
        """A repeat says nothing new, unless other messages about this patient came in between: then notes are compared."""
        later = Received.objects.filter(client=self.client, received_at__gt=former.received_at)
        return not later.filter(patient=former.patient_id).exists()

    # --- Who it is about ---------------------------------------------------------------------------------------------

    def _patient(self, entry: Entry) -> Patient:
        if found := self.made.get(id(entry.resource)):
            return found
        read = patient.read(entry, is_demo=self.is_demo)
        self.report.warn(read.warnings)
        try:
            got = patients.receive_patient(
                self.viewer, traits=read.traits, ins_value=read.ins_value, ins_oid=read.ins_oid, identifiers=read.identifiers,
                coordinates=read.coordinates, sender_qualified=read.qualified, source="fhir", known=self._known_patient(entry, read),
                within=self.within,
            )  # fmt: skip
        except Refused as refusal:
            raise reject(entry.path, str(refusal.message), refusal.code) from None
        self.report.warn(got.warnings)
        if got.found in (patients.Found.CREATED, patients.Found.CREATED_APART):
            self.report.patients_created += 1
        else:
            self.report.patients_found += 1
        row = Patient.objects.select_related("identity").get(pk=got.patient.pk)
        self._link(entry, PATIENT, row.pk, digest(entry.resource))
        self.made[id(entry.resource)] = row
        self.report.patient_ids.append(row.pk)
        self._enter(row, entry.path)
        return row

    def _known_patient(self, entry: Entry, read) -> Patient | None:
        for row in self._linked(_ref(entry, digest(entry.resource)), PATIENT, Patient):
            canonical = row.merged_into or row
            if agree(read.traits.of(canonical.identity), read.traits):
                return canonical
        return None

    def _linked(self, ref: str, target_type: str, model) -> list:
        if not ref:
            return []
        ids = Link.objects.filter(client=self.client, ref=ref, target_type=target_type).values_list(
            "target_id", flat=True
        )
        return list(model.objects.filter(pk__in=list(ids)))

    def _enter(self, row: Patient, path: str) -> Acting:
        """The gate of feeds: this connector's place in the circle, made when the region's import brings it there."""
        acting = reach_as_feed(self.client, row.pk, source="fhir")
        if acting is None:
            circle = Circle.objects.filter(pk=row.pk).first()
            try:
                if circle is None:
                    circles.open_circle(self.viewer, patient=row, client=self.client)
                else:
                    circles.join_as_feed(self.viewer, circle=circle, client=self.client)
            except Refused as refusal:
                raise reject(path, str(refusal.message), refusal.code) from None
            acting = reach_as_feed(self.client, row.pk, source="fhir")
        if acting is None:
            raise reject(path, _("ce connecteur n’a pas accès à ce cercle."), "forbidden")
        return acting

    def _subject(self, note: NoteIn) -> Patient:
        where = f"{note.entry.path}.subject"
        if entry := self.lot.find(note.subject, note.entry, {"Patient"}):
            return self._patient(entry)
        known = {
            (r.merged_into or r).pk: r.merged_into or r
            for r in self._linked(bundle.short_ref(note.subject, {"Patient"}), PATIENT, Patient)
        }
        if len(known) == 1:
            return next(iter(known.values()))
        if len(known) > 1:
            raise reject(
                where,
                _("cette référence a désigné plusieurs patients : joignez la ressource Patient."),
                "multiple-matches",
            )
        held = list(self.lot.of("Patient"))
        if len(held) == 1 and not text(note.subject, "reference") and not items(note.subject, "identifier"):
            return self._patient(held[0])
        raise reject(where, _("ce patient n’est ni dans le fichier ni déjà reçu de cette source."), "not-found")

    # --- Who signs ---------------------------------------------------------------------------------------------------

    def _keep_actor(self, entry: Entry) -> None:
        """Later notes may refer to an actor sent before, alone (flow 1a) or with another note."""
        if not entry.ref:
            return
        self._link(entry, f"fhir.{entry.type.lower()}", _stable(entry), digest(entry.resource))
        if self.lot.kind != "Bundle":
            self.report.actors += 1

    def _actor(self, reference: Node, note: NoteIn, types: frozenset[str]) -> Entry | None:
        if found := self.lot.find(reference, note.entry, types):
            return found
        ref = bundle.short_ref(reference, types)
        if not ref:
            return None
        kind, _slash, _last = ref.partition("/")
        # From a former message of this source: its last word about this actor.
        links = Link.objects.filter(client=self.client, ref=ref, target_type=f"fhir.{kind.lower()}").select_related(
            "received"
        )
        for link in links[:1]:
            payload = link.received.payload
            held = (
                [payload]
                if text(payload, "resourceType") == kind
                else [child(e, "resource") for e in items(payload, "entry")]
            )
            for n, resource in enumerate(held):
                entry = Entry(
                    resource,
                    f"entry[{n}]",
                    text((items(payload, "entry") or [{}])[n], "fullUrl") if payload is not resource else "",
                )
                if entry.type == kind and entry.ref == ref:
                    return entry
        return None

    def _author(self, note: NoteIn, acting: Acting) -> tuple[notebook.Author, str]:
        """(who signs, category of the note). Several resources about one person are one author."""
        signed: list[tuple[str, notebook.Author, str]] = []  # (who it is, author, profile)
        roles = {"PractitionerRole", "Practitioner"}
        refs = sorted(note.authors, key=lambda a: "PractitionerRole" not in text(a, "reference"))
        for reference in refs:
            entry = self._actor(reference, note, ACTORS)
            if entry is None:
                if display := text(reference, "display"):
                    self.report.warn([_("Un auteur n’est pas décrit dans le fichier : seul son nom est repris.")])
                    signed.append((name_key(display), notebook.Author(display[:200]), ""))
                continue
            if entry.type in roles:
                found = self._professional(entry, note, text(reference, "display"))
            else:
                found = self._other(entry, text(reference, "display"))
            if found is not None and found[0] not in {s[0] for s in signed}:
                signed.append(found)
        if not signed:
            raise reject(
                f"{note.entry.path}.author",
                _("l’auteur n’est ni dans le fichier ni déjà reçu, et n’est pas nommé."),
                "not-found",
            )
        _key, author, profile = signed[0]
        if len(signed) > 1:
            others = ", ".join(a.name for _k, a, _p in signed[1:])
            label = " · ".join(w for w in (author.label, _("avec %(others)s") % {"others": others}) if w)
            author = notebook.Author(author.name, label[:200], author.role)
        return author, self._category(profile, acting)

    def _professional(self, entry: Entry, note: NoteIn, display: str) -> tuple[str, notebook.Author, str] | None:
        role, person = ({}, entry) if entry.type == "Practitioner" else (entry.resource, None)
        if person is None:
            person = self._actor(child(role, "practitioner"), note, frozenset({"Practitioner"}))
            display = text(child(role, "practitioner"), "display") or display.partition(" (")[0]
            if person is None and not child(role, "practitioner"):
                # A role that names nobody, beside one person: hers.
                beside = [a for a in (self._actor(r, note, frozenset({"Practitioner"})) for r in note.authors) if a]
                person = beside[0] if len(beside) == 1 else None
        else:
            mine = [
                r
                for r in self.lot.of("PractitionerRole")
                if self._actor_is(child(r.resource, "practitioner"), r, entry)
            ]
            role = mine[0].resource if len(mine) == 1 else {}
        at, place = None, text(child(role, "organization"), "display")
        if held := self._actor(child(role, "organization"), note, frozenset({"Organization"})):
            at, place = organization.read(held.resource)
        found = practitioner.read(
            self.client,
            person=person.resource if person else {},
            role=role,
            organization=at,
            place=place,
            display=display,
        )
        if found is None:
            return None
        self.report.warn(found.warnings)
        if found.practitioner:
            self._link(
                person or entry, "directory.practitioner", found.practitioner.pk, digest((person or entry).resource)
            )
        if found.role and entry.type == "PractitionerRole":
            self._link(entry, "directory.practicerole", found.role.pk, digest(entry.resource))
        profile = ""
        system, profession, _said = practitioner.profession_of(role, person.resource if person else {})
        if found.role:
            system, profession = found.role.profession_system, found.role.profession
        if profession:
            profile = rights.current().profile_of(system, profession).code
        who = str(found.practitioner.pk) if found.practitioner else name_key(found.name)
        return who, notebook.Author(found.name, found.label, found.role), profile

    def _actor_is(self, reference: Node, within: Entry, wanted: Entry) -> bool:
        found = self.lot.find(reference, within, {"Practitioner"})
        return found is not None and found.resource is wanted.resource

    def _other(self, entry: Entry, display: str) -> tuple[str, notebook.Author, str] | None:
        name, label, profile = display, "", ""
        if entry.type == "Patient":
            name = next((full_name(n) for n in items(entry.resource, "name") if full_name(n)), display)
            label, profile = _("la personne"), "person"
        elif entry.type == "RelatedPerson":
            said, label = related_person.read(entry.resource)
            name, profile = said or display, "carer"
        elif entry.type == "Organization":
            _at, said = organization.read(entry.resource)
            name, label = said or display, _("structure")
        elif entry.type == "Device":
            name, label = device.read(entry.resource) or display, _("appareil")
        if not name:
            return None
        return f"{entry.type}|{name_key(name)}", notebook.Author(name[:200], label[:200]), profile

    def _category(self, profile: str, acting: Acting) -> str:
        known = rights.current().profiles.get(profile)
        # Outside the list of R1110-2 nothing is known of what the words hold: they are kept as care.
        category = known.default_category if known and profile != "other_pro" else Category.NURSING.value
        if category not in acting.profile.writable:
            # Psychological notes are not for connectors: the strictest category that they write.
            self.report.warn(
                [_("La catégorie d’une note n’est pas ouverte aux connecteurs : elle est rangée en médical.")]
            )
            category = Category.MEDICAL.value
        return category

    # --- The note ----------------------------------------------------------------------------------------------------

    def _note(self, note: NoteIn) -> None:
        self.report.warn(note.warnings)
        subject = self._subject(note)
        acting = self._enter(subject, f"{note.entry.path}.subject")
        if subject.pk not in self.report.patient_ids:
            self.report.patient_ids.append(subject.pk)
        try:
            row = self._write(note, acting)
        except Rejected:
            raise
        except Refused as refusal:
            raise reject(note.entry.path, str(refusal.message), refusal.code) from None
        if row is not None:
            self.made[id(note.entry.resource)] = row
            self.report.note_ids.append(row.pk)

    def _write(self, note: NoteIn, acting: Acting) -> Note | None:
        former = self._former(note, acting)
        replaced = next((self._target(t, note, acting) for code, t in note.relates if code == "replaces"), None)
        if any(code not in document_reference.ACT for code, _t in note.relates):
            self.report.warn([_("Une relation entre notes (ni réponse ni remplacement) est gardée sans être suivie.")])
        if note.status != "current":
            return self._withdraw(note, former, acting)
        if former is None and replaced is not None and self._is_ours(replaced):
            return self._correct(note, replaced, acting)
        if former is None:
            if any(code == "replaces" for code, _t in note.relates):
                self.report.warn(
                    [_("La note remplacée n’a pas été reçue de cette source : la nouvelle note s’ajoute.")]
                )
            return self._add(note, acting)
        link = Link.objects.filter(client=self.client, target_type=NOTE, target_id=former.pk, digest=note.digest)
        last = self._last_link(former)
        if (
            former.is_withdrawn
            or (last and last.digest == note.digest)
            or (link.exists() and note.entry.method != "PUT")
        ):
            self.report.notes_unchanged += 1
            return former
        if note.entry.method == "PUT":
            return self._correct(note, former, acting)
        self.report.warn(
            [_("Une note déjà reçue revient avec un autre contenu : envoyez-la par PUT pour la corriger.")]
        )
        self.report.notes_unchanged += 1
        return former

    def _refs(self, note: NoteIn) -> tuple[str, str]:
        """(masterIdentifier as stored, the name that makes a repeat recognisable)."""
        master = note.master if len(note.master) <= 190 else "sha256:" + digest(note.master)
        if master:
            return master, master
        if note.entry.method == "PUT" or _is_uuid(note.entry.id or note.entry.full_url):
            return "", note.entry.ref if len(note.entry.ref) <= 190 else "sha256:" + digest(note.entry.ref)
        return "", f"content:{note.digest}"  # a POST whose id is only a label: another content is another note

    def _former(self, note: NoteIn, acting: Acting) -> Note | None:
        """The note already kept under this name, of this source and this patient."""
        master, ref = self._refs(note)
        rows = Note.objects.filter(circle_id__in=acting.circles)
        if master:
            ids = DocumentRef.objects.filter(source=self.client.pk, patient_ref__in=acting.circles, value=master)
            if found := rows.filter(pk__in=ids.values("target_id")).first():
                return found
        if note.entry.ref and (note.entry.method == "PUT" or not master) and not ref.startswith("content:"):
            if found := self._of_link(note.entry.ref, acting):
                return found
        kept = ClientRef.objects.filter(source=self.client.pk, circle_ref__in=acting.circles, ref=ref, kind="note")
        return rows.filter(pk__in=kept.values("target_id")).first()

    def _of_link(self, ref: str, acting: Acting) -> Note | None:
        links = Link.objects.filter(client=self.client, ref=ref, target_type=NOTE).order_by(
            "-received__received_at", "-pk"
        )
        ids = list(links.values_list("target_id", flat=True))
        rows = {n.pk: n for n in Note.objects.filter(pk__in=ids, circle_id__in=acting.circles)}
        return next((rows[i] for i in ids if i in rows), None)

    def _target(self, target: Node, note: NoteIn, acting: Acting) -> Note | None:
        """The note that a relation points to: in this file, received before, or ours by its id."""
        if entry := self.lot.find(target, note.entry, {"DocumentReference"}):
            row = self.made.get(id(entry.resource))
            if row is not None and row.circle_id not in acting.circles:
                raise reject(
                    f"{note.entry.path}.relatesTo", _("la note visée est celle d’un autre patient."), "invalid"
                )
            return row
        ref = bundle.short_ref(target, {"DocumentReference"})
        if found := self._of_link(ref, acting) if ref else None:
            return found
        values = [f"{text(i, 'system')}|{text(i, 'value')}" for i in items(target, "identifier") if text(i, "value")]
        said = text(target, "reference")
        values += [f"|{said}", f"urn:ietf:rfc:3986|{said}"] if said.lower().startswith("urn:") else []
        held = DocumentRef.objects.filter(source=self.client.pk, patient_ref__in=acting.circles, value__in=values)
        rows = Note.objects.filter(circle_id__in=acting.circles)
        if found := rows.filter(pk__in=held.values("target_id")).first():
            return found
        last = ref.partition("/")[2]
        found = rows.filter(pk=last).first() if _is_uuid(last) else None
        # By our own id: only what this connector may read.
        return found if found and Note.objects.visible_to(acting).filter(pk=found.pk).exists() else None

    def _is_ours(self, row: Note) -> bool:
        return ClientRef.objects.filter(source=self.client.pk, kind="note", target_id=row.pk).exists()

    def _last_link(self, row: Note) -> Link | None:
        links = Link.objects.filter(client=self.client, target_type=NOTE, target_id=row.pk)
        return links.order_by("-received__received_at", "-pk").first()

    def _add(self, note: NoteIn, acting: Acting) -> Note:
        answered = [t for code, t in note.relates if code == "appends"]
        parent = next((p for p in (self._target(t, note, acting) for t in answered) if p), None)
        if answered and parent is None:
            self.report.warn([_("La note à laquelle une autre répond n’a pas été reçue : la réponse ouvre un fil.")])
        author, category = self._author(note, acting)
        master, ref = self._refs(note)
        files = [ContentFile(data, name=name) for name, data in note.files]
        row = notebook.add_note(
            acting, text=note.text, type=note.type, urgency=note.urgency, category=category, hidden=note.hidden, reply_to=parent,
            files=files, author=author, written_at=note.written_at if note.has_date else None, client_ref=ref,
        )  # fmt: skip
        if master:
            DocumentRef.objects.get_or_create(
                source=self.client.pk, patient_ref=acting.circle_id, value=master, defaults={"target_id": row.pk}
            )
        self._link(note.entry, NOTE, row.pk, note.digest, note.files_digest)
        self.report.notes_created += 1
        return row

    def _correct(self, note: NoteIn, row: Note, acting: Acting) -> Note:
        self._same_author(note, row, acting)
        last = self._last_link(row)
        if note.files_digest != (last.files if last else ""):
            self.report.warn(
                [_("Les pièces jointes d’une correction ne sont pas reprises : celles de la note restent.")]
            )
        row = notebook.correct_note(
            acting, note=row, based_on=row.version, text=note.text, type=note.type, urgency=note.urgency, hidden=note.hidden,
            reason=_("corrigée par son auteur dans son logiciel"),
        )  # fmt: skip
        master, _ref = self._refs(note)
        if master:
            DocumentRef.objects.get_or_create(
                source=self.client.pk, patient_ref=acting.circle_id, value=master, defaults={"target_id": row.pk}
            )
        self._link(note.entry, NOTE, row.pk, note.digest, last.files if last else "")
        self.report.notes_corrected += 1
        return row

    def _withdraw(self, note: NoteIn, former: Note | None, acting: Acting) -> Note | None:
        if former is None:
            self.report.warn(
                [_("Une note déjà retirée à sa source n’est pas montrée : elle reste dans le contenu reçu.")]
            )
            return None
        if former.state == State.WITHDRAWN:
            self.report.notes_unchanged += 1
            return former
        self._same_author(note, former, acting)
        reason = (
            _("saisie par erreur") if note.status == "entered-in-error" else _("remplacée dans le logiciel de l’auteur")
        )
        row = notebook.withdraw_note(acting, note=former, reason=reason)
        self._link(note.entry, NOTE, row.pk, note.digest, note.files_digest)
        self.report.notes_withdrawn += 1
        return row

    def _same_author(self, note: NoteIn, row: Note, acting: Acting) -> None:
        author, _category = self._author(note, acting)
        same_role = author.role is not None and author.role.pk == row.author_role_id
        if not same_role and name_key(author.name) != name_key(row.author_name):
            raise reject(
                f"{note.entry.path}.author", _("seul l’auteur d’une note peut la corriger ou la retirer."), "forbidden"
            )

    # --- What stays --------------------------------------------------------------------------------------------------

    def _link(self, entry: Entry, target_type: str, target_id: UUID, content: str, files: str = "") -> None:
        if not any(e is entry for e in self.lot.entries):
            return  # known from a former message: its link is there
        key = {"ref": _ref(entry, content), "target_type": target_type, "target_id": target_id}
        self.links = [k for k in self.links if {n: k[n] for n in key} != key]
        self.links.append(key | {"digest": content, "files": files})

    def _keep(self, content: str) -> None:
        received = Received.objects.create(
            client=self.client, patient_id=self.report.patient_ids[0] if self.report.patient_ids else None, kind="cdl",
            sha256=self.sha256, digest=content, payload=without_large_data(self.lot.payload), warnings=self.report.warnings,
            outcome=Received.Outcome.IMPORTED if self.report.changed else Received.Outcome.UNCHANGED,
        )  # fmt: skip
        for link in self.links:
            key = {n: link[n] for n in ("ref", "target_type", "target_id")}
            Link.objects.update_or_create(
                client=self.client,
                **key,
                defaults={"received": received, "digest": link["digest"], "files": link["files"]},
            )
        record(
            self.viewer, "fhir.message_received", on=received, kind=Kind.CREATE, circle_id=received.patient_id,
            details={
                "guide": "cdl", "sha256": self.sha256, "created": self.report.notes_created, "corrected": self.report.notes_corrected,
                "withdrawn": self.report.notes_withdrawn, "unchanged": self.report.notes_unchanged,
            },
        )  # fmt: skip


def _is_uuid(said: str) -> bool:
    try:
        uuid.UUID(said.lower().removeprefix("urn:uuid:"))
    except ValueError:
        return False
    return True


def _ref(entry: Entry, content: str) -> str:
    """A resource without id is known by its content."""
    return entry.ref or f"{entry.type}/sha256-{content}"


def _stable(entry: Entry) -> UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, entry.ref)


def parents_first(notes: list[NoteIn], lot: Lot) -> list[NoteIn]:
    """A note after the one it answers or replaces. Raises Rejected when they answer each other."""
    by_resource = {id(n.entry.resource): n for n in notes}
    done: list[NoteIn] = []
    placed, open_ = set[int](), set[int]()
    for first in notes:
        stack = [(first, False)]
        while stack:
            note, after = stack.pop()
            key = id(note.entry.resource)
            if after:
                open_.discard(key)
                if key not in placed:
                    placed.add(key)
                    done.append(note)
                continue
            if key in placed:
                continue
            if key in open_:
                raise reject(f"{note.entry.path}.relatesTo", _("ces notes se répondent en cercle."), "invalid")
            open_.add(key)
            stack.append((note, True))
            for code, target in note.relates:
                found = lot.find(target, note.entry, {"DocumentReference"}) if code in document_reference.ACT else None
                parent = by_resource.get(id(found.resource)) if found else None
                if parent is note:
                    raise reject(f"{note.entry.path}.relatesTo", _("une note ne se répond pas à elle-même."), "invalid")
                if parent is not None:
                    stack.append((parent, False))
    return done


def without_large_data(payload: Any) -> Any:
    """The payload without the bytes of large attachments, which are kept as documents: their hash says which."""
    kept = copy.deepcopy(payload)
    resources = (
        [kept] if text(kept, "resourceType") != "Bundle" else [child(e, "resource") for e in items(kept, "entry")]
    )
    for resource in resources:
        for holder in [child(c, "attachment") for c in items(resource, "content")] + [resource]:
            data = holder.get("data")
            if isinstance(data, str) and len(data) > KEPT_DATA:
                holder["data"] = ""
                holder["extension"] = [
                    *items(holder, "extension"),
                    {"url": "urn:cercle:data-sha256", "valueString": hashlib.sha256(data.encode()).hexdigest()},
                ]
    return kept


__all__ = ["PATIENT", "Import", "Report", "connector", "parents_first", "receive", "without_large_data"]
