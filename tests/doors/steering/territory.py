"""A small territory as a log of what happened and when it was written down: loaded into the tables, and replayed in Python."""

from datetime import date, datetime, time, timedelta

from django.db import connection
from django.utils import timezone
from hypothesis import strategies as st

from cercle.care.coordination.models import CoordinationFile, FileEvent, FollowUpSheet
from tests import factories as make

FIRST = date(2024, 1, 1)
DAYS = 240


def noon(day: int):
    return datetime.combine(FIRST + timedelta(days=day), time(12), timezone.get_default_timezone())


@st.composite
def stories(draw):
    """Files: opened one day, written down some days later, whose level moves and which may end; sheets that may be withdrawn."""
    files = []
    for _n in range(draw(st.integers(0, 7))):
        opened = draw(st.integers(0, 200))
        known = opened + draw(st.sampled_from([0, 0, 0, 3, 30]))
        changes, day = [], known
        for _c in range(draw(st.integers(0, 3))):
            day += draw(st.integers(1, 30))
            changes.append((day, {"level": draw(st.sampled_from([1, 2, 3]))}))
        if draw(st.booleans()):
            day += draw(st.integers(1, 30))
            closed = draw(st.integers(opened, day))
            changes.append((day, {"closed": closed, "exit": draw(st.sampled_from(["goals", "death", "moved"]))}))
        files.append({"opened": opened, "known": known, "level": draw(st.sampled_from([1, 2, 3])), "changes": changes})
    sheets = []
    for _n in range(draw(st.integers(0, 10)) if files else 0):
        at = draw(st.integers(0, 230))
        of = draw(st.integers(0, len(files) - 1))
        known = max(
            at + draw(st.sampled_from([0, 0, 2, 40])), files[of]["known"]
        )  # a sheet is written in a file that is there
        sheets.append({
            "file": of, "at": at, "known": known, "act": draw(st.sampled_from(["call", "visit"])),
            "minutes": draw(st.integers(0, 120)), "withdrawn": known + draw(st.integers(1, 30)) if draw(st.booleans()) else None,
        })  # fmt: skip
    return files, sheets


def replayed(files, sheets, known: int):
    """What the tables said at the end of that day, by reading the log."""
    then = []
    for f in files:
        if f["known"] > known:
            continue
        row = {"opened": f["opened"], "level": f["level"], "closed": None, "exit": ""}
        for day, change in f["changes"]:
            if day <= known:
                row |= change
        then.append(row)
    kept = [
        s | {"level": _level(files[s["file"]], known)}
        for s in sheets
        if s["known"] <= known and (s["withdrawn"] is None or s["withdrawn"] > known)
    ]
    return then, kept


def _level(file, known: int) -> int:
    level = file["level"]
    for day, change in file["changes"]:
        if day <= known:
            level = change.get("level", level)
    return level


def load(files, sheets, organization, role, viewer) -> None:
    made = []
    for n, f in enumerate(files):
        patient = make.patient(viewer, birth_family=f"Famille{'abcdefgh'[n]}", birth_given="Anne")
        row = CoordinationFile.objects.create(
            patient=patient, organization=organization, level=f["level"], referent=role, opened_at=noon(f["opened"]),
            entry_reason="home", recorded_at=noon(f["known"]), **f.get("as", {}),
        )  # fmt: skip
        made.append(row)
        for day, change in f["changes"]:
            values = {"level": change["level"]} if "level" in change else {
                "state": "closed", "closed_at": noon(change["closed"]), "exit_reason": change["exit"],
            }  # fmt: skip
            _change(CoordinationFile, row.pk, day, values)
    for s in sheets:
        row = FollowUpSheet.objects.create(
            file=made[s["file"]], organization=organization, act=s["act"], at=noon(s["at"]), minutes=s["minutes"], text="x",
            author_name="Nolwenn", author_role=role, recorded_at=noon(s["known"]),
        )  # fmt: skip
        if s["withdrawn"] is not None:
            _change(FollowUpSheet, row.pk, s["withdrawn"], {"state": "withdrawn"})


def _change(model, pk, day: int, values) -> None:
    """An update as the trigger keeps it, told to have happened that day."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(id) FROM steering_superseded WHERE row_id = %s", [pk])
        before = cursor.fetchone()[0] or []
        model.objects.filter(pk=pk).update(**values)
        if model is CoordinationFile:
            FileEvent.objects.create(
                file_id=pk, kind="closed" if "closed_at" in values else "level", author_name="Nolwenn"
            )
        cursor.execute(
            "UPDATE steering_superseded SET superseded_at = %s WHERE row_id = %s AND id <> ALL (%s::uuid[])",
            [noon(day), pk, before],
        )
