// nauthera keys: signing and cookie keys, never their private parts.
import type { Command } from 'commander'
import { timesOf } from '../oidc/keys/key-set.ts'
import { createKeyRing } from '../oidc/keys/ring.ts'
import { keyStates } from '../oidc/keys/states.ts'
import { keyPolicy } from '../oidc/lifetimes.ts'
import { loadKeyRing } from '../store/envelope.ts'
import { createFactors } from '../store/factors.ts'
import { createKeys } from '../store/keys.ts'
import type { KeySummary } from '../store/keys.ts'
import { adminEvent, print, say, settingsOf, withDatabase } from './session.ts'
import type { Session } from './session.ts'

export function addKeyCommands(program: Command, session: Session): void {
  const keys = program.command('keys').description('manage signing and cookie keys')

  keys
    .command('list')
    .description('list the keys, what each does now, and the key-encryption key that encrypts it')
    .addHelpText(
      'after',
      `
States: next (published, not used yet), active (makes what is new), retiring (still verifies what it made),
removed (of no use; a server deletes it soon).`,
    )
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const { keysDirectory, signing } = settingsOf(session)
        const ring = loadKeyRing(keysDirectory)
        const summaries = await createKeys({ database, audit, ring }).summaries()
        const states = keyStates(summaries.map(timesOf), Date.now(), keyPolicy(signing))
        print(
          session,
          summaries.map((key) => ({ ...rowOf(key, ring.ids), state: states.get(key.id) })),
          ['id', 'use', 'alg', 'state', 'createdAt', 'activeAt', 'encryptedBy', 'inRing'],
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
        const after = await keys.summaries()
        const made = after.filter((key) => !known.has(key.id))
        for (const key of after.filter(({ id, activeAt }) => known.has(id) && activeAt.getTime() > Date.now())) {
          const name = key.use === 'sig' ? `signing key for ${key.alg}` : 'cookie key'
          say(
            session,
            `the next ${name} was there already, and is used from ${key.activeAt.toISOString()} on: ${key.id}`,
          )
        }
        print(
          session,
          made.map((key) => rowOf(key)),
          ['id', 'use', 'alg', 'activeAt'],
        )
      }),
    )

  keys
    .command('reencrypt')
    .description(
      'encrypt every key, every seed of an authenticator app and every mail that waits again, with the current key-encryption key; then the old one can be removed',
    )
    .action(async () =>
      withDatabase(session, async ({ database, audit, outbox, changes }) => {
        const ring = loadKeyRing(settingsOf(session).keysDirectory)
        const events = [adminEvent('keys.reencrypt'), { event: 'key.reencrypted', outcome: 'success' } as const]
        const reencrypted = await createKeys({ database, audit, ring }).reencrypt(events)
        const seeds = await createFactors({ database, audit, outbox, ring, changes }).reencrypt()
        const mails = await outbox.reencrypt()
        print(
          session,
          [{ reencrypted: reencrypted + seeds + mails, current: ring.currentId }],
          ['reencrypted', 'current'],
        )
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
