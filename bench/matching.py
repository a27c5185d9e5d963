"""Duplicate detection, measured: quality, speed of a batch, latency at creation. Prints one JSON document.

    python bench/matching.py [--sizes 100000 1000000] [--online 1000000] [--fr FILE] [--febrl FILE …] [--home DIR]

Registers are invented (matching_people.py) and cached under --home; --fr and --febrl add files whose truth is known.
"""

import argparse
import csv
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from itertools import islice
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

import numpy as np  # noqa: E402
from django.conf import settings  # noqa: E402

settings.configure(USE_I18N=False)  # only for words; no database, no applications
from matching_people import HEADER, MIXES, people, write  # noqa: E402

from cercle.people.patients.matching import Traits, batch, blocking, files, keys, match_file, rank  # noqa: E402
from cercle.people.patients.matching.people import of_columns  # noqa: E402

BLANKED = ("ins", "phone", "address", "postcode", "commune")
FR = files.FORMATS["fr"]


def register(home: Path, mix: str, seed: int, count: int) -> Path:
    path = home / f"{mix}-{seed}-{count}.csv"
    return path if path.exists() else write(path, count, MIXES[mix], seed)


# --- Quality -----------------------------------------------------------------------------------------------------------
def persons(path: Path, profile: str) -> dict[str, str]:
    with path.open(encoding="utf-8-sig") as text:
        rows = csv.DictReader(text, skipinitialspace=True)
        if profile == "febrl":
            return {r["rec_id"].strip(): r["rec_id"].split("-")[1] for r in rows}
        return {r["id_enregistrement"]: r["id_personne"] for r in rows}


def quality(path: Path, profile: str, blank: bool = False) -> dict:
    mapping = files.FORMATS[profile]
    if blank:
        mapping = {f: c for f, c in mapping.items() if f not in BLANKED}
    person = persons(path, profile)
    true = sum(n * (n - 1) // 2 for n in Counter(person.values()).values())
    with tempfile.TemporaryDirectory() as folder:
        match_file(path, Path(folder) / "pairs.csv", profile=profile, mapping=mapping)
        with (Path(folder) / "pairs.csv").open(encoding="utf-8") as text:
            found = [(person[r["id_a"]] == person[r["id_b"]], r["decision"] == "auto") for r in csv.DictReader(text)]
    same, auto = np.array([f[0] for f in found]), np.array([f[1] for f in found])
    right = np.cumsum(same)  # best score first
    precision, recall = right / np.arange(1, len(same) + 1), right / true
    best = int(np.argmax(precision * recall / (precision + recall)))
    return {
        "register": path.stem + (" without INS, phone, address" if blank else ""),
        "true_pairs": true,
        "auto_precision": round(float(same[auto].mean()), 5),
        "auto_recall": round(float(same[auto].sum() / true), 4),
        "auto_and_review_recall": round(float(same.sum() / true), 4),
        "queue_per_100_true_pairs": round(100 * float((~auto).sum() / true), 2),
        "best_single_threshold": {
            "precision": round(float(precision[best]), 4),
            "recall": round(float(recall[best]), 4),
        },
    }


# --- Batch -------------------------------------------------------------------------------------------------------------
def speed(path: Path) -> dict:
    """In a process of its own, so that the memory is that of one run."""
    code = (
        "import sys, json, time, resource\nfrom pathlib import Path\n"
        "from cercle.people.patients.matching import match_file\n"
        "t = time.perf_counter()\nr = match_file(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(json.dumps({'records': r.records, 'pairs_compared': r.compared, 'auto': r.auto, 'review': r.review,"
        " 'seconds': round(time.perf_counter() - t, 1),"
        " 'peak_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(Path(folder) / "pairs.csv")],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
    return json.loads(done.stdout)


# --- At creation -------------------------------------------------------------------------------------------------------
COLUMNS = [f for f in FR if f != "id"]
LOOK_UP = """SELECT patient FROM bench_matchkey WHERE key = ANY(%s)
             GROUP BY patient ORDER BY count(*) DESC, patient LIMIT 200"""
READ = f"SELECT {', '.join(COLUMNS)} FROM bench_traits WHERE patient = ANY(%s)"


def traits(row: list[str]) -> Traits:
    named = dict(zip(HEADER, row, strict=True))
    return Traits(**{f: " ".join(named[c] for c in FR[f]) for f in COLUMNS})


def online(home: Path, count: int, asked: int) -> dict:
    """A look-up of exact keys, a read of the candidates, one comparison: as duplicates.py does, on tables of its own."""
    import psycopg

    from cercle.base.common.postgres import Server

    path = register(home, "single", 31, count)
    with tempfile.TemporaryDirectory(prefix="cercle-bench-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)  # the database's own user walks through
        server = Server(Path(folder), durable=False)
        with server.use():
            server.create_database("matching")
            with psycopg.connect(server.url("owner", "matching"), autocommit=True) as connection:
                started = time.perf_counter()
                stored = seed(connection, path)
                seeded = time.perf_counter() - started
                result = ask(connection, path, asked)
    return {"patients": count, "stored_keys": stored, "seed_seconds": round(seeded, 1), **result}


def seed(connection, path: Path) -> int:
    connection.execute("CREATE TABLE bench_matchkey (key bigint NOT NULL, patient uuid NOT NULL)")
    connection.execute(f"CREATE TABLE bench_traits (patient uuid, {', '.join(f'{c} text' for c in COLUMNS)})")
    ids, columns = files.read(path, FR)
    table = np.stack([c for k in blocking.columns(of_columns(columns, len(ids)), stored=True) for c in k], 1).view(
        np.int64
    )
    with connection.cursor() as cursor, cursor.copy("COPY bench_matchkey FROM STDIN") as copy:
        for start in range(0, len(table), 20_000):
            lines = io.StringIO()
            for n, row in enumerate(table[start : start + 20_000].tolist(), start=start):
                pk = uuid.UUID(int=n)
                lines.writelines(f"{k}\t{pk}\n" for k in set(row) - {0})
            copy.write(lines.getvalue())
    with connection.cursor() as cursor, cursor.copy("COPY bench_traits FROM STDIN") as copy, path.open() as text:
        for n, row in enumerate(islice(csv.reader(text), 1, None)):
            person = traits(row)
            copy.write_row((uuid.UUID(int=n), *(getattr(person, c) for c in COLUMNS)))
    connection.execute("ALTER TABLE bench_matchkey ADD PRIMARY KEY (key, patient)")
    connection.execute("ALTER TABLE bench_traits ADD PRIMARY KEY (patient)")
    connection.execute("ANALYZE bench_matchkey, bench_traits")
    return connection.execute("SELECT count(*) FROM bench_matchkey").fetchone()[0]


def ask(connection, path: Path, asked: int) -> dict:
    """New people nobody resembles on purpose, then copies with accidents of people who are there."""
    import random

    from matching_people import Person, record

    strangers = [traits(row) for row in people(asked, MIXES["single"], 77)]
    with path.open(encoding="utf-8") as text:
        known = list(islice(csv.DictReader(text), 3 * asked))
    copies = []
    r = random.Random(5)
    for row in r.sample(known, asked):
        number, street = row["adresse"].split(" ", 1)
        y, m, d = (int(x) for x in row["date_naissance"].split("-"))
        person = Person(
            row["nom_naissance"], row["nom_utilise"], tuple(row["prenoms"].split()), row["sexe"], (y, m, d),
            row["cog_naissance"], row["matricule_ins"], row["telephone"], int(number), street, row["code_postal"], row["commune"],
        )  # fmt: skip
        copies.append(traits(["", "", "", *record(r, person, MIXES["like"], copy=True)[1]]))
    times, candidates, warned, found = [], [], 0, 0
    for group, asking in (("warm", strangers[:200]), ("stranger", strangers), ("copy", copies)):
        for person in asking:
            started = time.perf_counter()
            ids = [x[0] for x in connection.execute(LOOK_UP, (list(keys(person)),)).fetchall()]
            rows = connection.execute(READ, (ids,)).fetchall() if ids else []
            answer = rank(person, [Traits(**dict(zip(COLUMNS, row, strict=True))) for row in rows])
            if group == "warm":
                continue
            times.append(1000 * (time.perf_counter() - started))
            candidates.append(len(rows))
            warned += group == "stranger" and bool(answer)
            found += group == "copy" and bool(answer)
    p50, p95, p99 = np.percentile(times, (50, 95, 99))
    return {
        "asked": 2 * asked,
        "ms": {"p50": round(p50, 2), "p95": round(p95, 2), "p99": round(p99, 2)},
        "candidates": {"median": int(np.median(candidates)), "p95": int(np.percentile(candidates, 95))},
        "false_warnings_percent": round(100 * warned / asked, 2),
        "copies_found_percent": round(100 * found / asked, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--online", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=2_000)
    parser.add_argument("--fr", type=Path)
    parser.add_argument("--febrl", type=Path, nargs="*", default=[])
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("CERCLE_HOME", "var")) / "bench")
    args = parser.parse_args()
    args.home.mkdir(parents=True, exist_ok=True)
    rows = [(args.fr, "fr")] if args.fr else []
    rows += [
        (register(args.home, mix, seed, 4000), "fr") for mix, seed in (("like", 301), ("like", 302), ("harsh", 303))
    ]
    out: dict = {"weights": batch.table("fr").version, "quality": []}
    for path, profile in rows:
        out["quality"] += [quality(path, profile), quality(path, profile, blank=True)]
    out["quality"] += [quality(path, "febrl") for path in args.febrl]
    out["batch"] = [speed(register(args.home, "like", 9, size)) for size in args.sizes]
    if args.online:
        out["at_creation"] = online(args.home, args.online, args.asked)
    out["bench_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(out, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
