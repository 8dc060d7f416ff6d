// Records uses of client secrets, identities, sectors and codes. The agent gets the changes every few seconds.
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

/** Whether the sector document lists a client. */
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

/** How the codes of a client were protected and its secret was shown; epoch milliseconds, exact to an hour. */
export interface CodeUseReport {
  readonly namespace: string
  readonly name: string
  readonly clientId: string
  readonly protectedAt?: number
  readonly unprotectedAt?: number
  /** The last code without an unlisted scope. */
  readonly wholeAt?: number
  /** The last token for which the secret was in one place, and the last for which it was in two. */
  readonly secretOnceAt?: number
  readonly secretTwiceAt?: number
  /** By unlisted scope: the last code that was asked for with it. */
  readonly leftOut: Readonly<Record<string, number>>
}

/** What a request for a token was like. */
export interface SeenTokenRequest {
  /** Whether its code was; undefined without one, and for a client without this report. */
  readonly isProtected: boolean | undefined
  /** Requested scopes about the person that the client does not list; undefined without a code. */
  readonly leftOut: readonly string[] | undefined
  /** Whether the secret was in the header and in the body; undefined without one. */
  readonly isSecretTwice: boolean | undefined
}

/** How often the time of a CodeUse is reported again. */
const codeUseMs = 3_600_000

/** The changes since the last report. */
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
  record(client: RegisteredClient, secretId: string): void
  /** Records the identity that the client authenticated with. */
  recordIdentity(client: RegisteredClient, identity: Identity): void
  /** Records whether the sector document lists the client. An equal result for the same version is not reported again.
   *  @param fault empty when the document lists it */
  recordSector(client: RegisteredClient, fault: string): void
  /** Records how the client asked for a token that it got. */
  recordTokenRequest(client: RegisteredClient, seen: SeenTokenRequest): void
  /** A request in the name of the client was refused. */
  countRefusal(client: RegisteredClient, refusal: SeenRefusal): void
  /** @param cursor 0 for everything, then the cursor of the last report */
  since(cursor: number): UsageReport
  /** Removes the records of other clients. */
  removeAllBut(registry: Registry): void
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
    record({ namespace, name, clientId }, secretId) {
      const use = { namespace, name, clientId, secretId, lastUsed: needs.now() }
      uses.set(`${clientId} ${secretId}`, { use, order: ++order })
    },
    recordIdentity({ namespace, name, clientId, uid }, identity) {
      const use = { namespace, name, clientId, identity, lastUsed: needs.now() }
      identities.set(clientId, { uid, use, order: ++order })
    },
    recordSector(client, fault) {
      const { namespace, name, clientId, uid, version } = client
      const { generation } = version
      const before = ofOwner(sectors.get(clientId), client)
      if (before?.fault === fault && before.generation === generation) return
      const use = { namespace, name, clientId, generation, fault, at: needs.now() }
      sectors.set(clientId, { uid, use, order: ++order })
    },
    recordTokenRequest(client, seen) {
      const { namespace, name, clientId, uid } = client
      const before = ofOwner(codes.get(clientId), client)
      const now = needs.now()
      const isOld = (at = Number.NEGATIVE_INFINITY) => now - at >= codeUseMs
      const times = timesOf(seen).filter((time) => isOld(before?.[time]))
      const scopes = (seen.leftOut ?? []).filter((scope) => isOld(before?.leftOut[scope]))
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
    removeAllBut(registry) {
      refusals.removeAllBut(registry)
      for (const known of [identities, sectors, codes])
        for (const [clientId, { uid }] of known) if (registry.find(clientId)?.uid !== uid) known.delete(clientId)
      for (const [key, { use }] of uses) {
        const client = registry.find(use.clientId)
        if (client?.verifiers.some((verifier) => verifier.id === use.secretId) !== true) uses.delete(key)
      }
    },
  }
}

type SeenAt = 'protectedAt' | 'unprotectedAt' | 'wholeAt' | 'secretOnceAt' | 'secretTwiceAt'

const timesOf = ({ isProtected, leftOut, isSecretTwice }: SeenTokenRequest): readonly SeenAt[] => [
  ...(isProtected === undefined ? [] : [isProtected ? ('protectedAt' as const) : ('unprotectedAt' as const)]),
  ...(leftOut?.length === 0 ? (['wholeAt'] as const) : []),
  ...(isSecretTwice === undefined ? [] : [isSecretTwice ? ('secretTwiceAt' as const) : ('secretOnceAt' as const)]),
]

const allAt = (now: number, names: readonly string[]) => Object.fromEntries(names.map((name) => [name, now]))

interface OfClient<Use> {
  readonly uid: string
  readonly use: Use
  readonly order: number
}

/** @returns the record of a client id, unless another object had the id then */
const ofOwner = <Use>(known: OfClient<Use> | undefined, { uid }: RegisteredClient): Use | undefined =>
  known?.uid === uid ? known.use : undefined
