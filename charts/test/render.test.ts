import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { renderChartFiles } from '../../scripts/chart/generate.ts'
import { copyWithNotes } from './support/notes.ts'
import type { ChartWithNotes } from './support/notes.ts'
import { chart, helms, modes, renderNow, runHelm } from './support/render.ts'
import { readSnapshot, renderSnapshot } from './support/snapshot.ts'

const apiSets = [
  [],
  ['cert-manager.io/v1'],
  ['monitoring.coreos.com/v1'],
  ['cert-manager.io/v1', 'monitoring.coreos.com/v1', 'gateway.networking.k8s.io/v1'],
]

/** The ends of what the chart supports, the newest by Helm 3 and the oldest by Helm 4; each version with either of them by turns at night. */
const everyVersion = ['1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37']
const isNight = propertyRuns(1) > 1
const versions = isNight ? everyVersion : [everyVersion[0]!]

describe('a render', () => {
  let copy: ChartWithNotes
  before(async () => {
    copy = await copyWithNotes()
  })
  after(() => copy.remove())

  for (const [place, mode] of modes.entries()) {
    it(`of ${mode} is the same bytes under Helm 3 and 4, on each version of Kubernetes, whatever APIs there are, notes included`, async () => {
      const needsCertManager = mode === 'cert-manager' || mode === 'everything'
      const sets = needsCertManager ? apiSets.filter((set) => set.includes('cert-manager.io/v1')) : apiSets
      // one of them whose turn it is, and all where all APIs are of use
      const looked = isNight || mode === 'everything' ? sets : [sets[place % sets.length]!]
      for (const apis of looked) {
        const of = { mode, apis, directory: copy.directory }
        const older = versions.map((version, index) =>
          renderNow({ ...of, kube: `${version}.0`, helm: helms[(index + 1) % helms.length]! }),
        )
        const [newest, ...others] = await Promise.all([renderNow(of), ...older])
        for (const [index, text] of others.entries())
          expect(text, `${versions[index]} ${apis.join(' ')}`).to.equal(newest)
      }
    })

    it(`of ${mode} is what its snapshot says (changed on purpose: npm run snapshots)`, async () => {
      expect(await renderSnapshot(copy.directory, mode)).to.equal(readSnapshot(mode))
    })
  }

  it('is refused below Kubernetes 1.30', async () => {
    const refused = await renderNow({ kube: '1.29.9' }).catch((error: { stderr: string }) => error.stderr)
    expect(refused).to.contain('requires kubeVersion')
  })

  it('leaves out the objects of an API that is not there, and renders them where it is', async () => {
    const values = { metrics: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } } }
    const without = await renderNow({ values, apis: [] })
    const withApi = await renderNow({ values, apis: ['monitoring.coreos.com/v1'] })
    expect(without).not.to.contain('monitoring.coreos.com')
    expect(withApi).to.contain('kind: PodMonitor').and.to.contain('kind: PrometheusRule')
  })

  for (const helm of helms) {
    it(`passes ${helm} lint --strict`, async () => {
      // that both render the same bytes is shown above
      for (const mode of helm === 'helm4' ? modes : ['minimal', 'everything']) {
        // lint knows no APIs beyond Kubernetes' own, so the rule that asks for cert-manager must not meet it.
        const flags = ['cert-manager', 'everything'].includes(mode) ? ['--set', 'link.mode=operator'] : []
        await runHelm(helm, ['lint', '--strict', chart, '--values', join(chart, 'ci', `${mode}.yaml`), ...flags])
      }
    })
  }

  it('has generated files that are up to date', () => {
    for (const { path, content } of renderChartFiles()) expect(readFileSync(path, 'utf8'), path).to.equal(content)
  })
})

describe('a parent chart', () => {
  let parent: string
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'nauthera-parent-'))
    await cp(chart, join(parent, 'charts/nauthera'), { recursive: true })
    const dependency = '{name: nauthera, alias: login, version: 0.1.0, condition: login.enabled}'
    await writeFile(
      join(parent, 'Chart.yaml'),
      `apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: [${dependency}]\n`,
    )
    await writeFile(
      join(parent, 'values.yaml'),
      'global: {ours: 1}\nlogin: {issuer: "https://login.example.com", database: {existingSecret: {name: db}}}\n',
    )
  })
  after(() => rm(parent, { recursive: true, force: true }))

  for (const helm of helms) {
    it(`can include it under an alias, set its own globals, and switch it off (${helm})`, async () => {
      const shown = await runHelm(helm, ['template', 'r', parent])
      expect(shown).to.contain('name: r-server')
      expect((await runHelm(helm, ['template', 'r', parent, '--set', 'login.enabled=false'])).trim()).to.equal('')
    })

    it(`is told the path of a mistyped value (${helm})`, async () => {
      const refused = await runHelm(helm, ['template', 'r', parent, '--set', 'login.server.replicas=3']).catch(
        (error: { stderr: string }) => error.stderr,
      )
      expect(refused).to.match(/server.*replicas/)
    })
  }
})

describe('NOTES.txt', function () {
  let copy: ChartWithNotes
  before(async () => {
    copy = await copyWithNotes()
  })
  after(() => copy.remove())
  const notesOf = async (options: { mode?: string; values?: unknown }): Promise<string> =>
    (await renderNow({ ...options, directory: copy.directory })).split('name: notes')[1]!.split('\n---')[0]!

  it('tells the issuer, a first client, a first person, the log, the backup and what stays', async () => {
    const notes = await notesOf({})
    for (const part of [
      'https://login.example.com',
      'kind: OIDCClient',
      'kubectl -n default wait --for=condition=Ready',
      'nauthera users add',
      'logs -f deploy/nauthera-server -c config-agent',
      'Back up the Secret nauthera-keys',
      'nauthera-clients-*',
      'the Lease nauthera-operator',
      'without one to this release',
      'A client of no release',
    ]) {
      expect(notes).to.contain(part)
    }
    expect(notes).not.to.contain('WARNING')
  })

  it('tells which clients a release with a name of its own takes', async () => {
    const notes = await notesOf({ mode: 'watch-release' })
    expect(notes).to.contain('serverName: second').and.to.contain('this release takes only "second"')
  })

  it('tells a first client in a namespace that is watched', async () => {
    const notes = await notesOf({ mode: 'watch-namespaces' })
    expect(notes).to.contain('namespace: "team-a"}').and.to.contain('kubectl -n team-a wait')
    expect(notes).to.contain('kubectl -n auth exec')
  })

  for (const [sentence, values, warning] of [
    ['one replica', { server: { replicaCount: 1 } }, 'there is one server replica'],
    [
      'one replica at night',
      { server: { autoscaling: { enabled: true, minReplicas: 1 } } },
      'the autoscaler may leave one',
    ],
    ['a weak sslMode', { database: { sslMode: 'require' } }, 'database.sslMode is require'],
    ['addresses that are unknown', { server: { allowUntrustedProxy: true } }, 'server.allowUntrustedProxy is true'],
    [
      'an operator that may read the key-encryption ring',
      { operator: { watch: { mode: 'release' } } },
      'the operator can read every Secret of auth whose name it knows',
    ],
    [
      'the same, where the namespace of the release is one of those with clients',
      { operator: { watch: { mode: 'namespaces', namespaces: ['team-a', 'auth'] } } },
      'the operator can read every Secret of auth whose name it knows',
    ],
  ] as const) {
    it(`warns of ${sentence}`, async () => {
      expect(await notesOf({ values })).to.contain(`WARNING: ${warning}`)
    })
  }
})
