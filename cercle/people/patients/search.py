"""Finding a patient by what people type: a matricule, a name at birth or in use, a birth date, in one box.

    find("le gall jea 1939", among=mine)      mine first: partial names anywhere, then a slip of the pen
    find("legall jeanne")                     the whole territory: the beginning of a name, or a birth date

`among`: the patients the reader may see (a queryset of ids, or a list). Without it the search walks indexes only: a
similarity over the territory costs 100 ms and more at a million (datamodel.md, section 4), so it asks for a birth date.
Who may search the territory, how often, and what she is shown, is the gate's business.
"""

import re
from dataclasses import dataclass

from django.contrib.postgres.search import TrigramWordSimilarity
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Concat

from cercle.base.common import dates
from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.people.patients import ins
from cercle.people.patients.models import Identity, Patient, PatientIdentifier
from cercle.people.patients.names import squeeze

KEYS = ("used_key", "birth_key", "used_key_rev", "birth_key_rev")
PARTICLES = ("le", "la", "de", "du", "des", "d", "l", "dela", "del")
LIKENESS = 0.5  # word similarity of trigrams; below it, too many neighbours

_DATE = re.compile(r"\b(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}/\d{4}|\d{8}|\d{4})\b")
_INS = re.compile(r"[1278]\d{4}(?:\d{2}|2[AB])\d{6}(?:\d{2})?")
Among = QuerySet | list | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was understood of the line that was typed."""

    names: tuple[str, ...] = ()  # unaccented lower-case words
    born: dates.PartialDate | None = None
    ins: str = ""  # 15 characters, or 13 without the key
    number: str = ""  # some other identifier

    @property
    def is_empty(self) -> bool:
        return not (self.names or self.born or self.ins or self.number)


def understand(text: str) -> Asked:
    text = " ".join((text or "")[:200].split())
    number = ins.clean(text)
    if _INS.fullmatch(number):
        return Asked(ins=number)
    born = None
    if found := _DATE.search(text):
        try:
            born = dates.parse(found[0])
            text = text.replace(found[0], " ")
        except Refused:
            pass
    words = tuple(name_key(text).split())
    if any(c.isdigit() for c in text):
        return Asked(born=born, number=text.strip(), names=())
    return Asked(names=words, born=born)


def find(text: str, *, among: Among = None, limit: int = 20) -> list[Patient]:
    """Patients with their identity, in the order of their names. A merged file is found through its survivor."""
    asked = understand(text)
    if asked.is_empty:
        return []
    if asked.ins:
        return _in_order(by_ins(asked.ins, among=among).values_list("patient_id", flat=True)[:limit])
    if asked.number:
        found = PatientIdentifier.objects.current().filter(value=asked.number)
        return _in_order(_seen(found, among).values_list("patient_id", flat=True)[:limit])
    if among is not None:
        found = _among(asked, among, limit)
    elif asked.names:
        found = _territory(asked, limit)
    else:
        rows = _born(Identity.objects.current(), asked.born)
        found = rows.order_by("sort").values_list("patient_id", flat=True)[:limit]
    return _in_order(found)


def by_ins(value: str, *, oid: str = "", among: Among = None) -> QuerySet:
    """Current identities that hold this matricule; 13 characters match whatever the key."""
    value = ins.clean(value)
    rows = Identity.objects.current().exclude(ins_value="")
    rows = rows.filter(ins_value=value) if len(value) == 15 else rows.filter(ins_value__startswith=value)
    return _seen(rows.filter(ins_oid=oid) if oid else rows, among)


def _seen(rows: QuerySet, among: Among) -> QuerySet:
    if among is None:
        return rows
    return rows.filter(Q(patient_id__in=among) | Q(patient__merged_into_id__in=among))


def _born(rows: QuerySet, born: dates.PartialDate | None) -> QuerySet:
    """Ranges that meet. What is partial starts on the first of its month or year, so the index is asked for a few days."""
    if born is None:
        return rows
    firsts = {born.earliest.replace(day=1), born.earliest.replace(month=1, day=1)}
    return rows.filter(
        Q(birth_earliest__range=(born.earliest, born.latest))
        | Q(birth_earliest__in=firsts, birth_latest__gte=born.earliest)
    )


def _among(asked: Asked, among: Among, limit: int) -> list:
    rows = _born(Identity.objects.current().filter(patient_id__in=among, patient__merged_into__isnull=True), asked.born)
    exact = rows
    for word in asked.names:
        exact = exact.filter(Q(used_key__contains=word) | Q(birth_key__contains=word))
    found = list(exact.order_by("sort").values_list("patient_id", flat=True)[:limit])
    if found or not asked.names:
        return found
    return _alike(rows, asked, limit)


def _alike(rows: QuerySet, asked: Asked, limit: int) -> list:
    """A slip of the pen, within a set that is already small."""
    typed = " ".join(asked.names)
    likeness = TrigramWordSimilarity(typed, Concat("sort", Value(" "), "birth_sort", output_field=TextField()))
    alike = rows.annotate(likeness=likeness).filter(likeness__gte=LIKENESS)
    return list(alike.order_by("-likeness", "sort").values_list("patient_id", flat=True)[:limit])


def _territory(asked: Asked, limit: int) -> list:
    typed = squeeze(" ".join(asked.names))
    if len(typed) < 2:
        return []
    found = _beginning(asked, [typed], KEYS, limit)
    if len(found) < limit and len(typed) >= 3:
        # « gall » finds LE GALL, and « le gall » finds GALL.
        others = [p + typed for p in PARTICLES]
        if len(asked.names) > 1 and asked.names[0] in PARTICLES:
            others.append(squeeze(" ".join(asked.names[1:])))
        found += [pk for pk in _beginning(asked, others, KEYS[:2], limit) if pk not in found]
    if not found and asked.born:
        found = _alike(_born(Identity.objects.current(), asked.born), asked, limit)
    return found[:limit]


def _beginning(asked: Asked, starts: list[str], keys: tuple[str, ...], limit: int) -> list:
    """One short walk per key and beginning, each on its own index, in one statement."""
    # No join here: it would end the short walk. Merged files give way to their survivor in `_in_order`.
    rows = _born(Identity.objects.current(), asked.born)
    walks = [
        rows.filter(**{f"{key}__startswith": start}).order_by(key).values_list("sort", "patient_id")[:limit]
        for start in starts
        for key in keys
    ]
    return [pk for _, pk in sorted(walks[0].union(*walks[1:]))][:limit]


def _in_order(ids) -> list[Patient]:
    """The patients of these ids, in that order; survivors in the place of merged ones."""
    ids = list(ids)
    patients = Patient.objects.with_identity().filter(Q(pk__in=ids))
    by_id = {p.pk: p for p in patients}
    survivors = {p.merged_into_id for p in by_id.values() if p.merged_into_id} - by_id.keys()
    if survivors:
        by_id |= Patient.objects.with_identity().in_bulk(survivors)
    shown = dict.fromkeys(by_id[pk].canonical_id for pk in ids if pk in by_id)
    return [by_id[pk] for pk in shown]
