// One client in the hub: what is stored there, what is asked for, what was refused, and what is to be written next. Pure.
import { isDeepStrictEqual } from 'node:util'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { ClientForShard } from '../shards/client-entry.ts'
import { buildMirror, isAsWanted, isSameVersionOf, restrainMirror } from './build-mirror.ts'
import type { AboutMirror, WantedMirror } from './build-mirror.ts'
import type { MirrorRefusal } from './mirror-calls.ts'
import type { Mirror } from './mirror.ts'

/** What may go out: the present version of the client, or the last good one with what stops or narrows the client today. */
export interface MirrorWish {
  readonly kind: 'present' | 'restrained'
  readonly wanted: WantedMirror
}

/** The values are replaced, never changed. */
export interface MirrorRecord {
  /** As last seen or written. */
  readonly stored?: Mirror
  /** What the looks at the client ask for. */
  readonly asked?: ClientForShard
  /** The version that the hub took last. */
  readonly good?: WantedMirror
  /** What a write was answered with: the API server of the hub may fill in defaults that we do not know. */
  readonly sent?: { readonly wanted: WantedMirror; readonly uid: string; readonly generation: number }
  /** What is being written now. */
  readonly writing?: MirrorWish
  /** The present version as the hub does not take it. */
  readonly refused?: RefusedVersion
  /** A write of it was not answered: whether the hub would take it is not known. */
  readonly unanswered?: WantedMirror
  /** Why the hub does not even take what stops or narrows the client. */
  readonly unrestrained?: MirrorRefusal
  /** Its write found a hub that may not be written to. */
  readonly isHeld?: boolean
}

interface RefusedVersion extends MirrorRefusal {
  readonly wanted: WantedMirror
  /** Of the client that it is a version of. */
  readonly generation: number
  /** It is time to ask the hub again. */
  readonly isDue: boolean
}

export type MirrorEvent =
  /** A watch, a list or a read tells it. */
  | { readonly kind: 'seen'; readonly mirror: Mirror }
  | { readonly kind: 'deleted'; readonly uid: string }
  /** Read for itself: it counts also where it is older, since a restore of the hub sets it back. */
  | { readonly kind: 'read'; readonly mirror: Mirror | undefined }
  | { readonly kind: 'asked'; readonly client: ClientForShard }
  | { readonly kind: 'forgotten' | 'held' | 'released' | 'due' }
  | { readonly kind: 'settled'; readonly isPresent: boolean }
  | { readonly kind: 'begun'; readonly wish: MirrorWish }
  | { readonly kind: 'failed' | 'overtaken' }
  | { readonly kind: 'taken'; readonly mirror: Mirror }
  | { readonly kind: 'refused'; readonly refusal: MirrorRefusal; readonly generation: number }

/** @returns the record after what happened */
export function afterEvent(record: MirrorRecord, event: MirrorEvent): MirrorRecord {
  const { stored, writing } = record
  switch (event.kind) {
    case 'seen':
      // our own write is newer than what a watch tells
      return isOlder(event.mirror, stored) ? record : { ...record, stored: event.mirror }
    case 'deleted':
      return stored && stored.metadata.uid !== event.uid ? record : without(record, 'stored', 'sent')
    case 'read':
      return event.mirror ? { ...record, stored: event.mirror } : without(record, 'stored', 'sent')
    case 'asked':
      return { ...record, asked: event.client }
    case 'forgotten':
      return without(record, 'asked', 'good', 'refused', 'unanswered', 'unrestrained', 'isHeld')
    case 'held':
      return { ...record, isHeld: true }
    case 'released':
      return without(record, 'isHeld')
    case 'due':
      return record.refused ? { ...record, refused: { ...record.refused, isDue: true } } : record
    case 'settled':
      return event.isPresent
        ? without(record, 'refused', 'unanswered', 'unrestrained')
        : without(record, 'unrestrained')
    case 'begun':
      return { ...record, writing: event.wish }
    case 'overtaken':
      return without(record, 'writing')
    case 'failed':
      return writing?.kind === 'present'
        ? { ...without(record, 'writing'), unanswered: writing.wanted }
        : without(record, 'writing')
    case 'taken':
      return writing ? afterAnswer(record, writing, event.mirror) : record
    case 'refused':
      return writing ? afterRefusal(record, writing, event) : record
  }
}

function afterAnswer(record: MirrorRecord, { kind, wanted }: MirrorWish, mirror: Mirror): MirrorRecord {
  const { uid, generation } = mirror.metadata
  const after = {
    ...without(record, 'writing', 'unrestrained'),
    stored: mirror,
    sent: { wanted, uid, generation },
  }
  return kind === 'present' ? { ...without(after, 'refused', 'unanswered'), good: wanted } : after
}

function afterRefusal(
  record: MirrorRecord,
  { kind, wanted }: MirrorWish,
  { refusal, generation }: Extract<MirrorEvent, { kind: 'refused' }>,
): MirrorRecord {
  const after = without(record, 'writing')
  if (kind === 'restrained') return { ...after, unrestrained: refusal }
  return { ...without(after, 'unanswered'), refused: { ...refusal, wanted, generation, isDue: false } }
}

const isOlder = ({ metadata }: Mirror, known: Mirror | undefined): boolean =>
  known?.metadata.uid === metadata.uid && known.metadata.generation > metadata.generation

function without<K extends keyof MirrorRecord>(record: MirrorRecord, ...fields: readonly K[]): MirrorRecord {
  const left: { -readonly [F in keyof MirrorRecord]: MirrorRecord[F] } = { ...record }
  for (const field of fields) delete left[field]
  return left
}

/** The client as it is today, and what is known around it. */
export interface ClientToday {
  /** Its spec may have any shape. */
  readonly client: OIDCClient
  /** The rules of this cluster let its present version out. */
  readonly isValid: boolean
  readonly about: Pick<AboutMirror, 'namespaceLabels' | 'namespaceBornAt' | 'now'>
}

/** @returns what the hub should have: the present version, when this cluster and the hub take it */
function presentOf(record: MirrorRecord, today: ClientToday): WantedMirror | undefined {
  const about = today.isValid ? aboutOf(record, today) : undefined
  return about && buildMirror(today.client, about)
}

/** @returns the last good version with what stops or narrows the client today; undefined before the hub has taken any */
function restrainedOf(record: MirrorRecord, today: ClientToday): WantedMirror | undefined {
  const about = aboutOf(record, today)
  const good = isOf(today.client, record.good) ? record.good : record.stored
  return about && good && isOf(today.client, good) ? restrainMirror(good, today.client, about) : undefined
}

const isOf = ({ metadata }: OIDCClient, mirror: WantedMirror | undefined): boolean =>
  mirror?.spec.origin?.uid === metadata.uid

/** @returns undefined before anybody asked, or when it was of an earlier object */
function aboutOf({ asked, stored }: MirrorRecord, { client, about }: ClientToday): AboutMirror | undefined {
  if (asked?.uid !== client.metadata.uid) return undefined
  return { ...about, redirectUris: asked.granted?.redirectUris ?? [], verifiers: asked.verifiers, stored }
}

/** Whether the hub has a mirror as it is wanted. */
function hasMirror({ stored, sent }: MirrorRecord, wanted: WantedMirror, now: number): boolean {
  if (!stored) return false
  if (isAsWanted(stored, wanted, now)) return true
  const { uid, generation } = stored.metadata
  return sent?.uid === uid && sent.generation === generation && isAsWanted(sent.wanted, wanted, now)
}

/** What is to be done next. */
export type NextWrite =
  | { readonly kind: 'nothing' }
  /** The hub has all that it takes. `isPresent`: the version too. */
  | { readonly kind: 'settled'; readonly isPresent: boolean }
  | { readonly kind: 'write'; readonly wish: MirrorWish }

/** The version goes out first, since it says what stops the client too. While the hub refuses it, or does not answer to it, the last good one
 *  goes out with what stops the client. */
export function nextWrite(record: MirrorRecord, today: ClientToday): NextWrite {
  const { stored, refused, unanswered } = record
  const { now } = today.about
  // of an earlier object of this name, which nothing here may inherit from: it is removed first
  if (stored && !isOf(today.client, stored)) return { kind: 'nothing' }
  const present = presentOf(record, today)
  if (present && hasMirror(record, present, now)) return { kind: 'settled', isPresent: true }
  const restrained = restrainedOf(record, today)
  const isBehind = restrained !== undefined && !hasMirror(record, restrained, now)
  const isRefused = present && refused && !refused.isDue && isSameVersionOf(refused.wanted, present)
  const isStuck = present && unanswered && isBehind && isSameVersionOf(unanswered, present)
  if (present && !isRefused && !isStuck) return { kind: 'write', wish: { kind: 'present', wanted: present } }
  if (isBehind) return { kind: 'write', wish: { kind: 'restrained', wanted: restrained } }
  return restrained || isRefused ? { kind: 'settled', isPresent: false } : { kind: 'nothing' }
}

/** @returns whether the hub has the present version, and nothing else is being written over it */
export function isPresentIn(record: MirrorRecord, today: ClientToday): boolean {
  const present = presentOf(record, today)
  if (present === undefined || !hasMirror(record, present, today.about.now)) return false
  return record.writing === undefined || isDeepStrictEqual(record.writing.wanted, present)
}

/** @returns whether the hub has what stops or narrows the client today, in whichever version */
export function isRestrainedIn(record: MirrorRecord, today: ClientToday): boolean {
  if (isPresentIn(record, today)) return true
  const restrained = restrainedOf(record, today)
  return record.writing === undefined && restrained !== undefined && hasMirror(record, restrained, today.about.now)
}
