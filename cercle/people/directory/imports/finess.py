"""The national register of structures: FINESS, JSON extracts of 2026 (structures, activities) and the etalab CSV.

Written from real extracts: the published schema of 2026 is not what the files hold (other spellings of the same
names, codes as plain strings, longitude in `coordonneeX`, Lambert-93 northing in `directionLatitude`).
A structure closed and unknown here is left out; one that we know is closed.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import ijson
from django.db import connection, transaction
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.people.directory import geo, keys
from cercle.people.directory.bulk import Counts, Stage
from cercle.people.directory.imports.communes import Communes
from cercle.people.directory.imports.corrections import Corrections
from cercle.people.directory.imports.run import Run, begin
from cercle.people.directory.imports.source import BROKEN, Broken, Lines, Source
from cercle.people.directory.models import Code, Organization

SOURCE = "finess"
BATCH = 2_000
ETALAB_WIDTH = 32

COLUMNS = {
    "name": "varchar", "long_name": "varchar", "finess_ej": "varchar", "siret": "varchar", "is_legal_entity": "boolean",
    "category": "varchar", "category_label": "varchar", "legal_status": "varchar", "address": "varchar",
    "postal_code": "varchar", "city": "varchar", "commune_code": "varchar", "lat": "float8", "lon": "float8",
    "phone": "varchar", "email": "varchar", "opened_on": "date", "closed_on": "date",
}  # fmt: skip
LIMITS = {
    "name": 200, "long_name": 300, "finess_ej": 9, "category": 4, "category_label": 160, "legal_status": 4, "address": 500,
    "postal_code": 10, "city": 100, "commune_code": 5, "phone": 30, "email": 254,
}  # fmt: skip


def import_finess(source: Source, *, full: bool = False, force: bool = False, progress: bool | None = False) -> Run:
    kind = kind_of(source)
    if full and kind == "finess_activites":
        raise Refused(_("--full n’a pas de sens pour un fichier d’activités."), "full")
    with begin(source, kind, full=full, force=force, progress=progress) as run:
        work = {"finess_structures": _structures, "finess_activites": _activities, "finess_etalab": _etalab}[kind]
        try:
            work(run)
        except (Broken, ijson.IncompleteJSONError, *BROKEN):
            where = _("l’entité %d") if kind != "finess_etalab" else _("la ligne %d")
            raise Refused(
                _("Le fichier s’interrompt après %s ; ce qui précède est enregistré.") % (where % run.row.line),
                "broken_file",
            ) from None
        except ijson.JSONError:
            raise Refused(_("JSON mal formé après l’entité %d.") % run.row.line, "broken_file") from None
        if full:
            with transaction.atomic():
                run.end_unseen("organizations", "directory_organization", SOURCE, "o", "closed_on", "current_date")
    return run


def kind_of(source: Source) -> str:
    """finess_structures, finess_activites or finess_etalab; Refused for anything else."""
    try:
        start = source.open().read(1 << 16)
    except BROKEN:
        start = b""
    text = start.decode("utf-8-sig", "replace").lstrip()
    if text.startswith(("finess;etalab", "structureet;", "geolocalisation;")):
        return "finess_etalab"
    if text.startswith("{") and '"pmej"' in text or text.startswith("{") and '"gco"' in text:
        # Both files hold « pmej »; only the structures' one describes groups and general information.
        if "informationsGenerales" in text or '"gco"' in text or '"gcc"' in text:
            return "finess_structures"
        if "activites" in text or '"numFiness"' in text:
            return "finess_activites"
    raise Refused(_("« %s » n’est pas un extrait FINESS reconnu.") % source.path.name, "wrong_file")


class Batch:
    """Rows waiting for the database, by FINESS number."""

    def __init__(self, run: Run):
        self.run = run
        self.rows: dict[str, dict[str, Any]] = {}
        self.communes = Communes()
        self.corrections = Corrections(Organization, SOURCE)
        codes = Code.objects.filter(set__name__in=["TRE_R66"]).values_list("code", "label")
        self.categories = dict(codes)

    def add(self, line: int, finess: str, row: dict[str, Any]) -> None:
        if not finess:
            return self.run.refuse(line, "finess_missing", "finess")
        if not keys.is_finess(finess):
            return self.run.refuse(line, "finess_refused", "finess")
        if not row["name"]:
            return self.run.refuse(line, "name_missing", "name")
        if finess in self.rows:
            return self.run.refuse(line, "duplicate", "finess")
        if row["siret"] and not keys.is_siret(row["siret"]):
            self.run.refuse(line, "siret_key", "siret")
            row["siret"] = ""
        if not row["category_label"]:
            row["category_label"] = self.categories.get(row["category"], "")
        code = self.communes.find(row["commune_code"], row["postal_code"], row["city"])
        name, lat, lon = self.communes.place(code)
        if name:
            row["commune_code"], row["city"] = code, name
        if row["lat"] is None:
            row["lat"], row["lon"] = lat, lon
        for field, limit in LIMITS.items():
            row[field] = row[field][:limit]
        self.rows[finess] = row

    def write(self) -> None:
        """Inside a transaction."""
        seen = self.run.seen("o", list(self.rows))
        for finess in seen:  # an earlier batch of this file
            self.run.refuse(self.run.row.line, "duplicate", "finess")
            del self.rows[finess]
        if not self.rows:
            return
        for finess, row in self.rows.items():
            self.corrections.apply(finess, row)
        with connection.cursor() as cursor:
            stage = Stage(
                cursor, "stage_finess", {"finess": "varchar", **COLUMNS, "source": "varchar", "source_key": "varchar"}
            )
            stage.fill([f, *(r[c] for c in COLUMNS), SOURCE, f] for f, r in self.rows.items())
            left_out = stage.run(
                "DELETE FROM {stage} s WHERE s.closed_on <= current_date"
                " AND NOT EXISTS (SELECT 1 FROM directory_organization o WHERE o.finess = s.finess)"
            )
            # A structure that is closed on both sides does not change for a detail of the past.
            done = stage.merge_into(
                "directory_organization", ["finess"], (*COLUMNS, "source", "source_key"),
                initial={"corrections": "{}", "sector": "", "phone2": "", "mss": "", "activities": "[]"},
            )  # fmt: skip
            stage.run(
                "UPDATE directory_organization o SET parent_id = e.id FROM {stage} s JOIN directory_organization e"
                " ON e.finess = s.finess_ej WHERE o.finess = s.finess AND o.parent_id IS DISTINCT FROM e.id AND e.id <> o.id"
            )
        self.run.add("organizations", done)
        self.run.count("organizations.left_out", left_out)
        self.run.mark_seen("o", list(self.rows))
        self.corrections.save()
        self.rows = {}


@contextmanager
def _flushed(flush: Callable[[], None]) -> Iterator[None]:
    """What was read well is written, at the end of the file and where it breaks."""
    try:
        yield
    except (Broken, ijson.JSONError, *BROKEN):
        flush()
        raise
    flush()


# --- JSON of 2026 --------------------------------------------------------------------------------------------------------


def _items(run: Run) -> Iterator[tuple[int, dict]]:
    """Legal entities one at a time, with their rank; those of an earlier passage are read over."""
    for number, item in enumerate(ijson.items(run.source.open(), "pmej.item", use_float=True), 1):
        if number > run.row.line:
            yield number, item


def _structures(run: Run) -> None:
    batch, last = Batch(run), run.row.line

    def flush() -> None:
        with transaction.atomic():
            batch.write()
            run.commit(last, 0)
        run.progress()

    with _flushed(flush):
        for number, entity in _items(run):
            run.count("lines")
            try:
                about, ej = _legal_entity(entity)
                batch.add(number, ej, about)
                for site in entity.get("ege") or []:
                    finess, row = _site(site, ej)
                    batch.add(number, finess, row)
            except (KeyError, TypeError, AttributeError, ValueError):
                run.refuse(number, "shape")
            last = number
            if len(batch.rows) >= BATCH:
                flush()


def _legal_entity(entity: dict) -> tuple[dict[str, Any], str]:
    about = entity["informationsGeneralesPMEJ"]
    finess = _text(about, "numFinessPm")
    row = {
        "name": _text(about, "denominationPm") or _text(about, "denominationLonguePmSmsse"),
        "long_name": _text(about, "denominationLonguePmSmsse"), "finess_ej": "", "siret": "", "is_legal_entity": True,
        "category": _text(about, "categorieentiteGeographiqueExercice"), "category_label": "",
        "legal_status": _text(about, "statutJuridique"), "opened_on": _date(about.get("dateCreation")),
        "closed_on": _closed(entity, about),
    }  # fmt: skip
    return row | _where(entity), finess


def _site(site: dict, ej: str) -> tuple[str, dict[str, Any]]:
    about = site["informationsGeneralesEGE"]
    row = {
        "name": _text(about, "nomEgeCourt") or _text(about, "nomEgeLong"), "long_name": _text(about, "nomEgeLong"),
        "finess_ej": ej, "siret": _text(about, "siret"), "is_legal_entity": False,
        "category": _text(site, "categorieentiteGeographiqueExercice"), "category_label": "", "legal_status": "",
        "opened_on": _date(about.get("dateOuverture")), "closed_on": _closed(site, about),
    }  # fmt: skip
    return _text(about, "numFinessEge"), row | _where(site)


def _closed(thing: dict, about: dict) -> date | None:
    closed = _date(about.get("dateFermeture"))
    if closed is None and thing.get("etatObjet") == "I":
        closed = _date(thing.get("dateDerniereMaj")) or date(1900, 1, 1)
    return closed


def _where(thing: dict) -> dict[str, Any]:
    """The geographic address (usage 02 for an entity, 03 for a site) and the first contact."""
    addresses = [a for a in thing.get("adresse") or [] if a]
    a = next((a for a in addresses if a.get("usageAdresse") in ("02", "03")), addresses[0] if addresses else {})
    street = _text(a, "ligneQuatre") or " ".join(
        filter(None, (_text(a, "numeroVoie"), _text(a, "typeVoie"), _text(a, "libelleVoie")))
    )
    lines = [_text(a, k) for k in ("ligneDeux", "ligneTrois")] + [street, _text(a, "ligneCinq") or _text(a, "lieuDit")]
    lat, lon = _position(a.get("coordonneesGeographique") or {})
    phone = email = ""
    for contact in thing.get("contact") or []:
        telecom = contact.get("telecom") or {}
        phone, email = phone or _text(telecom, "telephone"), email or _text(telecom, "courriel").lower()
    return {
        "address": "\n".join(dict.fromkeys(x for x in lines if x)), "postal_code": _text(a, "codePostal"),
        "city": _text(a, "ligneAcheminement"), "commune_code": _text(a, "cogCommune"), "lat": lat, "lon": lon,
        "phone": phone, "email": email,
    }  # fmt: skip


def _position(where: dict) -> tuple[float | None, float | None]:
    lon, lat = _number(where.get("coordonneeX")), _number(where.get("coordonneeY"))
    if lat is not None and lon is not None and -90 <= lat <= 90 and -180 <= lon <= 180 and (lat or lon):
        return lat, lon
    y, x = _number(where.get("directionLatitude")), _number(where.get("directionLongitude"))
    if x is not None and y is not None:
        return geo.project(x, y, department="") or (None, None)
    return None, None


def _activities(run: Run) -> None:
    """What each site is authorised to do, kept as coded: no nomenclature of these codes is published with the file."""
    rows: dict[str, list[dict]] = {}
    last = run.row.line

    def flush() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            known = dict(Organization.objects.filter(finess__in=rows).values_list("finess", "activities"))
            for _finess in [f for f in rows if rows[f] and f not in known]:
                run.refuse(last, "unknown_structure", "numFinessEge")
            changed = {f: a for f, a in rows.items() if f in known and known[f] != a}
            stage = Stage(cursor, "stage_activity", {"finess": "varchar", "activities": "jsonb"})
            stage.fill((f, json.dumps(a, ensure_ascii=False)) for f, a in changed.items())
            stage.run(
                "UPDATE directory_organization o SET activities = s.activities, updated_at = now() FROM {stage} s"
                " WHERE o.finess = s.finess"
            )
            run.add("activities", Counts(0, len(changed), len(rows.keys() & known.keys()) - len(changed)))
            run.commit(last, 0)
            rows.clear()
        run.progress()

    with _flushed(flush):
        for number, entity in _items(run):
            run.count("lines")
            try:
                for site in entity.get("ege") or []:
                    if finess := _text(site, "numFinessEge"):
                        rows[finess] = list(_active(site))
            except (KeyError, TypeError, AttributeError, ValueError):
                run.refuse(number, "shape")
            last = number
            if len(rows) >= BATCH:
                flush()


def _active(site: dict) -> Iterator[dict]:
    for activity in site.get("activitesExercees") or []:
        general, nature = activity["caracteristiquesGeneriques"], activity["nature"]
        if general.get("etatObjet") != "A":
            continue
        specific = nature.get("caracteristiquesSpecifiques") or {}
        codes = next((v for k, v in specific.items() if k.startswith("typeActivite") and isinstance(v, dict)), {})
        places = [int(c["nombre"]) for c in activity.get("capacite") or [] if str(c.get("nombre") or "").isdigit()]
        yield {
            "nature": nature.get("codeNature") or "", "codes": [str(v) for v in codes.values() if v],
            "until": general.get("dateFinActiviteAutorisee") or "", "places": max(places, default=None),
        }  # fmt: skip


# --- CSV « etalab » ------------------------------------------------------------------------------------------------------


def _etalab(run: Run) -> None:
    lines = Lines(
        run.source.open(run.row.offset), number=run.row.line, offset=run.row.offset, encoding=_encoding(run.source)
    )
    batch = Batch(run)
    places: dict[str, tuple[float, float]] = {}
    last = (run.row.line, run.row.offset)

    def flush() -> None:
        with transaction.atomic():
            batch.write()
            if places:
                run.add("places", _locate(places))
                places.clear()
            run.commit(*last)
        run.progress()

    with _flushed(flush):
        for line in lines:
            last = (line.number, line.offset)
            if line.problem:
                run.count("lines")
                run.refuse(line.number, line.problem)
                continue
            if not line.text or not line.text.strip():
                run.count("blank")
                continue
            values = next(csv.reader([line.text], delimiter=";"), [])
            section = values[0] if values else ""
            if section == "finess":
                continue
            run.count("lines")
            if section == "structureet" and len(values) >= ETALAB_WIDTH - 1:
                finess, row = _etalab_site(run, line.number, [v.strip() for v in values])
                batch.add(line.number, finess, row)
            elif section == "geolocalisation" and len(values) >= 5:
                finess = values[1].strip()
                x, y = _number(values[2]), _number(values[3])
                place = None
                if x is not None and y is not None:
                    place = geo.project(x, y, department=_department_of(finess), projection=values[4])
                if place is None:
                    run.refuse(line.number, "coordinates", "coordxet")
                else:
                    places[finess] = place
            else:
                run.refuse(line.number, "columns")
            if len(batch.rows) >= BATCH or len(places) >= BATCH:
                flush()


def _encoding(source: Source) -> str:
    """UTF-8 or Windows-1252, from the first megabytes: the extracts exist in both."""
    start = source.open().read(1 << 22)
    try:
        start.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        return "utf-8" if error.start > len(start) - 4 else "cp1252"


def _etalab_site(run: Run, line: int, v: list[str]) -> tuple[str, dict[str, Any]]:
    v += [""] * (ETALAB_WIDTH - len(v))
    found = re.match(r"(\d{5}) (.*?)(?: CEDEX.*)?$", v[15])
    postal, city = (found[1], found[2]) if found else ("", v[15])
    opened = _date(v[28])
    if v[28] and opened is None:
        run.refuse(line, "date", "dateouv")
    lines = [v[5], v[6], " ".join(filter(None, (v[7], v[8], v[9], v[10]))), v[11]]
    row = {
        "name": v[3] or v[4], "long_name": v[4], "finess_ej": v[2], "siret": v[22], "is_legal_entity": False,
        "category": v[18], "category_label": v[19], "legal_status": "", "address": "\n".join(x for x in lines if x),
        "postal_code": postal, "city": city, "commune_code": _commune(v[13], v[12]), "lat": None, "lon": None,
        "phone": v[16], "email": "", "opened_on": opened, "closed_on": None,
    }  # fmt: skip
    return v[1], row


def _commune(department: str, commune: str) -> str:
    """9A 123 is 97123: overseas, FINESS writes the department 9A to 9J and the commune with its own first digit."""
    if not department or not commune:
        return ""
    if re.fullmatch(r"9[A-F]", department):
        return "97" + commune
    if re.fullmatch(r"9[G-Z]", department):
        return "98" + commune
    return (department + commune)[:5]


def _department_of(finess: str) -> str:
    """Overseas numbers begin with 9701 (Guadeloupe) to 9704 (La Réunion), 9801 and 9805 (Mayotte)."""
    if finess.startswith("970"):
        return "97" + finess[3]
    return "976" if finess.startswith("980") else finess[:2]


def _locate(places: dict[str, tuple[float, float]]) -> Counts:
    with connection.cursor() as cursor:
        stage = Stage(cursor, "stage_place", {"finess": "varchar", "lat": "float8", "lon": "float8"})
        total = stage.fill((f, lat, lon) for f, (lat, lon) in places.items())
        changed = stage.run(
            "UPDATE directory_organization o SET lat = s.lat, lon = s.lon, updated_at = now() FROM {stage} s"
            " WHERE o.finess = s.finess AND (o.lat, o.lon) IS DISTINCT FROM (s.lat, s.lon)"
        )
    return Counts(0, changed, total - changed)


# --- Values --------------------------------------------------------------------------------------------------------------


def _text(thing: dict, name: str) -> str:
    value = thing.get(name)
    return " ".join(str(value).replace("\0", "").split()) if value is not None else ""


def _number(value: Any) -> float | None:
    try:
        return float(str(value).replace(",", ".")) if value not in (None, "") else None
    except ValueError:
        return None


def _date(value: Any) -> date | None:
    text = str(value or "")[:10]
    try:
        if "/" in text:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day))
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
