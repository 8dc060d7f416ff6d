// oidc-provider alone with its own adapter in memory: what the library itself costs, without our code. Its sign-in asks for no
// password, and its clients are those that the bench uses (product.ts).
import { generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { paths } from '@nauthera/rules/endpoints'
import { Provider } from 'oidc-provider'
import type { Configuration } from 'oidc-provider'

const [secret = '', machineJwk = '{}'] = process.argv.slice(2)
const audience = 'https://api.example.com'
const redirectUri = 'https://app.example.com/callback'
const machineKey = JSON.parse(machineJwk) as object
const keyOf = (pair: { privateKey: KeyObject }, alg: string) =>
  ({ ...pair.privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }) as never
const jwks = {
  keys: [
    keyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'ES256'),
    keyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'RS256'),
  ],
}
const machine = {
  client_secret: secret,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  id_token_signed_response_alg: 'ES256',
} as const
const web = {
  client_secret: secret,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [redirectUri],
  response_types: ['code'],
} as const

const configuration: Configuration = {
  jwks,
  clients: [
    { ...machine, client_id: 'bench.machine' },
    {
      ...machine,
      client_id: 'bench.signing',
      client_secret: undefined as never,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [machineKey] } as never,
    },
    { ...web, client_id: 'bench.web', id_token_signed_response_alg: 'ES256' },
    { ...web, client_id: 'bench.web-rs256', id_token_signed_response_alg: 'RS256' },
  ] as never,
  cookies: { keys: ['a key for the cookies of the bench'] },
  scopes: ['openid', 'email', 'offline_access', 'read'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true }),
  }),
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  routes: {
    authorization: paths.authorization,
    introspection: paths.introspection,
    userinfo: paths.userinfo,
  },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  async loadExistingGrant(context) {
    const { client, session, provider, params } = context.oidc
    const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
    grant.addOIDCScope(String(params!['scope']))
    await grant.save()
    return grant
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (context) =>
        (context.oidc.params?.['grant_type'] === 'client_credentials' ? audience : []) as never,
      getResourceServerInfo: () => ({
        scope: 'read',
        audience,
        accessTokenFormat: 'jwt' as const,
        accessTokenTTL: 300,
        jwt: { sign: { alg: 'ES256' as const } },
      }),
    },
  },
  ttl: {
    ClientCredentials: 300,
    AccessToken: 300,
    IdToken: 600,
    Interaction: 600,
    Session: 28_800,
    Grant: 2_592_000,
    RefreshToken: 2_592_000,
    AuthorizationCode: 60,
  },
}

const page = (action: string) => `<!doctype html><title>Sign in</title><form method="post" action="${action}">
<input name="username"><input type="password" name="password"><button>Sign in</button></form>`

/** The sign-in of the bench: a page, and its form. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method === 'GET') {
    await provider.interactionDetails(request, response)
    const body = page(request.url!)
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': body.length }).end(body)
    return
  }
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const accountId = new URLSearchParams(Buffer.concat(chunks).toString()).get('username') ?? 'nobody'
  await provider.interactionFinished(request, response, { login: { accountId } })
}

const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  const provider = new Provider(`http://127.0.0.1:${port}`, configuration)
  const library = provider.callback()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (!request.url!.startsWith('/interaction/')) return void library(request, response)
    interact(provider, request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
  process.stdout.write(`listening ${port}\n`)
})
process.on('SIGTERM', () => process.exit(0))
