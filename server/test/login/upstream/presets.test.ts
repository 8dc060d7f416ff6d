import { expect } from 'chai'
import { describeUpstream } from '../../../src/login/upstream/presets.ts'
import { vouchingOf } from '../../../src/users/sources/vouching.ts'
import { providerSettings, providersSettings } from './provider-settings.ts'

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

  describe('goes by the address of a provider, whatever preset goes with it and however it is written', () => {
    const known = ['https://accounts.google.com', 'https://github.com', 'https://gitlab.com']
    const everyTenant = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0'
    const spelled = (issuer: string): string[] => {
      const { protocol, hostname, pathname } = new URL(issuer)
      const path = pathname === '/' ? '' : pathname
      const hosts = [hostname, `${hostname}.`, hostname.toUpperCase(), `${hostname}:443`, `me@${hostname}`]
      return hosts.flatMap((host) => ['', '/', '//', '?', '/.'].map((end) => `${protocol}//${host}${path}${end}`))
    }
    const presets = ['generic', 'entra', 'google', 'github', 'gitlab']
    const each = [...known, everyTenant].flatMap((issuer) =>
      spelled(issuer).flatMap((text) => presets.map((preset) => ({ issuer, text, preset }))),
    )

    it('each spelling with each preset is refused by the settings, or is that provider', () => {
      const taken = each.flatMap(({ issuer, text, preset }) => {
        const provider = { preset, issuer: text, clientSecretFile: '/s' }
        const domains = ['example.com']
        try {
          providerSettings(provider)
        } catch {
          return []
        }
        const what = `${preset} ${text}`
        expect(describeBy(provider).newPeople, what).to.equal(false)
        const ofGoogle = issuer === known[0]
        const withDomains = describeBy({ ...provider, domains })
        expect(withDomains.hostedDomains, what).to.deep.equal(ofGoogle || preset === 'google' ? domains : [])
        expect(withDomains.newPeople, what).to.equal(ofGoogle || preset === 'google')
        expect(
          () =>
            providersSettings([
              { ...provider, id: 'one' },
              { ...provider, id: 'two', issuer },
            ]),
          what,
        ).to.throw('is there twice')
        const vouching = vouchingOf('corp', { sources: [], upstreams: [providerSettings(provider)] })
        expect(vouching.rest, what).to.equal(ofGoogle ? 'google' : 'none')
        return [text]
      })
      // with a slash, with a dot, and with both, by each preset
      expect(taken.length).to.be.at.least(known.length * presets.length * 4)
    })

    it('no preset lets every tenant of Entra in', () => {
      for (const preset of ['generic', 'entra', 'gitlab'])
        for (const tenant of ['common', 'organizations', 'consumers', 'Common'])
          expect(
            () => providerSettings({ preset, issuer: `https://login.microsoftonline.com/${tenant}/v2.0` }),
            `${preset} ${tenant}`,
          ).to.throw('every tenant could sign in')
    })
  })

  it('tells Google the one domain that may come in', () => {
    expect(describeBy({ preset: 'google', domains: ['example.com'] }).parameters).to.deep.equal({ hd: 'example.com' })
    expect(describeBy({ preset: 'google', domains: ['example.com', 'example.org'] }).parameters).to.deep.equal({})
  })
})
