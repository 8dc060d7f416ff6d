// What a program is given: the Secret of its client, as the operator writes it, and a server that serves that client.
import { createHash, randomBytes } from 'node:crypto'
import { addPerson, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { OIDCClient, OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { applyDefaults } from '@nauthera/operator/decide/client/apply-defaults'
import { renderConfig } from '@nauthera/operator/decide/client/metadata'
import { bindingOf } from '@nauthera/operator/decide/client/policies'
import { renderSecret } from '@nauthera/operator/decide/secret/secret'
import { Secret } from '@nauthera/runtime/secret'

/** The data of a Secret. */
export type SecretData = Readonly<Record<string, string>>

export interface Given {
  readonly replicas: ServerReplicas
  /** Serves a client that says only this. @returns the Secret for its program */
  client(name: string, spec: OIDCClientSpec): Promise<SecretData>
  /** Rotates: the Secret has a new value, and the old one is valid still. @returns the Secret after it */
  rotate(name: string): Promise<SecretData>
  /** Ends every value but that in the Secret. */
  retire(name: string): Promise<void>
  stop(): Promise<void>
}

interface Known {
  readonly client: OIDCClient
  /** The one in the Secret last. */
  readonly secrets: readonly string[]
}

/** With the person `ada`, in the groups developers and platform. */
export async function startGiven(): Promise<Given> {
  const replicas = await startReplicas()
  await addPerson(replicas, 'ada', ['developers', 'platform'])
  const known = new Map<string, Known>()
  const serve = () => {
    const apis = [...known.values()].flatMap(({ client }) => client.spec.resourceServer ?? [])
    const scopesOf = apis.map(({ identifier, scopes = [] }) => [identifier, scopes.map(({ name }) => name)] as const)
    return replicas.serve([...known.values()].map((one) => entryOf(one, Object.fromEntries(scopesOf))))
  }
  const change = async (name: string, next: Known): Promise<SecretData> => {
    known.set(name, next)
    await serve()
    return dataOf(next, replicas.issuer)
  }
  return {
    replicas,
    client: (name, spec) => change(name, { client: clientOf(name, spec), secrets: [mint()] }),
    rotate: (name) => {
      const { client, secrets } = known.get(name)!
      return change(name, { client, secrets: [secrets.at(-1)!, mint()] })
    },
    async retire(name) {
      const { client, secrets } = known.get(name)!
      await change(name, { client, secrets: secrets.slice(-1) })
    },
    stop: () => replicas.stop(),
  }
}

const mint = () => randomBytes(32).toString('base64url')

const clientOf = (name: string, spec: OIDCClientSpec): OIDCClient => ({
  metadata: {
    name,
    namespace: 'demo',
    uid: `uid-${name}`,
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  // no page asks, so a person needs one form
  spec: { consent: 'Skip', ...spec },
})

const idOf = ({ metadata }: OIDCClient): string => `${metadata.namespace}.${metadata.name}`

/** @param granted every API lets each client in */
function entryOf({ client, secrets }: Known, granted: Readonly<Record<string, readonly string[]>>) {
  const config = renderConfig(applyDefaults(client, bindingOf([])).client)
  const takesSecret = config.secretMethods.length > 0
  return entry(idOf(client), config, { secrets: takesSecret ? secrets.map((plain) => ({ plain })) : [], granted })
}

function dataOf({ client, secrets }: Known, issuer: string): SecretData {
  const takesSecret = renderConfig(client).secretMethods.length > 0
  const sha256 = createHash('sha256').update(secrets.at(-1)!).digest('hex')
  const rendered = renderSecret({
    client,
    clientId: idOf(client),
    issuer,
    plain: takesSecret ? new Secret(secrets.at(-1)!) : undefined,
    marks: {
      secretId: sha256.slice(0, 8),
      rotatedAt: 0,
      verifiers: [{ id: sha256.slice(0, 8), sha256 }],
      observed: {},
    },
  })
  if (rendered.kind === 'invalid') throw new Error(JSON.stringify(rendered.faults))
  return Object.fromEntries(Object.entries(rendered.secret.data).map(([key, value]) => [key, value.reveal()]))
}
