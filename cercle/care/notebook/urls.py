from django.urls import path

from . import views

app_name = "notebook"
urlpatterns = [
    path("patients/<uuid:circle_id>/notes/", views.add, name="add"),
    path("patients/<uuid:circle_id>/notes/fil/", views.timeline, name="timeline"),
    path("patients/<uuid:circle_id>/notes/lues/", views.read_all, name="read_all"),
    path("patients/<uuid:circle_id>/notes/brouillon/<str:slot>/", views.draft, name="draft"),
    path("patients/<uuid:circle_id>/notes/imprimer/", views.printed, name="print"),
    path("patients/<uuid:circle_id>/notes/<uuid:note_id>/", views.card, name="card"),
    path("patients/<uuid:circle_id>/notes/<uuid:note_id>/reponse/", views.reply, name="reply"),
    path("patients/<uuid:circle_id>/notes/<uuid:note_id>/corriger/", views.correct, name="correct"),
    path("patients/<uuid:circle_id>/notes/<uuid:note_id>/retirer/", views.withdraw, name="withdraw"),
    path("patients/<uuid:circle_id>/notes/<uuid:note_id>/historique/", views.history, name="history"),
]
