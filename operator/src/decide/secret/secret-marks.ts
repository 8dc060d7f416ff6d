// Writes and reads the annotations about the secret in the application's Secret. They are needed when memory and shard are lost.
import { annotations as names } from '@nauthera/proto/names'
import { fieldsOf, parseJsonRecord } from '@nauthera/runtime/json'
import { mostVerifiers } from '../../api/client-secret.ts'
import type { Observed, SecretMarks, StoredVerifier } from './rotation-terms.ts'
import { present } from '../client/present.ts'

/** @returns the annotations that say them */
export function writeMarks(marks: SecretMarks): Record<string, string> {
  return {
    [names.secretId]: marks.secretId,
    [names.rotatedAt]: new Date(marks.rotatedAt).toISOString(),
    [names.verifiers]: JSON.stringify(
      marks.verifiers.map(({ id, sha256, notAfter }) => ({
        id,
        sha256,
        ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter).toISOString() }),
      })),
    ),
    [names.observed]: JSON.stringify(marks.observed),
    ...present({ [names.fence]: marks.fence }),
  }
}

export interface ReadMarks {
  readonly secretId: string | undefined
  readonly rotatedAt: number | undefined
  readonly verifiers: readonly StoredVerifier[]
  readonly observed: Observed | undefined
  readonly fence: string | undefined
}

/** The tolerated clock skew to the API server. Milliseconds. */
const toleratedSkewMs = 3_600_000

/** Reads the annotations. Whoever can write the Secret can write them, so only their form is trusted. A value that the status could not
 *  store is ignored.
 *  @param createdAt of the client, epoch milliseconds: nothing was published before */
export function readMarks(annotations: Readonly<Record<string, string>> | undefined, createdAt = -Infinity): ReadMarks {
  const rotatedAt = readTime(annotations?.[names.rotatedAt])
  const fence = annotations?.[names.fence]
  return {
    secretId: annotations?.[names.secretId],
    rotatedAt: rotatedAt !== undefined && rotatedAt >= createdAt - toleratedSkewMs ? rotatedAt : undefined,
    verifiers: readVerifiers(annotations?.[names.verifiers]),
    observed: readObserved(annotations?.[names.observed]),
    fence: fence !== undefined && /^[0-9a-f]{8}(,[0-9a-f]{8})*$/.test(fence) ? fence : undefined,
  }
}

/** RFC 3339, as the API takes it: four digits for the year. */
function readTime(text: string | undefined): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text ?? '')) return undefined
  const time = Date.parse(text!)
  return Number.isNaN(time) ? undefined : time
}

function readVerifiers(text: string | undefined): readonly StoredVerifier[] {
  const value = parseJson(text)
  if (!Array.isArray(value)) return []
  return value.slice(0, mostVerifiers).flatMap((item: unknown): StoredVerifier[] => {
    const { sha256, notAfter } = fieldsOf(item)
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return []
    const end = typeof notAfter === 'string' ? readTime(notAfter) : undefined
    return [{ id: sha256.slice(0, 8), sha256, ...present({ notAfter: end }) }]
  })
}

/** How many characters of each the status has room for. */
export const longestObserved = { trigger: 64, annotation: 256, revoke: 64 } as const

function readObserved(text: string | undefined): Observed | undefined {
  const record = parseJsonRecord(text ?? '')
  if (record === undefined) return undefined
  return Object.fromEntries(
    Object.entries(longestObserved).flatMap(([key, length]) => {
      const text = record[key]
      return typeof text === 'string' && text.length <= length ? [[key, text]] : []
    }),
  )
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
