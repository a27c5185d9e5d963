"""`cercle forms load`: publish the forms shipped with Cercle; `cercle reference load` does it too."""

from django.core.management.base import BaseCommand

from cercle.care.questionnaires import library


class Command(BaseCommand):
    help = "Publie les formulaires fournis avec Cercle (ceux qui le sont déjà restent en l’état)."

    def add_arguments(self, parser) -> None:
        parser.add_argument("names", nargs="*", help="noms des fichiers ; par défaut, tous")

    def handle(self, *args, **options) -> None:
        self.stdout.write(library.load_and_say(options["names"] or None))
