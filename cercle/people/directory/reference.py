"""The reference tables: code sets, communes, countries. Loading twice changes nothing."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from django.db import connection, transaction

from cercle.base.common.errors import Refused
from cercle.people.directory.bulk import Counts, Stage, analyze
from cercle.people.directory.models import Code, CodeSet, Commune
from cercle.people.directory.nomenclature import DATA

CODE_COLUMNS = {
    "code": "text", "system": "text", "label": "text", "parent": "text", "rank": "int", "ended_on": "date", "extra": "jsonb",
}  # fmt: skip


# What other apps bring with the software and load at the same time: each says what it did.
companions: list[Callable[[], str]] = []


def load(which: str = "all") -> dict[str, Counts]:
    """Everything under `data/`: `codes`, `communes`, `historic`, `countries` or `all`. Counts by table."""
    done: dict[str, Counts] = {}
    with transaction.atomic():
        if which in ("all", "codes"):
            for row in _rows(DATA / "codes" / "sets.csv"):
                with (DATA / row["file"]).open(encoding="utf-8", newline="") as lines:
                    done[row["name"]] = load_codes(
                        row["name"], csv.DictReader(lines), title=row["title"], oid=row["oid"],
                        version=row["version"], source=row["source"],
                    )  # fmt: skip
        if which in ("all", "communes"):
            done["communes"] = _load_communes()
        if which in ("all", "historic"):
            done["communes historiques"] = _load_historic()
        if which in ("all", "countries"):
            done["pays"] = _load_countries()
    analyze("directory_code", "directory_commune", "directory_historiccommune")
    return done


def is_loaded() -> bool:
    return CodeSet.objects.filter(name="TRE_G15").exists() and Commune.objects.exists()


def load_codes(
    name: str, rows: Iterable[dict], *, title: str = "", oid: str = "", version: str = "", source: str = ""
) -> Counts:
    """One code set from rows with `code`, `label` and optionally `system`, `parent`, `ended_on`, `extra`.

    A code that the file no longer has stays: rows elsewhere may name it.
    """
    facts = {"title": title, "oid": oid, "version": version, "source": source}
    code_set, new = CodeSet.objects.get_or_create(name=name, defaults=facts)
    if not new and any(getattr(code_set, k) != v for k, v in facts.items()):
        CodeSet.objects.filter(pk=code_set.pk).update(**facts)
    seen: set[tuple[str, str]] = set()

    def values() -> Iterator[tuple]:
        for rank, row in enumerate(rows):
            code, system = row["code"].strip(), (row.get("system") or "").strip()
            if code and (code, system) not in seen:
                seen.add((code, system))
                extra = row.get("extra") or {}
                yield (
                    code, system, row["label"].strip(), row.get("parent") or "", rank, row.get("ended_on") or None,
                    json.dumps(extra, ensure_ascii=False),
                )  # fmt: skip

    with connection.cursor() as cursor:
        stage = Stage(cursor, "stage_code", CODE_COLUMNS)
        stage.fill(values())
        return stage.merge_into(
            Code._meta.db_table, ("code", "system"), ("label", "parent", "rank", "ended_on", "extra"),
            fixed={"set_id": code_set.pk}, stamp=False,
        )  # fmt: skip


def _load_communes() -> Counts:
    columns = {
        "code": "text", "kind": "text", "name": "text", "postal_codes": "varchar[]", "department": "text", "region": "text",
        "population": "int", "lat": "float8", "lon": "float8", "replaced_by": "text",
    }  # fmt: skip

    def values() -> Iterator[tuple]:
        for r in _rows(DATA / "communes.csv.gz"):
            yield (
                r["code"], r["kind"], r["name"], r["postal_codes"].split(), r["department"], r["region"],
                r["population"] or None, r["lat"] or None, r["lon"] or None,
                r["replaced_by"] if r["replaced_by"] != r["code"] or r["kind"] in ("COMD", "COMA") else "",
            )  # fmt: skip

    return _replace("directory_commune", columns, ("code", "kind"), values())


def _load_historic() -> Counts:
    columns = {"code": "text", "name": "text", "start": "date", "end": "date"}
    values = (
        (r["code"], r["name"], r["start"] or None, r["end"] or None)
        for r in _rows(DATA / "communes_historiques.csv.gz")
    )
    with connection.cursor() as cursor:
        stage = Stage(cursor, "stage_historic", columns)
        total = stage.fill(values)
        # No column identifies a line: what is equal stays, what is new comes, what is gone leaves.
        gone = stage.run(
            "DELETE FROM directory_historiccommune t WHERE NOT EXISTS (SELECT 1 FROM {stage} s WHERE s.code = t.code"
            ' AND s.name = t.name AND s.start IS NOT DISTINCT FROM t.start AND s."end" IS NOT DISTINCT FROM t."end")'
        )
        new = stage.run(
            'INSERT INTO directory_historiccommune (code, name, start, "end") SELECT DISTINCT code, name, start, "end"'
            " FROM {stage} s WHERE NOT EXISTS (SELECT 1 FROM directory_historiccommune t WHERE s.code = t.code"
            ' AND s.name = t.name AND s.start IS NOT DISTINCT FROM t.start AND s."end" IS NOT DISTINCT FROM t."end")'
        )
    return Counts(new, gone, total - new)


def _load_countries() -> Counts:
    values = ((r["code"], r["name"]) for r in _rows(DATA / "pays.csv"))
    return _replace("directory_country", {"code": "text", "name": "text"}, ("code",), values)


def _replace(table: str, columns: dict[str, str], on: tuple[str, ...], rows: Iterable) -> Counts:
    with connection.cursor() as cursor:
        stage = Stage(cursor, "stage_reference", columns)
        stage.fill(rows)
        return stage.merge_into(table, on, [c for c in columns if c not in on], stamp=False)


# --- Files given on the command line ---------------------------------------------------------------------------------


def load_cim10(path: Path) -> Counts:
    """CIM-10 from a table of the ATIH: `code`, a short and a long label, in CSV (`,` `;` `|` or tab), .gz and .zip too.

    Kept out of the repository: its reuse is not ours to grant.
    """
    with open_text(path) as lines:
        reader = _dict_reader(lines)
        names = {n.strip().lower(): n for n in reader.fieldnames or []}
        code = names.get("code")
        label = next((names[n] for n in ("libelle_long", "libelle", "label", "libellé") if n in names), None)
        if not code or not label:
            raise Refused(
                "Ce fichier n’est pas une table CIM-10 : il faut les colonnes code et libelle_long.", "wrong_file"
            )
        short = names.get("libelle_court")

        def rows() -> Iterator[dict]:
            for row in reader:
                value = (row[code] or "").strip().upper().replace(".", "")
                text = (row[label] or "").strip()
                if not value or not text:
                    continue
                extra = {"short": row[short].strip()} if short and row.get(short) else {}
                yield {"code": value, "label": text, "parent": value[:3] if len(value) > 3 else "", "extra": extra}

        with transaction.atomic():
            done = load_codes("CIM10", rows(), title="CIM-10 FR", oid="2.16.840.1.113883.6.3", source=path.name[:200])
    analyze("directory_code")
    return done


def load_nos(path: Path, name: str = "") -> dict[str, Counts]:
    """A nomenclature of the NOS: FHIR CodeSystem or ValueSet (JSON), CSV (`code`, `libelle`), or one value set a line."""
    with open_text(path) as lines:
        start = lines.read(4096)
        lines.seek(0)
        done: dict[str, Counts] = {}
        with transaction.atomic():
            if start.lstrip()[:1] == "{" and "resourceType" in start:
                done |= _load_fhir(json.load(lines), name, path)
            elif start.lstrip()[:1] == "{":
                for line in filter(str.strip, lines):
                    value_set = json.loads(line)
                    short = short_name(value_set["id"])
                    rows = [
                        {"code": c["code"], "system": c.get("system", ""), "label": c.get("display") or c["code"]}
                        for c in value_set.get("concepts", [])
                    ]
                    done[short] = load_codes(
                        short, rows, title=value_set["id"][:160], oid=value_set.get("oid") or "",
                        version=(value_set.get("date_maj") or "")[:10], source=path.name[:200],
                    )  # fmt: skip
            else:
                reader = _dict_reader(lines)
                if "code" not in (reader.fieldnames or []) or not {"libelle", "label"} & set(reader.fieldnames or []):
                    raise Refused(
                        "Ce fichier n’est pas une nomenclature : il faut les colonnes code et libelle.", "wrong_file"
                    )
                rows = [
                    {
                        "code": r["code"], "label": r.get("libelle") or r.get("label") or r["code"],
                        "system": r.get("code_system_oid") or r.get("system") or "", "ended_on": r.get("date_fin") or "",
                    }
                    for r in reader
                ]  # fmt: skip
                short = name or short_name(path.name)
                done[short] = load_codes(short, rows, source=path.name[:200])
    analyze("directory_code")
    return done


def short_name(text: str) -> str:
    """« JDV_J23-TypeNoteCahierLiaison-CISIS » is known here as JDV_J23."""
    parts = text.split(".")[0].replace("-", "_").split("_")
    if parts[0] in ("JDV", "TRE", "ASS") and len(parts) > 1 and parts[1][:1] in "JRGA" and parts[1][1:].isdigit():
        return f"{parts[0]}_{parts[1]}"
    return text.split(".")[0][:60]


def _load_fhir(resource: dict, name: str, path: Path) -> dict[str, Counts]:
    kind = resource.get("resourceType")
    rows: list[dict] = []
    if kind == "CodeSystem":

        def walk(concepts: list[dict], parent: str) -> None:
            for concept in concepts:
                ended = next(
                    (
                        p.get("valueDateTime", "")[:10]
                        for p in concept.get("property", [])
                        if p.get("code") == "dateFin"
                    ),
                    "",
                )
                rows.append(
                    {
                        "code": concept["code"],
                        "label": concept.get("display") or concept["code"],
                        "parent": parent,
                        "ended_on": ended,
                    }
                )
                walk(concept.get("concept", []), concept["code"])

        walk(resource.get("concept", []), "")
    elif kind == "ValueSet":
        for include in resource.get("compose", {}).get("include", []):
            rows += [
                {"code": c["code"], "system": include.get("system", ""), "label": c.get("display") or c["code"]}
                for c in include.get("concept", [])
            ]
    else:
        raise Refused("Ce fichier FHIR n’est ni un CodeSystem ni un ValueSet.", "wrong_file")
    oid = next(
        (i["value"].removeprefix("urn:oid:") for i in resource.get("identifier", []) if "oid" in i.get("value", "")), ""
    )
    short = name or short_name(resource.get("name") or resource.get("id") or path.name)
    return {
        short: load_codes(
            short, rows, title=(resource.get("title") or "")[:160], oid=oid, version=str(resource.get("version", ""))[:40],
            source=path.name[:200],
        )
    }  # fmt: skip


def _rows(path: Path) -> Iterator[dict]:
    opened: IO = (
        gzip.open(path, "rt", encoding="utf-8", newline="")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8", newline="")
    )
    with opened as lines:
        yield from csv.DictReader(lines)


def _dict_reader(lines: IO[str]) -> csv.DictReader:
    header = lines.readline()
    separator = max(",;|\t", key=header.count)
    lines.seek(0)
    return csv.DictReader(lines, delimiter=separator)


def open_text(path: Path) -> IO[str]:
    """A text file, or the first member of a .gz or .zip; UTF-8 with or without BOM, else Latin-1. Seekable."""
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        elif raw[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                raw = archive.read(archive.namelist()[0])
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise Refused(f"Fichier illisible : {type(error).__name__}.", "unreadable") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    if "\0" in text[:10_000]:
        raise Refused("Ce fichier n’est pas un texte.", "wrong_file")
    return io.StringIO(text)
