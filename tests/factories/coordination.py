"""A DAC, its coordinators, a person it follows."""

from datetime import date
from types import SimpleNamespace

from django.core.files.uploadedfile import SimpleUploadedFile

from cercle.care.coordination.actions import files, handover, sheets
from cercle.people.circles.access import make_viewer
from cercle.people.circles.desks import DAC, desk_of
from tests import factories as make


def dac(name="DAC Cornouaille"):
    return make.organization(name, category=DAC)


def coordinator(organization, given="Nolwenn", family="Le Bris"):
    """Role, user and desk of one coordinator."""
    role = make.role(
        given=given,
        family=family,
        system="JDV_J48",
        profession="309",
        function="330",
        mode="S",
        organization=organization,
    )
    user = make.user(role)
    return SimpleNamespace(role=role, user=user, viewer=make_viewer(user, role), desk=desk_of(make_viewer(user, role)))


def followed(who, *, circle=None, informed_on=date(2026, 1, 5), **traits):
    """A person with a circle and a file held by `who`."""
    if circle is None:
        bruno = make.role(given="Bruno", family="Hascoët")
        circle = make.circle(make.viewer(bruno), **traits)
    return files.open_file(
        who.desk, patient=circle.patient, level=2, referent=who.role, entry_reason="home", informed_on=informed_on
    )


def walk_rows(acting, note) -> dict:
    """One row of each kind in a DAC's file about this person, for the walks over routes."""
    who = coordinator(dac())
    colleague = coordinator(who.desk.organization, "Erwan", "Kerdreux")
    file = files.open_file(
        who.desk, patient=acting.patient, level=2, referent=who.role, entry_reason="home", informed_on=date(2026, 1, 5)
    )
    joined = SimpleUploadedFile("lettre.txt", note.text.encode(), "text/plain")
    sheet = sheets.write_sheet(
        who.desk, file=file, act="call", at=note.written_at, minutes=15, text=note.text, files=[joined]
    )
    files.add_private_note(who.desk, file=file, text=note.text)
    passed = handover.hand_over(who.desk, from_role=who.role, to_role=colleague.role)
    return {"file_id": file.pk, "sheet_id": sheet.pk, "handover_id": passed.pk, "piece_id": sheet.files.get().pk}
