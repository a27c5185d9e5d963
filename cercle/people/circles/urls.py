from django.urls import path

from . import views

app_name = "circles"
urlpatterns = [
    path("patients/<uuid:circle_id>/cercle/ajouter/", views.add, name="add"),
    path("patients/<uuid:circle_id>/cercle/chercher/", views.candidates, name="candidates"),
    path("patients/<uuid:circle_id>/cercle/quitter/", views.leave, name="leave"),
    path("patients/<uuid:circle_id>/cercle/membres/<uuid:member_id>/", views.member, name="member"),
    path("patients/<uuid:circle_id>/cercle/membres/<uuid:member_id>/retirer/", views.end, name="end"),
    path("patients/<uuid:circle_id>/cercle/membres/<uuid:member_id>/responsable/", views.lead, name="lead"),
    path("patients/<uuid:circle_id>/cercle/accords/noter/", views.consent, name="consent"),
    path("patients/<uuid:circle_id>/cercle/accords/<uuid:consent_id>/retirer/", views.withdraw, name="withdraw"),
    path("patients/<uuid:circle_id>/cercle/oppositions/noter/", views.oppose, name="oppose"),
    path("patients/<uuid:circle_id>/cercle/oppositions/noter/<uuid:target_id>/", views.oppose, name="oppose_to"),
    path("patients/<uuid:circle_id>/cercle/oppositions/<uuid:opposition_id>/lever/", views.lift, name="lift"),
    path("patients/<uuid:circle_id>/cercle/demandes/<uuid:request_id>/", views.answer, name="answer"),
    path("patients/<uuid:circle_id>/cercle/urgences/<uuid:opened_id>/", views.review, name="review"),
    path("patients/<uuid:circle_id>/cercle/rapprochement/<uuid:absorbed_id>/", views.crossing, name="crossing"),
    path("patients/<uuid:circle_id>/cercle/silence/", views.silence, name="silence"),
    # No patient in these addresses: whoever asks is outside the circle.
    path("urgence/", views.emergency, name="emergency"),
    path("rejoindre/", views.join, name="join"),
    path("droits/", views.matrix, name="matrix"),
]
