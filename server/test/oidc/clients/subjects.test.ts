import { createSecretKey } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { createSubjectOf, sectorOf } from '../../../src/oidc/clients/subjects.ts'

const subjectOf = createSubjectOf(() => createSecretKey(Buffer.alloc(32, 'a')))
const client = (sectorIdentifierUri: string, redirectUri = 'https://app.example.com/cb', subjectType = 'pairwise') =>
  ({ config: { subjectType, sectorIdentifierUri, redirectUris: [redirectUri], jwksUri: '' } }) as never

describe(sectorOf.name, () => {
  for (const [what, config, host] of [
    ['the host of the sector', { sectorIdentifierUri: 'https://Sector.example.com:8443/list' }, 'sector.example.com'],
    ['the host of the redirect URIs', { redirectUris: ['https://app.example.com/cb'] }, 'app.example.com'],
    ['the host of the keys of a device', { jwksUri: 'https://tv.example.com/jwks' }, 'tv.example.com'],
  ] as const)
    it(`is ${what}`, () =>
      expect(sectorOf({ sectorIdentifierUri: '', redirectUris: [], jwksUri: '', ...config } as never)).to.equal(host))
})

describe(createSubjectOf.name, () => {
  it('is the id of the account for public clients', () => {
    expect(subjectOf(client('', undefined, 'public'), 'ada')).to.equal('ada')
    expect(subjectOf(client('', undefined, ''), 'ada')).to.equal('ada')
  })
  it('is one for all clients of a sector, and another for each person, sector and ring', () => {
    const [one, same] = [client('https://s.example.com/1'), client('https://s.example.com/2', 'https://b.example.com/')]
    expect(subjectOf(one, 'ada')).to.equal(subjectOf(same, 'ada'))
    const elsewhere = createSubjectOf(() => createSecretKey(Buffer.alloc(32, 'b')))
    expect(
      new Set([
        subjectOf(one, 'ada'),
        subjectOf(one, 'bob'),
        subjectOf(client('https://t.example.com/1'), 'ada'),
        elsewhere(one, 'ada'),
      ]),
    ).to.have.property('size', 4)
  })
  it('holds nothing of the id, and fits in 255 characters', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.domain(), (id, host) => {
        const subject = subjectOf(client(`https://${host}/`), id)
        expect(subject).to.match(/^[A-Za-z0-9_-]{43}$/)
        expect(subject).not.to.contain(id)
      }),
    )
  })
})
