import * as models from '@kubernetes/client-node/dist/gen/models/all.js'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { podPaths } from '@nauthera/proto/names'
import { clientDefinition, policyDefinition } from '@nauthera/operator/api/crds'
import { expect } from 'chai'
import { createProgram } from '@nauthera/server/cli/program'
import { parse } from 'yaml'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { ObjectSchema } from '@nauthera/stand-in/objects'
import { applyDefaults, prune, validate } from '@nauthera/stand-in/schema'
import { foreignFaults, foreignKinds } from './support/foreign-kinds.ts'
import {
  chart,
  containersOf,
  find,
  modes,
  objectsOf,
  parseManifests,
  podsOf,
  render,
  renderNow,
  runHelm,
} from './support/render.ts'
import type { Manifest, PodSpec, RenderOptions } from './support/render.ts'

interface ModelClass {
  getAttributeTypeMap(): { baseName: string; type: string }[]
}
const classes = models as unknown as Readonly<Record<string, ModelClass | undefined>>

/** Every field that Kubernetes' own types do not know, with its path. */
function unknownFields(value: unknown, type: string, path: string): string[] {
  const list = /^Array<(.+)>$/.exec(type)
  if (list) {
    if (!Array.isArray(value)) return [`${path}: is no list`]
    return value.flatMap((item, index) => unknownFields(item, list[1]!, `${path}[${index}]`))
  }
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)
  if (map)
    return Object.entries(value as object).flatMap(([key, item]) => unknownFields(item, map[1]!, `${path}.${key}`))
  const model = classes[type]
  if (!model) return checkScalar(value, type, path)
  if (typeof value !== 'object' || value === null) return [`${path}: is no ${type}`]
  const fields = new Map(model.getAttributeTypeMap().map((field) => [field.baseName, field.type]))
  return Object.entries(value).flatMap(([key, item]) => {
    const fieldType = fields.get(key)
    return fieldType === undefined
      ? [`${path}.${key}: unknown to ${type}`]
      : unknownFields(item, fieldType, `${path}.${key}`)
  })
}

function checkScalar(value: unknown, type: string, path: string): string[] {
  const fits =
    type === 'string'
      ? typeof value === 'string'
      : type === 'number'
        ? typeof value === 'number'
        : type === 'boolean'
          ? typeof value === 'boolean'
          : true // IntOrString, any
  return fits ? [] : [`${path}: ${JSON.stringify(value)} is no ${type}`]
}

/** `apps/v1 Deployment` -> V1Deployment. */
function modelOf({ apiVersion, kind }: Manifest): string {
  const version = apiVersion.split('/').at(-1)!
  return `${version[0]!.toUpperCase()}${version.slice(1)}${kind}`
}

const isOurs = ({ apiVersion }: Manifest) => apiVersion.startsWith('auth.nauthera.io/')

/** Our own kinds, as the API server checks them: with the definition that comes in the same chart. */
function definitionFaults(object: Manifest): string[] {
  const { kind, metadata } = object
  const definition = [clientDefinition, policyDefinition].find(({ spec }) => spec.names.kind === kind)
  if (!definition) return [`${kind}: no definition`]
  const schema = definition.spec.versions[0]!.schema.openAPIV3Schema as ObjectSchema
  const { pruned, unknown } = prune(object, schema)
  const faults = validate(applyDefaults(pruned, schema), undefined, schema)
  return [...unknown, ...faults.map(({ field, message }) => `${field}: ${message}`)].map(
    (fault) => `${kind}/${metadata.name}: ${fault}`,
  )
}

describe('every object', function () {
  for (const mode of modes) {
    it(`of ${mode} has only fields that Kubernetes knows`, async () => {
      const faults: string[] = []
      for (const object of await objectsOf({ mode })) {
        const place = `${object.kind}/${object.metadata.name}`
        const foreign = foreignKinds[`${object.apiVersion} ${object.kind}`]
        if (foreign !== undefined) {
          faults.push(...unknownFields(object['metadata'], 'V1ObjectMeta', `${place}.metadata`))
          faults.push(...foreignFaults(object['spec'], foreign, `${place}.spec`))
          continue
        }
        if (isOurs(object)) {
          faults.push(...definitionFaults(object))
          continue
        }
        const model = modelOf(object)
        expect(classes[model], `${object.apiVersion} ${object.kind}`).not.to.equal(undefined)
        // A CRD is checked as far as its types go; its schemas are the operator's, which tests them itself.
        if (object.kind === 'CustomResourceDefinition') continue
        faults.push(...unknownFields(object, model, `${object.kind}/${object.metadata.name}`))
      }
      expect(faults).to.deep.equal([])
    })

    it(`of ${mode} has a name, labels and, where it is namespaced, the namespace of the release`, async () => {
      const clusterScoped = /^(ClusterRole|ClusterRoleBinding|CustomResourceDefinition|ValidatingAdmissionPolicy.*)$/
      const seen = new Set<string>()
      for (const object of await objectsOf({ mode })) {
        const { name, namespace, labels } = object.metadata
        const place = `${object.kind}/${namespace ?? ''}/${name}`
        expect(seen.has(place), `${place} twice`).to.equal(false)
        seen.add(place)
        if (name.startsWith('extra-')) continue
        expect(labels?.['app.kubernetes.io/name'], place).to.equal('nauthera')
        expect(labels?.['helm.sh/chart'], place).to.match(/^nauthera-/)
        if (clusterScoped.test(object.kind)) {
          expect(namespace, place).to.equal(undefined)
          if (object.kind !== 'CustomResourceDefinition') expect(name, place).to.match(/^auth\.(nauthera|identity)\./)
        } else if (object.metadata.name.endsWith('.clients')) {
          expect(['auth', 'team-a', 'team-b'], place).to.include(namespace)
        } else {
          expect(namespace, place).to.equal('auth')
        }
      }
    })
  }

  it('of another project is rendered by at least one values file, and a field that its kind does not have is found', async () => {
    const rendered = new Set<string>()
    for (const mode of modes)
      for (const { apiVersion, kind } of await objectsOf({ mode })) rendered.add(`${apiVersion} ${kind}`)
    expect([...rendered]).to.include.members(Object.keys(foreignKinds))
    const route = foreignKinds['gateway.networking.k8s.io/v1 HTTPRoute']!
    expect(foreignFaults({ parentRefs: [], hostnames: 'a', rules: [{ backends: [] }] }, route, 'spec')).to.deep.equal([
      'spec.hostnames: is no list',
      'spec.rules[0].backends: unknown',
      'spec.rules[0].backendRefs: is missing',
    ])
  })

  for (const example of ['postgresql', 'restore-pod'])
    it(`of examples/${example}.yaml is known to Kubernetes and passes the restricted standard`, () => {
      const objects = parseManifests(readFileSync(join(chart, `../../examples/${example}.yaml`), 'utf8'))
      expect(objects.flatMap((object) => unknownFields(object, modelOf(object), object.kind))).to.deep.equal([])
      const [pod] = podsOf(objects)
      expect(pod!.spec['securityContext']).to.include({ runAsNonRoot: true }).and.to.have.property('seccompProfile')
      expect(containersOf(pod!.spec)[0]!['securityContext']).to.deep.include({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      })
    })

  it('with an unknown field or a wrong type is found by this test', () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { port: 1, selector: { a: 1 } },
    }
    expect(unknownFields(service, 'V1Service', 'Service')).to.deep.equal([
      'Service.spec.port: unknown to V1ServiceSpec',
      'Service.spec.selector.a: 1 is no string',
    ])
  })
})

describe('K10 every pod', () => {
  for (const mode of modes) {
    it(`of ${mode} passes the restricted standard and asks for what it uses`, async () => {
      const openshift = mode === 'openshift'
      const pods = podsOf(await objectsOf({ mode }))
      expect(pods.length).to.be.greaterThan(mode === 'spoke' ? 0 : 2)
      for (const { owner, spec } of pods) {
        const { securityContext } = spec
        expect(securityContext.runAsNonRoot, owner).to.equal(true)
        expect(securityContext.runAsUser, owner).to.equal(openshift ? undefined : 65532)
        expect(securityContext.seccompProfile, owner).to.deep.equal({ type: 'RuntimeDefault' })
        expect(spec['enableServiceLinks'], owner).to.equal(false)
        for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'hostUsers'])
          expect(spec, owner).not.to.have.property(field)
        for (const volume of (spec['volumes'] ?? []) as object[]) expect(volume, owner).not.to.have.property('hostPath')
        for (const container of containersOf(spec)) {
          const place = `${owner} ${container.name}`
          expect(container['securityContext'], place).to.deep.equal({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          })
          const hardened = mode === 'hardened' ? ['cpu', 'memory', 'ephemeral-storage'] : undefined
          expect(container['resources'].requests, place).to.have.keys(hardened ?? ['cpu', 'memory'])
          expect(container['resources'].limits, place).to.have.keys(hardened ?? ['memory'])
          expect(container.image, place).to.match(/(:(?!latest$)[^:/]+|@sha256:[0-9a-f]{64})$/)
          for (const mount of (container['volumeMounts'] ?? []) as object[])
            expect(mount, place).not.to.have.property('subPath')
          for (const variable of (container['env'] ?? []) as { name: string; valueFrom?: object }[]) {
            expect(variable.valueFrom ?? {}, `${place} ${variable.name}`).not.to.have.property('secretKeyRef')
          }
          expect(container, place).not.to.have.property('envFrom')
        }
      }
    })

    it(`of ${mode} has an API token only if it calls the API`, async () => {
      for (const { owner, spec } of podsOf(await objectsOf({ mode }))) {
        // hardened.test.ts has what stands in its place there
        const calls = mode !== 'hardened' && /-(operator|keys-[0-9a-f]{8})$/.test(owner)
        expect(spec['automountServiceAccountToken'], owner).to.equal(calls)
      }
    })

    it(`of ${mode} mounts each of its volumes, and only its volumes`, async () => {
      for (const { owner, spec } of podsOf(await objectsOf({ mode }))) {
        const volumes = ((spec['volumes'] ?? []) as { name: string }[]).map(({ name }) => name)
        const mounted = new Set(
          containersOf(spec).flatMap((c) => ((c['volumeMounts'] ?? []) as { name: string }[]).map(({ name }) => name)),
        )
        expect([...mounted].sort(), owner).to.deep.equal([...volumes].sort())
      }
    })
  }

  it('K10 holds no random value, no date and no secret; there is no Secret, and no hook but the tests', async () => {
    for (const mode of modes) {
      for (const object of await objectsOf({ mode })) {
        expect(object.kind).not.to.equal('Secret')
        const hook = object.metadata.annotations?.['helm.sh/hook']
        if (hook !== undefined)
          expect([hook, object.metadata.labels?.['app.kubernetes.io/component']]).to.deep.equal(['test', 'test'])
      }
      expect(await render({ mode })).not.to.match(/BEGIN (CERTIFICATE|[A-Z ]*PRIVATE KEY)/)
    }
    for (const file of readdirSync(join(chart, 'templates'), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(tpl|yaml|txt)$/.test(file)) continue
      const text = readFileSync(join(chart, 'templates', file), 'utf8')
      expect(text, file).not.to.match(
        /\b(rand[A-Z]\w*|uuidv4|now|date|gen(CA|Cert|SelfSigned|PrivateKey|SignedCert)\w*|htpasswd|derivePassword|encryptAES)\b *[(|"]/,
      )
    }
  })
})

describe('the keys Job', () => {
  let api: KubeApi
  let directory: string
  before(async () => {
    const jobs = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'jobs.batch' },
      spec: {
        group: 'batch',
        scope: 'Namespaced',
        names: { plural: 'jobs', singular: 'job', kind: 'Job', listKind: 'JobList' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    }
    api = await startKubeApi({ namespaces: ['auth'], definitions: [jobs] })
    directory = temporaryDirectory('helm')
    writeFileSync(join(directory, 'kubeconfig'), api.adminConfig)
  })
  after(() => api.stop())

  /** @returns the Jobs, and other objects of theirs, as Helm renders them with the cluster in reach */
  const objects = async (upgrade: boolean) => {
    const values = join(chart, 'ci', 'minimal.yaml')
    const command = ['template', 'nauthera', chart, '--namespace', 'auth', '--dry-run=server', '--values', values]
    const how = ['--set', 'crds.enabled=false', ...(upgrade ? ['--is-upgrade'] : [])]
    const text = await runHelm('helm3', [...command, ...how], join(directory, 'kubeconfig'))
    return parseManifests(text).filter(({ metadata: { name } }) => name.includes('-keys'))
  }
  const rendered = async (upgrade: boolean): Promise<string[]> =>
    (await objects(upgrade)).map(({ kind, metadata: { name } }) => `${kind}/${name}`)

  it('has a deadline in an upgrade alone, where the next one makes it anew; a first install outlasts ten minutes of trouble', async () => {
    const specOf = async (upgrade: boolean) => (await objects(upgrade)).find(({ kind }) => kind === 'Job')?.spec
    expect(await specOf(false))
      .to.include({ backoffLimit: 6 })
      .and.not.to.have.property('activeDeadlineSeconds')
    expect(await specOf(true)).to.include({ activeDeadlineSeconds: 900 })
  })

  it('is no part of an upgrade whose ring is there, and one that has failed is made anew', async () => {
    const jobIn = (names: readonly string[]) => names.find((name) => name.startsWith('Job/'))
    const name = jobIn(await rendered(false))!
    expect(name).to.match(/^Job\/nauthera-keys-[0-9a-f]{8}$/)
    expect(jobIn(await rendered(true))).to.equal(name)
    const metadata = { namespace: 'auth', name: name.slice('Job/'.length) }
    api.set({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata,
      status: { conditions: [{ type: 'Failed', status: 'True' }] },
    })
    expect(jobIn(await rendered(true))).to.equal(`${name}-1`)
    api.set({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'auth', name: 'nauthera-keys' } })
    expect(await rendered(true)).to.deep.equal([])
    expect(jobIn(await rendered(false))).to.equal(name)
    for (const [plural, key] of [
      ['secrets', 'nauthera-keys'],
      ['jobs', metadata.name],
    ] as const)
      api.store.remove(api.resource(plural), 'auth', key)
  })
})

describe('each leaf of an object', () => {
  /** Names that YAML 1.1, as Kubernetes reads it, takes for something else; a Service begins with a letter, a namespace need not. */
  const values = { crds: { enabled: false } }
  const trickyNames = [
    ['n', '1e3'],
    ['on', '12'],
    ['yes', 'off'],
    ['null', '0x1f'],
  ] as const

  it('is the same kind of value whatever release and namespace are called, also by a name that YAML reads as something else', async () => {
    const look = async (mode: string, index: number) => {
      const [release, namespace] = trickyNames[index % trickyNames.length]!
      const kindsOf = async (options: RenderOptions) => leafKinds(parseManifests(await renderNow(options), '1.1'))
      const [plain, tricky] = await Promise.all([
        kindsOf({ mode, values, release: 'plain', namespace: 'name' }),
        kindsOf({ mode, values, release, namespace }),
      ])
      expect(
        tricky.filter((leaf) => !plain.includes(leaf)),
        `${mode} as ${namespace}/${release}`,
      ).to.deep.equal([])
    }
    for (const [index, mode] of ['everything', 'watch-namespaces', 'cert-manager'].entries()) await look(mode, index)
  })
})

describe('the server pod', function () {
  const podOf = async (mode: string, name = 'nauthera-server') =>
    podsOf(await objectsOf({ mode })).find(({ owner }) => owner === `Deployment/${name}`)!.spec

  it('starts migrate, the agent as native sidecar, the server, in this order', async () => {
    const spec = await podOf('minimal')
    expect(spec.initContainers!.map(({ name }) => name)).to.deep.equal(['migrate', 'config-agent'])
    expect(spec.initContainers![1]!['restartPolicy']).to.equal('Always')
    expect(spec.initContainers![1]).not.to.have.property('readinessProbe')
    expect(spec.containers.map(({ name }) => name)).to.deep.equal(['server'])
    expect((await podOf('given-secrets')).initContainers!.map(({ name }) => name)).to.deep.equal(['config-agent'])
  })

  it('mounts 18 optional Secrets as one volume, and of the link only what an agent needs', async () => {
    const spec = await podOf('minimal')
    const clients = spec['volumes'].find(({ name }: { name: string }) => name === 'clients').projected.sources
    expect(clients).to.have.length(18)
    expect(clients[7].secret).to.deep.equal({
      name: 'nauthera-clients-07',
      optional: true,
      items: ['07.json.gz', '07.json.gz.sig'].map((path) => ({ key: path, path })),
    })
    expect(clients[16].secret.name).to.equal('nauthera-clients-manifest')
    expect(clients[17].secret.name).to.equal('nauthera-clients-issuers')
    const link = spec['volumes'].find(({ name }: { name: string }) => name === 'link').secret
    expect(link.optional).to.equal(true)
    expect(link.items.map(({ path }: { path: string }) => path)).to.deep.equal(['ca.crt', 'agent.crt', 'agent.key'])
  })

  it('never mounts two volumes at one path, even where /var/run is a link to /run', async () => {
    for (const mode of modes) {
      for (const { owner, spec } of podsOf(await objectsOf({ mode }))) {
        for (const container of containersOf(spec)) {
          const places = ((container['volumeMounts'] ?? []) as { mountPath: string }[]).map(
            ({ mountPath }) => mountPath,
          )
          const real = [
            ...places,
            ...(places.includes('/run/nauthera') ? [dirname(podPaths.configSocket), podPaths.configTls] : []),
          ]
            .map((path) => path.replace(/^\/var\/run\//, '/run/'))
            .filter((path, index) => index < places.length || path !== '/run/nauthera')
          expect(new Set(real).size, `${owner} ${container.name}: ${real.join(' ')}`).to.equal(real.length)
        }
      }
    }
  })

  it('names the status port for the operator, and grants the server nothing', async () => {
    const spec = await podOf('minimal')
    expect(spec.initContainers![1]!['ports'][0]).to.deep.equal({ name: 'status', containerPort: 9443 })
    const subjects = (await objectsOf())
      .filter(({ kind }) => kind.endsWith('Binding'))
      .flatMap((o) => (o['subjects'] ?? []) as { name: string }[])
    expect(subjects.map(({ name }) => name)).not.to.include(spec['serviceAccountName'])
  })

  it('is restarted by a change of a setting that is read at start only, and not by a new label of the chart', async () => {
    const sum = async (values: object) => {
      const objects = await objectsOf({ values })
      return find(objects, 'Deployment', 'nauthera-server')['spec'].template.metadata.annotations[
        'checksum/cold'
      ] as string
    }
    const before = await sum({})
    expect(await sum({ database: { poolMax: 11 } })).not.to.equal(before)
    expect(await sum({ global: { commonLabels: { a: 'b' } } })).to.equal(before)
    expect(await sum({ metrics: { dashboard: { enabled: true } } })).to.equal(before)
  })
})

describe('the CronJob of backups', () => {
  it('runs the command with options that it has, with what it needs mounted and no API token', async () => {
    const objects = await objectsOf({ mode: 'everything' })
    const { spec } = podsOf(objects).find(({ owner }) => owner === 'CronJob/identity-backup')!
    const [container] = containersOf(spec)
    const [, ...command] = [...(container!['command'] as string[]), ...(container!['args'] as string[])]
    const terminal = { onInterrupt: () => () => undefined } as never
    const program = createProgram({ terminal, environment: {}, version: '1', by: 'x' }, () => undefined)
    const create = program.commands
      .find((one) => one.name() === 'backup')!
      .commands.find((one) => one.name() === 'create')!
    const known = create.options.map(({ long }) => long)
    expect(known).to.include.members(command.filter((word) => word.startsWith('--')))
    const mounts = (container!['volumeMounts'] as { mountPath: string }[]).map(({ mountPath }) => mountPath)
    expect(mounts).to.include.members([
      '/backup',
      '/var/run/nauthera/keys',
      '/var/run/nauthera/database',
      '/var/run/nauthera/secrets/identity-clients-proof',
      '/var/run/nauthera/secrets/nauthera-smtp',
    ])
    expect(spec['automountServiceAccountToken']).to.equal(false)
  })

  it('has the settings, the files and the labels that examples/restore-pod.yaml brings where the namespace is lost', async () => {
    const backup = { enabled: true, recipient: '-----BEGIN PUBLIC KEY-----', existingClaim: 'nauthera-backup' }
    const database = { existingSecret: { name: 'nauthera-database' } }
    const objects = await objectsOf({ mode: 'minimal', release: 'nauthera', values: { backup, database } })
    const job = podsOf(objects).find(({ owner }) => owner === 'CronJob/nauthera-backup')!
    const example = parseManifests(readFileSync(join(chart, '../../examples/restore-pod.yaml'), 'utf8'))
    const [pod] = podsOf(example)
    const settingsIn = (all: readonly Manifest[], { volumes }: PodSpec): unknown => {
      const { configMap } = (volumes as { name: string; configMap?: { name: string } }[]).find(
        ({ name }) => name === 'config',
      )!
      return parse((find(all, 'ConfigMap', configMap!.name)['data'] as Record<string, string>)['backup.yaml']!)
    }
    expect(settingsIn(example, pod!.spec), 'they come with the pod').to.deep.equal(settingsIn(objects, job.spec))
    const configMaps = (all: readonly Manifest[]) =>
      all.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name)
    expect(configMaps(objects), 'the chart can be installed beside it').to.not.include.members(configMaps(example))
    const paths = ({ spec }: { readonly spec: PodSpec }) =>
      (containersOf(spec)[0]!['volumeMounts'] as { mountPath: string }[]).map(({ mountPath }) => mountPath)
    expect(paths(job)).to.include.members(paths(pod!))
    const claimOf = ({ spec: { volumes } }: { readonly spec: PodSpec }) =>
      (volumes as { name: string; persistentVolumeClaim?: object }[]).find(({ name }) => name === 'backup')!
        .persistentVolumeClaim
    expect(claimOf(pod!)).to.deep.equal(claimOf(job))
    expect(job.metadata.labels).to.include(pod!.metadata.labels)
  })

  it('has the container and the volume that examples/restore-job.yaml changes', async () => {
    const backup = { enabled: true, recipient: '-----BEGIN PUBLIC KEY-----', existingClaim: 'nauthera-backup' }
    const objects = await objectsOf({ mode: 'minimal', release: 'nauthera', values: { backup } })
    const { spec } = podsOf(objects).find(({ owner }) => owner === 'CronJob/nauthera-backup')!
    const { spec: patch } = parse(readFileSync(join(chart, '../../examples/restore-job.yaml'), 'utf8')) as {
      readonly spec: { readonly template: { readonly spec: PodSpec } }
    }
    const names = (list: unknown) => (list as { name: string }[]).map(({ name }) => name)
    expect(names(spec['containers'])).to.deep.equal(names(patch.template.spec['containers']))
    expect(names(spec['volumes'])).to.include.members(names(patch.template.spec['volumes']))
  })
})

describe('long names', () => {
  it('are cut with a digest where Kubernetes would refuse them', async () => {
    const release = `${'very-long-release-name-'.repeat(2)}0123456`
    expect(release).to.have.length(53)
    const values = { fullnameOverride: release }
    for (const mode of modes) {
      for (const { kind, metadata } of await objectsOf({
        mode,
        release,
        ...(mode === 'everything' ? { values } : {}),
      })) {
        const most =
          { Service: 63, StatefulSet: 52, CronJob: 52, Job: 63, Deployment: 63, Pod: 63, OIDCClient: 63 }[kind] ?? 253
        expect(metadata.name.length, `${mode} ${kind}/${metadata.name}`).to.be.at.most(most)
        for (const value of Object.values(metadata.labels ?? {})) expect(value.length, value).to.be.at.most(63)
      }
    }
    const objects = await objectsOf({ mode: 'ha-sentinel', release })
    const other = await objectsOf({ mode: 'ha-sentinel', release: `${release.slice(0, -1)}7` })
    const names = (list: typeof objects) =>
      list.filter(({ kind }) => kind === 'StatefulSet').map(({ metadata }) => metadata.name)
    expect(names(objects)).not.to.deep.equal(names(other))
  })
})

describe('what no upgrade may change', () => {
  it('is as in frozen.yaml: selectors, Services and versions of the CRDs', async () => {
    const frozen = parse(readFileSync(join(import.meta.dirname, 'frozen.yaml'), 'utf8')) as unknown
    const objects = await objectsOf({ mode: 'ha-sentinel' })
    const now = {
      selectors: Object.fromEntries(
        objects
          .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
          .map((object) => [`${object.kind}/${object.metadata.name}`, object['spec'].selector.matchLabels as object]),
      ),
      services: Object.fromEntries(
        objects
          .filter(({ kind }) => kind === 'Service')
          .map((object) => [
            object.metadata.name,
            { clusterIP: object['spec'].clusterIP ?? 'any', selector: object['spec'].selector as object },
          ]),
      ),
      definitions: Object.fromEntries(
        objects
          .filter(({ kind }) => kind === 'CustomResourceDefinition')
          .map((object) => [
            object.metadata.name,
            (object['spec'].versions as { name: string }[]).map(({ name }) => name),
          ]),
      ),
    }
    expect(now).to.deep.equal(frozen)
  })
})

/** @returns each leaf of a value with its type, `path: type`; names of the release stand in no key */
function leafKinds(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}: ${value === null ? 'null' : typeof value}`]
  return Object.entries(value).flatMap(([key, inner]) => leafKinds(inner, `${path}/${key}`))
}
