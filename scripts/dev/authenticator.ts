// The authenticator app of a person of the demo: what the program on a phone would hold. It is loaded only when somebody needs it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import type { Stack } from '@nauthera/local/product/stack'
import { settingsOf, withDatabase } from '@nauthera/server/cli/terminal/session'
import { createAccounts } from '@nauthera/server/store/sessions/accounts'
import { loadKeyRing } from '@nauthera/server/store/driver/envelope'
import { createFactors } from '@nauthera/server/store/factors/factors'
import { createUsers } from '@nauthera/server/store/people/users'
import { codeAt, mintSeed } from '@nauthera/server/users/factors/totp'

/** Where the secret of the authenticator app is, for the next start and for `--code`. */
const seedFile = (directory: string): string => join(directory, 'authenticator')

/** Gives a person the authenticator app whose secret is printed, unless an earlier run did.
 *  @returns the secret, base32 */
export async function addAuthenticator(
  stack: Pick<Stack, 'serverSettings'>,
  directory: string,
  name: string,
): Promise<string> {
  const file = seedFile(directory)
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const seed = mintSeed()
  const quiet = () => new Writable({ write: (_chunk, _encoding, done) => done() })
  const session = {
    terminal: { stdin: Readable.from([]), stdout: quiet(), stderr: quiet(), onInterrupt: () => () => undefined },
    environment: {},
    settingsFile: () => stack.serverSettings,
    outputFormat: () => 'json' as const,
    by: 'npm run dev',
    reason: () => undefined,
  }
  await withDatabase(session, async (opened) => {
    const user = await createUsers(opened).findByLogin(name)
    if (user === undefined) throw new Error(`${name} is not there`)
    const { standing } = (await createAccounts(opened).load({ userId: user.id }))!
    const ring = loadKeyRing(settingsOf(session).keysDirectory)
    await createFactors({ ...opened, ring }).enrolApp({
      userId: user.id,
      standing,
      // the code that is shown now shall work
      app: { name: 'Authenticator app', seed, lastStep: 0 },
      recoveryCodes: [],
      audit: [],
    })
  })
  writeFileSync(file, seed, { mode: 0o600 })
  return seed
}

/** @returns the code that the authenticator app shows now, and for how many seconds
 *  @throws Error when there is no app yet */
export function codeNow(directory: string, now = Date.now()): { code: string; seconds: number } {
  const file = seedFile(directory)
  if (!existsSync(file)) throw new Error(`there is no authenticator app in ${directory}: start npm run dev first`)
  return { code: codeAt(readFileSync(file, 'utf8'), now), seconds: 30 - (Math.floor(now / 1000) % 30) }
}
