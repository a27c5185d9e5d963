"""`cercle patients duplicates`: likely duplicates of the whole territory, into the identity queue."""

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from tqdm import tqdm

from cercle.base.audit.record import SYSTEM, Kind, record
from cercle.people.patients import duplicates

STEPS = {"read": "Lecture", "keys": "Rapprochement", "pairs": "Comparaison", "file": "Inscription"}


class Command(BaseCommand):
    help = "Cherche les doublons probables parmi les patients et les inscrit dans la file d’identitovigilance."

    def handle(self, **options):
        bars: dict[str, tqdm] = {}
        quiet = options["verbosity"] == 0

        def progress(what: str, done: int, total: int) -> None:
            if what not in bars:
                for bar in bars.values():
                    bar.close()
                bars[what] = tqdm(total=total or None, desc=STEPS.get(what, what), disable=quiet, file=self.stderr)
            bars[what].update(done - bars[what].n)

        try:
            found = duplicates.search_everywhere(progress)
        finally:
            for bar in bars.values():
                bar.close()
        record(
            SYSTEM,
            "patients.duplicates_searched",
            kind=Kind.SEARCH,
            details={"patients": found.patients, "pairs": found.pairs, "filed": found.filed},
        )
        self.stdout.write(
            _(
                "Patients comparés : {patients}. Paires probables : {pairs}, dont nouvelles dans la file : {filed}."
            ).format(patients=found.patients, pairs=found.pairs, filed=found.filed)
        )
