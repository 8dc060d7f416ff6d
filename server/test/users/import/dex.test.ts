import { Readable } from 'node:stream'
import { expect } from 'chai'
import { readDex } from '../../../src/users/import/dex.ts'
import type { ReadEntry } from '../../../src/users/import/person-entry.ts'

const read = async (text: string) => {
  const entries: ReadEntry[] = []
  for await (const entry of readDex(Readable.from([text]))) entries.push(entry)
  return entries
}
const hash = `$2y$10$${'canary'.repeat(9).slice(0, 53)}`
const id = '3f2c6f0a-5a0e-4b6c-9a51-0f6f6d1c2b3a'

describe('readDex', () => {
  it('reads the static passwords of a configuration, and the objects of a cluster', async () => {
    const person = { kind: 'person', at: 'staticPasswords.0', username: 'ada@example.test' }
    const entry = {
      id,
      username: 'ada@example.test',
      email: 'ada@example.test',
      emailVerified: true,
      name: 'ada',
      passwordHash: hash,
      groups: undefined,
      locale: undefined,
      passwordChangeRequired: undefined,
      profile: undefined,
    }
    const yaml = `issuer: https://dex.example.test
enablePasswordDB: true
staticPasswords:
- email: ada@example.test
  hash: "${hash}"
  username: ada
  userID: ${id}
`
    expect(await read(yaml)).to.deep.equal([{ ...person, entry }])
    const stored = {
      email: 'ada@example.test',
      hash: Buffer.from(hash).toString('base64'),
      username: 'ada',
      userID: id,
    }
    const list = { apiVersion: 'v1', kind: 'List', items: [{ kind: 'Password', metadata: { name: 'x' }, ...stored }] }
    for (const text of [JSON.stringify(list), JSON.stringify(list, null, 2)])
      expect(await read(text)).to.deep.equal([{ ...person, at: 'items.0', entry }])
  })

  it('takes groups and further names where the version of Dex has them', async () => {
    const about = {
      groups: ['b', 'a'],
      name: 'Ada Example',
      preferredUsername: 'ada',
      emailVerified: false,
      userID: '42',
    }
    const [entry] = await read(JSON.stringify({ passwords: [{ email: 'ada@example.test', hash, ...about }] }))
    expect(entry).to.deep.nested.include({
      kind: 'person',
      username: 'ada',
      'entry.email': 'ada@example.test',
      'entry.name': 'Ada Example',
      'entry.emailVerified': false,
      'entry.groups': ['a', 'b'],
    })
    expect(entry).to.not.have.nested.property('entry.id')
  })

  it('says who is refused and why, never with a part of a hash', async () => {
    const entries = await read(
      JSON.stringify({
        staticPasswords: [
          { email: 'env@example.test', hashFromEnv: 'DEX_HASH' },
          { email: 'none@example.test' },
          { email: 'bad@example.test', hash: 'canary' },
          { hash },
          'text',
        ],
      }),
    )
    const said = entries.map((entry) =>
      entry.kind === 'refused' ? entry.faults.map(({ path, message }) => `${path}: ${message}`).join() : 'person',
    )
    const expected = [
      'environment variable DEX_HASH',
      'has no hash',
      'not in a known form',
      'email:',
      'expected object',
    ]
    for (const [index, part] of expected.entries()) expect(said[index]).to.include(part)
    expect(JSON.stringify(entries)).to.not.match(/canary/i)
  })

  const files: [string, string, string][] = [
    ['no YAML, by its line alone', `issuer: x\nstaticPasswords:\n- hash: "canary\n  email: [`, 'see line'],
    ['no list of people', 'issuer: x', 'holds no people'],
    ['more than Dex ever had', 'x'.repeat(17 * 1_048_576), 'characters'],
  ]
  for (const [what, text, part] of files)
    it(`says that a file is ${what}`, async () => {
      const [entry, ...more] = await read(text)
      expect(entry!.kind === 'refused' && entry!.faults[0]!.message).to.include(part)
      expect([more, JSON.stringify(entry)]).to.satisfy(
        ([rest, one]: [unknown[], string]) => rest.length === 0 && !/canary/.test(one),
      )
    })
})
