"""Scoring a file of cases: `[{"id": …, "profil": {variable: value}}, …]`.

Other keys of a case are left aside (a comment, what was expected). One bad case never stops the others: it is answered
`{"id", "erreur"}`. The file as a whole is refused only when it cannot be read as a list.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from cercle.base.common.errors import Refused

from .base import BadProfile, Instrument, shown

LARGEST = 100 * 1024 * 1024
FAILURES = {FileNotFoundError: "introuvable", IsADirectoryError: "c’est un dossier", PermissionError: "lecture refusée"}


class _Repeated(dict):
    """An object in which a key was written twice: which of the two is meant cannot be known."""

    key: str = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _value in pairs]
    twice = _Repeated(found)
    twice.key = next(name for name in names if names.count(name) > 1)
    return twice


def read(path: str) -> list[Any]:
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST:
            raise Refused(f"fichier trop gros : {path} ({LARGEST // 1024 // 1024} Mo au plus)", "too_big")
        content = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"fichier illisible : {path} n’est pas en UTF-8", "unreadable") from None
    except (OSError, ValueError) as error:
        why = next((words for kind, words in FAILURES.items() if isinstance(error, kind)), "lecture impossible")
        raise Refused(f"fichier illisible : {path} ({why})", "unreadable") from None
    if not content.strip():
        raise Refused(f"fichier vide : {path}", "empty")
    try:
        cases = json.loads(content, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        where = f"ligne {error.lineno}, colonne {error.colno}"
        raise Refused(f"fichier illisible : {path} n’est pas du JSON ({where})", "unreadable") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, objects nested without end
        raise Refused(f"fichier illisible : {path} n’est pas du JSON raisonnable", "unreadable") from None
    if not isinstance(cases, list):
        raise Refused(f'{path} : une liste de cas est attendue, [{{"id": …, "profil": {{…}}}}]', "not_a_list")
    return cases


def repeated(found: list[dict[str, Any]]) -> list[str]:
    """Ids given to several cases: the answers are in the order of the file, which alone tells them apart."""
    counts = Counter(str(one["id"]) for one in found if one["id"] is not None)
    return [name for name, n in counts.items() if n > 1]


def score_all(instrument: Instrument, cases: list[Any]) -> list[dict[str, Any]]:
    return [_one(instrument, case) for case in cases]


def _one(instrument: Instrument, case: Any) -> dict[str, Any]:
    assert instrument.score is not None
    name = case.get("id") if isinstance(case, dict) else None
    if type(name) not in (str, int):
        name = None
    try:
        return {"id": name} | instrument.score(_profile(case)).as_json()
    except BadProfile as refused:
        return {"id": name, "erreur": str(refused)}


def _profile(case: Any) -> dict[str, Any]:
    if not isinstance(case, dict):
        raise BadProfile(f"un cas doit être un objet, pas {shown(case)}")
    if isinstance(case, _Repeated):
        raise BadProfile(f"clé écrite deux fois : {shown(case.key)}")
    if "id" not in case or type(case["id"]) not in (str, int):
        raise BadProfile("« id » manque, ou n’est ni un texte ni un nombre entier")
    if "profil" not in case:
        raise BadProfile("« profil » manque")
    profile = case["profil"]
    for part in (profile, *(profile.values() if isinstance(profile, dict) else ())):
        if isinstance(part, _Repeated):
            raise BadProfile(f"clé écrite deux fois : {shown(part.key)}")
    return profile
