// What kubectl asks before it does anything: which kinds there are, and (for `kubectl apply`, `kubectl explain`) their schemas.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import type { ObjectSchema } from '../objects.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']

/** @returns the answer of /version, /api, /apis, /api/v1, /apis/GROUP, /apis/GROUP/VERSION, /openapi/v3...; else undefined */
export function discover(path: string, resources: readonly Resource[]): object | undefined {
  const parts = path.split('/').filter(Boolean)
  if (path === '/version') return version
  if (path === '/openapi/v3') return openApiIndex(resources)
  if (parts[0] === 'openapi' && parts[1] === 'v3') return openApi(parts.slice(2), resources)
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(resources) }
  if (parts[0] === 'api' && parts.length === 2) return resourceList('', parts[1]!, resources)
  if (parts[0] !== 'apis') return undefined
  if (parts.length === 2) return groupsOf(resources).find(({ name }) => name === parts[1])
  return parts.length === 3 ? resourceList(parts[1]!, parts[2]!, resources) : undefined
}

const version = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+nauthera-stand-in',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: '',
}

function groupsOf(resources: readonly Resource[]) {
  const names = [...new Set(resources.map(({ group }) => group))].filter((group) => group !== '')
  return names.map((name) => {
    const versions = [...new Set(resources.filter(({ group }) => group === name).map(({ version: one }) => one))].map(
      (one) => ({ groupVersion: `${name}/${one}`, version: one }),
    )
    return { kind: 'APIGroup', apiVersion: 'v1', name, versions, preferredVersion: versions[0]! }
  })
}

function resourceList(group: string, version: string, resources: readonly Resource[]) {
  const members = resources.filter((resource) => resource.group === group && resource.version === version)
  if (members.length === 0) return undefined
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: groupVersion({ group, version }),
    resources: members.flatMap((resource) => {
      const { plural, singular, namespaced, kind, shortNames, categories } = resource
      const entry = { name: plural, singularName: singular, namespaced, kind, verbs, shortNames, categories }
      const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] }
      return resource.hasStatus ? [entry, status] : [entry]
    }),
  }
}

const openApiPath = (resource: Resource): string =>
  resource.group === '' ? `api/${resource.version}` : `apis/${groupVersion(resource)}`

function openApiIndex(resources: readonly Resource[]) {
  const paths = [...new Set(resources.map(openApiPath))]
  return { paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])) }
}

/** Of a "List", and of kinds that nobody serves, kubectl asks for schemas of the older format, in protobuf only. Without a schema there
 *  it leaves them alone: the items of a list are checked when each is written.
 *  Source of the numbers: OpenAPIv2.proto of github.com/google/gnostic. */
export function openApiV2(): Uint8Array {
  const document = new BinaryWriter()
  document.tag(1, WireType.LengthDelimited).string('2.0')
  document.tag(2, WireType.LengthDelimited).fork()
  document.tag(1, WireType.LengthDelimited).string('Kubernetes')
  document.tag(2, WireType.LengthDelimited).string(version.gitVersion)
  document.join()
  document.tag(8, WireType.LengthDelimited).fork().join()
  return document.finish()
}

/** The schemas of a group, and that writes take `fieldValidation`: kubectl leaves the validation to us then. */
function openApi(parts: readonly string[], resources: readonly Resource[]): object | undefined {
  const members = resources.filter((resource) => openApiPath(resource) === parts.join('/'))
  if (members.length === 0) return undefined
  const kindOf = ({ group, version: one, kind }: Resource) => [{ group, version: one, kind }]
  const write = (resource: Resource) => ({
    parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
    responses: {},
    'x-kubernetes-group-version-kind': kindOf(resource)[0],
  })
  const paths = members.flatMap((resource) => {
    const scope = resource.namespaced ? '/namespaces/{namespace}' : ''
    const collection = `/${openApiPath(resource)}${scope}/${resource.plural}`
    return [
      [collection, { post: { ...write(resource), 'x-kubernetes-action': 'post' } }],
      [`${collection}/{name}`, { patch: { ...write(resource), 'x-kubernetes-action': 'patch' } }],
    ]
  })
  const schemas = members.map((resource) => [
    `${resource.group || 'core'}.${resource.version}.${resource.kind}`,
    { ...withMetadata(resource.schema), 'x-kubernetes-group-version-kind': kindOf(resource) },
  ])
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: version.gitVersion },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.fromEntries(schemas) },
  }
}

const withMetadata = (schema: ObjectSchema = { type: 'object' }): ObjectSchema => ({
  ...schema,
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    ...schema.properties,
    metadata: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
})
