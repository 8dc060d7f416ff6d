"""The application of the page: FastAPI with Authlib. The environment is the Secret."""

import os

import uvicorn
from authlib.integrations.starlette_client import OAuth
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, secret_key="a key for this trial alone, of more than fifty characters")
oauth = OAuth()
oauth.register(
    "nauthera",
    client_id=os.environ["OIDC_CLIENT_ID"],
    client_secret=os.environ["OIDC_CLIENT_SECRET"],
    server_metadata_url=os.environ["OIDC_DISCOVERY_URL"],
    client_kwargs={"scope": os.environ["OIDC_SCOPES"], "code_challenge_method": "S256"},
)


@app.get("/login")
async def login(request: Request):
    return await oauth.nauthera.authorize_redirect(request, os.environ["OIDC_REDIRECT_URI"])


@app.get("/callback")
async def callback(request: Request):
    token = await oauth.nauthera.authorize_access_token(request)
    request.session["person"] = dict(token["userinfo"])
    request.session["refresh_token"] = token["refresh_token"]
    return RedirectResponse("/")


@app.get("/refresh")
async def refresh(request: Request):
    kept = request.session["refresh_token"]
    token = await oauth.nauthera.fetch_access_token(grant_type="refresh_token", refresh_token=kept)
    return {"token_type": token["token_type"]}


@app.get("/logout")
async def logout(request: Request):
    request.session.clear()
    return RedirectResponse("/")


@app.get("/")
async def home(request: Request):
    return request.session.get("person", {})


host, port = os.environ["LISTEN"].split(":")
uvicorn.run(app, host=host, port=int(port))
