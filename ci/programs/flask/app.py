"""The application of the page: Flask with Authlib. The environment is the Secret."""

import os

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, session

app = Flask(__name__)
app.secret_key = "a key for this trial alone, of more than fifty characters"
oauth = OAuth(app)
oauth.register(
    "nauthera",
    client_id=os.environ["OIDC_CLIENT_ID"],
    client_secret=os.environ["OIDC_CLIENT_SECRET"],
    server_metadata_url=os.environ["OIDC_DISCOVERY_URL"],
    client_kwargs={"scope": os.environ["OIDC_SCOPES"], "code_challenge_method": "S256"},
)


@app.route("/login")
def login():
    return oauth.nauthera.authorize_redirect(os.environ["OIDC_REDIRECT_URI"])


@app.route("/callback")
def callback():
    token = oauth.nauthera.authorize_access_token()
    session["person"] = token["userinfo"]
    session["refresh_token"] = token["refresh_token"]
    return redirect("/")


@app.route("/refresh")
def refresh():
    token = oauth.nauthera.fetch_access_token(grant_type="refresh_token", refresh_token=session["refresh_token"])
    return jsonify(token_type=token["token_type"])


@app.route("/logout")
def logout():
    session.clear()
    return redirect("/")


@app.route("/")
def home():
    return jsonify(session.get("person", {}))


host, port = os.environ["LISTEN"].split(":")
app.run(host=host, port=int(port))
