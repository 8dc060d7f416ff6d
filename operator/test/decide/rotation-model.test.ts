import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { hour, minute, PropertyBroken, World } from './rotation-world.ts'
import type { Bugs } from './rotation-world.ts'

type Model = Record<string, never>

/** A command that is a sentence in a counterexample. */
class Command implements fc.Command<Model, World> {
  readonly sentence: string
  readonly act: (world: World) => void

  constructor(sentence: string, act: (world: World) => void) {
    this.sentence = sentence
    this.act = act
  }

  check(): boolean {
    return true
  }

  run(_model: Model, world: World): void {
    this.act(world)
    world.check()
  }

  toString(): string {
    return this.sentence
  }
}

const one = (sentence: string, act: (world: World) => void) => fc.constant(new Command(sentence, act))
const onReplica = (sentence: string, act: (world: World, index: number) => void) =>
  fc.nat(3).map((index) => new Command(`${sentence} ${index}`, (world) => act(world, index)))

const ordinary = [
  one('operate', (world) => world.operate('lives')),
  one('operate', (world) => world.operate('lives')),
  one('operate twice', (world) => [1, 2].forEach(() => world.operate('lives'))),
  onReplica('kubelet syncs', (world, index) => world.sync(index)),
  one('kubelet syncs all', (world) => world.replicas.forEach((_, index) => world.sync(index))),
  one('the application reads its Secret', (world) => world.readSecret()),
  onReplica('a pod calls', (world, index) => world.use(index)),
  one('a program reads its Secret once', (world) => world.startProgram()),
  onReplica('a program that read once calls', (world, index) => world.useOld(index)),
  one('rotate', (world) => world.rotate()),
  one('a rotation goes through', (world) => world.rotateThrough()),
  fc
    .constantFrom(1_000, 70_000, 10 * minute, hour + minute, 5 * hour)
    .map((ms) => new Command(`tick ${ms}`, (world) => world.tick(ms))),
]

/** What a program does with the secret that it read once, while nobody hears of it. */
const unheard = [
  onReplica('an old program calls where nobody hears it, and an hour passes', (world, index) => {
    world.setPort(index, false)
    world.useOld(index)
    world.tick(hour)
  }),
  onReplica('replica restarted, and heard again', (world, index) => {
    world.restartReplica(index)
    world.setPort(index, true)
  }),
  one('a program reads its Secret once, and a rotation goes through', (world) => {
    world.startProgram()
    world.rotateThrough()
  }),
]

const faults = [
  one('crash before the write', (world) => world.operate('crashes-before')),
  one('crash after the write', (world) => world.operate('crashes-after')),
  one('pause with the write in hand', (world) => world.operate('pauses')),
  one('the paused leader wakes', (world) => world.resume()),
  one('revokePrevious', (world) => world.askRevoke()),
  one('rotate and revoke', (world) => (world.rotate(), world.askRevoke())),
  one('the Secret is deleted', (world) => world.deleteSecret()),
  one('the Secret is edited', (world) => world.editSecret()),
  one('the annotations are damaged', (world) => world.damageAnnotations()),
  one('the shard is lost', (world) => world.loseShard()),
  fc
    .constantFrom(0, -minute, minute)
    .map((skew) => new Command(`replica added, skew ${skew}`, (world) => world.addReplica(skew))),
  onReplica('replica removed', (world, index) => world.removeReplica(index)),
  onReplica('replica restarted', (world, index) => world.restartReplica(index)),
  fc
    .constantFrom(0, -minute, -2_000, minute)
    .map((skew) => new Command(`the next leader's clock is off by ${skew}`, (world) => (world.nextSkew = skew))),
  ...unheard,
  onReplica('status port shut', (world, index) => world.setPort(index, false)),
  onReplica('status port open', (world, index) => world.setPort(index, true)),
]

const hubFaults = [
  one('the hub is away', (world) => world.loseHub()),
  one('the hub is back', (world) => world.returnHub()),
  one('the hub is away for five minutes', (world) => {
    world.loseHub()
    for (let minutes = 0; minutes < 5; minutes++) {
      world.operate('lives')
      world.tick(minute)
    }
    world.returnHub()
  }),
]

/** A world with a hub takes longer. */
const runsOf: Readonly<Record<Outlet, number>> = { shards: propertyRuns(1_000), hub: propertyRuns(250) }
type Outlet = 'shards' | 'hub'

function model(bugs: Bugs, options: { outlet: Outlet; runs: number; seed?: number; isUnusedOnly?: boolean }) {
  const { outlet } = options
  const ofOutlet = outlet === 'hub' ? hubFaults : []
  return fc.check(
    fc.property(
      fc.nat(3),
      fc.constantFrom(...(options.isUnusedOnly ? [] : ['AfterOverlap' as const]), 'WhenUnused' as const),
      fc.commands([...ordinary, ...ordinary, ...faults, ...ofOutlet, ...(options.isUnusedOnly ? unheard : [])], {
        maxCommands: 60,
        size: 'max',
      }),
      (replicas, retire, commands) => {
        const world = new World(bugs, replicas + 1, { retire, outlet })
        fc.modelRun(() => ({ model: {}, real: world }), commands)
        world.heal()
      },
    ),
    { numRuns: options.runs, ...(options.seed === undefined ? {} : { seed: options.seed }) },
  )
}

const planted: readonly { bug: Bugs; sentence: string; finds: RegExp }[] = [
  { bug: { publishBeforeAck: true }, sentence: 'publish before the acknowledgement', finds: /P4|P1/ },
  { bug: { dropOldAtPublication: true }, sentence: 'drop the old verifier at publication', finds: /P1/ },
  { bug: { ignoreResourceVersion: true }, sentence: 'write without resourceVersion', finds: /P6/ },
  { bug: { takesUnknownForUnused: true }, sentence: 'take what is not known for unused', finds: /P9/ },
  { bug: { mintTwiceAfterCrash: true }, sentence: 'mint twice after a crash', finds: /P5/ },
  { bug: { forgetsEnded: true }, sentence: 'forget a secret that a server may accept', finds: /P10/ },
]

for (const outlet of ['shards', 'hub'] as const)
  describe(`rotation, as a model, ${outlet === 'hub' ? 'of a spoke through its hub' : 'through shards and replicas'}`, function () {
    const runs = runsOf[outlet]
    this.timeout(120_000 + 40 * runs)

    it(`holds P1 to P6, P8, P9 and P10 in ${runs} runs`, () => {
      const result = model({}, { outlet, runs })
      expect(result.failed, `${String(result.errorInstance)}; ${fc.defaultReportMessage(result) ?? ''}`).to.equal(false)
    })

    for (const { bug, sentence, finds } of planted) {
      it(`finds the planted bug: ${sentence}`, () => {
        const result = model(bug, { outlet, runs: 4_000, isUnusedOnly: bug.takesUnknownForUnused === true })
        expect(result.failed).to.equal(true)
        // an old mirror breaks whatever the hub makes of it first
        expect(String(result.errorInstance)).to.match(outlet === 'hub' ? /^Error: P\d+ broken/ : finds)
        expect(result.errorInstance).to.be.instanceOf(PropertyBroken)
      })
    }
  })
