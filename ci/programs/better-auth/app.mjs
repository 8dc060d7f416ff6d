// The application of the page: better-auth in Node.js, with the plugin genericOAuth.
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { genericOAuth } from 'better-auth/plugins'

const { OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_DISCOVERY_URL, OIDC_SCOPES, PORT } = process.env

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: process.env.SECRET,
  database: new DatabaseSync(':memory:'),
  user: { additionalFields: { groups: { type: 'string[]', required: false } } },
  // there a person could name groups of their own
  disabledPaths: ['/update-user'],
  plugins: [
    genericOAuth({
      config: [
        {
          providerId: 'nauthera',
          discoveryUrl: OIDC_DISCOVERY_URL,
          clientId: OIDC_CLIENT_ID,
          clientSecret: OIDC_CLIENT_SECRET,
          scopes: OIDC_SCOPES.split(' '),
          overrideUserInfo: true,
          mapProfileToUser: ({ groups }) => ({ groups }),
        },
      ],
    }),
  ],
})
await (await getMigrations(auth.options)).runMigrations()

/** What its client in a browser does: calls an endpoint, and goes where the answer says. */
const go = async (response, answer) => {
  for (const cookie of answer.headers.getSetCookie()) response.appendHeader('set-cookie', cookie)
  const { url = '/' } = await answer.json()
  response.writeHead(302, { location: url }).end()
}

const provider = 'nauthera'
const handle = toNodeHandler(auth)
createServer(async (request, response) => {
  const headers = new Headers({ cookie: request.headers.cookie ?? '' })
  const { pathname } = new URL(request.url, 'http://localhost')
  if (pathname === '/login')
    return go(
      response,
      await auth.api.signInSocial({ body: { provider, callbackURL: '/' }, headers, asResponse: true }),
    )
  if (pathname === '/logout')
    return go(response, await auth.api.signOut({ body: { callbackURL: '/' }, headers, asResponse: true }))
  if (pathname === '/refresh') {
    const [account] = await auth.api.listUserAccounts({ headers })
    const { accessTokenExpiresAt } = await auth.api.refreshToken({ body: { accountId: account.id }, headers })
    return response.end(JSON.stringify({ accessTokenExpiresAt }))
  }
  if (pathname === '/') {
    const session = await auth.api.getSession({ headers })
    return response.end(JSON.stringify(session?.user ?? {}))
  }
  return handle(request, response)
}).listen(Number(PORT), '127.0.0.1')
