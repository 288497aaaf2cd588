"""Django's settings. Values an operator may change come from `config.environment`, and only from there."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from config.environment import read_environment

ENVIRONMENT = read_environment()
ROOT = Path(__file__).resolve().parent.parent

SECRET_KEY = ENVIRONMENT.secret_key
DEBUG = ENVIRONMENT.debug
BASE_URL = ENVIRONMENT.base_url
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
WEBHOOK_ALLOW_PRIVATE = ENVIRONMENT.webhook_allow_private
SECURE = BASE_URL.startswith("https://")
ALLOWED_HOSTS = ["*"]  # links are built from BASE_URL, never from the Host header
ROOT_URLCONF = "config.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "parcours.web",  # before allauth, whose pages it dresses
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "parcours.kernel",
    "parcours.accounts",
    "parcours.contacts",
    "parcours.consent",
    "parcours.events",
    "parcours.catalogue",
    "parcours.audiences",
    "parcours.content",
    "parcours.delivery",
    "parcours.integrations",
    "parcours.journeys",
    "parcours.campaigns",
    "parcours.insights",
    "parcours.public",
    "parcours.api",
    "config.apps.PartsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "parcours.web.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "parcours.web.middleware.NotKept",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "parcours.web.middleware.ReaderLanguage",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "parcours.web.middleware.FirstPassword",
    "parcours.web.middleware.WorkspaceScope",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "parcours.web.context.page",
            ],
        },
    }
]


def database_settings() -> dict[str, Any]:
    """DATABASE_URL as Django wants it, with the role that this process acts as.

    What else the URL says (sslmode, sslrootcert, connect_timeout, options …) goes to libpq as it is.
    """
    options: dict[str, Any] = conninfo_to_dict(ENVIRONMENT.database_url)
    place = {
        name: str(options.pop(name, "") or "") for name in ("dbname", "user", "password", "host", "port")
    }
    # No parallel plans: one that reads a whole table must never look cheaper than probing an index for a batch. Nothing memoized:
    # the keys of a batch are distinct, and the planner would choose it by the size of the tables.
    given = ["-c max_parallel_workers_per_gather=0", "-c enable_memoize=off", options.get("options", "")]
    if role := ENVIRONMENT.database_role:
        given.append(f"-c role={role}")
    options["options"] = " ".join(part for part in given if part)
    # Statements of ours that are repeated are planned once: planning over many monthly partitions costs more than running.
    options["prepare_threshold"] = 3
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": place["dbname"],
        "USER": place["user"],
        "PASSWORD": place["password"],
        "HOST": place["host"],
        "PORT": place["port"],
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": database_settings()}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {
    "login": "parcours.web.account_forms.SignIn",
    "change_password": "parcours.web.account_forms.ChangePassword",
    "reauthenticate": "parcours.web.account_forms.Reauthenticate",
}
ACCOUNT_ADAPTER = "parcours.web.sign_in.ClosedSignUp"
ACCOUNT_SESSION_REMEMBER = True
MFA_ADAPTER = "parcours.web.sign_in.SealedSecrets"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # nobody can make us write to strangers
ACCOUNT_RATE_LIMITS = {"reset_password": "5/m/ip,3/h/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Parcours"

SESSION_COOKIE_NAME = "parcours_session"
CSRF_COOKIE_NAME = "parcours_csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(BASE_URL))]  # a proxy may change the Host
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/islands/assets/"  # Vite puts a hash into each name
STATIC_ROOT = None

# Limits of attempts, and codes that were used, hold for all processes together. Much room: who floods it must not push them out.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "kernel_cache",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    }
}

# Django's own mailer is only for account mail (a forgotten password). Messages to people go through `delivery`, by the same server.
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
if (_mail := ENVIRONMENT.mail_server) is not None:
    EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
    EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.security == "tls", _mail.security == "starttls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENVIRONMENT.account_from or f"Parcours <no-reply@{urlsplit(BASE_URL).hostname}>"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
