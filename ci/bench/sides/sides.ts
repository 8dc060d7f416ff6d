// The servers of one run, each started when the first row needs it.
import { join } from 'node:path'
import { bundleServer } from './bundles.ts'
import { startBare, startOurs, startStock } from './start.ts'
import type { OurSide, Side } from './start.ts'

/** Their names; `cheap` is ours with a hash that costs next to nothing. */
export interface Sides {
  readonly bare: Side
  readonly stock: Side
  readonly ours: OurSide
  readonly cheap: OurSide
}

export class StartedSides {
  readonly #directory: string
  readonly #profile: string | undefined
  readonly #started = new Map<keyof Sides, Promise<Side>>()

  /** @param options.directory empty, for their files
   *  @param options.profile where a profile goes that is taken of one of them */
  constructor({ directory, profile }: { directory: string; profile?: string | undefined }) {
    this.#directory = directory
    this.#profile = profile
  }

  side<Name extends keyof Sides>(name: Name): Promise<Sides[Name]> {
    const started = this.#started.get(name) ?? this.#start(name)
    this.#started.set(name, started)
    return started as Promise<Sides[Name]>
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#started.values()].map(async (side) => (await side).stop()))
  }

  async #start(name: keyof Sides): Promise<Side> {
    if (name === 'bare') return startBare()
    if (name === 'stock') return startStock({ profile: this.#profile })
    const cheapHash = name === 'cheap'
    const program = await bundleServer(join(this.#directory, `bundle-${name}`), { cheapHash })
    const directory = join(this.#directory, name)
    return startOurs({ name: 'ours', directory, program, cheapHash, profile: this.#profile })
  }
}
