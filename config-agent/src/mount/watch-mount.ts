// Watches the mount: file events are hints, a poll of `..data` is the truth.
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

/** Calls `look` when the mount may have changed. File events are hints: under load they go missing and have wrong types. A poll of
 *  `..data` (10 us) is the truth. */
export class MountWatch {
  readonly #options: MountWatchOptions
  #watcher: FSWatcher
  #isDegraded = false
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  /** The reading that runs now. */
  #looking: Promise<void> | undefined
  /** Why the next reading is due. */
  #wanted: Trigger | undefined
  /** Where ..data led before the last reading. */
  #seenLink: string | undefined
  #again = false

  constructor(options: MountWatchOptions) {
    this.#options = options
    this.#watcher = this.#watch()
    this.#schedulePoll()
  }

  /** Resolves when the mount was read. */
  readNow(trigger: Trigger): Promise<void> {
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
    // Ignore all entries: else chokidar reads each file and resolves each link at every event.
    const ignored = (path: string) => path !== directory
    const watcher = watch(directory, { ignored, followSymlinks: false, depth: 0, ignoreInitial: true })
    // The type of the event does not matter.
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
      // The link is read before the files: a swap in between then counts as another change.
      this.#seenLink = linkOf(this.#options.directory)
      this.#again = (await this.#options.look(trigger)).again
    }
  }

  #hasChanged(): boolean {
    return linkOf(this.#options.directory) !== this.#seenLink
  }

  async #check(trigger: Trigger): Promise<void> {
    if (this.#hasChanged()) await this.readNow(trigger)
  }

  async #poll(): Promise<void> {
    if (this.#hasChanged()) {
      // A change without an event: the watched directory may have been replaced.
      void this.#watcher.close()
      this.#watcher = this.#watch()
      await this.readNow('poll')
    } else if (this.#again) await this.readNow('retry')
  }

  #schedulePoll(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => void this.#poll().finally(() => this.#schedulePoll()), this.#options.pollMs)
  }
}

/** @returns undefined when there is none or it cannot be read */
function linkOf(directory: string): string | undefined {
  try {
    return readDataLink(directory)
  } catch {
    return undefined
  }
}
