"""Writing through the API: the import's mapping, by one machine, inside its own circles.

A transaction is one `Import`: all or nothing. What the machine may not reach does not exist for it; a patient it creates opens
a circle of which it is the sole member, whoever else already knows that person (the pair goes to the identity queue).
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.audit.record import Kind, record
from cercle.base.common.errors import Refused
from cercle.care.notebook import actions as notebook
from cercle.care.notebook.models import Note
from cercle.doors.fhir import bundle
from cercle.doors.fhir.access import Access
from cercle.doors.fhir.bundle import ACTORS, Entry, Lot
from cercle.doors.fhir.guides.cdl import PATIENT, Import, parents_first, without_large_data
from cercle.doors.fhir.models import Kept, KeptVersion
from cercle.doors.fhir.registry import TYPES
from cercle.doors.fhir.resources import document_reference, kept, patient
from cercle.doors.fhir.resources.document_reference import digest
from cercle.doors.fhir.search import as_uuid
from cercle.doors.fhir.shape import Issue, Node, Rejected, items, reject, text
from cercle.people.circles import actions as circles
from cercle.people.circles.access import Acting
from cercle.people.circles.models import Circle
from cercle.people.patients import actions as patients
from cercle.people.patients.models import Patient
from cercle.people.patients.status import Origin

WRITABLE = ACTORS | {"DocumentReference"}


@dataclass(slots=True)
class Done:
    type: str
    id: UUID
    version: int
    created: bool


class Writing(Import):
    """`write_all()` gives what became of each entry, in the order of the lot."""

    def __init__(self, access: Access, lot: Lot, sha256: str):
        super().__init__(access.client, lot, sha256)
        self.access = access
        self.done: dict[int, Done] = {}
        self.within = lambda row: access.acting(row.canonical_id) is not None

    def write_all(self) -> list[Done]:
        with connection.cursor() as cursor:  # two sends of a note by one machine make one
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fhir|{self.client.pk}"])
        for entry in self.lot.of("Patient"):
            self._patient(entry)
        for entry in self.lot.of(*(ACTORS - {"Patient"})):
            self._keep_actor(entry)
        notes, issues = [], list[Issue]()
        for entry in self.lot.of("DocumentReference"):
            try:
                notes.append(document_reference.read(entry, self.lot))
            except Rejected as wrong:
                issues.extend(wrong.issues)
        if issues:
            raise Rejected(*issues)
        for note in parents_first(notes, self.lot):
            self._note(note)
        self._keep(digest(self.lot.payload))
        return [self.done[id(e.resource)] for e in self.lot.entries]

    # --- Patients ------------------------------------------------------------------------------------------------------

    def _patient(self, entry: Entry) -> Patient:
        if found := self.made.get(id(entry.resource)):
            return found
        held = self._held(entry) if entry.method == "PUT" else None
        before = self.report.patients_created
        row = super()._patient(entry) if held is None else self._change(entry, held)
        self.access.forget(row.pk)
        self._beside("Patient", row.pk, row.pk, entry.resource)
        type_ = TYPES["Patient"]
        version = int(
            type_.write(self.access, [Patient.objects.select_related("identity").get(pk=row.pk)])[0]["meta"][
                "versionId"
            ]
        )
        self.done[id(entry.resource)] = Done("Patient", row.pk, version, self.report.patients_created > before)
        return row

    def _held(self, entry: Entry) -> Patient | None:
        known = TYPES["Patient"].known_id(self.access, entry.id)
        return TYPES["Patient"].rows(self.access).filter(pk=known).first() if known else None

    def _change(self, entry: Entry, row: Patient) -> Patient:
        """Strict traits of an identity that was checked stay as they are; what surrounds them follows the sender."""
        read = patient.read(entry, is_demo=self.is_demo)
        self.report.warn(read.warnings)
        try:
            if read.traits != read.traits.of(row.identity):
                patients.update_identity(
                    self.viewer, patient=row, traits=read.traits, origin=Origin.FEED, reason=_("mise à jour reçue")
                )
        except Refused as refusal:
            if refusal.code != "lesser_source":
                raise reject(entry.path, str(refusal.message), refusal.code) from None
            self.report.warn([_("Les traits stricts sont ceux d’une identité vérifiée : ils n’ont pas été changés.")])
        try:
            patients.change_coordinates(self.viewer, patient=row, reason=_("mise à jour reçue"), **read.coordinates)
        except Refused as refusal:
            raise reject(entry.path, str(refusal.message), refusal.code) from None
        for kind, system, value in read.identifiers:
            try:
                patients.add_identifier(self.viewer, patient=row, kind=kind, system=system, value=value, source="fhir")
            except Refused:
                continue  # held already, or by somebody else: it stays in the payload
        row = Patient.objects.select_related("identity").get(pk=row.pk)
        self._link(entry, PATIENT, row.pk, digest(entry.resource))
        self.made[id(entry.resource)] = row
        self.report.patient_ids.append(row.pk)
        self.report.patients_found += 1
        return row

    def _enter(self, row: Patient, path: str) -> Acting:
        """Its own circles, and those of the patients it creates; never somebody else's."""
        acting = self.access.acting(row.pk)
        if acting is None and not Circle.objects.filter(pk=row.pk).exists():
            circles.open_circle(self.viewer, patient=row, client=self.client)
            self.access.forget(row.pk)
            acting = self.access.acting(row.pk)
        if acting is None:
            raise reject(path, _("ce patient n’est pas connu."), "not-found")
        return acting

    def _subject(self, note) -> Patient:
        if self.lot.find(note.subject, note.entry, {"Patient"}) is None:
            said = bundle.short_ref(note.subject, {"Patient"}).partition("/")[2]
            known = TYPES["Patient"].known_id(self.access, said) if said else None
            row = TYPES["Patient"].rows(self.access).filter(pk=known).first() if known else None
            if row is None and (found := self._by_number(note)):
                return found
            if row is None:
                raise reject(f"{note.entry.path}.subject", _("ce patient n’est pas connu."), "not-found")
            return row
        return super()._subject(note)

    def _by_number(self, note) -> Patient | None:
        """A logical reference: `subject.identifier`."""
        type_ = TYPES["Patient"]
        for one in items(note.subject, "identifier"):
            if not text(one, "value"):
                continue
            said = f"{text(one, 'system')}|{text(one, 'value')}"
            found = list(type_.rows(self.access).filter(type_.params["identifier"].q(self.access, [said], ""))[:2])
            if len(found) == 1:
                return found[0]
        return None

    # --- Actors --------------------------------------------------------------------------------------------------------

    def _keep_actor(self, entry: Entry) -> None:
        if id(entry.resource) in self.made:
            return
        type_ = next(t for t in TYPES[entry.type].both() if isinstance(t, kept.KeptType))
        row = None
        if entry.method == "PUT" and entry.id:
            known = type_.known_id(self.access, entry.id)
            row = Kept.objects.select_for_update().filter(pk=known, alone=True).first() if known else None
            if row is not None and row.client_id != self.client.pk:
                raise reject(
                    entry.path, _("seul le logiciel qui a envoyé cette ressource peut la changer."), "forbidden"
                )
            if row is None and self._is_ours_already(entry):
                raise reject(
                    entry.path, _("cette ressource vient de l’annuaire : elle ne se change pas ici."), "forbidden"
                )
        new = row is None
        names, given = kept.names_of(entry.resource)
        row = row or Kept(client=self.client, type=entry.type, alone=True, version=0, ref=entry.ref)
        payload = {k: v for k, v in entry.resource.items() if k != "id"}
        row.payload, row.identifiers, row.names, row.given = payload, kept.numbers_of(entry.resource), names, given
        row.version, row.updated_at, row.deleted_at = row.version + 1, timezone.now(), None
        row.save()
        KeptVersion.objects.create(kept=row, number=row.version, payload=payload, at=row.updated_at)
        self.made[id(entry.resource)] = row
        self.done[id(entry.resource)] = Done(entry.type, row.pk, row.version, new)
        self.report.actors += 1

    def _is_ours_already(self, entry: Entry) -> bool:
        main = TYPES[entry.type]
        known = as_uuid(entry.id)
        return bool(known) and not isinstance(main, kept.KeptType) and main.rows(self.access).filter(pk=known).exists()

    def _actor(self, reference: Node, note, types) -> Entry | None:
        if found := self.lot.find(reference, note.entry, types):
            return found
        type_, _slash, said = bundle.short_ref(reference, types).partition("/")
        for side in TYPES[type_].both() if type_ in TYPES else ():
            known = side.known_id(self.access, said)
            row = side.rows(self.access).filter(pk=known).first() if known else None
            if row is not None:
                node = side.write(self.access, [row])[0]
                return Entry(node, f"{type_}", f"{type_}/{row.pk}")
        return super()._actor(reference, note, types)

    # --- Notes ---------------------------------------------------------------------------------------------------------

    def _former(self, note, acting: Acting) -> Note | None:
        """By our own id first: a PUT names the note that it corrects."""
        if note.entry.method == "PUT" and (pk := as_uuid(note.entry.id)):
            rows = TYPES["DocumentReference"].rows(self.access)
            if row := rows.filter(pk=pk, circle_id__in=acting.circles).first():
                return row
        return super()._former(note, acting)

    def _write(self, note, acting: Acting) -> Note | None:
        former = self._former(note, acting)
        before = former.version if former else 0
        row = super()._write(note, acting)
        if row is None:
            raise reject(
                note.entry.path, _("cette note n’a jamais été reçue : elle ne peut pas être retirée."), "not-found"
            )
        self.done[id(note.entry.resource)] = Done("DocumentReference", row.pk, row.version, former is None)
        if former is None or row.version != before:
            signed = self._authors(note)
            self._beside(
                "DocumentReference", row.pk, row.circle_id, note.entry.resource | {"author": signed},
                authors=[pk for a in signed if (pk := as_uuid(text(a, "reference").rpartition("/")[2]))],
            )  # fmt: skip
            Kept.objects.filter(pk__in=self._made_actors(note), circle=None).update(circle_id=row.circle_id)
        return row

    def _authors(self, note) -> list[Node]:
        """The authors as sent, by our ids; a name alone stays a name."""
        found = []
        for author in note.authors:
            entry = self._actor(author, note, ACTORS)
            made = self.made.get(id(entry.resource)) if entry else None
            if made is not None:
                found.append(
                    {"reference": f"{entry.type}/{made.pk}"}
                    | ({"display": d} if (d := text(author, "display")) else {})
                )
            elif entry is not None and entry.full_url:
                found.append({"reference": entry.full_url} | ({"display": d} if (d := text(author, "display")) else {}))
            elif display := text(author, "display"):
                found.append({"display": display})
        return found

    def _made_actors(self, note) -> list[UUID]:
        found = [self._actor(a, note, ACTORS) for a in note.authors]
        return [row.pk for e in found if e and isinstance(row := self.made.get(id(e.resource)), Kept)]

    def _beside(self, type_: str, pk: UUID, circle_id: UUID, payload: Node, authors=()) -> None:
        Kept.objects.update_or_create(
            pk=pk, defaults={
                "client": self.client, "type": type_, "circle_id": circle_id, "alone": False, "payload": without_large_data(payload),
                "authors": list(authors), "updated_at": timezone.now(), "identifiers": kept.numbers_of(payload),
            },
        )  # fmt: skip


def apply(access: Access, lot: Lot, raw: bytes) -> tuple[list[Done], list[str]]:
    """(what became of each entry, warnings). Raises Rejected: nothing is kept then but the trace of the refusal."""
    sha256 = hashlib.sha256(raw).hexdigest()
    try:
        with transaction.atomic():
            work = Writing(access, lot, sha256)
            return work.write_all(), work.report.warnings
    except Refused as refusal:
        issues = refusal.issues if isinstance(refusal, Rejected) else (Issue("", str(refusal.message), refusal.code),)
        with transaction.atomic():
            record(
                access.viewer, "fhir.message_refused", kind=Kind.OTHER, outcome="refused",
                details={"guide": "rest", "sha256": sha256, "issues": [{"path": i.path, "code": i.code} for i in issues[:20]]},
            )  # fmt: skip
        raise Rejected(*issues) from None


def delete(access: Access, type_: str, pk: UUID) -> None:
    """A note is withdrawn by whoever sent it; an actor of this machine is no longer shown. Raises Rejected."""
    if type_ == "DocumentReference":
        row = TYPES[type_].rows(access).filter(pk=pk).first()
        if row is None:
            raise reject("", _("cette ressource n’existe pas."), "not-found")
        acting = access.acting(row.circle_id)
        if row.is_withdrawn or acting is None:
            return
        try:
            notebook.withdraw_note(acting, note=row, reason=_("retirée par son auteur dans son logiciel"))
        except Refused as refusal:
            raise reject("", str(refusal.message), "forbidden") from None
        return
    with transaction.atomic():
        row = Kept.objects.select_for_update().filter(pk=pk, alone=True, client=access.client, type=type_).first()
        if row is None:
            raise reject("", _("cette ressource n’existe pas, ou vient d’un autre logiciel."), "not-found")
        if row.deleted_at:
            return
        row.deleted_at = row.updated_at = timezone.now()
        row.version += 1
        row.save(update_fields=["deleted_at", "updated_at", "version"])
        KeptVersion.objects.create(kept=row, number=row.version, payload=row.payload, at=row.updated_at, deleted=True)
        record(
            access.viewer,
            "fhir.resource_deleted",
            on=row,
            kind=Kind.DELETE,
            circle_id=row.circle_id,
            details={"type": type_},
        )
