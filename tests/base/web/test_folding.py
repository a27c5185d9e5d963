"""Folding changes the cost of a page, never its text."""

import pytest
from django.template import Context, engines
from django.utils.translation import override

from cercle.base.web.folding import Folded, fold

SAMPLES = [
    'a {% translate "Rechercher" %} {% icon "search" %} b',
    '{% translate "Rechercher" as word %}{{ word }}',
    '{% if x %}{% translate "Fermer" %} {% icon "x" %}{% else %}{% translate "Annuler" %}{% endif %}',
    '{% for i in rows %}{{ i }} {% icon "plus" %} {% translate "Ajouter" %};{% endfor %}',
    '{% with y=x %}{% chip "urgent" "triangle-alert" _("Urgent") %}{{ y }}{% endwith %}',
    "{% blocktranslate %}Rechercher{% endblocktranslate %} {% blocktranslate with n=x %}vu {{ n }}{% endblocktranslate %}",
    '{% autoescape off %}{% translate "Rechercher" %}<b>{{ x }}{% endautoescape %}{% avatar x "idel" %}',
    '{% partialdef p %}{% icon "x" %}{% translate "Fermer" %}{{ x }}{% endpartialdef %}[{% partial p %}]',
    '{{ x|default:"rien" }}{% translate x %}',
]


def _plain(source: str):
    return engines["django"].engine.from_string(source)  # compiled without the loader: not folded


@pytest.mark.parametrize("source", SAMPLES)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_folded_template_says_the_same_in_each_language(source, language):
    values = {"x": "Anne <i>", "rows": [1, 2]}
    folded = _plain(source)
    fold(folded.nodelist)
    with override("fr"):
        folded.render(Context(values))  # what was kept in French is not given in English
    with override(language):
        assert folded.render(Context(values)) == _plain(source).render(Context(values))


def test_a_run_of_constant_parts_becomes_one_node():
    template = _plain('<p>{% icon "search" %}{% translate "Rechercher" %}</p>{{ x }}{% icon "x" %}')
    fold(template.nodelist)
    kinds = [type(node).__name__ for node in template.nodelist]
    assert kinds == ["Folded", "VariableNode", "Folded"]


def test_what_varies_is_never_kept():
    template = _plain('{% icon name %}{% translate word %}{% url "record:patient" pk %}')
    fold(template.nodelist)
    assert not any(isinstance(node, Folded) for node in template.nodelist)


def test_the_site_loads_its_templates_folded(db):
    template = engines["django"].get_template("record/no_patients.html").template
    assert template.folded
