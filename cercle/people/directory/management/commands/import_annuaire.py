from pathlib import Path

from django.core.management.base import BaseCommand

from cercle.people.directory.imports.annuaire import import_annuaire
from cercle.people.directory.imports.run import summary, write_report
from cercle.people.directory.imports.source import Source


class Command(BaseCommand):
    help = (
        "Importe l’annuaire national des professionnels (PS_LibreAcces : activités, ou savoir-faire), .txt, .gz ou .zip. "
        "Peut être interrompu puis relancé ; sans effet deux fois."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--full", action="store_true", help="le fichier est complet : met fin à ce qu’il ne nomme pas"
        )
        parser.add_argument("--force", action="store_true", help="même si --full met fin à plus de 20 %% des lignes")
        parser.add_argument("--report", type=Path, help="écrit les lignes refusées et les totaux dans ce CSV")
        parser.add_argument("--progress", action="store_true", help="barre de progression même hors d’un terminal")

    def handle(self, *args, **options) -> None:
        run = import_annuaire(
            Source(options["file"]), full=options["full"], force=options["force"], progress=options["progress"] or None
        )
        if options["report"]:
            write_report(run, options["report"])
        self.stdout.write(summary(run))
