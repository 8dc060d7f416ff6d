// Where the secrets of a spoke go: the mirror in the hub, in place of shards and replicas (ADR 35).
import { shortDigest } from '@nauthera/proto/digest'
import { findPresentCondition } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { timeOf } from '../api/time-text.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import type { SecretOutlet } from '../secret/outlet.ts'
import { entryKey } from '../shards/client-entry.ts'
import { hubName } from './hub-state.ts'
import type { HubState } from './hub-state.ts'
import { endedIdsIn, entryIn, versionIn, verifiersIn } from './mirror.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'

export function createMirrorSecrets(needs: {
  mirrors: Pick<Mirrors, 'find' | 'isCurrent' | 'ask' | 'forget'>
  state: Pick<HubState, 'fault' | 'clock'>
  findClient: (key: string) => OIDCClient | undefined
}): SecretOutlet {
  const { mirrors, state } = needs
  const now = () => state.clock.now()
  const ofMirror = <T>(key: string, ask: (mirror: Mirror) => T): T | undefined => {
    const mirror = mirrors.find(key)
    return mirror && ask(mirror)
  }
  return {
    shards: {
      stored: (key) =>
        ofMirror(key, (mirror) => {
          const client = mirrors.isCurrent(key) ? needs.findClient(key) : undefined
          return { entry: entryIn(mirror, client && versionIn(client), now()) }
        }),
      // a mirror is forgotten at once
      isLeaving: () => false,
      bornAt: () => undefined,
      hidesRestored: true,
      isUnheardOf: (key) => mirrors.find(key) === undefined,
      endedIds: (key) => ofMirror(key, (mirror) => endedIdsIn(mirror, now())) ?? [],
      setClient: (client) => mirrors.ask(client),
      // of a client without a mirror nothing is certain; in one that is there all stays but what stops it today
      setUndecided: (client) => {
        if (mirrors.find(entryKey(client))) mirrors.ask(client)
      },
      remove: (key) => mirrors.forget(key),
    },
    replicas: {
      // a hub that says nothing is one replica that is not reached; it is never none
      list: () => [hubName],
      goingUntil: () => undefined,
      lastUsed: (key, id) =>
        ofMirror(key, ({ status }) => timeOf(status?.verifiers?.find((one) => one.id === id)?.lastUsed)),
      usesKnownSince: (key) => ofMirror(key, (mirror) => knownSince(mirror, now())),
    },
    follow: {
      entry: (key) =>
        ofMirror(key, (mirror) => {
          const hasSecret = verifiersIn(mirror, now()).length > 0
          return hasSecret ? progress(mirror, state, areAccepted(mirror, now())) : configOf(mirror, needs, key)
        }),
      config: (key) => ofMirror(key, (mirror) => configOf(mirror, needs, key)),
      refuses: (key, id) => ofMirror(key, (mirror) => isRefused(mirror, id, needs)) ?? true,
    },
  }
}

/** Since when every use up to now is known. The hub says it as of a time in the past: what is later than that is unknown, so the quiet
 *  period of each secret begins that much later. */
function knownSince({ status }: Mirror, now: number): number | undefined {
  const [since, until] = [timeOf(status?.usesKnownSince), timeOf(status?.usesKnownUntil)]
  if (since === undefined || until === undefined) return undefined
  const known = (status?.verifiers ?? []).flatMap(({ firstSeen, lastUsed, notAfter }) => [
    timeOf(firstSeen),
    notAfter === undefined ? undefined : timeOf(lastUsed),
  ])
  return Math.max(since, ...known.filter((at) => at !== undefined)) + Math.max(0, now - until)
}

/** Whether every replica of the hub accepts every verifier of this very generation. */
function areAccepted(mirror: Mirror, now: number): boolean {
  const { verifiers = [], verifiersGeneration = 0 } = mirror.status ?? {}
  return (
    verifiersGeneration >= mirror.metadata.generation &&
    verifiersIn(mirror, now).every(({ sha256 }) =>
      verifiers.some(({ id, acceptedByAll }) => acceptedByAll && id === shortDigest(sha256)),
    )
  )
}

/** Whether every replica of the hub refuses a secret: the mirror lists it no more, and the hub, in a status of this generation, neither takes
 *  it any longer, as it does of a version that it refuses, nor names it as ending. */
function isRefused(mirror: Mirror, id: string, { state }: { state: Pick<HubState, 'fault' | 'clock'> }): boolean {
  const { observedGeneration = 0, secret, verifiers = [] } = mirror.status ?? {}
  return (
    state.fault === undefined &&
    observedGeneration >= mirror.metadata.generation &&
    !verifiersIn(mirror, state.clock.now()).some((one) => one.id === id) &&
    ![...verifiers, ...(secret?.previous ?? [])].some((one) => one.id === id)
  )
}

function configOf(
  mirror: Mirror,
  { mirrors, state }: { mirrors: Pick<Mirrors, 'isCurrent'>; state: Pick<HubState, 'fault'> },
  key: string,
): Propagation {
  const said = mirrors.isCurrent(key) ? findPresentCondition(mirror, 'Propagated') : undefined
  const made = progress(mirror, state, said?.status === 'True')
  if (said?.reason !== 'RejectedByServer') return made
  return { ...made, rejected: [{ replica: hubName, field: 'spec', code: said.reason, message: said.message }] }
}

/** @param isEverywhere every replica of the hub has it, as far as the hub has said */
function progress(mirror: Mirror, state: Pick<HubState, 'fault'>, isEverywhere: boolean): Propagation {
  const { loaded = 0, total = 0 } = mirror.status?.replicas ?? {}
  const isSilent = state.fault !== undefined
  const applied = isEverywhere && !isSilent
  return {
    loaded,
    total: Math.max(1, total),
    lagging: isEverywhere ? [] : [hubName],
    unreachable: isSilent ? [hubName] : [],
    rejected: [],
    applied,
    accepted: applied,
  }
}
