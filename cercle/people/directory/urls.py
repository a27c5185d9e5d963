from django.urls import path

from cercle.people.directory import views

app_name = "directory"

urlpatterns = [
    path("annuaire/", views.search, name="search"),
    path("annuaire/personnes/<uuid:practitioner_id>/", views.person, name="person"),
    path("annuaire/structures/<uuid:organization_id>/", views.structure, name="structure"),
    path("annuaire/<str:what>/<uuid:entry_id>/signaler/", views.report, name="report"),
    path("annuaire/mes-signalements/", views.my_reports, name="my_reports"),
    path("annuaire/signalements/", views.reports, name="reports"),
    path("annuaire/signalements/<uuid:report_id>/", views.answer, name="answer"),
    path("annuaire/structures/<uuid:organization_id>/equipes/", views.create_team, name="create_team"),
    path("annuaire/equipes/<uuid:team_id>/fermer/", views.close_team, name="close_team"),
    path("annuaire/equipes/<uuid:team_id>/membres/", views.add_member, name="add_member"),
    path("annuaire/membres/<uuid:member_id>/fin/", views.end_member, name="end_member"),
]
