import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { isExcused, isUnreachable, onReplicaFound, onReplicaLost, onReplicaSaid, replicaOf } from './replica-state.ts'
import type { Replica, ReplicaState } from './replica-state.ts'
import type { ServerPod } from './server-pods.ts'
import { openStatusStream } from './status-stream.ts'
import type { StatusStream, StatusStreamNeeds } from './status-stream.ts'

/** How often to check for silence, which has no event. Milliseconds. */
const lookMs = 1_000

interface About {
  readonly pod: ServerPod
  /** Digest of the manifest that its server must hold. */
  readonly expected: string
  readonly onSaid: (update: StatusUpdate) => void
  /** The state of the replica changed; called after onSaid too. */
  readonly onChange: () => void
  /** The agent could not be reached. */
  readonly onUnreached: () => void
}

/** Follows one server pod until stopped. */
export class Follower {
  readonly #needs: StatusStreamNeeds
  readonly #about: About
  readonly #stream: StatusStream
  #state: ReplicaState
  #isAbsenceTold = false
  #wasExcused = true
  #cancelLook = () => {}

  constructor(needs: StatusStreamNeeds, about: About) {
    this.#needs = needs
    this.#about = about
    this.#state = onReplicaFound(this.#now)
    this.#stream = openStatusStream(needs, {
      ...about,
      onSaid: (update) => this.#said(update),
      onLost: () => this.#lost(),
    })
    this.#lookAgain()
  }

  get pod(): ServerPod {
    return this.#about.pod
  }

  get replica(): Replica {
    return replicaOf(this.pod, this.#state, this.#now)
  }

  expect(manifestDigest: string): void {
    this.#stream.expect(manifestDigest)
  }

  /** Resolves when its stream has ended. */
  async stop(): Promise<void> {
    this.#cancelLook()
    await this.#stream.stop()
  }

  get #now(): number {
    return this.#needs.clock.monotonic()
  }

  #said(update: StatusUpdate): void {
    this.#state = onReplicaSaid(this.#state, update, this.#now)
    this.#about.onSaid(update)
    this.#about.onChange()
  }

  #lost(): void {
    const hadSaid = this.#state.said !== undefined
    this.#state = onReplicaLost(this.#state, this.#now)
    if (hadSaid) this.#about.onChange()
    else this.#about.onUnreached()
  }

  #lookAgain(): void {
    this.#cancelLook = this.#needs.clock.after(lookMs, () => {
      this.#lookForSilence()
      this.#lookForDelay()
      this.#lookAgain()
    })
  }

  #lookForSilence(): void {
    const isAbsent = isUnreachable(this.#state, this.#now)
    const isNews = isAbsent && !this.#isAbsenceTold
    this.#isAbsenceTold = isAbsent
    if (!isNews) return
    const answers = this.#state.said !== undefined
    this.#needs.log.warn({ code: 'REPLICA_UNREACHABLE', replica: this.pod.name, answers }, 'replica does not answer')
    this.#about.onChange()
  }

  /** The time that a start or load may take also ends without an event. */
  #lookForDelay(): void {
    const isStillExcused = isExcused(this.replica)
    const isNews = this.#wasExcused && !isStillExcused
    this.#wasExcused = isStillExcused
    if (isNews) this.#about.onChange()
  }
}
