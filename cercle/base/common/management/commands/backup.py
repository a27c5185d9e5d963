"""`cercle backup FILE`"""

from pathlib import Path

from django.core.management.base import BaseCommand
from tqdm import tqdm

from cercle.base.common import archive, blobs


class Command(BaseCommand):
    help = (
        "Sauvegarde la base et les fichiers dans un seul fichier, pendant que Cercle tourne. "
        "Les secrets n’y sont que sur demande (--with-secrets). Sans eux, les mots de passe et les anciens sceaux du "
        "journal restent vérifiables ; mais si secrets/second-factor.key est perdu, chacun refait son second facteur. "
        "Gardez le dossier « secrets » à part, ailleurs que la sauvegarde."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FICHIER")
        parser.add_argument(
            "--with-secrets", action="store_true", help="joint les secrets : le fichier vaut toutes les clefs"
        )
        parser.add_argument("--force", action="store_true", help="remplace le fichier s’il existe")

    def handle(self, *, file, with_secrets, force, **options):
        with tqdm(unit="o", unit_scale=True, leave=False, disable=options["verbosity"] == 0 or None) as bar:
            done = archive.write(file, with_secrets=with_secrets, force=force, progress=bar.update)
        self.stdout.write(
            f"{file} : base {blobs.megabytes(done.database_bytes)}, {done.files} fichiers "
            f"({blobs.megabytes(done.file_bytes)}){', secrets compris' if with_secrets else ''}"
        )
