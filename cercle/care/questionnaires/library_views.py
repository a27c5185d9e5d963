"""The library of forms, read by every professional; its editor, by the regional operator."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cercle.base.common.errors import Refused
from cercle.people.accounts.rights import is_operator
from cercle.people.circles.access import viewer_of
from cercle.people.circles.vocabulary import Category

from . import actions, answers, editing, expressions, forms, queries, shape, views
from .instruments import registry
from .models import Questionnaire

READERS = {"professional", "operator", "support"}
LARGEST = 2_000_000  # bytes of a file to import


def _reader(request: HttpRequest) -> None:
    if getattr(request.user, "kind", "") not in READERS:
        raise Http404


def _editor(request: HttpRequest):
    """Whether forms exist is no secret; who may change them is. Outsiders and readers get the same answer."""
    if not is_operator(request.user):
        raise Http404
    return viewer_of(request)


def _get(request: HttpRequest, form_id: UUID) -> Questionnaire:
    row = Questionnaire.objects.filter(pk=form_id).first()
    if row is None or (row.is_draft and not is_operator(request.user)):
        raise Http404
    return row


@require_safe
def library(request: HttpRequest) -> HttpResponse:
    _reader(request)
    rows = list(Questionnaire.objects.defer("data").order_by("title", "-recorded_at"))
    editor = is_operator(request.user)
    context = {
        "active": [r for r in rows if r.is_active], "drafts": [r for r in rows if r.is_draft] if editor else [],
        "retired": [r for r in rows if r.status == Questionnaire.Status.RETIRED], "editor": editor,
        "categories": Category.choices, **registry.withheld(),
    }  # fmt: skip
    return render(request, "questionnaires/library.html", context)


@require_safe
def show(request: HttpRequest, form_id: UUID) -> HttpResponse:
    _reader(request)
    row = _get(request, form_id)
    versions = Questionnaire.objects.filter(url=row.url).defer("data").order_by("-recorded_at")
    if not is_operator(request.user):
        versions = versions.exclude(status=Questionnaire.Status.DRAFT)
    context = {
        "form": row, "versions": versions, "fields": _fields(row, None), "editor": is_operator(request.user),
        "scored": forms.scorer_of(row) is not None, "instrument": registry.by_url(row.url),
        "faults": shape.faults(row.data) if row.is_draft else [],
    }  # fmt: skip
    return render(request, "questionnaires/form_page.html", context)


def _fields(row: Questionnaire, typed):
    """The fields, even of a draft that is not sound yet."""
    return forms.render(row, None, typed=typed)


@require_POST
def try_out(request: HttpRequest, form_id: UUID) -> HttpResponse:
    """The preview lives too: scores and computed fields of what is typed in it; nothing is kept."""
    _reader(request)
    return views.computed(request, _get(request, form_id), answers.typed_of(request.POST))


@require_safe
def codes(request: HttpRequest, form_id: UUID) -> HttpResponse:
    """What a list too long for a page holds, for the words typed so far: options of a datalist."""
    _reader(request)
    row = _get(request, form_id)
    item = shape.read(row.data).by_link.get(request.GET.get("link", ""))
    if item is None or not item.searched:
        raise Http404
    typed = next((str(value) for name, value in request.GET.items() if name.startswith("q-")), "")
    found = [answers.long_label(shape.option({"valueCoding": c})) for c in queries.codes(item.searched, typed)]
    return HttpResponse(format_html_join("", '<option value="{}"></option>', ((one,) for one in found)))


@require_safe
def export(request: HttpRequest, form_id: UUID) -> HttpResponse:
    _reader(request)
    row = _get(request, form_id)
    answer = HttpResponse(editing.exported(row.data), content_type="application/fhir+json; charset=utf-8")
    version = "".join(c for c in row.version if c.isalnum() or c in ".-_")
    answer["Content-Disposition"] = f'attachment; filename="Questionnaire-{row.slug}-{version}.json"'
    return answer


@require_POST
def create(request: HttpRequest) -> HttpResponse:
    viewer = _editor(request)
    category = request.POST.get("category", "")
    try:
        row = actions.create_form(
            viewer,
            title=request.POST.get("title", "").replace("\x00", ""),
            category=category if category in Category.values else Category.SOCIAL,
        )
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("questionnaires:library")
    return redirect("questionnaires:edit", row.pk)


@require_POST
def import_form(request: HttpRequest) -> HttpResponse:
    viewer = _editor(request)
    file = request.FILES.get("file")
    category = request.POST.get("category", "")
    try:
        if file is None:
            raise Refused(_("Choisissez un fichier JSON."), "file")
        if file.size > LARGEST:
            raise Refused(_("Ce fichier est trop gros pour un formulaire."), "size")
        category = category if category in Category.values else Category.SOCIAL
        row = actions.import_form(viewer, data=editing.imported(file.read()), category=category, name=file.name)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("questionnaires:library")
    if faults := shape.faults(row.data):
        words = _("Le formulaire est gardé entier, mais ne peut pas être publié : %(why)s")
        messages.error(request, words % {"why": " ".join(faults)})
    elif row.unsupported:
        messages.warning(
            request,
            _(
                "Le formulaire est gardé entier. Certaines parties ne sont pas appliquées : elles sont dites ci-dessous."
            ),
        )
    return redirect("questionnaires:form", row.pk)


@require_POST
def decide(request: HttpRequest, form_id: UUID) -> HttpResponse:
    """Publish, approve, retire, prepare a new version."""
    viewer = _editor(request)
    row = _get(request, form_id)
    verb = request.POST.get("verb", "")
    try:
        if verb == "publish":
            actions.publish(viewer, form=row)
            messages.success(request, _("La version %(version)s est publiée.") % {"version": row.version})
        elif verb == "approve":
            actions.approve(viewer, form=row)
        elif verb == "retire":
            actions.retire(viewer, form=row)
            messages.success(request, _("Le formulaire n’est plus proposé. Ses réponses restent lisibles."))
        elif verb == "version":
            return redirect("questionnaires:edit", actions.new_version(viewer, form=row).pk)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("questionnaires:edit" if row.is_draft else "questionnaires:form", row.pk)
    return redirect("questionnaires:form", row.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, form_id: UUID) -> HttpResponse:
    """The draft: its questions in order, its preview."""
    viewer = _editor(request)
    row = _get(request, form_id)
    if not row.is_draft:
        raise Http404
    problem, status = "", 200
    if request.method == "POST":
        try:
            link = _change(viewer, row, request.POST)
            return redirect(f"{request.path}#q-{link}" if link else request.path)
        except Refused as refused:
            problem, status = refused.message, 422
    context = {
        "form": row, "rows": editing.flat(row.data), "types": editing.TYPES, "problem": problem,
        "faults": shape.faults(row.data) if row.data.get("item") else [],
        "groups": [r["item"] for r in editing.flat(row.data) if r["item"].get("type") == "group"], "fields": _fields(row, None),
        "type_labels": dict(editing.TYPES), "categories": Category.choices, "typed_text": request.POST.get("text", "") if problem else "",
    }  # fmt: skip
    return render(request, "questionnaires/edit.html", context, status=status)


def _change(viewer, row: Questionnaire, post) -> str:
    link = post.get("link", "").replace("\x00", "")
    data = row.data
    match post.get("verb"):
        case "add":
            data, link = editing.add(
                data,
                kind=post.get("type", ""),
                text=post.get("text", "").replace("\x00", ""),
                inside=post.get("inside", "").replace("\x00", ""),
            )
        case "up" | "down":
            data = editing.move(data, link, -1 if post["verb"] == "up" else 1)
        case "remove":
            data, link = editing.remove(data, link), ""
        case "head":
            title = post.get("title", "").replace("\x00", "").strip()[:300]
            if not title:
                raise Refused(_("Donnez un titre au formulaire."), "title")
            category = post.get("category", "")
            fields = {name: post.get(name, "").replace("\x00", "").strip()[:2000] for name in ("source", "licence")}
            fields["category"] = category if category in Category.values else row.category
            actions.change_form(viewer, form=row, data=data, based_on=row.data, title=title, **fields)
            return ""
    actions.change_form(viewer, form=row, data=data, based_on=row.data)
    return link


@require_http_methods(["GET", "HEAD", "POST"])
def edit_item(request: HttpRequest, form_id: UUID) -> HttpResponse:
    viewer = _editor(request)
    row = _get(request, form_id)
    if not row.is_draft:
        raise Http404
    link = (request.POST if request.method == "POST" else request.GET).get("link", "")
    try:
        sheet = editing.sheet(row.data, link)
    except Refused:
        raise Http404
    problem, status = "", 200
    if request.method == "POST":
        try:
            data = editing.change(row.data, link, request.POST)
            if rings := shape.circles(shape.read(data)):
                names = ", ".join(f"«\u00a0{one}\u00a0»" for one in rings[0])
                raise Refused(
                    _("Cette condition tourne en rond : %(names)s. Rien n’a été changé.") % {"names": names}, "circle"
                )
            for text in filter(
                None, (request.POST.get(n, "").strip() for n in ("calculatedExpression", "initialExpression"))
            ):
                if why := expressions.problem(text):
                    raise Refused(_("Le calcul ne se lit pas : %(why)s.") % {"why": why}, "expression")
            actions.change_form(viewer, form=row, data=data, based_on=row.data)
            return redirect(f"/formulaires/{row.pk}/modifier/#q-{link}")
        except Refused as refused:
            problem, status = refused.message, 422
            sheet |= {
                "typed": True, "help": request.POST.get("help", ""), "options": request.POST.get("options", ""), "unit": request.POST.get("unit", ""),
                "calculated": request.POST.get("calculatedExpression", ""), "initial": request.POST.get("initialExpression", ""),
                "question": request.POST.get("question", ""), "operator": request.POST.get("operator", ""), "answer": request.POST.get("answer", ""),
                "least": request.POST.get("least", ""), "most": request.POST.get("most", ""),
                "item": sheet["item"] | {"text": request.POST.get("text", ""), "type": request.POST.get("type", "")},
            }  # fmt: skip
    return render(request, "questionnaires/edit_item.html", sheet | {"form": row, "problem": problem}, status=status)
