import time

from django.core.management.base import BaseCommand

from config.demo import load


class Command(BaseCommand):
    help = "Charge le territoire de démonstration : patients inventés, professionnels, cahiers. Base vide seulement."

    def add_arguments(self, parser):
        parser.add_argument("--patients", type=int, default=200, help="nombre de patients (200)")
        parser.add_argument("--seed", type=int, default=1, help="graine : même graine, même territoire (1)")

    def handle(self, *, patients: int, seed: int, **options):
        started = time.monotonic()
        counts = load.load(patients=patients, seed=seed, progress=lambda done, total: load.bar(done, total, started))
        spent = time.monotonic() - started
        rows = sum(counts.values())
        self.stdout.write(
            f"{counts['patients_patient']} patients, {counts['notebook_note']} notes, {rows} lignes en {spent:.0f} s"
            f" ({rows / spent:.0f} par seconde)"
        )
