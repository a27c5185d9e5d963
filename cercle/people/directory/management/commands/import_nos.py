from pathlib import Path

from django.core.management.base import BaseCommand

from cercle.people.directory import reference


class Command(BaseCommand):
    help = "Charge une nomenclature ou un jeu de valeurs des NOS (JSON FHIR, CSV code/libelle, ou un jeu par ligne)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--name", default="", help="nom court, par exemple TRE_R66 ; sinon d’après le fichier")

    def handle(self, *args, **options) -> None:
        for name, done in reference.load_nos(options["file"], options["name"]).items():
            self.stdout.write(
                f"{name} : {done.created} codes créés, {done.changed} modifiés, {done.unchanged} inchangés"
            )
