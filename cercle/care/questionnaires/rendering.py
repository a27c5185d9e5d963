"""A Questionnaire as the fields of a form, and its answers as a page to read: plain HTML from the tree, no script needed to fill it in.

Data attributes tell `form.js` what depends on what; it hides, the server decides again.
"""

import json
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from cercle.base.web.templatetags.web import svg

from . import answers, conditions
from .answers import Typed, count_name, instances_of, name_of
from .shape import NO_LIST, SDC, Item, Shape, coding_key, extension

Errors = dict[str, str]
RADIOS = 7  # options of a question that stand in the page; more are a list


class Sheet:
    """One rendering: the fields, their errors, what is off now."""

    def __init__(
        self, shape: Shape, typed: Typed, errors: Errors | None, *, prefix: str = "", upload: str = "", lists: str = "",
        extra: dict | None = None,
    ):  # fmt: skip
        self.shape, self.errors, self.prefix, self.upload, self.lists = shape, errors or {}, prefix, upload, lists
        self.typed, self.failed = conditions.calculate(shape, typed, extra)
        self.off = conditions.disabled(shape, self.typed, extra)

    def page(self) -> SafeString:
        return mark_safe(self.problems() + self.rows(self.shape.items, ()) + self.state())

    def state(self) -> str:
        """What expressions hide, for the script: replaced by each answer of the server."""
        return f'<input type="hidden" id="{self.prefix}form-off" data-off="{escape(self.hidden_names())}">'

    def hidden_names(self) -> str:
        by_link = self.shape.by_link
        return json.dumps(sorted(name_of(*key) for key in self.off if by_link[key[0]].enable_expression))

    # --- The box above ----------------------------------------------------------------------------------------------
    def problems(self) -> str:
        if not self.errors:
            return ""
        links = []
        for name, words in self.errors.items():
            link = name.removeprefix("q-").partition("~")[0]
            item = self.shape.by_link.get(link)
            links.append(
                f'<li><a href="#{escape(self.id_of(name))}">{escape(item.short or item.text)}</a> : {escape(words)}</li>'
                if item
                else f"<li>{escape(words)}</li>"
            )
        title = _("Il reste des réponses à corriger. Tout ce que vous avez saisi est gardé.")
        return (
            f'<div class="problem" role="alert" tabindex="-1" data-focus>{svg("circle-alert")}<div><h2>{escape(title)}</h2>'
            f"<ul>{''.join(links)}</ul></div></div>"
        )

    def id_of(self, name: str) -> str:
        return self.prefix + "".join(c if c.isalnum() or c in "-_~" else "_" for c in name)

    # --- Items ------------------------------------------------------------------------------------------------------
    def rows(self, items: list[Item], around: tuple[int, ...]) -> str:
        return "".join(self.row(item, around) for item in items if not item.is_help)

    def row(self, item: Item, around: tuple[int, ...]) -> str:
        if item.hidden and not item.calculated:
            return self.carried(item, around)
        name = name_of(item.link_id, around)
        match item.type:
            case "display":
                inner, css = f'<p class="form-words">{words(item.text)}</p>', "q-display"
            case "group":
                inner, css = self.group(item, around), "q-group"
            case _:
                inner, css = self.question(item, around, name), "q-item"
        if item.hidden:
            css += " d-none"
        return f'<div class="{css}"{self.depends(item, around, name)}>{inner}</div>'

    def depends(self, item: Item, around: tuple[int, ...], name: str) -> str:
        told = f' data-q="{escape(item.link_id)}" data-at="{" ".join(str(n) for n in around)}" data-type="{item.type}"'
        if item.type in {"integer", "decimal", "quantity"}:
            for name, bound in (("least", item.bound("minValue")), ("most", item.bound("maxValue"))):
                if isinstance(bound, int | float):
                    told += f' data-{name}="{bound}"'
        if item.type == "open-choice" and not item.repeats:
            told += " data-single"
        if item.is_loop or item.loops:
            told += f' data-loops="{escape(json.dumps([*item.loops], ensure_ascii=False))}"'
        if item.conditions:
            when = [{"q": c.question, "op": c.operator, "a": wanted(c.answer)} for c in item.conditions]
            rule = {"any": item.any_condition, "when": when}
            told += f' data-when="{escape(json.dumps(rule, ensure_ascii=False))}"'
        if (item.link_id, around) in self.off:
            told += " hidden"
        return told

    def help_of(self, item: Item) -> str:
        return " ".join(words(c.text) for c in item.children if c.is_help and c.text)

    def group(self, item: Item, around: tuple[int, ...]) -> str:
        title = self.label(item)
        note = f'<p class="hint">{found}</p>' if (found := self.help_of(item)) else ""
        name = name_of(item.link_id, around)
        wrong, place = (
            self.error(name),
            f' id="{escape(self.id_of(name))}" tabindex="-1"' if name in self.errors else "",
        )
        if not item.repeats:
            inner = self.rows(item.children, around)
            if not item.text:
                return wrong + inner
            return f'<fieldset class="form-group"{place}><legend>{title}</legend>{note}{wrong}{inner}</fieldset>'
        count = instances_of(item, self.typed, around)
        counter = count_name(item.link_id, around)
        parts = [f'<input type="hidden" name="{escape(counter)}" value="{count}">']
        for n in range(count):
            inner = self.rows(item.children, (*around, n))
            remove = (
                f'<button type="submit" class="btn btn-quiet btn-small" name="remove" value="{escape(counter)}|{n}" '
                f'formnovalidate data-reload>{svg("trash-2")}{escape(_("Retirer"))}<span class="visually-hidden"> {escape(item.text)} {n + 1}</span></button>'
                if count > 1 and not item.read_only
                else ""
            )
            parts.append(
                f'<fieldset class="form-group form-loop"{place if not n else ""}><legend>{title} <span class="soft">{n + 1}</span></legend>'
                f"{note + wrong if not n else ''}{inner}{remove}</fieldset>"
            )
        most = item.bound("questionnaire-maxOccurs")
        if count < min(most if isinstance(most, int) else answers.MOST_INSTANCES, answers.MOST_INSTANCES):
            parts.append(
                f'<button type="submit" class="btn btn-second btn-small" name="add" value="{escape(counter)}" formnovalidate data-reload>'
                f'{svg("plus")}{escape(_("Ajouter"))}<span class="visually-hidden"> {escape(item.text)}</span></button>'
            )
        return "".join(parts)

    def error(self, name: str) -> str:
        if not (error := self.errors.get(name)):
            return ""
        ident = escape(self.id_of(name))
        return f'<p class="field-error" id="{ident}_error">{svg("circle-alert")}<span>{escape(error)}</span></p>'

    def carried(self, item: Item, around: tuple[int, ...]) -> str:
        """A hidden item keeps its values without showing them; conditions may look at it."""
        if item.type == "display":
            return ""
        name, counter = name_of(item.link_id, around), count_name(item.link_id, around)
        held = [(n, t) for n in (name, f"{name}.other", f"{name}.unit", counter) for t in self.typed.get(n, [])]
        inner = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(t)}">' for n, t in held)
        for n in range(instances_of(item, self.typed, around)) if item.is_loop else [-1]:
            inner += "".join(self.carried(c, (*around, n) if n >= 0 else around) for c in item.children)
        return f'<div class="d-none"{self.depends(item, around, name)}>{inner}</div>'

    # --- Questions --------------------------------------------------------------------------------------------------
    def label(self, item: Item) -> str:
        before = f'<span class="q-prefix">{escape(item["prefix"])}</span> ' if item["prefix"] else ""
        return before + (escape(item.text) or escape(item.link_id))

    def question(self, item: Item, around: tuple[int, ...], name: str) -> str:
        texts = self.typed.get(name, [])
        error, ident = self.errors.get(name), self.id_of(name)
        note = self.help_of(item)
        if item.list_gone and item.list_gone != NO_LIST:
            gone = _("La liste « %(name)s » n’est plus disponible : écrivez la réponse.") % {"name": item.list_gone}
            note = f"{note} {escape(gone)}".strip()
        if item.searched:
            note = f"{note} {escape(_('Écrivez quelques lettres, puis choisissez dans la liste.'))}".strip()
        told = ([f"{ident}_hint"] if note else []) + ([f"{ident}_error"] if error else [])
        tied = f' aria-describedby="{escape(" ".join(told))}"' if told else ""
        if error:
            tied += ' aria-invalid="true"'
        below = f'<p class="hint" id="{escape(ident)}_hint">{note}</p>' if note else ""
        wrong = self.error(name)
        label = self.label(item)
        if item.required:
            label += f' <span class="required">({escape(_("nécessaire"))})</span>'
        inner = self.rows(item.children, around)
        inner = f'<div class="q-under">{inner}</div>' if inner.strip() else ""
        if item.calculated:
            return self.computed(item, name, ident, label, below, texts) + inner
        group, control = self.control(item, name, ident, tied, texts)
        if group:
            return (
                f'<fieldset class="field q-choices" id="{escape(ident)}" tabindex="-1"{tied}><legend class="form-label">{label}</legend>'
                f"{below}{control}{wrong}</fieldset>{inner}"
            )
        unit = (
            next((u.get("display") or u.get("code", "") for u in item.units), "")
            if item.type in {"integer", "decimal"}
            else ""
        )
        label += f' <span class="unit">{escape(unit)}</span>' if unit and unit.lower() not in item.text.lower() else ""
        return (
            f'<div class="field {self.width(item)}"><label class="form-label" for="{escape(ident)}">{label}</label>'
            f"{below}{control}{wrong}</div>{inner}"
        )

    def width(self, item: Item) -> str:
        return "field-short" if item.type in {"integer", "decimal", "date", "time"} else ""

    def computed(self, item: Item, name: str, ident: str, label: str, below: str, texts: list[str]) -> str:
        return (
            f'<div class="field q-computed"><span class="form-label" id="{escape(ident)}_label">{label}</span>{below}'
            f'<output id="{escape(ident)}" aria-labelledby="{escape(ident)}_label" data-value="{escape(json.dumps(texts))}">'
            f"{escape(self.computed_words(item, name))}</output></div>"
        )

    def computed_words(self, item: Item, name: str) -> str:
        if name in self.failed:
            return _("Le calcul n’est pas possible avec ces réponses.")
        texts = self.typed.get(name, [])
        if not texts:
            return "–"
        if item.options:
            labels = {o.key: o.label for o in item.options}
            return ", ".join(labels.get(text, text) for text in texts)
        unit = next((u.get("display", "") for u in item.units), "")
        return ", ".join(texts) + (f"\u00a0{unit}" if unit else "")

    def control(self, item: Item, name: str, ident: str, tied: str, texts: list[str]) -> tuple[bool, str]:
        """(is it a group of controls, its HTML)"""
        n, i = escape(name), escape(ident)
        ro = " readonly" if item.read_only else ""
        if ro and (item.type == "boolean" or item.options):
            return False, self.fixed(item, name, i, texts)
        if item.type == "boolean":
            if item.control == "check-box":
                mark = " checked" if texts[:1] == ["true"] else ""
                box = f'<input class="form-check-input" type="checkbox" name="{n}" value="true" id="{i}-0"{mark}>'
                return True, f'<label class="check" for="{i}-0">{box}<span>{escape(_("Oui"))}</span></label>'
            return True, self.radios(item, n, i, [("true", _("Oui")), ("false", _("Non"))], texts, "choice-row")
        if item.list_gone and not item.options:
            shown = self.typed.get(f"{name}.other", []) or texts
            return False, self.lines(item, f"{n}.other", i, tied, shown, ro)
        if item.small_scale:
            least, most = item.small_scale
            return True, self.radios(
                item, n, i, [(str(k), str(k)) for k in range(least, most + 1)], texts, "choice-row q-scale"
            )
        if item.searched:
            return False, self.search(item, n, i, tied, texts, ro)
        if item.options:
            return self.choices(item, name, n, i, tied, texts)
        if item.type == "text":
            rows = 6 if texts and len(texts[0]) > 240 else 3
            longest = f' data-longest="{item["maxLength"]}"' if isinstance(item["maxLength"], int) else ""
            text = texts[0] if texts else ""
            # A first line break after <textarea> is not part of the text: one is given to be taken.
            return (
                False,
                f'<textarea class="form-control" name="{n}" id="{i}" rows="{rows}"{longest}{tied}{ro}>\n{escape(text)}</textarea>',
            )
        if item.type == "attachment":
            return False, self.files(item, name, n, i, tied, texts)
        if item.type == "quantity":
            return False, self.quantity(item, name, n, i, tied, texts, ro)
        return False, self.lines(item, n, i, tied, texts, ro)

    def lines(self, item: Item, n: str, i: str, tied: str, texts: list[str], ro: str) -> str:
        kind = {"date": "date", "dateTime": "datetime-local", "time": "time", "url": "url"}.get(item.type, "text")
        mode = {"integer": ' inputmode="numeric"', "decimal": ' inputmode="decimal"'}.get(item.type, "")
        if kind in {"date", "datetime-local", "time"} and any(not _fits(kind, t) for t in texts):
            kind = "text"  # what was typed stays to be seen
        shown = list(texts) or [""]
        if item.repeats:
            shown.append("") if shown[-1] else None
        fields = []
        for at, text in enumerate(shown):
            ident = i if not at else f"{i}-{at}"
            name = f' aria-label="{escape(item.text)} {at + 1}"' if at else ""
            fields.append(
                f'<input class="form-control" type="{kind}" name="{n}" id="{ident}" value="{escape(text)}"{mode}{tied}{ro}{name} autocomplete="off">'
            )
        if item.repeats:
            more = f'<button type="button" class="btn btn-quiet btn-small" data-more>{svg("plus")}{escape(_("Ajouter une ligne"))}</button>'
            return f'<div class="q-lines" data-lines>{"".join(fields)}{more}</div>'
        return fields[0]

    def search(self, item: Item, n: str, i: str, tied: str, texts: list[str], ro: str) -> str:
        """A list too long for a page: the browser proposes what the server finds, as one types."""
        shown = [answers.long_label(o) if (o := answers.find_option(item, t)) else t for t in texts]
        look = (
            f' list="{i}-list" hx-get="{escape(self.lists)}?{escape(urlencode({"link": item.link_id}))}" '
            f'hx-trigger="input changed delay:200ms" hx-target="#{i}-list" hx-swap="innerHTML"'
            if self.lists and not ro
            else ""
        )
        return f'{self.lines(item, n, i, tied + look, shown, ro)}<datalist id="{i}-list"></datalist>'

    def fixed(self, item: Item, name: str, i: str, texts: list[str]) -> str:
        """A choice that may be read, not changed."""
        words = (
            {"true": _("Oui"), "false": _("Non")} if item.type == "boolean" else {o.key: o.label for o in item.options}
        )
        others = self.typed.get(f"{name}.other", [])
        held = [*((name, t) for t in texts), *((f"{name}.other", t) for t in others)]
        fields = "".join(f'<input type="hidden" name="{escape(n)}" value="{escape(t)}">' for n, t in held)
        shown = ", ".join([*(words.get(t, t) for t in texts), *others]) or "–"
        return f'<input class="form-control" id="{i}" value="{escape(shown)}" readonly>{fields}'

    def radios(self, item: Item, n: str, i: str, pairs, texts: list[str], css: str = "") -> str:
        rows = []
        for at, (key, label) in enumerate(pairs):
            mark = " checked" if key in texts else ""
            kind = "checkbox" if item.repeats else "radio"
            option = item.options[at] if at < len(item.options) else None
            alone = " data-alone" if option is not None and option.exclusive else ""
            rows.append(
                f'<label class="check" for="{i}-{at}"><input class="form-check-input" type="{kind}" name="{n}" value="{escape(key)}" '
                f'id="{i}-{at}"{mark}{alone}><span>{escape(label)}</span></label>'
            )
        clear = ""
        if not item.repeats and not item.required:
            off = "" if texts else " hidden"
            clear = f'<button type="button" class="btn btn-quiet btn-small q-clear" data-clear{off}>{escape(_("Effacer la réponse"))}</button>'
        asked = item.bound("questionnaire-choiceOrientation")
        short = (
            all(len(label) <= 18 for _k, label in pairs)
            and len(pairs) <= 4
            and asked != "vertical"
            or asked == "horizontal"
        )
        if asked == "vertical":
            css = css or "q-options-long"
        if any(len(label) > 44 for _k, label in pairs):
            css = css or "q-options-long"
        return f'<div class="q-options {css or ("choice-row" if short else "")}">{"".join(rows)}{clear}</div>'

    def choices(self, item: Item, name: str, n: str, i: str, tied: str, texts: list[str]) -> tuple[bool, str]:
        pairs = [(o.key, o.label) for o in item.options]
        known = {key for key, _label in pairs}
        lost = [t for t in texts if t not in known]
        pairs += [(t, _("%(answer)s (n’est plus dans la liste)") % {"answer": t.partition("|")[2] or t}) for t in lost]
        other = ""
        if item.type == "open-choice":
            held = self.typed.get(f"{name}.other", [""])
            text = next((t for t in held if t), "")
            other = (
                f'<label class="form-label q-other" for="{i}-other">{escape(extension(item.data, SDC + "openLabel") or _("Autre réponse"))}</label>'
                f'<input class="form-control" type="text" name="{n}.other" id="{i}-other" value="{escape(text)}" autocomplete="off">'
            )
        listed = item.control in {"drop-down", "autocomplete", "lookup"} or (len(pairs) > RADIOS and not item.repeats)
        if listed and not item.repeats and item.control not in {"radio-button", "check-box"}:
            options = "".join(
                f'<option value="{escape(k)}"{" selected" if k in texts else ""}>{escape(label)}</option>'
                for k, label in pairs
            )
            field = f'<select class="form-select" name="{n}" id="{i}"{tied}><option value="">{escape(_("Choisir…"))}</option>{options}</select>'
            return (
                (True, field.replace(f' id="{i}"', f' id="{i}-0" aria-label="{escape(item.text)}"') + other)
                if other
                else (False, field)
            )
        return True, self.radios(item, n, i, pairs, texts) + other

    def quantity(self, item: Item, name: str, n: str, i: str, tied: str, texts: list[str], ro: str) -> str:
        value = escape(texts[0] if texts else "")
        field = f'<input class="form-control" type="text" inputmode="decimal" name="{n}" id="{i}" value="{value}"{tied}{ro} autocomplete="off">'
        held = (self.typed.get(f"{name}.unit") or [""])[0]
        label = escape(_("Unité de « %(name)s »") % {"name": item.text})
        units = item.units
        if len(units) == 1:
            unit = f'<span class="unit" data-unit="{escape(units[0].get("code") or "")}">{escape(units[0].get("display") or units[0].get("code", ""))}</span>'
        elif units:
            named = [(coding_key(u), u.get("display") or u.get("code", "")) for u in units]
            options = "".join(
                f'<option value="{escape(key)}"{" selected" if key == held else ""}>{escape(unit)}</option>'
                for key, unit in named
            )
            unit = f'<select class="form-select" name="{n}.unit" aria-label="{label}">{options}</select>'
        else:
            unit = f'<input class="form-control" type="text" name="{n}.unit" value="{escape(held)}" aria-label="{label}" placeholder="{escape(_("unité"))}">'
        return f'<div class="q-quantity">{field}{unit}</div>'

    def files(self, item: Item, name: str, n: str, i: str, tied: str, texts: list[str]) -> str:
        kept = "".join(kept_file(name, t) for t in texts)
        if not self.upload:
            later = escape(_("Les fichiers se joignent une fois le dossier de la personne ouvert."))
            return f'<div class="q-files">{kept}<p class="hint" id="{i}">{later}</p></div>'
        send = (
            f' hx-post="{escape(self.upload)}" hx-encoding="multipart/form-data" hx-trigger="change" hx-target="next .q-kept" '
            f'hx-swap="{"beforeend" if item.repeats else "innerHTML"}" hx-vals="{escape(json.dumps({"field": name}))}" hx-include="this"'
        )
        many = " multiple" if item.repeats else ""
        field = f'<input class="form-control" type="file" name="file" id="{i}"{tied}{many}{send}>'
        return f'<div class="q-files">{field}<div class="q-kept" aria-live="polite">{kept}</div></div>'


def kept_file(name: str, text: str) -> SafeString:
    """One file that is kept with the answers; unticking takes it out."""
    return format_html(
        '<label class="check"><input class="form-check-input" type="checkbox" name="{}" value="{}" checked><span>{} {}</span></label>',
        name, text, svg("paperclip"), text.split("|", 3)[-1],
    )  # fmt: skip


def _fits(kind: str, text: str) -> bool:
    shape = {
        "date": r"\d{4}-\d\d-\d\d",
        "datetime-local": r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?",
        "time": r"\d\d:\d\d(:\d\d)?",
    }[kind]
    return not text or re.fullmatch(shape, text, re.ASCII) is not None


def words(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def wanted(answer: Any) -> Any:
    """An `enableWhen` answer as the script compares it: a coding by its key, a quantity by its number, a moment as its field."""
    if isinstance(answer, dict):
        if "value" in answer:
            return {"n": answer["value"], "u": [str(answer[name]) for name in ("code", "unit") if answer.get(name)]}
        code = answer.get("code") or answer.get("reference") or answer.get("display") or ""
        return {"c": code, "s": answer.get("system") or ""}
    if isinstance(answer, str) and answer[10:11] == "T":
        try:
            moment = datetime.fromisoformat(answer)
        except ValueError:
            return answer
        return (timezone.localtime(moment) if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%M:%S")
    return answer


# --- Reading ---------------------------------------------------------------------------------------------------------
def readable(shape: Shape, items: list[dict]) -> list[dict]:
    """Lines of a page to read: {depth, kind: title|answer, label, answers: [str], link, files}. In the order of the form."""
    found: list[dict] = []

    def look(rows, questions: list[Item], depth: int) -> None:
        by_link: dict[str, list[dict]] = {}
        for row in rows or []:
            by_link.setdefault(row.get("linkId", ""), []).append(row)
        for item in questions:
            for at, row in enumerate(by_link.pop(item.link_id, [])):
                show(item, row, depth, at)
        for link, left in by_link.items():  # answers to questions that this version does not have: still readable
            for row in left:
                show(None, row | {"linkId": link}, depth, 0)

    def show(item: Item | None, row: dict, depth: int, at: int) -> None:
        label = (item.text if item else "") or row.get("text") or row.get("linkId", "")
        if item is not None and item.type == "group":
            if label:
                found.append(
                    {
                        "depth": depth,
                        "kind": "title",
                        "label": f"{label} {at + 1}" if item.repeats else label,
                        "link": item.link_id,
                    }
                )
            look(row.get("item"), item.children, depth + 1)
            return
        given = row.get("answer") or []
        if given and not (item is not None and item.hidden):
            found.append(
                {
                    "depth": depth, "kind": "answer", "label": label, "link": row.get("linkId", ""),
                    "answers": [answers.shown(item, a) for a in given],
                    "files": [a["valueAttachment"] for a in given if isinstance(a.get("valueAttachment"), dict)],
                }
            )  # fmt: skip
        under = [r for a in given for r in a.get("item") or []] + (row.get("item") or [])
        if under:
            look(under, item.children if item else [], depth + 1)

    look(items, shape.items, 0)
    return found


def unread(shape: Shape, typed: Typed) -> list[dict]:
    """Lines for what was typed and cannot be read as an answer."""
    errors: Errors = {}
    answers.read_items(shape, typed, errors)
    found = []
    for name in errors:
        item = shape.by_link.get(name.removeprefix("q-").partition("~")[0])
        label = item.text if item else name
        found.append({"depth": 0, "kind": "answer", "label": label, "link": "", "answers": typed[name], "files": []})
    return found
