"""A week at the desk: drawn, dragged, lengthened, placed by hand, then the same by keys; a round on the phone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cercle.care.agenda import actions
from cercle.care.agenda.models import Appointment, ToPlace
from tests.care.agenda.conftest import at

from .conftest import aside

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
    page.locator("#agenda-panel").get_by_text("Toilette").wait_for()


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
