"""What the pages of the coordination file share."""

from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from cercle.base.web.live import topics_for
from cercle.people.circles.access import reach
from cercle.people.circles.desks import Desk

from ..models import CoordinationFile, FileDraft

WRITE = ["GET", "HEAD", "POST"]


def own_page(request: HttpRequest, found: Desk, file: CoordinationFile, **more) -> dict:
    """The structure's own page about one person: her name, the tabs of the file."""
    acting = reach(found.viewer, file.patient_id)
    return {
        "file": file, "desk": found, "identity": file.patient.identity, "acting": acting,
        "in_circle_url": reverse("record:patient", args=[file.patient_id]) if acting else "",
        "topics": topics_for(request, f"file:{file.pk}"), **more,
    }  # fmt: skip


def draft_of(found: Desk, file: CoordinationFile, slot: str) -> FileDraft | None:
    return FileDraft.objects.filter(user_id=found.user_id, file_id=file.pk, slot=slot).first()


def address(found: Desk, file: CoordinationFile) -> str:
    """Back to the tab of the patient's page, or to the structure's own page once out of the circle."""
    if reach(found.viewer, file.patient_id):
        return reverse("record:tab", args=[file.patient_id, "coordination"])
    return reverse("coordination:file", args=[file.pk])


def rebase(form: Form, version) -> None:
    """What was typed stays in the form; the next save is based on what the colleague wrote."""
    data = QueryDict(mutable=True)
    data.update(form.data)
    data["based_on"] = version
    form.data = data


def go(request: HttpRequest, url: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def writing(
    request: HttpRequest, found: Desk, file: CoordinationFile, form, slot: str, *, title: str, verb: str, kept, **more
) -> HttpResponse:  # fmt: skip
    """A form that is kept as it is typed, in a dialog or as a page."""
    context = own_page(
        request, found, file, form=form, which=slot, slot=slot, title=title, verb=verb, kept=kept, back=address(found, file),
        **more,
    )  # fmt: skip
    status = 422 if request.method == "POST" else 200
    name = "coordination/file_form.html#sheet" if request.headers.get("HX-Request") else "coordination/file_form.html"
    return render(request, name, context, status=status)


def dialog(request: HttpRequest, context: dict, *, back: str) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    name = "coordination/dialog.html#form" if request.headers.get("HX-Request") else "coordination/dialog.html"
    return render(request, name, context | {"back": back}, status=status)
