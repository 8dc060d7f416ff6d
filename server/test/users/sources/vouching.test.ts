import { expect } from 'chai'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '../../../src/settings.ts'
import { stillVouchesFor, vouchesFor, vouchingOf } from '../../../src/users/sources/vouching.ts'

const provider = (id: string, over: object = {}) => ({
  id,
  issuer: `https://${id}.example.com`,
  clientId: 'nauthera',
  ...over,
})
const directory = (over: object = {}) => ({
  id: 'staff',
  type: 'ldap',
  urls: ['ldaps://directory.test'],
  userBase: 'dc=test',
  groups: { from: 'none' },
  ...over,
})
function vouching(id: string, { upstreams = [], sources = [] }: { upstreams?: object[]; sources?: object[] }) {
  const all = { issuer: 'https://login.example.com', database: { host: 'postgres' }, upstreams, sources }
  const own = { id: 'postgres', type: 'postgres' }
  const text = JSON.stringify({ ...all, sources: [own, ...sources] })
  return vouchingOf(id, loadSettings(settingsSchema, { file: 'test', text }))
}
const google = { id: 'google', preset: 'google', clientId: 'nauthera' }

describe(vouchesFor.name, () => {
  const rows: [string, ReturnType<typeof vouching>, string, boolean, string?][] = [
    ['a provider without domains', vouching('a', { upstreams: [provider('a')] }), 'x@a.test', false],
    [
      'a provider to which a domain only leads',
      vouching('a', { upstreams: [provider('a', { domains: ['a.test'] })] }),
      'x@a.test',
      false,
    ],
    ...(
      [
        ['x@a.test', true],
        ['x@A.TEST', true],
        ['x@b.test', false],
        ['x@sub.a.test', false],
        ['x@nota.test', false],
        ['x@a.test.', false],
        ['x@', false],
        ['x@a.test/b.test', false],
        ['x@a.test?b.test', false],
        ['x@a.test#b.test', false],
        ['x@a%2etest', false],
        ['x@a\u3002test', true],
        ['x@\uff41.test', true],
        ['x\uff20b.test@a.test', false],
      ] as const
    ).map(
      ([email, may]) =>
        [
          'a provider with a domain',
          vouching('a', { upstreams: [provider('a', { emailDomains: ['a.test'] })] }),
          email,
          may,
        ] as [string, ReturnType<typeof vouching>, string, boolean],
    ),
    ['Google', vouching('google', { upstreams: [google] }), 'x@gmail.com', true],
    ['Google', vouching('google', { upstreams: [google] }), 'x@corp.test', false],
    ['Google', vouching('google', { upstreams: [google] }), 'x@corp.test', true, 'Corp.test'],
    ['Google', vouching('google', { upstreams: [google] }), 'x@corp.test', false, 'other.test'],
    [
      'Google, of a domain that a directory has',
      vouching('google', { upstreams: [google], sources: [directory({ emailDomains: ['corp.test'] })] }),
      'x@corp.test',
      false,
      'corp.test',
    ],
    [
      'Google with a list',
      vouching('google', { upstreams: [{ ...google, emailDomains: ['a.test'] }] }),
      'x@gmail.com',
      false,
    ],
    [
      'what calls itself Google',
      vouching('google', { upstreams: [{ ...google, issuer: 'https://evil.example.com' }] }),
      'x@gmail.com',
      false,
    ],
    [
      'GitHub',
      vouching('g', { upstreams: [{ id: 'g', preset: 'github', clientId: 'x', clientSecretFile: '/s' }] }),
      'x@a.test',
      false,
    ],
    ['a directory', vouching('staff', { sources: [directory()] }), 'x@a.test', true],
    [
      'a directory, of a domain of a provider',
      vouching('staff', { sources: [directory()], upstreams: [provider('a', { domains: ['a.test'] })] }),
      'x@a.test',
      false,
    ],
    [
      'a directory whose people change their own',
      vouching('staff', { sources: [directory({ emailDomains: [] })] }),
      'x@a.test',
      false,
    ],
    ['a source that is gone', vouching('gone', {}), 'x@a.test', false],
  ]
  for (const [who, of, email, may, hosted] of rows)
    it(`L34 ${who} ${may ? 'may' : 'may not'} vouch for ${email}${hosted === undefined ? '' : `, hosted at ${hosted}`}`, () => {
      expect(vouchesFor(of, email, hosted)).to.equal(may)
    })

  it('L34 of two that list a domain both may', () => {
    const both = ['a', 'b'].map((id) => provider(id, { emailDomains: ['a.test'] }))
    for (const id of ['a', 'b']) expect(vouchesFor(vouching(id, { upstreams: both }), 'x@a.test')).to.equal(true)
  })
})

describe(stillVouchesFor.name, () => {
  it('believes what Google said of a hosted domain, until another source has it', () => {
    expect(stillVouchesFor(vouching('google', { upstreams: [google] }), 'x@corp.test')).to.equal(true)
    const other = provider('a', { emailDomains: ['corp.test'] })
    expect(stillVouchesFor(vouching('google', { upstreams: [google, other] }), 'x@corp.test')).to.equal(false)
  })
})
