import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** @returns a port of 127.0.0.1 that nobody listens on right now */
export async function freePort(): Promise<number> {
  const port = await tryPort(0)
  if (port === undefined) throw new Error('no free port on 127.0.0.1')
  return port
}

/** @returns the wanted port, or the next one above it that is free */
export async function nextFreePort(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < wanted + 200; port++) {
    if (!taken.has(port) && (await tryPort(port)) !== undefined) return port
  }
  throw new Error(`no free port between ${wanted} and ${wanted + 199}`)
}

/** @returns the port, when we could have it */
async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  } catch {
    return undefined
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
