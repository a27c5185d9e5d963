"""`cercle patients match FILE.csv --out PAIRS.csv`: likely duplicates of a file, without any database."""

import sys
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from tqdm import tqdm

from cercle.people.patients.matching import files, match_file

STEPS = {"read": "Lecture", "traits": "Traits", "keys": "Rapprochement", "pairs": "Comparaison"}


class Command(BaseCommand):
    help = (
        "Cherche les doublons probables d’un fichier d’identités et écrit id_a,id_b,score,decision "
        "(decision : auto, ou review pour relecture). N’a besoin d’aucune base de données."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, help="fichier CSV, avec une ligne d’en-tête")
        parser.add_argument("--out", type=Path, required=True, help="fichier des paires à écrire")
        parser.add_argument("--format", choices=sorted(files.FORMATS), default="fr", help="colonnes et table de poids")
        parser.add_argument(
            "--map",
            dest="mapping",
            help="autres colonnes : trait=colonne,… (id, birth_family, birth_date obligatoires ; a+b met bout à bout)",
        )

    def handle(self, *, file: Path, out: Path, format: str, mapping: str | None, **options):
        columns = files.parse_map(mapping) if mapping else None
        with Bars(quiet=options["verbosity"] == 0) as bars:
            report = match_file(file, out, profile=format, mapping=columns, progress=bars)
        if report.repeated_ids:
            some = ", ".join(report.repeated_ids[:5])
            self.stderr.write(
                _("Attention : {n} identifiants figurent plusieurs fois ({some}…).").format(
                    n=len(report.repeated_ids), some=some
                )
            )
        self.stdout.write(
            _(
                "{records} fiches, {compared} paires comparées : {auto} sûres, {review} à relire. Écrit dans {out}."
            ).format(records=report.records, compared=report.compared, auto=report.auto, review=report.review, out=out)
        )


class Bars:
    """One progress bar per step."""

    def __init__(self, quiet: bool):
        self.quiet, self.step, self.bar = quiet, "", None

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        if self.bar is not None:
            self.bar.close()

    def __call__(self, step: str, done: int, total: int) -> None:
        if step != self.step:
            self.__exit__()
            self.step = step
            self.bar = tqdm(
                desc=STEPS[step],
                total=total or None,
                disable=self.quiet,
                unit_scale=True,
                delay=0.5,  # a short step, or a file refused at once, leaves no half-drawn bar
                mininterval=0.2 if sys.stderr.isatty() else 5,
            )
        self.bar.update(done - self.bar.n)
