// nauthera keys: signing and cookie keys, never their private parts.
import type { Command } from 'commander'
import { createKeyRing } from '../oidc/keys/ring.ts'
import { keyPolicy } from '../oidc/lifetimes.ts'
import { loadKeyRing } from '../store/envelope.ts'
import { createKeys } from '../store/keys.ts'
import type { KeySummary } from '../store/keys.ts'
import { adminEvent, print, settingsOf, withDatabase } from './session.ts'
import type { Session } from './session.ts'

export function addKeyCommands(program: Command, session: Session): void {
  const keys = program.command('keys').description('manage signing and cookie keys')

  keys
    .command('list')
    .description('list the keys, each with the key-encryption key that encrypts it')
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const ring = loadKeyRing(settingsOf(session).keysDirectory)
        const summaries = await createKeys({ database, audit, ring }).summaries()
        print(
          session,
          summaries.map((key) => rowOf(key, ring.ids)),
          ['id', 'use', 'alg', 'createdAt', 'activeAt', 'encryptedBy', 'inRing'],
        )
      }),
    )

  keys
    .command('rotate')
    .description('create the next signing and cookie keys now; ACTIVE-AT says from when they are used')
    .addHelpText('after', '\nExample:\n  nauthera keys rotate && nauthera keys list')
    .action(async () =>
      withDatabase(session, async ({ database, audit, log }) => {
        const { keysDirectory, signing } = settingsOf(session)
        const keys = createKeys({ database, audit, ring: loadKeyRing(keysDirectory) })
        const known = new Set((await keys.summaries()).map((key) => key.id))
        const policy = keyPolicy(signing)
        const ring = createKeyRing({ keys, algorithms: signing.algorithms, policy, now: Date.now, log })
        try {
          await ring.rotate()
        } finally {
          await ring.stop()
        }
        audit.record(adminEvent('keys.rotate'))
        const made = (await keys.summaries()).filter((key) => !known.has(key.id))
        print(
          session,
          made.map((key) => rowOf(key)),
          ['id', 'use', 'alg', 'activeAt'],
        )
      }),
    )

  keys
    .command('reencrypt')
    .description('encrypt every key again, with the current key-encryption key; then the old one can be removed')
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const ring = loadKeyRing(settingsOf(session).keysDirectory)
        const events = [adminEvent('keys.reencrypt'), { event: 'key.reencrypted', outcome: 'success' } as const]
        const reencrypted = await createKeys({ database, audit, ring }).reencrypt(events)
        print(session, [{ reencrypted, current: ring.currentId }], ['reencrypted', 'current'])
      }),
    )
}

const rowOf = (key: KeySummary, ringIds: readonly string[] = [key.encryptedBy]) => ({
  id: key.id,
  use: key.use,
  alg: key.alg,
  createdAt: key.createdAt,
  activeAt: key.activeAt,
  encryptedBy: key.encryptedBy,
  inRing: ringIds.includes(key.encryptedBy),
})
