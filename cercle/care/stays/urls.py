from django.urls import path

from . import views

app_name = "stays"
urlpatterns = [
    path("patients/<uuid:circle_id>/sejours/annoncer/", views.admit, name="new"),
    path("patients/<uuid:circle_id>/sejours/etablissements/", views.places, name="places"),
    path("patients/<uuid:circle_id>/sejours/alerte/", views.alert, name="alert"),
    path("patients/<uuid:circle_id>/sejours/<uuid:stay_id>/", views.show, name="show"),
    path("patients/<uuid:circle_id>/sejours/<uuid:stay_id>/service/", views.move, name="move"),
    path("patients/<uuid:circle_id>/sejours/<uuid:stay_id>/sortie-annoncee/", views.announce, name="announce"),
    path("patients/<uuid:circle_id>/sejours/<uuid:stay_id>/sortie/", views.discharge, name="discharge"),
    path("patients/<uuid:circle_id>/sejours/<uuid:stay_id>/retirer/", views.cancel, name="cancel"),
]
