from django.urls import path

from . import public, views

app_name = "orientation"
ONE = "guichet/<uuid:orientation_id>/"
RESOURCE = ONE + "ressource/<uuid:solicitation_id>/"
urlpatterns = [
    path("guichet/", views.desk, name="desk"),
    path("guichet/nouvelle/", views.new, name="new"),
    path("guichet/nouvelle/brouillon/", views.draft, name="draft"),
    path("guichet/nouvelle/ressemblances/", views.lookalikes, name="lookalikes"),
    path("guichet/nouvelle/communes/", views.communes, name="communes"),
    path("guichet/demandes/", views.search, name="search"),
    path("guichet/appels/", views.calls, name="calls"),
    path("guichet/repartir/", views.bulk, name="bulk"),
    path("guichet/ressources/", views.resources, name="resources"),
    path("guichet/filtres/", views.save_filter, name="save_filter"),
    path("guichet/filtres/<uuid:filter_id>/retirer/", views.drop_filter, name="drop_filter"),
    path("guichet/reglages/", views.settings, name="settings"),
    path(ONE, views.show, name="show"),
    path(ONE + "pre-evaluation/", views.assess, name="assess"),
    path(ONE + "pre-evaluation/brouillon/", views.assess_draft, name="assess_draft"),
    path(ONE + "faire/<slug:verb>/", views.step, name="step"),
    path(ONE + "courrier/<slug:model>/", views.letter, name="letter"),
    path(RESOURCE, views.reply, name="reply"),
    path(RESOURCE + "relancer/", views.chase, name="chase"),
    path(RESOURCE + "courrier/", views.letter_to, name="letter_to"),
    path(ONE + "<slug:verb>/", views.act, name="act"),
    path("patients/<uuid:circle_id>/appui/demandes/", views.asked, name="asked"),
    path("patients/<uuid:circle_id>/appui/demander/", views.ask, name="ask"),
    # Open to all, each with its own gate (base/web/open_routes.py).
    path("demande/suivi/", public.follow, name="follow"),
    path("demande/suivi/avis/", public.rate, name="rate"),
    path("demande/suivi/<str:token>/", public.follow_link, name="follow_link"),
    path("demande/<uuid:organization_id>/patient/", public.patient, name="public_patient"),
    path("demande/<uuid:organization_id>/professionnel/", public.professional, name="public_professional"),
]
