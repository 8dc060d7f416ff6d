// Fails a test that leaves a socket, a watch or a process behind.
import { setTimeout as sleep } from 'node:timers/promises'

const kinds = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'PipeWrap', 'PipeServerWrap', 'FSEventWrap', 'ProcessWrap']

// Node opens these when they are first used: not in the middle of a test.
void [process.stdout, process.stderr]

const count = (): Record<string, number> => {
  const active = process.getActiveResourcesInfo()
  return Object.fromEntries(kinds.map((kind) => [kind, active.filter((name) => name === kind).length]))
}

/** In a `describe`: fails each test that leaves a socket, a watch or a process behind. Call it after the other hooks, so
 *  that what they close is closed when it looks. */
export function failOnLeaks(): void {
  let before: Record<string, number> = {}
  beforeEach(() => {
    before = count()
  })
  afterEach(async () => {
    const deadline = performance.now() + 15_000
    const leaked = (): string[] => {
      const now = count()
      return kinds.filter((kind) => now[kind]! > before[kind]!)
    }
    // A socket that is closed leaves the list in a later turn of the event loop: soon, where the process has a processor.
    while (leaked().length > 0 && performance.now() < deadline) await sleep(10)
    if (leaked().length > 0) throw new Error(`left behind: ${leaked().join(', ')}`)
  })
}
