"""FHIR XML to JSON and back. What is a list and what is a number comes from the models of `fhir.resources`; nothing is validated
here, and what the models do not know keeps its text.

No document type is read, so no entity either: a DTD is refused before parsing.
"""

import re
import typing
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

from django.utils.translation import gettext as _

from .shape import Node, reject

FHIR, XHTML = "http://hl7.org/fhir", "http://www.w3.org/1999/xhtml"
DEEPEST = 60
NUMBERS: dict[str, Callable[[str], Any]] = {"int": int, "bool": lambda said: said == "true"}


class Shape(typing.NamedTuple):
    is_list: bool
    kind: str  # "bool", "int", "decimal", "text", or the name of a model; "Resource" for a resource inside


@lru_cache(maxsize=600)
def shapes(model: str) -> dict[str, Shape]:
    """element to its shape; empty for a model that is not known."""
    from fhir.resources.R4B import get_fhir_model_class

    try:
        fields = get_fhir_model_class(model).model_fields
    except (KeyError, LookupError, AttributeError, ImportError):
        return {}
    found = {}
    for name, field in fields.items():
        said = str(field.annotation)
        alias = field.alias or name
        inner = re.search(r"abc\.(\w+)Type\b", said)
        if inner:
            kind = inner[1]
        elif "bool" in said:
            kind = "bool"
        elif "Decimal" in said or "float" in said:
            kind = "decimal"
        else:
            kind = "int" if re.search(r"\bint\b", said) else "text"
        found[alias] = Shape("List[" in said, kind)
    return found


# --- In ----------------------------------------------------------------------------------------------------------------


def read(raw: bytes) -> Node:
    """Raises Rejected."""
    if b"\x00" in raw[:200] or re.search(rb"<!(DOCTYPE|ENTITY)", raw[:100_000], re.IGNORECASE):
        raise reject(
            "", _("ce XML porte une définition de document, ou n’est pas en UTF-8 : il n’est pas lu."), "structure"
        )
    try:
        root = ET.fromstring(raw)
    except (ET.ParseError, LookupError, ValueError):
        raise reject("", _("ce contenu n’est pas du XML lisible."), "structure") from None
    if not root.tag.startswith(f"{{{FHIR}}}"):
        raise reject("", _("ce n’est pas une ressource FHIR : son espace de noms manque."), "structure")
    return _resource(root, 0)


def _resource(element: ET.Element, depth: int) -> Node:
    name = element.tag.rpartition("}")[2]
    return {"resourceType": name} | _children(element, name, depth)


def _children(element: ET.Element, model: str, depth: int) -> Node:
    if depth > DEEPEST:
        raise reject("", _("ce contenu est imbriqué sur trop de niveaux."), "too-deep")
    known, found = shapes(model), Node()
    for name in ("id", "url"):
        if (said := element.get(name)) is not None:
            found[name] = said
    for child in element:
        name = child.tag.rpartition("}")[2]
        shape = known.get(name, Shape(False, ""))
        if child.tag == f"{{{XHTML}}}div":
            found["div"] = ET.tostring(_plain(child, XHTML), encoding="unicode").strip()
            continue
        value, beside = _value(child, shape, depth)
        if not shape.is_list:
            if value is not None:
                found[name] = value
            if beside:
                found[f"_{name}"] = beside
            continue
        values = found.setdefault(name, [])
        values.append(value)
        if beside or f"_{name}" in found:
            sides = found.setdefault(f"_{name}", [None] * (len(values) - 1))
            sides.append(beside or None)
    return {k: v for k, v in found.items() if not (isinstance(v, list) and all(x is None for x in v))}


def _value(child: ET.Element, shape: Shape, depth: int) -> tuple[Any, Node | None]:
    said = child.get("value")
    if shape.kind in ("Resource", "") and len(child) and said is None and child[0].tag.rpartition("}")[2][:1].isupper():
        return _resource(child[0], depth + 1), None
    if shape.kind in ("bool", "int", "decimal", "text") or (said is not None and not shape.kind):
        beside = {k: v for k, v in _children(child, "Element", depth + 1).items() if k in ("id", "extension")}
        return (None if said is None else _primitive(said, shape.kind)), beside or None
    return _children(child, shape.kind or "Element", depth + 1), None


def _primitive(said: str, kind: str) -> Any:
    try:
        if kind == "decimal":
            number = float(said)
            return int(number) if number.is_integer() and "." not in said else number
        return NUMBERS[kind](said) if kind in NUMBERS else said
    except ValueError:
        return said


# --- Out ---------------------------------------------------------------------------------------------------------------


def write(node: Node) -> bytes:
    element = _out(node)
    element.set("xmlns", FHIR)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ET.tostring(element, encoding="utf-8")


def _out(node: Node) -> ET.Element:
    element = ET.Element(node["resourceType"])
    _fill(element, node, node["resourceType"])
    return element


def _fill(element: ET.Element, node: Node, model: str) -> None:
    known = shapes(model)
    for name, value, beside in _ordered(node, known):
        if name == "div":
            element.append(_div(value))
            continue
        kind = known.get(name, Shape(False, "")).kind
        many = isinstance(value, list) or isinstance(beside, list)
        values = value if isinstance(value, list) else [value] * (len(beside) if value is None and many else 1)
        sides = beside if isinstance(beside, list) else [beside]
        for n, one in enumerate(values):
            side = sides[n] if n < len(sides) and isinstance(sides[n], dict) else None
            # Ids of elements and the address of an extension are attributes.
            if (name == "id" and "resourceType" not in node) or (name == "url" and model in ("Extension", "Element")):
                element.set(name, str(one))
                continue
            child = ET.SubElement(element, name)
            if isinstance(one, dict):
                if "resourceType" in one:
                    child.append(_out(one))
                else:
                    _fill(child, one, kind or "Element")
                continue
            if one is not None:
                child.set("value", "true" if one is True else "false" if one is False else str(one))
            if side:
                _fill(child, side, "Element")


def _ordered(node: Node, known: dict[str, Shape]) -> Iterator[tuple[str, Any, Any]]:
    """In the order of the schema: XML asks for it."""
    rank = {name: n for n, name in enumerate(known)}
    names = {k.removeprefix("_") for k in node if k != "resourceType"}
    for name in sorted(names, key=lambda k: rank.get(k, 999)):
        yield name, node.get(name), node.get(f"_{name}")


def _div(said: str) -> ET.Element:
    """A narrative that is not XML is left out: it could close the document around it."""
    try:
        if "<!" not in said:
            return _plain(ET.fromstring(said), XHTML)
    except ET.ParseError:
        pass
    return ET.Element("div", {"xmlns": XHTML})


def _plain(element: ET.Element, space: str) -> ET.Element:
    """Without prefixes: its namespace said once, at its root."""
    for one in element.iter():
        if isinstance(one.tag, str):
            one.tag = one.tag.rpartition("}")[2]
    element.set("xmlns", space)
    return element
