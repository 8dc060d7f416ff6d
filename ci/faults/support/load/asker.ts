import { Browser, basic, send } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'
import type { MachineCredentials } from '@nauthera/local/product/token'
import type { Flow, Outcomes } from './outcomes.ts'

/** What the load is put on. */
export interface LoadTarget {
  /** Every request goes there. */
  readonly front: Target
  /** Gets what no line, status, event or metric may show. */
  readonly planted: Set<string>
  /** Of the clients `web` and `machine`, as the application reads them now. */
  credentials(name: string): MachineCredentials
}

/** An answer that was not the wanted one; it has been noted as an outcome. */
export class Refused extends Error {}

/** Sends requests, and notes what became of each. */
export class LoadAsker {
  readonly #loaded: LoadTarget
  readonly #outcomes: Outcomes

  constructor(loaded: LoadTarget, outcomes: Outcomes) {
    this.#loaded = loaded
    this.#outcomes = outcomes
  }

  get(flow: Flow, path: string): Promise<Answer> {
    return this.watch(flow, isOk, () => send(this.#loaded.front, { path }))
  }

  /** Asks as the client, with what its Secret holds now. */
  post(flow: Flow, client: string, path: string, form: Record<string, string>): Promise<Answer> {
    return this.watch(flow, isOk, () => {
      const { clientId, clientSecret } = this.#loaded.credentials(client)
      return send(this.#loaded.front, { path, headers: basic(clientId, clientSecret), form })
    })
  }

  /** @throws what `ask` throws, and Refused when the answer is not `wanted` */
  async watch(flow: Flow, wanted: (answer: Answer) => boolean, ask: () => Promise<Answer>): Promise<Answer> {
    const began = performance.now()
    const note = (about: { status: number; good: boolean; retryAfter: string | undefined; detail: string }) =>
      this.#outcomes.add({ flow, began, ended: performance.now(), ...about })
    let answer: Answer
    try {
      answer = await ask()
    } catch (error) {
      note({ status: 0, good: false, retryAfter: undefined, detail: String(error) })
      throw error
    }
    const good = wanted(answer)
    const detail = good ? '' : `${answer.status} ${wordsOf(answer.body).slice(0, 300)}`
    note({ status: answer.status, good, retryAfter: answer.headers['retry-after'], detail })
    if (!good) throw new Refused(detail)
    return answer
  }
}

/** @returns what a page says to a person, or a body that is no page as it is */
const wordsOf = (body: string): string =>
  body
    .replaceAll(/<(head|style|script)\b.*?<\/\1>/gs, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()

const isOk = ({ status }: Answer): boolean => status === 200

/** A browser each of whose requests is noted. */
export class LoadVisitor extends Browser {
  readonly #asker: LoadAsker

  constructor(front: Target, asker: LoadAsker) {
    super(front)
    this.#asker = asker
  }

  override open(...parameters: Parameters<Browser['open']>): Promise<Answer> {
    return this.#asker.watch(
      'sign-in',
      ({ status }) => status < 400,
      () => super.open(...parameters),
    )
  }
}
