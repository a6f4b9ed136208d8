"""The Django project around the example: `python -m shop.host <number>` opens it with an order of that number.

Listens on a port of its own, which is the first line it prints. /enter logs the one person in.
"""

import logging
import os
import re
import sys
from pathlib import Path

import django
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

HERE = Path(__file__).parent
logging.disable(logging.WARNING)  # what is refused here is meant to be
tag = re.search(r'src="(?P<src>[^"]+)" integrity="(?P<integrity>[^"]+)"', os.environ["MTCHAT_SDK_TAG"])
assert tag is not None
settings.configure(
    DEBUG=False,
    LOGGING_CONFIG=None,
    SECRET_KEY="of this test alone",
    ALLOWED_HOSTS=["shop.example.com"],
    ROOT_URLCONF=__name__,
    AUTH_USER_MODEL="shop.Person",
    LOGIN_URL="/enter",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles", "shop"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE.parent / "shop.sqlite3"}},
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    STATIC_URL="/static/",
    MTCHAT_JWT_SECRET=os.environ["MTCHAT_JWT_SECRET"],
    MTCHAT_SDK=tag.groupdict(),
)
django.setup()


def enter(request: HttpRequest) -> HttpResponse:
    """Log the one person in, and say who that is to the chat."""
    from django.contrib.auth import login

    from shop.models import Person

    person = Person.objects.get()
    login(request, person)
    return HttpResponse(str(person.pk))


urlpatterns = [
    path("enter", enter),
    path("favicon.ico", lambda _: HttpResponse(status=204)),
    path("", include("shop.urls")),
]


def main(number: str) -> None:
    """Open the shop."""
    from shop.models import Company, Order, Person

    call_command("migrate", run_syncdb=True, verbosity=0)
    company = Company.objects.create(slug="nordwind")
    # Users are numbered, and this one is nobody else's in the service.
    Person.objects.create(pk=os.getpid(), username="ana", first_name="Ana", last_name="Petrova", company=company)
    Order.objects.create(number=number, title="Forty chairs")
    server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
