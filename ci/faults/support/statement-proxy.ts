// A TCP proxy before PostgreSQL that reads the protocol as far as it must (PostgreSQL documentation, "Message Formats"): it knows
// statements by name, and can stop one before the database gets it, or keep the answer back when the database has done it.
import { listenOnLoopback } from '@nauthera/harness/listen'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'

export interface StatementProxy {
  readonly port: number
  /** Holds the next statement of this name, on whichever connection it comes. */
  hold(step: Step): HeldStatement
  /** Names of the statements that pass meanwhile, in their order; `writes` is false for those that only read. */
  record(): { stop(): readonly { name: string; writes: boolean }[] }
  stop(): Promise<void>
}

interface Step {
  /** Of a prepared statement, or the text of a simple one such as `COMMIT`. */
  readonly name: string
  /** `before`: the database never gets it. `after`: it is done, and nobody is told. */
  readonly when: 'before' | 'after'
  /** Only where it gives rows. Default: in any case. */
  readonly withRows?: boolean
}

export interface HeldStatement {
  /** Resolves when it is where it was to be held. */
  readonly reached: Promise<void>
}

interface Armed extends Step {
  readonly tellReached: () => void
}

/** A message with its type; '' for the first of a connection, which has none. */
interface Message {
  readonly type: string
  readonly bytes: Buffer
}

export async function startStatementProxy(target: number): Promise<StatementProxy> {
  const armed = new Set<Armed>()
  const recorders = new Set<{ name: string; writes: boolean }[]>()
  const open = new Set<Socket>()
  const server = createServer((incoming) => {
    const outgoing = connect({ host: '127.0.0.1', port: target })
    for (const socket of [incoming, outgoing]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.once('close', () => {
        open.delete(socket)
        incoming.destroy()
        outgoing.destroy()
      })
    }
    const wire = new Wire({ incoming, outgoing, armed, recorders })
    const [fromClient, fromDatabase] = [new Messages(true), new Messages(false)]
    incoming.on('data', (bytes) => wire.ask(fromClient.add(bytes)))
    outgoing.on('data', (bytes) => wire.answer(fromDatabase.add(bytes)))
  })
  const port = await listenOnLoopback(server)
  return {
    port,
    hold(step) {
      let tellReached = () => undefined as void
      const reached = new Promise<void>((resolve) => (tellReached = resolve))
      armed.add({ ...step, tellReached: () => tellReached() })
      return { reached }
    },
    record() {
      const names: { name: string; writes: boolean }[] = []
      recorders.add(names)
      return {
        stop() {
          recorders.delete(names)
          return names
        },
      }
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

interface WireNeeds {
  readonly incoming: Socket
  readonly outgoing: Socket
  readonly armed: Set<Armed>
  readonly recorders: ReadonlySet<{ name: string; writes: boolean }[]>
}

/** One connection. */
class Wire {
  readonly #needs: WireNeeds
  readonly #texts = new Map<string, string>()
  /** Its Bind follows in the same breath, and is the same step. */
  #parsed: string | undefined
  #isHeld = false
  #kept: { step: Armed; messages: Message[] } | undefined

  constructor(needs: WireNeeds) {
    this.#needs = needs
  }

  ask(messages: readonly Message[]): void {
    for (const message of messages) {
      if (!this.#isHeld) this.#step(message)
      if (!this.#isHeld) this.#needs.outgoing.write(message.bytes)
    }
  }

  answer(messages: readonly Message[]): void {
    for (const message of messages) {
      this.#kept?.messages.push(message)
      if (this.#kept === undefined) this.#needs.incoming.write(message.bytes)
      else if (message.type === 'Z') this.#settle(this.#kept)
    }
  }

  #step({ type, bytes }: Message): void {
    const name = this.#nameOf(type, bytes)
    if (name === undefined) return
    const writes = /\b(INSERT|UPDATE|DELETE|COMMIT)\b/.test(this.#texts.get(name) ?? name)
    for (const names of this.#needs.recorders) names.push({ name, writes })
    const step = [...this.#needs.armed].find((one) => one.name === name)
    if (step === undefined) return
    // one that wants rows stays armed for other connections until some answer has them
    if (step.withRows !== true) this.#needs.armed.delete(step)
    if (step.when === 'after') this.#kept = { step, messages: [] }
    else {
      this.#isHeld = true
      step.tellReached()
    }
  }

  /** @returns the name of a statement that begins with this message */
  #nameOf(type: string, bytes: Buffer): string | undefined {
    if (type === 'Q') return textsIn(bytes, 5)[0]
    if (type === 'P') {
      const [name = '', text = ''] = textsIn(bytes, 5)
      this.#texts.set(name, text)
      this.#parsed = name
      return name
    }
    if (type !== 'B') return undefined
    const [, name = ''] = textsIn(bytes, 5)
    const isSame = this.#parsed === name
    this.#parsed = undefined
    return isSame ? undefined : name
  }

  /** The database is ready for the next statement: what was held is done. */
  #settle({ step, messages }: { step: Armed; messages: readonly Message[] }): void {
    const hasRows = messages.some(({ type }) => type === 'D')
    if (step.withRows !== true || (hasRows && this.#needs.armed.delete(step))) return step.tellReached()
    this.#kept = undefined
    for (const { bytes } of messages) this.#needs.incoming.write(bytes)
  }
}

/** Cuts a stream into messages: a type (but for the first of a client), a length that counts itself, and the rest. */
class Messages {
  #rest = Buffer.alloc(0)
  #isFirst: boolean

  constructor(ofClient: boolean) {
    this.#isFirst = ofClient
  }

  add(bytes: Buffer): Message[] {
    this.#rest = Buffer.concat([this.#rest, bytes])
    const found: Message[] = []
    for (;;) {
      const typed = this.#isFirst ? 0 : 1
      if (this.#rest.length < typed + 4) return found
      const end = typed + this.#rest.readInt32BE(typed)
      if (this.#rest.length < end) return found
      const message = this.#rest.subarray(0, end)
      found.push({ type: typed === 1 ? String.fromCharCode(message[0]!) : '', bytes: message })
      this.#rest = this.#rest.subarray(end)
      this.#isFirst = false
    }
  }
}

/** Texts that end with a zero byte, from a place on. */
const textsIn = (bytes: Buffer, from: number): string[] => bytes.subarray(from).toString('latin1').split('\0', 2)
