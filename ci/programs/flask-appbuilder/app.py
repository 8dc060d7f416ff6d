"""Flask-AppBuilder, as Superset and Airflow use it: its own configuration, and the environment is the Secret."""

import os

from flask import Flask, jsonify
from flask_appbuilder import AppBuilder
from flask_appbuilder.utils.legacy import get_sqla_class
from flask_login import current_user

env = os.environ
app = Flask(__name__)
app.config.update(
    SECRET_KEY="a key for this trial alone, of more than fifty characters",
    SQLALCHEMY_DATABASE_URI=f"sqlite:///{env['DATABASE']}",
    AUTH_TYPE=4,  # AUTH_OAUTH
    AUTH_USER_REGISTRATION=True,
    AUTH_USER_REGISTRATION_ROLE="Public",
    AUTH_ROLES_SYNC_AT_LOGIN=True,
    AUTH_ROLES_MAPPING={"platform": ["Admin"]},
    OAUTH_PROVIDERS=[
        {
            # the recipe of that name reads userinfo, with groups as role_keys, from any issuer
            "name": "auth0",
            "token_key": "access_token",
            "icon": "fa-key",
            "remote_app": {
                "client_id": env["OIDC_CLIENT_ID"],
                "client_secret": env["OIDC_CLIENT_SECRET"],
                "server_metadata_url": env["OIDC_DISCOVERY_URL"],
                "client_kwargs": {
                    "scope": env["OIDC_SCOPES"],
                    **({"code_challenge_method": "S256"} if "WITH_PKCE" in env else {}),
                },
            },
        }
    ],
)
db = get_sqla_class()()
db.init_app(app)
with app.app_context():
    AppBuilder(app, db.session)
    db.create_all()


@app.get("/me")
def me():
    if not current_user.is_authenticated:
        return jsonify({})
    roles = sorted(role.name for role in current_user.roles)
    return jsonify(email=current_user.email, roles=roles)


host, port = env["LISTEN"].split(":")
app.run(host=host, port=int(port))
