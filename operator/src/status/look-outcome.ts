// The outcome of a look, the same in a hub and in a cluster that has joined one: what it is built of, and where it goes.
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Outcome, OutcomeOfSecret } from '../decide/status/outcome.ts'
import type { OperatorSettings } from '../settings.ts'
import type { Clock } from '../time/clock.ts'
import { isInProgress } from './in-progress.ts'
import type { WriteStatus } from './write-status.ts'

/** What every look finds before it asks what came of it. */
export interface LookFindings extends Pick<Outcome, 'judgement' | 'redirects' | 'access'> {
  readonly key: string
  /** What servers let the client do in every version that they may serve. */
  readonly granted: Granted
  readonly secret: OutcomeOfSecret
}

type Found = 'servedBy' | 'issuer' | 'now' | 'judgement' | 'redirects' | 'access' | keyof OutcomeOfSecret

/** What a look sees of servers and of other clusters. */
type Seen = Omit<Outcome, Found>

const unseen = {
  listed: { accepted: new Set<string>(), lastUsed: {}, usesKnownSince: undefined },
  served: undefined,
  defaults: undefined,
  noRoom: undefined,
  revision: undefined,
} satisfies Partial<Seen>

/** @param seen what is left out was not seen */
export function buildOutcome(
  { settings, clock }: { settings: Pick<OperatorSettings, 'issuer' | 'release' | 'namespace'>; clock: Clock },
  { judgement, redirects, access, secret }: LookFindings,
  seen: Omit<Seen, keyof typeof unseen> & Partial<Seen>,
): Outcome {
  return {
    ...unseen,
    ...seen,
    ...secret,
    judgement,
    redirects,
    access,
    servedBy: `${settings.namespace}/${settings.release}`,
    issuer: settings.issuer,
    now: clock.now(),
  }
}

/** Writes the status. @param waits asked once it is written: after each of these look again; milliseconds
 *  @returns after how many milliseconds to look again; undefined: an event brings all that may change it */
export async function writeOutcome(
  status: Pick<WriteStatus, 'write'>,
  outcome: Outcome,
  waits: () => readonly (number | undefined)[],
): Promise<number | undefined> {
  const { redirects } = outcome
  const written = await status.write(outcome, isInProgress(outcome))
  const endsIn = typeof redirects === 'object' ? redirects.endsIn : undefined
  const known = [...waits(), written.again, endsIn].filter((ms) => ms !== undefined)
  return known.length > 0 ? Math.max(1, Math.min(...known)) : undefined
}
