// nauthera keys: signing and cookie keys, never their private parts.
import type { Command } from 'commander'
import { loadKeyRing } from '../store/envelope.ts'
import { createKeys } from '../store/keys.ts'
import type { KeySummary } from '../store/keys.ts'
import { adminEvent, print, settingsOf, withDatabase } from './session.ts'
import type { Session } from './session.ts'

export function addKeyCommands(program: Command, session: Session): void {
  const keys = program.command('keys').description('signing and cookie keys')

  keys
    .command('list')
    .description('list the keys and the key-encryption key that each is encrypted with')
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
    .command('reencrypt')
    .description('encrypt every key anew with the current key-encryption key; the old one may go after that')
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const ring = loadKeyRing(settingsOf(session).keysDirectory)
        const events = [adminEvent('keys.reencrypt'), { event: 'key.reencrypted', outcome: 'success' } as const]
        const reencrypted = await createKeys({ database, audit, ring }).reencrypt(events)
        print(session, [{ reencrypted, current: ring.currentId }], ['reencrypted', 'current'])
      }),
    )
}

const rowOf = (key: KeySummary, ringIds: readonly string[]) => ({
  id: key.id,
  use: key.use,
  alg: key.alg,
  createdAt: key.createdAt,
  activeAt: key.activeAt,
  encryptedBy: key.encryptedBy,
  inRing: ringIds.includes(key.encryptedBy),
})
