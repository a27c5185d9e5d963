"""`cercle audit seal|verify|prove|new-segment|key`."""

import json
import sys
import time
from pathlib import Path
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from cercle.base.audit import grants, keys, seals


class Command(BaseCommand):
    help = "Journal : sceller, vérifier, prouver"

    def add_arguments(self, parser):
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("seal", help="scelle ce qui a été écrit depuis le dernier sceau")
        check = verbs.add_parser(
            "verify", help="relit tout le journal et le compare aux sceaux ; sort en erreur s’il diffère"
        )
        check.add_argument("--from", dest="start", type=int, default=1, metavar="N", help="à partir du lot N")
        check.add_argument(
            "--public-key", type=Path, action="append", metavar="FICHIER", help="ne croire que cette clef"
        )
        check.add_argument("--quiet", action="store_true", help="sans avancement")
        one = verbs.add_parser("prove", help="donne la preuve d’inclusion d’une trace, en JSON")
        one.add_argument("event", type=UUID)
        segment = verbs.add_parser("new-segment", help="ouvre une nouvelle chaîne après une restauration")
        segment.add_argument("--reason", required=True, help="inscrite et signée dans la chaîne")
        verbs.add_parser("key", help="affiche la clef publique")

    def handle(self, *, verb, **options):
        getattr(self, verb.replace("-", "_"))(**options)

    def seal(self, **_options):
        made = seals.seal()
        if made is None:
            self.stdout.write(_("Rien à sceller."))
        else:
            self.stdout.write(_("lot %(n)d : %(k)d ligne(s) scellée(s)") % {"n": made.number, "k": made.rows})

    def new_segment(self, *, reason, **_options):
        made = seals.new_segment(reason)
        self.stdout.write(_("lot %(n)d : segment %(s)d ouvert") % {"n": made.number, "s": made.segment})

    def prove(self, *, event, **_options):
        self.stdout.write(json.dumps(seals.prove(event), ensure_ascii=False, indent=2))

    def key(self, **_options):
        public = keys.private().public_key()
        self.stdout.write(keys.pem_of(public).decode().strip())
        self.stdout.write(keys.key_id(public))

    def verify(self, *, start, public_key, quiet, **_options):
        began = time.monotonic()
        live = sys.stderr.isatty() and not quiet

        def show(report):
            if live:
                self.stderr.write(f"\r{report.lots} lots, {report.rows} lignes", ending="")
                self.stderr.flush()

        report = seals.verify(start, public_keys=keys.publics(*public_key) if public_key else None, progress=show)
        if live:
            self.stderr.write("\r" + " " * 60 + "\r", ending="")
        for weakness in grants.weaknesses():
            report.warnings.append(weakness)
        for line in report.warnings:
            self.stderr.write(_("attention : %s") % line)
        if report.problems:
            for line in report.problems[:50]:
                self.stderr.write(line)
            raise CommandError(
                _("Le journal ne correspond pas à ses sceaux : %(k)d écart(s), %(first)s")
                % {"k": len(report.problems), "first": report.problems[0]}
            )
        self.stdout.write(
            _("Journal intact : %(lots)d lot(s), %(rows)d ligne(s), %(wait)d en attente de sceau, %(s).1f s")
            % {"lots": report.lots, "rows": report.rows, "wait": report.unsealed, "s": time.monotonic() - began}
        )
