import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { planRotation } from '../../src/decide/secret/rotation.ts'
import type {
  RotationInput,
  RotationPlan,
  SecretState,
  StoredVerifier,
} from '../../src/decide/secret/rotation-terms.ts'

const minute = 60_000
const hour = 60 * minute
const now = Date.UTC(2026, 5, 1, 12)

const verifier = (name: string, notAfter?: number): StoredVerifier => ({
  id: digestOf(name).slice(0, 8),
  sha256: digestOf(name),
  ...(notAfter === undefined ? {} : { notAfter }),
})
const ids = (plan: RotationPlan): string[] => plan.verifiers.map(({ id }) => id)
const idOf = (name: string): string => verifier(name).id

const holds = (name: string, more: Partial<Extract<SecretState, { kind: 'owned' }>> = {}): SecretState => ({
  kind: 'owned',
  sha256: digestOf(name),
  isMinted: true,
  secretId: idOf(name),
  rotatedAt: now - hour,
  verifiers: [verifier(name)],
  observed: {},
  fence: undefined,
  ...more,
})
const pending = (name: string, mintedAt = now) => ({ ...verifier(name), mintedAt, obeys: {} })

type Change = Omit<Partial<RotationInput>, 'rotation' | 'replicas' | 'status'> & {
  rotation?: Partial<RotationInput['rotation']>
  replicas?: Partial<RotationInput['replicas']>
  status?: Partial<RotationInput['status']>
}

function input(change: Change = {}): RotationInput {
  return {
    source: { kind: 'minted' },
    serving: true,
    secret: holds('old'),
    verifiers: [verifier('old')],
    pending: undefined,
    usage: { knownSince: 0, lastUsed: {} },
    now,
    ...change,
    rotation: { retire: 'AfterOverlap', maxOverlapMs: 168 * hour, quietPeriodMs: hour, ...change.rotation },
    replicas: { total: 3, serving: true, unreachable: 0, goingUntil: undefined, ...change.replicas },
    status: { activeId: idOf('old'), lastRotated: now - hour, observed: {}, ...change.status },
  }
}

interface Row {
  readonly sentence: string
  readonly given: Change
  readonly step: RotationPlan['step']['kind'] | `blocked ${string}`
  /** Names of secrets; `name!` has an end. */
  readonly verifiers: readonly string[]
}

const fresh = {
  secret: { kind: 'absent' },
  verifiers: [],
  status: { activeId: undefined, lastRotated: undefined },
} as unknown as Change
const asked = { rotation: { trigger: 'now' } } as const

const table: readonly Row[] = [
  { sentence: 'rests while nothing is asked', given: {}, step: 'rest', verifiers: ['old'] },
  { sentence: 'mints the first secret', given: fresh, step: 'mint', verifiers: [] },
  {
    sentence: 'puts a minted secret into the shard before anything else',
    given: { ...fresh, pending: pending('new') },
    step: 'write-shard',
    verifiers: ['new'],
  },
  {
    sentence: 'publishes the first secret once every replica has it',
    given: { ...fresh, pending: pending('new'), verifiers: [verifier('new')] },
    step: 'publish',
    verifiers: ['new'],
  },
  {
    sentence: 'waits a minute for a first replica',
    given: { ...fresh, pending: pending('new'), verifiers: [verifier('new')], replicas: { total: 0 } },
    step: 'await-replicas',
    verifiers: ['new'],
  },
  {
    sentence: 'publishes without a replica after a minute',
    given: { ...fresh, pending: pending('new', now - minute), verifiers: [verifier('new')], replicas: { total: 0 } },
    step: 'publish',
    verifiers: ['new'],
  },
  { sentence: 'mints when the trigger changes', given: asked, step: 'mint', verifiers: ['old'] },
  {
    sentence: 'mints when the annotation changes',
    given: { rotation: { annotation: 'a' } },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'rests when the trigger has been obeyed',
    given: { ...asked, secret: holds('old', { observed: { trigger: 'now' } }) },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'rests when the trigger goes away',
    given: { secret: holds('old', { observed: { trigger: 'before' } }) },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'falls back to the status when the annotation is gone',
    given: { ...asked, secret: holds('old', { observed: undefined }), status: { observed: { trigger: 'now' } } },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'adds the new verifier in front of the old one',
    given: { ...asked, pending: pending('new') },
    step: 'write-shard',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'waits for every replica',
    given: {
      ...asked,
      pending: pending('new'),
      verifiers: [verifier('new'), verifier('old')],
      replicas: { serving: false },
    },
    step: 'await-replicas',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'F39 publishes nothing while a replica is silent',
    given: {
      ...asked,
      pending: pending('new'),
      verifiers: [verifier('new'), verifier('old')],
      replicas: { unreachable: 1 },
    },
    step: 'await-replicas',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'publishes nothing while a pod that is going may answer with the old secret alone',
    given: {
      ...asked,
      pending: pending('new'),
      verifiers: [verifier('new'), verifier('old')],
      replicas: { goingUntil: now + minute },
    },
    step: 'await-replicas',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'publishes a first secret meanwhile: nobody shows it on an old connection',
    given: {
      ...fresh,
      pending: pending('new'),
      verifiers: [verifier('new')],
      replicas: { goingUntil: now + minute },
    },
    step: 'publish',
    verifiers: ['new'],
  },
  {
    sentence: 'publishes once the time of the pod that was going is over, though its object is still there',
    given: {
      ...asked,
      pending: pending('new'),
      verifiers: [verifier('new'), verifier('old')],
      replicas: { goingUntil: now - 1 },
    },
    step: 'publish',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'publishes once every replica has it',
    given: { ...asked, pending: pending('new'), verifiers: [verifier('new'), verifier('old')] },
    step: 'publish',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'gives the old one the end that the publication wrote',
    given: {
      secret: holds('new', { rotatedAt: now, verifiers: [verifier('new'), verifier('old', now + hour)] }),
      verifiers: [verifier('new'), verifier('old')],
    },
    step: 'write-shard',
    verifiers: ['new', 'old!'],
  },
  {
    sentence: 'keeps both during the overlap',
    given: {
      secret: holds('new', { rotatedAt: now, verifiers: [verifier('new'), verifier('old', now + hour)] }),
      verifiers: [verifier('new'), verifier('old', now + hour)],
    },
    step: 'rest',
    verifiers: ['new', 'old!'],
  },
  {
    sentence: 'T12 retires the old one at its end',
    given: {
      secret: holds('new', { verifiers: [verifier('new'), verifier('old', now)] }),
      verifiers: [verifier('new'), verifier('old', now)],
    },
    step: 'write-shard',
    verifiers: ['new'],
  },
  {
    sentence: 'K17 lets a third rotation wait: at most two live verifiers',
    given: {
      ...asked,
      secret: holds('new', { rotatedAt: now, verifiers: [verifier('new'), verifier('old', now + hour)] }),
      verifiers: [verifier('new'), verifier('old', now + hour)],
    },
    step: 'rest',
    verifiers: ['new', 'old!'],
  },
  {
    sentence: 'T12 revokes the previous one at once',
    given: {
      rotation: { revokePrevious: 'leak' },
      secret: holds('new', { rotatedAt: now, verifiers: [verifier('new'), verifier('old', now + hour)] }),
      verifiers: [verifier('new'), verifier('old', now + hour)],
    },
    step: 'write-shard',
    verifiers: ['new'],
  },
  {
    sentence: 'a revocation with a rotation pending first mints',
    given: { rotation: { trigger: 'now', revokePrevious: 'leak' } },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'fences before it drops a verifier that an earlier leader may publish',
    given: { ...asked, verifiers: [verifier('lost'), verifier('old')] },
    step: 'fence',
    verifiers: ['lost', 'old'],
  },
  {
    sentence: 'mints another one once that is fenced',
    given: { ...asked, secret: holds('old', { fence: idOf('lost') }), verifiers: [verifier('lost'), verifier('old')] },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'F12 never publishes what a later leader has fenced off',
    given: {
      ...asked,
      secret: holds('old', { fence: idOf('mine') }),
      verifiers: [verifier('mine'), verifier('old')],
      pending: pending('mine'),
    },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'drops the fenced one when nothing is asked any more',
    given: { secret: holds('old', { fence: idOf('lost') }), verifiers: [verifier('lost'), verifier('old')] },
    step: 'write-shard',
    verifiers: ['old'],
  },
  {
    sentence: 'K5 changes nothing while the Secret cannot be read',
    given: { ...asked, secret: { kind: 'unknown' } },
    step: 'blocked unknown',
    verifiers: ['old'],
  },
  {
    sentence: 'K2 leaves a foreign Secret alone',
    given: { secret: { kind: 'foreign' } },
    step: 'blocked foreign',
    verifiers: ['old'],
  },
  {
    sentence: 'F37 restores a deleted Secret through a rotation',
    given: { secret: { kind: 'absent' } },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'K7 replaces a value that somebody else wrote',
    given: { secret: holds('old', { sha256: digestOf('theirs') }) },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'K7 does not revive a retired secret from an older copy',
    given: { secret: holds('older', { rotatedAt: now - 2 * hour }) },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence:
      'K7 publishes again the older copy whose value is still live, though the status does not name its successor',
    given: {
      secret: holds('old'),
      verifiers: [verifier('new'), verifier('old', now + hour)],
      status: { activeId: idOf('old') },
    },
    step: 'write-shard',
    verifiers: ['old', 'new!'],
  },
  {
    sentence: 'K7 the same when it has no end yet, and a status names its successor',
    given: { secret: holds('old'), verifiers: [verifier('new'), verifier('old')], status: { activeId: idOf('new') } },
    step: 'write-shard',
    verifiers: ['old', 'new!'],
  },
  {
    sentence: 'K7 replaces a value that was never minted, though the annotations vouch for it',
    given: { secret: holds('hunter2', { isMinted: false, rotatedAt: now }) },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'K7 lets one that was never minted and is live end with an overlap',
    given: { secret: holds('old', { isMinted: false }), pending: pending('new') },
    step: 'write-shard',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'K7 makes nothing live that the annotation alone lists beside another value',
    given: { secret: holds('theirs', { rotatedAt: now, verifiers: [verifier('theirs'), verifier('hunter2')] }) },
    step: 'write-shard',
    verifiers: ['theirs'],
  },
  {
    sentence: 'F37 rebuilds a lost shard from the annotation',
    given: { verifiers: undefined },
    step: 'write-shard',
    verifiers: ['old'],
  },
  {
    sentence: 'F12 makes live first of all what an earlier leader has published',
    given: {
      secret: holds('theirs', { rotatedAt: now }),
      verifiers: [verifier('mine')],
      pending: pending('mine'),
      status: { activeId: undefined, lastRotated: undefined } as never,
    },
    step: 'write-shard',
    verifiers: ['theirs'],
  },
  {
    sentence: 'F37 restores a deleted Secret at once, also within an overlap',
    given: { secret: { kind: 'absent' }, verifiers: [verifier('old'), verifier('older', now + hour)] },
    step: 'mint',
    verifiers: ['old', 'older!'],
  },
  {
    sentence: 'F37 restores an edited one within an overlap too, and what was written into it never becomes live',
    given: {
      secret: holds('theirs', { isMinted: false, secretId: idOf('old') }),
      verifiers: [verifier('old'), verifier('older', now + hour)],
      pending: pending('new'),
    },
    step: 'write-shard',
    verifiers: ['new', 'old', 'older!'],
  },
  {
    sentence: 'P3 publishes a third one, beside the one that was lost and the one before it',
    given: {
      secret: { kind: 'absent' },
      verifiers: [verifier('new'), verifier('old'), verifier('older', now + hour)],
      pending: pending('new'),
    },
    step: 'publish',
    verifiers: ['new', 'old', 'older!'],
  },
  {
    sentence: 'P3 keeps three until the oldest ends',
    given: {
      secret: holds('new', {
        rotatedAt: now,
        verifiers: [verifier('new'), verifier('old', now + 2 * hour), verifier('older', now + hour)],
      }),
      verifiers: [verifier('new'), verifier('old', now + 2 * hour), verifier('older', now + hour)],
      status: { activeId: idOf('new') },
    },
    step: 'rest',
    verifiers: ['new', 'old!', 'older!'],
  },
  {
    sentence: 'P3 waits a minute when it is lost again while three live',
    given: {
      secret: { kind: 'absent' },
      verifiers: [verifier('new'), verifier('old', now + 2 * hour), verifier('older', now + hour)],
      status: { activeId: idOf('new') },
      lostSince: now - minute + 1,
    },
    step: 'blocked no-room',
    verifiers: ['new', 'old!', 'older!'],
  },
  {
    sentence: 'P3 lets the oldest make room then: never are there four',
    given: {
      secret: { kind: 'absent' },
      verifiers: [verifier('new'), verifier('old', now + 2 * hour), verifier('older', now + hour)],
      status: { activeId: idOf('new') },
      lostSince: now - minute,
      pending: pending('newest'),
    },
    step: 'write-shard',
    verifiers: ['newest', 'new', 'old!'],
  },
  {
    sentence: 'drops the unpublished one of a dead leader before it mints a third',
    given: {
      secret: { kind: 'absent' },
      verifiers: [verifier('lost'), verifier('old'), verifier('older', now + hour)],
    },
    step: 'mint',
    verifiers: ['old', 'older!'],
  },
  {
    sentence: 'keeps both when the Secret comes back before the third one is published',
    given: {
      secret: holds('old', { rotatedAt: now, verifiers: [verifier('old'), verifier('older', now + hour)] }),
      verifiers: [verifier('new'), verifier('old'), verifier('older', now + hour)],
      pending: pending('new'),
    },
    step: 'write-shard',
    verifiers: ['old', 'older!'],
  },
  {
    sentence: 'goes back at once to the secret of its own that a client had before',
    given: {
      source: { kind: 'existing', secret: verifier('yours') },
      secret: holds('yours2', { rotatedAt: now, verifiers: [verifier('yours2'), verifier('yours', now + hour)] }),
      verifiers: [verifier('yours2'), verifier('yours', now + hour)],
    },
    step: 'write-shard',
    verifiers: ['yours', 'yours2'],
  },
  {
    sentence: 'gives the previous one of your own an overlap, and revokes it when asked',
    given: {
      source: { kind: 'existing', secret: verifier('yours2') },
      rotation: { revokePrevious: 'leak' },
      secret: holds('yours2', { rotatedAt: now, verifiers: [verifier('yours2'), verifier('yours', now + hour)] }),
      verifiers: [verifier('yours2'), verifier('yours', now + hour)],
    },
    step: 'write-shard',
    verifiers: ['yours2'],
  },
  {
    sentence: 'has no verifier for a client without a secret',
    given: { source: { kind: 'none' } },
    step: 'rest',
    verifiers: [],
  },
  {
    sentence: 'ends the secret of a client that needs none any more, after the overlap',
    given: { source: { kind: 'leaving', isTaken: true } },
    step: 'write-shard',
    verifiers: ['old!'],
  },
  {
    sentence: 'rests once the end of that secret is known',
    given: { source: { kind: 'leaving', isTaken: true }, verifiers: [verifier('old', now + hour)] },
    step: 'rest',
    verifiers: ['old!'],
  },
  {
    sentence: 'keeps that secret while a server has not taken the version without one',
    given: { source: { kind: 'leaving', isTaken: false } },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'T12 ends that secret at once when a revocation is asked for, whatever the servers have taken',
    given: { source: { kind: 'leaving', isTaken: false }, rotation: { revokePrevious: 'leak' } },
    step: 'write-shard',
    verifiers: [],
  },
  {
    sentence: 'T12 ends that secret at once when a revocation is asked for within the overlap',
    given: {
      source: { kind: 'leaving', isTaken: true },
      rotation: { revokePrevious: 'leak' },
      verifiers: [verifier('old', now + hour)],
    },
    step: 'write-shard',
    verifiers: [],
  },
  {
    sentence: 'obeys no revocation twice: an earlier one leaves that secret its overlap',
    given: {
      source: { kind: 'leaving', isTaken: true },
      rotation: { revokePrevious: 'leak' },
      status: { observed: { revoke: 'leak' } },
      secret: { kind: 'absent' },
    },
    step: 'write-shard',
    verifiers: ['old!'],
  },
  {
    sentence: 'waits for a secret of your own',
    given: { source: { kind: 'existing', secret: undefined }, ...fresh },
    step: 'blocked waiting-for-secret',
    verifiers: [],
  },
  {
    sentence: 'takes a secret of your own without minting',
    given: { source: { kind: 'existing', secret: verifier('yours') }, ...fresh },
    step: 'write-shard',
    verifiers: ['yours'],
  },
  {
    sentence: 'drops the previous one when you change your own secret',
    given: {
      source: { kind: 'existing', secret: verifier('yours2') },
      secret: holds('yours2', { rotatedAt: now }),
      verifiers: [verifier('yours2'), verifier('yours')],
    },
    step: 'write-shard',
    verifiers: ['yours2'],
  },
  { sentence: 'rotates by the interval', given: { rotation: { intervalMs: hour } }, step: 'mint', verifiers: ['old'] },
  {
    sentence: 'waits for the interval',
    given: { rotation: { intervalMs: 2 * hour } },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'waits for the window',
    given: { rotation: { intervalMs: hour, window: { schedule: '0 3 * * *', durationMs: hour } } },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'rotates in the window',
    given: { rotation: { intervalMs: hour, window: { schedule: '30 11 * * *', durationMs: hour } } },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'waits for the spacing of the policy',
    given: { rotation: { intervalMs: hour }, notBefore: now + minute },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'a secret that is minted waits for no turn, and least of all for its own',
    given: { rotation: { intervalMs: hour }, notBefore: now + minute, pending: pending('new') },
    step: 'write-shard',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'a secret that is minted waits for no window either, before the shard has it',
    given: {
      secret: holds('old', { rotatedAt: now - 10 * hour }),
      rotation: { intervalMs: 9 * hour, window: { schedule: '0 11 * * *', durationMs: 30 * minute } },
      pending: pending('new'),
    },
    step: 'write-shard',
    verifiers: ['new', 'old'],
  },
  {
    sentence: 'goes with a window that opened shortly before the interval is over',
    given: {
      secret: holds('old', { rotatedAt: now - 23.5 * hour }),
      rotation: { intervalMs: 24 * hour, window: { schedule: '0 12 * * *', durationMs: hour } },
    },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'does not go with a window that opened long before the interval is over',
    given: {
      secret: holds('old', { rotatedAt: now - 21 * hour }),
      rotation: { intervalMs: 24 * hour, window: { schedule: '0 12 * * *', durationMs: 4 * hour } },
    },
    step: 'rest',
    verifiers: ['old'],
  },
  {
    sentence: 'a trigger does not wait for a window',
    given: { rotation: { trigger: 'now', intervalMs: hour, window: { schedule: '0 3 * * *', durationMs: hour } } },
    step: 'mint',
    verifiers: ['old'],
  },
  {
    sentence: 'rests while the client is not served',
    given: { ...asked, serving: false },
    step: 'blocked not-serving',
    verifiers: ['old'],
  },
]

describe('planRotation', () => {
  for (const { sentence, given, step, verifiers } of table) {
    it(sentence, () => {
      const plan = planRotation(input(given))
      expect(plan.step.kind === 'blocked' ? `blocked ${plan.step.why}` : plan.step.kind).to.equal(step)
      expect(ids(plan)).to.deep.equal(verifiers.map((name) => idOf(name.replace('!', ''))))
      expect(plan.verifiers.map(({ notAfter }) => notAfter !== undefined)).to.deep.equal(
        verifiers.map((name) => name.endsWith('!')),
      )
    })
  }

  const publication = (rotation: Partial<RotationInput['rotation']>) =>
    planRotation(
      input({
        pending: pending('new'),
        verifiers: [verifier('new'), verifier('old')],
        rotation: { trigger: 'now', ...rotation },
      }),
    ).secret!

  it('writes the end of the old secret with the publication: half of the interval, at most 24 hours', () => {
    expect(publication({}).verifiers[1]!.notAfter).to.equal(now + 24 * hour)
    expect(publication({ intervalMs: 4 * hour }).verifiers[1]!.notAfter).to.equal(now + 2 * hour)
    expect(publication({ overlapMs: minute }).verifiers[1]!.notAfter).to.equal(now + minute)
    expect(publication({ overlapMs: 200 * hour }).verifiers[1]!.notAfter, 'the policy bounds it').to.equal(
      now + 168 * hour,
    )
  })

  it('observes trigger and revocation in the same write as the publication', () => {
    const marks = publication({ revokePrevious: 'leak' })
    expect(marks.observed).to.deep.equal({ trigger: 'now', revoke: 'leak' })
    expect(marks.verifiers.map(({ id }) => id)).to.deep.equal([idOf('new')])
  })

  it('T12 of a client that needs no secret any more, observes a revocation once the shard has it, and not before', () => {
    const observed = (verifiers: readonly StoredVerifier[]) =>
      planRotation(
        input({ source: { kind: 'leaving', isTaken: true }, rotation: { revokePrevious: 'leak' }, verifiers }),
      ).report.observed
    expect(observed([verifier('old', now + hour)])).to.deep.equal({})
    expect(observed([])).to.deep.equal({ revoke: 'leak' })
  })

  it('of a client that needs no secret any more, has none active once the Secret may lose it', () => {
    const report = (change: Change) => planRotation(input(change)).report
    const waiting = report({ source: { kind: 'leaving', isTaken: false } })
    expect([waiting.activeId, waiting.previous]).to.deep.equal([idOf('old'), []])
    const left = report({ source: { kind: 'leaving', isTaken: true } })
    expect(left).to.not.have.property('activeId')
    expect(left.previous).to.deep.equal([{ id: idOf('old'), expiresAt: now + 24 * hour }])
    expect(report({ source: { kind: 'none' } })).to.not.have.property('activeId')
  })

  it('says that replicas lag after five minutes, and not before', () => {
    const after = (age: number) =>
      planRotation(
        input({
          ...asked,
          pending: pending('new', now - age),
          verifiers: [verifier('new'), verifier('old')],
          replicas: { serving: false },
        }),
      ).health
    expect(after(5 * minute).ok).to.equal(true)
    expect(after(5 * minute + 1)).to.include({ ok: false, reason: 'ReplicasLagging' })
  })

  it('says what a rotation that is asked for waits for, and until when', () => {
    const { health } = planRotation(
      input({
        ...asked,
        secret: holds('new', { rotatedAt: now, verifiers: [verifier('new'), verifier('old', now + hour)] }),
        verifiers: [verifier('new'), verifier('old', now + hour)],
      }),
    )
    expect(health).to.deep.equal({
      ok: true,
      waits: `the next rotation waits until secret ${idOf('old')} ends, at ${new Date(now + hour).toISOString()} at the latest; to end that now, change spec.rotation.revokePrevious`,
    })
  })

  it('looks again when the next rotation is due', () =>
    expect(planRotation(input({ rotation: { intervalMs: 2 * hour } })).wakeAt).to.equal(now + hour))

  it('calls a secret lost once its Secret is seen without it', () => {
    const isLost = (secret: SecretState) => planRotation(input({ secret, pending: pending('new') })).isLost
    expect(isLost({ kind: 'absent' })).to.equal(true)
    expect([isLost(holds('old')), isLost({ kind: 'foreign' }), isLost({ kind: 'unknown' })]).not.to.include(true)
  })

  it('judges a late rotation by the age of the secret, whatever it waits for', () => {
    const after = (age: number, given: Parameters<typeof input>[0] = {}) =>
      planRotation(
        input({ secret: holds('old', { rotatedAt: now - age }), rotation: { intervalMs: 10 * hour }, ...given }),
      ).health
    const inTurn = { notBefore: now + minute }
    expect(after(10 * hour + 4 * minute)).to.deep.equal({ ok: true })
    expect(after(10 * hour + 5 * minute)).to.include({ ok: false, reason: 'Overdue' })
    expect(after(11 * hour - 1, inTurn), 'its turn comes')
      .to.deep.include({ ok: true })
      .and.to.have.property('waits')
    expect(after(11 * hour, inTurn), 'others have had their turn for too long').to.include({ reason: 'Overdue' })
    expect(after(11 * hour, { serving: false }), 'it may not even begin').to.include({ reason: 'Overdue' })
    expect(after(9 * hour, { serving: false })).to.deep.equal({ ok: true })
  })

  it('says that a window was missed, and when the next one opens', () => {
    const { health, report } = planRotation(
      input({
        secret: holds('old', { rotatedAt: now - 60 * hour }),
        rotation: { intervalMs: hour, window: { schedule: '0 3 * * *', durationMs: hour } },
      }),
    )
    expect(health).to.include({ ok: false, reason: 'WindowMissed' })
    expect(report.nextRotation).to.equal(Date.UTC(2026, 5, 2, 3))
  })

  it('with WhenUnused keeps the previous secret while it is used, and not past the bound of the policy', () => {
    const given = (lastUsed: number, more: Change = {}) =>
      planRotation(
        input({
          secret: holds('new', {
            rotatedAt: now - 30 * hour,
            verifiers: [verifier('new'), verifier('old', now + 100 * hour)],
          }),
          verifiers: [verifier('new'), verifier('old', now + 100 * hour)],
          usage: { knownSince: 0, lastUsed: { [idOf('old')]: lastUsed } },
          status: { activeId: idOf('new'), lastRotated: now - 30 * hour },
          rotation: { retire: 'WhenUnused' },
          ...more,
        }),
      )
    expect(given(now - minute).verifiers, 'used a minute ago').to.have.length(2)
    expect(given(now - 2 * hour).verifiers, 'quiet for two hours').to.have.length(1)
    expect(
      given(now - 2 * hour, { usage: { knownSince: undefined, lastUsed: {} } }).verifiers,
      'a replica is silent',
    ).to.have.length(2)
    expect(given(now - minute, { now: now + 101 * hour }).verifiers, 'past the bound').to.have.length(1)
    expect(given(now - minute).wakeAt, 'its use is looked at each minute').to.equal(now + minute)
  })

  it('I4 keeps what an earlier leader published with a clock ahead of ours, look after look, also without its shard', () => {
    const ahead = now + 5_000
    let given = input({
      secret: holds('old', { rotatedAt: ahead }),
      verifiers: undefined,
      status: { activeId: idOf('old'), lastRotated: ahead },
    })
    for (let look = 0; look < 8; look++) {
      const plan = planRotation(given)
      expect(ids(plan)).to.deep.equal([idOf('old')])
      expect(plan.step.kind, 'nothing is minted').to.be.oneOf(['write-shard', 'rest'])
      // the Secret is written and read again before the shard and the status are
      given = {
        ...given,
        secret: holds('old', { ...plan.secret, observed: {}, fence: undefined }),
        now: given.now + 1_000,
      }
    }
    expect(
      (given.secret as { rotatedAt: number }).rotatedAt,
      'the time of the publication is not written anew',
    ).to.equal(ahead)
  })

  it('I4 a publication is later than the one before it, though the clock of its leader is behind', () => {
    const ahead = now + 5_000
    const { secret } = planRotation(
      input({
        secret: holds('old', { rotatedAt: ahead }),
        pending: pending('new', ahead + 1),
        verifiers: [verifier('new'), verifier('old')],
        status: { activeId: idOf('old'), lastRotated: ahead },
        rotation: { trigger: 'now' },
      }),
    )
    expect(secret!.secretId).to.equal(idOf('new'))
    expect(secret!.rotatedAt).to.be.above(ahead)
    const next = planRotation(
      input({
        secret: holds('new', { ...secret, fence: undefined }),
        verifiers: undefined,
        status: { activeId: idOf('old'), lastRotated: ahead },
        rotation: { trigger: 'now' },
      }),
    )
    expect(ids(next), 'and its shard may be lost right after it').to.deep.equal([idOf('new'), idOf('old')])
  })

  it('mints anew for a Secret that holds a secret which has ended, and keeps what is valid for its overlap', () => {
    const restored = input({
      secret: holds('ended'),
      verifiers: [verifier('old')],
      endedIds: [idOf('ended')],
      status: { activeId: idOf('ended'), lastRotated: now - hour },
    })
    expect(planRotation(restored).step.kind).to.equal('mint')
    expect(ids(planRotation(restored))).to.deep.equal([idOf('old')])
    // without any that is valid, the annotation brings it back as little
    expect(ids(planRotation({ ...restored, verifiers: [] }))).to.deep.equal([])
    expect(ids(planRotation({ ...restored, endedIds: [] }))).to.deep.equal([idOf('ended')])
  })

  it('drops a minted secret that ended before it was published', () => {
    const late = input({ rotation: { trigger: '1' }, pending: pending('new'), endedIds: [idOf('new')] })
    expect(planRotation(late).step.kind).to.equal('mint')
    expect(planRotation({ ...late, endedIds: [] }).step.kind).to.equal('write-shard')
  })

  it('K7 does not let an annotation stretch an overlap', () => {
    const far = now + 100_000 * hour
    const plan = planRotation(
      input({
        secret: holds('new', { verifiers: [verifier('new'), verifier('old', far)] }),
        verifiers: [verifier('new'), verifier('old')],
      }),
    )
    expect(plan.verifiers[1]!.notAfter).to.equal(now + 168 * hour)
  })
})
