"""A FHIR Questionnaire as a tree that can be walked: read once per published version, shared, never changed.

`read(data) -> Shape`; `unsupported(data) -> [sentences]` says which parts of a Questionnaire from elsewhere are kept and not applied.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from django.utils.translation import gettext as _

from cercle.people.directory.models import Code, CodeSet

HL7 = "http://hl7.org/fhir/StructureDefinition/"
SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
TYPES = {
    "group", "display", "boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url", "choice",
    "open-choice", "attachment", "quantity",
}  # fmt: skip
# FHIR R5 says these otherwise; read, never written.
R5_TYPES = {"coding": "choice", "question": "string"}
KNOWN_ITEM = {
    "linkId", "definition", "code", "prefix", "text", "type", "enableWhen", "enableBehavior", "required", "repeats",
    "readOnly", "maxLength", "answerValueSet", "answerOption", "initial", "item", "extension", "id", "_text", "_prefix",
}  # fmt: skip
KNOWN_EXTENSIONS = {
    HL7 + "questionnaire-itemControl", HL7 + "questionnaire-unit", HL7 + "questionnaire-unitOption", HL7 + "questionnaire-hidden",
    HL7 + "minValue", HL7 + "maxValue", HL7 + "minLength", HL7 + "regex", HL7 + "maxDecimalPlaces", HL7 + "entryFormat",
    HL7 + "questionnaire-minOccurs", HL7 + "questionnaire-maxOccurs", HL7 + "questionnaire-constraint", HL7 + "ordinalValue",
    HL7 + "itemWeight", HL7 + "variable", HL7 + "questionnaire-optionExclusive", HL7 + "questionnaire-choiceOrientation",
    HL7 + "questionnaire-supportLink", HL7 + "rendering-markdown", HL7 + "rendering-xhtml", HL7 + "designNote",
    SDC + "shortText", SDC + "calculatedExpression", SDC + "initialExpression", SDC + "enableWhenExpression", SDC + "launchContext",
}  # fmt: skip
OPERATORS = {"exists", "=", "!=", ">", "<", ">=", "<="}
LONGEST_LIST = 300  # codes of a value set that a page can carry


@dataclass(frozen=True)
class Condition:
    question: str
    operator: str
    answer: Any  # as in FHIR: {"system", "code"} for a coding, {"value", …} for a quantity


@dataclass(frozen=True)
class Option:
    key: str  # what the field sends
    label: str
    answer: tuple[str, Any]  # ("valueCoding", {…})
    weight: float | None = None
    exclusive: bool = False


@dataclass(frozen=True)
class Constraint:
    expression: str
    human: str
    severity: str = "error"


@dataclass
class Item:
    link_id: str
    type: str
    text: str
    data: dict
    parent: "Item | None" = None
    children: list["Item"] = field(default_factory=list)
    loops: tuple[str, ...] = ()  # repeating groups that hold it, outermost first
    conditions: tuple[Condition, ...] = ()
    any_condition: bool = False
    options: tuple[Option, ...] = ()
    list_gone: str = ""  # name of a value set that is no longer there: the answer is then typed
    control: str = ""
    constraints: tuple[Constraint, ...] = ()
    calculated: str = ""
    initial_expression: str = ""
    enable_expression: str = ""

    def __getitem__(self, name: str) -> Any:
        return self.data.get(name)

    @property
    def required(self) -> bool:
        return bool(self.data.get("required")) and not self.calculated

    @property
    def repeats(self) -> bool:
        return bool(self.data.get("repeats"))

    @property
    def is_loop(self) -> bool:
        return self.type == "group" and self.repeats

    @property
    def hidden(self) -> bool:
        return bool(extension(self.data, HL7 + "questionnaire-hidden"))

    @property
    def read_only(self) -> bool:
        return bool(self.data.get("readOnly"))

    @property
    def is_help(self) -> bool:
        return self.type == "display" and self.control in {"help", "flyover"}

    @property
    def asks(self) -> bool:
        return self.type not in {"group", "display"}

    @property
    def short(self) -> str:
        return extension(self.data, SDC + "shortText") or self.text

    @property
    def units(self) -> list[dict]:
        return [c for c in extensions(self.data, HL7 + "questionnaire-unitOption") if isinstance(c, dict)] or [
            c for c in extensions(self.data, HL7 + "questionnaire-unit") if isinstance(c, dict)
        ]

    def bound(self, name: str) -> Any:
        """minValue, maxValue, minLength, regex, maxDecimalPlaces, questionnaire-minOccurs…"""
        return extension(self.data, HL7 + name)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass
class Shape:
    data: dict
    items: list[Item]
    by_link: dict[str, Item]
    variables: tuple[tuple[str, str], ...]
    constraints: tuple[Constraint, ...]

    def walk(self):
        for item in self.items:
            yield from item.walk()

    @property
    def calculated(self) -> list[Item]:
        return [item for item in self.by_link.values() if item.calculated]

    @property
    def thinks(self) -> bool:
        """Something must be asked of the server while one types."""
        return any(i.calculated or i.enable_expression for i in self.by_link.values())


# --- Reading ---------------------------------------------------------------------------------------------------------
def read(data: dict) -> Shape:
    """The tree of a Questionnaire. Kept per content for a minute's work; value sets of the directory are read with it."""
    return _read(json.dumps(data, sort_keys=True, ensure_ascii=False), _lists_version(data))


def _lists_version(data: dict) -> str:
    """Changes when a value set that the form names is loaded again or withdrawn; empty for most forms."""
    names = sorted(set(_value_sets(data.get("item"))))
    if not names:
        return ""
    rows = CodeSet.objects.filter(name__in=[_set_name(n) for n in names]).values_list("name", "version")
    ended = Code.objects.filter(set__name__in=[_set_name(n) for n in names], ended_on=None).count()
    return f"{sorted(rows)} {ended}"


def _value_sets(items) -> list[str]:
    found = []
    for item in _dicts(items):
        name = item.get("answerValueSet")
        if isinstance(name, str) and not name.startswith("#"):
            found.append(name)
        found += _value_sets(item.get("item"))
    return found


@lru_cache(maxsize=256)
def _read(text: str, _lists: str) -> Shape:
    data = json.loads(text)
    by_link: dict[str, Item] = {}
    items = _items(data, data.get("item"), None, (), by_link)
    return Shape(
        data=data, items=items, by_link=by_link,
        variables=tuple(
            (e.get("name", ""), e["expression"])
            for e in extensions(data, HL7 + "variable")
            if isinstance(e, dict) and e.get("expression")
        ),
        constraints=_constraints(data),
    )  # fmt: skip


def _items(root: dict, rows, parent: Item | None, loops: tuple[str, ...], by_link: dict) -> list[Item]:
    found = []
    for row in _dicts(rows):
        link = str(row.get("linkId") or "")
        if not link or link in by_link:
            continue  # `faults` refuses it at import
        kind = R5_TYPES.get(row.get("type", ""), row.get("type", ""))
        if row.get("answerConstraint") in {"optionsOrString", "optionsOrType"}:
            kind = "open-choice"
        item = Item(
            link_id=link,
            type=kind if kind in TYPES else "string",
            text=str(row.get("text") or ""),
            data=row,
            parent=parent,
            loops=loops,
            conditions=_conditions(row),
            any_condition=row.get("enableBehavior") == "any",
            control=_control(row),
            constraints=_constraints(row),
            calculated=_expression(row, "calculatedExpression"),
            initial_expression=_expression(row, "initialExpression"),
            enable_expression=_expression(row, "enableWhenExpression"),
        )
        by_link[link] = item
        if item.type in {"choice", "open-choice"} or row.get("answerOption"):
            item.options, item.list_gone = _options(root, row)
        item.children = _items(root, row.get("item"), item, (*loops, link) if item.is_loop else loops, by_link)
        found.append(item)
    return found


def _dicts(rows) -> list[dict]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def extensions(holder: dict, url: str) -> list:
    found = []
    for row in _dicts(holder.get("extension")):
        if row.get("url") == url:
            found.append(next((v for k, v in row.items() if k.startswith("value")), row))
    return found


def extension(holder: dict, url: str) -> Any:
    return next(iter(extensions(holder, url)), None)


def _expression(row: dict, name: str) -> str:
    found = extension(row, SDC + name)
    if isinstance(found, dict) and found.get("language", "text/fhirpath") == "text/fhirpath":
        return str(found.get("expression") or "")[:4000]
    return ""


def _control(row: dict) -> str:
    found = extension(row, HL7 + "questionnaire-itemControl")
    codings = _dicts(found.get("coding")) if isinstance(found, dict) else []
    return str(codings[0].get("code", "")) if codings else ""


def _conditions(row: dict) -> tuple[Condition, ...]:
    found = []
    for one in _dicts(row.get("enableWhen")):
        answer = next((v for k, v in one.items() if k.startswith("answer")), None)
        if one.get("question") and one.get("operator") in OPERATORS:
            found.append(Condition(str(one["question"]), one["operator"], answer))
    return tuple(found)


def _constraints(row: dict) -> tuple[Constraint, ...]:
    found = []
    for one in _dicts(row.get("extension")):
        if one.get("url") == HL7 + "questionnaire-constraint":
            parts = {
                p.get("url"): next((v for k, v in p.items() if k.startswith("value")), "")
                for p in _dicts(one.get("extension"))
            }
            if parts.get("expression"):
                found.append(
                    Constraint(
                        str(parts["expression"])[:4000],
                        str(parts.get("human") or ""),
                        str(parts.get("severity") or "error"),
                    )
                )
    return tuple(found)


# --- Lists of answers ------------------------------------------------------------------------------------------------
def _options(root: dict, row: dict) -> tuple[tuple[Option, ...], str]:
    if name := row.get("answerValueSet"):
        codings = _value_set(root, str(name))
        if codings is None:
            return (), _set_name(str(name))
        return tuple(option({"valueCoding": c}) for c in codings), ""
    return tuple(option(one) for one in _dicts(row.get("answerOption")) if any(k.startswith("value") for k in one)), ""


def option(one: dict) -> Option:
    kind, value = next((k, v) for k, v in one.items() if k.startswith("value"))
    weights = extensions(one, HL7 + "ordinalValue") + extensions(one, HL7 + "itemWeight")
    if isinstance(value, dict):
        weights += extensions(value, HL7 + "ordinalValue") + extensions(value, HL7 + "itemWeight")
        key, label = coding_key(value), str(value.get("display") or value.get("code") or "")
    else:
        key = label = str(value)
    weight = next((w for w in weights if isinstance(w, int | float)), None)
    exclusive = extension(one, HL7 + "questionnaire-optionExclusive") is True
    clean = {k: v for k, v in value.items() if k != "extension"} if isinstance(value, dict) else value
    return Option(key, label, (kind, clean), weight, exclusive)


def coding_key(coding: dict) -> str:
    return f"{coding.get('system') or ''}|{coding.get('code') or coding.get('display') or ''}"


def _value_set(root: dict, name: str) -> list[dict] | None:
    """Codings of a list inside the form, or of the directory's nomenclatures; None when it is not (or no longer) there."""
    if name.startswith("#"):
        held = next((c for c in _dicts(root.get("contained")) if c.get("id") == name[1:]), None)
        if held is None:
            return None
        listed = (held.get("expansion") or {}).get("contains")
        if listed:
            return [{k: v for k, v in one.items() if k in {"system", "code", "display"}} for one in _dicts(listed)]
        return [
            {"system": part.get("system", ""), "code": one.get("code", ""), "display": one.get("display", "")}
            for part in _dicts((held.get("compose") or {}).get("include"))
            for one in _dicts(part.get("concept"))
        ] or None
    rows = Code.objects.filter(set__name=_set_name(name), ended_on=None).order_by("rank", "code")[:LONGEST_LIST]
    return [{"system": c.system, "code": c.code, "display": c.label} for c in rows] or None


def _set_name(canonical: str) -> str:
    """« https://mos.esante.gouv.fr/NOS/JDV_J107-…/FHIR/JDV-J107-… » names JDV_J107 here."""
    plain = canonical.partition("|")[0]
    if found := re.search(r"(JDV|TRE)[_-]([A-Z]\d+)", plain):
        return f"{found[1]}_{found[2]}"
    return re.split(r"[/:]", plain)[-1][:60]


# --- What is not applied, and what cannot be accepted ----------------------------------------------------------------
def unsupported(data: dict) -> list[str]:
    """One sentence for each part that is kept in the file and that this software does not apply."""
    found: dict[str, None] = {}

    def say(sentence: str) -> None:
        found.setdefault(sentence)

    def look(rows) -> None:
        for row in _dicts(rows):
            name = str(row.get("text") or row.get("linkId") or "?")[:60]
            kind = row.get("type", "")
            if R5_TYPES.get(kind, kind) not in TYPES:
                say(
                    _("« %(name)s » : le type « %(type)s » n’est pas connu, la réponse sera un texte.")
                    % {"name": name, "type": kind}
                )
            for key in row:
                if key not in KNOWN_ITEM and key not in {"answerConstraint", "disabledDisplay"}:
                    say(_("« %(name)s » : la partie « %(part)s » n’est pas appliquée.") % {"name": name, "part": key})
            for one in _dicts(row.get("extension")):
                url = str(one.get("url", ""))
                if url not in KNOWN_EXTENSIONS:
                    say(
                        _("« %(name)s » : l’extension « %(part)s » n’est pas appliquée.")
                        % {"name": name, "part": url.rsplit("/", 1)[-1]}
                    )
                value = next((v for k, v in one.items() if k.startswith("value")), None)
                if isinstance(value, dict) and "expression" in value and value.get("language") != "text/fhirpath":
                    say(
                        _("« %(name)s » : le langage « %(part)s » n’est pas compris.")
                        % {"name": name, "part": value.get("language")}
                    )
            pattern = extension(row, HL7 + "regex")
            if pattern and safe_regex(pattern) is None:
                say(
                    _(
                        "« %(name)s » : la forme imposée (« regex ») est illisible ou trop coûteuse, elle n’est pas vérifiée."
                    )
                    % {"name": name}
                )
            for one in _dicts(row.get("enableWhen")):
                if one.get("operator") not in OPERATORS:
                    say(
                        _("« %(name)s » : la condition « %(part)s » n’est pas comprise.")
                        % {"name": name, "part": one.get("operator")}
                    )
            gone = row.get("answerValueSet")
            if gone and _value_set(data, str(gone)) is None:
                say(
                    _("« %(name)s » : la liste « %(part)s » n’est pas disponible ici, la réponse sera un texte.")
                    % {"name": name, "part": _set_name(str(gone))}
                )
            look(row.get("item"))

    look(data.get("item"))
    for one in _dicts(data.get("extension")):
        url = str(one.get("url", ""))
        if url not in KNOWN_EXTENSIONS:
            say(_("Le formulaire : l’extension « %(part)s » n’est pas appliquée.") % {"part": url.rsplit("/", 1)[-1]})
    return list(found)


def faults(data: Any) -> list[str]:
    """Why this cannot be a form at all (or be published)."""
    from . import expressions

    if not isinstance(data, dict) or data.get("resourceType") != "Questionnaire":
        return [_("Ce fichier n’est pas un Questionnaire FHIR.")]
    found = []
    seen: set[str] = set()

    def look(rows, depth: int) -> None:
        if depth > 12:
            found.append(_("Les groupes sont imbriqués trop profondément."))
            return
        for row in _dicts(rows):
            link = row.get("linkId")
            if not isinstance(link, str) or not link.strip():
                found.append(_("Une question n’a pas de repère (linkId)."))
            elif link in seen:
                found.append(_("Le repère « %(link)s » est employé deux fois.") % {"link": link[:60]})
            else:
                seen.add(link)
            look(row.get("item"), depth + 1)

    look(data.get("item"), 0)
    if not seen:
        found.append(_("Le formulaire n’a aucune question."))
    if found:
        return list(dict.fromkeys(found))[:20]
    shape = read(data)
    for item in shape.walk():
        for condition in item.conditions:
            if condition.question not in shape.by_link:
                found.append(
                    _("« %(name)s » dépend d’une question qui n’existe pas (« %(link)s »).")
                    % {"name": item.short or item.link_id, "link": condition.question[:60]}
                )
        for expression in filter(None, (item.calculated, item.initial_expression, item.enable_expression)):
            if problem := expressions.problem(expression):
                found.append(
                    _("« %(name)s » : le calcul ne se lit pas (%(why)s).")
                    % {"name": item.short or item.link_id, "why": problem}
                )
    for ring in circles(shape):
        names = " → ".join(f"« {shape.by_link[link].short or link} »" for link in ring).replace(" → ", _(", puis "))
        found.append(_("Ces conditions tournent en rond : %(names)s. Retirez l’une d’elles.") % {"names": names})
    return list(dict.fromkeys(found))[:20]


def circles(shape: Shape) -> list[list[str]]:
    """Rings of questions that each wait for the next to be shown."""
    needs = {
        item.link_id: {c.question for c in item.conditions if c.question in shape.by_link}
        | ({item.parent.link_id} if item.parent else set())
        for item in shape.walk()
    }
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(link: str, path: tuple[str, ...]) -> None:
        if link in path:
            found.append(list(path[path.index(link) :]))
        elif link not in done:
            for following in sorted(needs[link]):
                visit(following, (*path, link))
            done.add(link)

    for start in needs:
        visit(start, ())
    return found


@lru_cache(maxsize=512)
def safe_regex(pattern: Any) -> re.Pattern | None:
    """The pattern, unless it is wrong or could take for ever (a repeat inside a repeat, or a choice inside one)."""
    if not isinstance(pattern, str) or len(pattern) > 300:
        return None
    try:
        if _costly(sre_parser.parse(pattern), inside=False):
            return None
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


def _costly(parsed, inside: bool) -> bool:
    for code, value in parsed:
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            _low, high, rest = value
            if high > 50 and inside:
                return True
            if _costly(rest, inside or high > 50):
                return True
        elif code is sre.BRANCH:
            if inside or any(_costly(one, inside) for one in value[1]):
                return True
        elif code is sre.SUBPATTERN:
            if _costly(value[-1], inside):
                return True
        elif code in (sre.ASSERT, sre.ASSERT_NOT):
            if _costly(value[1], inside):
                return True
        elif code is sre.GROUPREF and inside:
            return True
    return False
