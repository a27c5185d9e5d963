import json

from django.core.management.base import BaseCommand

from config.demo import logins


class Command(BaseCommand):
    help = (
        "Comptes de démonstration : adresse, mot de passe, secret du second facteur. Base de démonstration seulement."
    )

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="une liste JSON")

    def handle(self, *, json: bool = False, **options):
        rows = logins.rows()
        self.stdout.write(as_json(rows) if json else "\n".join(table(rows)))


def as_json(rows: list[dict]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=1)


def table(rows: list[dict]) -> list[str]:
    width = max(len(r["login"]) for r in rows)
    lines = [f"Comptes de démonstration, mot de passe de tous : {rows[0]['password']}"]
    for row in rows:
        what = f"{row['role']}, {row['structure']}" if row["structure"] else row["role"]
        secret = f"   second facteur (TOTP) : {row['totp_secret']}" if row["totp_secret"] else ""
        lines.append(f"  {row['login']:<{width}}  {what}{secret}")
    return lines
