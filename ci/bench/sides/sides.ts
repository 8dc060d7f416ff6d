// The servers of one run, each started when the first row needs it.
import { join } from 'node:path'
import type { Program } from '@nauthera/local/processes/program'
import { bundleServer } from './bundles.ts'
import { startBare, startOurs, startStock } from './start.ts'
import type { OurSide, OurSize, Side } from './start.ts'

/** Their names; `cheap` is ours with a hash that costs next to nothing. */
interface Sides {
  readonly bare: Side
  readonly stock: Side
  readonly ours: OurSide
  readonly cheap: OurSide
}

export class StartedSides {
  readonly #directory: string
  readonly #profile: string | undefined
  readonly #shared = new Map<keyof Sides, Promise<Side>>()
  readonly #bundles = new Map<boolean, Promise<Program>>()
  #servers = 0

  /** @param options.directory empty, for their files
   *  @param options.profile where a profile goes that is taken of one of them */
  constructor({ directory, profile }: { directory: string; profile?: string | undefined }) {
    this.#directory = directory
    this.#profile = profile
  }

  /** The one that rows share. */
  side<Name extends keyof Sides>(name: Name): Promise<Sides[Name]> {
    const started = this.#shared.get(name) ?? this.#start(name)
    this.#shared.set(name, started)
    return started as Promise<Sides[Name]>
  }

  /** One of ours that is as large as its row wants it. Whoever starts it stops it. */
  async startSized(size: OurSize & { readonly name?: string; readonly cheapHash?: boolean }): Promise<OurSide> {
    const { cheapHash = true, ...others } = size
    const directory = join(this.#directory, `server-${++this.#servers}`)
    return startOurs({
      directory,
      program: await this.program({ cheapHash }),
      cheapHash,
      profile: this.#profile,
      ...others,
    })
  }

  /** A bundle, with the flags of the image; made once. */
  program({ cheapHash }: { cheapHash: boolean }): Promise<Program> {
    const made =
      this.#bundles.get(cheapHash) ?? bundleServer(join(this.#directory, `bundle-${String(cheapHash)}`), { cheapHash })
    this.#bundles.set(cheapHash, made)
    return made
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#shared.values()].map(async (side) => (await side).stop()))
  }

  #start(name: keyof Sides): Promise<Side> {
    if (name === 'bare') return startBare()
    if (name === 'stock') return startStock({ profile: this.#profile })
    return this.startSized({ cheapHash: name === 'cheap' })
  }
}
