import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { loadSettings } from '@nauthera/runtime/settings'
import { settingsSchema } from '@nauthera/server/settings'
import { createMemoryCache } from '@nauthera/server/store/cache/memory-cache'
import { createLdapUsers } from '@nauthera/server/users/ldap/ldap-users'
import { expect } from 'chai'
import { startDirectory } from '../../dev/directory.ts'
import type { DemoDirectory } from '../../dev/directory.ts'

/** @returns the key and the groups of each person, who signs in with the password that is printed */
async function signIn({ sources, people }: DemoDirectory) {
  const text = JSON.stringify({ issuer: 'http://localhost', database: { host: 'localhost' }, sources })
  const settings = loadSettings(settingsSchema, { file: 'test', text }).sources[1]!
  if (settings.type !== 'ldap') throw new Error('not a directory')
  const patience = { connect: 30_000, answer: 30_000 }
  const cache = createMemoryCache({ now: Date.now })
  const source = createLdapUsers({
    vouching: { own: [], ofOthers: [], rest: 'all' },
    settings,
    cache,
    log,
    now: Date.now,
    patience,
  })
  try {
    return await Promise.all(
      people.map(async ({ name, password }) => {
        const answer = await source.checkPassword({ login: name, password, known: undefined, mayTry: async () => true })
        return answer.kind === 'right' ? { key: answer.found?.key, groups: answer.found?.person.groups } : answer.kind
      }),
    )
  } finally {
    source.stop()
  }
}

describe(startDirectory.name, () => {
  it('has people who sign in with what is printed, and who are the same after the next start', async () => {
    const state = mkdtempSync(join(tmpdir(), 'nauthera-dev-directory-'))
    const forget = reapDirectory(state)
    const seen: unknown[] = []
    for (let start = 0; start < 2; start++) {
      const directory = await startDirectory(state)
      seen.push(await signIn(directory))
      expect(directory.people.map(({ groups }) => groups)).to.deep.equal([['admins', 'dev'], ['dev']])
      await directory.stop()
    }
    forget()
    expect(seen[1]).to.deep.equal(seen[0])
    const [first] = seen as { groups: string[] }[][]
    expect(first!.map(({ groups }) => groups)).to.deep.equal([['admins', 'dev'], ['dev']])
  })
})
