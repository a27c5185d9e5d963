"""Every page of forms looked at by axe and by a ruler, light and dark; a form composed, published and filled in by the keyboard."""

import pytest
from django.urls import reverse

from cercle.care.questionnaires import actions, forms, library
from cercle.care.questionnaires.models import Questionnaire
from tests import factories as make
from tests.factories import questionnaires as q
from tests.support.database import ROOT

from .conftest import LOOKS, aside

pytestmark = pytest.mark.browser
AXE = ROOT / "node_modules/axe-core/axe.min.js"
ANSWERS = {
    "q-note": ["7"],
    "q-aide": ["urn:test|oui"],
    "n-loop": ["2"],
    "q-nom~0": ["Soazig"],
    "q-nom~1": ["motsanslafin" * 12],
}
ITEMS = (
    q.item("note", "integer", text="Combien de chutes ?", required=True), q.choice("aide", "oui", "non", text="Une aide vient-elle ?"),
    q.item("jour", "date", text="Depuis quand ?"), q.item("mot", "text", text="Ce que vous avez vu"),
    q.item("poids", "quantity", text="Poids"), q.item("photo", "attachment", text="Photo"),
    q.item("loop", "group", text="Aidant", repeats=True, item=[q.item("nom", text="Nom"), q.calculated("rang", "%resource.item.count()", text="Rang")]),
)  # fmt: skip


def told(town) -> tuple[list[str], list[str]]:
    """Addresses of a circle's answers, and of the library."""
    town.circle(used_family="Le Gall")

    def tell():
        library.load()
        if Questionnaire.objects.current("essai") is None:
            q.form(*ITEMS)
        bruno = town.bruno

        def signed(**more):
            response = forms.start(bruno, "essai")
            return actions.finish(bruno, response=response, post=ANSWERS | more)

        first, second = signed(), signed(**{"q-note": ["2"]})
        actions.finish(bruno, response=second, post=ANSWERS, reason="erreur de saisie")
        begun = forms.start(bruno, "essai")
        for writer, note in (("a", "1"), ("a", "2")):
            actions.keep_draft(bruno, response=begun, post={"q-note": [note]}, writer=writer, revision=1)
        try:
            actions.keep_draft(bruno, response=begun, post={"q-note": ["trois ou quatre"]}, writer="b", revision=1)
        except actions.TwoWriters:
            pass
        draft = actions.new_version(bruno.viewer, form=Questionnaire.objects.current("katz"))
        circle, base = bruno.circle_id, "questionnaires:"
        mine = [
            f"/patients/{circle}/grilles/",
            f"{reverse(base + 'compare', args=[circle])}?avec={first.pk}&et={second.pk}",
        ]
        for name, response in (
            ("show", second),
            ("history", second),
            ("history", begun),
            ("fill", begun),
            ("fill", second),
        ):
            mine.append(reverse(base + name, args=[circle, response.pk]))
        shown = [
            reverse(base + "form", args=[Questionnaire.objects.current(name).pk])
            for name in ("essai", "zarit", "aggir-pa-ssiad")
        ]
        edits = [
            reverse(base + "edit", args=[draft.pk]),
            reverse(base + "edit_item", args=[draft.pk]) + "?link=hygiene",
        ]
        return mine, [reverse(base + "library"), *shown, *edits]

    return aside(tell)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("size", "scheme"), [*LOOKS, pytest.param("320", "light", marks=pytest.mark.slow)])
def test_axe_finds_nothing_and_nothing_sticks_out(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    mine, region = told(town)
    operator = aside(lambda: make.user(kind="operator", first_name="Odile"))
    found = []
    for who, addresses in ((town.bruno, mine), (operator, region)):
        page = town.page(who, size, color_scheme=scheme)
        for address in addresses:
            answer = page.goto(address)
            if answer.status != 200:
                found.append((address, answer.status))
                continue
            page.evaluate(AXE.read_text())
            for rule, nodes in page.evaluate(
                "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
            ):
                found.append((address, rule, nodes[:3]))
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found.append((address, "sideways"))
    assert not found, "\n".join(map(str, found))


def test_a_form_is_filled_in_and_signed_by_the_keyboard_alone(town):
    mine, _region = told(town)
    page = town.page(town.bruno)
    page.goto(mine[5])
    field = page.get_by_label("Combien de chutes ?")
    field.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("4")
    page.keyboard.press("Enter")  # goes on, does not sign
    assert page.evaluate("document.activeElement.name") == "q-aide"
    page.keyboard.press("Space")
    assert page.get_by_label("OUI", exact=True).is_checked()
    page.get_by_role("button", name="Terminer et signer").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "remplir" not in url)
    assert page.get_by_text("Terminée").count() == 1
