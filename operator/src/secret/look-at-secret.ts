// One look at a client's secret with all that is around it: others that name its Secret, former names, and what is remembered between looks.
import type { Granted } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Log } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { Judgement } from '../decide/access/judgement.ts'
import { endingSecrets } from '../decide/status/ending-secrets.ts'
import type { Propagation } from '../decide/status/propagation.ts'
import type { OutcomeOfSecret } from '../decide/status/outcome.ts'
import { goingAgainMs } from '../decide/secret/rotation-plan.ts'
import { isStillGoing } from '../decide/secret/rotation-terms.ts'
import { removeAtFormerNames } from './former-names.ts'
import { createMemories } from './memories.ts'
import type { Memories } from './memories.ts'
import { rotationOf } from './plan-next.ts'
import { sharedNameOf } from './shared-names.ts'
import { createWorkOnSecret } from './work-on-secret.ts'
import type { WorkNeeds } from './work-on-secret.ts'

export interface SecretFindings {
  readonly outcome: OutcomeOfSecret
  /** After each of these look again. Milliseconds. */
  readonly waits: readonly (number | undefined)[]
  /** A failure with the Secret or one under a former name, which stopped nothing else. */
  readonly failure: Error | undefined
}

interface LookNeeds extends WorkNeeds {
  /** The clients that may want the same Secret. */
  readonly sharing: (key: string) => readonly OIDCClient[]
  /** Whether the status would say for the first time that the client is not done. */
  readonly wouldReportUnfinished: (key: string) => boolean
}

interface LookedAt {
  readonly key: string
  /** Its client has the status that was written last. */
  readonly judgement: Judgement
  readonly granted: Granted
  readonly log: Log
}

/** After a conflict on a Secret under a former name: look again after this long. Milliseconds. */
const formerAgainMs = 1_000
/** While another client wants the same Secret: look again after this long. Milliseconds. */
const sharedAgainMs = 1_000

export function createLookAtSecret(needs: LookNeeds): {
  look(at: LookedAt): Promise<SecretFindings>
  readonly memories: Memories
} {
  const { settings, again } = needs
  const memories = createMemories()
  const workOnSecret = createWorkOnSecret(needs)
  const look = async (about: LookedAt): Promise<SecretFindings> => {
    const { key, judgement } = about
    const { client } = judgement
    const shared = sharedNameOf(client, needs.sharing(key))
    // A rival's write to the Secret causes no event, so with a rival the Secret is always read.
    if (shared) memories.clearRead(key)
    const memory = memories.of(key, client)
    const isNew = client.status === undefined && !shared && needs.shards.isUnheardOf(key)
    const work = { ...about, memory, holder: shared?.holder }
    let result = await workOnSecret({ ...work, isNew })
    // before an unfinished status is written, the Secret is read for the cause
    if (needs.wouldReportUnfinished(key) && memories.clearAssumed(key)) result = await workOnSecret(work)
    const now = needs.clock.now()
    const isGoing = isStillGoing(needs.replicas.goingUntil(), now)
    const ending = endingSecrets(client.status, result.plan, {
      now,
      isRefused: (id) => needs.follow.refuses(key, id, now) && !isGoing,
    })
    memory.endingSince = new Map(ending.map(({ id }) => [id, memory.endingSince.get(id) ?? now]))
    // Before the status loses the former name: after a crash nothing else has it.
    const former = await removeAtFormerNames({ ...needs, home: settings }, client, memory, result.secret)
    // Wakes the client that lost the Secret or has to create it again.
    for (const holder of shared?.holders ?? []) again(holder, sharedAgainMs)
    return {
      outcome: {
        secret: result.secret,
        formerName: former.names[0],
        restoredFrom: memory.restoredFrom,
        rotation: result.plan,
        rotationSettings: result.plan && rotationOf(judgement, settings.quietPeriod),
        ending,
        endingAt: ending.length > 0 ? lackingAt(needs.follow.entry(key)) : [],
      },
      waits: [
        result.again,
        former.names.length > 0 && result.secret.kind === 'ready' ? formerAgainMs : undefined,
        ending.length > 0 && isGoing ? goingAgainMs : undefined,
      ],
      failure: result.failure ?? former.failure,
    }
  }
  return { look, memories }
}

const lackingAt = (entry: Propagation | undefined): readonly string[] => [
  ...(entry?.unreachable ?? []),
  ...(entry?.lagging ?? []),
]
