import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect } from 'chai'
import { readKeycloak } from '../../../src/users/import/keycloak.ts'
import type { ReadEntry } from '../../../src/users/import/person-entry.ts'

const read = async (text: string) => {
  const [entries, leftOut]: [ReadEntry[], string[]] = [[], []]
  for await (const entry of readKeycloak(Readable.from([text]), (what) => leftOut.push(what))) entries.push(entry)
  return { entries, leftOut }
}
const realm = (...users: object[]) => JSON.stringify({ realm: 'example', users })

const password = (algorithm: string, more: object = {}) => ({
  type: 'password',
  secretData: JSON.stringify({ value: 'canaryCanaryCanaryCanaryAA==', salt: 'c2FsdHNhbHQ=', additionalParameters: {} }),
  credentialData: JSON.stringify({ hashIterations: 27_500, algorithm, additionalParameters: {}, ...more }),
})

describe('readKeycloak', () => {
  it('reads a person with names, address, groups by their paths, and the attributes that are claims', async () => {
    const id = randomUUID()
    const { entries, leftOut } = await read(
      realm({
        id,
        username: 'ada',
        email: 'ada@example.test',
        emailVerified: true,
        enabled: false,
        firstName: 'Ada',
        lastName: 'Example',
        totp: true,
        attributes: {
          phoneNumber: ['+442071234567'],
          phoneNumberVerified: ['true'],
          country: ['GB', 'ignored'],
          locale: ['en'],
          picture: [''],
          zoneinfo: ['Nowhere/At all'],
          department: ['x'],
        },
        credentials: [password('pbkdf2-sha512'), { type: 'otp', secretData: '{}', credentialData: '{}' }],
        groups: ['/ops/night', '/maths'],
        requiredActions: ['UPDATE_PASSWORD'],
        realmRoles: ['default-roles-example'],
      }),
    )
    expect(entries).to.deep.equal([
      {
        kind: 'person',
        at: 'user 1',
        username: 'ada',
        entry: {
          id,
          username: 'ada',
          email: 'ada@example.test',
          emailVerified: true,
          name: 'Ada Example',
          locale: 'en',
          disabled: true,
          profile: {
            given_name: 'Ada',
            family_name: 'Example',
            phone_number: '+442071234567',
            phone_number_verified: true,
            address: { country: 'GB' },
          },
          groups: ['maths', 'ops/night'],
          passwordChangeRequired: true,
          passwordHash: '$pbkdf2-sha512$i=27500$c2FsdHNhbHQ$canaryCanaryCanaryCanaryAA',
        },
      },
    ])
    expect(leftOut).to.have.members([
      'attribute zoneinfo with a value that the claim zoneinfo cannot have',
      'attribute department (no claim is made of it)',
      'authenticator apps (people set them up again)',
    ])
  })

  const hashes: [string, object, string][] = [
    ['pbkdf2', {}, '$pbkdf2-sha1$i=27500$c2FsdHNhbHQ$canaryCanaryCanaryCanaryAA'],
    ['pbkdf2-sha256', {}, '$pbkdf2-sha256$i=27500$c2FsdHNhbHQ$canaryCanaryCanaryCanaryAA'],
    ['argon2', { hashIterations: 5 }, '$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHQ$canaryCanaryCanaryCanaryAA'],
  ]
  for (const [algorithm, more, written] of hashes)
    for (const field of ['additionalParameters', 'algorithmData'])
      it(`writes a hash of ${algorithm} in our form, with ${field}`, async () => {
        const costs = { hashLength: ['32'], memory: ['7168'], type: ['id'], version: ['1.3'], parallelism: ['1'] }
        const credential = password(algorithm, { additionalParameters: undefined, [field]: costs, ...more })
        const { entries } = await read(realm({ username: 'a', credentials: [credential] }))
        expect(entries[0]).to.deep.include({ kind: 'person' })
        expect(entries[0]).to.have.nested.property('entry.passwordHash', written)
      })

  it('says what is refused and why, never with a part of a hash, and counts what is no person', async () => {
    const { entries, leftOut } = await read(
      realm(
        { username: 'plain', credentials: [{ type: 'password', value: 'canary' }] },
        { username: 'old', credentials: [{ type: 'password', hashedSaltedValue: 'canary' }] },
        { username: 'other', credentials: [password('md4')] },
        { username: 'broken', credentials: [{ ...password('pbkdf2'), secretData: 'canary' }] },
        { username: 'dear', credentials: [password('pbkdf2', { hashIterations: 90_000_000 })] },
        { username: 'a@b.test', email: 'c@d.test' },
        { id: 'f:1:x', username: 'id' },
        { email: 'nobody@example.test' },
        { username: 'service-account-x', serviceAccountClientId: 'x' },
        { username: 'far', federationLink: 'ldap' },
        { username: 'linked', federatedIdentities: [{ identityProvider: 'x', userId: '1' }] },
        { username: 'no-password' },
      ),
    )
    const reasons = entries.map((entry) =>
      entry.kind === 'refused'
        ? [entry.at, entry.faults.map(({ path, message }) => `${path}: ${message}`).join()]
        : entry.username,
    )
    const expected = [
      'the password itself is in the file',
      'no secretData and credentialData',
      'hashed by md4',
      'not described as Keycloak does it',
      'a sign-in would take too long',
      'may contain an @ only',
      'id:',
      'username:',
    ]
    for (const [index, part] of expected.entries()) {
      expect(reasons[index]![0]).to.equal(`user ${index + 1}`)
      expect(reasons[index]![1]).to.include(part)
    }
    expect(reasons.slice(8)).to.deep.equal(['linked', 'no-password'])
    expect(leftOut.map((what) => what.split(' (')[0])).to.deep.equal([
      'service accounts',
      'people of a directory',
      'links to identity providers',
    ])
    expect(JSON.stringify(entries.filter(({ kind }) => kind === 'refused'))).to.not.match(/canary/i)
  })

  it('names the two texts that an old export lacks, where one of them is missing too', async () => {
    for (const missing of ['secretData', 'credentialData']) {
      const credentials = [{ ...password('pbkdf2'), [missing]: undefined }]
      const [entry] = (await read(realm({ username: 'half', credentials }))).entries
      expect(JSON.stringify(entry)).to.include('no secretData and credentialData')
    }
  })

  const files: [string, string, string][] = [
    ['a realm without its people', '{"realm": "x"}', 'holds no people'],
    ['a list of realms', '[{"realm": "x", "users": [{"username": "a"}]}]', 'is not one realm'],
    ['a file that is cut off', '{"users": [{"username": "a"}, {"user', 'ends in the middle'],
    ['a user that is no JSON', '{"users": [{username}]}', 'is not JSON'],
  ]
  for (const [what, text, part] of files)
    it(`says what is wrong with ${what}`, async () => {
      const last = (await read(text)).entries.at(-1)!
      expect(last.kind === 'refused' && last.faults[0]!.message).to.include(part)
    })
})
