// When each client secret was used last. Told to the agent every few seconds, only what changed.
import type { Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { RefusalCounts } from './refusals.ts'
import type { ClientRefusals, SeenRefusal } from './refusals.ts'
import type { RegisteredClient } from './registered-client.ts'
import type { Registry } from './registry.ts'
import { systemClocks } from './verifiers.ts'

export interface SecretUse {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly secretId: string
  /** Epoch milliseconds. */
  readonly lastUsed: number
}

export interface IdentityUse {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly identity: Identity
  /** Epoch milliseconds. */
  readonly lastUsed: number
}

/** Whether the document of its sector lists a client. */
export interface SectorProofReport {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly generation: bigint
  /** What is wrong; empty when nothing is. */
  readonly fault: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** What was seen of the codes that a client redeemed; epoch milliseconds, to within an hour. */
export interface CodeUseReport {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly protectedAt?: number
  readonly unprotectedAt?: number
  /** The last one of which no scope was left out. */
  readonly wholeAt?: number
  /** By scope: the last one of which it was left out. */
  readonly leftOut: Readonly<Record<string, number>>
}

/** A code that a client has redeemed. */
export interface RedeemedCode {
  /** undefined of a client of which that is not told */
  readonly isProtected: boolean | undefined
  /** Scopes about the person that were asked for, and that the client does not list. */
  readonly leftOut: readonly string[]
}

/** A time of a CodeUse is told anew when it is older than this. */
const codeUseMs = 3_600_000

/** What changed since somebody asked last. */
export interface UsageReport {
  readonly uses: readonly SecretUse[]
  readonly identities: readonly IdentityUse[]
  readonly sectors: readonly SectorProofReport[]
  readonly codes: readonly CodeUseReport[]
  readonly refusals: readonly ClientRefusals[]
  readonly cursor: number
  /** For how long uses have been counted, milliseconds. */
  readonly coversMs: number
}

export interface UsageRecorder {
  touch(client: RegisteredClient, secretId: string): void
  /** The identity that proved the client last. */
  touchIdentity(client: RegisteredClient, identity: Identity): void
  /** What the document of the client's sector says of it now; what was said before of the same version is no news.
   *  @param fault empty when the document lists it */
  touchSector(client: RegisteredClient, fault: string): void
  /** The client has redeemed a code. */
  touchCode(client: RegisteredClient, code: RedeemedCode): void
  /** A request in the name of the client was refused. */
  countRefusal(client: RegisteredClient, refusal: SeenRefusal): void
  /** @param cursor 0 for everything that is known, then what the last call returned */
  since(cursor: number): UsageReport
  /** Forgets clients that are gone. */
  keepOnly(registry: Registry): void
}

export function createUsage(needs: { now: () => number; monotonic?: () => number } = { now: Date.now }): UsageRecorder {
  const monotonic = needs.monotonic ?? systemClocks.monotonic
  const startedAt = monotonic()
  const uses = new Map<string, { use: SecretUse; order: number }>()
  const identities = new Map<string, OfClient<IdentityUse>>()
  const sectors = new Map<string, OfClient<SectorProofReport>>()
  const codes = new Map<string, OfClient<CodeUseReport>>()
  const refusals = new RefusalCounts(needs.now)
  let order = 0
  return {
    touch({ namespace, name, clientId }, secretId) {
      const use = { namespace, name, clientId, secretId, lastUsed: needs.now() }
      uses.set(`${clientId} ${secretId}`, { use, order: ++order })
    },
    touchIdentity({ namespace, name, clientId, uid }, identity) {
      const use = { namespace, name, clientId, identity, lastUsed: needs.now() }
      identities.set(clientId, { uid, use, order: ++order })
    },
    touchSector(client, fault) {
      const { namespace, name, clientId, uid, version } = client
      const { generation } = version
      const before = ofOwner(sectors.get(clientId), client)
      if (before?.fault === fault && before.generation === generation) return
      const use = { namespace, name, clientId, generation, fault, at: needs.now() }
      sectors.set(clientId, { uid, use, order: ++order })
    },
    touchCode(client, code) {
      const { namespace, name, clientId, uid } = client
      const before = ofOwner(codes.get(clientId), client)
      const now = needs.now()
      const isOld = (at = Number.NEGATIVE_INFINITY) => now - at >= codeUseMs
      const times = timesOf(code).filter((time) => isOld(before?.[time]))
      const scopes = code.leftOut.filter((scope) => isOld(before?.leftOut[scope]))
      if (times.length + scopes.length === 0) return
      const known = { namespace, name, clientId, ...before, ...allAt(now, times) }
      const use = { ...known, leftOut: { ...before?.leftOut, ...allAt(now, scopes) } }
      codes.set(clientId, { uid, use, order: ++order })
    },
    countRefusal(client, refusal) {
      if (refusals.count(client, refusal, order + 1)) order++
    },
    since(cursor) {
      const changed = <Use>(known: ReadonlyMap<string, { use: Use; order: number }>): Use[] =>
        [...known.values()].filter((one) => one.order > cursor).map(({ use }) => use)
      return {
        uses: changed(uses),
        identities: changed(identities),
        sectors: changed(sectors),
        codes: changed(codes),
        refusals: refusals.since(cursor, () => ++order),
        cursor: order,
        coversMs: monotonic() - startedAt,
      }
    },
    keepOnly(registry) {
      refusals.keepOnly(registry)
      for (const known of [identities, sectors, codes])
        for (const [clientId, { uid }] of known) if (registry.find(clientId)?.uid !== uid) known.delete(clientId)
      for (const [key, { use }] of uses) {
        const client = registry.find(use.clientId)
        if (client?.verifiers.some((verifier) => verifier.id === use.secretId) !== true) uses.delete(key)
      }
    },
  }
}

const timesOf = ({ isProtected, leftOut }: RedeemedCode): ('protectedAt' | 'unprotectedAt' | 'wholeAt')[] => [
  ...(isProtected === undefined ? [] : [isProtected ? ('protectedAt' as const) : ('unprotectedAt' as const)]),
  ...(leftOut.length === 0 ? (['wholeAt'] as const) : []),
]

const allAt = (now: number, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, now]))

interface OfClient<Use> {
  readonly uid: string
  readonly use: Use
  readonly order: number
}

/** @returns what is known of a client id, unless another object had it then, be it an earlier one of the same name */
const ofOwner = <Use>(known: OfClient<Use> | undefined, { uid }: RegisteredClient): Use | undefined =>
  known?.uid === uid ? known.use : undefined
