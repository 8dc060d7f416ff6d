import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { hour, minute, PropertyBroken, World } from './rotation-world.ts'
import type { Bugs } from './rotation-world.ts'

// What an application holds is never ended by silence: whoever of the hub, the link to it and the operator of the spoke dies, between
// whichever two writes and for however long, the value in the Secret is accepted. The moments are all tried: 900, and 10,800 at night.

/** Who does nothing from then on, and how it is undone. */
const deaths: Readonly<Record<string, (world: World) => () => void>> = {
  'the link': (world) => (world.loseHub(), () => world.returnHub()),
  'the operator of the spoke': (world) => (world.dead.add('spoke'), () => void world.dead.delete('spoke')),
  'the operator of the hub': (world) => (world.dead.add('hub'), () => void world.dead.delete('hub')),
  'the hub with its operator': (world) => {
    world.dead.add('hub')
    world.loseHub()
    return () => {
      world.dead.delete('hub')
      world.returnHub()
    }
  },
  'both operators': (world) => {
    world.dead.add('hub').add('spoke')
    return () => world.dead.clear()
  },
}

/** What is asked for before. */
const beginnings: Readonly<Record<string, (world: World) => void>> = {
  'a rotation': (world) => world.rotate(),
  'a rotation that revokes': (world) => {
    world.rotate()
    world.askRevoke()
  },
  'a second rotation within the overlap': (world) => {
    world.rotateThrough()
    world.rotate()
  },
  'a lost Secret': (world) => world.deleteSecret(),
  nothing: () => {},
}

/** They take turns, and each look writes at most once. */
const turns: readonly ((world: World) => void)[] = [
  (world) => void world.lookOfSpoke('lives'),
  (world) => void world.lookOfHub(),
  (world) => world.replicas.forEach((_, index) => world.sync(index)),
]
/** In so many turns each of the beginnings is through. */
const lastMoment = 36

interface Death {
  readonly begun: string
  readonly dies: string
  /** After so many turns. */
  readonly moment: number
  readonly awayMs: number
  readonly maxOverlapHours: number
  readonly retire: 'AfterOverlap' | 'WhenUnused'
}

/** Each beginning, each death and each moment, for each of these. */
const eachOf = (about: readonly Pick<Death, 'awayMs' | 'maxOverlapHours' | 'retire'>[]): readonly Death[] =>
  about.flatMap((one) =>
    Object.keys(beginnings).flatMap((begun) =>
      Object.keys(deaths).flatMap((dies) =>
        Array.from({ length: lastMoment }, (_, moment) => ({ ...one, begun, dies, moment })),
      ),
    ),
  )
/** Longer than an overlap may be. */
const first = [{ awayMs: 25 * hour, maxOverlapHours: 1, retire: 'AfterOverlap' }] as const
const every = [30 * minute, 25 * hour, 40 * 24 * hour].flatMap((awayMs) =>
  [1, 24].flatMap((maxOverlapHours) =>
    (['AfterOverlap', 'WhenUnused'] as const).map((retire) => ({ awayMs, maxOverlapHours, retire })),
  ),
)

const take = (world: World, turn: number): void => {
  turns[turn % turns.length]!(world)
  look(world)
}
const look = (world: World): void => {
  world.check()
  world.checkHeld()
}

/** @param order of the turns before the death; default: each in its turn
 *  @throws PropertyBroken */
function live(bugs: Bugs, { begun, dies, moment, awayMs, maxOverlapHours, retire }: Death, order?: readonly number[]) {
  const world = new World(bugs, 2, { retire, outlet: 'hub', maxOverlapHours })
  world.rotateThrough()
  world.readSecret()
  beginnings[begun]!(world)
  for (const turn of order ?? Array.from({ length: moment }, (_, index) => index)) take(world, turn)
  const comeBack = deaths[dies]!(world)
  for (let left = awayMs; left > 0;) {
    // the others go on, and what they do is through before the first of all ends comes
    for (let turn = 0; turn < (left === awayMs ? 12 : 3); turn++) take(world, turn)
    const ms = Math.min(left, left > 48 * hour ? 24 * hour : 30 * minute)
    world.tick(ms)
    look(world)
    left -= ms
  }
  comeBack()
  world.heal()
}

describe('a rotation of a spoke in which somebody dies', () => {
  const isNightly = propertyRuns(1) > 1
  const runs = propertyRuns(150 / Object.keys(beginnings).length)
  const begunWith = (begun: string, all: readonly Death[]) => all.filter((death) => death.begun === begun)

  for (const begun of Object.keys(beginnings)) {
    for (const about of isNightly ? every : first) {
      const all = begunWith(begun, eachOf([about]))
      const { awayMs, maxOverlapHours, retire } = about
      const terms = `away ${awayMs / hour} h, an overlap of at most ${maxOverlapHours} h, ${retire}`
      it(`P1 takes the value in the Secret all the time, after ${begun}, in each of ${all.length} deaths: ${terms}`, () => {
        for (const death of all)
          try {
            live({}, death)
          } catch (error) {
            throw new Error(JSON.stringify(death), { cause: error })
          }
      })
    }

    it(`P1 and in ${runs} other orders of the turns before it, after ${begun}`, () => {
      const orders = fc.array(fc.nat(turns.length - 1), { maxLength: lastMoment })
      const death = fc.constantFrom(...begunWith(begun, eachOf(every)))
      fc.assert(
        fc.property(death, orders, (one, order) => live({}, one, order)),
        { numRuns: runs },
      )
    })
  }

  for (const maxOverlapHours of [1, 24])
    it(`finds the planted bug: an unpublished secret has an end in the mirror, after ${maxOverlapHours} h`, () => {
      const isBroken = (death: Death): boolean => {
        try {
          live({ endsUnpublished: true }, death)
          return false
        } catch (error) {
          if (error instanceof PropertyBroken) return true
          throw error
        }
      }
      const lost = eachOf([{ ...first[0], maxOverlapHours }]).filter(
        ({ begun, dies }) => begun === 'a rotation' && dies === 'the link',
      )
      // from the publication to the write that follows it
      expect(lost.filter(isBroken).map(({ moment }) => moment)).to.deep.equal([7, 8, 9])
    })
})
