"""« Pourquoi ai-je accès ? »: the ground of an access, in words, from the very values the gate used."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from cercle.base.web import french
from cercle.people.circles import rights
from cercle.people.circles.access import Acting
from cercle.people.circles.vocabulary import READER_LABELS, Category, Ground, LegalGround, Reader


@dataclass(frozen=True)
class Why:
    sentence: str
    facts: list[tuple[str, str]]
    categories: list[tuple[str, str, bool]]  # label, « lire et écrire », allowed
    limits: list[str]
    matrix_version: int


def access(acting: Acting) -> Why:
    member, facts, limits = acting.member, [], []
    if acting.ground == Ground.BREAK_GLASS:
        opened = acting.break_glass
        sentence = _("Vous avez ouvert ce dossier en urgence.")
        facts = [
            (_("Raison donnée"), opened.reason),
            (_("Ouvert"), french.exact(opened.opened_at)),
            (_("Se referme"), french.exact(opened.expires_at)),
        ]
        limits.append(_("Le responsable du cercle et la personne ont été prévenus ; cette ouverture sera examinée."))
    else:
        by_team = acting.ground == Ground.TEAM
        sentence = {
            Ground.MEMBER: _("Vous êtes membre de ce cercle."),
            Ground.TEAM: _("Votre équipe « %(team)s » est membre de ce cercle.")
            % {"team": member.team.name if by_team else ""},
            Ground.PERSON: _("C’est votre dossier."),
            Ground.RELATIVE: _("La personne vous a fait entrer dans son cercle."),
        }[Ground(acting.ground)]
        facts = [
            (_("Depuis"), french.exact(member.started_at)),
            (_("Fondement"), str(LegalGround(member.ground).label)),
        ]
        if member.role:
            facts.append((_("Rôle"), member.role))
        if member.added_by_id:
            facts.append((_("Ajouté par"), member.added_by.get_full_name()))
        if member.until:
            facts.append((_("Jusqu’au"), french.exact(member.until)))
    words = {
        (True, True): _("lire et écrire"),
        (True, False): _("lire"),
        (False, True): _("écrire"),
        (False, False): _("rien"),
    }
    base = acting.profile
    categories = []
    for c in Category:
        may = (c.value in acting.readable, c.value in acting.writable)
        categories.append((str(c.label), words[may], any(may)))
        if c.value in base.readable and c.value not in acting.readable:
            limits.append(_("La personne s’est opposée à ce que vous lisiez : %(category)s.") % {"category": c.label})
    if acting.opposed_targets:
        limits.append(_("La personne s’est opposée à ce que vous lisiez certaines notes."))
    classes = [str(READER_LABELS[r]) for r in READER_LABELS if acting.mask & r and r != Reader.BREAK_GLASS]
    limits.append(
        _("Ce que son auteur a masqué aux « %(classes)s » ne vous est pas montré.") % {"classes": ", ".join(classes)}
    )
    facts.append((_("Votre profil"), base.label))
    return Why(sentence, facts, categories, limits, rights.current().version)
