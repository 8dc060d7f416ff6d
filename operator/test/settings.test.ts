import { expect } from 'chai'
import { CodedError } from '@nauthera/runtime/coded-error'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../src/settings.ts'

const least = 'issuer: https://login.example.com\nrelease: nauthera\nnamespace: auth\nidentity: pod-1\n'
const load = (text: string, environment: Record<string, string> = {}) =>
  loadSettings(settingsSchema, { file: 'operator.yaml', text, environment })
const faults = (text: string): string[] => {
  try {
    load(text)
  } catch (error) {
    if (error instanceof CodedError) return error.faults.map(({ path }) => path)
    throw error
  }
  return []
}

describe('settingsSchema', () => {
  it('needs four values, and has the rest', () => {
    expect(load(least)).to.deep.include({
      serverName: 'default',
      watch: { mode: 'cluster', namespaces: [] },
      nudge: false,
      policy: {},
      link: { mode: 'operator' },
      quietPeriod: 3_600_000,
      management: { host: '0.0.0.0', port: 9092 },
    })
  })

  it('takes the name of the pod from the environment', () => {
    expect(load(least, { NAUTHERA_IDENTITY: 'pod-2' }).identity).to.equal('pod-2')
  })

  it('takes an http issuer on a loopback host only, as the server does', () => {
    for (const issuer of [
      'http://localhost:8080',
      'http://127.0.0.1:8080/path',
      'http://[::1]:8080',
      'http://app.localhost',
    ]) {
      expect(load(`${least}issuer: ${issuer}\n`.replace(/^issuer.*\n/, '')).issuer).to.equal(issuer)
    }
    for (const issuer of [
      'http://login.example.com',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
    ]) {
      expect(faults(`${least}issuer: ${issuer}\n`.replace(/^issuer.*\n/, ''))).to.deep.equal(['issuer'])
    }
  })

  it('lists every fault at once', () => {
    expect(
      faults('issuer: ftp://x\nrelease: Not_A_Name\nwatch: {mode: some}\nquietPeriod: soon\nextra: 1\n'),
    ).to.have.members(['issuer', 'release', 'namespace', 'identity', 'watch.mode', 'quietPeriod', 'extra'])
  })

  for (const [what, text, path] of [
    ['an issuer with a slash at its end', least.replace('example.com', 'example.com/'), 'issuer'],
    ['an issuer with a query', least.replace('example.com', 'example.com?a=b'), 'issuer'],
    ['mode namespaces without any', `${least}watch: {mode: namespaces}\n`, 'watch.namespaces'],
    ['an existing link without a directory', `${least}link: {mode: existing}\n`, 'link.directory'],
    ['a selector in the baseline', `${least}policy: {selector: {}}\n`, 'policy.selector'],
    [
      'a default window of the baseline that is always open',
      `${least}policy: {defaults: {rotation: {interval: 720h, window: {schedule: '0 3 * * *', duration: 24h}}}}\n`,
      'policy.defaults.rotation.window.duration',
    ],
    ['a baseline that is no policy', `${least}policy: {allow: {types: [Webb]}}\n`, 'policy.allow.types[0]'],
  ] as const) {
    it(`refuses ${what}`, () => expect(faults(text)).to.deep.equal([path]))
  }
})
