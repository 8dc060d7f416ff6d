# What the documentation of GenericOAuthenticator asks for; the environment is the Secret.
import os

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = os.environ["LISTEN"]
c.JupyterHub.hub_port = int(os.environ["HUB_PORT"])
c.ConfigurableHTTPProxy.api_url = os.environ["PROXY_API"]
c.JupyterHub.default_url = "/hub/home"
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.scope = ["openid", "profile", "email", "groups", "offline_access"]
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.allowed_groups = {"platform"}
c.GenericOAuthenticator.enable_auth_state = True
c.GenericOAuthenticator.auth_refresh_age = 1
# for the trial: it asks the hub what it knows
c.JupyterHub.services = [{"name": "trial", "api_token": os.environ["TRIAL_TOKEN"]}]
c.JupyterHub.load_roles = [
    {"name": "trial", "services": ["trial"], "scopes": ["read:users"]},
]
