"""The closed lists of the circle."""

from enum import IntFlag

from django.db import models
from django.utils.translation import gettext_lazy as _


class Reader(IntFlag):
    """Classes of readers; `hidden` on a row is the set of those who do not see it (CI-SIS JDV_J110, and stricter)."""

    AUTHOR = 1
    HEALTH = 2
    SOCIAL = 4
    PATIENT = 8
    LEGAL_REP = 16
    CARER = 32
    THIRD_PARTY = 64
    CONNECTOR = 128
    BREAK_GLASS = 256


READER_LABELS = {
    Reader.HEALTH: _("professionnels de santé"),
    Reader.SOCIAL: _("professionnels du social"),
    Reader.PATIENT: _("la personne"),
    Reader.LEGAL_REP: _("représentants légaux"),
    Reader.CARER: _("proches"),
    Reader.THIRD_PARTY: _("tiers"),
    Reader.CONNECTOR: _("logiciels raccordés"),
    Reader.BREAK_GLASS: _("ouvertures en urgence"),
}

# JDV_J110-StatutVisibiliteDocument-CISIS (ANS, TRE_A07, OID 1.2.250.1.213.1.1.4.13): label × reader class, cell by cell.
# What the person must not read, those near her must not tell her: carers and third parties are hidden too; her legal
# representative has a label of his own. A connector or an emergency opening reads for a health professional.
JDV_J110 = {
    "INVISIBLE_PATIENT": Reader.PATIENT | Reader.CARER | Reader.THIRD_PARTY,
    "INVISIBLE_REPRESENTANTS_LEGAUX": Reader.LEGAL_REP,
    "MASQUE_PS": Reader.HEALTH | Reader.CONNECTOR | Reader.BREAK_GLASS,
    "MASQUE_PSOCIAL": Reader.SOCIAL,
    "MASQUE_PT": Reader.CARER | Reader.THIRD_PARTY,
}


class Category(models.TextChoices):
    """Categories of information (closed list of this product)."""

    MEDICAL = "medical", _("Médical")
    NURSING = "nursing", _("Soins")
    SOCIAL = "social", _("Social")
    ADMINISTRATIVE = "administrative", _("Administratif")
    PSYCHOLOGICAL = "psychological", _("Psychologique")
    APPOINTMENTS = "appointments", _("Rendez-vous")
    DOCUMENTS = "documents", _("Documents")


class MemberKind(models.TextChoices):
    PRACTICE_ROLE = "practice_role", _("professionnel")
    TEAM = "team", _("équipe")
    RELATIVE = "relative", _("proche")
    PATIENT = "patient", _("la personne")
    CONNECTOR = "connector", _("logiciel")


class LegalGround(models.TextChoices):
    """Why this participation is lawful: the three cases of CSP L1110-12, or what stands outside the team."""

    ESTABLISHMENT = "establishment", _("même établissement ou structure de coordination listée (L1110-12, 1°)")
    RECOGNISED = "recognised", _("reconnu membre de l’équipe par la personne (L1110-12, 2°)")
    ORGANISED = "organised", _("groupe organisé selon un cahier des charges (L1110-12, 3°)")
    CONSENT = "consent", _("consentement préalable, hors équipe de soins (L1110-4 III)")
    OWN_FILE = "own_file", _("la personne elle-même")
    LEGAL = "legal", _("représentation légale")
    WISH = "wish", _("choix de la personne (proche)")
    FEED = "feed", _("logiciel raccordé par la région")


class Form(models.TextChoices):
    ORAL = "oral", _("à l’oral")
    WRITTEN = "written", _("par écrit")
    DIGITAL = "digital", _("en ligne")


class Permission(models.TextChoices):
    """What a gate is asked for. Categories are asked of `Acting.readable` / `writable`."""

    READ_CIRCLE = "read_circle"
    READ_NOTEBOOK = "read_notebook"
    WRITE_NOTE = "write_note"
    MANAGE_MEMBERS = "manage_members"
    RECORD_CONSENT = "record_consent"
    READ_IDENTITY = "read_identity"
    EDIT_IDENTITY = "edit_identity"
    READ_ESSENTIALS = "read_essentials"
    WRITE_ESSENTIALS = "write_essentials"
    WRITE_STAYS = "write_stays"
    READ_ACCESS_LOG = "read_access_log"
    PRINT = "print"
    BREAK_GLASS = "break_glass"
    REVIEW_BREAK_GLASS = "review_break_glass"
    LEAVE = "leave"
    FILL_FORMS = "fill_forms"  # grids and forms about the person; who reads them follows their category
    READ_PLAN = "read_plan"
    EDIT_PLAN = "edit_plan"
    ANSWER_PLAN = "answer_plan"  # say of one's own action: accepted, done, not possible
    READ_AGENDA = "read_agenda"
    WRITE_AGENDA = "write_agenda"
    ASK_SUPPORT = "ask_support"  # « demander un appui » to a DAC
    COORDINATE = "coordinate"  # hold a coordination file


class Ground(models.TextChoices):
    """By which gate a patient was reached; written in every trace."""

    MEMBER = "member", _("membre du cercle")
    TEAM = "team", _("membre d’une équipe du cercle")
    PERSON = "person", _("la personne ou son représentant")
    RELATIVE = "relative", _("proche du cercle")
    BREAK_GLASS = "break_glass", _("ouverture en urgence")
    IDENTITY_QUEUE = "identity_queue", _("file d’identitovigilance")
    FEED = "feed", _("logiciel raccordé")
    DESK = "desk", _("guichet d’une structure")
    STRUCTURE_FILE = "structure_file", _("dossier propre de la structure")
    SYSTEM = "system", _("le système")
