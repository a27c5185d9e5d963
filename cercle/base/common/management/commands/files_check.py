"""`cercle files check`: are all the files that rows name there and whole, and which ones does nothing name?"""

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from cercle.base.common import blobs


class Command(BaseCommand):
    help = (
        "Compare les lignes et les fichiers : manquants, abîmés (empreinte fausse), orphelins de plus d’un jour. "
        "Sortie ≠ 0 s’il manque un fichier ou s’il est abîmé."
    )

    def add_arguments(self, parser):
        parser.add_argument("--fast", action="store_true", help="ne relit pas les contenus")
        parser.add_argument("--delete-orphans", action="store_true", help="efface les orphelins de plus d’un jour")

    def handle(self, *args, fast=False, delete_orphans=False, **options):
        quiet = options["verbosity"] == 0
        found = blobs.check(
            contents=not fast, progress=lambda b: tqdm(b, unit="fichier", disable=quiet or None, leave=False)
        )
        for sha in found.missing:
            self.stdout.write(f"manquant  {sha}")
        for sha in found.damaged:
            self.stdout.write(f"abîmé     {sha}")
        for blob in found.orphans:
            self.stdout.write(f"orphelin  {blob.sha256}  {blobs.megabytes(blob.size)}")
            if delete_orphans:
                blobs.delete(blob.sha256)
        swept = blobs.store().sweep_drafts() if delete_orphans and hasattr(blobs.store(), "sweep_drafts") else 0
        self.stdout.write(
            f"{found.checked} fichiers vus, {len(found.missing)} manquants, {len(found.damaged)} abîmés, "
            f"{len(found.orphans)} orphelins{' effacés' if delete_orphans else ''}"
            + (f", {swept} brouillons effacés" if swept else "")
        )
        if found.missing or found.damaged:
            raise CommandError(
                f"{len(found.missing) + len(found.damaged)} fichiers manquent ou sont abîmés : "
                "reprenez-les d’une sauvegarde (voir docs/operations)."
            )
