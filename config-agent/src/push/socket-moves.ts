// Waits until the server's socket may accept a connection.
import { watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Waits until the socket is created, removed or made accessible, but at most `waitMs`: events are only hints.
 *  @param waitMs milliseconds at most
 *  @returns whether it was the socket; false also when the signal aborts */
export function waitForSocket(socket: string, waitMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const giveUp = () => resolve(false)
  const timer = setTimeout(giveUp, waitMs)
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp)
  const stopWatching = startWatching(socket, () => resolve(true))
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', giveUp)
    stopWatching()
  })
}

/** Where nothing can be watched, `onMove` is never called. */
function startWatching(socket: string, onMove: () => void): () => void {
  try {
    const name = basename(socket)
    const watcher = watch(dirname(socket), (_event, moved) => moved === name && onMove())
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return () => undefined
  }
}
