"""What each act of the journal is called on screen, after the name of who did it: « Maëlle Tanguy · a lu le cahier ».

One line per action recorded anywhere in `cercle/`; tests/care/record/test_log.py walks the code and fails on one that is
missing here. Written for the person herself: no code, no jargon.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy


@dataclass(frozen=True, slots=True)
class Said:
    """`counted`: what `shown` holds, said between brackets when some of it may be told to the reader of the log."""

    words: object
    counted: object = None


NOTES = ngettext_lazy("%(n)d note", "%(n)d notes", "n")
FILES = ngettext_lazy("%(n)d document", "%(n)d documents", "n")

SENTENCES: dict[str, Said] = {
    # The notebook
    "notebook.read": Said(_("a lu le cahier"), NOTES),
    "notebook.note_added": Said(_("a écrit une note")),
    "notebook.note_corrected": Said(_("a corrigé une note")),
    "notebook.note_withdrawn": Said(_("a retiré une note")),
    "notebook.note_seen": Said(_("a ouvert une note")),
    "notebook.history_read": Said(_("a lu les versions d’une note")),
    "notebook.print_asked": Said(_("a préparé une impression du cahier")),
    "notebook.printed": Said(_("a imprimé le cahier"), NOTES),
    # Documents and stays
    "documents.listed": Said(_("a regardé la liste des documents"), FILES),
    "documents.shown": Said(_("a ouvert un document")),
    "documents.thumbnail_shown": Said(_("a vu l’aperçu d’un document")),
    "documents.document_added": Said(_("a ajouté un document")),
    "documents.document_attached": Said(_("a joint un document à une note")),
    "documents.document_withdrawn": Said(_("a retiré un document")),
    "documents.visibility_changed": Said(_("a changé qui peut voir un document")),
    "documents.infection_found": Said(_("a écarté un fichier dangereux")),
    "stays.shown": Said(_("a regardé une hospitalisation")),
    "stays.admitted": Said(_("a annoncé une entrée en établissement")),
    "stays.moved": Said(_("a noté un changement de service")),
    "stays.discharge_announced": Said(_("a annoncé une sortie")),
    "stays.discharged": Said(_("a noté la sortie d’établissement")),
    "stays.corrected": Said(_("a corrigé une hospitalisation")),
    "stays.cancelled": Said(_("a retiré l’annonce d’une hospitalisation")),
    # The circle
    "circles.refused": Said(_("a voulu ouvrir ce dossier : accès refusé")),
    "fhir.message_received": Said(_("a envoyé une note par un logiciel raccordé")),
    "fhir.message_refused": Said(_("a envoyé un message qui a été refusé")),
    "circles.page_opened": Said(_("a ouvert une page du dossier")),
    "circles.opened_new": Said(_("a ouvert le cercle")),
    "circles.circle_read": Said(_("a regardé qui est dans le cercle")),
    "circles.member_read": Said(_("a regardé la fiche d’un membre")),
    "circles.member_added": Said(_("a ajouté un membre au cercle")),
    "circles.member_ended": Said(_("a mis fin à la participation d’un membre")),
    "circles.lead_changed": Said(_("a confié la coordination du cercle")),
    "circles.directory_searched": Said(_("a cherché quelqu’un à ajouter au cercle")),
    "circles.consent_added": Said(_("a noté une information ou un accord")),
    "circles.consent_withdrawn": Said(_("a noté le retrait d’un accord")),
    "circles.opposition_added": Said(_("a noté une opposition")),
    "circles.opposition_lifted": Said(_("a levé une opposition")),
    "circles.break_glass_opened": Said(_("a ouvert le dossier en urgence")),
    "circles.break_glass_refused": Said(_("a demandé une ouverture en urgence : refusée")),
    "circles.break_glass_reviewed": Said(_("a examiné une ouverture en urgence")),
    "circles.emergency_searched": Said(_("a cherché un dossier à ouvrir en urgence")),
    "circles.join_requested": Said(_("a demandé à rejoindre le cercle")),
    "circles.join_request_answered": Said(_("a répondu à une demande de rejoindre le cercle")),
    "circles.crossing_read": Said(_("a examiné le rapprochement de deux dossiers")),
    "circles.crossing_reviewed": Said(_("a réuni deux cahiers")),
    "circles.matrix_created": Said(_("a publié une matrice des droits")),
    # The coordination file (coordination/files)
    "coordination.file_opened": Said(_("a ouvert un dossier de coordination")),
    "coordination.file_read": Said(_("a lu le dossier de coordination")),
    "coordination.files_listed": Said(_("a regardé sa liste de dossiers de coordination")),
    "coordination.tasks_listed": Said(_("a regardé ses tâches")),
    "coordination.level_changed": Said(_("a changé le niveau d’appui")),
    "coordination.referent_changed": Said(_("a changé le référent de l’appui")),
    "coordination.co_referent_added": Said(_("a ajouté un co-référent")),
    "coordination.co_referent_ended": Said(_("a retiré un co-référent")),
    "coordination.file_suspended": Said(_("a suspendu l’appui")),
    "coordination.file_resumed": Said(_("a repris l’appui")),
    "coordination.file_closed": Said(_("a clos le dossier de coordination")),
    "coordination.file_reopened": Said(_("a rouvert le dossier de coordination")),
    "coordination.synthesis_changed": Said(_("a mis à jour la synthèse")),
    "coordination.administrative_read": Said(_("a lu le dossier administratif")),
    "coordination.administrative_changed": Said(_("a mis à jour le dossier administratif")),
    "coordination.sheets_listed": Said(_("a regardé les fiches de suivi")),
    "coordination.sheet_read": Said(_("a lu une fiche de suivi")),
    "coordination.sheet_added": Said(_("a écrit une fiche de suivi")),
    "coordination.sheet_corrected": Said(_("a corrigé une fiche de suivi")),
    "coordination.sheet_withdrawn": Said(_("a retiré une fiche de suivi")),
    "coordination.sheet_shared": Said(_("a partagé une fiche de suivi dans le cahier")),
    "coordination.series_added": Said(_("a écrit la même fiche sur plusieurs dossiers")),
    "coordination.private_notes_read": Said(_("a lu les notes internes de sa structure")),
    "coordination.private_note_added": Said(_("a écrit une note interne à sa structure")),
    "coordination.private_note_corrected": Said(_("a corrigé une note interne à sa structure")),
    "coordination.private_note_withdrawn": Said(_("a retiré une note interne à sa structure")),
    "coordination.caseload_handed_over": Said(_("a transmis des dossiers de coordination")),
    "coordination.caseload_given_back": Said(_("a rendu des dossiers de coordination à leur référent")),
    # Identity and what stands around the person
    "patients.patient_created": Said(_("a créé le dossier")),
    "patients.traits_changed": Said(_("a changé l’identité")),
    "patients.identity_validated": Said(_("a validé l’identité sur pièce")),
    "patients.status_lowered": Said(_("a abaissé le statut de l’identité")),
    "patients.marker_set": Said(_("a signalé un doute sur l’identité")),
    "patients.marker_removed": Said(_("a levé un doute sur l’identité")),
    "patients.ins_claimed": Said(_("a indiqué un matricule INS")),
    "patients.ins_received": Said(_("a reçu le matricule INS")),
    "patients.ins_recovered": Said(_("a récupéré le matricule INS")),
    "patients.ins_verified": Said(_("a vérifié le matricule INS")),
    "patients.identifier_added": Said(_("a ajouté un identifiant")),
    "patients.identifier_ended": Said(_("a retiré un identifiant")),
    "patients.coordinates_changed": Said(_("a changé l’adresse ou le téléphone")),
    "patients.contact_added": Said(_("a ajouté un proche au dossier")),
    "patients.contact_changed": Said(_("a changé les coordonnées d’un proche")),
    "patients.contact_ended": Said(_("a retiré un proche du dossier")),
    "patients.treating_doctor_declared": Said(_("a indiqué le médecin traitant")),
    "patients.death_recorded": Said(_("a enregistré le décès")),
    "patients.death_cancelled": Said(_("a annulé l’enregistrement d’un décès")),
    "patients.duplicates_searched": Said(_("a cherché des doublons")),
    "patients.duplicate_set_apart": Said(_("a distingué ce dossier d’un dossier ressemblant")),
    "patients.patient_merged": Said(_("a rapproché deux dossiers de la même personne")),
    "patients.patient_unmerged": Said(_("a séparé deux dossiers rapprochés")),
    # The patient's page, lists, this log
    "record.essentials_history_read": Said(_("a regardé l’historique de l’essentiel")),
    "record.identity_queue_listed": Said(_("a regardé la file d’identitovigilance")),
    "record.identity_pair_read": Said(_("a comparé l’identité à celle d’un dossier ressemblant (identitovigilance)")),
    "record.identity_decisions_listed": Said(_("a regardé les décisions d’identitovigilance")),
    "record.identity_history_read": Said(_("a regardé l’historique de l’identité")),
    "record.dossier_read": Said(_("a regardé le dossier")),
    "record.why_read": Said(_("a demandé pourquoi l’accès lui est ouvert")),
    "record.essential_added": Said(_("a ajouté une ligne à l’essentiel")),
    "record.essential_changed": Said(_("a changé une ligne de l’essentiel")),
    "record.essential_ended": Said(_("a retiré une ligne de l’essentiel")),
    "record.essential_none_said": Said(_("a noté qu’il n’y a rien à signaler dans l’essentiel")),
    "record.lookalikes_searched": Said(_("a cherché si ce dossier existait déjà")),
    "record.lookalike_told": Said(_("a appris qu’un dossier ressemblant existe, sans le voir")),
    "record.patients_listed": Said(_("a regardé la liste de ses patients")),
    "record.access_log_read": Said(_("a regardé qui a consulté ce dossier")),
    "record.access_log_exported": Said(_("a exporté la liste des consultations")),
    "record.palette_searched": Said(_("a cherché dans Cercle")),
    "record.notices_listed": Said(_("a regardé ses notifications")),
    # The directory
    "directory.searched": Said(_("a cherché dans l’annuaire")),
    "directory.person_seen": Said(_("a regardé la fiche d’un professionnel")),
    "directory.structure_seen": Said(_("a regardé la fiche d’une structure")),
    "directory.error_reported": Said(_("a signalé une erreur de l’annuaire")),
    "directory.report_answered": Said(_("a répondu à un signalement de l’annuaire")),
    "directory.entry_corrected": Said(_("a corrigé l’annuaire")),
    "directory.imported": Said(_("a mis à jour l’annuaire")),
    "directory.team_created": Said(_("a créé une équipe")),
    "directory.team_closed": Said(_("a fermé une équipe")),
    "directory.team_member_added": Said(_("a ajouté quelqu’un à une équipe")),
    "directory.team_member_ended": Said(_("a retiré quelqu’un d’une équipe")),
    "directory.territory_given": Said(_("a confié des communes à une équipe")),
    "directory.territory_taken": Said(_("a retiré des communes à une équipe")),
    "directory.team_covered": Said(_("a noté le remplacement d’une équipe")),
    "directory.team_cover_ended": Said(_("a mis fin au remplacement d’une équipe")),
    "directory.logo_changed": Said(_("a changé le logo d’une structure")),
    # Structures and steering
    "structures.read": Said(_("a regardé les informations de la structure")),
    "structures.changed": Said(_("a changé les informations de la structure")),
    "structures.room_added": Said(_("a ajouté une salle")),
    "structures.room_closed": Said(_("a retiré une salle")),
    "structures.partner_added": Said(_("a ajouté un partenaire ou une convention")),
    "structures.partner_ended": Said(_("a mis fin à un partenariat")),
    "structures.document_added": Said(_("a déposé un document de la structure")),
    "structures.document_withdrawn": Said(_("a retiré un document de la structure")),
    "structures.document_opened": Said(_("a ouvert un document de la structure")),
    "structures.structure_opened": Said(_("a ouvert une nouvelle structure")),
    "steering.read": Said(_("a regardé les chiffres de la structure")),
    "steering.list_read": Said(_("a ouvert la liste derrière un chiffre")),
    "steering.exported": Said(_("a exporté les chiffres de la structure")),
    "steering.report_made": Said(_("a préparé le rapport d’activité")),
    "steering.month_frozen": Said(_("a arrêté les chiffres d’un mois")),
    # Accounts
    "accounts.signed_in": Said(_("a ouvert une session")),
    "accounts.signed_out": Said(_("a fermé sa session")),
    "accounts.sign_in_failed": Said(_("a échoué à ouvrir une session")),
    "accounts.context_changed": Said(_("a changé de contexte d’exercice")),
    "accounts.person_invited": Said(_("a invité une personne")),
    "accounts.invitation_sent_again": Said(_("a renvoyé une invitation")),
    "accounts.invitation_cancelled": Said(_("a annulé une invitation")),
    "accounts.invitation_accepted": Said(_("a accepté une invitation")),
    "accounts.account_activated": Said(_("a activé son compte")),
    "accounts.account_deactivated": Said(_("a désactivé un compte")),
    "accounts.account_reactivated": Said(_("a réactivé un compte")),
    "accounts.account_unlocked": Said(_("a débloqué un compte")),
    "accounts.admin_added": Said(_("a nommé un administrateur")),
    "accounts.admin_ended": Said(_("a retiré un administrateur")),
    "accounts.password_forgotten": Said(_("a demandé un nouveau mot de passe")),
    "accounts.password_reset": Said(_("a choisi un nouveau mot de passe")),
    "accounts.password_changed": Said(_("a changé son mot de passe")),
    "accounts.factor_added": Said(_("a ajouté un second facteur")),
    "accounts.factor_removed": Said(_("a retiré un second facteur")),
    "accounts.codes_renewed": Said(_("a renouvelé ses codes de secours")),
    "accounts.recovery_asked": Said(_("a demandé de l’aide pour se connecter")),
    "accounts.recovery_confirmed": Said(_("a confirmé une demande d’aide à la connexion")),
    "accounts.recovery_refused": Said(_("a refusé une demande d’aide à la connexion")),
    "accounts.second_factor_dropped": Said(_("a repris un compte sans second facteur")),
    "accounts.session_ended": Said(_("a terminé une session")),
    "accounts.sessions_ended": Said(_("a terminé des sessions")),
    "accounts.terms_published": Said(_("a publié des conditions d’utilisation")),
    "accounts.terms_accepted": Said(_("a accepté les conditions d’utilisation")),
    "accounts.preferences_changed": Said(_("a changé ses préférences")),
    # Notifications
    "notifications.choice_changed": Said(_("a réglé ses notifications")),
    "notifications.schedule_changed": Said(_("a réglé ses heures calmes")),
    "notifications.muted": Said(_("a mis un patient en silence")),
    "notifications.unmuted": Said(_("a de nouveau demandé à être prévenu d’un patient")),
}


def sentence(action: str, shown: int = 0) -> str:
    """« a lu le cahier (12 notes) »; an action that has no line yet is called an act, never by its code."""
    said = SENTENCES.get(action)
    if said is None:
        return str(_("a agi dans le dossier"))
    if said.counted and shown:
        return f"{said.words} ({said.counted % {'n': shown}})"
    return str(said.words)
