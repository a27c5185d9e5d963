"""A FHIR Questionnaire as a tree that can be walked: read once per published version, shared, never changed.

`read(data) -> Shape`; `unsupported(data) -> [sentences]` says which parts of a Questionnaire from elsewhere are kept and not applied.
"""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
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
    "answerConstraint", "disabledDisplay", "option", "options",
}  # fmt: skip
KNOWN_EXTENSIONS = {
    HL7 + "questionnaire-itemControl", HL7 + "questionnaire-unit", HL7 + "questionnaire-unitOption", HL7 + "questionnaire-hidden",
    HL7 + "minValue", HL7 + "maxValue", HL7 + "minLength", HL7 + "regex", HL7 + "maxDecimalPlaces", HL7 + "entryFormat",
    HL7 + "questionnaire-minOccurs", HL7 + "questionnaire-maxOccurs", HL7 + "questionnaire-constraint", HL7 + "targetConstraint",
    HL7 + "variable", HL7 + "questionnaire-choiceOrientation", HL7 + "designNote", HL7 + "translation",
    SDC + "shortText", SDC + "calculatedExpression", SDC + "initialExpression", SDC + "enableWhenExpression", SDC + "launchContext",
    SDC + "openLabel",
}  # fmt: skip
OPTION_EXTENSIONS = {
    HL7 + "ordinalValue",
    HL7 + "itemWeight",
    HL7 + "questionnaire-optionExclusive",
    HL7 + "translation",
}
CONTROLS = {"", "help", "flyover", "drop-down", "autocomplete", "lookup", "radio-button", "check-box", "list", "slider"}
OPERATORS = {"exists", "=", "!=", ">", "<", ">=", "<="}
LONGEST_LIST = 300  # codes of a list that a page can carry; a longer one is searched as one types
MANY_EXPRESSIONS = 100
NO_LIST = "-"  # a choice for which the form gives no list at all


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
    searched: str = ""  # name of a set of the directory too long for a page
    found: dict[str, Option] = field(default_factory=dict)  # what was looked up in it
    variables: tuple[tuple[str, str], ...] = ()
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
    def least(self) -> int:
        """How many times a repeating group is asked at least."""
        wanted = self.bound("questionnaire-minOccurs")
        return min(max(wanted, 1), 20) if isinstance(wanted, int) else 1

    @property
    def inside(self) -> tuple[str, ...]:
        """The repeating groups around what this item holds."""
        return (*self.loops, self.link_id) if self.is_loop else self.loops

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

    @property
    def small_scale(self) -> tuple[int, int] | None:
        """A slider of a few whole numbers: shown as that many buttons, for the keyboard and the thumb."""
        least, most = self.bound("minValue"), self.bound("maxValue")
        if self.control == "slider" and self.type == "integer" and isinstance(least, int) and isinstance(most, int):
            return (least, most) if 0 < most - least <= 10 else None
        return None

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
    declared: tuple[str, ...]  # names that the form expects from elsewhere: empty when nobody gives them

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
    """The tree of a Questionnaire, in the reader's language. Kept per content; value sets of the directory are read with it."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return _read(text, _lists_version(data), (get_language() or "fr").partition("-")[0])


def _lists_version(data: dict) -> str:
    """Changes when a value set that the form names is loaded again or withdrawn; empty for most forms."""
    names = sorted(set(_value_sets(data.get("item"))))
    if not names:
        return ""
    rows = CodeSet.objects.filter(name__in=[_set_name(n) for n in names]).values_list("name", "version")
    current = Code.objects.filter(set__name__in=[_set_name(n) for n in names], ended_on=None).count()
    return f"{sorted(rows)} {current}"


def _value_sets(items) -> list[str]:
    found = []
    for item in _dicts(items):
        name = _list_name(item)
        if name and not name.startswith("#"):
            found.append(name)
        found += _value_sets(item.get("item"))
    return found


@lru_cache(maxsize=256)
def _read(text: str, _lists: str, language: str) -> Shape:
    data = json.loads(text)
    by_link: dict[str, Item] = {}
    items = _items(data, data.get("item"), None, (), by_link, language)
    return Shape(
        data=data, items=items, by_link=by_link, variables=_variables(data), constraints=_constraints(data), declared=_declared(data)
    )  # fmt: skip


def _items(root: dict, rows, parent: Item | None, loops: tuple[str, ...], by_link: dict, language: str) -> list[Item]:
    found = []
    for row in _dicts(rows):
        link = str(row.get("linkId") or "")
        if not link or link in by_link:
            continue  # `faults` refuses it at import
        kind = kind_of(row)
        item = Item(
            link_id=link,
            type=kind if kind in TYPES else "string",
            text=_said(row, "text", language),
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
            variables=_variables(row),
        )
        by_link[link] = item
        if item.type in {"choice", "open-choice"} or row.get("answerOption"):
            _list_of(item, root, row, language)
        item.children = _items(root, row.get("item"), item, item.inside, by_link, language)
        found.append(item)
    return found


def kind_of(row: dict) -> str:
    if row.get("answerConstraint") in ("optionsOrString", "optionsOrType"):
        return "open-choice"
    kind = str(row.get("type") or "")
    return R5_TYPES.get(kind, kind)


def _dicts(rows) -> list[dict]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _dict(value) -> dict:
    return value if isinstance(value, dict) else {}


def _said(holder: dict, name: str, language: str) -> str:
    """A text of the form, in the reader's language where the form gives its translation."""
    for one in _dicts(_dict(holder.get(f"_{name}")).get("extension")):
        if one.get("url") == HL7 + "translation":
            parts = _parts(one)
            if str(parts.get("lang", "")).partition("-")[0] == language and parts.get("content"):
                return str(parts["content"])
    return str(holder.get(name) or "")


def _parts(one: dict) -> dict[str, Any]:
    """A complex extension as {url: value}."""
    return {str(p.get("url")): _value(p) for p in _dicts(one.get("extension"))}


def _value(row: dict) -> Any:
    return next((v for k, v in row.items() if k.startswith("value")), None)


def extensions(holder: dict, url: str) -> list:
    found = []
    for row in _dicts(holder.get("extension")):
        if row.get("url") == url:
            value = _value(row)
            found.append(row if value is None else value)
    return found


def extension(holder: dict, url: str) -> Any:
    return next(iter(extensions(holder, url)), None)


def _is_fhirpath(expression: dict) -> bool:
    return expression.get("language", "text/fhirpath") == "text/fhirpath"


def _expression(row: dict, name: str) -> str:
    found = extension(row, SDC + name)
    if isinstance(found, dict) and _is_fhirpath(found):
        return str(found.get("expression") or "")[:4000]
    return ""


def _variables(holder: dict) -> tuple[tuple[str, str], ...]:
    return tuple(
        (str(e.get("name")), str(e["expression"])[:4000])
        for e in extensions(holder, HL7 + "variable")
        if isinstance(e, dict) and e.get("name") and e.get("expression") and _is_fhirpath(e)
    )


def _declared(data: dict) -> tuple[str, ...]:
    """Names of `launchContext`, and of variables told in a language that is not read here."""
    names = []
    for one in _dicts(data.get("extension")):
        if one.get("url") == SDC + "launchContext":
            name = _parts(one).get("name")
            names.append(name.get("code") if isinstance(name, dict) else name)

    def look(holder: dict) -> None:
        for e in extensions(holder, HL7 + "variable"):
            if isinstance(e, dict) and not _is_fhirpath(e):
                names.append(e.get("name"))
        for row in _dicts(holder.get("item")):
            look(row)

    look(data)
    return tuple(dict.fromkeys(str(name) for name in names if name))


def _control(row: dict) -> str:
    codings = _dicts(_dict(extension(row, HL7 + "questionnaire-itemControl")).get("coding"))
    return str(codings[0].get("code", "")) if codings else ""


def _operator(one: dict) -> str:
    # STU3 writes « hasAnswer », or an answer alone.
    return str(one.get("operator") or ("exists" if "hasAnswer" in one else "="))


def _conditions(row: dict) -> tuple[Condition, ...]:
    found = []
    for one in _dicts(row.get("enableWhen")):
        answer = next((v for k, v in one.items() if k.startswith("answer")), one.get("hasAnswer"))
        if one.get("question") and _operator(one) in OPERATORS:
            found.append(Condition(str(one["question"]), _operator(one), answer))
    return tuple(found)


def _constraints(row: dict) -> tuple[Constraint, ...]:
    found = []
    for one in _dicts(row.get("extension")):
        if one.get("url") in (HL7 + "questionnaire-constraint", HL7 + "targetConstraint"):
            parts = _parts(one)
            told = parts.get("expression")
            if isinstance(told, dict):
                told = told.get("expression") if _is_fhirpath(told) else ""
            if told:
                severity = str(parts.get("severity") or "error")
                found.append(Constraint(str(told)[:4000], str(parts.get("human") or ""), severity))
    return tuple(found)


# --- Lists of answers ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Listed:
    codings: list[dict]
    partial: bool = False  # it also names codes that it does not hold
    searched: str = ""


def _list_name(row: dict) -> str:
    # STU3: « options » is a reference.
    return str(row.get("answerValueSet") or _dict(row.get("options")).get("reference") or "")


def _list_of(item: Item, root: dict, row: dict, language: str) -> None:
    if name := _list_name(row):
        listed = value_set(root, name)
        if listed is None:
            item.list_gone = _set_name(name)
            return
        item.searched = listed.searched
        item.options = tuple(option({"valueCoding": c}, language) for c in listed.codings)
        if listed.partial:
            item.type = "open-choice"
        return
    rows = _dicts(row.get("answerOption")) or _dicts(row.get("option"))
    item.options = tuple(option(one, language) for one in rows if _value(one) is not None)
    if not item.options:
        item.list_gone = NO_LIST


def option(one: dict, language: str = "") -> Option:
    kind, value = next((k, v) for k, v in one.items() if k.startswith("value"))
    weights = extensions(one, HL7 + "ordinalValue") + extensions(one, HL7 + "itemWeight")
    if isinstance(value, dict):
        weights += extensions(value, HL7 + "ordinalValue") + extensions(value, HL7 + "itemWeight")
        label = _said(value, "display", language)
        clean = {k: v for k, v in value.items() if k not in ("extension", "_display")} | (
            {"display": label} if label else {}
        )
        key = coding_key(clean)
        label = label or str(value.get("code") or value.get("reference") or "")
    else:
        key = label = str(value)
        clean = value
    weight = next((w for w in weights if isinstance(w, int | float)), None)
    exclusive = extension(one, HL7 + "questionnaire-optionExclusive") is True
    return Option(key, label, (kind, clean), weight, exclusive)


def coding_key(coding: dict) -> str:
    return (
        f"{coding.get('system') or ''}|{coding.get('code') or coding.get('reference') or coding.get('display') or ''}"
    )


def value_set(root: dict, name: str, depth: int = 0) -> Listed | None:
    """Codings of a list inside the form, or of the directory's nomenclatures; None when it is not (or no longer) there."""
    held = next(
        (
            c
            for c in _dicts(root.get("contained"))
            if c.get("resourceType", "ValueSet") == "ValueSet"
            and (c.get("id") == name[1:] if name.startswith("#") else c.get("url") == name.partition("|")[0])
        ),
        None,
    )
    if held is not None:
        return _contained(root, held, depth)
    if name.startswith("#"):
        return None
    rows = Code.objects.filter(set__name=_set_name(name), ended_on=None)
    if rows.count() > LONGEST_LIST:
        return Listed([], searched=_set_name(name))
    codings = [coding_of(c) for c in rows.order_by("rank", "code")]
    return Listed(codings) if codings else None


def coding_of(code: Code) -> dict:
    return {"system": code.system, "code": code.code, "display": code.label}


def _contained(root: dict, held: dict, depth: int) -> Listed | None:
    kept = {"system", "code", "display", "_display", "extension"}
    expansion = _dict(held.get("expansion"))
    codings = []

    def spread(rows) -> None:
        for one in _dicts(rows):
            if one.get("code") and not one.get("abstract"):
                codings.append({k: v for k, v in one.items() if k in kept})
            spread(one.get("contains"))

    spread(expansion.get("contains"))
    if codings:
        total = expansion.get("total")
        return Listed(codings, partial=isinstance(total, int) and total > len(codings))
    compose, partial = _dict(held.get("compose")), False
    for part in _dicts(compose.get("include")):
        concepts = _dicts(part.get("concept"))
        codings += [
            {k: v for k, v in one.items() if k in kept} | {"system": part.get("system", "")} for one in concepts
        ]
        others = part.get("valueSet") if isinstance(part.get("valueSet"), list) else []
        for name in others:
            listed = value_set(root, str(name), depth + 1) if depth < 5 else None
            codings += listed.codings if listed else []
            partial = partial or listed is None or listed.partial or bool(listed.searched)
        partial = partial or not (concepts or others)  # a whole code system, or a filter on one
    excluded = _dicts(compose.get("exclude"))
    gone = {
        coding_key(one | {"system": part.get("system", "")}) for part in excluded for one in _dicts(part.get("concept"))
    }
    codings = [one for one in codings if coding_key(one) not in gone]
    return Listed(codings, partial or any(not part.get("concept") for part in excluded)) if codings else None


def _set_name(canonical: str) -> str:
    """« https://mos.esante.gouv.fr/NOS/JDV_J107-…/FHIR/JDV-J107-… » names JDV_J107 here."""
    plain = canonical.partition("|")[0]
    if found := re.search(r"(JDV|TRE)[_-]([A-Z]\d+)", plain):
        return f"{found[1]}_{found[2]}"
    return re.split(r"[/:]", plain)[-1][:60]


# --- What is not applied, and what cannot be accepted ----------------------------------------------------------------
class Told:
    """Sentences about questions, each said once with the questions that it is about."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def say(self, name: str, sentence: str, **words: Any) -> None:
        names = self.found.setdefault(sentence % words, [])
        if name not in names:
            names.append(name)

    def sentences(self) -> list[str]:
        found = []
        for sentence, names in self.found.items():
            told = ", ".join(f"«\u00a0{name}\u00a0»" for name in names[:3])
            if len(names) > 3:
                told = _("%(names)s et %(n)s autres") % {"names": told, "n": len(names) - 3}
            found.append(f"{told}\u00a0: {sentence}" if any(names) else sentence)
        return found


def unsupported(data: dict) -> list[str]:
    """One sentence for each part that is kept in the file and that this software does not apply."""
    told = Told()

    def part(name: str, parts: str) -> None:
        told.say(name, _("la partie « %(part)s » n’est pas appliquée."), part=parts)

    def rest(name: str, rows, known: set[str]) -> None:
        for one in _dicts(rows):
            url = str(one.get("url", ""))
            if url not in known:
                told.say(name, _("l’extension « %(part)s » n’est pas appliquée."), part=url.rsplit("/", 1)[-1])

    def languages(name: str, rows) -> None:
        for one in _dicts(rows):
            values = [_value(one), *(_value(p) for p in _dicts(one.get("extension")))]
            for value in values:
                if isinstance(value, dict) and "expression" in value and not _is_fhirpath(value):
                    told.say(name, _("le langage « %(part)s » n’est pas compris."), part=value.get("language"))

    def styled(name: str, holder: dict, *fields: str) -> None:
        for one in fields:
            for ext in _dicts(_dict(holder.get(f"_{one}")).get("extension")):
                if ext.get("url") != HL7 + "translation":
                    words = _("la mise en forme « %(part)s » n’est pas reprise : le texte s’affiche simple.")
                    told.say(name, words, part=str(ext.get("url", "")).rsplit("/", 1)[-1])

    def look(rows) -> None:
        for row in _dicts(rows):
            name = (str(row.get("text") or "").strip() or str(row.get("linkId") or "?"))[:60]
            kind = kind_of(row)
            if kind not in TYPES:
                told.say(name, _("le type « %(type)s » n’est pas connu, la réponse sera un texte."), type=kind)
            for key in row:
                if key not in KNOWN_ITEM:
                    part(name, key)
            rest(name, row.get("extension"), KNOWN_EXTENSIONS)
            languages(name, row.get("extension"))
            styled(name, row, "text", "prefix")
            if _control(row) not in CONTROLS:
                told.say(
                    name, _("la présentation « %(part)s » n’est pas reprise ; la question reste."), part=_control(row)
                )
            for one in _dicts(row.get("answerOption")):
                rest(name, one.get("extension"), OPTION_EXTENSIONS)
                if isinstance(value := _value(one), dict):
                    rest(name, value.get("extension"), OPTION_EXTENSIONS)
                    styled(name, value, "display")
            pattern = extension(row, HL7 + "regex")
            if pattern and safe_regex(pattern) is None:
                told.say(
                    name, _("la forme imposée (« regex ») est illisible ou trop coûteuse, elle n’est pas vérifiée.")
                )
            for bound in ("minValue", "maxValue"):
                if (
                    (found := extension(row, HL7 + bound)) is not None
                    and isinstance(found, dict)
                    and "value" not in found
                ):
                    told.say(name, _("la borne « %(part)s » est calculée : elle n’est pas vérifiée."), part=bound)
            for one in _dicts(row.get("enableWhen")):
                if _operator(one) not in OPERATORS:
                    told.say(name, _("la condition « %(part)s » n’est pas comprise."), part=_operator(one))
            for rule in _constraints(row):
                if rule.severity != "error":
                    told.say(name, _("la mise en garde « %(part)s » n’est pas montrée."), part=rule.human[:80])
            if row.get("item") and row.get("repeats") and kind != "group":
                told.say(name, _("ses sous-questions sont posées une fois, et non une fois par réponse."))
            if kind in ("choice", "open-choice"):
                answers(name, row)
            look(row.get("item"))

    def answers(name: str, row: dict) -> None:
        listed = _list_name(row)
        if not listed:
            if not (_dicts(row.get("answerOption")) or _dicts(row.get("option"))):
                told.say(name, _("aucune liste de réponses n’est donnée, la réponse sera un texte."))
            return
        found, short = value_set(data, listed), _set_name(listed)
        if found is None:
            told.say(name, _("la liste « %(part)s » n’est pas disponible ici, la réponse sera un texte."), part=short)
        elif found.partial:
            words = _("la liste « %(part)s » n’est pas donnée en entier ; une autre réponse peut être écrite.")
            told.say(name, words, part=short)

    look(data.get("item"))
    rest("", data.get("extension"), KNOWN_EXTENSIONS)
    languages("", data.get("extension"))
    if data.get("modifierExtension"):
        part("", "modifierExtension")
    count = json.dumps(data).count('"text/fhirpath"')
    if count > MANY_EXPRESSIONS:
        words = _(
            "%(n)s calculs : ceux que le temps d’une page ne permet pas ne sont pas faits, leurs questions restent posées."
        )
        told.say("", words, n=count)
    return told.sentences()


def broken(data: Any) -> list[str]:
    """Why this cannot be a form at all."""
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
    return list(dict.fromkeys(found))[:20]


def faults(data: Any) -> list[str]:
    """Why this cannot be published."""
    from . import expressions

    if found := broken(data):
        return found
    shape = read(data)
    for name, expression in shape.variables:
        if problem := expressions.problem(expression):
            found.append(_("La variable « %(name)s » ne se lit pas (%(why)s).") % {"name": name, "why": problem})
    for item in shape.walk():
        for condition in item.conditions:
            if condition.question not in shape.by_link:
                found.append(
                    _("« %(name)s » dépend d’une question qui n’existe pas (« %(link)s »).")
                    % {"name": item.short or item.link_id, "link": condition.question[:60]}
                )
        told = [item.calculated, item.initial_expression, item.enable_expression, *(e for _name, e in item.variables)]
        for expression in filter(None, [*told, *(c.expression for c in item.constraints)]):
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
    """The pattern, unless it is wrong or could take for ever: a repeat or a choice inside a repeat, more than three repeats."""
    if not isinstance(pattern, str) or len(pattern) > 300 or _costly(pattern):
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None


TOKENS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?:|\(\?|[()|*+?]|\{\d*,?\d*\}|.", re.DOTALL)
ENDLESS = 1000


def _costly(pattern: str) -> bool:
    groups: list[int] = []  # of each open group: 2 if it holds a repeat without end, 1 a choice or a range
    closed = repeats = 0
    for token in TOKENS.findall(pattern):
        if token == "(?" or re.fullmatch(r"\\[1-9]", token):
            return True  # looks around, names, back references: not weighed here
        held, closed = closed, 0
        if token in ("(", "(?:"):
            groups.append(0)
            continue
        if token == ")":
            closed = groups.pop() if groups else 0
            level = closed
        elif token == "|":
            level = 1
        elif token in ("*", "+", "?") or (token.startswith("{") and len(token) > 2):
            least, most = _repeats(token)
            repeats += most > 50
            if (held == 2 and most > 1) or (held == 1 and most > 5) or repeats > 3:
                return True
            level = 2 if most > 50 else int(most > least)
        else:
            continue
        if groups:
            groups[-1] = max(groups[-1], level)
    return False


def _repeats(token: str) -> tuple[int, int]:
    if token in ("*", "+"):
        return 0, ENDLESS
    if token == "?":
        return 0, 1
    least, comma, most = token[1:-1].partition(",")
    return int(least or 0), int(most or ENDLESS) if comma else int(least)
