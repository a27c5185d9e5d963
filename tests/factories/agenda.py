"""Rows for the addresses of the agenda (tests/hostile/test_walk.py)."""

from datetime import timedelta

from django.utils import timezone

from cercle.care.agenda import actions


def walk_rows(acting, note) -> dict:
    visit = actions.place(
        acting,
        kind="visit",
        title=note.text[:160],
        note=note.text,
        starts_at=timezone.now() + timedelta(days=3),
        minutes=30,
    )
    item = actions.keep_to_place(acting, kind="call", title=note.text[:160])
    today = timezone.localdate()
    absence = actions.be_away(acting, kind="leave", starts_on=today, ends_on=today + timedelta(days=4))
    feed, _token = actions.open_feed(acting, label=note.text[:60])
    return {"appointment_id": visit.pk, "item_id": item.pk, "absence_id": absence.pk, "feed_id": feed.pk}
