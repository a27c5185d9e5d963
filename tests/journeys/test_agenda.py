"""A week at the desk: drawn, dragged, lengthened, placed by hand, then the same by keys; a round on the phone.

A visit that becomes a follow-up sheet, an absence, the weeks of one person; every screen by axe and by a ruler.
"""

from datetime import timedelta

import pytest
from django.utils import timezone

from cercle.care.agenda import actions
from cercle.care.agenda.models import Absence, Appointment, ToPlace
from cercle.care.coordination.models import FollowUpSheet
from cercle.people.circles.access import reach
from cercle.people.directory.models import Commune
from cercle.people.patients.actions.around import change_coordinates
from tests import factories as make
from tests.care.agenda.conftest import at
from tests.factories import coordination as made

from .conftest import LOOKS, aside
from .test_screens import AXE, WIDEST

pytestmark = pytest.mark.browser


def week_of(town):
    def tell():
        visit = actions.place(town.bruno, kind="visit", starts_at=at(1, 10), minutes=60, title="Pansement")
        item = actions.keep_to_place(town.bruno, kind="call", minutes=30, title="Appeler le CH")
        return visit.pk, item.pk

    return aside(tell)


def row(pk) -> Appointment:
    return aside(lambda: Appointment.objects.get(pk=pk))


def at_hour(page, column: int, hour: float) -> tuple[float, float]:
    box = page.locator(".cal-day").nth(column).bounding_box()
    first, hours = page.evaluate(
        "[+document.querySelector('[data-grid]').dataset.first, +document.querySelector('[data-grid]').dataset.hours]"
    )
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * (hour - first) / hours


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.evaluate("document.getElementById('agenda-body').dataset.old = '1'")
    with page.expect_response(lambda r: r.request.method == "POST" and r.status == 204):
        page.mouse.up()
    page.wait_for_selector("#agenda-body:not([data-old])")  # drawn again


def test_moving_lengthening_and_placing_by_hand(town):
    town.circle()
    visit, item = week_of(town)
    page = town.page(town.bruno)
    page.set_viewport_size({"width": 1440, "height": 1100})
    page.goto(f"/agenda/?date={at(0, 0).date()}")
    drag(page, at_hour(page, 1, 10.25), at_hour(page, 3, 14.25))
    assert row(visit).starts_at == at(3, 14)
    page.wait_for_selector(f".cal-day[data-day='{at(3, 0).date()}'] [data-start='14:00']")
    x, y = at_hour(page, 3, 15)
    drag(page, (x, y - 5), (x, at_hour(page, 3, 16)[1]))
    assert row(visit).minutes == 120
    box = page.locator(".desk-only [data-place]").bounding_box()
    drag(page, (box["x"] + 20, box["y"] + 10), at_hour(page, 0, 9))
    placed = aside(lambda: ToPlace.objects.select_related("appointment").get(pk=item).appointment)
    assert placed.starts_at == at(0, 9) and placed.minutes == 30
    page.wait_for_selector(".to-place .soft")
    start, end = at_hour(page, 2, 11), at_hour(page, 2, 12.5)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end)
    page.mouse.up()
    page.locator("#sheet [name=title]").wait_for()
    assert page.input_value("#sheet [name=at]") == "11:00" and page.input_value("#sheet [name=minutes]") == "90"
    page.fill("#sheet [name=title]", "Réunion")
    page.get_by_role("button", name="Poser le rendez-vous").click()
    page.get_by_text("Réunion").first.wait_for()


def test_the_same_by_keys(town):
    town.circle()
    visit, item = week_of(town)
    page = town.page(town.bruno)
    page.goto(f"/agenda/?date={at(0, 0).date()}")
    page.locator(".cal-event[data-move]").focus()
    for key in ("m", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert "10\u00a0h\u00a030" in page.locator("#agenda-says").inner_text()
    with page.expect_response(lambda r: r.request.method == "POST" and r.status == 204):
        page.keyboard.press("Enter")
    moved = row(visit)
    assert moved.starts_at == at(3, 10, 30) and moved.minutes == 75
    page.wait_for_selector(f".cal-day[data-day='{at(3, 0).date()}'] [data-start='10:30']")
    page.locator(".desk-only [data-place]").focus()
    page.keyboard.press("m")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    assert aside(lambda: ToPlace.objects.get(pk=item).appointment_id) is None
    for key in ("m", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    with page.expect_response(lambda r: r.request.method == "POST" and r.status == 204):
        page.keyboard.press("Enter")
    placed = aside(lambda: ToPlace.objects.select_related("appointment").get(pk=item).appointment)
    assert placed.starts_at == at(1, 9, 15)
    page.wait_for_selector(".to-place .soft")
    page.locator(".cal-day").nth(4).focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.locator("#sheet [name=title]").wait_for()
    assert page.input_value("#sheet [name=at]") == "09:30"


def test_a_press_opens_the_appointment_in_a_sheet_and_the_patient_s_page_places_one(town):
    circle = town.circle()
    visit, _item = week_of(town)
    page = town.page(town.bruno)
    page.goto(f"/agenda/?date={at(0, 0).date()}")
    page.locator(".cal-event[data-move]").click()
    page.locator("dialog#sheet[open] .sheet-head").wait_for()
    page.locator("#sheet").get_by_role("link", name="Annuler le rendez-vous").click()
    page.locator("#sheet [name=reason]").fill("Hospitalisée")
    page.locator("#sheet").get_by_role("button", name="Annuler le rendez-vous").click()
    page.locator(".cal-event[data-move]").wait_for(state="detached")
    assert row(visit).state == "cancelled"
    page.goto(f"/patients/{circle}/agenda/")
    page.get_by_role("link", name="Poser un rendez-vous").click()
    page.locator("dialog#sheet[open] [name=title]").fill("Toilette")
    page.fill("#sheet [name=on]", at(1, 0).date().isoformat())
    page.get_by_role("button", name="Poser le rendez-vous").click()
    page.locator("#agenda-body").get_by_text("Toilette").wait_for()


def test_the_phone_shows_the_day_and_marks_a_visit_done(town):
    town.circle()
    now = timezone.now()
    visit = aside(lambda: actions.place(town.bruno, kind="visit", starts_at=now - timedelta(minutes=20), minutes=60).pk)
    page = town.page(town.bruno, "phone")
    page.goto("/agenda/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".tour-acts").get_by_role("button", name="Fait").click()
    page.locator(".tour-done:visible").wait_for()
    assert row(visit).state == "done"


def test_the_map_of_the_phone_is_given_the_address_of_the_next_visit(town):
    town.circle()

    def tell():
        change_coordinates(
            town.bruno,
            patient=town.bruno.patient,
            address="6 venelle du Lavoir",
            postal_code="29750",
            commune_label="Loctudy",
        )
        actions.place(town.bruno, kind="visit", starts_at=timezone.now() - timedelta(minutes=5), minutes=60)

    aside(tell)
    page = town.page(town.bruno, "phone")
    page.goto("/agenda/")
    link = page.locator(".tour-acts [data-map]")
    assert link.get_attribute("href") == "geo:0,0?q=6%20venelle%20du%20Lavoir%2C%2029750%20Loctudy"
    apple = town.page(town.bruno, "phone", user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)")
    apple.goto("/agenda/")
    link = apple.locator(".tour-acts [data-map]")
    link.evaluate("e => e.addEventListener('click', (event) => event.preventDefault())")
    link.click()
    assert link.get_attribute("href").startswith("maps:?q=6%20venelle")


class Coordination:
    """A coordinator with a file, a colleague, a visit an hour ago."""

    def __init__(self):
        dac = made.dac(f"DAC {timezone.now().timestamp()}")
        self.alice, self.erwan = made.coordinator(dac), made.coordinator(dac, "Erwan", "Kerdreux")
        circle = make.circle(make.viewer(make.role("Bruno", "Hascoët")), used_family="Le Gall")
        self.file = made.followed(self.alice, circle=circle)
        self.acting = reach(self.alice.viewer, self.file.patient_id)
        self.at = timezone.now().replace(second=0, microsecond=0) - timedelta(hours=2)
        self.visit = actions.place(self.acting, kind="visit", starts_at=self.at, minutes=45, title="Bilan de départ")
        self.team = make.team(dac, self.alice.role, self.erwan.role)
        self.room = actions.open_room(self.alice.desk, organization=dac, name="Salle du Steïr", seats=12)


def test_a_visit_becomes_a_follow_up_sheet_in_one_action(town):
    desk = aside(Coordination)
    page = town.page(desk.alice.viewer)
    page.goto(f"/agenda/?vue=jour&date={timezone.localtime(desk.at).date()}")
    page.locator(f".cal-event[href*='{desk.visit.pk}']").first.click()
    page.locator("#sheet").get_by_role("link", name="En faire une fiche de suivi").click()
    text = page.locator("textarea[name=text]")
    text.wait_for()
    assert page.input_value("[name=minutes]") == "45"
    text.fill("Vue à domicile, la salle d’eau est à refaire.")
    page.get_by_role("button", name="Enregistrer").first.click()
    page.get_by_text("la salle d’eau est à refaire").first.wait_for()
    sheet = aside(lambda: FollowUpSheet.objects.get(file=desk.file))
    assert (sheet.appointment_id, sheet.act, sheet.minutes, sheet.at) == (desk.visit.pk, "visit", 45, desk.at)


def test_an_absence_is_noted_with_who_covers_and_shown_in_the_week(town):
    desk = aside(Coordination)
    page = town.page(desk.alice.viewer)
    page.goto("/agenda/absences/")
    page.get_by_label("Qui", exact=True).select_option(label="Erwan Kerdreux")
    page.get_by_label("Motif").select_option("sick")
    page.get_by_label("Du", exact=True).fill(at(1, 0).date().isoformat())
    page.get_by_label("Au", exact=True).fill(at(3, 0).date().isoformat())
    page.get_by_label("Qui répond").select_option(label="Nolwenn Le Bris")
    page.get_by_role("button", name="Noter l’absence").click()
    page.get_by_text("Nolwenn Le Bris répond").wait_for()
    page.goto(f"/agenda/?date={at(0, 0).date()}")
    page.get_by_label("Erwan Kerdreux").check()
    page.locator(".cal-lane .lane-item", has_text="Erwan Kerdreux, absence").first.wait_for()
    assert page.locator(".cal-lane .lane-item", has_text="Erwan Kerdreux, absence").count() == 3
    page.goto("/agenda/absences/")
    page.get_by_role("button", name="Retirer Erwan Kerdreux").click()
    page.locator("#confirm-yes").click()
    page.get_by_text("L’absence est retirée.").wait_for()
    assert aside(lambda: Absence.objects.get(practice_role=desk.erwan.role).cancelled_at) is not None


def test_a_taken_room_is_said_before_anything_is_kept(town):
    desk = aside(Coordination)

    def taken():
        actions.place(
            desk.erwan.viewer, kind="meeting", title="Cas complexe", starts_at=at(2, 9), minutes=60, rooms=[desk.room]
        )

    aside(taken)
    page = town.page(desk.alice.viewer)
    page.goto(f"/agenda/?date={at(0, 0).date()}")
    page.locator("[data-key=n]").click()
    page.locator("#sheet [name=title]").fill("Point d’équipe")
    page.locator("#sheet").get_by_text("Réunion", exact=True).click()
    page.fill("#sheet [name=on]", at(2, 0).date().isoformat())
    page.fill("#sheet [name=at]", "09:30")
    page.select_option("#sheet [name=room]", label="Salle du Steïr, 12 places")
    page.get_by_role("button", name="Poser le rendez-vous").click()
    page.locator("#sheet").get_by_text("Salle du Steïr est déjà prise").wait_for()
    assert page.input_value("#sheet [name=title]") == "Point d’équipe"
    page.fill("#sheet [name=at]", "10:00")
    page.get_by_role("button", name="Poser le rendez-vous").click()
    page.locator(".cal-event", has_text="Point d’équipe").first.wait_for()


def test_one_person_s_week_is_moved_from_her_page(town):
    circle = town.circle()
    visit, _item = week_of(town)
    page = town.page(town.bruno)
    page.goto(f"/patients/{circle}/agenda/?vue=semaine&date={at(0, 0).date()}")
    drag_from = at_hour(page, 1, 10.25)
    page.mouse.move(*drag_from)
    page.mouse.down()
    page.mouse.move(drag_from[0] + 30, drag_from[1] + 30)
    page.mouse.move(*at_hour(page, 2, 14.25))
    with page.expect_response(lambda r: r.request.method == "POST" and r.status == 204):
        page.mouse.up()
    page.wait_for_selector(f".cal-day[data-day='{at(2, 0).date()}'] [data-start='14:00']")
    assert row(visit).starts_at == at(2, 14)


def full_week(town) -> Coordination:
    """All that a week may hold: overlaps, a night, a series, a proposal, private time, a way too short, an absence."""
    desk = Coordination()
    for code, name, lat, lon in (("29232", "Quimper", 47.996, -4.1024), ("29019", "Brest", 48.3904, -4.4861)):
        Commune.objects.get_or_create(
            code=code, kind="COM", defaults={"name": name, "lat": lat, "lon": lon, "department": "29"}
        )
    for day in range(7):
        actions.place(
            desk.acting,
            kind="visit",
            starts_at=at(day, 9),
            minutes=60,
            title="Visite",
            commune_code="29232",
            anyway=True,
        )
        actions.place(
            desk.acting, kind="visit", starts_at=at(day, 10, 15), minutes=45, title="Grille AGGIR et relecture du plan",
            commune_code="29019", anyway=True, proposed=day == 2,
        )  # fmt: skip
    actions.place(desk.alice.viewer, kind="private", starts_at=at(1, 9, 30), minutes=60, title="Dentiste", anyway=True)
    actions.place(desk.alice.viewer, kind="call", starts_at=at(3, 22), minutes=480, title="Astreinte", anyway=True)
    actions.place(
        desk.alice.viewer, kind="meeting", starts_at=at(0, 14), minutes=60, title="Concertation " + "motsanslafin" * 6, rooms=[desk.room],
        teams=[desk.team], rrule="FREQ=DAILY;COUNT=7", anyway=True,
    )  # fmt: skip
    actions.be_away(desk.alice.viewer, kind="leave", starts_on=at(4, 0).date(), ends_on=at(4, 0).date())
    actions.keep_to_place(desk.acting, kind="visit", title="Visite", due_at=at(3, 12))
    actions.open_feed(desk.alice.viewer, label="Mon téléphone")
    return desk


def addresses(desk) -> list[str]:
    monday, tab = at(0, 0).date(), f"/patients/{desk.file.patient_id}/agenda/"
    return [
        *(f"{page}?vue={view}&date={monday}" for page in ("/agenda/", tab) for view in ("semaine", "jour", "mois", "liste")),
        f"/agenda/?date={monday + timedelta(days=4)}", "/agenda/absences/", "/agenda/liens/", "/agenda/nouveau/", "/agenda/a-placer/nouveau/",
        *(f"/agenda/rendez-vous/{desk.visit.pk}/{verb}" for verb in ("", "modifier/", "deplacer/", "annuler/")),
    ]  # fmt: skip


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing_on_the_agenda(town, size, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    desk = aside(lambda: full_week(town))
    page = town.page(desk.alice.viewer, size, color_scheme=scheme)
    found = []
    for address in addresses(desk):
        answer = page.goto(address)
        assert answer.status == 200, address
        page.evaluate(AXE.read_text())
        for rule, nodes in page.evaluate(
            "axe.run().then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 160))]))"
        ):
            found.append((address, rule, nodes[:3]))
    assert not found, "\n".join(map(str, found))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "width", [320, pytest.param(390, marks=pytest.mark.slow), pytest.param(1100, marks=pytest.mark.slow), 1440]
)
def test_no_screen_of_the_agenda_scrolls_sideways(town, width):
    desk = aside(lambda: full_week(town))
    page = town.page(desk.alice.viewer, str(width))
    wide = []
    for address in addresses(desk):
        page.goto(address)
        if (scroll := page.evaluate("document.documentElement.scrollWidth")) > width:
            wide.append((address, scroll, page.evaluate(WIDEST, width)))
    assert not wide, wide
