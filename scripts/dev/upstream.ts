// `npm run dev -- --with upstream`: a second Nauthera, with everything that belongs to it. For the first one it is another provider, at which
// people can sign in.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HeldPort } from '@nauthera/local/processes/ports'
import { startStack } from '@nauthera/local/product/stack'
import { parseCredentials } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { applyObjects } from './examples.ts'
import { addPerson, nameOf } from './person.ts'

export interface DemoUpstream {
  readonly issuer: string
  /** Settings of the first one. */
  readonly upstreams: readonly object[]
  readonly person: { readonly name: string; readonly password: string }
  stop(): Promise<void>
}

const place = { namespace: 'demo', name: 'nauthera' }
const id = 'corp'
const person = 'carol'

/** @param options.issuer of the first one, which people come back to */
export async function startUpstream(options: {
  directory: string
  issuer: string
  port: HeldPort
  keep: boolean
  onLine: (process: string, line: string) => void
  onStep: (step: string) => void
}): Promise<DemoUpstream> {
  const { directory, issuer, port, keep, onLine, onStep } = options
  mkdirSync(directory, { recursive: true })
  const stack = await startStack({
    directory,
    replicas: 1,
    ports: { issuer: port },
    keep,
    // another host than the first one has: cookies do not look at the port
    issuer: `http://127.0.0.1:${port.port}`,
    namespaces: [place.namespace],
    serverSettings: { branding: { title: 'Corporate sign-in' }, drainTimeout: '0s' },
    onLine: (process, line) => onLine(`corp-${process}`, line),
    onStep: (step) => onStep(`the other provider: ${step}`),
  })
  try {
    const spec = {
      type: 'Web',
      displayName: 'Nauthera',
      redirectURIs: [`${issuer.replace(/\/$/, '')}/federation/${id}/callback`],
      scopes: ['openid', 'profile', 'email', 'groups'],
    }
    const client = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: place, spec }
    const about = { name: person, about: nameOf('Carol', 'Shaw', '--group', 'staff') }
    const [password] = await Promise.all([addPerson(stack, directory, about), applyObjects(stack.api, [client])])
    await waitForObject(stack.api, 'oidcclients', place, isReady, 120_000)
    const secret = stack.api.store.get(stack.api.resource('secrets'), place.namespace, `${place.name}-oidc`)
    const { clientId, clientSecret } = parseCredentials(secret['data'] as Record<string, string>)
    const clientSecretFile = join(directory, 'client-secret')
    writeFileSync(clientSecretFile, clientSecret, { mode: 0o600 })
    const emailDomains = ['example.com']
    const provider = {
      id,
      name: 'the corporate account',
      issuer: stack.issuer,
      clientId,
      clientSecretFile,
      emailDomains,
    }
    const groups = { map: [{ from: 'staff', to: 'staff' }] }
    return {
      issuer: stack.issuer,
      upstreams: [{ ...provider, groups }],
      person: { name: person, password },
      stop: () => stack.stop(),
    }
  } catch (error) {
    await stack.stop()
    throw error
  }
}
