from django.urls import path

from . import library_views, views

app_name = "questionnaires"
CIRCLE = "patients/<uuid:circle_id>/grilles/"
ONE = CIRCLE + "<uuid:response_id>/"
FORM = "formulaires/<uuid:form_id>/"
urlpatterns = [
    path(CIRCLE + "commencer/", views.start, name="start"),
    path(CIRCLE + "comparer/", views.compare, name="compare"),
    path(ONE, views.show, name="show"),
    path(ONE + "remplir/", views.fill, name="fill"),
    path(ONE + "brouillon/", views.draft, name="draft"),
    path(ONE + "calcul/", views.live, name="live"),
    path(ONE + "fichier/", views.upload, name="upload"),
    path(ONE + "abandonner/", views.discard, name="discard"),
    path(ONE + "historique/", views.history, name="history"),
    path("formulaires/", library_views.library, name="library"),
    path("formulaires/nouveau/", library_views.create, name="create"),
    path("formulaires/importer/", library_views.import_form, name="import"),
    path(FORM, library_views.show, name="form"),
    path(FORM + "exporter/", library_views.export, name="export"),
    path(FORM + "liste/", library_views.codes, name="codes"),
    path(FORM + "essai/", library_views.try_out, name="try"),
    path(FORM + "decider/", library_views.decide, name="decide"),
    path(FORM + "modifier/", library_views.edit, name="edit"),
    path(FORM + "question/", library_views.edit_item, name="edit_item"),
]
