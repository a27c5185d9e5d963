"""cercle instruments score NAME --file CASES.json"""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cercle.base.common.errors import Refused
from cercle.care.questionnaires.instruments import cases
from cercle.care.questionnaires.instruments.registry import find


class Command(BaseCommand):
    help = "Calculer le score de cas donnés en JSON ; les cas refusés sont dits, les autres calculés."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("name", metavar="NOM", help="aggir, katz, lawton, epices…")
        parser.add_argument(
            "--file", required=True, metavar="CAS.json", help='liste de {"id", "profil": {variable: valeur}}'
        )

    def handle(self, *, name: str, file: str, **options) -> None:
        try:
            instrument = find(name)
            if instrument.score is None:
                raise Refused(f"« {instrument.name} » n’a pas de score", "no_score")
            found = cases.score_all(instrument, cases.read(file))
        except Refused as refused:
            raise CommandError(str(refused.message)) from None
        self.stdout.write(_text(found))
        if twice := cases.repeated(found):
            names = ", ".join(twice[:5]) + ("…" if len(twice) > 5 else "")
            self.stderr.write(f"identifiants donnés à plusieurs cas, rendus dans l’ordre du fichier : {names}")
        if wrong := sum("erreur" in one for one in found):
            raise CommandError(f"{wrong} cas sur {len(found)} sans score, voir « erreur »")


def _text(found: list[dict[str, Any]]) -> str:
    """Readable where the terminal can show it, else escaped: valid JSON in both cases."""
    text = json.dumps(found, ensure_ascii=False, indent=1)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(found, indent=1)
    return text
