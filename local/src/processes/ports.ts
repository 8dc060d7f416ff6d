import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

/** Below the ports that systems use for outgoing connections (Linux from 32768, others from 49152): one of those could be taken
 *  between our check and its use. */
const range = { from: 20_000, to: 32_000 }
/** Ports that this process got before; none is given twice. */
const given = new Set<number>()

/** @returns a port of 127.0.0.1 that nobody listens on right now, another one each time */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(range.from, range.to)
    if (given.has(port) || (await tryPort(port)) === undefined) continue
    given.add(port)
    return port
  }
  throw new Error(`no free port of 127.0.0.1 between ${range.from} and ${range.to}`)
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
