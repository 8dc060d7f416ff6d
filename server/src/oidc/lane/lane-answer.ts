// The outcome of a lane request: answered, passed on, or failed after an effect.

/** The answer, which was made here. */
interface Answered {
  readonly kind: 'answered'
  readonly body: object
}

/** The library's: nothing was written for it. */
interface PassedOn {
  readonly kind: 'passed-on'
}

/** Something was written, or may have been. Nobody else tries, so that it is not done twice: the caller is told of the failure. */
interface FailedAfterEffect {
  readonly kind: 'failed-after-effect'
  readonly error: unknown
}

export type LaneAnswer = Answered | PassedOn | FailedAfterEffect

export const passedOn: PassedOn = { kind: 'passed-on' }

export const answered = (body: object): Answered => ({ kind: 'answered', body })

/** @param record tells log and metrics of the answer. When it fails, half of it may be told. */
export function recordedAnswer(body: object, record: () => void): Answered | FailedAfterEffect {
  try {
    record()
    return answered(body)
  } catch (error) {
    return failedAfterEffect(error)
  }
}

/** Runs a statement that writes. Where its answer is lost, nobody knows whether it did. */
export const attempted = <Outcome>(
  write: () => Promise<Outcome>,
): Promise<{ readonly kind: 'done'; readonly outcome: Outcome } | FailedAfterEffect> =>
  write().then((outcome) => ({ kind: 'done', outcome }) as const, failedAfterEffect)

/** Makes the answer to a request for which something was written. Its type has no way back to the library. */
export const answerAfterEffect = (answer: () => Promise<object>): Promise<Answered | FailedAfterEffect> =>
  answer().then(answered, failedAfterEffect)

const failedAfterEffect = (error: unknown): FailedAfterEffect => ({ kind: 'failed-after-effect', error })
