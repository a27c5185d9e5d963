"""Three forms of the same answers: `typed` (what stands in the fields), FHIR items, and values by (linkId, instances).

`typed` is {name: [text, …]}; a field's name is `q-<linkId>` then `~<n>` for each repeating group that holds it. A half-filled or
wrong field stays in `typed`: nothing is lost by not being understood.
"""

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime
from datetime import time as hour
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.people.directory.models import Code

from .shape import Item, Option, Shape, coding_key, coding_of, option, safe_regex

Typed = dict[str, list[str]]
Key = tuple[str, tuple[int, ...]]  # linkId, and which instance of each repeating group around it
MOST_INSTANCES = 50
LONGEST = 200_000  # characters of one text that can be signed; a longer one is kept, and said


def name_of(link: str, instances: tuple[int, ...] = ()) -> str:
    return "q-" + link + "".join(f"~{n}" for n in instances)


def count_name(link: str, instances: tuple[int, ...] = ()) -> str:
    """The field that says how many times a repeating group stands in the page."""
    return "n-" + link + "".join(f"~{n}" for n in instances)


def typed_of(post) -> Typed:
    """The fields of the form, from a QueryDict or a dict; NUL characters go, the rest stays as typed."""
    pairs: Iterable = post.lists() if hasattr(post, "lists") else post.items()
    found: Typed = {}
    for name, values in pairs:
        if name.startswith(("q-", "n-")):
            values = values if isinstance(values, list) else [values]
            found[name] = [str(v).replace("\x00", "").replace("\r\n", "\n") for v in values]
    return found


def instances_of(item: Item, typed: Typed, around: tuple[int, ...]) -> int:
    shown = next(iter(typed.get(count_name(item.link_id, around), ())), "")
    return min(int(shown), MOST_INSTANCES) if shown.isdecimal() and len(shown) < 4 else item.least


# --- From fields to FHIR ---------------------------------------------------------------------------------------------
class Wrong(Exception):
    """This field cannot be read; the sentence is for the person."""


def read_items(
    shape: Shape, typed: Typed, errors: dict[str, str], *, off: Collection[Key] = frozenset(), index: dict[Key, dict] | None = None
) -> list[dict]:  # fmt: skip
    """FHIR items of what can be read; what cannot is said in `errors` by field name. `off`: not asked, so not answered.

    `index` is given each row by its question and instances: an instance that says nothing has no row, so rows do not count them.
    """
    rows: dict[Key, dict] = {} if index is None else index

    def read(items: list[Item], around: tuple[int, ...]) -> list[dict]:
        found: list[dict] = []
        for item in items:
            if item.type == "display" or (item.link_id, around) in off:
                continue
            if item.is_loop:
                for n in range(instances_of(item, typed, around)):
                    if inner := read(item.children, (*around, n)):
                        found.append(_named(item, item=inner))
                        rows[item.link_id, (*around, n)] = found[-1]
                continue
            inner = read(item.children, around)
            given = read_answers(item, typed, errors, around) if item.asks else []
            if given and inner:
                given[0] |= {"item": inner}
            if given:
                found.append(_named(item, answer=given))
            elif inner:
                # Of a group; or answers under a question that has none: FHIR holds them under the question itself.
                found.append(_named(item, item=inner))
            else:
                continue
            rows[item.link_id, around] = found[-1]
        return found

    return read(shape.items, ())


def _named(item: Item, /, **more) -> dict:
    return {"linkId": item.link_id} | ({"text": item.text} if item.text else {}) | more


def read_answers(item: Item, typed: Typed, errors: dict, around: tuple[int, ...]) -> list[dict]:
    name = name_of(item.link_id, around)
    texts = [t for t in typed.get(name, []) if t.strip()]
    if item.type == "open-choice" or item.list_gone:
        texts += [f"\t{t}" for t in typed.get(f"{name}.other", []) if t.strip()]
    if not item.repeats:
        texts = texts[-1:] if item.type == "open-choice" else texts[:1]
    found: list[dict] = []
    try:
        for at, text in enumerate(texts):
            answer = one_answer(item, text, typed, name, at)
            if answer not in found:
                found.append(answer)
    except Wrong as wrong:
        errors[name] = str(wrong)
    return found


def one_answer(item: Item, text: str, typed: Typed, name: str, at: int) -> dict:
    if text.startswith("\t"):
        return {"valueString": _text(item, text[1:].strip())}
    if item.list_gone:
        return {"valueString": _text(item, text.strip())}
    if item.options or item.searched:
        chosen = find_option(item, text)
        if chosen is None:
            raise Wrong(_("Cette réponse n’est pas, ou n’est plus, dans la liste. Choisissez-en une autre."))
        return {chosen.answer[0]: chosen.answer[1]}
    match item.type:
        case "boolean":
            if text not in {"true", "false"}:
                raise Wrong(_("Répondez par oui ou par non."))
            return {"valueBoolean": text == "true"}
        case "integer":
            return {"valueInteger": int(_number(item, text, whole=True))}
        case "decimal":
            return {"valueDecimal": _json(_number(item, text))}
        case "quantity":
            return {"valueQuantity": _quantity(item, text, typed, name, at)}
        case "date":
            return {"valueDate": _within(item, _date(text)).isoformat()}
        case "dateTime":
            return {"valueDateTime": _within(item, _moment(text)).isoformat()}
        case "time":
            try:
                told = hour.fromisoformat(text.strip())
            except ValueError:
                raise Wrong(_("Écrivez l’heure ainsi : 14:30."))
            return {"valueTime": _within(item, told.replace(tzinfo=None)).isoformat()}
        case "attachment":
            return {"valueAttachment": _attachment(text)}
        case "url":
            return {"valueUri": _text(item, text.strip())}
    return {"valueString": _text(item, text if item.type == "text" else " ".join(text.split()))}


def find_option(item: Item, text: str) -> Option | None:
    """The answer that a field's text means: its key; in a list that is searched, also « label (code) » or the code."""
    if not item.searched:
        return next((o for o in item.options if o.key == text), None)
    if text not in item.found:
        code = (
            text.partition("|")[2] if "|" in text else re.sub(r"^.*\(([^()]+)\)$", r"\1", text.strip(), flags=re.DOTALL)
        )
        row = Code.objects.filter(set__name=item.searched, code=code[:40], ended_on=None).first()
        if row is None or len(item.found) > 2000:
            return option({"valueCoding": coding_of(row)}) if row else None
        item.found[text] = option({"valueCoding": coding_of(row)})
    return item.found[text]


def long_label(chosen: Option) -> str:
    """« Grabataire (Z740) »: how an answer of a searched list stands in its field."""
    return f"{chosen.label} ({chosen.answer[1].get('code', '')})"


def _text(item: Item, text: str) -> str:
    longest = item["maxLength"]
    if isinstance(longest, int) and len(text) > longest:
        raise Wrong(
            _("Ce texte a %(n)s caractères ; il en faut %(max)s au plus. Rien n’est perdu : raccourcissez-le.")
            % {"n": french.number(len(text)), "max": french.number(longest)}
        )
    if len(text) >= LONGEST:
        raise Wrong(_("Ce texte est trop long pour un formulaire. Joignez-le plutôt comme document."))
    shortest = item.bound("minLength")
    if isinstance(shortest, int) and len(text) < shortest:
        raise Wrong(_("Écrivez au moins %(n)s caractères.") % {"n": shortest})
    pattern = item.bound("regex")
    if pattern and len(text) <= 300 and (compiled := safe_regex(pattern)) and not compiled.fullmatch(text):
        shape = item.bound("entryFormat")
        raise Wrong(
            _("La réponse n’a pas la forme attendue (%(shape)s).") % {"shape": shape}
            if shape
            else _("La réponse n’a pas la forme attendue.")
        )
    return text


def _number(item: Item, text: str, whole: bool = False) -> Decimal:
    plain = re.sub(r"[\s\u00a0\u202f]", "", text).replace(",", ".")
    if len(plain) > 20 or not re.fullmatch(r"[+-]?\d+(\.\d+)?", plain, re.ASCII):
        raise Wrong(_("Écrivez un nombre, par exemple 12.") if whole else _("Écrivez un nombre, par exemple 12,5."))
    try:
        value = Decimal(plain)
    except InvalidOperation:
        raise Wrong(_("Écrivez un nombre."))
    if whole and value != value.to_integral_value():
        raise Wrong(_("Écrivez un nombre entier."))
    if whole and abs(value) > 2**31 - 1:
        raise Wrong(_("Ce nombre est trop grand."))
    places = item.bound("maxDecimalPlaces")
    if isinstance(places, int) and -int(value.as_tuple().exponent) > places:
        raise Wrong(_("Écrivez %(n)s chiffres au plus après la virgule.") % {"n": places})
    return _within(item, value)


def _within(item: Item, value):
    for name, wrong in (
        ("minValue", _("La valeur la plus basse est %(bound)s.")),
        ("maxValue", _("La valeur la plus haute est %(bound)s.")),
    ):
        bound = item.bound(name)
        if isinstance(bound, dict):
            bound = bound.get("value")
        if bound is None or isinstance(bound, bool):
            continue
        try:
            limit, words = _limit(value, str(bound))
            beyond = value < limit if name == "minValue" else value > limit
        except (ValueError, InvalidOperation, TypeError):
            continue  # a bound of another kind than the answer
        if beyond:
            raise Wrong(wrong % {"bound": words})
    return value


def _limit(value, bound: str):
    """The bound as a value of the same kind, and in words."""
    if isinstance(value, datetime):
        moment = _moment(bound)
        return moment, french.exact(moment)
    if isinstance(value, date):
        return date.fromisoformat(bound), french.birth_date(bound)
    if isinstance(value, hour):
        return hour.fromisoformat(bound), bound[:5].replace(":", "\u00a0h\u00a0")
    return Decimal(bound), french.number(float(bound))


def _json(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _quantity(item: Item, text: str, typed: Typed, name: str, at: int) -> dict:
    found: dict[str, Any] = {"value": _json(_number(item, text))}
    units = item.units
    if units:
        asked = typed.get(f"{name}.unit") or [""]
        key = asked[at] if at < len(asked) else asked[0]
        unit = next((u for u in units if coding_key(u) == key), units[0])
        found |= {"unit": unit.get("display") or unit.get("code", "")}
        found |= {k: unit[k] for k in ("system", "code") if unit.get(k)}
    elif free := (typed.get(f"{name}.unit") or [""])[0].strip():
        found["unit"] = free[:40]
    return found


def _date(text: str) -> date:
    text = text.strip()
    try:
        if found := re.fullmatch(r"(\d{1,2})[/. ](\d{1,2})[/. ](\d{4})", text, re.ASCII):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text)
    except ValueError:
        raise Wrong(_("Cette date n’existe pas. Écrivez-la ainsi : 31/12/2026."))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Wrong(_("Écrivez le jour et l’heure."))
    return moment if moment.tzinfo else timezone.make_aware(moment)


def _attachment(text: str) -> dict:
    """« <id of the document>|<type>|<size>|<name> », as the page was given it by the upload."""
    parts = text.split("|", 3)
    if len(parts) < 4 or not re.fullmatch(r"[0-9a-f-]{36}", parts[0]):
        raise Wrong(_("Ce fichier n’est plus là. Joignez-le de nouveau."))
    return {
        "url": f"urn:uuid:{parts[0]}",
        "contentType": parts[1][:100],
        "size": int(parts[2]) if parts[2].isdigit() else 0,
        "title": parts[3][:160],
    }


# --- From FHIR to fields ---------------------------------------------------------------------------------------------
def typed_from(shape: Shape, items: list[dict] | None) -> Typed:
    """What would have to stand in the fields to say these answers; unknown linkIds are left aside."""
    found: Typed = {}

    def look(rows, around: tuple[int, ...]) -> None:
        seen: dict[str, int] = {}
        for row in rows if isinstance(rows, list) else []:
            item = shape.by_link.get(row.get("linkId", ""))
            if item is None:
                continue
            if item.is_loop:
                n = seen.get(item.link_id, 0)
                seen[item.link_id] = n + 1
                found[count_name(item.link_id, around)] = [str(n + 1)]
                look(row.get("item"), (*around, n))
                continue
            name = name_of(item.link_id, around)
            for answer in row.get("answer") or []:
                kind, value = next(((k, v) for k, v in answer.items() if k.startswith("value")), ("", None))
                if kind:
                    put(item, name, kind, value)
                look(answer.get("item"), around)
            look(row.get("item"), around)

    def put(item: Item, name: str, kind: str, value: Any) -> None:
        if kind == "valueString" and (item.type == "open-choice" or item.list_gone):
            if item.list_gone or not any(o.answer == (kind, value) for o in item.options):
                found.setdefault(f"{name}.other", []).append(value)
                return
        if kind == "valueQuantity":
            found.setdefault(name, []).append(str(value.get("value", "")).replace(".", ","))
            key = coding_key({"system": value.get("system"), "code": value.get("code") or value.get("unit")})
            found.setdefault(f"{name}.unit", []).append(key if item.units else value.get("unit", ""))
            return
        if kind == "valueAttachment":
            plain = str(value.get("url", "")).removeprefix("urn:uuid:")
            text = f"{plain}|{value.get('contentType', '')}|{value.get('size', '')}|{value.get('title', '')}"
        elif kind == "valueCoding":
            option = next((o for o in item.options if o.key == coding_key(value)), None) or next(
                (
                    o
                    for o in item.options
                    if o.answer[0] == "valueCoding" and o.answer[1].get("code") == value.get("code")
                ),
                None,
            )
            if option is None and item.list_gone:
                found.setdefault(f"{name}.other", []).append(value.get("display") or value.get("code", ""))
                return
            text = option.key if option else coding_key(value)
        elif kind == "valueBoolean":
            text = "true" if value else "false"
        elif kind == "valueDecimal":
            text = str(value).replace(".", ",")
        elif kind == "valueDateTime":
            try:
                text = timezone.localtime(datetime.fromisoformat(str(value))).strftime("%Y-%m-%dT%H:%M")
            except ValueError:
                text = str(value)
        else:
            text = str(value)
        found.setdefault(name, []).append(text)

    look(items or [], ())
    return found


def shown(item: Item | None, answer: dict) -> str:
    """One answer as a person reads it, from the answer alone if its question or its option is no longer known."""
    kind, value = next(((k, v) for k, v in answer.items() if k.startswith("value")), ("", ""))
    match kind:
        case "valueCoding":
            return str(value.get("display") or value.get("code") or "")
        case "valueBoolean":
            return _("Oui") if value else _("Non")
        case "valueQuantity":
            return f"{french.number(value.get('value', 0))}\u00a0{value.get('unit', '')}".strip()
        case "valueDecimal" | "valueInteger":
            unit = next((u.get("display", "") for u in item.units), "") if item else ""
            return french.number(value) + (f"\u00a0{unit}" if unit else "")
        case "valueDate":
            return french.birth_date(str(value))
        case "valueDateTime":
            try:
                return french.exact(datetime.fromisoformat(str(value)))
            except ValueError:
                return str(value)
        case "valueTime":
            return str(value)[:5].replace(":", "\u00a0h\u00a0")
        case "valueAttachment":
            return str(value.get("title") or _("Fichier joint"))
    return str(value)


def option_of(item: Item, answer: dict) -> Option | None:
    kind, value = next(((k, v) for k, v in answer.items() if k.startswith("value")), ("", ""))
    return find_option(item, coding_key(value) if kind == "valueCoding" else str(value))


def put_text(item: Item, value: Any) -> str | None:
    """What an expression found, as the text of that item's field; None when it cannot be its answer."""
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        if item.type == "quantity" and "value" in value:
            return str(value["value"]).replace(".", ",")
        if item.options or item.searched:
            chosen = find_option(item, coding_key(value))
            return chosen.key if chosen else next((o.key for o in item.options if o.answer[1] == value), None)
        if item.type in {"integer", "decimal"} and "value" in value:
            return put_text(item, value["value"])
        return value.get("display") or None
    if isinstance(value, bool):
        return ("true" if value else "false") if item.type == "boolean" else None
    if item.type in {"integer", "decimal", "quantity"}:
        if not isinstance(value, int | float):
            return None
        if item.type == "integer":
            return str(int(value)) if float(value).is_integer() else None
        return f"{value:.4f}".rstrip("0").rstrip(".").replace(".", ",") if isinstance(value, float) else str(value)
    if item.options:
        return next((o.key for o in item.options if str(value) in {o.key, o.label, o.key.partition("|")[2]}), None)
    if item.searched:
        return chosen.key if (chosen := find_option(item, str(value))) else None
    return str(value)


def with_instance(typed: Typed, counter: str) -> Typed:
    """One more of the repeating group that this field counts."""
    n = next(iter(typed.get(counter, ())), "1")
    return typed | {counter: [str(min(int(n) + 1 if n.isdecimal() and len(n) < 4 else 2, MOST_INSTANCES))]}


def without_instance(shape: Shape, typed: Typed, counter: str, gone: int) -> Typed:
    """Without that one: those after it move up."""
    link, *around = counter.removeprefix("n-").split("~")
    if link not in shape.by_link:
        return typed
    inside = {i.link_id for i in shape.by_link[link].walk()} - {link}
    found: Typed = {}
    for name, values in typed.items():
        plain, dot, rest = name[2:].partition("~")
        place = rest.partition(".")[0].split("~") if dot else []
        if (
            plain in inside
            and place[: len(around)] == around
            and len(place) > len(around)
            and place[len(around)].isdigit()
        ):
            n = int(place[len(around)])
            if n == gone:
                continue
            if n > gone:
                place[len(around)] = str(n - 1)
                more = rest.partition(".")[2]
                name = f"{name[:2]}{plain}~{'~'.join(place)}" + (f".{more}" if more else "")
        found[name] = values
    told = next(iter(typed.get(counter, ())), "1")
    return found | {counter: [str(max(int(told) - 1 if told.isdecimal() and len(told) < 4 else 1, 1))]}
