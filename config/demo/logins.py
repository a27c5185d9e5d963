"""The accounts that are worth trying first, of a demonstration database."""

from cercle.base.common.errors import Refused
from cercle.people.accounts.models import User

from . import cast
from .models import is_demo

# login: what one sees with it
SHOWN = {
    "maelle": "infirmière libérale",
    "erwan": "médecin traitant",
    "nolwenn": "coordinatrice d’appui (DAC), avec second facteur",
    "loic": "kinésithérapeute, deux lieux d’exercice",
    "annesophie": "pharmacienne",
    "ines": "infirmière hospitalière",
    "katell": "auxiliaire de vie",
    "soazig": "fille d’Yvonne Le Gall",
    "yvonne": "la patiente",
    "brigitte": "administratrice de structure, avec second facteur",
    "operateur": "opérateur régional, avec second facteur",
    "support": "assistance technique",
    "zoe": "infirmière d’une autre région, dans aucun cercle",
    "soizic": "infirmière libérale, deux situations d’exercice",
}


def rows() -> list[dict]:
    """login, password, totp_secret (or None), role, structure. Raises Refused elsewhere than on a demonstration."""
    if not is_demo():
        raise Refused("Cette base n’est pas une démonstration : elle n’a pas de comptes à montrer.", "not_demo")
    emails = [f"{login}@{cast.DOMAIN}" for login in SHOWN]
    users = {u.email: u for u in User.objects.filter(email__in=emails).select_related("last_context__organization")}
    found = []
    for login, role in SHOWN.items():
        user = users.get(f"{login}@{cast.DOMAIN}")
        if user is None:
            continue
        at = user.last_context.organization.name if user.last_context and user.last_context.organization else ""
        secret = cast.SECRETS.get(login)
        found.append(
            {"login": user.email, "password": cast.PASSWORD, "totp_secret": secret, "role": role, "structure": at}
        )
    return found
