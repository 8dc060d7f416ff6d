// The part of the status about secrets that a client lists, or has listed: `verifiers` and what those need who rotate them.
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { durationText } from '../../api/duration.ts'
import { longestSpacing } from '../client/apply-defaults.ts'
import { present } from '../client/present.ts'
import { listsSecrets } from '../secret/listed-secrets.ts'
import { timeText } from '../../api/time-text.ts'
import { laterUse } from './last-use.ts'
import type { Outcome } from './outcome.ts'

type ListedStatus = Pick<
  OIDCClientStatus,
  'verifiers' | 'verifiersGeneration' | 'usesKnownSince' | 'usesKnownUntil' | 'endedVerifiers' | 'rotationLimits'
>
type VerifierStatus = NonNullable<ListedStatus['verifiers']>[number]

/** How many ended secrets are remembered. */
const mostEnded = 32

/** What it promises to those who rotate such secrets:
 *  - A secret whose `acceptedByAll` is true was taken by every replica at one time since it is listed, and is now by each that answers.
 *  - `verifiersGeneration` is the generation whose list the stored entry carries, whole but for secrets that have ended. So a secret is
 *    accepted when `acceptedByAll` holds for its id in a status whose `verifiersGeneration` is at least that of the write which listed it.
 *  - Every use from `usesKnownSince` to `usesKnownUntil` is in `lastUsed`: judge disuse as of `usesKnownUntil`, not of now.
 *  - An id in `endedVerifiers` is given to no server again. */
export function listedStatus(outcome: Outcome): ListedStatus {
  const { client } = outcome.judgement
  const { rotation, now } = outcome
  const before = client.status ?? {}
  const verifiers = verifiersNow(outcome)
  const isTaken = rotation?.listed?.isTaken === true && rotation.step.kind === 'rest'
  const generation = isTaken ? client.metadata.generation : before.verifiersGeneration
  const live = rotation ? rotation.verifiers.length : (before.verifiers ?? []).length
  const ended = endedNow(outcome)
  const since = outcome.listed.usesKnownSince
  return {
    ...(verifiers.length > 0 ? { verifiers } : {}),
    ...(listsSecrets(client) ? present({ verifiersGeneration: generation }) : {}),
    ...(verifiers.length > 0 && live > 1
      ? {
          ...present({ usesKnownSince: since === undefined ? undefined : timeText(since) }),
          usesKnownUntil: timeText(now),
        }
      : {}),
    ...(ended.length > 0 ? { endedVerifiers: ended } : {}),
    ...(listsSecrets(client) ? present({ rotationLimits: limitsOf(outcome) }) : {}),
  }
}

/** Of a client that no longer lists its secrets: those that are still valid. */
function verifiersNow({ judgement, rotation, listed }: Outcome): readonly VerifierStatus[] {
  const before = judgement.client.status?.verifiers ?? []
  const said = (id: string, known: string | undefined) => ({
    acceptedByAll: listed.accepted.has(id),
    ...present({ lastUsed: laterUse(known, listed.lastUsed[id]) }),
  })
  if (rotation?.listed)
    return rotation.listed.verifiers.map(({ id, firstSeen, notAfter }) => ({
      id,
      firstSeen: timeText(firstSeen),
      ...present({ notAfter: notAfter === undefined ? undefined : timeText(notAfter) }),
      ...said(id, before.find((one) => one.id === id)?.lastUsed),
    }))
  return before
    .filter(({ id }) => rotation === undefined || rotation.verifiers.some((one) => one.id === id))
    .map((one) => ({ ...one, ...said(one.id, one.lastUsed) }))
}

function endedNow({ judgement, rotation }: Outcome): readonly string[] {
  const { verifiers = [], endedVerifiers = [] } = judgement.client.status ?? {}
  const gone = (): readonly string[] =>
    verifiers.flatMap(({ id }) => (rotation?.verifiers.some((one) => one.id === id) === false ? [id] : []))
  const ended = rotation?.listed?.ended ?? (judgement.serve.kind === 'nothing' ? [] : gone())
  return [...new Set([...ended, ...endedVerifiers])].slice(0, mostEnded)
}

/** A refused version has no policies of its own: what was said stays. */
function limitsOf({ judgement }: Outcome): ListedStatus['rotationLimits'] {
  const { client, maxOverlapMs, spacings, binding } = judgement
  const minSpacingMs = longestSpacing(spacings)
  if (judgement.acceptance.kind !== 'accepted' || binding === undefined) return client.status?.rotationLimits
  const { interval, overlap, window } = client.spec.rotation ?? {}
  return {
    maxOverlap: durationText(maxOverlapMs),
    ...(minSpacingMs > 0 ? { minSpacing: durationText(minSpacingMs) } : {}),
    ...present({ interval, overlap, window }),
  }
}
