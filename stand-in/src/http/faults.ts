import type { ApiRequest } from './request.ts'
import { Refusal } from '../refusals.ts'

/** What happens to a request instead of, before or after its work. */
export type Effect =
  /** Refused, nothing done. */
  | { kind: 'refuse'; code: number; reason?: string; message?: string; retryAfterSeconds?: number }
  /** Done, but later. */
  | { kind: 'delay'; ms: number }
  /** Never answered, nothing done. */
  | { kind: 'silence' }
  /** The connection breaks, nothing done. */
  | { kind: 'reset' }
  /** Done, then the connection breaks: the caller cannot know. */
  | { kind: 'lose-answer' }
  /** Answered with this body, nothing done. */
  | { kind: 'answer'; code?: number; body: unknown; contentType?: string }

export interface ScriptedFault {
  readonly when: (request: ApiRequest & { readonly user: string }) => boolean
  readonly effect: Effect
  /** How many requests it meets; default: all until it is removed. */
  readonly times?: number
  /** How many matching requests pass first. */
  readonly after?: number
}

/** Scripted faults: the first one that matches a request meets it. */
export class Faults {
  #active: { fault: ScriptedFault; left: number; skip: number }[] = []

  /** @returns removes it */
  add(fault: ScriptedFault): () => void {
    const entry = { fault, left: fault.times ?? Infinity, skip: fault.after ?? 0 }
    this.#active.push(entry)
    return () => {
      this.#active = this.#active.filter((other) => other !== entry)
    }
  }

  clear(): void {
    this.#active = []
  }

  next(request: ApiRequest & { readonly user: string }): Effect | undefined {
    for (const entry of this.#active) {
      if (entry.left === 0 || !entry.fault.when(request)) continue
      if (entry.skip > 0) {
        entry.skip--
        continue
      }
      entry.left--
      return entry.fault.effect
    }
    return undefined
  }
}

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

export function refusalOf(effect: Extract<Effect, { kind: 'refuse' }>): Refusal {
  const { code, retryAfterSeconds } = effect
  const reason = effect.reason ?? reasons[code] ?? 'Unknown'
  return new Refusal(
    code,
    reason,
    effect.message ?? 'scripted fault',
    retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  )
}
