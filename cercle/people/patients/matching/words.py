"""The French words of each level, as the review screen shows them."""

from django.utils.translation import gettext_lazy as _

_FIELDS = {
    "family": _("Nom"),
    "given": _("Prénoms"),
    "sex": _("Sexe"),
    "date": _("Date de naissance"),
    "place": _("Lieu de naissance"),
    "ins": _("Matricule INS"),
    "nss": _("Numéro de sécurité sociale"),
    "phone": _("Téléphone"),
    "email": _("Adresse électronique"),
    "address": _("Adresse"),
    "area": _("Commune de résidence"),
    "together": _("Ensemble des traits"),
}

_WORDS = {
    ("family", "same"): _("identique"),
    ("family", "birth_same"): _("même nom de naissance, nom utilisé différent"),
    ("family", "crossed"): _("le nom de naissance de l’un est le nom utilisé de l’autre"),
    ("family", "used_same_birth_close"): _("même nom utilisé, noms de naissance proches"),
    ("family", "used_same"): _("même nom utilisé, noms de naissance différents"),
    ("family", "particle"): _("identique à la particule ou au tiret près"),
    ("family", "close"): _("une lettre de différence, ou même prononciation"),
    ("family", "far"): _("ressemblant"),
    ("family", "crossed_close"): _("le nom de l’un ressemble au nom utilisé de l’autre"),
    ("family", "part"): _("une partie du nom en commun"),
    ("family", "inverted"): _("nom et prénom inversés"),
    ("family", "different"): _("différent"),
    ("given", "same_list"): _("même premier prénom et autres prénoms en commun"),
    ("given", "same_first"): _("même premier prénom"),
    ("given", "same_first_other_rest"): _("même premier prénom, autres prénoms différents"),
    ("given", "listed"): _("le premier prénom de l’un figure dans la liste de l’autre"),
    ("given", "close"): _("une lettre de différence, ou même prononciation"),
    ("given", "close_other_name"): _("proches, mais deux prénoms qui existent l’un et l’autre"),
    ("given", "far"): _("ressemblants"),
    ("given", "composed"): _("prénom composé abrégé"),
    ("given", "initial"): _("seulement l’initiale"),
    ("given", "listed_close"): _("le premier prénom de l’un ressemble à un prénom de l’autre"),
    ("given", "different"): _("différents"),
    ("sex", "same"): _("identique"),
    ("sex", "different"): _("différent"),
    ("date", "same"): _("identique"),
    ("date", "partial"): _("même mois et même année, jour inconnu"),
    ("date", "year_only"): _("même année, le reste est inconnu"),
    ("date", "swapped"): _("jour et mois inversés"),
    ("date", "first_of_january"): _("même année, l’une au 1er janvier"),
    ("date", "next_day"): _("un jour d’écart"),
    ("date", "day_digit"): _("un chiffre du jour diffère"),
    ("date", "day_other"): _("jour différent"),
    ("date", "month_digit"): _("un chiffre du mois diffère"),
    ("date", "month_other"): _("mois différent"),
    ("date", "next_year"): _("un an d’écart"),
    ("date", "year_digit"): _("un chiffre de l’année diffère"),
    ("date", "year_other"): _("mêmes jour et mois, autre année"),
    ("date", "same_year"): _("même année, jour et mois différents"),
    ("date", "two_digits"): _("deux chiffres diffèrent"),
    ("date", "different"): _("différente"),
    ("place", "same"): _("identique"),
    ("place", "equivalent"): _("même commune sous un ancien code"),
    ("place", "same_department"): _("même département, autre commune"),
    ("place", "different"): _("différent"),
    ("ins", "same"): _("identique"),
    ("ins", "close"): _("un chiffre de différence, une clé est fausse"),
    ("ins", "fits"): _("connu d’un seul, concorde avec les traits de l’autre"),
    ("ins", "conflicts"): _("connu d’un seul, ne concorde pas avec les traits de l’autre"),
    ("ins", "same_prefix"): _("numéros d’ordre différents : deux naissances le même mois au même endroit"),
    ("ins", "different_unsure"): _("différent, une clé est fausse"),
    ("ins", "different"): _("différent"),
    ("nss", "same"): _("identique"),
    ("nss", "close"): _("un chiffre de différence"),
    ("nss", "different"): _("différent"),
    ("phone", "same"): _("identique"),
    ("phone", "close"): _("un chiffre de différence"),
    ("phone", "different"): _("différent"),
    ("email", "same"): _("identique"),
    ("email", "different"): _("différente"),
    ("address", "same"): _("identique"),
    ("address", "close"): _("ressemblante"),
    ("address", "same_street"): _("même voie, autre numéro"),
    ("address", "different"): _("différente"),
    ("area", "same"): _("même code postal"),
    ("area", "same_commune"): _("même commune"),
    ("area", "close"): _("un chiffre du code postal diffère"),
    ("area", "same_department"): _("même département"),
    ("area", "different"): _("différente"),
}

_FAMILY_ALIKE = {"same", "birth_same", "crossed", "used_same_birth_close", "particle", "close"}
_GIVEN_ALIKE = {"same_list", "same_first", "same_first_other_rest"}
_GIVEN_OTHER = {"different", "close_other_name"}


def field_name(field: str) -> str:
    return str(_FIELDS[field])


def words_for(field: str, level: str) -> str:
    return str(_WORDS[field, level])


def combination(levels: dict[str, str]) -> tuple[str, str]:
    """What the fields say together, for the situations a person would name."""
    family, given, date, place, address = (levels[f] for f in ("family", "given", "date", "place", "address"))
    if family in _FAMILY_ALIKE and given in _GIVEN_OTHER:
        if date == "same":
            return "twins", str(_("mêmes nom et date de naissance, prénoms différents : des jumeaux ?"))
        if place in ("same", "equivalent") or address in ("same", "close"):
            return "siblings", str(_("même nom, même lieu, prénoms et dates différents : une fratrie ?"))
    if family in _FAMILY_ALIKE and given in _GIVEN_ALIKE:
        if address in ("same", "close") and date in ("year_other", "different"):
            return "generations", str(_("mêmes nom, prénom et adresse, années éloignées : un parent et son enfant ?"))
        if date not in ("same", "partial", "year_only", "missing") and place in ("different", "same_department"):
            return "homonyms", str(_("mêmes nom et prénom, naissances différentes : des homonymes ?"))
        if date == "same":
            return "agree", str(_("nom, prénom et date de naissance concordent"))
    return "other", str(_("poids des traits pris deux à deux"))
