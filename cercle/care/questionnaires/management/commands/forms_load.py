"""`cercle forms load`: publish the forms shipped with Cercle."""

from django.core.management.base import BaseCommand

from cercle.care.questionnaires import library


class Command(BaseCommand):
    help = "Publie les formulaires fournis avec Cercle (ceux qui le sont déjà restent en l’état)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("names", nargs="*", help="noms des fichiers ; par défaut, tous")

    def handle(self, *args, **options) -> None:
        done = library.load(options["names"] or None)
        self.stdout.write(f"formulaires publiés : {done['published']} ; déjà là : {done['kept']}")
