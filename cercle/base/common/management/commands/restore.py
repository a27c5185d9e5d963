"""`cercle restore FILE`"""

from pathlib import Path

from django.core.management.base import BaseCommand
from tqdm import tqdm

from cercle.base.common import archive, blobs


class Command(BaseCommand):
    help = (
        "Remet une sauvegarde dans une installation neuve, Cercle arrêté. Le fichier est relu en entier avant que rien "
        "ne soit touché. Les sessions sont fermées et une nouvelle chaîne du journal est ouverte."
    )
    requires_system_checks: list = []
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FICHIER")
        parser.add_argument("--force", action="store_true", help="efface d’abord la base, remplace les secrets")
        parser.add_argument("--check", action="store_true", help="vérifie seulement le fichier")

    def handle(self, *, file, force, check, **options):
        found = archive.Archive(file)
        with tqdm(unit="o", unit_scale=True, leave=False, disable=options["verbosity"] == 0 or None) as bar:
            done = found.verify(bar.update) if check else found.restore(force=force, progress=bar.update)
        for note in done.notes:
            self.stderr.write(note)
        self.stdout.write(
            f"{'Sauvegarde intacte' if check else 'Restauré'} : du {done.created_at} (Cercle {done.version}), "
            f"base {blobs.megabytes(done.database_bytes)}, "
            f"{done.files} fichiers ({blobs.megabytes(done.file_bytes)})"
        )
