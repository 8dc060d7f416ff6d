// How the API refuses: codes, reasons and wording of a real API server.

export interface Cause {
  reason: string
  message: string
  field: string
}

/** A refusal: what the API answers with a Status object. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  readonly details: Record<string, unknown>
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: number,
    reason: string,
    message: string,
    options: { details?: Record<string, unknown>; retryAfterSeconds?: number } = {},
  ) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  toStatus(): Record<string, unknown> {
    const retry = this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }
    const details = { ...this.details, ...retry }
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(Object.keys(details).length > 0 ? { details } : {}),
      code: this.code,
    }
  }
}

/** `oidcclients.auth.nauthera.io`, `secrets`. */
export interface ResourceNames {
  group: string
  plural: string
  kind: string
}
const qualified = ({ group, plural }: ResourceNames): string => (group === '' ? plural : `${plural}.${group}`)
const detailsOf = (names: ResourceNames, name: string) => ({
  name,
  ...(names.group === '' ? {} : { group: names.group }),
  kind: names.plural,
})

export const notFound = (names: ResourceNames, name: string) =>
  new Refusal(404, 'NotFound', `${qualified(names)} "${name}" not found`, { details: detailsOf(names, name) })

export const alreadyExists = (names: ResourceNames, name: string) =>
  new Refusal(409, 'AlreadyExists', `${qualified(names)} "${name}" already exists`, { details: detailsOf(names, name) })

export const conflict = (names: ResourceNames, name: string, why: string) =>
  new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(names)} "${name}": ${why}`, {
    details: detailsOf(names, name),
  })

export const terminating = (names: ResourceNames, name: string, namespace: string) =>
  new Refusal(
    403,
    'Forbidden',
    `${qualified(names)} "${name}" is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
    {
      details: {
        ...detailsOf(names, name),
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: `namespace ${namespace} is being terminated`,
            field: 'metadata.namespace',
          },
        ],
      },
    },
  )

export const staleVersion =
  'the object has been modified; please apply your changes to the latest version and try again'

export function invalid(names: ResourceNames, name: string, causes: readonly Cause[]): Refusal {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`)
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const kind = names.group === '' ? names.kind : `${names.kind}.${names.group}`
  return new Refusal(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    details: { ...detailsOf(names, name), kind: names.kind, causes },
  })
}

export const badRequest = (message: string) => new Refusal(400, 'BadRequest', message)
export const expired = (message: string) => new Refusal(410, 'Expired', message)
