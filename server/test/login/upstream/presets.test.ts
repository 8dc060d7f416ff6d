import { expect } from 'chai'
import { describeUpstream } from '../../../src/login/upstream/presets.ts'
import { providerSettings } from './provider-settings.ts'

const describeBy = (settings: object) => describeUpstream(providerSettings(settings), { sources: [], upstreams: [] })

describe(describeUpstream.name, () => {
  it('knows the issuers that are the same for all, and takes another one', () => {
    expect(describeBy({ preset: 'google', issuer: undefined }).issuer).to.equal('https://accounts.google.com')
    expect(describeBy({ preset: 'gitlab', issuer: undefined }).issuer).to.equal('https://gitlab.com')
    expect(describeBy({ preset: 'gitlab', issuer: 'https://git.example.com' }).issuer).to.equal(
      'https://git.example.com',
    )
    expect(describeBy({ preset: 'github', issuer: undefined, clientSecretFile: '/s' })).to.include({
      issuer: 'https://github.com',
      protocol: 'github',
    })
  })

  const everybody: [string, object, boolean][] = [
    ['a provider of somebody', {}, true],
    ['GitHub', { preset: 'github', issuer: undefined, clientSecretFile: '/s' }, false],
    [
      'GitHub Enterprise Server',
      { preset: 'github', issuer: 'https://github.example.com', clientSecretFile: '/s' },
      true,
    ],
    ['gitlab.com', { preset: 'gitlab', issuer: undefined }, false],
    ['a GitLab of its own', { preset: 'gitlab', issuer: 'https://git.example.com' }, true],
    ['Google', { preset: 'google', issuer: undefined }, false],
    ['Google with a domain', { preset: 'google', issuer: undefined, domains: ['example.com'] }, true],
    [
      'GitHub, when the settings say so',
      { preset: 'github', issuer: undefined, clientSecretFile: '/s', newPeople: true },
      true,
    ],
  ]
  for (const [what, settings, newPeople] of everybody) {
    it(`${newPeople ? 'makes' : 'makes no'} accounts for new people of ${what}`, () => {
      expect(describeBy(settings).newPeople).to.equal(newPeople)
    })
  }

  it('tells Google the one domain that may come in', () => {
    expect(describeBy({ preset: 'google', domains: ['example.com'] }).parameters).to.deep.equal({ hd: 'example.com' })
    expect(describeBy({ preset: 'google', domains: ['example.com', 'example.org'] }).parameters).to.deep.equal({})
  })
})
