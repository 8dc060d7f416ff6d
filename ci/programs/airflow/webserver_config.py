"""What the page has for `apiServerConfig`. The environment is the Secret."""

import os

from flask_appbuilder.const import AUTH_OAUTH

AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {"platform": ["Admin"], "developers": ["User"]}
OAUTH_PROVIDERS = [
    {
        "name": "auth0",
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": os.environ["OIDC_CLIENT_ID"],
            "client_secret": os.environ["OIDC_CLIENT_SECRET"],
            "server_metadata_url": os.environ["OIDC_DISCOVERY_URL"],
            "client_kwargs": {"scope": os.environ["OIDC_SCOPES"], "code_challenge_method": "S256"},
        },
    }
]
