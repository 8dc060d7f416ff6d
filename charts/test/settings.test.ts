import { settingsSchema as agentSettings } from '@nauthera/config-agent/settings'
import { settingsSchema as operatorSettings } from '@nauthera/operator/settings'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema as serverSettings } from '@nauthera/server/settings'
import { expect } from 'chai'
import { parse } from 'yaml'
import { find, modes, objectsOf, podsOf } from './support/render.ts'
import type { Manifest, RenderOptions } from './support/render.ts'

/** The others have no server. */
const withServer = modes.filter((mode) => mode !== 'spoke')

const releaseOf = (mode: string): string => (mode === 'everything' ? 'identity' : 'nauthera')

async function filesOf(options: RenderOptions): Promise<Record<string, string>> {
  const objects = await objectsOf(options)
  const release = releaseOf(options.mode ?? 'minimal')
  const data = (part: string) => find(objects, 'ConfigMap', `${release}-${part}`)['data'] as Record<string, string>
  return { ...data('server'), ...data('operator') }
}

/** The environment that a pod gives its process: what the settings loader lays over the file. */
function environmentOf(objects: readonly Manifest[], owner: string, container: string): Record<string, string> {
  const pod = podsOf(objects).find((candidate) => candidate.owner === owner)!
  const found = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(({ name }) => name === container)!
  const variables = (found['env'] ?? []) as {
    name: string
    value?: string
    valueFrom?: { fieldRef: { fieldPath: string } }
  }[]
  return Object.fromEntries(
    variables.map(({ name, value, valueFrom }) => [name, value ?? valueFrom!.fieldRef.fieldPath]),
  )
}

describe('the settings in the ConfigMaps', () => {
  for (const mode of withServer) {
    it(`of ${mode} are accepted by each process`, async () => {
      const objects = await objectsOf({ mode })
      const files = await filesOf({ mode })
      const release = releaseOf(mode)
      const server = environmentOf(objects, `Deployment/${release}-server`, 'server')
      const agent = environmentOf(objects, `Deployment/${release}-server`, 'config-agent')
      const operator = environmentOf(objects, `Deployment/${release}-operator`, 'operator')
      const load = <T extends Parameters<typeof loadSettings>[0]>(schema: T, name: string, environment = {}) =>
        loadSettings(schema, { file: name, text: files[name]!, environment })
      expect(load(serverSettings, 'server.yaml', server)).to.include({ replica: 'metadata.name' })
      expect(load(agentSettings, 'agent.yaml', agent)).to.include({
        replica: 'metadata.name',
        release,
        namespace: 'auth',
      })
      expect(load(operatorSettings, 'operator.yaml', operator)).to.include({ identity: 'metadata.name', release })
      if (files['migrate.yaml'] !== undefined) load(serverSettings, 'migrate.yaml')
    })
  }

  it('of a spoke are accepted by the operator, which is all that runs there', async () => {
    const objects = await objectsOf({ mode: 'spoke' })
    const data = find(objects, 'ConfigMap', 'nauthera-operator')['data'] as Record<string, string>
    const environment = environmentOf(objects, 'Deployment/nauthera-operator', 'operator')
    const settings = loadSettings(operatorSettings, {
      file: 'operator.yaml',
      text: data['operator.yaml']!,
      environment,
    })
    expect(settings.spoke).to.deep.equal({ cluster: 'edge', kubeconfigSecret: 'nauthera-hub' })
    expect(objects.filter(({ kind }) => kind === 'Deployment')).to.have.length(1)
  })

  it('name only files that are mounted', async () => {
    for (const mode of withServer) {
      const objects = await objectsOf({ mode })
      const release = releaseOf(mode)
      const files = await filesOf({ mode })
      const pod = podsOf(objects).find(({ owner }) => owner === `Deployment/${release}-server`)!.spec
      for (const [file, container] of [
        ['server.yaml', pod.containers[0]!],
        ['migrate.yaml', pod.initContainers![0]!],
      ] as const) {
        if (files[file] === undefined) continue
        const mounts = (container['volumeMounts'] as { name: string; mountPath: string }[]).map(
          ({ mountPath }) => mountPath,
        )
        for (const [, path] of files[file].matchAll(/(?:File|Directory): (\/\S+)/g)) {
          expect(
            mounts.some((mount) => path === mount || path!.startsWith(`${mount}/`)),
            `${mode} ${file}: ${path}`,
          ).to.equal(true)
        }
      }
    }
  })

  it('name the providers of federation, with client id and secret from their Secrets', async () => {
    const objects = await objectsOf({ mode: 'everything' })
    const files = await filesOf({ mode: 'everything' })
    const { upstreams } = parse(files['server.yaml']!) as { upstreams: Record<string, unknown>[] }
    expect(
      upstreams.map(({ id, clientIdFile, clientSecretFile }) => [id, clientIdFile, clientSecretFile]),
    ).to.deep.equal(
      ['corp', 'github'].map((id) => [
        id,
        ...['id', 'secret'].map((name) => `/var/run/nauthera/federation/${id}/${name}`),
      ]),
    )
    expect(upstreams.map(({ logo, logoFile }) => [logo, logoFile])).to.deep.equal([
      [undefined, '/var/run/nauthera/federation/corp/logo'],
      [undefined, undefined],
    ])
    // whoever could write such a Secret would be that provider's client: the operator never may
    const fences = objects
      .filter(({ kind }) => kind === 'ValidatingAdmissionPolicy')
      .map((fence) => JSON.stringify(fence))
    expect(fences.some((fence) => fence.includes("'nauthera-corp','nauthera-github'"))).to.equal(true)
    const pod = podsOf(objects).find(({ owner }) => owner === 'Deployment/identity-server')!.spec
    const volume = (pod.volumes as { name: string; projected?: { sources: object[] } }[]).find(
      ({ name }) => name === 'federation',
    )
    expect(volume?.projected?.sources).to.deep.equal([
      {
        secret: {
          name: 'nauthera-corp',
          items: [
            { key: 'client-id', path: 'corp/id' },
            { key: 'client-secret', path: 'corp/secret' },
          ],
        },
      },
      { configMap: { name: 'nauthera-corp-logo', items: [{ key: 'corp.png', path: 'corp/logo' }] } },
      {
        secret: {
          name: 'nauthera-github',
          items: [
            { key: 'id', path: 'github/id' },
            { key: 'secret', path: 'github/secret' },
          ],
        },
      },
    ])
  })

  it('prefer a value of the chart to the same key in server.settings, and keep the other keys', async () => {
    const values = {
      server: { settings: { refreshGrace: '20s', listen: { host: '127.0.0.1' } }, ports: { http: 8181 } },
    }
    const server = parse((await filesOf({ values }))['server.yaml']!) as Record<string, unknown>
    expect(server['refreshGrace']).to.equal('20s')
    expect(server['listen']).to.deep.equal({ host: '127.0.0.1', port: 8181 })
  })

  it('use the owner of the schema for migrations when one is given', async () => {
    const files = await filesOf({ mode: 'external-cache' })
    const database = (text: string) => (parse(text) as { database: Record<string, unknown> }).database
    expect(database(files['migrate.yaml']!)['dsnFile']).to.equal('/var/run/nauthera/migrations/dsn')
    expect(database(files['server.yaml']!)['dsnFile']).to.equal('/var/run/nauthera/database/dsn')
  })

  it('name PostgreSQL itself beside a pooler, for the server and for migrations of the same user', async () => {
    const values = { database: { direct: { host: 'pg-rw', port: 5433 } } }
    const files = await filesOf({ values })
    for (const file of ['server.yaml', 'migrate.yaml'])
      expect((parse(files[file]!) as { database: object }).database).to.deep.include({
        direct: { host: 'pg-rw', port: 5433 },
      })
  })

  it('name the directory, its Secrets and what else is said of it, after our own people', async () => {
    const { sources } = parse((await filesOf({ mode: 'ldap' }))['server.yaml']!) as { sources: unknown[] }
    expect(sources).to.deep.equal([
      { id: 'postgres', type: 'postgres' },
      {
        id: 'staff',
        type: 'ldap',
        urls: ['ldap://ldap1.example.com', 'ldap://ldap2.example.com:1389'],
        startTLS: true,
        caFile: '/var/run/nauthera/ldap/ca.crt',
        usernameFile: '/var/run/nauthera/ldap/username',
        passwordFile: '/var/run/nauthera/ldap/password',
        userBase: 'ou=people,dc=example,dc=com',
        maxAge: '10m',
        groups: { base: 'ou=groups,dc=example,dc=com', nested: true },
      },
    ])
    const ldap = { enabled: true, url: 'ldaps://ldap.example.com', userBase: 'dc=example' }
    const least = parse((await filesOf({ values: { ldap } }))['server.yaml']!) as { sources: unknown[] }
    expect(least.sources[1]).to.deep.equal({
      id: 'ldap',
      type: 'ldap',
      urls: ['ldaps://ldap.example.com'],
      startTLS: false,
      userBase: 'dc=example',
      groups: { from: 'none' },
    })
  })

  it('switch nudging on where its admission policy is installed and off elsewhere, unless a value decides', async () => {
    const nudge = async (options: RenderOptions) =>
      (parse((await filesOf(options))['operator.yaml']!) as { nudge: boolean }).nudge
    expect(await nudge({})).to.equal(true)
    expect(await nudge({ mode: 'watch-namespaces' })).to.equal(false)
    expect(await nudge({ mode: 'watch-release' })).to.equal(true)
    expect(await nudge({ values: { operator: { admission: { enabled: false } } } })).to.equal(false)
    expect(await nudge({ mode: 'watch-namespaces', values: { operator: { nudge: true } } })).to.equal(true)
  })
})

describe('strings with special characters', () => {
  const odd = [
    '"',
    "'",
    '{{ .Values }}',
    '# no comment',
    '- dash',
    'a: b',
    'Größe 日本',
    'two\nlines',
    ' spaced ',
    '%d',
    '\\',
    'null',
    '1e3',
    '<&>',
    '@x',
    '`y`',
  ]

  for (const text of odd) {
    it(`reach settings, labels, annotations and variables unchanged: ${JSON.stringify(text)}`, async () => {
      const values = {
        branding: { title: text },
        server: {
          podAnnotations: { odd: text },
          extraEnv: [{ name: 'ODD', value: text }],
          serviceAccount: { annotations: { odd: text } },
        },
        service: { annotations: { odd: text } },
        database: { existingSecret: { name: '' }, host: 'pg', name: text, credentials: { name: 'c' } },
      }
      const objects = await objectsOf({ values })
      const deployment = find(objects, 'Deployment', 'nauthera-server')
      expect(deployment['spec'].template.metadata.annotations.odd).to.equal(text)
      expect(deployment['spec'].template.spec.containers[0].env.at(-1).value).to.equal(text)
      expect(find(objects, 'ServiceAccount', 'nauthera-server').metadata.annotations!['odd']).to.equal(text)
      expect(find(objects, 'Service', 'nauthera-server').metadata.annotations!['odd']).to.equal(text)
      const server = parse(
        (find(objects, 'ConfigMap', 'nauthera-server')['data'] as Record<string, string>)['server.yaml']!,
      ) as {
        branding: { title: string }
        database: { name: string }
      }
      expect(server.branding.title).to.equal(text)
      expect(server.database.name).to.equal(text)
    })
  }
})
