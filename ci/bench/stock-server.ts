// oidc-provider alone with its own adapter: what the library itself costs, without our code.
import { generateKeyPairSync } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const audience = 'https://api.example.com'
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'stock', alg: 'ES256', use: 'sig' } as never] },
    clients: [
      {
        client_id: 'stock',
        client_secret: process.argv[2] ?? '',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        getResourceServerInfo: () => ({
          scope: 'read',
          audience,
          accessTokenFormat: 'jwt' as const,
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'ES256' as const } },
        }),
      },
    },
    ttl: { ClientCredentials: 300 },
  })
  server.on('request', provider.callback())
  process.stdout.write(`listening ${port}\n`)
})
process.on('SIGTERM', () => process.exit(0))
