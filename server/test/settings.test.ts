import { expect } from 'chai'
import { hasCode } from '@nauthera/runtime/coded-error'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../src/settings.ts'

const load = (settings: object) => loadSettings(settingsSchema, { file: 'server.yaml', text: JSON.stringify(settings) })
const good = { issuer: 'https://login.example.com', database: { host: 'postgres' } }

function faultsOf(settings: object): string[] {
  try {
    load(settings)
    return []
  } catch (error) {
    if (!hasCode(error, 'SETTINGS_INVALID')) throw error
    return error.faults.map(({ path }) => path)
  }
}

describe('the settings of the server', () => {
  it('need an issuer and a database; everything else has a default, and durations are in milliseconds', () => {
    const settings = load(good)
    expect(settings.refreshGrace).to.equal(10_000)
    expect(settings.signing).to.include({ idToken: 'RS256', accessToken: 'ES256' })
    expect(settings.signing.rotateEvery).to.equal(30 * 86_400_000)
    expect(settings.database.sslMode).to.equal('verify-full')
    expect(settings.listen.port).to.equal(8080)
    expect(Object.isFrozen(settings)).to.equal(true)
  })

  it('take one algorithm alone, when it is the default of both kinds of tokens', () => {
    const signing = { algorithms: ['ES256'], idToken: 'ES256' }
    expect(load({ ...good, signing }).signing).to.deep.include(signing)
  })

  it('read the algorithms as a list from the environment', () => {
    const text = JSON.stringify({ ...good, signing: { algorithms: ['ES256', 'RS256', 'PS256'] } })
    const environment = { NAUTHERA_SIGNING_ALGORITHMS: 'ES256,RS256' }
    const { signing } = loadSettings(settingsSchema, { file: 'server.yaml', text, environment })
    expect(signing.algorithms).to.deep.equal(['ES256', 'RS256'])
  })

  it('open the help desk only where members can have a second factor', () => {
    expect(load(good).admin).to.equal(undefined)
    expect(faultsOf({ ...good, admin: { group: 'desk' } })).to.deep.equal([])
    expect(faultsOf({ ...good, admin: {} })).to.deep.equal(['admin.group'])
    expect(load({ ...good, admin: { group: 'desk' } }).admin?.groupFrom).to.deep.equal(['postgres'])
    const from = (...groupFrom: string[]) => faultsOf({ ...good, admin: { group: 'desk', groupFrom } })
    expect(from('postgres')).to.deep.equal([])
    expect(from('postgres', 'corp')).to.deep.equal(['admin.groupFrom.1'])
    expect(faultsOf({ ...good, admin: { group: 'desk' }, secondFactor: { policy: 'off' } })).to.deep.equal(['admin'])
  })

  it('never let the help desk give a group of its own, and know whom to tell', () => {
    const of = (admin: object) => faultsOf({ ...good, admin: { group: 'desk', ...admin } })
    const capabilities = [{ group: 'leads', may: ['disable'] }]
    expect(of({ capabilities, protectedGroups: ['admins'], assignableGroups: ['admins', 'on-call'] })).to.deep.equal([])
    expect(of({ assignableGroups: ['on-call', 'desk'] })).to.deep.equal(['admin.assignableGroups.1'])
    expect(of({ capabilities, assignableGroups: ['leads'] })).to.deep.equal(['admin.assignableGroups.0'])
    expect(of({ capabilities: [{ group: 'leads', may: ['delete'] }] })).to.deep.equal(['admin.capabilities.0.may.0'])
    expect(of({ notify: 'team@example.com' })).to.deep.equal([])
    expect(of({ notify: 'nobody' })).to.deep.equal(['admin.notify'])
  })

  it('take certificates of clients only where one can arrive, and from whom', () => {
    const of = (mutualTLS: object, more: object = {}) => faultsOf({ ...good, ...more, mutualTLS })
    const [url, trusted] = ['https://mtls.example.com', { trustedProxies: ['10.0.12.16/28'] }]
    expect(load(good).mutualTLS).to.equal(undefined)
    expect(of({})).to.deep.equal(['mutualTLS'])
    expect(of({ caFile: '/ca', header: 'nginx' })).to.deep.equal(['mutualTLS.header'])
    expect(of({ header: 'nginx' }, trusted)).to.deep.equal([])
    expect(of({ header: 'apache' }, trusted)).to.deep.equal(['mutualTLS.header'])
    expect(of({ listen: {} })).to.deep.equal(['mutualTLS.listen', 'mutualTLS.url'])
    expect(of({ listen: {}, url }, { tls: { certFile: '/c', keyFile: '/k' } })).to.deep.equal([])
    expect(of({ listen: { certFile: '/c', keyFile: '/k' }, url })).to.deep.equal([])
    expect(of({ listen: { certFile: '/c' }, url })).to.deep.equal(['mutualTLS.listen'])
    for (const bad of ['http://mtls.example.com', `${url}/path`, `${url}/`, 'mtls.example.com'])
      expect(of({ header: 'nginx', url: bad }, trusted), bad).to.include('mutualTLS.url')
  })

  // who sends the header is every client, and certificates are public: a range of pods would hold those of strangers
  it('T41 take the header of a wide range of proxies only where nobody else connects', () => {
    const ofEachLength = (address: string, bits: number) =>
      Array.from({ length: bits }, (_, n) => `${address}/${n + 1}`)
    const lists = [
      ofEachLength('10.0.12.16', 32),
      ofEachLength('fd00::10', 128).slice(0, 64),
      ofEachLength('fd00::10', 128).slice(64),
    ]
    const of = (mutualTLS: object) =>
      lists.map((trustedProxies) => faultsOf({ ...good, mutualTLS, trustedProxies }).length)
    expect(of({ header: 'nginx' })).to.deep.equal([27, 64, 59])
    expect(of({ header: 'nginx', onlyProxiesConnect: true })).to.deep.equal([0, 0, 0])
    const listen = { certFile: '/c', keyFile: '/k' }
    expect(of({ listen, url: 'https://mtls.example.com' }), 'no header counts there').to.deep.equal([0, 0, 0])
    expect(
      faultsOf({ ...good, trustedProxies: ['10.1.2.3', '10.0.0.0/8'], mutualTLS: { header: 'envoy' } }),
    ).to.deep.equal(['trustedProxies.1'])
  })

  it('report every fault at once, each with its path', () => {
    const faults = faultsOf({
      issuer: 'ftp://x',
      database: { poolMax: 0, dsnFile: '/x', host: 'y' },
      signing: { algorithms: ['HS256'], publishBefore: 'soon' },
      refreshGrace: 10,
      branding: { accent: 'red' },
      nonsense: true,
    })
    expect(faults).to.include.members([
      'issuer',
      'database.poolMax',
      'signing.algorithms.0',
      'signing.publishBefore',
      'refreshGrace',
      'branding.accent',
      'nonsense',
    ])
  })

  for (const issuer of [
    'http://login.example.com',
    'https://login.example.com/',
    'https://login.example.com?x=1',
    'https://login.example.com#x',
    'https://user@login.example.com',
    'https://LOGIN.example.com',
    'https://login.example.com:443',
    'login.example.com',
    '',
  ]) {
    it(`refuse the issuer ${JSON.stringify(issuer)}`, () => expect(faultsOf({ ...good, issuer })).to.include('issuer'))
  }

  for (const issuer of [
    'https://login.example.com',
    'https://example.com/auth',
    'http://localhost:8080',
    'http://127.0.0.1:8080',
  ]) {
    it(`accept the issuer ${issuer}`, () => expect(load({ ...good, issuer }).issuer).to.equal(issuer))
  }

  for (const [sentence, settings, path] of [
    ['settings without a database', { database: {} }, 'database.host'],
    [
      'a database that is given twice, by host and by file',
      { database: { host: 'x', dsnFile: '/x' } },
      'database.host',
    ],
    ...['usernameFile', 'passwordFile'].map(
      (name) =>
        [
          `${name} of a database beside a DSN`,
          { database: { dsnFile: '/x', [name]: '/y' } },
          `database.${name}`,
        ] as const,
    ),
    ...['caFile', 'passwordFile'].map(
      (name) =>
        [`${name} of a cache beside a URL`, { cache: { urlFile: '/x', [name]: '/y' } }, `cache.${name}`] as const,
    ),
    ['an algorithm that is listed twice', { signing: { algorithms: ['ES256', 'ES256'] } }, 'signing.algorithms'],
    ['a default of ID tokens that no key is there for', { signing: { algorithms: ['ES256'] } }, 'signing.idToken'],
    [
      'a default of access tokens that no key is there for',
      { signing: { algorithms: ['RS256'] } },
      'signing.accessToken',
    ],
    [
      'an algorithm of userinfo that no key is there for',
      { signing: { algorithms: ['RS256', 'ES256'], userinfo: 'EdDSA' } },
      'signing.userinfo',
    ],
    [
      'a key that is published longer than it lives',
      { signing: { publishBefore: '2d', rotateEvery: '1d' } },
      'signing.publishBefore',
    ],
    [
      'a key that signs before those who keep /jwks have it',
      { signing: { publishBefore: '5m' } },
      'signing.publishBefore',
    ],
    ['development with an issuer that is not on this machine', { development: true }, 'development'],
    ['a proxy that is not an IP address', { trustedProxies: ['everybody'] }, 'trustedProxies.0'],
  ] as const) {
    it(`refuse ${sentence}`, () => expect(faultsOf({ ...good, ...settings })).to.include(path))
  }

  describe('sources of people', () => {
    const ldap = {
      id: 'staff',
      type: 'ldap',
      urls: ['ldaps://ldap.example.com'],
      userBase: 'ou=people,dc=example,dc=com',
      groups: { base: 'ou=groups,dc=example,dc=com' },
    }
    const faultsOfSources = (...sources: object[]) => faultsOf({ ...good, sources })

    it('are our own people alone, unless others are listed', () => {
      expect(load(good).sources).to.deep.equal([{ id: 'postgres', type: 'postgres' }])
      const [source] = load({ ...good, sources: [ldap] }).sources
      expect(source).to.include({ type: 'ldap', maxAge: 300_000, startTLS: false })
    })

    const cases: readonly (readonly [sentence: string, over: object, faults: readonly string[]])[] = [
      ['in clear', { urls: ['ldap://ldap.example.com'] }, ['sources.0.urls.0']],
      ['with StartTLS on what is TLS already', { startTLS: true }, ['sources.0.urls.0']],
      ['with a user in the URL', { urls: ['ldaps://me:secret@ldap.example.com'] }, ['sources.0.urls.0']],
      ['with a name of an account without its password', { usernameFile: '/x' }, ['sources.0.passwordFile']],
      ['that searches for groups nowhere', { groups: {} }, ['sources.0.groups.base']],
      ['with a filter that is a word', { userFilter: 'people' }, ['sources.0.userFilter']],
      ['without people', { userBase: undefined }, ['sources.0.userBase']],
      ['with answers of any age', { maxAge: '30d' }, ['sources.0.maxAge']],
      ['with a password in the settings', { password: 'secret' }, ['sources.0.password']],
      ['with the name of another kind', { id: 'Staff' }, ['sources.0.id']],
    ]
    for (const [sentence, over, faults] of cases)
      it(`are refused ${sentence}`, () => {
        expect(faultsOfSources({ ...ldap, ...over })).to.deep.equal(faults)
      })

    it('take ldap:// where TLS begins before anything is sent', () => {
      expect(faultsOfSources({ ...ldap, urls: ['ldap://ldap.example.com:1389'], startTLS: true })).to.deep.equal([])
    })

    it('each have a name of their own', () => {
      expect(faultsOfSources(ldap, { ...ldap })).to.deep.equal(['sources.1.id'])
      expect(faultsOfSources({ ...ldap, id: 'postgres' })).to.deep.equal(['sources.0.id'])
    })
  })

  it('this server is no issuer of programs', () => {
    expect(faultsOf({ ...good, identityIssuers: [{ issuer: good.issuer }] })).to.deep.equal([
      'identityIssuers.0.issuer',
    ])
  })

  describe('upstreams', () => {
    const provider = { id: 'corp', issuer: 'https://corp.example.com', clientId: 'nauthera' }
    const faults = (...upstreams: object[]) => faultsOf({ ...good, upstreams })

    it('take a provider with an issuer and a client id, and count its durations in milliseconds', () => {
      const [corp] = load({ ...good, upstreams: [{ ...provider, issuer: 'https://corp.example.com/' }] }).upstreams
      expect(corp).to.include({ preset: 'generic', maxAge: 86_400_000, trustEmail: false })
    })

    it('say what is wrong with one', () => {
      expect(faults({ ...provider, id: 'Corp' })).to.deep.equal(['upstreams.0.id'])
      expect(faults({ ...provider, issuer: 'http://corp.example.com' })).to.deep.equal(['upstreams.0.issuer'])
      expect(faults({ ...provider, issuer: undefined })).to.deep.equal(['upstreams.0.issuer'])
      expect(faults({ ...provider, clientId: undefined })).to.deep.equal(['upstreams.0.clientId'])
      expect(faults({ ...provider, clientIdFile: '/id' })).to.deep.equal(['upstreams.0.clientId'])
      expect(faults({ ...provider, preset: 'github', issuer: undefined })).to.deep.equal([
        'upstreams.0.clientSecretFile',
      ])
      for (const tenant of ['common', 'organizations', 'consumers']) {
        const issuer = `https://login.microsoftonline.com/${tenant}/v2.0`
        expect(faults({ ...provider, preset: 'entra', issuer }), tenant).to.deep.equal(['upstreams.0.issuer'])
      }
      expect(faults({ ...provider, domains: ['Example.com', 'localhost'] })).to.have.length(2)
      expect(faults({ ...provider, emailDomains: ['Example.com', '*.example.com'] })).to.have.length(2)
      expect(faults({ ...provider, trustEmail: true })).to.deep.equal(['upstreams.0.trustEmail'])
      expect(faults({ ...provider, trustEmail: true, emailDomains: ['*'] })).to.deep.equal([])
    })

    it('name each id and each issuer once, and none as the database is named', () => {
      const other = { ...provider, issuer: 'https://other.example.com' }
      expect(faults(provider, other)).to.deep.equal(['upstreams.1.id'])
      expect(faults(provider, { ...provider, id: 'other' })).to.deep.equal(['upstreams.1.issuer'])
      expect(faults({ ...provider, id: 'postgres' })).to.include('upstreams.0.id')
      const ldap = {
        id: 'corp',
        type: 'ldap',
        urls: ['ldaps://l.example.com'],
        userBase: 'dc=x',
        groups: { base: 'dc=x' },
      }
      expect(faultsOf({ ...good, sources: [ldap], upstreams: [provider] })).to.deep.equal(['upstreams.0.id'])
    })

    it('name no group that another source could make too', () => {
      const withPrefix = (prefix: string, other: string) =>
        faults(
          { ...provider, groups: { prefix } },
          { ...provider, id: 'other', issuer: 'https://other.example.com', groups: { prefix: other } },
        )
      expect(withPrefix('corp-', 'other-')).to.deep.equal([])
      for (const [one, two] of [
        ['corp-', 'corp-'],
        ['corp-', 'corp-x-'],
        ['corp-x-', 'corp-'],
      ] as const)
        expect(withPrefix(one, two)).to.deep.equal(['upstreams.1.groups.prefix'])
    })
  })
})
