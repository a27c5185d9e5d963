from datetime import timedelta

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.base.web import places
from cercle.doors.fhir import access
from cercle.doors.fhir.guides.cdl import connector


class Command(BaseCommand):
    help = (
        "Donne un jeton de courte durée à un logiciel, pour les essais de l’API FHIR. Seulement sur une base de "
        "démonstration ; ailleurs, un logiciel s’inscrit et prouve son identité par sa clé."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--client", required=True, help="nom du logiciel ; il est inscrit s’il est nouveau")
        parser.add_argument(
            "--scope", default="system/*.cruds", help="portées SMART, par exemple « system/Patient.rs »"
        )
        parser.add_argument("--minutes", type=int, default=60, help="durée, 720 au plus")

    def handle(self, *args, **options) -> None:
        is_demo = places.hook("demo")
        if not (is_demo and is_demo()):
            raise Refused(_("Cette commande ne marche que sur une base de démonstration."), "demo")
        if not 1 <= options["minutes"] <= 720:
            raise Refused(_("La durée va de 1 à 720 minutes."), "minutes")
        access.read_scope(options["scope"])
        client = connector(options["client"])
        self.stdout.write(
            access.make_token(client, scope=options["scope"], lasts=timedelta(minutes=options["minutes"]))
        )
