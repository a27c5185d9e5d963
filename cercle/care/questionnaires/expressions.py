"""FHIRPath, by fhirpathpy: each expression is parsed once. There is one evaluator, here; the page asks the server."""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from datetime import time as hour
from decimal import Decimal
from functools import lru_cache
from typing import Any

import fhirpathpy
from antlr4 import CommonTokenStream, InputStream
from django.utils.translation import gettext as _
from fhirpathpy.engine.nodes import FP_Quantity, ResourceNode
from fhirpathpy.models import models as fhir_models
from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

logger = logging.getLogger(__name__)


class Failed(Exception):
    """The expression could not be computed on these answers."""


# The library's own four fail on values read from a resource (2.2.4), and SDC adds `weight()` and its older name.
FUNCTIONS = {
    "sum": {"fn": lambda values: [sum(values)], "arity": {0: []}},
    "avg": {"fn": lambda values: [sum(values) / len(values)] if values else [], "arity": {0: []}},
    "min": {"fn": lambda values: [min(values)] if values else [], "arity": {0: []}},
    "max": {"fn": lambda values: [max(values)] if values else [], "arity": {0: []}},
    "weight": {"fn": lambda values: [w for v in values if (w := weight_of(v)) is not None], "arity": {0: []}},
    "ordinal": {"fn": lambda values: [w for v in values if (w := weight_of(v)) is not None], "arity": {0: []}},
}


def weight_of(value: Any) -> Any:
    """The `ordinalValue` of an answer's coding: `conditions.weigh` has put it there."""
    for one in value.get("extension", ()) if isinstance(value, dict) else ():
        if str(one.get("url", "")).endswith(("/ordinalValue", "/itemWeight")):
            return one.get("valueDecimal")
    return None


# A form from elsewhere may hold hundreds of expressions over hundreds of answers: what has no time left is not computed.
SECONDS = 2
_until: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def budget() -> Iterator[None]:
    """All the expressions inside share these seconds of work."""
    if _until.get() is not None:
        yield
        return
    token = _until.set(time.thread_time() + SECONDS)
    try:
        yield
    finally:
        _until.reset(token)


@lru_cache(maxsize=2000)
def compiled(expression: str):
    return fhirpathpy.compile(expression, fhir_models["r4"], {"userInvocationTable": FUNCTIONS, "returnRawData": True})


def problem(expression: str) -> str:
    """Why it does not parse, or ""."""
    try:
        parser = FHIRPathParser(CommonTokenStream(_quiet(FHIRPathLexer(InputStream(expression)))))
        _quiet(parser).entireExpression()
        compiled(expression)
    except RecursionError:
        return _("trop profond")
    except Exception:  # the parser's own kinds of errors, several, in English
        return _("écriture incomplète ou incorrecte")
    # The library takes what it can read and leaves the rest: half an expression must not be published.
    return _("écriture incomplète ou incorrecte") if parser.getNumberOfSyntaxErrors() else ""


def _quiet(recogniser):
    recogniser.removeErrorListeners()
    return recogniser


def mentioned(expression: str) -> set[str]:
    """Names of the variables in an expression: « %age », « %`a-b` »."""
    return {quoted or bare for quoted, bare in MENTIONS.findall(expression)}


MENTIONS = re.compile(r"%(?:`([^`]+)`|([A-Za-z_][\w-]*))")


def evaluate(expression: str, resource: dict, variables: dict[str, Any] | None = None, *, base: str = "") -> list:
    """The values found. Raises `Failed`; never another error, whatever was written or answered.

    `base`: where in FHIR this part of a resource stands (« QuestionnaireResponse.item »), so that `answer.value` is known.
    """
    return [
        plain(one.data if isinstance(one, ResourceNode) else one)
        for one in nodes(expression, resource, base, variables)
    ]


def nodes(expression: str, resource: dict, base: str = "", variables: dict[str, Any] | None = None) -> list:
    """The same, as the library holds them: a variable keeps where in FHIR its values stand."""
    until = _until.get()
    if until is not None and time.thread_time() > until:
        raise Failed
    try:
        return compiled(expression)(ResourceNode.create_node(resource, base) if base else resource, variables or {})
    except RecursionError as error:
        raise Failed from error
    except Exception as error:
        logger.info("fhirpath expression failed: %s", type(error).__name__)  # never the answers
        raise Failed from error


def node(row: dict, base: str) -> Any:
    """A part of a resource as a variable: the library must be told where in FHIR it stands."""
    return ResourceNode.create_node(row, base)


def plain(value: Any) -> Any:
    """Python's and the library's kinds of values as JSON holds them."""
    if isinstance(value, FP_Quantity):
        return {"value": plain(value.value), "unit": str(value.unit).strip("'")}
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, bool | int | float | str | dict | list) or value is None:
        return value
    if isinstance(value, datetime | date | hour):
        return value.isoformat()
    text = getattr(value, "original", None) or getattr(value, "asStr", None)
    return text if isinstance(text, str) else str(value)
