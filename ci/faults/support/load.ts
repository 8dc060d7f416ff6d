import { setTimeout as pause } from 'node:timers/promises'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer, Target } from '@nauthera/harness/browser'
import type { Credentials } from '@nauthera/local/product/token'
import { Journal } from './journal.ts'

// A closed loop of mixed flows through the front: each caller waits for its answer before it asks again.

export const withoutDatabase = ['discovery', 'keys', 'machine'] as const
export const withDatabase = ['sign-in', 'code', 'refresh', 'introspection', 'revocation'] as const
export type Flow = (typeof withoutDatabase)[number] | (typeof withDatabase)[number] | 'edit'

export const person = 'ada'
export const callback = 'https://app.example.com/callback'

/** What the load is put on. */
export interface Loaded {
  /** Every request goes there. */
  readonly front: Target
  /** Gets what no line, status, event or metric may show. */
  readonly planted: Set<string>
  /** Of the clients `web` and `machine`, as the application reads them now. */
  credentials(name: string): Credentials
}

/** A client that can be edited, until every replica has the edit. */
export interface Edited {
  patch(name: string, body: object): Promise<void>
  ready(name: string): Promise<void>
}

/** One answer, or one that never came. Instants in milliseconds of `performance.now()`. */
export interface Outcome {
  readonly flow: Flow
  readonly began: number
  readonly ended: number
  /** 0: the connection broke, or nothing came in 15 s. */
  readonly status: number
  readonly good: boolean
  readonly retryAfter: string | undefined
  readonly detail: string
}

export interface Load {
  readonly outcomes: readonly Outcome[]
  readonly journal: Journal
  readonly sessions: ReadonlyMap<number, Browser>
  /** Resolves when every flow has been answered well twice in a row, begun from now on.
   *  @returns milliseconds from now until the first of those of the slowest flow
   *  @throws Error after `timeoutMs`, with what still fails */
  healed(options?: { timeoutMs?: number; flows?: readonly Flow[] }): Promise<number>
  /** Resolves when each of these flows has failed once, begun from now on. */
  failing(flows: readonly Flow[], timeoutMs?: number): Promise<void>
  /** @returns what was not answered well among the requests that ended from `from` on */
  failures(from?: number): Outcome[]
  /** Ends every caller after its request. */
  stop(): Promise<void>
}

/** A person and a program think between two requests; after a failure a little longer. */
const thinkMs = { good: 10, bad: 50 }

/** @param options.edits who edits the OIDCClient `edited` all the time, each time until every replica has it; default: nobody
 *  @param options.journal an empty one; default: a temporary one */
export async function startLoad(loaded: Loaded, options: { edits?: Edited; journal?: Journal } = {}): Promise<Load> {
  const { front, planted } = loaded
  const { edits: editor } = options
  const outcomes: Outcome[] = []
  const journal = options.journal ?? Journal.temporary()
  const sessions = new Map<number, Browser>()
  const listeners = new Set<(outcome: Outcome) => void>()
  let running = true

  const note = (outcome: Outcome) => {
    outcomes.push(outcome)
    for (const listener of listeners) listener(outcome)
  }
  /** @throws what `ask` throws, and Error when the answer is not `wanted` */
  const watched = async (flow: Flow, wanted: (answer: Answer) => boolean, ask: () => Promise<Answer>) => {
    const began = performance.now()
    try {
      const answer = await ask()
      const good = wanted(answer)
      const detail = good ? '' : `${answer.status} ${answer.body.slice(0, 200)}`
      const retryAfter = answer.headers['retry-after']
      note({ flow, began, ended: performance.now(), status: answer.status, good, retryAfter, detail })
      if (!good) throw new Refused(detail)
      return answer
    } catch (error) {
      if (!(error instanceof Refused)) {
        const detail = String(error)
        note({ flow, began, ended: performance.now(), status: 0, good: false, retryAfter: undefined, detail })
      }
      throw error
    }
  }
  const ok = (answer: Answer) => answer.status === 200
  const token = (flow: Flow, client: string, path: string, form: Record<string, string>) =>
    watched(flow, ok, () => {
      const { clientId, clientSecret } = loaded.credentials(client)
      return send(front, { path, headers: basic(clientId, clientSecret), form })
    })

  class Visitor extends Browser {
    override open(...parameters: Parameters<Browser['open']>): Promise<Answer> {
      return watched(
        'sign-in',
        ({ status }) => status < 400,
        () => super.open(...parameters),
      )
    }
  }

  let lastSession = 0
  const visit = async () => {
    const session = ++lastSession
    const browser = new Visitor(front)
    const proof = pkce()
    const clientId = loaded.credentials('web').clientId
    const back = await browser.authorize(authorizationUrl(front.issuer, askForCode(clientId, proof.challenge)), person)
    const code = back.searchParams.get('code')
    if (code === null) throw new Error(`no code: ${back.href}`)
    planted.add(code)
    sessions.set(session, browser)
    journal.add({ kind: 'signed-in', session })
    let held: string
    let access: string
    const hold = (answer: Answer) => {
      held = answer.json()['refresh_token'] as string
      access = answer.json()['access_token'] as string
      planted.add(held).add(access)
      journal.add({ kind: 'holds', session, token: held })
    }
    try {
      const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: proof.verifier }
      hold(await token('code', 'web', '/token', form))
      journal.add({ kind: 'code-used', session, code, verifier: proof.verifier })
      for (let turn = 0; turn < 3; turn++) {
        hold(await token('refresh', 'web', '/token', { grant_type: 'refresh_token', refresh_token: held! }))
        for (const issued of [held!, access!, access!]) {
          const { active } = (await token('introspection', 'web', '/token/introspection', { token: issued })).json()
          if (active !== true) throw new Error('a token that was just issued is not active')
        }
      }
      if (session % 3 !== 0) return
      await token('revocation', 'web', '/token/revocation', { token: held! })
      journal.add({ kind: 'revoked', session, token: held! })
    } catch (error) {
      journal.add({ kind: 'unknown', session })
      throw error
    }
  }

  let edits = 0
  const edit = async (client: Edited) => {
    const began = performance.now()
    const done = (good: boolean, detail: string) =>
      note({
        flow: 'edit',
        began,
        ended: performance.now(),
        status: good ? 200 : 0,
        good,
        retryAfter: undefined,
        detail,
      })
    try {
      await client.patch('edited', { spec: { description: `edit ${++edits}` } })
      await client.ready('edited')
      done(true, '')
    } catch (error) {
      done(false, String(error))
      throw error
    }
  }

  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  const loop = async (work: () => Promise<unknown>) => {
    while (running) {
      const failed = await work().then(
        () => false,
        (error: unknown) => {
          // what no outcome tells is a fault of the product, or of this file: never swallowed
          if (!(error instanceof Refused) && outcomes.every(({ good }) => good)) broken.reject(error)
          return true
        },
      )
      await pause(failed ? thinkMs.bad : thinkMs.good)
    }
  }
  const get = (flow: Flow, path: string) => watched(flow, ok, () => send(front, { path }))
  const loops = Promise.all([
    loop(() => get('discovery', '/.well-known/openid-configuration')),
    loop(() => get('keys', '/jwks')),
    loop(() => token('machine', 'machine', '/token', { grant_type: 'client_credentials' })),
    loop(() => token('machine', 'machine', '/token', { grant_type: 'client_credentials' })),
    loop(visit),
    loop(visit),
    ...(editor ? [loop(() => edit(editor))] : []),
  ])

  const every: Flow[] = [...withoutDatabase, ...withDatabase, ...(editor ? ['edit' as const] : [])]
  const until = <T>(what: string, timeoutMs: number, judge: (outcome: Outcome) => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        listeners.delete(listener)
      }
      const listener = (outcome: Outcome) => {
        const result = judge(outcome)
        if (result === undefined) return
        settle()
        resolve(result)
      }
      const timer = setTimeout(() => {
        settle()
        const bad = outcomes.filter(({ good }) => !good).slice(-5)
        reject(new Error(`${what} within ${timeoutMs} ms; last failures: ${JSON.stringify(bad, undefined, 1)}`))
      }, timeoutMs)
      listeners.add(listener)
    })

  const load: Load = {
    outcomes,
    journal,
    sessions,
    healed: ({ timeoutMs = 20_000, flows = every } = {}) => {
      const from = performance.now()
      const streaks = new Map(flows.map((flow) => [flow, [] as number[]]))
      return until('not every flow is answered well', timeoutMs, ({ flow, good, began, ended }) => {
        if (!streaks.has(flow) || began < from) return undefined
        if (good) streaks.get(flow)!.push(ended)
        else streaks.set(flow, [])
        const all = [...streaks.values()]
        return all.every(({ length }) => length >= 2) ? Math.max(...all.map(([first]) => first!)) - from : undefined
      })
    },
    failing: async (flows, timeoutMs = 15_000) => {
      const from = performance.now()
      const missing = new Set(flows)
      await until(`some of ${flows.join(', ')} did not fail`, timeoutMs, ({ flow, good, began }) => {
        if (!good && began >= from) missing.delete(flow)
        return missing.size === 0 ? true : undefined
      })
    },
    failures: (from = 0) => outcomes.filter(({ good, ended }) => !good && ended >= from),
    stop: async () => {
      running = false
      await loops
    },
  }
  try {
    await Promise.race([load.healed(), broken.promise])
    return load
  } catch (error) {
    await load.stop()
    throw error
  }
}

export const askForCode = (clientId: string, challenge: string, more: Record<string, string> = {}) => ({
  client_id: clientId,
  response_type: 'code',
  redirect_uri: callback,
  scope: 'openid email offline_access',
  prompt: 'consent',
  state: 'a-state',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  ...more,
})

class Refused extends Error {}
