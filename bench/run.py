"""`make bench SIZE=…`: how fast the product answers, beside the same work in SQL and a bare Django view. Never a test.

Sizes: 200, 1k, 10k, 100k, or several (« 10k 100k »); `all` is 10k and 100k, measured in turns, and gives the growth.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg

from . import dac, prepare, sql
from .client import Load, drive
from .site import ROOT, SIZES, WHERE, Site
from .work import Work

LATENCY, THROUGHPUT = 2, 8  # connections


WORKS = [
    Work(
        "search_name",
        "chercher par début de nom",
        "",
        lambda s, p, n: s.post("/patients/", {"q": p["prefixes"][n % len(p["prefixes"])]}),
    ),
    Work(
        "search_page",
        "la même, page entière",
        "",
        lambda s, p, n: s.get("/patients/?q=" + p["prefixes"][n % len(p["prefixes"])].replace(" ", "+")),
    ),
    Work(
        "search_ins", "chercher par INS", "", lambda s, p, n: s.post("/patients/", {"q": p["ins"][n % len(p["ins"])]})
    ),
    Work("patients", "« mes patients », non lus", "", lambda s, p, n: s.get("/patients/")),
    Work(
        "directory",
        "chercher dans l’annuaire",
        "",
        lambda s, p, n: s.get("/annuaire/?q=" + p["prefixes"][n % 10].replace(" ", "+")),
    ),
    Work(
        "file",
        "ouvrir le dossier, 20 notes",
        "",
        lambda s, p, n: s.get(f"/patients/{p['circles'][n % len(p['circles'])]}/"),
    ),
]
FORM = {"text": sql.TEXT, "type": "OBS", "urgency": "0", "category": "nursing"}
WRITES = [
    Work(
        "note",
        "ajouter une note (302)",
        "writer",
        lambda s, p, n: s.post(f"/patients/{_of(p, n)}/notes/", FORM, htmx=False),
        302,
        False,
    ),
    Work(
        "note_htmx",
        "ajouter une note, cahier rendu",
        "writer",
        lambda s, p, n: s.post(f"/patients/{_of(p, n)}/notes/", FORM),
        200,
        False,
    ),
]


def _of(person: dict, n: int) -> str:
    mine = person["circles"][::2]  # the others are pgbench's
    return mine[n % len(mine)]


@dataclass
class Line:
    """What one work gave on one site, over all rounds."""

    site: str
    work: Work
    who: str
    latency: Load = field(default_factory=Load)
    throughput: Load = field(default_factory=Load)
    sql: Load = field(default_factory=Load)
    bare: list[float] = field(default_factory=list)
    pgbench: list[float] = field(default_factory=list)
    statements: int = 0
    cpu: float = 0.0
    loads: list[float] = field(default_factory=list)

    def as_json(self) -> dict:
        out = {
            "size": self.site, "work": self.work.key, "who": self.who, "requests": len(self.latency.times) + len(self.throughput.times),
            "p50_ms": round(self.latency.quantile(0.5), 1), "p95_ms": round(self.latency.quantile(0.95), 1),
            "per_second": round(self.throughput.rate, 1), "p95_ms_at_8": round(self.throughput.quantile(0.95), 1),
            "cpu_ms": round(1000 * self.cpu / max(len(self.latency.times) + len(self.throughput.times), 1), 1),
            "kb": round(self.latency.bytes / 1024 / max(len(self.latency.times), 1), 1),
            "unexpected": len(self.latency.bad) + len(self.throughput.bad), "load_average": [round(x, 1) for x in self.loads],
        }  # fmt: skip
        if self.statements:
            out["statements"] = self.statements
        if self.sql.times:
            out |= {"sql_p50_ms": round(self.sql.quantile(0.5), 1), "sql_p95_ms": round(self.sql.quantile(0.95), 1)}
            out["times_sql"] = round(out["p50_ms"] / max(out["sql_p50_ms"], 0.1), 1)
        if self.bare:
            out |= {
                "bare_per_second": round(statistics.mean(self.bare), 1),
                "of_bare": round(self.throughput.rate / statistics.mean(self.bare), 3),
            }
        if self.pgbench:
            out |= {
                "pgbench_per_second": round(statistics.mean(self.pgbench), 1),
                "of_pgbench": round(self.throughput.rate / statistics.mean(self.pgbench), 3),
            }
        return out


class Bench:
    def __init__(self, sites: list[Site], works: list[Work], *, seconds: float, rounds: int, only: set[str]):
        self.sites, self.works, self.seconds, self.rounds, self.only = sites, works, seconds, rounds, only
        self.lines: dict[tuple, Line] = {}

    def run(self) -> list[dict]:
        for turn in range(self.rounds):
            say(f"tour {turn + 1} sur {self.rounds}, charge {os.getloadavg()[0]:.1f}")
            for work in self.works:
                if self.only and work.key not in self.only:
                    continue
                for who in [work.who] if work.who else ["nurse", "dac"]:
                    # Sizes in turns, forwards then backwards: a machine that slows down slows both.
                    for site in self.sites if turn % 2 == 0 else self.sites[::-1]:
                        self.measure(site, work, who)
            for site in self.sites:
                self._drain(site)
        return [line.as_json() for line in self.lines.values()]

    def measure(self, site: Site, work: Work, who: str) -> None:
        line = self.lines.setdefault((site.size, work.key, who), Line(site.size, work, who))
        session, person = site.sessions[who], site.people[who]

        shift = 7 * len(line.latency.times)

        def make(n: int) -> bytes:
            return work.request(session, person, n + shift)

        line.loads.append(os.getloadavg()[0])
        self._reset(site, person)
        drive(site.port, make, connections=LATENCY, seconds=0.5, most=20, expect=work.expect)  # warm: plans, templates
        self._beside(site, work, person, line)
        before = site.cpu()
        line.latency.add(
            drive(site.port, make, connections=LATENCY, seconds=self.seconds, most=2000, expect=work.expect)
        )
        line.throughput.add(
            drive(site.port, make, connections=THROUGHPUT, seconds=self.seconds, most=10_000, expect=work.expect)
        )
        line.cpu += site.cpu() - before
        self._beside(site, work, person, line)

    def _beside(self, site: Site, work: Work, person: dict, line: Line) -> None:
        """The reference, before and after."""
        half = max(self.seconds / 2, 1)
        pages = person.get("statements", {}).get(work.key)
        if pages and work.replayed:
            line.statements = round(statistics.median(len(p) for p in pages))
            line.sql.add(sql.replay(site.server.url("app"), pages, connections=LATENCY, seconds=half / 2))
        if work.key == "file":
            circles = person["circles"]
            plain = drive(
                site.bare_port,
                lambda n: site.sessions["nurse"].get(f"/bare/{circles[n % len(circles)]}/"),
                connections=THROUGHPUT,
                seconds=half,
            )
            line.bare.append(plain.rate)
        if work.key.startswith("note"):
            line.pgbench.append(
                sql.pgbench(
                    site.server._binaries(),
                    site.server.url("app"),
                    site.scripts,
                    connections=THROUGHPUT,
                    seconds=round(half),
                )
            )
            with psycopg.connect(site.server.url("app"), autocommit=True) as connection:
                connection.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'bench'")

    def _reset(self, site: Site, person: dict) -> None:
        with psycopg.connect(site.server.url("app"), autocommit=True) as connection:
            connection.execute(prepare.RESET, {"user": person["user"]})

    def _drain(self, site: Site) -> None:
        """Wait, 30 s at most, for the jobs of the notes just written: they are not the next round's burden."""
        with psycopg.connect(site.server.url("app"), autocommit=True) as connection:
            for _ in range(60):
                waiting = connection.execute(
                    "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND scheduled_at IS NULL"
                ).fetchone()
                if waiting[0] < 5:
                    return
                time.sleep(0.5)


LARGER = {"10k": "100k", "dac-1": "dac-10"}


def growth(rows: list[dict]) -> list[dict]:
    """p95 at ten times the size over p95, of the same run."""
    by = {(r["size"], r["work"], r["who"]): r for r in rows}
    found = []
    for (size, work, who), small in by.items():
        large = by.get((LARGER.get(size, ""), work, who))
        if large:
            found.append(
                {
                    "from": size,
                    "work": work,
                    "who": who,
                    "p50": round(large["p50_ms"] / small["p50_ms"], 2),
                    "p95": round(large["p95_ms"] / small["p95_ms"], 2),
                }
            )
    return found


def journal(site: Site) -> dict:
    """Sealing what the bench has just traced, then reading the whole journal again."""
    with psycopg.connect(site.server.url("app"), autocommit=True) as connection:
        (events,) = connection.execute("SELECT count(*) FROM audit_event").fetchone()
    started = time.perf_counter()
    site.cercle("audit", "seal")
    sealed = time.perf_counter() - started
    started = time.perf_counter()
    site.cercle("audit", "verify", "--quiet")
    read = time.perf_counter() - started
    return {
        "size": site.size,
        "events": events,
        "seal_s": round(sealed, 1),
        "verify_s": round(read, 1),
        "verify_per_second": round(events / read),
    }


def matching(size: int) -> dict:
    command = [
        sys.executable,
        str(ROOT / "bench" / "matching.py"),
        "--home",
        str(WHERE),
        "--online",
        str(size),
        "--sizes",
        *map(str, sorted({min(size, 100_000), size})),
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def machine() -> dict:
    cpu = next(
        (x.split(":")[1].strip() for x in _lines("/proc/cpuinfo") if x.startswith("model name")), platform.processor()
    )
    memory = next((int(x.split()[1]) // 1024**2 for x in _lines("/proc/meminfo") if x.startswith("MemTotal")), 0)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": memory,
        "python": platform.python_version(),
        "commit": commit,
        "load": list(os.getloadavg()),
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def table(result: dict) -> str:
    head = f"{'taille':>6} {'quoi':<32}{'qui':<12}{'p50 ms':>8}{'p95 ms':>8}{'req/s':>8}{'CPU ms':>8}{'Ko':>6}{'SQL p50':>9}{'× SQL':>7}{'requêtes':>9}{'charge':>8}"
    lines = [head, "-" * len(head)]
    every = {w.key: w for w in [*WORKS, *WRITES, *dac.WORKS]}
    labels = {key: w.label for key, w in every.items()}
    for r in result["works"]:
        sql_ = f"{r['sql_p50_ms']:>9}{r['times_sql']:>7}" if "sql_p50_ms" in r else f"{'':>16}"
        bad = f"  {r['unexpected']} réponses inattendues" if r["unexpected"] else ""
        aim = dac.aim(every[r["work"]], r["size"])
        late = "" if r["p95_ms"] <= aim else f"  p95 > {aim} ms"
        lines.append(
            f"{r['size']:>6} {labels[r['work']]:<32}{r['who']:<12}{r['p50_ms']:>8}{r['p95_ms']:>8}{r['per_second']:>8}{r['cpu_ms']:>8}{r['kb']:>6}{sql_}"
            f"{r.get('statements', ''):>9}{statistics.mean(r['load_average']):>8.1f}{late}{bad}"
        )
    lines.append("")
    for r in result["works"]:
        if "of_bare" in r:
            lines.append(
                f"{r['size']:>6} dossiers/s ({r['who']}) : {r['per_second']}, vue Django nue {r['bare_per_second']}, rapport {r['of_bare']} (visé 0,3)"
            )
        if "of_pgbench" in r:
            lines.append(
                f"{r['size']:>6} notes/s ({labels[r['work']]}) : {r['per_second']}, pgbench {r['pgbench_per_second']}, rapport {r['of_pgbench']} (visé 0,15)"
            )
    for g in result["growth"]:
        lines.append(
            f"{g['from']} vers {LARGER[g['from']]}, {labels[g['work']]} ({g['who']}) : p95 × {g['p95']}, p50 × {g['p50']} (au plus 1,2)"
        )
    for j in result["journal"]:
        lines.append(
            f"{j['size']:>6} journal : {j['events']} traces, sceau {j['seal_s']} s, relecture {j['verify_s']} s ({j['verify_per_second']} par seconde)"
        )
    return "\n".join(lines)


def measured(sites: list[Site], works: list[Work], args, only: set[str], result: dict) -> None:
    started: list[Site] = []
    try:
        for site in sites:
            site.ready(say)
        for site in sites:
            started.append(site)
            site.start()
        result["datasets"] += [site.told() for site in sites]
        result["works"] += Bench(sites, works, seconds=args.seconds, rounds=args.rounds, only=only).run()
        if not args.only:
            result["journal"] += [journal(site) for site in sites if site.patients]
    finally:
        for site in started:
            site.stop()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["10k"], help=f"{', '.join(SIZES)} ou all")
    parser.add_argument(
        "--seconds", type=float, default=float(os.environ.get("BENCH_SECONDS", "2")), help="durée d’une tranche"
    )
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "3")))
    parser.add_argument(
        "--only", nargs="*", default=[], help="search_name, file, note…, ou dac : toute la journée d’un DAC"
    )
    parser.add_argument(
        "--matching", type=int, default=None, help="taille du registre des doublons ; 0 : pas de doublons"
    )
    args = parser.parse_args()
    wanted = ["10k", "100k"] if args.sizes == ["all"] else args.sizes
    if unknown := [s for s in wanted if s not in SIZES]:
        parser.error(f"taille inconnue : {unknown[0]} ({', '.join(SIZES)} ou all)")
    matched = args.matching
    if matched is None:
        large = args.sizes == ["all"] or os.environ.get("MATCHING") == "1"
        matched = 1_000_000 if large else {"10k": 10_000, "100k": 100_000}.get(wanted[-1], 0)
        matched = 0 if os.environ.get("MATCHING") == "0" else matched
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through `finally`: what was started is stopped
    only = set(args.only)
    parts: list[tuple[list[Site], list[Work]]] = []
    if only != {"dac"}:
        parts.append(([Site(size) for size in wanted], [*WORKS, *WRITES]))
    if not only or only & ({"dac"} | {w.key for w in dac.WORKS}):
        # The growth is asked for when the sizes are.
        sizes = ["1"] if not only and wanted == ["10k"] else list(dac.DACS)
        parts.append(([dac.DacSite(times) for times in sizes], dac.WORKS))
    only.discard("dac")
    result: dict = {
        "at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": machine(),
        "works": [],
        "growth": [],
        "journal": [],
    }
    result["datasets"] = []
    for sites, works in parts:
        measured(sites, works, args, only, result)
    result["growth"] = growth(result["works"])
    if matched:
        say(f"doublons, {matched} identités…")
        result["matching"] = matching(matched)
    result["machine"]["load_after"] = list(os.getloadavg())
    WHERE.mkdir(parents=True, exist_ok=True)
    file = WHERE / f"results-{datetime.now().astimezone():%Y-%m-%d-%H%M}.json"
    file.write_text(json.dumps(result, ensure_ascii=False, indent=1))
    print(table(result))
    if "matching" in result:
        print("doublons : " + json.dumps(result["matching"], ensure_ascii=False))
    print(
        f"{file.relative_to(ROOT)}  {result['machine']['cpu']}, {result['machine']['cores']} cœurs, charge {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
