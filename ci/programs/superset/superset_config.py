"""What the chart writes of the values of the page, and a key and a database of one's own. The environment is the Secret."""

import os

from flask_appbuilder.security.manager import AUTH_OAUTH

SECRET_KEY = "a key for this trial alone, of more than fifty characters"
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['DATABASE']}"
AUTH_TYPE = AUTH_OAUTH
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {"platform": ["Admin"], "developers": ["Alpha"]}
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
