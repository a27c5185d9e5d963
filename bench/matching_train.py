"""Makes cercle/people/patients/matching/weights.json: logistic weights of the comparison levels, and the two thresholds.

    python bench/matching_train.py --fr FILE --febrl FILE FILE [--write]

Trained on the given files and on invented registers of other mixes and seeds (matching_people.py), each also with INS, phone
and address blanked, so that no accident's frequency is learnt by heart. Prints what it reaches on registers it has not seen.
"""

import argparse
import csv
import json
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from matching_people import MIXES, write

from cercle.people.patients.matching import batch, files, levels, people, weights

BLANKED = ("ins", "phone", "address", "postcode", "commune")
VERSION = "1"
# No register at hand carries these; set from what they mean: a social security number is shared by a parent and children.
BY_HAND = {
    "fr": {"nss": {"same": 3.0, "close": 1.5, "different": -0.3}, "email": {"same": 3.0, "different": -0.2}},
    "febrl": {"email": {"same": 3.0, "different": -0.2}},
}


@dataclass
class Labelled:
    name: str
    levels: np.ndarray
    same: np.ndarray
    true_pairs: int
    weight: float = 1.0


def load(path: Path, profile: str, blank: bool = False, weight: float = 1.0, random_pairs: int = 0) -> Labelled:
    mapping = files.FORMATS[profile]
    if blank:
        mapping = {f: c for f, c in mapping.items() if f not in BLANKED}
    ids, columns = files.read(path, mapping)
    if profile == "fr":
        with path.open(encoding="utf-8-sig") as text:
            person = {r["id_enregistrement"]: r["id_personne"] for r in csv.DictReader(text)}
        names = [person[x] for x in ids]
    else:
        names = [x.split("-")[1] for x in ids]
    entity = np.unique(names, return_inverse=True)[1]
    table = people.of_columns(columns, len(ids))
    codes = batch.candidates(table)
    i, j = codes // len(ids), codes % len(ids)
    if random_pairs:
        rng = np.random.default_rng(5)
        i = np.concatenate([i, rng.integers(0, len(ids), random_pairs)])
        j = np.concatenate([j, rng.integers(0, len(ids), random_pairs)])
        fresh = ~np.isin(np.minimum(i, j) * len(ids) + np.maximum(i, j), codes) & (entity[i] != entity[j])
        fresh[: len(codes)] = True
        i, j = i[fresh], j[fresh]
    truth = sum(k * (k - 1) // 2 for k in Counter(entity.tolist()).values())
    return Labelled(
        path.stem + ("-blank" if blank else ""), levels.compare(table, i, j), entity[i] == entity[j], truth, weight
    )


# --- Fit ---------------------------------------------------------------------------------------------------------------
def offsets() -> tuple[list[int], list[int], int]:
    at, fields, crossed = 1, [], []
    for f in levels.FIELDS:
        fields.append(at)
        at += len(levels.LEVELS[f])
    for a, b in levels.CROSSED:
        crossed.append(at)
        at += len(levels.GROUPS[a]) * len(levels.GROUPS[b])
    return fields, crossed, at


def design(lev: np.ndarray) -> np.ndarray:
    fields, crossed, _ = offsets()
    groups = weights.grouped(lev)
    columns = [np.zeros(len(lev), np.int64)]
    columns += [lev[:, n].astype(np.int64) + at for n, at in enumerate(fields)]
    for (a, b), at in zip(levels.CROSSED, crossed, strict=True):
        columns.append(groups[a].astype(np.int64) * len(levels.GROUPS[b]) + groups[b] + at)
    return np.stack(columns, axis=1)


def fit(sets: list[Labelled], ridge: float, ridge_crossed: float) -> np.ndarray:
    """Newton's method on distinct patterns."""
    lev = np.concatenate([s.levels for s in sets])
    same = np.concatenate([s.same for s in sets])
    weight = np.concatenate([np.full(len(s.same), s.weight) for s in sets])
    patterns, where = np.unique(lev, axis=0, return_inverse=True)
    where = where.reshape(-1)
    total = np.bincount(where, weight)
    yes = np.bincount(where, weight * same)
    fields, crossed, size = offsets()
    index = design(patterns)
    x = np.zeros((len(patterns), size), np.float32)
    x[np.arange(len(patterns))[:, None], index] = 1
    penalty = np.full(size, ridge)
    penalty[crossed[0] :] = ridge_crossed
    penalty[0] = 1e-3
    beta = np.zeros(size)
    for _ in range(40):
        p = 1 / (1 + np.exp(-np.clip(x @ beta.astype(np.float32), -30, 30))).astype(np.float64)
        gradient = x.T @ (total * p - yes) + penalty * beta
        h = (x * (total * p * (1 - p))[:, None].astype(np.float32)).T @ x + np.diag(penalty)
        step = np.linalg.solve(h.astype(np.float64), gradient)
        beta -= step
        if np.abs(step).max() < 1e-3:
            break
    return beta


def score(beta: np.ndarray, lev: np.ndarray) -> np.ndarray:
    return beta[design(lev)].sum(axis=1)


def as_table(beta: np.ndarray, profile: str, auto: float, review: float, about: str) -> dict:
    fields, crossed, _ = offsets()
    by_hand = BY_HAND[profile]
    beta = np.round(beta, 3)
    out = {"about": about, "auto": round(auto, 3), "review": round(review, 3), "intercept": beta[0].item()}
    out["fields"] = {
        f: by_hand.get(f) or {x: beta[at + n].item() for n, x in enumerate(levels.LEVELS[f]) if beta[at + n]}
        for f, at in zip(levels.FIELDS, fields, strict=True)
    }
    out["crossed"] = {}
    for (a, b), at in zip(levels.CROSSED, crossed, strict=True):
        names = [f"{x}×{y}" for x in levels.GROUPS[a] for y in levels.GROUPS[b]]
        out["crossed"][f"{a}×{b}"] = {x: beta[at + n].item() for n, x in enumerate(names) if beta[at + n]}
    return out


# --- Judge -------------------------------------------------------------------------------------------------------------
def judge(s: Labelled, value: np.ndarray, auto: float, review: float) -> dict:
    kept, kept_auto = value >= review, value >= auto
    hits = int((kept_auto & s.same).sum())
    order = np.argsort(-value)
    right = np.cumsum(s.same[order])
    precision, recall = right / np.arange(1, len(order) + 1), right / s.true_pairs
    best = np.argmax(precision * recall / np.maximum(precision + recall, 1e-9))
    return {
        "set": s.name,
        "true": s.true_pairs,
        "auto_precision": round(hits / max(1, int(kept_auto.sum())), 5),
        "auto_wrong": int(kept_auto.sum()) - hits,
        "auto_recall": round(hits / s.true_pairs, 4),
        "recall": round(int((kept & s.same).sum()) / s.true_pairs, 4),
        "queue_per_100": round(100 * int((kept & ~kept_auto).sum()) / s.true_pairs, 2),
        "best_precision": round(float(precision[best]), 4),
        "best_recall": round(float(recall[best]), 4),
    }


def show(rows: list[dict]) -> None:
    for row in rows:
        print("  " + " ".join(f"{k}={v}" for k, v in row.items()))


def invented(folder: Path, mix: str, seed: int, count: int) -> Path:
    path = folder / f"{mix}-{seed}-{count}.csv"
    return path if path.exists() else write(path, count, MIXES[mix], seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fr", type=Path, required=True)
    parser.add_argument("--febrl", type=Path, nargs=2, required=True)
    parser.add_argument("--ridge", type=float, default=1.0)
    parser.add_argument("--ridge-crossed", type=float, default=2.0)
    parser.add_argument("--auto", type=float, default=None)
    parser.add_argument("--review", type=float, default=None)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "cercle-matching")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)

    train = []
    for mix, seed, count, weight in (
        ("like", 101, 60_000, 1.0), ("shared", 102, 30_000, 0.7), ("harsh", 103, 20_000, 0.4), ("other", 104, 20_000, 0.4),
        ("like", 105, 150_000, 0.5),
    ):  # fmt: skip
        path = invented(args.folder, mix, seed, count)
        train += [load(path, "fr", weight=weight), load(path, "fr", blank=True, weight=weight / 2)]
    given = [load(args.fr, "fr", weight=4.0), load(args.fr, "fr", blank=True, weight=2.0)]
    unseen = [
        load(invented(args.folder, mix, seed, count), "fr", blank=blank)
        for mix, seed, count in (("like", 201, 4000), ("like", 202, 4000), ("like", 203, 40_000), ("shared", 204, 20_000),
                                 ("harsh", 205, 10_000), ("other", 206, 10_000))
        for blank in (False, True)
    ]  # fmt: skip
    blind = fit(train, args.ridge, args.ridge_crossed)
    full = fit([*train, *given], args.ridge, args.ridge_crossed)
    auto, review = args.auto or 4.5, args.review or -1.5
    print("Given file, weights that never saw it:")
    show([judge(s, score(blind, s.levels), auto, review) for s in given])
    print("Invented registers, other seeds and mixes, final weights:")
    show([judge(s, score(full, s.levels), auto, review) for s in (*given, *unseen)])
    pooled = [s for s in (*given, *unseen) if "harsh" not in s.name and "other" not in s.name and "blank" not in s.name]
    print("Thresholds:")
    for t in np.arange(-4, 9, 0.5):
        values = [(score(full, s.levels) >= t, s) for s in pooled]
        kept, right = sum(int(k.sum()) for k, _ in values), sum(int((k & s.same).sum()) for k, s in values)
        print(
            f"  {t:5.1f} precision={right / max(1, kept):.5f} recall={right / sum(s.true_pairs for s in pooled):.4f} kept={kept}"
        )

    one, three = (load(p, "febrl", random_pairs=20_000) for p in args.febrl)
    febrl_auto, febrl_review = 1.5, -4.0
    print("FEBRL, each with the weights of the other:")
    for train_on, test_on in ((one, three), (three, one)):
        beta = fit([train_on], args.ridge, args.ridge_crossed)
        value = score(beta, test_on.levels)
        show([judge(test_on, value, febrl_auto, febrl_review)])
        for t in (-4, -3, 0, 1, 2):
            show([{"t": t, **judge(test_on, value, t, t)}])
    both = fit([one, three], args.ridge, args.ridge_crossed)
    show([judge(s, score(both, s.levels), febrl_auto, febrl_review) for s in (one, three)])
    if args.write:
        out = {
            "version": VERSION,
            "profiles": {
                "fr": as_table(
                    full, "fr", auto, review, "French identities: the project's training file and invented registers"
                ),
                "febrl": as_table(both, "febrl", febrl_auto, febrl_review, "FEBRL 1 and 3"),
            },
        }
        weights.FILE.write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
