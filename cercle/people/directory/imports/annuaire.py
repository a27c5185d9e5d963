"""The national directory of professionals: files PS_LibreAcces (Personne_activite, SavoirFaire), `|` between fields.

Columns are found by their names: the 2021, 2026 and later headers differ. What identifies things:
a person by « Identification nationale PP »; a structure by its FINESS, else its technical identifier, else its
SIRET; a situation of exercise by person, profession, mode and structure, so that several savoir-faire (one line
each) are one situation.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.common.text import name_key
from cercle.people.directory import keys, nomenclature
from cercle.people.directory.bulk import Counts, Stage
from cercle.people.directory.imports.communes import Communes
from cercle.people.directory.imports.corrections import Corrections
from cercle.people.directory.imports.run import Run, begin
from cercle.people.directory.imports.source import Broken, Line, Lines, Source
from cercle.people.directory.models import Organization, PracticeRole, Practitioner

SOURCE = "annuaire"
BATCH = 5_000  # lines; a batch never cuts the lines of one person
LONGEST = 20_000

COLUMNS = {
    "id_type": ("type d identifiant pp",),
    "id": ("identifiant pp",),
    "national_id": ("identification nationale pp",),
    "title": ("code civilite d exercice", "code civilite exercice"),
    "civility": ("code civilite",),
    "family": ("nom d exercice", "nom exercice"),
    "given": ("prenom d exercice", "prenom exercice"),
    "profession": ("code profession",),
    "profession_label": ("libelle profession",),
    "category": ("code categorie professionnelle",),
    "skill_type": ("code type savoir faire",),
    "skill": ("code savoir faire",),
    "skill_label": ("libelle savoir faire",),
    "mode": ("code mode exercice",),
    "siret": ("numero siret site",),
    "finess": ("numero finess site",),
    "finess_ej": ("numero finess etablissement juridique",),
    "structure": ("identifiant technique de la structure",),
    "name": ("raison sociale site",),
    "sign": ("enseigne commerciale site",),
    "addressee": ("complement destinataire",),
    "point": ("complement point geographique",),
    "number": ("numero voie",),
    "repeat": ("indice repetition voie",),
    "way_type": ("libelle type de voie",),
    "way": ("libelle voie",),
    "mention": ("mention distribution",),
    "delivery": ("bureau cedex",),
    "postal": ("code postal",),
    "commune": ("code commune",),
    "commune_label": ("libelle commune",),
    "country_label": ("libelle pays",),
    "phone": ("telephone",),
    "phone2": ("telephone 2",),
    "email": ("adresse e mail",),
    "sector": ("code secteur d activite",),
    "function": ("code fonction",),
    "function_label": ("libelle fonction",),
}
NEEDED = ("id_type", "id", "family", "profession")

PERSON = ("rpps", "adeli", "national_id", "civility", "title", "family", "given")
PLACE = ("address", "postal_code", "city", "commune_code", "lat", "lon", "phone", "phone2", "email")
TYPES = {"lat": "float8", "lon": "float8", "specialties": "jsonb"}
LIMITS = {
    "address": 500, "postal_code": 10, "city": 100, "phone": 30, "phone2": 30, "email": 254,
    "profession_label": 120, "function": 20, "function_label": 120, "mode": 2, "category": 2,
}  # fmt: skip


def import_annuaire(source: Source, *, full: bool = False, force: bool = False, progress: bool | None = False) -> Run:
    """Bring the directory to what the file says. Raises Refused for a file of another kind or a broken one."""
    header, width, kind, encoding = read_header(source)
    if full and kind != "annuaire":
        raise Refused(_("--full n’a pas de sens pour un fichier de savoir-faire."), "full")
    with begin(source, kind, full=full, force=force, progress=progress) as run:
        reader = Reader(run, header, width, encoding)
        apply = apply_activities if kind == "annuaire" else apply_skills
        context = Context(run, has_skills="skill" in header)
        for batch in batches(reader.entries(), BATCH):
            _write(run, context, batch, reader, apply)
        if reader.broken:
            raise Refused(
                _("Le fichier s’interrompt après la ligne %d ; ce qui précède est enregistré.") % run.row.line,
                "broken_file",
            )
        with transaction.atomic():  # lines after the last accepted one
            reader.settle(reader.lines.number)
            run.commit(reader.lines.number, reader.lines.offset)
        if full:
            with transaction.atomic():
                run.end_unseen("roles", "directory_practicerole", SOURCE, "r", "ended_at", "now()")
                run.end_unseen("practitioners", "directory_practitioner", SOURCE, "p", "ended_at", "now()")
    return run


def _write(run: Run, context: "Context", batch: list["Entry"], reader: "Reader", apply) -> None:
    with transaction.atomic():
        apply(context, batch)
        last = batch[-1]
        reader.settle(last.line)
        run.commit(last.line, last.offset)
    run.progress()


def read_header(source: Source) -> tuple[dict[str, int], int, str, str]:
    """Where each column is, how many there are, the kind (`annuaire` or `savoir_faire`), the encoding if it shows."""
    lines = Lines(source.open())
    try:
        line = next(iter(lines), None)
    except Broken:
        line = None
    names = [_column(n) for n in (line.text or "").split("|")] if line and line.text else []
    while names and not names[-1]:
        names.pop()
    places: dict[str, int] = {}
    for field, choices in COLUMNS.items():
        for name in choices:
            if name in names:
                places[field] = names.index(name)
                break
    if any(field not in places for field in NEEDED):
        raise Refused(
            _("« %s » n’est pas un fichier PS_LibreAcces (colonnes attendues absentes).") % source.path.name,
            "wrong_file",
        )
    if "mode" in places:
        return places, len(names), "annuaire", lines.encoding
    if "skill" in places:
        return places, len(names), "savoir_faire", lines.encoding
    raise Refused(
        _("« %s » est un autre fichier PS_LibreAcces (ni activités ni savoir-faire).") % source.path.name, "wrong_file"
    )


def _column(name: str) -> str:
    """« Libellé Voie (coord. structure) » is « libelle voie » whatever the extract's spelling."""
    return " ".join(re.sub(r"\(.*?\)|[^a-z0-9]", " ", name_key(name)).split())


class Entry(dict):
    """The fields of one accepted line."""

    __slots__ = ("line", "offset")


class Reader:
    """Lines to entries; refuses what cannot be used and says why."""

    def __init__(self, run: Run, header: dict[str, int], width: int, encoding: str):
        self.run, self.header, self.width = run, header, width
        self.fields = tuple(header.items())
        stream = run.source.open(run.row.offset)
        self.lines = Lines(stream, number=run.row.line, offset=run.row.offset, encoding=encoding)
        self.broken = False  # the compressed file stops before its end
        self.pending: list[tuple[int, str, str]] = []  # refusals, counted when their batch is committed
        self.read: list[int] = []
        self.blank: list[int] = []

    def entries(self) -> Iterator[Entry]:
        try:
            for line in self.lines:
                if line.number == 1:
                    continue
                if line.text is not None and not line.text.strip():
                    self.blank.append(line.number)
                    continue
                self.read.append(line.number)
                entry = self.entry(line)
                if entry is not None:
                    yield entry
        except Broken:
            self.broken = True

    def settle(self, upto: int) -> None:
        """Count what concerns lines up to `upto`, and keep the rest for the next batch."""
        self.run.count("lines", sum(n <= upto for n in self.read))
        self.run.count("blank", sum(n <= upto for n in self.blank))
        self.read = [n for n in self.read if n > upto]
        self.blank = [n for n in self.blank if n > upto]
        for line, code, column in [p for p in self.pending if p[0] <= upto]:
            self.run.refuse(line, code, column)
        self.pending = [p for p in self.pending if p[0] > upto]

    def entry(self, line: Line) -> Entry | None:
        def refuse(code: str, column: str = "") -> None:
            self.pending.append((line.number, code, column))

        if line.problem:
            return refuse(line.problem)
        values = line.text.split("|")  # type: ignore[union-attr]
        extra = values[self.width :]
        if len(values) < self.width or any(extra) or len(extra) > 1:
            return refuse("columns")
        entry = Entry((field, values[place].strip()) for field, place in self.fields)
        entry.line, entry.offset = line.number, line.offset
        kind, number = entry["id_type"], entry["id"]
        if not number:
            return refuse("id_missing", "Identifiant PP")
        if kind == "8":
            if not keys.is_rpps(number):
                return refuse("rpps_key", "Identifiant PP")
        elif kind == "0":
            if not keys.is_adeli(number):
                return refuse("adeli_shape", "Identifiant PP")
        else:
            return refuse("id_type", "Type d'identifiant PP")
        key = kind + number
        if entry.get("national_id") and entry["national_id"] != key:
            return refuse("national_id", "Identification nationale PP")
        entry["key"] = key
        if not entry["family"]:
            return refuse("name_missing", "Nom d'exercice")
        for field, column in (("family", "Nom d'exercice"), ("given", "Prénom d'exercice")):
            if len(entry.get(field, "")) > 100:
                return refuse("too_long", column)
        if ("TRE_G15", entry["profession"]) not in nomenclature.professions():
            return refuse("profession", "Code profession")
        for field, good, code, column in (
            ("finess", keys.is_finess, "finess_key", "Numéro FINESS site"),
            ("siret", keys.is_siret, "siret_key", "Numéro SIRET site"),
        ):
            if entry.get(field) and not good(entry[field]):
                refuse(code, column)
                entry[field] = ""
        return entry


def batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Lists of about `size` entries; the neighbouring lines of one person stay together (up to a bound)."""
    batch: list[Entry] = []
    for _key, lines in groupby(entries, key=lambda e: e["key"]):
        for entry in lines:
            batch.append(entry)
            if len(batch) >= LONGEST:
                yield batch
                batch = []
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


class Context:
    """What stays in memory from one batch to the next."""

    def __init__(self, run: Run, *, has_skills: bool):
        self.run, self.has_skills = run, has_skills
        self.communes = Communes()
        self.people = Corrections(Practitioner, SOURCE)
        self.roles = Corrections(PracticeRole, SOURCE)
        self.structures = Corrections(Organization, SOURCE)

    def place_of(self, e: Entry) -> dict[str, Any]:
        """Address of the line. The city without its postal code; CEDEX kept as the commune when it is known."""
        get = e.get
        delivery, postal = get("delivery", ""), get("postal", "")
        city = get("commune_label", "")
        if not city:
            city = delivery[len(postal) :].strip() if postal and delivery.startswith(postal) else delivery
        code = self.communes.find(get("commune", ""), postal, city)
        name, lat, lon = self.communes.place(code)
        street = " ".join(filter(None, (get("number"), get("repeat"), get("way_type"), get("way"))))
        lines = [get("addressee", ""), get("point", ""), street, get("mention", "")]
        if lines[0] in (get("name"), get("sign")):
            lines[0] = ""
        country = get("country_label", "")
        if country and country.lower() != "france":
            city = f"{city} ({country})" if city else country
        return {
            "address": "\n".join(x for x in lines if x), "postal_code": postal, "city": name or city,
            "commune_code": code, "lat": lat, "lon": lon, "phone": get("phone", ""), "phone2": get("phone2", ""),
            "email": get("email", "").lower(),
        }  # fmt: skip


def structure_key(e: Entry) -> str:
    if e.get("finess"):
        return "finess:" + e["finess"]
    if e.get("structure"):
        return e["structure"][:100]
    return "siret:" + e["siret"] if e.get("siret") else ""


def skill_of(e: Entry) -> dict[str, str] | None:
    if not e.get("skill"):
        return None
    return {"code": e["skill"][:20], "label": e.get("skill_label", "")[:200], "type": e.get("skill_type", "")[:10]}


def main_skill(skills: list[dict[str, str]]) -> dict[str, str]:
    """The one that names what the person is: an ordinal specialty before competences and diplomas."""
    ranks = {"S": 0, "SCD": 0, "SI": 0, "PAC": 1, "FQ": 2, "C": 3, "CEX": 4}
    return min(skills, key=lambda s: (ranks.get(s["type"], 9), s["code"])) if skills else {"code": "", "label": ""}


def apply_activities(context: Context, batch: list[Entry]) -> None:
    run = context.run
    people: dict[str, dict[str, Any]] = {}
    structures: dict[str, dict[str, Any]] = {}
    roles: dict[str, dict[str, Any]] = {}
    names = known_names(run, {e["key"] for e in batch})
    for e in batch:
        name = name_key(f"{e['family']} {e.get('given', '')}")
        if names.setdefault(e["key"], name) != name:
            run.refuse(e.line, "identity_conflict", "Nom d'exercice")
            continue
        if e["key"] not in people:
            people[e["key"]] = {
                "rpps": e["id"] if e["id_type"] == "8" else None, "adeli": e["id"] if e["id_type"] == "0" else None,
                "national_id": e["key"], "civility": e.get("civility", "")[:10], "title": e.get("title", "")[:10],
                "family": e["family"], "given": e.get("given", ""),
            }  # fmt: skip
        place = context.place_of(e)
        structure = structure_key(e)
        if structure and structure not in structures:
            sign = e.get("name") or e.get("sign") or e.get("addressee") or _("Structure %s") % structure
            structures[structure] = {
                "finess": e.get("finess") or None, "finess_ej": e.get("finess_ej", "")[:9], "siret": e.get("siret", ""),
                "name": sign[:200], "long_name": (e.get("sign") or "")[:300] if e.get("sign") != sign else "",
                "sector": e.get("sector", "")[:10], **place,
            }  # fmt: skip
        key = "|".join((e["key"], e["profession"], e.get("mode", ""), structure))[:160]
        role = roles.get(key)
        if role is None:
            role = roles[key] = {
                "person_key": e["key"], "structure_key": structure, "profession_system": "TRE_G15",
                "profession": e["profession"], "profession_label": e.get("profession_label", ""),
                "category": e.get("category", ""), "mode": e.get("mode", ""), "function": e.get("function", ""),
                "function_label": e.get("function_label", ""), "specialties": [], **place,
            }  # fmt: skip
        skill = skill_of(e)
        if skill and skill not in role["specialties"]:
            role["specialties"].append(skill)

    seen = run.seen("r", list(roles))
    if seen:  # lines of one situation that stand apart in the file: their savoir-faire add up
        earlier = PracticeRole.objects.filter(source=SOURCE, source_key__in=seen).values_list(
            "source_key", "specialties"
        )
        for key, specialties in earlier:
            roles[key]["specialties"] += [s for s in specialties if s not in roles[key]["specialties"]]
    for role in roles.values():
        role["specialties"].sort(key=lambda s: (s["type"], s["code"]))
        main = main_skill(role["specialties"])
        role["specialty"], role["specialty_label"] = main["code"], main["label"]

    named = list(structures)
    for key in run.seen("o", named):  # lines that do not say the same of one structure: the first of the file is kept
        del structures[key]
    with connection.cursor() as cursor:
        run.add("organizations", merge_structures(context, cursor, structures))
        run.add("practitioners", merge_people(context, cursor, people))
        done = merge_roles(context, cursor, roles)
    if seen:  # already counted when they were first named
        done.unchanged = max(0, done.unchanged - len(seen))
    run.add("roles", done)
    run.mark_seen("r", list(roles))
    run.mark_seen("p", list(people))
    run.mark_seen("o", named)


def known_names(run: Run, people: set[str]) -> dict[str, str]:
    """Names that an earlier batch of this run gave to these people."""
    seen = run.seen("p", list(people))
    if not seen:
        return {}
    rows = Practitioner.objects.filter(source=SOURCE, source_key__in=seen).exclude(corrections__has_key="family")
    return dict(rows.values_list("source_key", "sort"))


def _fit(row: dict[str, Any]) -> dict[str, Any]:
    for field, limit in LIMITS.items():
        if field in row and len(row[field]) > limit:
            row[field] = row[field][:limit]
    return row


def merge_structures(context: Context, cursor, rows: dict[str, dict[str, Any]]) -> Counts:
    columns = ("finess", "finess_ej", "siret", "name", "long_name", "sector", *PLACE)
    for key, row in rows.items():
        context.structures.apply(key, _fit(row))
    stage = Stage(cursor, "stage_structure", {"source_key": "varchar", **_types(columns), "id": "uuid"})
    stage.fill([key, *(row[c] for c in columns), None] for key, row in rows.items())
    # FINESS knows better: a structure that its own import (or a person) keeps up to date is only referred to.
    stage.run(
        "UPDATE {stage} s SET id = o.id FROM directory_organization o WHERE o.finess = s.finess AND NOT"
        " (o.source = %s AND o.source_key = s.source_key)",
        [SOURCE],
    )
    theirs = stage.run("DELETE FROM {stage} WHERE id IS NOT NULL")
    done = stage.merge_into(
        "directory_organization", ["source_key"], columns, fixed={"source": SOURCE},
        initial={
            "corrections": "{}", "is_legal_entity": False, "category": "", "category_label": "", "legal_status": "",
            "mss": "", "activities": "[]",
        },
    )  # fmt: skip
    done.unchanged += theirs
    context.structures.save()
    return done


def merge_people(context: Context, cursor, rows: dict[str, dict[str, Any]]) -> Counts:
    for key, row in rows.items():
        context.people.apply(key, row)
    stage = Stage(
        cursor, "stage_person",
        {"source_key": "varchar", **_types(PERSON), "is_external": "boolean", "ended_at": "timestamptz"},
    )  # fmt: skip
    stage.fill([key, *(row[c] for c in PERSON), False, None] for key, row in rows.items())
    # Somebody entered by hand, or named by a feed, whom the national directory now vouches for.
    stage.run(
        "UPDATE directory_practitioner p SET source = %s, source_key = s.source_key FROM {stage} s"
        " WHERE p.source <> %s AND (p.rpps = s.rpps OR p.adeli = s.adeli OR p.national_id = s.national_id)",
        [SOURCE, SOURCE],
    )
    done = stage.merge_into(
        "directory_practitioner", ["source_key"], (*PERSON, "is_external", "ended_at"),
        fixed={"source": SOURCE}, initial={"corrections": "{}"},
    )  # fmt: skip
    context.people.save()
    return done


def merge_roles(context: Context, cursor, rows: dict[str, dict[str, Any]]) -> Counts:
    told = [
        "profession_system", "profession", "profession_label", "category", "mode", "function", "function_label", *PLACE,
    ]  # fmt: skip
    initial: dict[str, object] = {"corrections": "{}", "mss": ""}
    if context.has_skills:
        told += ["specialty", "specialty_label", "specialties"]
    else:  # they come in a file of their own
        initial |= {"specialty": "", "specialty_label": "", "specialties": "[]"}
    for key, row in rows.items():
        context.roles.apply(key, _fit(row))
    stage = Stage(
        cursor, "stage_role",
        {
            "source_key": "varchar", **_types(told), "person_key": "varchar", "structure_key": "varchar",
            "practitioner_id": "uuid", "organization_id": "uuid", "ended_at": "timestamptz",
        },
    )  # fmt: skip
    stage.fill(
        [
            key, *(json.dumps(row[c], ensure_ascii=False) if c == "specialties" else row[c] for c in told),
            row["person_key"], row["structure_key"], None, None, None,
        ]
        for key, row in rows.items()
    )  # fmt: skip
    stage.run(
        "UPDATE {stage} s SET practitioner_id = p.id FROM directory_practitioner p"
        " WHERE p.source = %s AND p.source_key = s.person_key AND p.source_key <> ''",
        [SOURCE],
    )
    stage.run(
        "UPDATE {stage} s SET organization_id = o.id FROM directory_organization o"
        " WHERE s.structure_key LIKE 'finess:%%' AND o.finess = substr(s.structure_key, 8)"
    )
    stage.run(
        "UPDATE {stage} s SET organization_id = o.id FROM directory_organization o"
        " WHERE s.organization_id IS NULL AND o.source = %s AND o.source_key = s.structure_key AND o.source_key <> ''",
        [SOURCE],
    )
    # A located structure is more precise than the commune's town hall.
    stage.run(
        "UPDATE {stage} s SET lat = o.lat, lon = o.lon FROM directory_organization o"
        " WHERE o.id = s.organization_id AND o.source <> %s AND o.lat IS NOT NULL",
        [SOURCE],
    )
    columns = (*told, "practitioner_id", "organization_id", "ended_at")
    done = stage.merge_into(
        "directory_practicerole", ["source_key"], columns, fixed={"source": SOURCE}, initial=initial
    )
    context.roles.save()
    return done


def _types(columns: Iterable[str]) -> dict[str, str]:
    return {c: TYPES.get(c, "varchar") for c in columns}


def apply_skills(context: Context, batch: list[Entry]) -> None:
    """SavoirFaire file: what it lists for a person and profession goes to all her situations in that profession."""
    run = context.run
    lists: dict[tuple[str, str], list[dict[str, str]]] = {}
    first: dict[tuple[str, str], int] = {}
    for e in batch:
        key = (e["key"], e["profession"])
        first.setdefault(key, e.line)
        skill = skill_of(e)
        if skill and skill not in lists.setdefault(key, []):
            lists[key].append(skill)
    people = {key for key, _profession in lists}
    known = set(Practitioner.objects.filter(source=SOURCE, source_key__in=people).values_list("source_key", flat=True))
    for key in lists:
        if key[0] not in known:
            run.refuse(first[key], "unknown_person", "Identifiant PP")
    kept = {key: skills for key, skills in lists.items() if key[0] in known}
    again = run.seen("s", ["|".join(key) for key in kept])
    with connection.cursor() as cursor:
        stage = Stage(
            cursor, "stage_skill",
            {"person_key": "varchar", "profession": "varchar", "specialty": "varchar", "specialty_label": "varchar",
             "specialties": "jsonb", "more": "boolean"},
        )  # fmt: skip
        rows = []
        for (person, profession), skills in kept.items():
            skills.sort(key=lambda s: (s["type"], s["code"]))
            main = main_skill(skills)
            more = f"{person}|{profession}" in again
            rows.append((person, profession, main["code"], main["label"], json.dumps(skills, ensure_ascii=False), more))
        total = stage.fill(rows)
        changed = stage.run(
            "UPDATE directory_practicerole r SET specialties = s.specialties, specialty = s.specialty,"
            " specialty_label = s.specialty_label, updated_at = now()"
            " FROM {stage} s JOIN directory_practitioner p ON p.source = %s AND p.source_key = s.person_key AND p.source_key <> ''"
            " WHERE r.practitioner_id = p.id AND r.source = %s AND r.profession = s.profession AND NOT s.more"
            " AND NOT r.corrections ? 'specialty'"
            " AND (r.specialties, r.specialty) IS DISTINCT FROM (s.specialties, s.specialty)",
            [SOURCE, SOURCE],
        )
        changed += stage.run(
            "UPDATE directory_practicerole r SET specialties = r.specialties || s.specialties, updated_at = now()"
            " FROM {stage} s JOIN directory_practitioner p ON p.source = %s AND p.source_key = s.person_key AND p.source_key <> ''"
            " WHERE r.practitioner_id = p.id AND r.source = %s AND r.profession = s.profession AND s.more"
            " AND NOT r.specialties @> s.specialties",
            [SOURCE, SOURCE],
        )
    run.add("specialties", Counts(0, changed, max(0, total - changed)))
    run.mark_seen("s", ["|".join(key) for key in kept])
