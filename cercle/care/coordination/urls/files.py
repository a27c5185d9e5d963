from django.urls import path

from ..views import files, handover, sheets

FILE = "dossiers/<uuid:file_id>/"
SHEET = FILE + "fiches/<uuid:sheet_id>/"
HANDOVER = "dossiers/transmettre/<uuid:handover_id>/"
urlpatterns = [
    path("dossiers/", handover.caseload, name="files"),
    path("dossiers/fiches/", sheets.sheets, name="sheets"),
    path("dossiers/serie/", sheets.series, name="series"),
    path("dossiers/transmettre/", handover.hand_over, name="hand_over"),
    path(HANDOVER, handover.handover, name="handover"),
    path(HANDOVER + "prolonger/", handover.prolong, name="prolong"),
    path(HANDOVER + "prevenues/", handover.informed, name="informed"),
    path(HANDOVER + "lettres/", handover.handover_letters, name="handover_letters"),
    path(FILE, files.show, name="file"),
    path(FILE + "fiches/", sheets.file_sheets, name="file_sheets"),
    path(FILE + "fiche/", sheets.write_sheet, name="write_sheet"),
    path(SHEET, sheets.sheet, name="sheet"),
    path(SHEET + "corriger/", sheets.correct_sheet, name="correct_sheet"),
    path(SHEET + "<slug:what>/", sheets.change_sheet, name="change_sheet"),
    path(SHEET + "fichiers/<uuid:piece_id>/", sheets.piece, name="sheet_file"),
    path(SHEET + "fichiers/<uuid:piece_id>/retirer/", sheets.withdraw_piece, name="withdraw_sheet_file"),
    path(FILE + "administratif/", files.administrative, name="administrative"),
    path(FILE + "administratif/version/", files.administrative_version, name="administrative_version"),
    path(FILE + "synthese/", files.synthesis, name="synthesis"),
    path(FILE + "notes-internes/", files.private_notes, name="private_notes"),
    path(FILE + "brouillon/<slug:slot>/", files.draft, name="draft"),
    path(FILE + "changer/<slug:what>/", files.change, name="change"),
    path("patients/<uuid:circle_id>/appui/ouvrir/", files.open_file, name="open_file"),
    path("patients/<uuid:circle_id>/appui/fiche/", sheets.sheet_of_visit, name="sheet_of_visit"),
    path("taches/", handover.tasks, name="tasks"),
]
