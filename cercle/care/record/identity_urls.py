"""Addresses of identity: a new patient, the « Dossier » and what it changes, the identity queue."""

from django.urls import path

from . import create, dossier, identity_queue, identity_views

BASE = "patients/<uuid:circle_id>/dossier/"

urlpatterns = [
    path("patients/nouveau/", create.new, name="new_patient"),
    path("patients/nouveau/naissance/", create.birth_places, name="birth_places"),
    path("patients/nouveau/communes/", create.communes, name="communes"),
    path(BASE + "contenu/", dossier.live, name="dossier_live"),
    path(BASE + "essentiel/<slug:kind>/ajouter/", dossier.essential_add, name="essential_add"),
    path(BASE + "essentiel/<slug:kind>/aucun/", dossier.essential_none, name="essential_none"),
    path(BASE + "essentiel/<slug:kind>/historique/", dossier.essential_history, name="essential_history"),
    path(BASE + "essentiel/<slug:kind>/codes/", dossier.essential_codes, name="essential_codes"),
    path(BASE + "essentiel/<uuid:essential_id>/", dossier.essential_change, name="essential_change"),
    path(BASE + "essentiel/<uuid:essential_id>/retirer/", dossier.essential_end, name="essential_end"),
    path(BASE + "medecins/", identity_views.doctors, name="doctors"),
    path(BASE + "modifier/<slug:what>/", identity_views.edit, name="identity_edit"),
    path(BASE + "proches/<uuid:contact_id>/", identity_views.contact, name="contact"),
    path(BASE + "proches/<uuid:contact_id>/retirer/", identity_views.contact_end, name="contact_end"),
    path(BASE + "identifiants/<uuid:identifier_id>/retirer/", identity_views.identifier_end, name="identifier_end"),
    path(BASE + "historique/<slug:what>/", identity_views.history, name="identity_history"),
    path("identites/", identity_queue.queue, name="identities"),
    path("identites/decisions/", identity_queue.decisions, name="identity_decisions"),
    path("identites/decisions/<uuid:decision_id>/separer/", identity_queue.undo, name="identity_undo"),
    path("identites/<uuid:pair_id>/", identity_queue.pair, name="identity_pair"),
    path("identites/<uuid:pair_id>/reunir/", identity_queue.merge, name="identity_merge"),
    path("identites/<uuid:pair_id>/distinguer/", identity_queue.apart, name="identity_apart"),
    path("identites/<uuid:pair_id>/plus-tard/", identity_queue.later, name="identity_later"),
]
