"""A page of Django with django-allauth: who is signed in. Settings are those of its quickstart, and the environment is the Secret."""

import os

from django.conf import settings
from django.core.management import execute_from_command_line

env = os.environ
issuer = {
    "provider_id": "nauthera",
    "name": "Nauthera",
    "client_id": env["OIDC_CLIENT_ID"],
    "secret": env["OIDC_CLIENT_SECRET"],
    "settings": {"server_url": env["OIDC_ISSUER"]},
}
provider = {"APPS": [issuer]}
if "WITH_GROUPS" in env:
    provider["SCOPE"] = env["OIDC_SCOPES"].split()
if "WITH_PKCE" in env:
    provider["OAUTH_PKCE_ENABLED"] = True

settings.configure(
    DEBUG=True,
    SECRET_KEY="a key for this trial alone, of more than fifty characters",
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": env["DATABASE"]}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    LOGIN_REDIRECT_URL="/",
    LOGOUT_REDIRECT_URL="/",
    SOCIALACCOUNT_PROVIDERS={"openid_connect": provider},
)

import django  # noqa: E402

django.setup()

from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402


def home(request):
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({})
    (account,) = user.socialaccount_set.all()
    return JsonResponse({"email": user.email, "name": user.get_username(), **account.extra_data})


urlpatterns = [path("accounts/", include("allauth.urls")), path("", home)]

if __name__ == "__main__":
    execute_from_command_line(["app", "migrate", "--verbosity=0"])
    execute_from_command_line(["app", "runserver", "--noreload", env["LISTEN"]])
