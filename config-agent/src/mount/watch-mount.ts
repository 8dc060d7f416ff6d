import { watch } from 'chokidar'
import { readDataLink } from './read-snapshot.ts'

export type Trigger = 'inotify' | 'poll' | 'start' | 'retry' | 'last-good'

/** Says when the mount is worth a look. An event, of whatever type, is a hint only: under load events go missing, and
 *  their types lie. The truth is a poll of where ..data leads (10 us).
 *  @param options.look never called twice at the same time; `again` asks for another look at the next poll
 *  @param options.onDegraded called once when the kernel refuses to watch: from then on the poll alone finds changes
 *  @param options.pollMs 2 s */
export function watchMount(options: {
  directory: string
  pollMs: number
  look: (trigger: Trigger) => Promise<{ again: boolean }>
  onDegraded: (error: unknown) => void
}): { lookNow(trigger: Trigger): Promise<void>; stop(): Promise<void> } {
  const { directory } = options
  let stopped = false
  let looking: Promise<void> | undefined
  let wanted: Trigger | undefined
  let seenLink: string | undefined
  let again = false
  let degraded = false

  const lookNow = (trigger: Trigger): Promise<void> => {
    if (stopped) return Promise.resolve()
    wanted ??= trigger
    looking ??= lookWhileWanted().finally(() => {
      looking = undefined
    })
    return looking
  }
  const lookWhileWanted = async (): Promise<void> => {
    while (wanted !== undefined && !stopped) {
      const trigger = wanted
      wanted = undefined
      // Read before the look: a swap during it is then seen as one more change.
      seenLink = linkOf(directory)
      again = (await options.look(trigger)).again
    }
  }
  const check = async (trigger: Trigger): Promise<void> => {
    if (linkOf(directory) !== seenLink) await lookNow(trigger)
    else if (again && trigger === 'poll') await lookNow('retry')
  }
  let timer: NodeJS.Timeout | undefined
  const schedule = (): void => {
    if (!stopped) timer = setTimeout(() => void check('poll').finally(schedule), options.pollMs)
  }
  schedule()

  const degrade = (error: unknown): void => {
    if (degraded) return
    degraded = true
    options.onDegraded(error)
  }
  const watcher = watch(directory, { followSymlinks: false, depth: 0, ignoreInitial: true, persistent: true })
  watcher.on('all', () => void check('inotify'))
  // What chokidar makes of a renamed link is its own affair; that something happened is all that counts.
  watcher.on('raw', () => void check('inotify'))
  watcher.on('error', degrade)

  return {
    lookNow,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await watcher.close()
      await looking
    },
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
