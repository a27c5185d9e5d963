from pathlib import Path

from django.core.management.base import BaseCommand

from cercle.people.directory import reference


class Command(BaseCommand):
    help = "Charge la CIM-10 depuis un fichier CSV de l’ATIH (code, libelle_long) ; Cercle ne la redistribue pas."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args, **options) -> None:
        done = reference.load_cim10(options["file"])
        self.stdout.write(f"CIM10 : {done.created} codes créés, {done.changed} modifiés, {done.unchanged} inchangés")
