"""The tags and filters of every screen (a builtin library: nothing to load).

Plain Python that builds escaped strings, no nested templates: a page of twenty notes calls them hundreds of times.
Each one has its example on the living style page, `/style/`.
"""

from functools import lru_cache

from django import forms, template
from django.template.loader import get_template
from django.templatetags.static import static
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.base.web.icons import ICONS
from cercle.base.web.states import SENDING, STATES, TINTS

register = template.Library()
KNOWN = frozenset(ICONS)


@lru_cache(maxsize=512)
def svg(name: str, css: str = "") -> SafeString:
    """One icon of the sprite, hidden from screen readers: a word stands beside it or the button has its name."""
    if name not in KNOWN:
        raise template.TemplateSyntaxError(f"icon {name!r} is not in cercle/base/web/icons.py")
    css = f"icon {escape(css)}" if css else "icon"
    href = static("vendor/icons.svg")
    return mark_safe(f'<svg class="{css}" aria-hidden="true" focusable="false"><use href="{href}#{name}"/></svg>')


register.simple_tag(svg, name="icon")


def tint_class(tint) -> str:
    tint = str(tint or "").removeprefix("p-")
    return f" tint-{tint}" if tint in TINTS else ""


@register.simple_tag
def avatar(who, tint="", size="", label=""):
    """`{% avatar "MT" "idel" "s" %}` or `{% avatar person size="l" %}` (an object with `initials` and `tint`).

    Size: s 26, "" 36, l 44, xl 56. Hidden from screen readers unless `label` is given: the name stands beside.
    """
    if not isinstance(who, str) and who is not None:
        tint = tint or getattr(who, "tint", "")
        who = getattr(who, "initials", None) or french.initials(str(who))
    elif who and len(who) > 3:
        who = french.initials(who)
    css = f"avatar avatar-{escape(size)}" if size else "avatar"
    named = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(f'<span class="{css}{tint_class(tint)}" {named}>{escape(who or "?")}</span>')


@register.simple_tag
def profession(label, tint=""):
    """The tinted label after a name."""
    return mark_safe(f'<span class="profession{tint_class(tint) or " tint-proche"}">{escape(label)}</span>')


@register.simple_tag
def chip(kind, icon="", text="", title=""):
    """`{% chip "urgent" "triangle-alert" "Urgent" %}`; kinds: urgent watch done info wait stay line."""
    if icon and not text and icon not in KNOWN:
        icon, text = "", icon
    css = f"chip chip-{escape(kind)}" if kind else "chip"
    hover = f' title="{escape(title)}"' if title else ""
    return mark_safe(f'<span class="{css}"{hover}>{svg(icon) if icon else ""}{escape(text)}</span>')


@register.simple_tag
def state(key, text=""):
    """The chip of a state by its key (states.py), e.g. `{% state identity.status %}`; nothing if unknown."""
    found = STATES.get(str(key))
    if not found:
        return mark_safe(f'<span class="chip">{escape(text)}</span>') if text else ""
    kind, icon, word = found
    return mark_safe(f'<span class="chip chip-{kind}">{svg(icon)}{escape(text or word)}</span>')


@register.simple_tag
def sending(key, text=""):
    """« Gardé sur ce téléphone », « Reçu à 14 h 02 »: never a receipt the server has not acknowledged."""
    kind, icon, word = SENDING[key]
    return mark_safe(f'<span class="send-state text-{kind}">{svg(icon)}{escape(text or word)}</span>')


@register.simple_tag
def kind(icon, text):
    """The type of a note: icon and grey word."""
    return mark_safe(f'<span class="kind">{svg(icon)}{escape(text)}</span>')


@register.simple_tag
def brand(open_ring=False):
    """The ring with its orange dot; the dashed one stands over empty states."""
    css = "brand-ring brand-ring-open" if open_ring else "brand-ring"
    path = "M17.6 5.4A9 9 0 1 0 21 12.4" if not open_ring else "M12 3a9 9 0 1 0 .01 0"
    size = ' class="empty-ring"' if open_ring else ""
    return mark_safe(
        f'<svg{size} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path class="{css}" d="{path}"/>'
        '<circle class="brand-dot" cx="20" cy="5" r="2.6"/></svg>'
    )


@register.simple_tag
def when(value, style="moment"):
    """`<time>` with the exact date in `title`; style: hour, moment, moment_long, soon, day, short_day."""
    return _time(value, style, get_language(), french.now().date()) if value else ""


@lru_cache(maxsize=8192)
def _time(value, style, language, today) -> SafeString:
    """Words depend on the language and on what day it is; the same instants are shown page after page."""
    shown = getattr(french, style)(value)
    return mark_safe(
        f'<time datetime="{value.isoformat()}" title="{escape(french.exact(value))}">{escape(shown)}</time>'
    )


@register.simple_tag
def day_heading(value):
    """The heading of a day in a timeline."""
    title, detail = french.day_title(value)
    rest = f" <span>{escape(detail)}</span>" if detail else ""
    return mark_safe(f'<div class="day"><h2>{escape(title)}</h2>{rest}</div>')


@register.simple_tag
def sparkline(values, kind="", label="", width=78, height=26):
    """A small trend: the last value is a dot; kind "" (petrol), "watch" or "urgent". Decorative unless `label`."""
    points = [float(v) for v in values if v is not None]
    if len(points) < 2:
        return ""
    low, high = min(points), max(points)
    span = (high - low) or 1
    step = (width - 8) / (len(points) - 1)
    flat = high == low
    places = [
        (round(4 + i * step, 1), round(height / 2 if flat else 4 + (height - 8) * (1 - (v - low) / span), 1))
        for i, v in enumerate(points)
    ]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    x, y = places[-1]
    css = f"spark spark-{kind}" if kind else "spark"
    named = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(
        f'<svg class="{escape(css)}" width="{width}" height="{height}" viewBox="0 0 {width} {height}" {named} '
        f'focusable="false"><path d="{path}"/><circle cx="{x}" cy="{y}" r="3.2"/></svg>'
    )


# --- Forms -----------------------------------------------------------------------------------------------------------
CHECKS = (forms.CheckboxSelectMultiple, forms.RadioSelect)


def css_of(widget) -> str:
    if isinstance(widget, forms.CheckboxInput) or isinstance(widget, CHECKS):
        return "form-check-input"
    if isinstance(widget, forms.Select):
        return "form-select"
    return "form-control"


def error_lines(bound) -> str:
    if not bound.errors:
        return ""
    text = " ".join(escape(e) for e in bound.errors)
    return f'<p class="field-error" id="{bound.auto_id}_error">{svg("circle-alert")}<span>{text}</span></p>'


@register.simple_tag
def field(bound, unit="", css="", optional=True, hint=None, label="", **attrs):
    """A form field in our look: label, hint, control, error, tied together for screen readers.

    `unit` (« en kg ») stands after the label; optional fields say so unless `optional=False`; `css` goes on the block
    (`field-short`, `field-wide`); other keywords become attributes of the control (`_` for `-`).
    """
    widget = bound.field.widget
    if bound.is_hidden:
        return bound.as_widget()
    name = bound.auto_id
    hint = bound.help_text if hint is None else hint
    words = conditional_escape(label or bound.label)
    if unit:
        words += mark_safe(f' <span class="unit">{escape(unit)}</span>')
    elif optional and not bound.field.required and not isinstance(widget, forms.CheckboxInput):
        words += mark_safe(f' <span class="optional">({escape(_("facultatif"))})</span>')
    told = [f"{name}_hint"] if hint else []
    told += [f"{name}_error"] if bound.errors else []
    control = {key.replace("_", "-"): value for key, value in attrs.items()}
    control["class"] = f"{css_of(widget)} {widget.attrs.get('class', '')}".strip()
    if told:
        control["aria-describedby"] = " ".join(told)
    if bound.errors:
        control["aria-invalid"] = "true"
    below = f'<p class="hint" id="{name}_hint">{conditional_escape(hint)}</p>' if hint else ""
    wrong = error_lines(bound)
    if isinstance(widget, CHECKS):
        widget.attrs["class"] = "form-check-input"
        rows = "".join(
            f'<label class="check" for="{sub.id_for_label}">{sub.tag()}'
            f"<span>{conditional_escape(sub.choice_label)}</span></label>"
            for sub in bound.subwidgets
        )
        tied = f' aria-describedby="{" ".join(told)}"' if told else ""
        return mark_safe(
            f'<fieldset class="field {escape(css)}"{tied}><legend class="form-label">{words}</legend>'
            f"{below}{rows}{wrong}</fieldset>"
        )
    if isinstance(widget, forms.CheckboxInput):
        return mark_safe(
            f'<div class="field {escape(css)}"><label class="check" for="{name}">{bound.as_widget(attrs=control)}'
            f"<span>{words}</span></label>{below}{wrong}</div>"
        )
    inner = bound.as_widget(attrs=control)
    if isinstance(widget, forms.PasswordInput):
        inner = (
            f'<div class="with-eye">{inner}<button type="button" class="icon-button" data-eye="{name}" '
            f'aria-pressed="false" aria-label="{escape(_("Montrer le mot de passe"))}">{svg("eye")}</button></div>'
        )
    return mark_safe(
        f'<div class="field {escape(css)}"><label class="form-label" for="{name}">{words}</label>'
        f"{below}{inner}{wrong}</div>"
    )


@register.simple_tag
def form_errors(form):
    """The box above a form: what is wrong as a whole, and links to the fields to correct."""
    if not form.errors:
        return ""
    lines = "".join(f"<p>{escape(e)}</p>" for e in form.non_field_errors())
    wrong = [b for b in form.visible_fields() if b.errors]
    links = "".join(f'<li><a href="#{b.id_for_label or b.auto_id}">{escape(b.label)}</a></li>' for b in wrong)
    title = _("Ce formulaire est à corriger. Ce que vous avez saisi est gardé.")
    links = f"<ul>{links}</ul>" if links else ""
    return mark_safe(
        f'<div class="problem" role="alert" tabindex="-1" data-focus>{svg("circle-alert")}'
        f"<div><h2>{escape(title)}</h2>{lines}{links}</div></div>"
    )


# --- Filters ---------------------------------------------------------------------------------------------------------
for function in ("hour", "day", "short_day", "moment", "moment_long", "soon", "exact", "duration", "birth_date"):
    register.filter(function, getattr(french, function))
register.filter("age", lambda born, on=None: french.age(born, on))
register.filter("phone", french.phone)
register.filter("phone_link", french.phone_link)
register.filter("number", french.number)
register.filter("filesize_fr", french.size)
register.filter("initials", french.initials)


@lru_cache(maxsize=8)
def _words(language: str):
    """gettext with a memory: a page says « Répondre » twenty times."""
    return lru_cache(maxsize=2000)(gettext)


def hot(name: str, context: dict) -> SafeString:
    """A fragment by Jinja2 (cercle/base/web/jinja.py), whose autoescape is on: its result is markup."""
    return mark_safe(get_template(name, using="jinja2").render(context | {"_": _words(get_language())}))


# The parts of the frame that do not change from one page to the next, for a minute, per process. Never content.
_frames: dict[tuple, SafeString] = {}


class Kept(template.Node):
    def __init__(self, name: str, nodelist):
        self.name, self.nodelist = name, nodelist

    def render(self, context) -> SafeString:
        frame = context.get("frame")
        request = context.get("request")
        if frame is None or request is None or not getattr(request, "user", None) or not request.user.is_authenticated:
            return self.nodelist.render(context)
        key = (self.name, request.user.pk, *frame.signature)
        found = _frames.get(key)
        if found is None:
            if len(_frames) > 3000:
                _frames.clear()
            found = _frames[key] = self.nodelist.render(context)
        return found


@register.tag
def kept(parser, token):
    """`{% kept "rail" %}…{% endkept %}`: HTML of the frame that depends on `frame.signature` alone."""
    name = token.split_contents()[1].strip('"')
    nodelist = parser.parse(("endkept",))
    parser.delete_first_token()
    return Kept(name, nodelist)
