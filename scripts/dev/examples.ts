import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tlsMethods } from '@nauthera/rules/client-authentication'
import { baseline } from '@nauthera/local/product/stack'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { readManifests } from '@nauthera/stand-in/manifests'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'

const directory = fileURLToPath(new URL('../../examples/clients', import.meta.url))

/** What clients of the examples may do: the policy that stands beside them, the audiences of no object, and APIs on this machine. */
export function demoPolicy(): object {
  const file = fileURLToPath(new URL('../../examples/policies/demo.yaml', import.meta.url))
  const { allow } = readManifests(file)[0]!.spec as { readonly allow: object }
  const apis = [...baseline.allow.audiences, 'http://localhost:*']
  return { allow: { ...allow, ...baseline.allow, audiences: apis, resourceIdentifiers: apis } }
}

/** Applies examples/clients as a person with kubectl would, namespaces included.
 *  @param change what is different here, such as a port
 *  @returns what was applied
 *  @throws Error with the API's message when one is refused */
export async function applyExamples(api: KubeApi, change: (object: KubeObject) => KubeObject): Promise<KubeObject[]> {
  const objects = readdirSync(directory)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => readManifests(join(directory, file)))
    // nothing runs pods here
    .filter(({ kind }) => kind !== 'Job')
    // and nobody shows a certificate
    .filter((object) => !showsCertificate(object))
    .map(withoutLogo)
    .map(change)
  return applyObjects(api, objects)
}

/** Removes the logos of the examples: their hosts do not exist, so the server would log that it cannot fetch them. */
function withoutLogo(object: KubeObject): KubeObject {
  const { uris, ...spec } = (object.spec ?? {}) as { readonly uris?: Readonly<Record<string, unknown>> }
  if (uris?.['logo'] === undefined) return object
  const { logo: _, ...others } = uris
  return { ...object, spec: { ...spec, uris: others } }
}

function showsCertificate({ spec }: KubeObject): boolean {
  const { auth, certificateBoundTokens } = (spec ?? {}) as {
    readonly auth?: { readonly method?: string }
    readonly certificateBoundTokens?: boolean
  }
  return certificateBoundTokens === true || tlsMethods.includes(auth?.method ?? '')
}

/** Applies objects, namespaces included.
 *  @throws Error with the API's message when one is refused */
export async function applyObjects(api: KubeApi, objects: KubeObject[]): Promise<KubeObject[]> {
  const client = createKubeClient(api.adminConfig)
  for (const namespace of new Set(objects.map(({ metadata }) => metadata.namespace ?? 'default'))) {
    await apply(client, '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  }
  for (const object of objects) {
    const namespace = object.metadata.namespace ?? 'default'
    const root = object.apiVersion === 'v1' ? '/api' : '/apis'
    const collection = `${root}/${object.apiVersion}/namespaces/${namespace}/${api.resourceOf(object).plural}`
    await apply(client, collection, withLastApplied(object))
  }
  return objects
}

/** With the annotation that kubectl apply writes, so that a later kubectl apply of the same file works without a warning. */
function withLastApplied(object: KubeObject): KubeObject {
  const annotations = { [lastApplied]: `${JSON.stringify(object)}\n` }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

async function apply(client: KubeClient, collection: string, object: KubeObject): Promise<void> {
  const { status, body } = await client.call('PATCH', `${collection}/${object.metadata.name}`, {
    query: { fieldManager: 'dev', force: true, fieldValidation: 'Strict' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  })
  if (status >= 300) throw new Error(`${object.kind} ${object.metadata.name}: ${body.message}`)
}
