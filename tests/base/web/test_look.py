"""The design system holds together: icons, tokens, templates, tags."""

import re
import timeit
from pathlib import Path

import pytest
from django.template import engines

from cercle.base.web.icons import ICONS
from cercle.base.web.states import SENDING, STATES, TINTS

ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "cercle/base/web/static/web"
TEMPLATES = sorted(ROOT.glob("cercle/**/templates/**/*.html"))
STYLES = [p for p in sorted(ROOT.glob("cercle/**/static/**/*.css")) if "vendor" not in p.parts]
SCRIPTS = [p for p in sorted(ROOT.glob("cercle/**/static/**/*.js")) if "vendor" not in p.parts]


def render(text: str, **context) -> str:
    return engines["django"].from_string(text).render(context)


def test_every_icon_used_is_in_the_list():
    used = {}
    for file in TEMPLATES:
        text = file.read_text()
        for name in re.findall(r"""\{%\s*(?:icon|kind)\s+"([a-z0-9-]+)\"""", text):
            used[name] = file
        for name in re.findall(r"""\{%\s*chip\s+"\w*"\s+"([a-z0-9-]+)"\s+\S""", text):
            used[name] = file
    used |= {icon: "states.py" for _kind, icon, _word in [*STATES.values(), *SENDING.values()]}
    assert {name: str(file) for name, file in used.items() if name not in ICONS} == {}


def test_no_page_has_an_inline_style_or_script():
    guilty = []
    for file in TEMPLATES:
        if file.suffix == ".html" and "/email" not in str(file):
            text = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", file.read_text(), flags=re.S)
            if re.search(
                r"\sstyle=|<style|\son[a-z]+=|javascript:|hx-on|<script(?![^>]*\b(?:src=|type=.application/json))", text
            ):
                guilty.append(str(file.relative_to(ROOT)))
    assert guilty == []


def test_only_the_tokens_name_a_colour():
    guilty = {}
    for file in STYLES:
        if file.name == "tokens.css" or file.name == "print.css":
            continue
        text = re.sub(r"/\*.*?\*/|url\([^)]*\)", "", file.read_text(), flags=re.S)
        found = re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;,\s)}])|\brgba?\((?!var)[^)]*\)|\bhsla?\(", text)
        if found:
            guilty[str(file.relative_to(ROOT))] = found
    assert guilty == {}


# --- Contrast, computed from tokens.css (WCAG 2.2) -------------------------------------------------------------------
def themes() -> dict[str, dict[str, str]]:
    css = re.sub(r"/\*.*?\*/", "", (WEB / "tokens.css").read_text(), flags=re.S)
    light = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\s*;", css[: css.index('[data-bs-theme="dark"]')]))
    dark_block = css[css.index('[data-bs-theme="dark"]') :]
    dark_block = dark_block[: dark_block.index("}")]
    return {"light": light, "dark": light | dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})\s*;", dark_block))}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def ratio(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = ["c-page", "c-surface", "c-sunken"]
TEXTS = ["c-ink", "c-ink-2", "c-ink-3", "c-primary"]
SOFT = ["u-urgent", "u-watch", "s-done", "s-info", "s-wait", "s-stay", *[f"p-{tint}" for tint in sorted(TINTS)]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(theme):
    colour = themes()[theme]
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [(name, f"{name}-soft") for name in SOFT]
    pairs += [(name, ground) for name in SOFT if name[0] in "us" for ground in GROUNDS]
    pairs += [("c-on-solid", "c-primary"), ("c-on-solid", "c-primary-hover"), ("c-primary", "c-primary-soft")]
    pairs += [("c-on-solid", f"{name}-solid") for name in ("u-urgent",)]
    pairs += [("c-ink-2", "c-track"), ("c-ink", "c-primary-soft"), ("c-ink-2", "c-primary-soft")]
    weak = {f"{a} on {b}": round(ratio(colour[a], colour[b]), 2) for a, b in pairs if ratio(colour[a], colour[b]) < 4.5}
    assert weak == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_and_focus_are_seen(theme):
    colour = themes()[theme]
    pairs = [(edge, ground) for edge in ("c-line-strong", "c-focus") for ground in GROUNDS]
    pairs += [(f"{name}-solid", "c-surface") for name in SOFT if name[0] in "us"]
    pairs += [(f"g-{n}", "c-surface") for n in range(1, 5)]
    weak = {f"{a} on {b}": round(ratio(colour[a], colour[b]), 2) for a, b in pairs if ratio(colour[a], colour[b]) < 3}
    assert weak == {}


# --- Tags ------------------------------------------------------------------------------------------------------------
def test_tags_escape_what_people_typed():
    hostile = '"><script>alert(1)</script>'
    for text in (
        "{% avatar v %}", '{% avatar "AB" label=v %}', '{% avatar "AB" v v %}', "{% profession v v %}",
        '{% chip "info" "check" v %}', '{% chip v "check" "a" %}', '{% kind "bandage" v %}', '{% state "urgent" v %}',
        '{% sending "received" v %}', "{{ v|phone }}", "{{ v|birth_date }}", '{% icon "check" v %}',
        "{% sparkline s v label=v %}",
    ):  # fmt: skip
        shown = render(text, v=hostile, s=[1, 2])
        assert "<script" not in shown, text


def test_an_unknown_icon_stops_the_page_in_tests():
    with pytest.raises(Exception, match="icons.py"):
        render('{% icon "no-such-icon" %}')


def test_a_state_always_has_an_icon_and_a_word():
    for key in STATES:
        shown = render("{% state key %}", key=key)
        assert "<use " in shown and re.search(r"</svg>\S", shown), key


def test_twenty_notes_render_in_a_few_milliseconds():
    note = engines["django"].from_string(
        '{% for n in notes %}{% avatar "MT" "idel" %}{% profession "infirmière" "idel" %}{% state "urgent" %}'
        '{% kind "bandage" "Pansement" %}{% when n %}{% sparkline values "watch" %}{% icon "reply" %}{% endfor %}'
    )
    from django.utils import timezone

    context = {"notes": [timezone.now()] * 20, "values": [1, 2, 3, 2, 5]}
    note.render(context)
    best = min(timeit.repeat(lambda: note.render(context), number=1, repeat=7))
    assert best < 0.05  # seen: 3 ms; only a nested template or a query would reach this


def test_a_field_ties_label_hint_and_error_together():
    from django import forms

    class Form(forms.Form):
        born = forms.CharField(label="Date de naissance", help_text="Jour, mois, année")
        note = forms.CharField(label="Remarque", required=False)

    form = Form({"born": ""})
    shown = render("{% form_errors form %}{% field form.born %}{% field form.note %}", form=form)
    assert '<label class="form-label" for="id_born">' in shown
    assert 'aria-describedby="id_born_hint id_born_error"' in shown and 'aria-invalid="true"' in shown
    assert 'id="id_born_hint"' in shown and 'id="id_born_error"' in shown
    assert "(facultatif)" in shown and 'href="#id_born"' in shown


def test_the_sprite_and_the_parts_are_built():
    vendor = ROOT / "cercle/base/web/static/vendor"
    if not vendor.exists():
        pytest.skip("front-end parts are not installed: python scripts/assets.py")
    sprite = (vendor / "icons.svg").read_text()
    assert [name for name in ICONS if f'id="{name}"' not in sprite] == []
    assert "sourceMappingURL" not in (vendor / "bootstrap.css").read_text()


def test_the_first_load_fits_its_budget():
    """150 kB compressed with a page of 12 kB; every style sheet and script of the notebook's page is counted."""
    import gzip

    vendor = ROOT / "cercle/base/web/static/vendor"
    if not vendor.exists():
        pytest.skip("front-end parts are not installed: python scripts/assets.py")
    files = [*vendor.glob("*.css"), *vendor.glob("*.js"), vendor / "icons.svg", *WEB.glob("*.css"), *WEB.glob("*.js")]
    files += [p for p in [*STYLES, *SCRIPTS] if p.parent != WEB]
    weight = sum(len(gzip.compress(p.read_bytes(), 9)) for p in files)
    weight += (vendor / "atkinson-latin.woff2").stat().st_size
    assert weight + 12_000 < 150_000, weight
