"""Django's settings, and the shop's own. The environment -> config.py -> here.

Every value that a user may set is read here, once, with its bounds; docs/settings.md lists them.
"""

import secrets
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONE, SELF

from shopsite.config import LOCAL_DIR, ConfigError, check_smtp, check_stripe, env


def _secret(name: str, given: str) -> str:
    """The one given, or one made at the first start and kept under its name, readable by its owner only."""
    if given:
        return given
    path = LOCAL_DIR / name
    if not path.exists():
        LOCAL_DIR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


# Seconds that a connection outlives its request: none, since under ASGI each request has a thread of its
# own, and a connection left in it would be nobody's. Loops and workers keep theirs; runtime/web.py has
# requests give PostgreSQL's back to a pool.
REQUESTS_OWN = 0


def _database(url: str) -> dict[str, Any]:
    """The database by its address; SQLite in the local folder where none is given."""
    if url and not url.startswith("sqlite"):
        try:
            parsed = dict(dj_database_url.parse(url, conn_max_age=REQUESTS_OWN))
        except (ValueError, dj_database_url.ParseError) as error:
            raise ConfigError(f"DATABASE_URL={url!r}: {error}") from error
        if parsed["ENGINE"] != "django.db.backends.postgresql":
            raise ConfigError(f"DATABASE_URL={url!r}: need postgres://... or sqlite:///PATH")
        return parsed
    LOCAL_DIR.mkdir(parents=True, exist_ok=True)
    name = Path(url.removeprefix("sqlite:///")) if url else LOCAL_DIR / "shop.sqlite3"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": REQUESTS_OWN,
        "OPTIONS": {
            # IMMEDIATE: a transaction takes the write lock at its start, so it cannot fail half way.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000;",
        },
        "TEST": {"NAME": LOCAL_DIR / "test.sqlite3"},  # a file: tests start processes that share it
    }


# --- the shop ---------------------------------------------------------------------------------
SHOP_NAME = env.text("SHOP_NAME", "Shopsite")
SHOP_CURRENCY = env.text("SHOP_CURRENCY", "EUR")  # of prices, and of orders that name none
SHOP_TIME_ZONE = env.text("SHOP_TIME_ZONE", "Europe/Berlin")  # of "today" on dashboards
SHOP_ORIGIN = env.text("SHOP_ORIGIN", "http://127.0.0.1:8000")  # absolute links in mails
DEMO = env.flag("DEMO", False)  # shows test cards, links mails from order pages
STAFF_USERNAME = env.text("STAFF_USERNAME", "")  # made by `seed`, where both are set
STAFF_PASSWORD = env.text("STAFF_PASSWORD", "")
VISITOR_COOKIE = "visitor"  # the browser's random id; the dashboard marks its own clicks by it
COUNTRY_HEADER = env.text("COUNTRY_HEADER", "")  # set by a trusted proxy, such as CF-IPCountry
API_REQUESTS_PER_SECOND = env.number("API_REQUESTS_PER_SECOND", 1000, 1, 1_000_000)  # of one key
RESERVATION_MINUTES = env.number("RESERVATION_MINUTES", 15, 1, 1440)
STUCK_MINUTES = {  # status -> how long an order may stand in it before the admin says that it is stuck
    "placed": env.number("STUCK_PLACED_MINUTES", 15, 1, 525_600),
    "backordered": env.number("STUCK_BACKORDERED_MINUTES", 10_080, 1, 525_600),
    "paid": env.number("STUCK_PAID_MINUTES", 1_440, 1, 525_600),
    "packed": env.number("STUCK_PACKED_MINUTES", 1_440, 1, 525_600),
    "shipped": env.number("STUCK_SHIPPED_MINUTES", 20_160, 1, 525_600),
    "refund_pending": env.number("STUCK_REFUND_PENDING_MINUTES", 60, 1, 525_600),
}

# --- payments -----------------------------------------------------------------------------------
PAYMENT_GATEWAY = env.choice("PAYMENT_GATEWAY", "simulated", ("simulated", "stripe"))
GATEWAY_URL = env.text("GATEWAY_URL", "http://127.0.0.1:8090")
STRIPE_URL = env.text("STRIPE_URL", "https://api.stripe.com")
if PAYMENT_GATEWAY == "stripe":
    check_stripe(key=env.text("GATEWAY_KEY", ""), webhook_secret=env.text("WEBHOOK_SECRET", ""))
GATEWAY_PUBLIC_URL = env.text("GATEWAY_PUBLIC_URL", "")  # as browsers reach it; GATEWAY_URL where empty
GATEWAY_KEY = _secret("gateway_key", env.text("GATEWAY_KEY", ""))
GATEWAY_ACCOUNT = env.text("GATEWAY_ACCOUNT", "")  # isolates shops and tests that share a gateway
GATEWAY_TIMEOUT_SECONDS = env.number("GATEWAY_TIMEOUT_SECONDS", 5, 1, 20)
LEASE_SECONDS = env.number("LEASE_SECONDS", 60, 15, 3600)
if LEASE_SECONDS < 3 * GATEWAY_TIMEOUT_SECONDS:
    raise ConfigError(f"LEASE_SECONDS={LEASE_SECONDS}: need three times GATEWAY_TIMEOUT_SECONDS, or more")
WEBHOOK_SECRET = _secret("webhook_secret", env.text("WEBHOOK_SECRET", ""))
WEBHOOK_ORIGIN = env.text("WEBHOOK_ORIGIN", "")  # as the gateway reaches the shop; SHOP_ORIGIN where empty
WEBHOOK_TOLERANCE_SECONDS = env.number("WEBHOOK_TOLERANCE_SECONDS", 300, 5, 3600)

# --- Kafka ------------------------------------------------------------------------------------
KAFKA_BOOTSTRAP_SERVERS = env.items("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
TOPIC_PREFIX = env.text("TOPIC_PREFIX", "")  # isolates tests that share a broker
CLICK_PARTITIONS = env.number("CLICK_PARTITIONS", 6, 1, 512)
ORDER_PARTITIONS = env.number("ORDER_PARTITIONS", 3, 1, 512)
INVENTORY_PARTITIONS = env.number("INVENTORY_PARTITIONS", 3, 1, 512)
CLICK_RETENTION_DAYS = env.number("CLICK_RETENTION_DAYS", 30, 1, 3650)
REPLICATION_FACTOR = env.number("REPLICATION_FACTOR", 1, 1, 7)
COLLECT_ORIGINS = env.items("COLLECT_ORIGINS", "")  # sites whose browsers may send events to /collect
COLLECT_WAITS = env.flag("COLLECT_WAITS", True)  # for Kafka, before it answers
CLICK_SPOOL_MEGABYTES = env.number("CLICK_SPOOL_MEGABYTES", 64, 1, 10_000)
KEEP_OUTBOX_DAYS = env.number("KEEP_OUTBOX_DAYS", 7, 1, 3650)  # after publication
KEEP_INBOX_DAYS = env.number("KEEP_INBOX_DAYS", 7, 1, 3650)  # after processing

# --- Redis ------------------------------------------------------------------------------------
REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_PREFIX = env.text("REDIS_PREFIX", "shop:")
KEEP_SECONDS_MINUTES = env.number("KEEP_SECONDS_MINUTES", 15, 1, 1440)  # second buckets
KEEP_MINUTES_HOURS = env.number("KEEP_MINUTES_HOURS", 48, 1, 8760)
KEEP_HOURS_DAYS = env.number("KEEP_HOURS_DAYS", 90, 1, 3650)
KEEP_DAYS_YEARS = env.number("KEEP_DAYS_YEARS", 3, 1, 100)
# --- history of the aggregates, in the database ---------------------------------------------------
HISTORY_SETTLED_MINUTES = env.number("HISTORY_SETTLED_MINUTES", 5, 1, 1440)  # unchanged so long: written
HISTORY_MOVE_HOURS = env.number("HISTORY_MOVE_HOURS", 36, 30, 8760)  # unchanged so long: leaves Redis
HISTORY_MINUTES_DAYS = env.number("HISTORY_MINUTES_DAYS", 8, 1, 3650)
HISTORY_HOURS_DAYS = env.number("HISTORY_HOURS_DAYS", 400, 1, 36500)
HISTORY_DAYS_YEARS = env.number("HISTORY_DAYS_YEARS", 10, 1, 100)

# --- Celery -----------------------------------------------------------------------------------
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "") or REDIS_URL
if CELERY_BROKER_URL.startswith(("redis+cluster:", "rediss+cluster:")):
    raise ConfigError("CELERY_BROKER_URL is missing: Celery needs a Redis that is no cluster")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    "visibility_timeout": 600,  # Redis may lose or repeat any task: the work is in the database
}
CELERY_DB_REUSE_MAX = 1_000_000  # else the fixup closes the connection after every task

# --- Django -----------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG", False)
SECRET_KEY = _secret("secret_key", env.text("SECRET_KEY", ""))
# whose X-Forwarded-* headers are believed: addresses or networks of the proxy before `manage.py web`
TRUSTED_PROXIES = env.items("TRUSTED_PROXIES", "")
# /readyz wants a fresh heartbeat of each
EXPECTED_PROCESSES = env.items("EXPECTED_PROCESSES", "web,relay,consume,worker,beat,aggregate,gateway")
if PAYMENT_GATEWAY != "simulated":  # the process is the simulated one
    EXPECTED_PROCESSES = [name for name in EXPECTED_PROCESSES if name != "gateway"]
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", "")
INSTALLED_APPS = [
    "shopsite",  # before staticfiles: its runserver serves websockets too
    "shopsite.orderdesk",  # before the admin, whose first page it has its own of
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "csp",
    "channels",
    "shopsite.assets",
    "shopsite.staff",
    "shopsite.events",
    "shopsite.catalogue",
    "shopsite.storefront",
    "shopsite.api",
    "shopsite.traffic",
    "orders",
    "inventory",
    "dashboards",
    "dashboards.alerts",
    "dashboards.shares",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "shopsite.storefront.middleware.VisitorMiddleware",
]
ROOT_URLCONF = "shopsite.urls"
ASGI_APPLICATION = "shopsite.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "shopsite.storefront.context.shop",
            ]
        },
    }
]
# connections to PostgreSQL of one web process: its requests share them, the API keeps four
DATABASE_POOL = env.number("DATABASE_POOL", 16, 6, 500)
DATABASES = {"default": _database(env.text("DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {  # per process: nothing that must be shared or kept lives in it
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
LANGUAGE_CODE = "en-gb"
FORMAT_MODULE_PATH = "shopsite.formats"  # British English has 10:02 p.m.
TIME_ZONE = SHOP_TIME_ZONE
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = LOCAL_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where it is missing
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "shopsite.assets.finder.JoinedFinder",
]
JOINED_FILES = [  # static files that pages also get as one with all that they import: joined/...
    "dashboards/live.js",
    "dashboards/charts.js",
    *[f"dashboards/pages/{page}.css" for page in ("live", "range", "product", "answers", "ops")],
]
WHITENOISE_USE_FINDERS = True
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("MinimumLength", "CommonPassword", "NumericPassword")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"

# --- mail ---------------------------------------------------------------------------------------
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.number("EMAIL_PORT", 587, 1, 65_535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_TLS = env.choice("EMAIL_TLS", "starttls", ("starttls", "tls", "none"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_TLS == "starttls", EMAIL_TLS == "tls"  # as Django names them
EMAIL_TIMEOUT = env.number("EMAIL_TIMEOUT_SECONDS", 10, 1, 60)  # of each step of the conversation
check_smtp(
    host=EMAIL_HOST, port=EMAIL_PORT, user=EMAIL_HOST_USER, password=EMAIL_HOST_PASSWORD, tls=EMAIL_TLS
)
if EMAIL_HOST and LEASE_SECONDS < 3 * EMAIL_TIMEOUT:
    raise ConfigError(f"LEASE_SECONDS={LEASE_SECONDS}: need three times EMAIL_TIMEOUT_SECONDS, or more")
# A demo's shoppers are made up, their addresses may be somebody's.
MAIL_BY = "smtp" if EMAIL_HOST and not DEMO else "filebased"
EMAIL_BACKEND = env.text("EMAIL_BACKEND", "") or f"django.core.mail.backends.{MAIL_BY}.EmailBackend"
EMAIL_FILE_PATH = str(LOCAL_DIR / "mail")
DEFAULT_FROM_EMAIL = env.mailbox("DEFAULT_FROM_EMAIL", "Shopsite <shop@localhost>")

# --- the browser's rules ------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        # the hash is of the empty style element that Plotly inserts
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "kafka": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},  # tells of each call
        "kafka.net.selector": {"level": "ERROR"},  # warns of each tenth of a second that a busy machine takes
        "django.request": {"level": "ERROR"},
    },
}
