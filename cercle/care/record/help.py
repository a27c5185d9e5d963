"""« Aide »: how the everyday things are done, one card each."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

# (icon, title, steps)
FOR_ALL = [
    ("notebook-pen", _("Écrire dans le cahier"), [
        _("Ouvrez le patient, puis l’onglet « Cahier »."),
        _("Écrivez dans le champ du haut. Ce que vous tapez est gardé au fur et à mesure comme brouillon."),
        _("Choisissez « Urgent » ou « À surveiller » seulement si quelqu’un doit réagir."),
        _("Envoyez : les membres du cercle le voient aussitôt."),
    ]),
    ("undo-2", _("Corriger ou retirer une note"), [
        _("Sous votre note, choisissez « Corriger » ou « Retirer »."),
        _("L’ancienne version reste lisible dans l’historique : rien n’est effacé en cachette."),
    ]),
    ("eye-off", _("Cacher une note à certains"), [
        _("En écrivant, ouvrez « Qui peut lire » et cochez ceux qui ne la verront pas."),
        _("Ceux-là ne verront ni la note, ni une trace de la note, ni un compteur qui bouge."),
    ]),
    ("users", _("Savoir qui est dans le cercle"), [
        _("L’onglet « Cercle » montre les professionnels, les proches, leurs téléphones et ce que chacun peut lire."),
        _("« Pourquoi ai-je accès ? » dit à quel titre le dossier vous est ouvert."),
    ]),
    ("shield-check", _("Savoir qui a consulté"), [
        _("L’onglet « Qui a consulté » liste chaque visite : qui, quand, ce qui a été lu ou écrit."),
        _("Filtrez par personne, par période, ou exportez la liste."),
    ]),
    ("bell", _("Être prévenu, ou pas"), [
        _("La cloche montre ce qui est nouveau pour vous."),
        _("Dans « Mes notifications », choisissez ce qui part aussi par courriel, vos heures calmes, et les patients en silence."),
    ]),
]  # fmt: skip
FOR_PROFESSIONALS = [
    ("user-plus", _("Ajouter un patient ou un membre"), [
        _("Depuis « Mes patients », ajoutez un patient : Cercle cherche d’abord s’il existe déjà."),
        _("Dans l’onglet « Cercle », « Ajouter au cercle » cherche dans l’annuaire national."),
        _("Indiquez pourquoi cette personne peut participer : la loi le demande."),
    ]),
    ("lock-open", _("Ouvrir un dossier en urgence"), [
        _("Le bouton « Ajouter », puis « Ouvrir un dossier en urgence »."),
        _("Dites pourquoi. L’accès dure 24 heures ; la personne et son cercle en sont informés."),
    ]),
    ("search", _("Aller vite avec le clavier"), [
        _("Ctrl K ouvre la recherche : un nom, une date de naissance, un INS, un professionnel, une structure, un écran."),
        _("Les flèches choisissent, Entrée ouvre, Échap ferme."),
    ]),
]  # fmt: skip


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    professional = request.user.kind not in ("patient", "relative")
    return render(request, "record/help.html", {"cards": FOR_ALL + (FOR_PROFESSIONALS if professional else [])})
