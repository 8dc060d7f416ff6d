// nauthera keys: signing and cookie keys, never their private parts.
import { Option } from 'commander'
import type { Command } from 'commander'
import { CodedError, hasCode } from '@nauthera/runtime/coded-error'
import { describeError } from '@nauthera/runtime/log'
import { createKeyFile, readKeyFile } from '../oidc/keys/key-file.ts'
import { statesOf } from '../oidc/keys/key-set.ts'
import type { ListedKey } from '../oidc/keys/key-set.ts'
import { cuts } from '../oidc/keys/leak.ts'
import type { Cut } from '../oidc/keys/leak.ts'
import { createKeyRing } from '../oidc/keys/ring.ts'
import { keyPolicy } from '../oidc/lifetimes.ts'
import { loadKeyRing } from '../store/driver/envelope.ts'
import { createFactors } from '../store/factors/factors.ts'
import { deleteLost, findLost } from '../store/lost-keys.ts'
import type { LostRows } from '../store/lost-keys.ts'
import { createKeys, isCut } from '../store/tokens/keys.ts'
import type { KeyList, KeySummary, UnreadableKey } from '../store/tokens/keys.ts'
import { confirm } from './terminal/confirm.ts'
import { adminEvent, print, printHint, settingsOf, withDatabase } from './terminal/session.ts'
import type { CommandSession, Opened } from './terminal/session.ts'

/** @param setExitCode 1 when a row was left */
export function addKeyCommands(program: Command, session: CommandSession, setExitCode: (code: number) => void): void {
  const keys = program.command('keys').description('manage signing and cookie keys')

  keys
    .command('list')
    .description('list the keys, what each does now, which key-encryption key encrypts it, and whether it opens')
    .addHelpText(
      'after',
      `
States: next (published, not used yet), active (makes what is new), retiring (still verifies what it made),
removed (of no use; a server deletes it soon). A key that does not open is left as it is, and makes nothing. USE is sig, cookie, or file: a signing key from signing.jwksFile.`,
    )
    .action(async () =>
      withDatabase(session, async ({ database, audit }) => {
        const { keysDirectory, signing } = settingsOf(session)
        const list = await createKeys({ database, audit, ring: loadKeyRing(keysDirectory) }).list()
        const states = statesOf(allOf(list), list.at, keyPolicy(signing), await placesIn(session))
        print(
          session,
          allOf(list).map((key) => ({ ...rowOf(key), state: states.get(key.id) })),
          ['id', 'use', 'alg', 'state', 'createdAt', 'activeAt', 'encryptedBy', 'opens'],
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
      withDatabase(session, async (opened) => {
        const { ring, ...stores } = storesOf(session, opened)
        const events = [adminEvent('keys.reencrypt'), { event: 'key.reencrypted', outcome: 'success' } as const]
        const all = [
          await stores.keys.reencrypt(events),
          await stores.factors.reencrypt(),
          await stores.outbox.reencrypt(),
        ]
        const left = all.flatMap((each) => each.left)
        const reencrypted = all.reduce((sum, { done }) => sum + done, 0)
        for (const { fault } of left.slice(0, mostNamed)) printHint(session, describeError(fault))
        if (left.length > 0) {
          printHint(
            session,
            `${left.length} rows do not open; they are left as they are. ${lookAtRing} "nauthera keys give-up" deletes them.`,
          )
          setExitCode(1)
        }
        const row = { reencrypted, left: left.length, current: ring.currentId }
        print(session, [row], ['reencrypted', 'left', 'current'])
      }),
    )
}

/** So many of the rows that do not open are named one by one. */
const mostNamed = 20
const lookAtRing =
  'First look whether the ring is the right one: servers that run, and "nauthera backup secrets", may have it.'

function storesOf(session: CommandSession, { database, audit, outbox, changes }: Opened) {
  const ring = loadKeyRing(settingsOf(session).keysDirectory)
  const keys = createKeys({ database, audit, ring })
  return { ring, keys, factors: createFactors({ database, audit, outbox, ring, changes }), outbox }
}

function addGiveUp(keys: Command, session: CommandSession): void {
  keys
    .command('give-up')
    .description('delete what no key of the ring opens, when a key-encryption key is lost for good and in no backup')
    .option(
      '--pairwise <id>',
      'delete the key of pairwise subjects too, by its id: each client with pairwise subjects then meets everybody under another sub',
    )
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
First look for the key in a backup: "nauthera backup secrets". It tries each row, so it also finds one that is damaged, and a ring
with other bytes under the same name. Afterwards servers make new signing and cookie keys: everybody whose session, token or code
came of a deleted key signs in again, and people whose authenticator app is deleted set up a new one. Until then their password
is enough, unless the setting secondFactor wants more.

The key of pairwise subjects stays, unless --pairwise names it. While it does not open, sign-ins at clients with pairwise subjects
are refused. Once it is deleted, a new one is made, and those clients take each person for somebody else, for ever.

Examples:
  nauthera keys list && nauthera keys give-up
  nauthera keys give-up --pairwise 5e0c1a2b`,
    )
    .action(async (options: GiveUpOptions) =>
      withDatabase(session, async (opened) => {
        const { ring, ...stores } = storesOf(session, opened)
        const lost = await findLost(stores)
        const { doomed, kept } = withoutPairwise(lost, options.pairwise)
        if (lost.keys.length > 0 && (await stores.keys.list()).opened.every(isCut))
          printHint(session, `no key opens at all: this may be the wrong ring. ${lookAtRing}`)
        for (const { id } of kept)
          printHint(
            session,
            `the key of pairwise subjects ${id} does not open either. It stays: clients with pairwise subjects are refused until it opens. To delete it, so that they meet everybody under another sub, give --pairwise ${id}`,
          )
        if (options.yes !== true) await confirm(session.terminal, questionOf(doomed, ring.ids))
        print(
          session,
          [{ ...(await deleteLost(opened, doomed, [adminEvent('keys.give-up')])) }],
          ['keys', 'apps', 'mails'],
        )
      }),
    )
}

interface GiveUpOptions {
  readonly pairwise?: string
  readonly yes?: boolean
}

/** @param named the key of pairwise subjects that is to go
 *  @throws CodedError USAGE_INVALID when that one opens, or is none */
function withoutPairwise(lost: LostRows, named: string | undefined): { doomed: LostRows; kept: UnreadableKey[] } {
  const kept = lost.keys.filter((key) => isPairwise(key) && key.id !== named)
  if (named !== undefined && !lost.keys.some((key) => isPairwise(key) && key.id === named))
    throw usage('--pairwise', `${named} is no key of pairwise subjects that does not open; see "nauthera keys list"`)
  return { doomed: { ...lost, keys: lost.keys.filter((key) => !kept.includes(key)) }, kept }
}

/** As in the ring: what is for nothing else may be that key, with a damaged row. */
const isPairwise = ({ use }: KeySummary): boolean => !['sig', 'cookie', 'file'].includes(use)

function questionOf({ keys, apps, mails }: LostRows, ringIds: readonly string[]): string {
  const named = keys.map((key) =>
    isPairwise(key)
      ? `the key of pairwise subjects ${key.id}: each client with pairwise subjects will meet everybody under another sub, for ever`
      : `${key.use} ${key.id}`,
  )
  const list = named.length === 0 ? '' : ` (${named.join(', ')})`
  return `Delete ${keys.length} keys${list}, ${apps.length} authenticator apps and ${mails.length} waiting mails, which no key of ${ringIds.join(', ')} opens? They are gone for good. [y/N] `
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
    const before = await store.list()
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
    tellNext(session, before, await store.list(), options)
  })
}

/** Prints the new keys, and when they become active. */
function tellNext(session: CommandSession, before: KeyList, after: KeyList, { now, cut }: RotateOptions): void {
  const known = new Set(allOf(before).map(({ id }) => id))
  const waits = ({ use, activeAt }: KeySummary) => use !== 'file' && activeAt.getTime() > after.at
  for (const key of after.opened.filter((one) => known.has(one.id) && waits(one))) {
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
  const made = allOf(after).filter(({ id }) => !known.has(id))
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

const allOf = ({ opened, unreadable }: KeyList): ListedKey[] =>
  [...opened, ...unreadable].toSorted((one, other) => +one.createdAt - +other.createdAt)

const rowOf = (key: ListedKey) => ({
  id: key.id,
  use: key.use,
  alg: key.alg,
  createdAt: key.createdAt,
  activeAt: key.activeAt,
  encryptedBy: key.encryptedBy,
  opens: key.fault === undefined,
})
