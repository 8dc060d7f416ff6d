// Says when the mount is worth a look: hints from events, the truth from a poll of `..data`.
import { resolve } from 'node:path'
import { watch } from 'chokidar'
import type { FSWatcher } from 'chokidar'
import { readDataLink } from './read-snapshot.ts'

export type Trigger = 'inotify' | 'poll' | 'start' | 'retry' | 'last-good'

interface MountWatchOptions {
  readonly directory: string
  /** 2 s. */
  readonly pollMs: number
  /** Never called twice at the same time; `again` asks for another look at the next poll. */
  readonly look: (trigger: Trigger) => Promise<{ again: boolean }>
  /** Called once when the kernel refuses to watch: from then on the poll alone finds changes. */
  readonly onDegraded: (error: unknown) => void
}

/** Says when the mount is worth a look. An event, of whatever type, is a hint only: under load events go missing, and
 *  their types lie. The truth is a poll of where ..data leads (10 us). */
export class MountWatch {
  readonly #options: MountWatchOptions
  #watcher: FSWatcher
  #isDegraded = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  /** The look that runs. */
  #looking: Promise<void> | undefined
  /** A look is due, for this reason. */
  #wanted: Trigger | undefined
  /** Where ..data led before the last look. */
  #seenLink: string | undefined
  #again = false

  constructor(options: MountWatchOptions) {
    this.#options = options
    this.#watcher = this.#watch()
    this.#schedulePoll()
  }

  /** @returns when the mount has been looked at */
  lookNow(trigger: Trigger): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    this.#wanted ??= trigger
    this.#looking ??= this.#lookWhileWanted().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#watcher.close()
    await this.#looking
  }

  #watch(): FSWatcher {
    const { onDegraded } = this.#options
    const directory = resolve(this.#options.directory)
    // Nothing in the directory is worth its attention: it would look at each file and resolve each link at every event.
    const ignored = (path: string) => path !== directory
    const watcher = watch(directory, { ignored, followSymlinks: false, depth: 0, ignoreInitial: true })
    // What chokidar makes of a renamed link is its own affair; that something happened is all that counts.
    for (const event of ['all', 'raw'] as const) watcher.on(event, () => void this.#check('inotify'))
    // it is ready also where the kernel has refused to watch
    watcher.on('ready', () => void this.#check(this.#isDegraded ? 'poll' : 'inotify'))
    watcher.on('error', (error) => {
      if (!this.#isDegraded) onDegraded(error)
      this.#isDegraded = true
    })
    return watcher
  }

  async #lookWhileWanted(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stopped) {
      const trigger = this.#wanted
      this.#wanted = undefined
      // Read before the look: a swap during it is then seen as one more change.
      this.#seenLink = linkOf(this.#options.directory)
      this.#again = (await this.#options.look(trigger)).again
    }
  }

  #hasChanged(): boolean {
    return linkOf(this.#options.directory) !== this.#seenLink
  }

  async #check(trigger: Trigger): Promise<void> {
    if (this.#hasChanged()) await this.lookNow(trigger)
  }

  async #poll(): Promise<void> {
    if (this.#hasChanged()) {
      // A change that no event told: another directory may have come in the place of the one that is watched.
      void this.#watcher.close()
      this.#watcher = this.#watch()
      await this.lookNow('poll')
    } else if (this.#again) await this.lookNow('retry')
  }

  #schedulePoll(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#poll().finally(() => this.#schedulePoll()), this.#options.pollMs)
  }
}

/** @returns undefined when there is none, or it cannot be read: the look says which */
function linkOf(directory: string): string | undefined {
  try {
    return readDataLink(directory)
  } catch {
    return undefined
  }
}
