// A port that stays taken until whoever shall have it binds it.
import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that systems use for outgoing connections (Linux from 32768, others from 49152): one of those could be taken
 *  between our check and its use. Processes that test beside each other have a part each (0, 1, 2), what runs by itself the last
 *  one: else one of them could take what another one has checked. */
const parts = 4
const width = 3_000
const part = Number(process.env['NAUTHERA_TEST_PROCESS'] ?? parts - 1) % parts
const range = { from: 20_000 + part * width, to: 20_000 + (part + 1) * width }
/** Ports that this process got before; none is given twice. */
const given = new Set<number>()

/** A port that this process holds until its user binds it. */
export interface HeldPort {
  readonly port: number
  /** Gives it free: the next one that binds it has it. Idempotent. */
  release(): Promise<void>
}

/** Takes the wanted port, or the next one above it that is free: from now on no other program gets it.
 *  @param promised to others, so that they are not taken in place of the wanted one */
export async function holdPort(wanted: number, promised: ReadonlySet<number> = new Set()): Promise<HeldPort> {
  for (let port = wanted; port < wanted + 200; port++) {
    const held = port === wanted || !promised.has(port) ? await hold(port) : undefined
    if (held !== undefined) return held
  }
  throw new Error(`no free port between ${wanted} and ${wanted + 199}`)
}

/** Takes any free port, another one each time. */
export async function holdFreePort(): Promise<HeldPort> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(range.from, range.to)
    const held = given.has(port) ? undefined : await hold(port)
    if (held === undefined) continue
    given.add(port)
    return held
  }
  throw new Error(`no free port of 127.0.0.1 between ${range.from} and ${range.to}`)
}

/** @returns a port of 127.0.0.1 that nobody listens on right now, another one each time. For what is bound at once: a port that is
 *  bound later is held. */
export async function freePort(): Promise<number> {
  const held = await holdFreePort()
  await held.release()
  return held.port
}

async function hold(port: number): Promise<HeldPort | undefined> {
  // a call to a held port is refused at once
  const server = createServer((socket) => socket.destroy())
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  } catch {
    return undefined
  }
  server.unref()
  let released: Promise<void> | undefined
  return {
    port,
    release: () => (released ??= new Promise((resolve) => server.close(() => resolve()))),
  }
}
