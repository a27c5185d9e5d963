import sys
from pathlib import Path

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from cercle.base.common.errors import Refused
from cercle.doors.fhir import bundle
from cercle.doors.fhir.guides import cdl
from cercle.doors.fhir.shape import Rejected


class Command(BaseCommand):
    help = (
        "Importe un lot du cahier de liaison national (Bundle FHIR R4 en JSON, ou une ressource seule) : patient, auteur, "
        "notes. Tout ou rien par fichier ; sans effet deux fois."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="BUNDLE.json")
        parser.add_argument("--source", default="Import CDL", help="nom du connecteur qui a envoyé ces fichiers")

    def handle(self, *args, **options) -> None:
        failed = False
        for path in options["files"]:
            try:
                report = cdl.receive(cdl.connector(options["source"]), _bytes(path))
            except Rejected as refusal:
                failed = True
                for issue in refusal.issues:
                    self.stderr.write(f"{path.name}\u00a0: {issue}")
                continue
            self.stdout.write(f"{path.name}\u00a0: " + "\u00a0; ".join(report.lines()))
            for warning in report.warnings:
                self.stdout.write("  " + _("Attention : %(what)s") % {"what": warning})
        if failed:
            sys.exit(1)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > bundle.LARGEST:
            raise Refused(
                _("%(file)s est trop gros : %(n)s Mo au plus.")
                % {"file": path.name, "n": bundle.LARGEST // 1024 // 1024},
                "too-long",
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise Refused(_("Fichier introuvable : %(file)s") % {"file": path.name}, "missing") from None
    except IsADirectoryError:
        raise Refused(_("%(file)s est un dossier, pas un fichier.") % {"file": path.name}, "missing") from None
