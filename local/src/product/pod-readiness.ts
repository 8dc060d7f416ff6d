import { answersOk, fetchManagement } from './management.ts'
import type { PodState } from './pod-object.ts'

const probeMs = 200

interface Waiting {
  resolve(): void
  fail(why: string): void
}

/** Probes the two processes of a pod as a kubelet does, and lets others wait until it is ready. */
export class PodReadiness {
  readonly state: PodState = { started: false, agentReady: false, serverReady: false }
  readonly #ports: { readonly agent: number; readonly server: number }
  readonly #onChange: () => void
  readonly #waiting = new Set<Waiting>()
  #next: NodeJS.Timeout
  #stopped = false
  /** How often the server has ended. */
  #ends = 0

  /** @param ports the management ports */
  constructor(ports: { agent: number; server: number }, onChange: () => void) {
    this.#ports = ports
    this.#onChange = onChange
    this.#next = setTimeout(() => void this.#probe(), 0)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#next)
  }

  /** The server has ended: it takes no traffic from now on, as little as a container that a kubelet saw end. */
  endServer(): void {
    this.#ends++
    if (!this.state.serverReady) return
    this.state.serverReady = false
    this.#onChange()
  }

  /** Every wait fails: the pod will not become ready. */
  giveUp(why: string): void {
    for (const one of this.#waiting) one.fail(why)
  }

  /** @throws Error with the reason when it is not ready in time, or was given up */
  whenReady(timeoutMs: number): Promise<void> {
    if (this.state.serverReady) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        this.#waiting.delete(one)
      }
      const one: Waiting = {
        resolve: () => {
          settle()
          resolve()
        },
        fail: (why) => {
          settle()
          reject(new Error(why))
        },
      }
      const late = async () => {
        const { body } = await fetchManagement(this.#ports.server, '/readyz')
        one.fail(`is not ready after ${timeoutMs} ms: ${body}`)
      }
      const timer = setTimeout(() => void late(), timeoutMs)
      this.#waiting.add(one)
    })
  }

  async #probe(): Promise<void> {
    const { state } = this
    const before = { ...state }
    state.agentReady = await answersOk(this.#ports.agent, '/readyz')
    state.started ||= state.agentReady
    const ends = this.#ends
    const answers = await answersOk(this.#ports.server, '/readyz')
    // what the one that has ended answered says nothing of the next
    state.serverReady = answers && ends === this.#ends
    if (this.#stopped) return
    if (JSON.stringify(state) !== JSON.stringify(before)) this.#onChange()
    if (state.serverReady && !before.serverReady) for (const one of this.#waiting) one.resolve()
    this.#next = setTimeout(() => void this.#probe(), probeMs)
  }
}
