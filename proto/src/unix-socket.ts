// Removes the socket of a process that is dead.
import { lstat, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'

/** Removes a socket file that a dead process left behind, so that a new process can listen there.
 *  @throws Error when a process still listens on it, or the path is not a socket */
export async function clearStaleSocket(path: string): Promise<void> {
  try {
    const found = await lstat(path)
    if (!found.isSocket()) throw new Error(`${path} exists and is not a socket; remove it`)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  if (await answers(path)) throw new Error(`${path} is in use by another process`)
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** @returns whether a process listens, even one that is stopped and never accepts */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createConnection(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false)
      else if (error.code === 'EAGAIN')
        resolve(true) // its backlog is full
      else reject(error)
    })
  })
}
