// Parses the kubeconfig with which a spoke speaks to its hub: an address, a CA and a token, and nothing that runs or reads files.
import type { Fault } from '@nauthera/runtime/coded-error'
import { fieldsOf } from '@nauthera/runtime/json'
import { Secret } from '@nauthera/runtime/secret'
import { readYaml, writeYaml, z } from '@nauthera/runtime/settings'

export interface HubKubeconfig {
  readonly server: URL
  readonly ca: Buffer | undefined
  readonly serverName: string | undefined
  readonly token: Secret
  /** The same kubeconfig with another token, as YAML. */
  readonly withToken: (token: Secret) => string
}

const onlyInline = 'may have nothing but server, certificate-authority-data and tls-server-name'
const onlyToken = 'may have nothing but a token: no exec, no file and no password'

const schema = z.looseObject({
  'current-context': z.string(),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.strictObject(
        {
          server: z.url({ protocol: /^https?$/ }),
          'certificate-authority-data': z.base64().optional(),
          'tls-server-name': z.string().optional(),
        },
        onlyInline,
      ),
    }),
  ),
  contexts: z.array(
    z.looseObject({ name: z.string(), context: z.looseObject({ cluster: z.string(), user: z.string() }) }),
  ),
  users: z.array(z.looseObject({ name: z.string(), user: z.strictObject({ token: z.string().min(1) }, onlyToken) })),
})

/** @param text as it lies in the Secret
 *  @returns the kubeconfig, or every fault: none of them quotes a value */
export function parseHubKubeconfig(
  text: string,
):
  | { readonly kind: 'parsed'; readonly kubeconfig: HubKubeconfig }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] } {
  const invalid = (path: string, message: string) => ({ kind: 'invalid', faults: [{ path, message }] }) as const
  const yaml = readYaml(text)
  if ('fault' in yaml) return invalid('kubeconfig', yaml.fault)
  const parsed = schema.safeParse(yaml.value)
  if (!parsed.success)
    return {
      kind: 'invalid',
      faults: parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message })),
    }
  const { data } = parsed
  const context = data.contexts.find(({ name }) => name === data['current-context'])?.context
  const cluster = data.clusters.find(({ name }) => name === context?.cluster)?.cluster
  const user = data.users.find(({ name }) => name === context?.user)?.user
  if (!cluster || !user) return invalid('current-context', 'must name a context with a cluster and a user')
  const server = new URL(cluster.server)
  if (server.protocol === 'http:' && !isLoopback(server))
    return invalid('clusters.server', 'must be https: a token is sent there')
  const authority = cluster['certificate-authority-data']
  return {
    kind: 'parsed',
    kubeconfig: {
      server,
      ca: authority === undefined ? undefined : Buffer.from(authority, 'base64'),
      serverName: cluster['tls-server-name'],
      token: new Secret(user.token),
      withToken: (token) =>
        writeYaml({
          ...data,
          users: data.users.map((one) =>
            one.name === context?.user ? { ...one, user: { token: token.reveal() } } : one,
          ),
        }),
    },
  }
}

const isLoopback = ({ hostname }: URL): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)

/** What a token of a ServiceAccount says of itself. Nobody has verified it. */
export interface TokenFacts {
  /** Epoch milliseconds. */
  readonly issuedAt: number
  readonly expiresAt: number
  readonly namespace: string
  readonly serviceAccount: string
}

/** @returns undefined for a token without an end, or of nobody that can be asked for another */
export function readTokenFacts(token: Secret): TokenFacts | undefined {
  const { iat, exp, sub } = fieldsOf(parseJson(Buffer.from(token.reveal().split('.')[1] ?? '', 'base64url').toString()))
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(String(sub)) ?? []
  if (typeof iat !== 'number' || typeof exp !== 'number' || namespace === undefined || serviceAccount === undefined)
    return undefined
  return { issuedAt: iat * 1000, expiresAt: exp * 1000, namespace, serviceAccount }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
