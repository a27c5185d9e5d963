"""The reference: three queries and a minimal template; no session, no rights, no trace."""

from django.http import HttpResponse
from django.template import Context, Engine
from django.urls import path

from cercle.care.notebook.models import Note
from cercle.people.circles.models import Member
from cercle.people.patients.models import Patient

TEMPLATE = Engine().from_string(
    """<!doctype html><html lang="fr"><title>{{ patient.identity.birth_family }}</title><h1>{{ patient.identity.birth_given }}
{{ patient.identity.birth_family }}</h1><ul>{% for m in members %}<li>{{ m.role }} {{ m.profile }}</li>{% endfor %}</ul>
{% for n in notes %}<article><h2>{{ n.author_name }}, {{ n.written_at }}</h2><p>{{ n.text }}</p></article>{% endfor %}</html>"""
)


def page(request, patient_id):
    patient = Patient.objects.select_related("identity").get(pk=patient_id)
    members = Member.objects.filter(circle_id=patient_id, ended_at=None)
    notes = Note.objects.filter(circle_id=patient_id, reply_to=None).order_by("-seq")[:20]
    return HttpResponse(TEMPLATE.render(Context({"patient": patient, "members": members, "notes": notes})))


urlpatterns = [path("bare/<uuid:patient_id>/", page)]
