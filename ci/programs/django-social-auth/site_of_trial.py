"""A page of Django with Python Social Auth: who is signed in. The settings of OIDC are those of its page, and the environment is the Secret."""

import os

from django.conf import settings
from django.core.management import execute_from_command_line

env = os.environ


def groups(user, response, **others):
    user.is_staff = "platform" in response.get("groups", [])
    user.save()


settings.configure(
    DEBUG=True,
    SECRET_KEY="a key for this trial alone, of more than fifty characters",
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": env["DATABASE"]}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "social_django",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    AUTHENTICATION_BACKENDS=["social_core.backends.open_id_connect.OpenIdConnectAuth"],
    SOCIAL_AUTH_OIDC_OIDC_ENDPOINT=env["OIDC_ISSUER"],
    SOCIAL_AUTH_OIDC_KEY=env["OIDC_CLIENT_ID"],
    SOCIAL_AUTH_OIDC_SECRET=env["OIDC_CLIENT_SECRET"],
    SOCIAL_AUTH_OIDC_SCOPE=["groups"],
    SOCIAL_AUTH_OIDC_USE_PKCE=True,
    SOCIAL_AUTH_PIPELINE=[
        "social_core.pipeline.social_auth.social_details",
        "social_core.pipeline.social_auth.social_uid",
        "social_core.pipeline.social_auth.auth_allowed",
        "social_core.pipeline.social_auth.social_user",
        "social_core.pipeline.user.get_username",
        "social_core.pipeline.user.create_user",
        "social_core.pipeline.social_auth.associate_user",
        "social_core.pipeline.social_auth.load_extra_data",
        "social_core.pipeline.user.user_details",
        f"{__name__}.groups",
    ],
    LOGIN_REDIRECT_URL="/",
)

import django  # noqa: E402

django.setup()

from django.contrib.auth import logout  # noqa: E402
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse  # noqa: E402
from django.middleware.csrf import get_token  # noqa: E402
from django.urls import include, path  # noqa: E402
from social_django.utils import load_strategy  # noqa: E402


def button(request):
    field = f'<input type="hidden" name="csrfmiddlewaretoken" value="{get_token(request)}">'
    return HttpResponse(f'<form method="post" action="/login/oidc/">{field}<button>Sign in</button></form>')


def home(request):
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({})
    return JsonResponse({"email": user.email, "login": user.username, "staff": user.is_staff})


def refresh(request):
    request.user.social_auth.get(provider="oidc").refresh_token(load_strategy())
    return JsonResponse({})


def leave(request):
    logout(request)
    return HttpResponseRedirect("/")


urlpatterns = [
    path("", include("social_django.urls", namespace="social")),
    path("button", button),
    path("refresh", refresh),
    path("leave", leave),
    path("", home),
]

if __name__ == "__main__":
    execute_from_command_line(["app", "migrate", "--verbosity=0"])
    execute_from_command_line(["app", "runserver", "--noreload", env["LISTEN"]])
