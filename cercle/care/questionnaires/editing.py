"""A draft Questionnaire changed question by question. What this editor does not know of an item stays in it."""

import copy
import json
import re
from typing import Any

from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cercle.base.common.errors import Refused

from .shape import HL7, SDC, coding_key, extension, option

TYPES: list[tuple[str, Any]] = [
    ("group", gettext_lazy("Groupe de questions")), ("display", gettext_lazy("Texte à lire")), ("choice", gettext_lazy("Choix dans une liste")),
    ("open-choice", gettext_lazy("Choix, ou réponse libre")), ("boolean", gettext_lazy("Oui ou non")), ("string", gettext_lazy("Ligne de texte")),
    ("text", gettext_lazy("Texte long")), ("integer", gettext_lazy("Nombre entier")), ("decimal", gettext_lazy("Nombre")),
    ("quantity", gettext_lazy("Mesure avec unité")), ("date", gettext_lazy("Date")), ("dateTime", gettext_lazy("Date et heure")),
    ("time", gettext_lazy("Heure")), ("attachment", gettext_lazy("Fichier")),
]  # fmt: skip
OPERATORS: list[tuple[str, Any]] = [
    ("=", gettext_lazy("est")), ("!=", gettext_lazy("n’est pas")), ("exists", gettext_lazy("a une réponse")),
    ("empty", gettext_lazy("n’a pas de réponse")), (">", gettext_lazy("est plus grand que")), ("<", gettext_lazy("est plus petit que")),
    (">=", gettext_lazy("est au moins")), ("<=", gettext_lazy("est au plus")),
]  # fmt: skip


def flat(data: dict) -> list[dict]:
    """Items in order, with what the list shows: {item, depth, first, last}. Help lines belong to their question."""
    found: list[dict] = []

    def look(rows: list[dict], depth: int) -> None:
        rows = [r for r in rows if not is_help(r)]
        for at, row in enumerate(rows):
            found.append({"item": row, "depth": depth, "first": at == 0, "last": at == len(rows) - 1})
            look(row.get("item") or [], depth + 1)

    look(data.get("item") or [], 0)
    return found


def is_help(row: dict) -> bool:
    control = extension(row, HL7 + "questionnaire-itemControl")
    return (
        row.get("type") == "display"
        and isinstance(control, dict)
        and (control.get("coding") or [{}])[0].get("code") == "help"
    )


def find(data: dict, link: str) -> tuple[list[dict], int]:
    """The list that holds the item, and its place in it."""

    def look(rows: list[dict]):
        for at, row in enumerate(rows):
            if row.get("linkId") == link:
                return rows, at
            if found := look(row.get("item") or []):
                return found
        return None

    found = look(data.get("item") or [])
    if found is None:
        raise Refused(_("Cette question n’est plus dans le formulaire."), "gone")
    return found


def add(data: dict, *, kind: str, text: str, inside: str = "") -> tuple[dict, str]:
    """A new item at the end, or at the end of a group. Gives the new data and the item's linkId."""
    if kind not in dict(TYPES):
        raise Refused(_("Choisissez un type de question."), "type")
    data = copy.deepcopy(data)
    data.setdefault("item", [])
    link = _free_link(data, text)
    row: dict[str, Any] = {"linkId": link, "text": text.strip()[:2000], "type": kind}
    if kind in {"choice", "open-choice"}:
        row["answerOption"] = [{"valueString": _("Oui")}, {"valueString": _("Non")}]
    if inside:
        rows, at = find(data, inside)
        rows[at].setdefault("item", []).append(row)
    else:
        data["item"].append(row)
    return data, link


def _free_link(data: dict, text: str) -> str:
    taken = {one["item"].get("linkId") for one in flat(data)}
    stem = slugify(text)[:40].strip("-") or "question"
    return stem if stem not in taken else next(f"{stem}-{n}" for n in range(2, 10_000) if f"{stem}-{n}" not in taken)


def move(data: dict, link: str, step: int) -> dict:
    data = copy.deepcopy(data)
    rows, at = find(data, link)
    there = at + step
    if 0 <= there < len(rows):
        rows[at], rows[there] = rows[there], rows[at]
    return data


def remove(data: dict, link: str) -> dict:
    """Without this item. Conditions that named it would never hold: they are named, and nothing is removed."""
    data = copy.deepcopy(data)
    rows, at = find(data, link)
    gone = {one["item"]["linkId"] for one in flat({"item": [rows[at]]})}
    waiting = [
        one["item"].get("text") or one["item"]["linkId"]
        for one in flat(data)
        if one["item"]["linkId"] not in gone
        and any(w.get("question") in gone for w in one["item"].get("enableWhen") or [])
    ]
    if waiting:
        names = ", ".join(f"«\u00a0{w[:60]}\u00a0»" for w in waiting)
        raise Refused(
            _("D’autres questions dépendent de celle-ci : %(names)s. Changez d’abord leur condition.")
            % {"names": names},
            "needed",
        )
    del rows[at]
    return data


def change(data: dict, link: str, post) -> dict:
    """The item as its sheet says it."""
    data = copy.deepcopy(data)
    rows, at = find(data, link)
    row = rows[at]
    kind = post.get("type", row.get("type"))
    if kind not in dict(TYPES):
        raise Refused(_("Choisissez un type de question."), "type")
    if row.get("item") and kind == "display":
        raise Refused(_("Un texte à lire ne contient pas de questions."), "type")
    row["type"] = kind
    row["text"] = post.get("text", "").replace("\x00", "").strip()[:2000]
    for name in ("required", "repeats"):
        row.pop(name, None)
        if post.get(name):
            row[name] = True
    _set(row, "maxLength", _whole(post.get("longest", "")))
    _set_extension(row, HL7 + "questionnaire-hidden", "valueBoolean", True if post.get("hidden") else None)
    _options(row, post.get("options", ""))
    unit = post.get("unit", "").strip()[:40]
    if kind in {"quantity", "integer", "decimal"}:
        _set_extension(row, HL7 + "questionnaire-unit", "valueCoding", {"display": unit} if unit else None)
    number = "valueDecimal" if kind in {"decimal", "quantity"} else "valueInteger"
    for name, field in (("minValue", "least"), ("maxValue", "most")):
        value = _number(post.get(field, ""))
        if kind in {"integer", "decimal", "quantity"}:
            _set_extension(row, HL7 + name, number, value)
    for name in ("calculatedExpression", "initialExpression"):
        text = post.get(name, "").strip()[:4000]
        wanted = {"language": "text/fhirpath", "expression": text} if text else None
        _set_extension(row, SDC + name, "valueExpression", wanted)
    _condition(data, row, post)
    _help(row, post.get("help", "").replace("\x00", "").strip()[:2000])
    return data


def sheet(data: dict, link: str) -> dict:
    """What the sheet of an item shows."""
    rows, at = find(data, link)
    row = rows[at]
    when = (row.get("enableWhen") or [{}])[0]
    answer = next((v for k, v in when.items() if k.startswith("answer")), "")
    operator = when.get("operator", "=")
    if operator == "exists" and answer is False:
        operator = "empty"
    calculated, initial = (extension(row, SDC + n) or {} for n in ("calculatedExpression", "initialExpression"))
    unit = extension(row, HL7 + "questionnaire-unit") or {}
    return {
        "item": row, "link": link, "types": TYPES, "operators": OPERATORS,
        "help": next((c.get("text", "") for c in row.get("item") or [] if is_help(c)), ""),
        "options": "\n".join(_option_line(o) for o in row.get("answerOption") or []),
        "unit": unit.get("display") or unit.get("code", ""),
        "least": _shown(extension(row, HL7 + "minValue")), "most": _shown(extension(row, HL7 + "maxValue")),
        "hidden": bool(extension(row, HL7 + "questionnaire-hidden")),
        "calculated": calculated.get("expression", ""), "initial": initial.get("expression", ""),
        "question": when.get("question", ""), "operator": operator, "several": len(row.get("enableWhen") or []) > 1,
        "answer": "" if operator in {"exists", "empty"} else _answer_text(answer),
        "questions": [
            (one["item"]["linkId"], one["item"].get("text") or one["item"]["linkId"])
            for one in flat(data)
            if one["item"].get("type") not in {"group", "display"} and one["item"]["linkId"] != link
        ],
    }  # fmt: skip


def _shown(value) -> str:
    return "" if value is None else str(value).replace(".", ",")


def _option_line(one: dict) -> str:
    found = option(one)
    kind, value = found.answer
    line = f"{value.get('code', '')} | {found.label}" if kind == "valueCoding" and value.get("code") else found.label
    return f"{line} | {_shown(found.weight)}" if found.weight is not None else line


def _options(row: dict, text: str) -> None:
    """One line an answer: « libellé », « code | libellé » or « code | libellé | points ». Systems and extensions of known codes stay."""
    if row["type"] not in {"choice", "open-choice"}:
        row.pop("answerOption", None)
        return
    if row.get("answerValueSet") and not text.strip():
        return
    before = {option(o).key.partition("|")[2] or option(o).label: o for o in row.get("answerOption") or []}
    found: list[dict] = []
    for line in text.replace("\x00", "").splitlines()[:300]:
        parts = [p.strip() for p in line.split("|")]
        if not any(parts):
            continue
        if len(parts) == 1:
            kept = before.get(parts[0])
            found.append(kept if kept and "valueString" in kept else {"valueString": parts[0][:300]})
            continue
        coding = dict((before.get(parts[0]) or {}).get("valueCoding") or {"system": "urn:cercle:codes:local"})
        coding |= {"code": parts[0][:80], "display": parts[1][:300]}
        one: dict[str, Any] = {"valueCoding": {k: v for k, v in coding.items() if k != "extension"}}
        if len(parts) > 2 and (points := _number(parts[2])) is not None:
            one = {"extension": [{"url": HL7 + "ordinalValue", "valueDecimal": points}]} | one
        found.append(one)
    keys = [coding_key(o["valueCoding"]) if "valueCoding" in o else o.get("valueString") for o in found]
    if len(set(keys)) < len(keys):
        raise Refused(_("Deux réponses de la liste sont les mêmes."), "options")
    if not found and not row.get("answerValueSet"):
        raise Refused(_("Écrivez les réponses proposées, une par ligne."), "options")
    row["answerOption"] = found


def _condition(data: dict, row: dict, post) -> None:
    if len(row.get("enableWhen") or []) > 1 and post.get("keep_conditions"):
        return
    question, operator = post.get("question", ""), post.get("operator", "=")
    row.pop("enableWhen", None)
    row.pop("enableBehavior", None)
    if not question or operator not in dict(OPERATORS):
        return
    rows, at = find(data, question)
    asked, text = rows[at], post.get("answer", "").strip()
    if operator in {"exists", "empty"}:
        row["enableWhen"] = [{"question": question, "operator": "exists", "answerBoolean": operator == "exists"}]
        return
    row["enableWhen"] = [{"question": question, "operator": operator} | _answer(asked, text)]


def _answer(asked: dict, text: str) -> dict:
    if not text:
        raise Refused(_("Dites quelle réponse fait apparaître cette question."), "answer")
    if options := [option(o) for o in asked.get("answerOption") or []]:
        wanted = next(
            (
                o
                for o in options
                if text.casefold() in {o.label.casefold(), o.key.partition("|")[2].casefold(), o.key.casefold()}
            ),
            None,
        )
        if wanted is None:
            raise Refused(
                _("« %(answer)s » n’est pas une réponse de cette question.") % {"answer": text[:60]}, "answer"
            )
        kind, value = wanted.answer
        return (
            {"answerCoding": {k: value[k] for k in ("system", "code") if k in value}}
            if kind == "valueCoding"
            else {kind.replace("value", "answer"): value}
        )
    match asked.get("type"):
        case "boolean":
            if text.casefold() not in {"oui", "non"}:
                raise Refused(_("Écrivez « oui » ou « non »."), "answer")
            return {"answerBoolean": text.casefold() == "oui"}
        case "integer" | "decimal":
            value = _number(text)
            if value is None:
                raise Refused(_("Écrivez un nombre."), "answer")
            return {
                "answerInteger" if isinstance(value, int) and asked["type"] == "integer" else "answerDecimal": value
            }
        case "quantity":
            value = _number(text)
            if value is None:
                raise Refused(_("Écrivez un nombre."), "answer")
            unit = extension(asked, HL7 + "questionnaire-unit") or {}
            return {"answerQuantity": {"value": value} | ({"unit": unit["display"]} if unit.get("display") else {})}
        case "date":
            return {"answerDate": text}
    return {"answerString": text}


def _answer_text(answer: Any) -> str:
    if isinstance(answer, dict):
        return _shown(answer.get("value")) if "value" in answer else str(answer.get("code", ""))
    if isinstance(answer, bool):
        return _("oui") if answer else _("non")
    return str(answer)


def _help(row: dict, text: str) -> None:
    held = [c for c in row.get("item") or [] if not is_help(c)]
    if text:
        control = {"coding": [{"system": "http://hl7.org/fhir/questionnaire-item-control", "code": "help"}]}
        held.insert(
            0,
            {
                "linkId": f"{row['linkId']}.aide", "text": text, "type": "display",
                "extension": [{"url": HL7 + "questionnaire-itemControl", "valueCodeableConcept": control}],
            },
        )  # fmt: skip
    row["item"] = held
    if not held:
        row.pop("item")


def _set(row: dict, name: str, value) -> None:
    row.pop(name, None)
    if value is not None:
        row[name] = value


def _set_extension(row: dict, url: str, kind: str, value) -> None:
    held = [e for e in row.get("extension") or [] if e.get("url") != url]
    if value is not None:
        held.append({"url": url, kind: value})
    row["extension"] = held
    if not held:
        row.pop("extension")


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() and 0 < len(text.strip()) < 7 else None


def _number(text: str) -> int | float | None:
    plain = re.sub(r"\s", "", text).replace(",", ".")
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,6})?", plain, re.ASCII):
        return None
    return float(plain) if "." in plain else int(plain)


def imported(content: bytes) -> Any:
    """A file as JSON that the database can hold: no NaN, no half characters, no NUL."""

    def never(text: str):
        raise ValueError(text)

    try:
        data = json.loads(content.decode("utf-8-sig").replace("\\u0000", ""), parse_constant=never)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(_("Ce fichier n’est pas du JSON lisible. Rien n’a été changé."), "json")
    return data


def exported(data: dict) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)
