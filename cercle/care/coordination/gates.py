"""The gate of a structure's own file: its desk, its right, and the person's opposition."""

from dataclasses import replace

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404

from cercle.people.circles.desks import Desk, enter_desk
from cercle.people.circles.models import Circle, Opposition
from cercle.people.circles.vocabulary import Ground

from .models import CoordinationFile


def enter_file(request, file_id, right: str) -> tuple[Desk, CoordinationFile]:
    """404 to whoever is not of the file's structure or whom the person refused; 403 to the wrong role."""
    desk = enter_desk(request, right)
    found = (
        CoordinationFile.objects.of(desk.organization)
        .with_people()
        .select_related("patient__circle")
        .filter(pk=file_id)
        .first()
    )
    if found is None or is_opposed(desk, found):
        raise Http404
    return at_work(desk, found), found


def at_work(desk: Desk, file: CoordinationFile) -> Desk:
    """The same desk, on this person's file: the journal names her and the ground."""
    return replace(desk, circle_id=file.patient_id, ground=str(Ground.STRUCTURE_FILE))


def is_opposed(desk: Desk, file: CoordinationFile) -> bool:
    circle = Circle.objects.filter(pk=file.patient_id, has_oppositions=True).first()
    return circle is not None and (
        Opposition.objects.active().of(circle).filter(desk.viewer.opposed(), category="", target_id=None).exists()
    )


def refused_by(desk: Desk, *, patient: str = "patient") -> QuerySet:
    """For `Exists` over rows of a patient: refusals said in whichever of her files, brought together. Ask it only of
    circles marked `has_oppositions`: a list of 100,000 files must not look for each."""
    root = Coalesce(OuterRef(f"{patient}__circle__canon_id"), OuterRef(f"{patient}_id"))
    return (
        Opposition.objects.active()
        .filter(desk.viewer.opposed(), category="", target_id=None)
        .filter(Q(circle_id=root) | Q(circle__canon_id=root))
    )


def opposed_files(desk: Desk) -> QuerySet:
    """Ids of the structure's files that are kept and not shown to this professional, closed ones included."""
    return (
        CoordinationFile.objects.of(desk.organization)
        .filter(Exists(refused_by(desk)), patient__circle__has_oppositions=True)
        .values("pk")
    )
