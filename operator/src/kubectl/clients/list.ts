// Lists clients with what people look for: what is not Ready, what is refused, what rotates soon.
import type { OIDCClient } from '../../api/oidc-client.ts'

export interface ListFilter {
  readonly notReady: boolean
  readonly refused: boolean
  /** Milliseconds: those whose secret rotates, or whose previous secret ends, within that time. */
  readonly expiringMs: number | undefined
}

interface Row {
  readonly namespace: string
  readonly name: string
  readonly ready: string
  readonly servers: string
  readonly secretAge: string
  readonly nextRotation: string
  readonly refused: string
}

/** @param now epoch milliseconds
 *  @returns by namespace, then name */
export function listRows(clients: readonly OIDCClient[], filter: ListFilter, now: number): readonly Row[] {
  return clients.filter((client) => isWanted(client, filter, now)).map((client) => rowOf(client, now))
}

const readyOf = ({ status }: OIDCClient) => status?.conditions?.find(({ type }) => type === 'Ready')

function isWanted({ status, ...client }: OIDCClient, filter: ListFilter, now: number): boolean {
  const isReady = readyOf({ ...client, ...(status && { status }) })?.status === 'True'
  if (filter.notReady && isReady) return false
  if (filter.refused && (status?.refusals ?? []).length === 0) return false
  if (filter.expiringMs === undefined) return true
  const { nextRotation, previous = [] } = status?.secret ?? {}
  const ends = [nextRotation, ...previous.map(({ expiresAt }) => expiresAt)]
  return ends.some((end) => end !== undefined && Date.parse(end) - now <= filter.expiringMs!)
}

function rowOf(client: OIDCClient, now: number): Row {
  const { metadata, status } = client
  const ready = readyOf(client)
  const [refusal, ...others] = status?.refusals ?? []
  const { lastRotated, nextRotation } = status?.secret ?? {}
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    ready: ready === undefined ? 'Unknown' : ready.status === 'True' ? 'True' : `${ready.status} (${ready.reason})`,
    servers: status?.replicas?.summary ?? '-',
    secretAge: lastRotated === undefined ? '-' : spanText(now - Date.parse(lastRotated)),
    nextRotation: nextRotation === undefined ? '-' : `in ${spanText(Date.parse(nextRotation) - now)}`,
    refused:
      refusal === undefined
        ? '-'
        : `${refusal.code} x${refusal.count}${others.length > 0 ? `, ${others.length} more` : ''}`,
  }
}

function spanText(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  if (minutes < 60) return `${minutes}m`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`
}

const columns: readonly [title: string, of: (row: Row) => string][] = [
  ['NAMESPACE', ({ namespace }) => namespace],
  ['NAME', ({ name }) => name],
  ['READY', ({ ready }) => ready],
  ['SERVERS', ({ servers }) => servers],
  ['SECRET-AGE', ({ secretAge }) => secretAge],
  ['NEXT-ROTATION', ({ nextRotation }) => nextRotation],
  ['REFUSED', ({ refused }) => refused],
]

export function tableText(rows: readonly Row[]): string {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, of]) => of(row)))]
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  return `${lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`
}
