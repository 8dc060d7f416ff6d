// Outcomes for tables: a client that is live on three replicas, and what differs from it.
import type { Judgement } from '../../src/decide/access/judgement.ts'
import type { Outcome } from '../../src/decide/status/outcome.ts'
import type { RotationPlan } from '../../src/decide/secret/rotation-terms.ts'
import { judged } from './clients.ts'

export const now = Date.UTC(2026, 0, 1)
export const live = { loaded: 3, total: 3, lagging: [], unreachable: [], rejected: [], applied: true, accepted: true }
export const settled: RotationPlan = {
  state: 'only-old',
  verifiers: [],
  needed: [],
  step: { kind: 'rest' },
  secret: undefined,
  keepsPending: false,
  isLost: false,
  awaitsDisuse: false,
  wakeAt: undefined,
  health: { ok: true },
  report: { activeId: 'aaaaaaaa', lastRotated: now, lastUsed: {}, observed: {}, previous: [] },
}

/** What differs, of the outcome or of its judgement. */
export type OutcomeChange = Partial<Outcome> &
  Partial<Pick<Judgement, 'client' | 'acceptance' | 'policies' | 'violations' | 'isJudged' | 'serve'>>

export function outcome(about: OutcomeChange = {}): Outcome {
  const { client, acceptance, policies, violations, isJudged, serve, ...change } = about
  return {
    servedBy: 'auth/nauthera',
    issuer: 'https://login.example.com',
    judgement: judged({
      ...(client ? { client } : {}),
      ...(acceptance ? { acceptance } : {}),
      ...(policies ? { policies } : {}),
      ...(violations ? { violations } : {}),
      ...(isJudged === undefined ? {} : { isJudged }),
      ...(serve ? { serve } : {}),
    }),
    access: [],
    secret: { kind: 'ready', name: 'app-oidc' },
    rotation: settled,
    rotationSettings: { retire: 'AfterOverlap', maxOverlapMs: 604_800_000, quietPeriodMs: 0, intervalMs: 7_200_000 },
    listed: { accepted: new Set(), lastUsed: {}, usesKnownSince: undefined },
    propagation: live,
    served: 'propagation' in change ? change.propagation : live,
    activity: { kind: 'active', behind: [] },
    formerName: undefined,
    ending: [],
    endingAt: [],
    defaults: { accessTokenTtl: 300, idTokenTtl: 600, refreshTokenTtl: 2_592_000, idTokenSignedResponseAlg: 'ES256' },
    noRoom: undefined,
    revision: '0a1b2c3d',
    now,
    ...change,
  }
}
