from django.urls import path

from ..views import files as views

urlpatterns = [
    path("dossiers/", views.caseload, name="files"),
    path("dossiers/fiches/", views.sheets, name="sheets"),
    path("dossiers/serie/", views.series, name="series"),
    path("dossiers/transmettre/", views.hand_over, name="hand_over"),
    path("dossiers/transmettre/<uuid:handover_id>/", views.handover, name="handover"),
    path("dossiers/<uuid:file_id>/", views.show, name="file"),
    path("dossiers/<uuid:file_id>/fiches/", views.file_sheets, name="file_sheets"),
    path("dossiers/<uuid:file_id>/fiche/", views.write_sheet, name="write_sheet"),
    path("dossiers/<uuid:file_id>/fiches/<uuid:sheet_id>/", views.sheet, name="sheet"),
    path("dossiers/<uuid:file_id>/fiches/<uuid:sheet_id>/<slug:what>/", views.change_sheet, name="change_sheet"),
    path("dossiers/<uuid:file_id>/administratif/", views.administrative, name="administrative"),
    path("dossiers/<uuid:file_id>/administratif/version/", views.administrative_version, name="administrative_version"),
    path("dossiers/<uuid:file_id>/synthese/", views.synthesis, name="synthesis"),
    path("dossiers/<uuid:file_id>/notes-internes/", views.private_notes, name="private_notes"),
    path("dossiers/<uuid:file_id>/brouillon/<slug:slot>/", views.draft, name="draft"),
    path("dossiers/<uuid:file_id>/changer/<slug:what>/", views.change, name="change"),
    path("patients/<uuid:circle_id>/appui/ouvrir/", views.open_file, name="open_file"),
    path("patients/<uuid:circle_id>/appui/fiche/", views.sheet_of_visit, name="sheet_of_visit"),
    path("taches/", views.tasks, name="tasks"),
]
