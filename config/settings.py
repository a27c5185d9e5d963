"""All settings, from the environment, with safe defaults; checked at start by `config.checks`.

CERCLE_HOME        folder of everything that is kept (default ./var)
DATABASE_URL       application role; absent: the embedded server under CERCLE_HOME
DATABASE_OWNER_URL role that owns the schema and migrates; only commands need it
"""

import os
from pathlib import Path

from config import home

BASE_DIR = Path(__file__).resolve().parent.parent
CERCLE_HOME = home.path()
ENV = os.environ.get


def flag(name: str, default: bool = False) -> bool:
    return ENV(name, "1" if default else "0").lower() in {"1", "true", "yes", "oui", "on"}


# --- Who serves whom -------------------------------------------------------------------------------------------------
SECRET_KEY = ENV("SECRET_KEY") or home.secret("django.key")
DEBUG = False
# A plain-HTTP deployment is the demo on loopback; anything else is HTTPS.
INSECURE_HTTP = flag("CERCLE_INSECURE_HTTP")
ALLOWED_HOSTS = [h for h in ENV("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if h]
CSRF_TRUSTED_ORIGINS = [o for o in ENV("CSRF_TRUSTED_ORIGINS", "").split(",") if o]
# Proxies (addresses or networks) whose X-Forwarded-For and -Proto are believed; nobody else's are.
TRUSTED_PROXIES = [p for p in ENV("TRUSTED_PROXIES", "").split(",") if p]
PAGES_DIR = ENV("PAGES_DIR", "")  # the region's legal pages, base/web/legal.py; empty: what is true of the software
SITE_NAME = ENV("CERCLE_REGION", "Région de démonstration")
BASE_URL = ENV("BASE_URL", f"http://localhost:{ENV('PORT', '8000')}")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "template_partials.apps.SimpleAppConfig",
    "procrastinate.contrib.django",
    "cercle.base.common",
    "cercle.base.audit",
    "cercle.base.notifications",
    "cercle.base.realtime",
    "cercle.base.web",
    "cercle.people.directory",
    "cercle.people.accounts",
    "cercle.people.patients",
    "cercle.people.circles",
    "cercle.care.documents",
    "cercle.care.stays",
    "cercle.care.questionnaires",
    "cercle.care.agenda",
    "cercle.care.notebook",
    "cercle.care.coordination",
    "cercle.care.orientation",
    "cercle.care.structures",
    "cercle.care.record",
    "cercle.doors.fhir",
    "cercle.doors.hl7v2",
    "cercle.doors.steering",
    "config.demo",
    "config.service",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cercle.base.web.middleware.SafeHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "cercle.base.web.middleware.ReadingLimit",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cercle.base.web.middleware.SignedInOnly",
    "cercle.base.web.middleware.Sentences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cercle.people.accounts.middleware.FirstSteps",
    "cercle.people.circles.middleware.TracedReads",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "cercle.base.web.folding.Loader",
                            ["django.template.loaders.app_directories.Loader"],
                        )
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cercle.base.web.context.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "template_partials.templatetags.partials",
                "cercle.base.web.templatetags.web",
            ],
        },
    }
]

# Hot fragments only (docs/adr/0011): the notebook's timeline.
TEMPLATES.append(
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {"environment": "cercle.base.web.jinja.environment", "auto_reload": False},
    }
)

# --- Data ------------------------------------------------------------------------------------------------------------
DATABASES = home.databases()
CERCLE_APP_ROLE = DATABASES["default"].get("USER") or "cercle_app"
ATOMIC_REQUESTS = False
PROCRASTINATE_IMPORT_PATHS = ["config.schedule"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = CERCLE_HOME / "static"
FILES_ROOT = CERCLE_HOME / "files"
FILES_URL = ENV("FILES_URL", "")  # s3://bucket/prefix?endpoint=…; empty: the folder above
ANTIVIRUS_ADDRESS = ENV("ANTIVIRUS_ADDRESS", "")  # clamd: host:3310 or /run/clamav/clamd.ctl; empty: not scanned
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
MAX_BODY = int(ENV("MAX_BODY", str(60 * 1024 * 1024)))  # a whole request; a larger one is answered 413 unread
MAX_UPLOAD_BYTES = int(ENV("MAX_UPLOAD_BYTES", str(20 * 1024 * 1024)))

# --- Language and time -----------------------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "cercle" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = ENV("TZ_NAME", "Europe/Paris")
FORMAT_MODULE_PATH = []

# --- Safety ----------------------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = not INSECURE_HTTP
CSRF_COOKIE_SECURE = not INSECURE_HTTP
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 0 if INSECURE_HTTP else 365 * 86400
SECURE_HSTS_INCLUDE_SUBDOMAINS = not INSECURE_HTTP
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "cercle.base.web.errors.csrf_failure"
# Time on the road between two visits: straight line × factor, at this speed.
AGENDA_ROAD_FACTOR = float(ENV("AGENDA_ROAD_FACTOR", "1.35"))
AGENDA_ROAD_KMH = float(ENV("AGENDA_ROAD_KMH", "45"))
# Messages of connected software, after the last contact with the person (CNIL 2023-095: 2 years for support).
RECEIVED_KEPT_DAYS = int(ENV("RECEIVED_KEPT_DAYS", "730"))
READS_PER_MINUTE = int(ENV("READS_PER_MINUTE", "60000"))  # per person or machine client and process; stops a runaway
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTHENTICATION_BACKENDS = ["cercle.people.accounts.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/connexion/"
LOGIN_REDIRECT_URL = "/"

# --- Sign-in (cercle.people.accounts over django-allauth) -------------------------------------------------------------
# Professionals, support and operators must have a second factor. Turn off in a demonstration only.
MFA_REQUIRED = flag("CERCLE_MFA_REQUIRED", True)
# A code serves once. A demonstration, where robots sign in several times in 30 s, may accept it again.
TOTP_CODES_SERVE_TWICE = flag("CERCLE_TOTP_CODES_SERVE_TWICE")
# Encrypts TOTP secrets: comma-separated Fernet keys, the first encrypts. Keep them with the backups.
SECOND_FACTOR_KEYS = (ENV("SECOND_FACTOR_KEYS") or home.secret("second-factor.key", home.fernet_key)).split(",")
# scope: (failures, counted over seconds, seconds of lock)
LOCKOUT = {"account": (5, 900, 900), "address": (50, 900, 900), "code": (5, 900, 900), "link": (5, 900, 900)}
# Pro Santé Connect and FranceConnect come later: their place is kept on the sign-in page, without a fake button.
IDENTITY_PLACES = flag("CERCLE_IDENTITY_PLACES", True)
ACCOUNT_ADAPTER = "cercle.people.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # an account is born from a link received at its address
ACCOUNT_RATE_LIMITS = False  # accounts.lockout counts in the database instead of a per-process cache
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_URL
ACCOUNT_FORMS = {
    "login": "cercle.people.accounts.forms.SignInForm",
    "reauthenticate": "cercle.people.accounts.forms.PasswordAgainForm",
    "change_password": "cercle.people.accounts.forms.NewPasswordForm",
}
MFA_ADAPTER = "cercle.people.accounts.adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RATE_LIMITS = False
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = INSECURE_HTTP
MFA_FORMS = {
    "authenticate": "cercle.people.accounts.forms.CodeForm",
    "reauthenticate": "cercle.people.accounts.forms.CodeAgain",
    "activate_totp": "cercle.people.accounts.forms.ActivateCodesForm",
    "add_webauthn": "cercle.people.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "cercle.people.accounts.forms.RenamePasskeyForm",
}
USERSESSIONS_TRACK_ACTIVITY = False  # would write at each request

# --- Mail ------------------------------------------------------------------------------------------------------------
EMAIL_BACKEND = ENV("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = CERCLE_HOME / "mail"
DEFAULT_FROM_EMAIL = ENV("DEFAULT_FROM_EMAIL", "cercle@localhost")
EMAIL_HOST, EMAIL_PORT = ENV("EMAIL_HOST", "localhost"), int(ENV("EMAIL_PORT", "25"))
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = ENV("EMAIL_HOST_USER", ""), ENV("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 20  # seconds

# --- Logs: technical facts only, never personal data ------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "cercle.base.common.logs.DiscreetFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": ENV("LOG_LEVEL", "WARNING")},
    # Whatever LOG_LEVEL says, statements are not written: they hold what people typed. Nor by Django's own handlers.
    "loggers": {
        "django": {"handlers": [], "level": "NOTSET", "propagate": True},
        "django.db.backends": {"level": "WARNING"},
        "django.template": {"level": "WARNING"},
        "psycopg": {"level": "WARNING"},
    },
}

# --- National services ---------------------------------------------------------------------------------------------------
# INSi (cercle/people/patients/insi.py): a callable that makes the adapter. `…insi.OfficialTestIdentities` is the double.
INSI_SERVICE = ENV("INSI_SERVICE", "cercle.people.patients.insi.NotConnected")
