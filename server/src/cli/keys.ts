// nauthera keys: signing and cookie keys, never their private parts.
import { Option } from 'commander'
import type { Command } from 'commander'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import { createKeyFile, readKeyFile } from '../oidc/keys/key-file.ts'
import { statesOf } from '../oidc/keys/key-set.ts'
import { cuts } from '../oidc/keys/leak.ts'
import type { Cut } from '../oidc/keys/leak.ts'
import { createKeyRing } from '../oidc/keys/ring.ts'
import { keyPolicy } from '../oidc/lifetimes.ts'
import { loadKeyRing } from '../store/driver/envelope.ts'
import { createFactors } from '../store/factors/factors.ts'
import { deleteLost } from '../store/lost-keys.ts'
import { createKeys } from '../store/tokens/keys.ts'
import type { KeySummary } from '../store/tokens/keys.ts'
import { confirm } from './terminal/confirm.ts'
import { adminEvent, print, printHint, settingsOf, withDatabase } from './terminal/session.ts'
import type { CommandSession } from './terminal/session.ts'

export function addKeyCommands(program: Command, session: CommandSession): void {
  const keys = program.command('keys').description('manage signing and cookie keys')

  keys
    .command('list')
    .description('list the keys, what each does now, and the key-encryption key that encrypts it')
    .addHelpText(
      'after',
      `
States: next (published, not used yet), active (makes what is new), retiring (still verifies what it made),
removed (of no use; a server deletes it soon). USE is sig, cookie, or file: a signing key from signing.jwksFile.`,
    )
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const { keysDirectory, signing } = settingsOf(session)
        const ring = loadKeyRing(keysDirectory)
        const summaries = await createKeys({ database, audit, ring }).summaries()
        const states = statesOf(summaries, Date.now(), keyPolicy(signing), await placesIn(session))
        print(
          session,
          summaries.map((key) => ({ ...rowOf(key, ring.ids), state: states.get(key.id) })),
          ['id', 'use', 'alg', 'state', 'createdAt', 'activeAt', 'encryptedBy', 'inRing'],
        )
      }),
    )

  addRotate(keys, session)
  addGiveUp(keys, session)

  keys
    .command('reencrypt')
    .description(
      'encrypt again, with the current key-encryption key, every key, every seed of an authenticator app and every mail that waits; then the old one can be removed',
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

function addGiveUp(keys: Command, session: CommandSession): void {
  keys
    .command('give-up')
    .description('delete what no key of the ring opens, when a key-encryption key is lost for good and in no backup')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
First look for the key in a backup: "nauthera backup secrets". Afterwards servers make new signing and cookie keys at their start:
everybody signs in again, and people whose authenticator app is deleted set up a new one. Until then their password alone
is enough, unless the setting secondFactor wants more.

Example:
  nauthera keys list && nauthera keys give-up`,
    )
    .action(async (options: { yes?: boolean }) => {
      const ring = loadKeyRing(settingsOf(session).keysDirectory)
      const question = `Delete what other keys than ${ring.ids.join(', ')} have encrypted? It is gone for good. [y/N] `
      if (options.yes !== true) await confirm(session.terminal, question)
      await withDatabase(session, async (opened) => {
        const given = await deleteLost(opened, ring.ids, [adminEvent('keys.give-up')])
        print(session, [{ ...given }], ['keys', 'apps', 'mails'])
      })
    })
}

/** @returns the place of each key in signing.jwksFile; none without a usable file */
async function placesIn(session: CommandSession): Promise<ReadonlyMap<string, number>> {
  const { jwksFile, algorithms } = settingsOf(session).signing
  if (jwksFile === undefined) return new Map()
  try {
    return new Map((await readKeyFile(jwksFile, algorithms)).map(({ kid }, place) => [kid, place]))
  } catch (error) {
    printHint(session, `${describeError(error)}; the states are shown without that file`)
    return new Map()
  }
}

interface RotateOptions {
  readonly now?: boolean
  readonly cut?: Cut | true
  readonly yes?: boolean
}

function addRotate(keys: Command, session: CommandSession): void {
  keys
    .command('rotate')
    .description('create the next signing and cookie keys now; ACTIVE-AT says when they come into use')
    .option('--now', 'for a key that leaked: use the new keys as soon as applications have them, in about 6 minutes')
    .addOption(
      new Option(
        '--cut [what]',
        'with --now: end the old keys at once, and refuse what they signed; signing keys unless you say cookies or all',
      ).choices(cuts),
    )
    .option('--yes', 'with --cut: do not ask')
    .addHelpText(
      'after',
      `
Without options, new keys are published signing.publishBefore before they are used. Nothing breaks.
With --now, they are published now and used in about 6 minutes, when applications have read /jwks again. Programs that keep
/jwks longer refuse new tokens until they read it again: Kafka for up to an hour.
A thief can go on with an old key: what it signed is accepted until the longest token has ended.
With --now --cut, the old keys are gone at once. docs/keys.md says what breaks.

Examples:
  nauthera keys rotate && nauthera keys list
  nauthera keys rotate --now --cut`,
    )
    .action(async (options: RotateOptions) => rotate(session, options))
}

async function rotate(session: CommandSession, options: RotateOptions): Promise<void> {
  const cut = options.cut === true ? 'signing' : options.cut
  if (cut !== undefined && options.now !== true) throw usage('--cut', 'is for a key that leaked; give --now with it')
  if (cut !== undefined && options.yes !== true)
    await confirm(session.terminal, `${whatBreaks[cut].join(' ')} Go on? [y/N] `)
  await withDatabase(session, async ({ database, audit, log }) => {
    const { keysDirectory, signing } = settingsOf(session)
    const { algorithms, jwksFile: path } = signing
    const store = createKeys({ database, audit, ring: loadKeyRing(keysDirectory) })
    const before = await store.summaries()
    const file = path === undefined ? undefined : createKeyFile({ path, algorithms, log })
    const ring = createKeyRing({ keys: store, algorithms, policy: keyPolicy(signing), file, now: Date.now, log })
    try {
      if (cut !== undefined) sayCut(session, cut, await ring.cutOff(cut), path)
      else if (options.now === true) await ring.publishNow()
      else await ring.rotate()
    } catch (error) {
      if (hasCode(error, 'STORE_UNAVAILABLE') && cut === undefined)
        printHint(session, 'run the command again: a key that was made already is taken, and none is made twice')
      throw error
    } finally {
      await ring.stop()
    }
    const how = cut === undefined ? (options.now === true ? 'now' : 'usual') : `cut ${cut}`
    audit.record(adminEvent('keys.rotate', { detail: { how } }))
    if (path !== undefined && cut === undefined)
      printHint(session, `signing keys come from ${path}: a new one is made there. This made cookie keys only`)
    tellNext(session, before, await store.summaries(), options)
  })
}

/** Prints the new keys, and when they become active. */
function tellNext(
  session: CommandSession,
  before: readonly KeySummary[],
  after: readonly KeySummary[],
  { now, cut }: RotateOptions,
): void {
  const known = new Set(before.map(({ id }) => id))
  for (const key of after.filter(
    ({ id, use, activeAt }) => use !== 'file' && known.has(id) && activeAt.getTime() > Date.now(),
  )) {
    const name = key.use === 'sig' ? `signing key for ${key.alg}` : 'cookie key'
    printHint(
      session,
      `the next ${name} was there already, and is used from ${key.activeAt.toISOString()} on: ${key.id}`,
    )
  }
  if (now === true && cut === undefined)
    printHint(
      session,
      'published, and used in about 6 minutes. Programs that keep /jwks longer refuse new tokens until they read it again: Kafka for up to an hour. What the old keys signed is taken until it ends; to end it now, give --cut too',
    )
  const made = after.filter(({ id }) => !known.has(id))
  print(
    session,
    made.map((key) => rowOf(key)),
    ['id', 'use', 'alg', 'activeAt'],
  )
}

function sayCut(session: CommandSession, cut: Cut, ended: number, path: string | undefined): void {
  printHint(session, ended === 0 ? 'no key was cut off' : `${ended} keys were cut off. ${whatBreaks[cut].join(' ')}`)
  if (path !== undefined && cut !== 'cookies')
    printHint(
      session,
      `of the signing keys, those that are not in ${path} any more: take a key that leaked out of it first`,
    )
}

const brokenTokens = [
  'ID tokens and JWT access tokens that the old keys signed are refused here from now on.',
  'Applications and APIs that keep /jwks take them for up to 5 minutes more, or for as long as they keep it, and refuse new ones until they read it again.',
  'kubectl: kube-apiserver refuses new ones for up to 5 minutes, and takes old ones until it has met a new one after that; docs/keys.md says how to end both at once.',
]
const brokenCookies = [
  'Everybody is signed out.',
  'Refresh tokens, opaque access tokens, codes and sign-ins that are under way are refused: applications must send people to sign in again.',
]

/** What breaks, printed before and after. */
const whatBreaks: Readonly<Record<Cut, readonly string[]>> = {
  signing: brokenTokens,
  cookies: brokenCookies,
  all: [...brokenTokens, ...brokenCookies],
}

const usage = (path: string, message: string): CodedError =>
  new CodedError('USAGE_INVALID', { faults: [{ path, message }] })

const rowOf = (key: KeySummary, ringIds: readonly string[] = [key.encryptedBy]) => ({
  id: key.id,
  use: key.use,
  alg: key.alg,
  createdAt: key.createdAt,
  activeAt: key.activeAt,
  encryptedBy: key.encryptedBy,
  inRing: ringIds.includes(key.encryptedBy),
})
