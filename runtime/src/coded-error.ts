/** One fault in an input: where it is, and how to correct it. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** A failure of something that the process needs, or invalid input, named by a code of its error catalogue
 *  (docs/errors.md). Expected outcomes are values, not errors. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code
  readonly faults: readonly Fault[]

  constructor(code: Code, options: { cause?: unknown; message?: string; faults?: readonly Fault[] } = {}) {
    const faults = options.faults ?? []
    const text = options.message ?? faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')
    super(text === '' ? code : `${code}: ${text}`, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'CodedError'
    this.code = code
    this.faults = faults
  }
}

/** @returns whether the value is a coded error, with one of the codes when any are given. */
export function hasCode<Code extends string>(error: unknown, ...codes: Code[]): error is CodedError<Code> {
  return error instanceof CodedError && (codes.length === 0 || codes.includes(error.code as Code))
}
