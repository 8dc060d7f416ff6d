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
  readonly #watcher: FSWatcher
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
    this.#schedulePoll()
    const { directory } = options
    this.#watcher = watch(directory, { followSymlinks: false, depth: 0, ignoreInitial: true, persistent: true })
    this.#watcher.on('all', () => void this.#check('inotify'))
    // What chokidar makes of a renamed link is its own affair; that something happened is all that counts.
    this.#watcher.on('raw', () => void this.#check('inotify'))
    let isTold = false
    this.#watcher.on('error', (error) => {
      if (!isTold) options.onDegraded(error)
      isTold = true
    })
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

  async #lookWhileWanted(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stopped) {
      const trigger = this.#wanted
      this.#wanted = undefined
      // Read before the look: a swap during it is then seen as one more change.
      this.#seenLink = linkOf(this.#options.directory)
      this.#again = (await this.#options.look(trigger)).again
    }
  }

  async #check(trigger: Trigger): Promise<void> {
    if (linkOf(this.#options.directory) !== this.#seenLink) await this.lookNow(trigger)
    else if (this.#again && trigger === 'poll') await this.lookNow('retry')
  }

  #schedulePoll(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#check('poll').finally(() => this.#schedulePoll()), this.#options.pollMs)
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
