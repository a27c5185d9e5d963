from django.core.management.base import BaseCommand

from cercle.people.directory import reference


class Command(BaseCommand):
    help = (
        "Charge ce qui est livré avec Cercle : NOS, jeux de valeurs, communes, pays, formulaires. Sans effet deux fois."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument(
            "which", nargs="?", default="all", choices=["all", "codes", "communes", "historic", "countries"]
        )

    def handle(self, *args, **options) -> None:
        done = reference.load(options["which"])
        created, changed = sum(c.created for c in done.values()), sum(c.changed for c in done.values())
        self.stdout.write(f"{len(done)} tables lues, {created} lignes créées, {changed} modifiées")
        if options["which"] == "all":
            for companion in reference.companions:
                self.stdout.write(companion())
