import { ApiError } from '@nauthera/operator/kubernetes/api-error'
import type { ApiCall, KubeConnection } from '@nauthera/operator/kubernetes/connection'

/** A connection that can be paused, or cut for ever at a chosen write. */
export class Gate {
  readonly connection: KubeConnection
  readonly #inner: KubeConnection
  readonly #onAnswer: () => void
  readonly #watches = new AbortController()
  #dead = false
  /** Sent, and not answered yet: those about the Lease aside. */
  #open = 0
  #paused: PromiseWithResolvers<void> | undefined
  #renewals = 0
  #answersAboutLease = 0
  #trap: { matches: (call: ApiCall) => boolean; caught: () => void } | undefined
  #fuse: { left: number; when: 'before' | 'after'; blown: () => void } | undefined

  /** @param onAnswer told after each call */
  constructor(inner: KubeConnection, onAnswer: () => void) {
    this.#inner = inner
    this.#onAnswer = onAnswer
    this.connection = {
      stop: () => inner.stop(),
      call: (call) => this.#call(call),
      watch: (call) => this.#watch(call),
    }
  }

  /** How often the Lease was renewed. */
  get renewals(): number {
    return this.#renewals
  }

  /** How often the Lease was read or written. */
  get answersAboutLease(): number {
    return this.#answersAboutLease
  }

  /** Whether a call waits for its answer: one about the Lease aside, and one that is paused. */
  get isBusy(): boolean {
    return this.#open > 0
  }

  /** From now on every call fails. */
  die(): void {
    this.#dead = true
    this.#watches.abort()
    this.#fuse?.blown()
    this.#paused?.resolve()
  }

  /** Cuts the connection at the nth write from now: before it is sent, or after the API has carried it out. Resolves then. */
  dieAtWrite(nth: number, when: 'before' | 'after'): Promise<void> {
    return new Promise((resolve) => {
      this.#fuse = { left: nth, when, blown: resolve }
    })
  }

  /** Pauses before the first call that matches. Resolves when that call has come. */
  pauseAt(matches: (call: ApiCall) => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#trap = { matches, caught: resolve }
    })
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers<void>()
  }

  resume(): void {
    this.#paused?.resolve()
    this.#paused = undefined
  }

  async #call<T>(call: ApiCall): Promise<T> {
    if (this.#trap?.matches(call)) {
      this.pause()
      this.#trap.caught()
      this.#trap = undefined
    }
    await this.#paused?.promise
    if (this.#dead) refuse(call)
    const fuse = this.#countWrite(call)
    if (fuse === 'before') {
      this.die()
      refuse(call)
    }
    const answer = await this.#send<T>(call)
    if (call.lane === 'lease') {
      this.#answersAboutLease++
      if (call.method === 'PUT') this.#renewals++
      this.#onAnswer()
    }
    if (fuse === 'after') this.die()
    if (this.#dead) refuse(call)
    return answer
  }

  async #send<T>(call: ApiCall): Promise<T> {
    if (call.lane === 'lease') return await this.#inner.call<T>(call)
    this.#open++
    try {
      return await this.#inner.call<T>(call)
    } finally {
      this.#open--
      this.#onAnswer()
    }
  }

  /** @returns when to die, if this is the write to die at */
  #countWrite({ method, lane }: ApiCall): 'before' | 'after' | undefined {
    const fuse = this.#fuse
    if (!fuse || method === 'GET' || lane === 'lease' || --fuse.left !== 0) return undefined
    return fuse.when
  }

  async *#watch(call: Parameters<KubeConnection['watch']>[0]): ReturnType<KubeConnection['watch']> {
    const signal = AbortSignal.any([call.signal, this.#watches.signal])
    for await (const line of this.#inner.watch({ ...call, signal })) {
      await this.#paused?.promise
      if (this.#dead) refuse(call)
      yield line
    }
  }
}

function refuse({ path }: Pick<ApiCall, 'path'>): never {
  throw new ApiError('KUBERNETES_UNREACHABLE', { message: `${path}: this process is dead` })
}
