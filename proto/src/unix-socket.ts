import { lstat, unlink } from 'node:fs/promises'
import { createConnection } from 'node:net'

/** Makes way for a listener: a socket file that a dead process left behind is removed, one that somebody still
 *  answers is not.
 *  @throws Error when the path is in use, or is something else than a socket */
export async function clearStaleSocket(path: string): Promise<void> {
  try {
    const found = await lstat(path)
    if (!found.isSocket()) throw new Error(`${path} exists and is not a socket; remove it`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (await answers(path)) throw new Error(`${path} is in use by another process`)
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** @returns whether a process listens; one that is stopped, so that it never accepts, listens too */
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
