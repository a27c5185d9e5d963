"""Settings that must not reach production. `cercle run` and `cercle web` refuse to start on an error."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from config import home

LOOPBACK = {"localhost", "127.0.0.1", "[::1]"}


@register(Tags.security)
def safe_settings(app_configs, **kwargs) -> list:
    found = []

    def refuse(number: int, message: str, hint: str) -> None:
        found.append(Error(message, hint=hint, id=f"cercle.E{number:03}"))

    if settings.DEBUG:
        refuse(1, "DEBUG montre le code et les données.", "Enlevez-le.")
    if len(settings.SECRET_KEY) < 50 or len(set(settings.SECRET_KEY)) < 5:
        refuse(2, "SECRET_KEY est trop courte.", "50 caractères au hasard, ou laissez Cercle en faire une.")
    if "*" in settings.ALLOWED_HOSTS:
        refuse(3, "ALLOWED_HOSTS accepte n’importe quel nom.", "Nommez les noms publics du site.")
    if settings.INSECURE_HTTP and not set(settings.ALLOWED_HOSTS) <= LOOPBACK:
        refuse(4, "CERCLE_INSECURE_HTTP ne vaut que sur cette machine.", "Servez en HTTPS, ou gardez localhost seul.")
    if not settings.INSECURE_HTTP:
        cookies = {"SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "CSRF_COOKIE_SECURE"}
        for name in sorted(name for name in cookies if not getattr(settings, name)):
            refuse(5, f"{name} est désactivé.", "Les cookies de session ne passent qu’en HTTPS.")
        if not settings.SECURE_HSTS_SECONDS:
            refuse(6, "HSTS est désactivé.", "SECURE_HSTS_SECONDS vaut un an par défaut.")
        if urlsplit(settings.BASE_URL).scheme != "https" and urlsplit(settings.BASE_URL).hostname not in LOOPBACK:
            refuse(7, f"BASE_URL n’est pas en https : {settings.BASE_URL}", "Les liens envoyés par e-mail en viennent.")
    if any("0.0.0.0/0" in proxy or "::/0" in proxy for proxy in settings.TRUSTED_PROXIES):  # nosec B104
        refuse(8, "TRUSTED_PROXIES fait confiance à tout le monde.", "Donnez l’adresse du mandataire.")
    if settings.DATABASES["default"].get("USER") == "postgres":
        refuse(9, "DATABASE_URL se connecte en superutilisateur.", "Le rôle applicatif ne doit rien posséder.")
    secrets = home.path() / "secrets"
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        refuse(10, f"{secrets} est lisible par d’autres.", f"chmod 700 {secrets}")
    if settings.MAX_BODY < settings.MAX_UPLOAD_BYTES:
        found.append(
            Warning("MAX_BODY est plus petit que MAX_UPLOAD_BYTES : de grands fichiers sont refusés.", id="cercle.W001")
        )
    return found
