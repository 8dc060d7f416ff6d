import { expect } from 'chai'
import fc from 'fast-check'
import { digestOf } from '@nauthera/proto/digest'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { listedSource, planRefusedList } from '../../src/decide/secret/listed-secrets.ts'
import { planRotation } from '../../src/decide/secret/rotation.ts'
import type { RotationPlan, SecretSource, SecretState, StoredVerifier } from '../../src/decide/secret/rotation-terms.ts'
import { describeOutcome } from '../../src/decide/status/client-status.ts'
import { statusOf } from '../../src/secret/plan-next.ts'
import { client as clientOf } from './clients.ts'
import { outcome } from './outcomes.ts'

const hour = 3_600_000
const day = 24 * hour
const begin = Date.UTC(2026, 5, 1, 12)
const idOf = (name: string): string => digestOf(name).slice(0, 8)
const timeOf = (at: number): string => new Date(at).toISOString()

type Listed = Readonly<Record<string, number | undefined>>

/** A client that lists secrets, the entry that servers get, and the status that is written after each look. */
class ListedWorld {
  now = begin
  entry: readonly StoredVerifier[] | undefined
  admits = true
  isEverywhere = true
  used: Record<string, number> = {}
  secret: SecretState = { kind: 'absent' }
  client: OIDCClient = clientOf({ type: 'M2M' })

  /** @param list by the secret when it ends */
  list(list: Listed, more: Partial<OIDCClientSpec> = {}): RotationPlan {
    const verifiers = Object.entries(list).map(([name, notAfter]) => ({
      sha256: digestOf(name),
      ...(notAfter === undefined ? {} : { notAfter: timeOf(notAfter) }),
    }))
    return this.edit({ secret: { verifiers }, ...more })
  }

  edit(spec: Partial<OIDCClientSpec>): RotationPlan {
    const { metadata } = this.client
    this.client = {
      ...this.client,
      metadata: { ...metadata, generation: metadata.generation + 1 },
      spec: { type: 'M2M', ...spec },
    }
    return this.look()
  }

  /** Looks until nothing more is to be written. */
  look(): RotationPlan {
    for (let looks = 0; looks < 10; looks++) {
      const plan = this.plan()
      const isDone = plan.step.kind !== 'write-shard'
      this.entry = plan.verifiers
      this.tell(plan)
      if (isDone) return plan
    }
    throw new Error('it does not come to rest')
  }

  plan(): RotationPlan {
    const isListed = this.client.spec.secret?.verifiers !== undefined
    const source: SecretSource = isListed ? listedSource(this.client, this.admits) : { kind: 'minted' }
    return planRotation({
      source,
      serving: true,
      secret: this.secret,
      verifiers: this.entry,
      pending: undefined,
      usage: { knownSince: 0, lastUsed: this.used },
      now: this.now,
      rotation: {
        retire: 'WhenUnused',
        maxOverlapMs: 7 * day,
        quietPeriodMs: hour,
        ...(this.client.spec.rotation?.interval === undefined ? {} : { intervalMs: 30 * day }),
        ...(this.client.spec.rotation?.revokePrevious === undefined
          ? {}
          : { revokePrevious: this.client.spec.rotation.revokePrevious }),
      },
      replicas: { total: 3, serving: this.isEverywhere, unreachable: 0, goingUntil: undefined },
      status: statusOf(this.client),
    })
  }

  tell(plan: RotationPlan): void {
    const accepted = new Set(this.isEverywhere ? this.entry!.map(({ id }) => id) : [])
    const { status } = describeOutcome(
      outcome({
        client: this.client,
        rotation: plan,
        secret: plan.listed ? { kind: 'listed', name: undefined } : { kind: 'pending', name: 'app-oidc' },
        listed: { accepted, lastUsed: this.used, usesKnownSince: begin },
        now: this.now,
        ...(this.admits ? {} : { serve: { kind: 'carry', until: undefined } }),
      }),
    )
    this.client = { ...this.client, status }
  }

  get status() {
    return this.client.status!
  }
  get live(): Record<string, number | undefined> {
    const valid = (this.entry ?? []).filter(({ notAfter = Infinity }) => notAfter > this.now)
    return Object.fromEntries(valid.map(({ id, notAfter }) => [id, notAfter]))
  }
  get secretReady() {
    const found = this.status.conditions!.find(({ type }) => type === 'SecretReady')!
    return `${found.status} ${found.reason}: ${found.message}`
  }
}

describe('secrets that a client lists', () => {
  let world: ListedWorld
  beforeEach(() => {
    world = new ListedWorld()
  })

  it('gives servers exactly the listed secrets that are valid', () => {
    world.list({ old: begin + day, new: undefined, over: begin - 1 })
    expect(world.live).to.deep.equal({ [idOf('new')]: undefined, [idOf('old')]: begin + day })
    expect(world.entry![0]!.id, 'the newest comes first').to.equal(idOf('new'))
    expect(world.secretReady).to.match(/^True SecretReady: the secrets are those of spec\.secret\.verifiers$/)
    expect(world.status.secret).not.to.have.any.keys('name', 'activeId')
  })

  it('ends an older one when the list says so', () => {
    world.list({ old: begin + day, new: undefined })
    world.now += day
    world.look()
    expect(world.live).to.deep.equal({ [idOf('new')]: undefined })
    expect(world.status.endedVerifiers).to.deep.equal([idOf('old')])
    expect(world.secretReady).to.match(/^True/)
  })

  it('ends one that is taken out of the list at once', () => {
    world.list({ leaked: undefined })
    world.list({ new: undefined })
    expect(world.live).to.deep.equal({ [idOf('new')]: undefined })
    expect(world.status.endedVerifiers).to.deep.equal([idOf('leaked')])
  })

  it('ends an older one within the longest overlap of its policies, counted once, and says so', () => {
    world.list({ old: undefined })
    world.list({ old: begin + 60 * day, new: undefined })
    expect(world.live[idOf('old')]).to.equal(begin + 7 * day)
    world.now += 3 * day
    world.list({ old: begin + 90 * day, new: undefined })
    expect(world.live[idOf('old')], 'an edit gives it no more time').to.equal(begin + 7 * day)
    expect(world.secretReady).to.contain(
      `; ${idOf('old')} ends at 2026-06-08T12:00:00Z, the latest that policies allow`,
    )
    world.list({ old: begin + 4 * day, new: undefined })
    expect(world.live[idOf('old')], 'an earlier end counts').to.equal(begin + 4 * day)
    world.list({ old: begin + 90 * day, new: undefined })
    world.now += 2 * day
    world.look()
    expect(world.live).to.deep.equal({ [idOf('new')]: undefined })
    expect(world.secretReady, 'nothing is wrong').to.match(/^True .* has ended/)
  })

  it('gives no other end to the newest, also when it has one', () => {
    world.list({ yearly: begin + 365 * day })
    expect(world.live).to.deep.equal({ [idOf('yearly')]: begin + 365 * day })
  })

  it('gives no ended secret to servers again, and says which one', () => {
    world.list({ first: undefined })
    world.list({ second: undefined })
    world.list({ first: undefined })
    expect(world.live, 'the list leaves none, so the one of before stays').to.deep.equal({
      [idOf('second')]: undefined,
    })
    expect(world.secretReady).to.equal(
      `False SecretEnded: spec.secret.verifiers: ${idOf('first')} has ended, and an ended secret never returns; make another one with kubectl nauthera secret new`,
    )
    world.list({ first: begin + day, third: undefined })
    expect(world.live).to.deep.equal({ [idOf('third')]: undefined })
    expect(world.secretReady, 'an older one of the list').to.match(
      /^True .* has ended, and an ended secret never returns$/,
    )
    world.list({ first: begin - day, third: undefined })
    expect(world.secretReady, 'it may stand there as one that is over').to.match(/verifiers$/)
  })

  it('keeps the client when every listed secret has ended, and says so', () => {
    world.list({ only: begin + day })
    world.now += day
    world.look()
    expect(world.entry!.map(({ id }) => id)).to.deep.equal([idOf('only')])
    expect(world.live).to.deep.equal({})
    expect(world.secretReady).to.match(/^False SecretEnded: spec.secret.verifiers: every secret has ended/)
    expect(world.status.endedVerifiers).to.deep.equal([idOf('only')])
  })

  it('changes nothing while a policy refuses the version', () => {
    world.list({ old: undefined })
    const { verifiersGeneration } = world.status
    world.admits = false
    world.list({ new: undefined })
    expect(world.live).to.deep.equal({ [idOf('old')]: undefined })
    expect(world.status.verifiersGeneration).to.equal(verifiersGeneration)
    world.admits = true
    world.list({ old: undefined })
    expect(world.live, 'it did not end').to.deep.equal({ [idOf('old')]: undefined })
  })

  it('tells since when each is known, and reports a rotation that is due', () => {
    world.list({ first: undefined }, { rotation: { interval: '720h' } })
    world.now += 10 * day
    world.list({ first: begin + 12 * day, second: undefined }, { rotation: { interval: '720h' } })
    expect(world.status.verifiers!.map(({ id, firstSeen }) => [id, firstSeen])).to.deep.equal([
      [idOf('second'), '2026-06-11T12:00:00Z'],
      [idOf('first'), '2026-06-01T12:00:00Z'],
    ])
    expect(world.status.secret?.nextRotation).to.equal('2026-07-11T12:00:00Z')
    world.now += 30 * day + 6 * 60_000
    expect(world.look().health).to.deep.include({ ok: false, reason: 'Overdue' })
  })

  it('names the generation whose list servers are given', () => {
    world.list({ first: undefined })
    const { generation } = world.client.metadata
    expect(world.status.verifiersGeneration).to.equal(generation)
    const plan = world.plan()
    expect(plan.needed).to.deep.equal([idOf('first')])
    world.edit({ ...world.client.spec, displayName: 'Other' })
    expect(world.status.verifiersGeneration, 'another field').to.equal(generation + 1)
  })

  it('tells uses as of one time while more than one is valid', () => {
    world.used = { [idOf('old')]: begin - hour }
    world.list({ old: begin + day, new: undefined })
    expect(world.status).to.deep.include({
      usesKnownSince: '2026-06-01T12:00:00Z',
      usesKnownUntil: '2026-06-01T12:00:00Z',
    })
    expect(world.status.verifiers![1]).to.deep.include({ lastUsed: '2026-06-01T11:00:00Z' })
    world.list({ new: undefined })
    expect(world.status).not.to.have.any.keys('usesKnownSince', 'usesKnownUntil')
  })

  it('remembers 32 that ended', () => {
    for (let number = 0; number < 40; number++) world.list({ [`secret ${number}`]: undefined })
    expect(world.status.endedVerifiers).to.have.length(32)
    expect(world.status.endedVerifiers![0]).to.equal(idOf('secret 38'))
  })

  describe('after the operator minted one', () => {
    const minted = { id: idOf('minted'), sha256: digestOf('minted') }
    beforeEach(() => {
      world.entry = [minted]
      world.client = {
        ...world.client,
        status: { secret: { name: 'app-oidc', activeId: minted.id, lastRotated: timeOf(begin - day) } },
      }
    })

    it('keep the minted one for the overlap, which begins when every replica has the listed ones', () => {
      world.isEverywhere = false
      world.list({ own: undefined })
      expect(world.live).to.deep.equal({ [idOf('own')]: undefined, [minted.id]: undefined })
      world.now += hour
      world.isEverywhere = true
      world.look()
      expect(world.live).to.deep.equal({ [idOf('own')]: undefined, [minted.id]: begin + hour + day })
      expect(world.status.secret?.previous?.map(({ id }) => id)).to.deep.equal([minted.id])
      expect(world.status.verifiers?.map(({ id }) => id)).to.deep.equal([idOf('own')])
      world.now += day
      world.list({ next: undefined })
      expect(world.live).to.deep.equal({ [idOf('next')]: undefined })
      expect(world.entry, 'what has ended is not stored either').to.have.length(1)
    })

    it('are not everywhere before they are stored', () => {
      world.client = clientOf({ type: 'M2M', secret: { verifiers: [{ sha256: digestOf('own') }] } }, { generation: 2 })
      world.client = { ...world.client, status: { secret: { name: 'app-oidc', activeId: minted.id } } }
      expect(world.plan().verifiers).to.deep.equal([{ id: idOf('own'), sha256: digestOf('own') }, minted])
    })

    it('end the minted one at once where rotation.revokePrevious asks for it', () => {
      world.list({ own: undefined }, { rotation: { revokePrevious: 'leak' } })
      expect(world.live).to.deep.equal({ [idOf('own')]: undefined })
      expect(world.status.secret?.observedRevoke).to.equal('leak')
    })

    it('outlive the Secret of then: what it holds does not return when the operator mints again', () => {
      world.secret = {
        kind: 'owned',
        sha256: minted.sha256,
        isMinted: true,
        secretId: minted.id,
        rotatedAt: begin - day,
        verifiers: [minted],
        observed: {},
        fence: undefined,
      }
      world.list({ own: undefined })
      world.now += 8 * day
      world.look()
      expect(world.live).to.deep.equal({ [idOf('own')]: undefined })
      expect(world.edit({}).step.kind).to.equal('mint')
      expect(world.live).to.deep.equal({ [idOf('own')]: undefined })
    })

    it('lose one that its owner took out for good, also where the status is written before the shard', () => {
      world.list({ own: undefined, older: begin + 5 * day })
      world.look()
      expect(Object.keys(world.live)).to.have.members([idOf('own'), idOf('older'), minted.id])
      const { entry } = world
      world.list({ own: undefined })
      expect(world.status.endedVerifiers).to.deep.equal([idOf('older')])
      world.entry = entry
      expect(world.plan().verifiers.map(({ id }) => id)).to.deep.equal([idOf('own'), minted.id])
    })

    it('may have it in their list', () => {
      world.list({ minted: undefined })
      expect(world.live).to.deep.equal({ [minted.id]: undefined })
    })
  })

  it('stay beside the first that the operator mints, when the list is gone', () => {
    world.list({ old: begin + day, own: undefined })
    const plan = world.edit({})
    expect(plan.step.kind).to.equal('mint')
    expect(world.live).to.deep.equal({ [idOf('own')]: undefined, [idOf('old')]: begin + day })
    expect(
      world.status.verifiers?.map(({ id }) => id),
      'until they end',
    ).to.deep.equal([idOf('own'), idOf('old')])
    expect(plan.isLost, 'nothing was lost').to.equal(false)
  })

  it('stay, all three, until one ends, when the list is gone', () => {
    world.list({ older: begin + hour, old: begin + day, own: undefined })
    expect(world.edit({}).step).to.deep.equal({ kind: 'blocked', why: 'no-room' })
    expect(Object.keys(world.live)).to.have.length(3)
    expect(world.secretReady).to.match(/^False TooManySecrets: three secrets are valid/)
    world.now += hour
    expect(world.look().step.kind).to.equal('mint')
    expect(Object.keys(world.live)).to.have.length(2)
  })

  it('never serves an ended one, never ends all by an edit, and never moves an end to a later time', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const end = fc.integer({ min: -2, max: 20 })
    const edit = fc.record({
      days: fc.integer({ min: 0, max: 8 }),
      admits: fc.boolean(),
      isEverywhere: fc.boolean(),
      newest: fc.option(name, { nil: undefined }),
      older: fc.array(fc.tuple(name, end), { maxLength: 2 }),
    })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 12 }), (edits) => {
        const run = new ListedWorld()
        const gone = new Set<string>()
        let lately: readonly string[] = []
        for (const { days, admits, isEverywhere, newest, older } of edits) {
          run.now += days * day
          run.admits = admits
          run.isEverywhere = isEverywhere
          const list: Record<string, number | undefined> = Object.fromEntries(
            older.map(([one, inDays]) => [one, run.now + inDays * day]),
          )
          if (newest !== undefined) list[newest] = undefined
          if (Object.keys(list).length === 0) continue
          const [before, ended] = [run.live, run.client.status?.endedVerifiers ?? []]
          run.list(list)
          const now = run.live
          expect(
            Object.keys(now).filter((id) => ended.includes(id)),
            'an ended one',
          ).to.deep.equal([])
          if (Object.keys(before).length > 0) expect(Object.keys(now), 'none is left').not.to.deep.equal([])
          for (const id of lately) if (!(id in before)) gone.add(id)
          expect(
            Object.keys(now).filter((id) => gone.has(id)),
            'one that was gone',
          ).to.deep.equal([])
          for (const id of [...lately, ...Object.keys(before)]) if (!(id in now)) gone.add(id)
          lately = Object.keys(now)
          for (const [id, was] of Object.entries(before)) {
            const isListedWithEnd = Object.entries(list).some(([one, at]) => idOf(one) === id && at !== undefined)
            const isNewest = run.entry![0]!.id === id
            if (was !== undefined && now[id] !== undefined && isListedWithEnd && !isNewest)
              expect(now[id], 'a later end').to.be.at.most(was)
          }
        }
      }),
      { numRuns: propertyRuns(500) },
    )
  })
})

describe(planRefusedList.name, () => {
  const [kept, leaked] = ['kept', 'leaked'].map((name): StoredVerifier => ({
    id: idOf(name),
    sha256: digestOf(name),
  })) as [StoredVerifier, StoredVerifier]
  const known = [kept, leaked].map(({ id }) => ({ id, firstSeen: timeOf(begin - day), acceptedByAll: true }))
  /** @param list of any shape */
  const left = (
    list: unknown,
    about: { seen?: typeof known; kept?: readonly StoredVerifier[]; spec?: object } = {},
  ) => {
    const refused = {
      ...clientOf({ type: 'M2M' }),
      spec: { type: 'M2M', secret: { verifiers: list }, ...about.spec },
      status: { verifiers: about.seen ?? known },
    } as unknown as OIDCClient
    const both = [kept, leaked]
    const plan = planRefusedList(refused, {
      verifiers: both,
      kept: about.kept ?? both,
      status: { observed: {} },
      now: begin,
    })
    return plan.verifiers.map(({ id }) => id)
  }

  it('ends what its owner took out of the list, though the spec is refused', () => {
    expect(left([{ sha256: kept.sha256 }])).to.deep.equal([kept.id])
  })

  it('ends one whose listed end has come', () => {
    expect(left([{ sha256: kept.sha256 }, { sha256: leaked.sha256, notAfter: timeOf(begin) }])).to.deep.equal([kept.id])
  })

  it('takes nothing new', () => {
    const all = [kept, leaked].map(({ sha256 }) => ({ sha256 }))
    expect(left([...all, { sha256: digestOf('new') }])).to.deep.equal([kept.id, leaked.id])
  })

  for (const [what, list] of [
    ['that has none of them', [{ sha256: digestOf('other') }]],
    ['that is empty', []],
    ['that is no list', 'none'],
    ['whose entries cannot be read', [7, null]],
  ] as const)
    it(`changes nothing by a list ${what}`, () => expect(left(list)).to.deep.equal([kept.id, leaked.id]))

  it('leaves what was never listed, such as one that the operator minted', () => {
    expect(left([{ sha256: kept.sha256 }], { seen: known.slice(0, 1) })).to.deep.equal([kept.id, leaked.id])
  })

  it('ends what revokePrevious ends, and what a cluster says has ended', () => {
    expect(left('none', { kept: [kept] })).to.deep.equal([kept.id])
    expect(left('none', { spec: { restraint: { endedVerifiers: [leaked.id] } } })).to.deep.equal([kept.id])
  })
})
