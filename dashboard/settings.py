"""Settings: each value from the environment through a typed reader, with the safest value as the default.

The names are a contract (docs/settings.md). A value that makes no sense stops the start.
"""

from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from dashboard import env, outgoing, queue

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = env.data_directory(BASE_DIR / "var")

DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret_key(DATA_DIR)
SEALING_KEY = env.text("SEALING_KEY")  # empty: kept in the data directory (services/sealing.py)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
METRICS_TOKEN = env.text("METRICS_TOKEN")

# Reaching the service
SLS_ALLOWED_HOSTS = tuple(env.words("SLS_ALLOWED_HOSTS"))
SLS_ALLOW_HTTP = env.flag("SLS_ALLOW_HTTP")
SLS_CONCURRENCY = env.number("SLS_CONCURRENCY", 32, least=1, most=256)
SLS_RATE = env.number("SLS_RATE", 1000, least=10, most=10_000)  # calls per second and endpoint
COLLECT_INTERVAL = env.number("COLLECT_INTERVAL", 60, least=5, most=3600)
HISTORY_RAW_HOURS = env.number("HISTORY_RAW_HOURS", 48, least=24, most=24 * 31)
HISTORY_5MIN_DAYS = env.number("HISTORY_5MIN_DAYS", 14, least=7, most=366)
HISTORY_HOURLY_DAYS = env.number("HISTORY_HOURLY_DAYS", 90, least=7, most=3660)
# Where the words of a verdict begin (checkpoints/domain/thresholds.py), in seconds unless the name says else
VERDICT_LATE = env.number("VERDICT_LATE", 300, least=10, most=86_400)
VERDICT_WINDOW = env.number("VERDICT_WINDOW", 900, least=180, most=3600)
VERDICT_READINGS = env.number("VERDICT_READINGS", 3, least=2, most=20)
VERDICT_FLUSH = env.number("VERDICT_FLUSH", 60, least=5, most=3600)
VERDICT_PATIENCE = env.number("VERDICT_PATIENCE", 1800, least=60, most=86_400)
VERDICT_IDLE = env.number("VERDICT_IDLE", 3600, least=300, most=30 * 86_400)
VERDICT_LOSS_PERCENT = env.number("VERDICT_LOSS_PERCENT", 10, least=0, most=100)
VERDICT_LOSS_HOURS = env.number("VERDICT_LOSS_HOURS", 6, least=0, most=24 * 365)
PLAN_LIFETIME_SECONDS = env.number("PLAN_LIFETIME", 300, least=30, most=3600)
APPROVAL_LIFETIME_SECONDS = env.number("APPROVAL_LIFETIME", 1800, least=60, most=86400)
BREAK_GLASS = env.flag("BREAK_GLASS")
READ_PRICE = env.price("READ_PRICE")  # what one GB of read traffic costs, and in what currency
ALERT_ALLOWED_HOSTS = tuple(env.words("ALERT_ALLOWED_HOSTS"))  # channels inside: names, addresses, CIDRs
PUBLIC_URL = outgoing.site(env.text("PUBLIC_URL"))  # where people reach this site, for links in notices
SEND_IN_BACKGROUND = True  # the page of a reset shows its progress; tests send before they answer
FRESH_SIGN_IN_SECONDS = 900
SESSION_ABSOLUTE_SECONDS = 12 * 3600

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "axes",
    "csp",
    "huey.contrib.djhuey",
    "checkpoints",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "checkpoints.views.middleware.sane_input",
    "checkpoints.views.middleware.safe_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "checkpoints.views.middleware.absolute_session",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "checkpoints.views.middleware.chosen_zone",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "checkpoints.views.context.page",
            ],
        },
    }
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # finds templates/django/forms

# Storage
DATABASES = {"default": env.database(DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
EMBEDDED = DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3"
HUEY = queue.from_url(env.text("QUEUE_URL"), DATA_DIR)
CACHES = {"default": queue.cache(env.text("CACHE_URL"))}

# Signing in
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "checkpoints.views.middleware.client_ip"
AXES_LOCKOUT_CALLABLE = "checkpoints.views.signing_in.locked_out"
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False

# Sessions and cookies. Over plain http on a loopback address the flag Secure is taken off
# (checkpoints/views/middleware.py), so that the demo works in every browser.
SESSION_COOKIE_AGE = 30 * 60
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W008",  # TLS ends at the proxy in front of us; on loopback there is none
]
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Forms: a CSV of 1,000 shards is far below this.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# E-mail, for channels of alerts; without a server there is none
MAIL = outgoing.mail(env.text("EMAIL_URL"))
EMAIL_HOST, EMAIL_PORT = MAIL.host, MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL.tls_at_once, MAIL.start_tls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = outgoing.sender(env.text("EMAIL_FROM", "checkpoints@localhost"))

# Languages and times
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "en", ("en", "zh-hans"))
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", "Asia/Shanghai")

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"masked": {"()": "checkpoints.services.masking.MaskSecrets"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["masked"]},
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Without a handler run_huey gives it one of its own, that masks nothing and says everything twice.
        "huey": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
        "axes": {"level": "WARNING"},
        "urllib3": {"level": "ERROR"},
    },
}
