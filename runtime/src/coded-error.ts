/** One fault in an input: where it is, and how to correct it. */
export interface Fault {
  readonly path: string
  readonly message: string
}

/** The codes that there are: each process adds those of its errors.ts. */
export interface ErrorCatalogues {
  /** What every process can meet: `parseSettings` throws it. */
  readonly SETTINGS_INVALID: unknown
}

/** A failure of something that the process needs, or invalid input, named by a code of its error catalogue
 *  (docs/errors.md). Expected outcomes are values, not errors. */
export class CodedError<Code extends keyof ErrorCatalogues = keyof ErrorCatalogues> extends Error {
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

/** @returns what was thrown, as an error: anything can be thrown */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

/** @returns whether the value is a coded error, with one of the codes when any are given. */
export function hasCode<Code extends keyof ErrorCatalogues>(
  error: unknown,
  ...codes: Code[]
): error is CodedError<Code> {
  return error instanceof CodedError && (codes.length === 0 || codes.some((code) => code === error.code))
}
