import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { parse } from 'yaml'
import { loadSettings } from '@nauthera/runtime/settings'
import { hasCode } from '@nauthera/runtime/coded-error'
import { settingsSchema } from '@nauthera/server/settings'
import { containersOf, find, objectsOf, podsOf, refusal } from './support/render.ts'
import type { Manifest } from './support/render.ts'

// What NetworkPolicies let each pod reach, on each distribution of docs/hardening.md; and who may send certificates of clients.

interface Peer {
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
  readonly namespaceSelector?: { readonly matchLabels?: Readonly<Record<string, string>> }
}
interface Rule {
  readonly to?: readonly Peer[]
  readonly ports?: readonly { readonly port: number; readonly protocol: string }[]
}

const policiesOf = (objects: readonly Manifest[]) => objects.filter(({ kind }) => kind === 'NetworkPolicy')
const egressOf = (policy: Manifest): readonly Rule[] => policy['spec'].egress as readonly Rule[]

const hasPort = ({ ports }: Rule, port: number, protocol: string) =>
  ports === undefined || ports.some((one) => one.port === port && one.protocol === protocol)

/** @param place a namespace, or an address that a rule must name by itself */
const isAllowed = (policy: Manifest, place: string, port: number, protocol = 'TCP') =>
  egressOf(policy).some(
    (rule) =>
      hasPort(rule, port, protocol) &&
      rule.to?.some(({ ipBlock, namespaceSelector }) =>
        /^\d/.test(place)
          ? ipBlock?.cidr === `${place}/32`
          : namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'] === place,
      ),
  )

const allowsAnyone = (policy: Manifest, port: number) =>
  egressOf(policy).some(
    (rule) => hasPort(rule, port, 'TCP') && rule.to?.some(({ ipBlock }) => ipBlock?.cidr === '0.0.0.0/0'),
  )

const distributions = [
  ...readFileSync('docs/hardening.md', 'utf8').matchAll(
    /^\| ([^|]+) \| `([^`]+):(\d+)` \| `(\d+)` \| (?:`(.*)` )?\|$/gm,
  ),
].map(([, name = '', dnsAt = '', dnsPort, apiPort, set = '{}']) => ({
  name,
  dnsAt,
  dnsPort: Number(dnsPort),
  apiPort: Number(apiPort),
  values: parse(set) as object,
}))

describe('NetworkPolicies', () => {
  it('has a table of distributions to be rendered', () => expect(distributions).to.have.length(9))

  for (const { name, dnsAt, dnsPort, apiPort, values } of distributions)
    it(`let every pod ask for names, and those with a token reach the API, on ${name}`, async () => {
      const policies = policiesOf(await objectsOf({ mode: 'hardened', values: { networkPolicy: values } }))
      expect(policies).to.have.length(5)
      for (const policy of policies) {
        const what = policy.metadata.name
        for (const protocol of ['UDP', 'TCP'])
          expect(isAllowed(policy, dnsAt, dnsPort, protocol), `${what} ${protocol}`).to.equal(true)
        const callsApi = /-(operator|keys)$/.test(what.replace(/-[0-9a-f]{8}$/, ''))
        if (callsApi) expect(allowsAnyone(policy, apiPort), what).to.equal(true)
      }
    })

  it('have the further rules of each pod, and of no other', async () => {
    const pods = ['server', 'operator', 'keys', 'backup', 'valkey', 'test'] as const
    const extraEgress = Object.fromEntries(
      pods.map((pod, n) => [pod, [{ to: [{ ipBlock: { cidr: `192.0.2.${n}/32` } }] }]]),
    )
    const values = {
      networkPolicy: { enabled: true, extraEgress },
      backup: { enabled: true, existingClaim: 'backups', recipient: '-----BEGIN PUBLIC KEY-----' },
    }
    const policies = policiesOf(await objectsOf({ mode: 'ha-sentinel', values }))
    const extras = policies.map((policy) => {
      const component = policy['spec'].podSelector.matchLabels['app.kubernetes.io/component'] as (typeof pods)[number]
      const found = JSON.stringify(policy).match(/192\.0\.2\.\d/g)
      return [component, found]
    })
    expect(Object.fromEntries(extras)).to.deep.equal(Object.fromEntries(pods.map((pod, n) => [pod, [`192.0.2.${n}`]])))
  })

  it('have the ports that the values name in place of those of a setting', async () => {
    const networkPolicy = {
      enabled: true,
      ports: { database: [5432, 6432], smtp: [2525], cache: [7000], https: [443, 8443], dns: [53], apiServer: [9443] },
      egress: { database: [{ ipBlock: { cidr: '192.0.2.10/32' } }] },
    }
    const objects = await objectsOf({
      mode: 'external-cache',
      values: { networkPolicy, smtp: { host: 'mail', from: 'a@x.example' } },
    })
    const portsOf = (name: string) =>
      egressOf(find(objects, 'NetworkPolicy', name)).map(({ ports = [] }) => ports.map(({ port }) => port))
    expect(portsOf('nauthera-server')).to.deep.equal([[53, 53], [5432, 6432], [7000], [2525], [443, 8443]])
    expect(portsOf('nauthera-operator').slice(0, 2)).to.deep.equal([[53, 53], [9443]])
  })

  it('never are a rule without ports, which would be one for all', async () => {
    for (const key of ['dns', 'apiServer', 'hub', 'cache', 'https'])
      expect(await refusal({ values: { networkPolicy: { ports: { [key]: [] } } } })).to.contain(key)
  })

  it('are named to the processes that call the API, for the message when they cannot', async () => {
    const nameIn = (objects: Manifest[], container: string) =>
      podsOf(objects)
        .flatMap(({ spec }) => containersOf(spec))
        .find(({ name }) => name === container)
        ?.['env'].find(({ name }: { name: string }) => name === 'NAUTHERA_NETWORK_POLICY')?.value as string | undefined
    const [with_, without] = [await objectsOf({ mode: 'hardened' }), await objectsOf()]
    for (const container of ['operator', 'create-keys']) {
      const name = nameIn(with_, container)
      expect(policiesOf(with_).map(({ metadata }) => metadata.name)).to.include(name)
      expect(nameIn(without, container)).to.equal(undefined)
    }
  })
})

describe('certificates in a header', () => {
  const header = { header: 'nginx', url: 'https://mtls.example.com' }
  const wide = { trustedProxies: ['10.0.0.0/8'], mutualTLS: header }
  const ingress = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } }
  const sample = { trustedProxies: ['10.0.12.16/28'], mutualTLS: header }

  it('T41 come from the same ranges for the chart as for the server', async () => {
    const ranges = [
      ...Array.from({ length: 32 }, (_, n) => `10.0.12.16/${n + 1}`),
      ...Array.from({ length: 128 }, (_, n) => `fd00::10/${n + 1}`),
      '10.0.12.16',
      'fd00::10',
      '::ffff:10.0.0.0/104',
    ]
    const said = await refusal({
      values: { issuer: 'http://x', server: { trustedProxies: ranges, mutualTLS: header } },
    })
    const ofChart = ranges.filter((range) => said.includes(`server.trustedProxies holds ${range} and`))
    const settings = { issuer: 'https://login.example.com', database: { host: 'x' }, mutualTLS: { header: 'nginx' } }
    const isRefused = (range: string) => {
      try {
        loadSettings(settingsSchema, { file: 'x', text: JSON.stringify({ ...settings, trustedProxies: [range] }) })
        return false
      } catch (error) {
        if (hasCode(error, 'SETTINGS_INVALID')) return true
        throw error
      }
    }
    expect(ofChart)
      .to.deep.equal(ranges.filter(isRefused))
      .and.have.length(27 + 123 + 1)
  })

  for (const [what, networkPolicy, isTaken] of [
    ['no policy', {}, false],
    ['a policy that lets anyone in', { enabled: true }, false],
    ['peers that no policy holds', { ingressFrom: [ingress] }, false],
    ['a namespace', { enabled: true, ingressFrom: [ingress] }, true],
    [
      'pods of a namespace',
      { enabled: true, ingressFrom: [{ ...ingress, podSelector: { matchLabels: { a: 'b' } } }] },
      true,
    ],
    [
      'pods of the namespace of the release',
      { enabled: true, ingressFrom: [{ podSelector: { matchLabels: { a: 'b' } } }] },
      true,
    ],
    ['a few addresses', { enabled: true, ingressFrom: [{ ipBlock: { cidr: '192.0.2.16/28' } }] }, true],
    ['every namespace', { enabled: true, ingressFrom: [{ namespaceSelector: {} }] }, false],
    [
      'pods that any tenant can label so',
      { enabled: true, ingressFrom: [{ namespaceSelector: {}, podSelector: { matchLabels: { a: 'b' } } }] },
      false,
    ],
    ['a wide range', { enabled: true, ingressFrom: [ingress, { ipBlock: { cidr: '10.0.0.0/8' } }] }, false],
    ['a peer without a word', { enabled: true, ingressFrom: [{}] }, false],
    [
      'a further rule for anyone',
      { enabled: true, ingressFrom: [ingress], extraIngress: [{ ports: [{ port: 8080 }] }] },
      false,
    ],
    [
      'a further rule for a namespace',
      { enabled: true, ingressFrom: [ingress], extraIngress: [{ from: [ingress] }] },
      true,
    ],
  ] as const)
    it(`T41 are ${isTaken ? 'taken' : 'refused'} of a wide range with ${what}`, async () => {
      const values = { server: wide, networkPolicy }
      if (isTaken) {
        const objects = await objectsOf({ values })
        const settings = parse(find(objects, 'ConfigMap', 'nauthera-server')['data']['server.yaml']) as object
        expect(settings).to.have.nested.property('mutualTLS.onlyProxiesConnect', true)
      } else {
        expect(await refusal({ values })).to.contain(
          'server.trustedProxies holds 10.0.0.0/8 and server.mutualTLS.header',
        )
      }
    })

  it('T41 need nothing else with a narrow range, or at a port of the server itself', async () => {
    await objectsOf({ values: { server: sample } })
    const listener = { enabled: true, existingSecret: 'x' }
    await objectsOf({ values: { server: { ...wide, mutualTLS: { url: header.url, listener } } } })
  })
})
