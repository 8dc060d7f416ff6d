// Where things are below the issuer. Applications find these in their Secret, so a path never changes.

export const paths = {
  discovery: '/.well-known/openid-configuration',
  /** RFC 8414. */
  metadata: '/.well-known/oauth-authorization-server',
  jwks: '/jwks',
  authorization: '/authorize',
  token: '/token',
  introspection: '/introspect',
  revocation: '/revoke',
  pushedRequest: '/request',
  userinfo: '/userinfo',
  /** Where devices ask for their code, and where people type it (RFC 8628). */
  deviceAuthorization: '/device_authorization',
  device: '/device',
  endSession: '/logout',
  /** The pages of a sign-in. */
  interaction: '/interaction',
  /** Where other providers send the browser back to. */
  federation: '/federation',
  /** What people ask for a mail at, and the pages that mails lead to. */
  forgot: '/forgot',
  reset: '/reset',
  verifyEmail: '/verify-email',
  invitation: '/invitation',
  register: '/register',
  /** A sign-in by a link of an administrator. */
  loginLink: '/login-link',
  /** The logos of clients. */
  logo: '/logo',
  /** The pages about a person's own account. */
  account: '/account',
  /** The pages of the help desk. */
  admin: '/admin',
} as const
