// Lists clients with what people look for: what is not Ready, what is refused, what rotates soon.
import type { Command } from 'commander'
import { federatedMethod } from '@nauthera/rules/client-authentication'
import { authMethodOf } from '../../api/in-effect.ts'
import { findCondition, isTrue } from '../../api/conditions.ts'
import { durationMs } from '../../api/duration.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { timeOf } from '../../api/time-text.ts'
import { readClients } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { outputOption, printList, withClusterFlags } from '../terminal.ts'
import type { ListColumn, ListFormat, PluginSession } from '../terminal.ts'
import { reportFault } from './report-fault.ts'

interface ListFilter {
  readonly notReady: boolean
  readonly refused: boolean
  /** Milliseconds: those whose secret rotates, or whose previous secret ends, within that time. */
  readonly expiringMs: number | undefined
  /** Milliseconds: those that proved themselves before that time last, or never since. */
  readonly unusedMs: number | undefined
}

interface ListRow {
  readonly namespace: string
  readonly name: string
  readonly ready: string
  readonly servers: string
  readonly secretAge: string
  readonly nextRotation: string
  readonly lastUse: string
  readonly refused: string
  readonly type: string
  readonly clientId: string
  readonly policies: string
  readonly issuer: string
}

type ListOptions = ClusterFlags & {
  readonly allNamespaces?: boolean
  readonly notReady?: boolean
  readonly refused?: boolean
  readonly expiring?: string
  readonly unused?: string
  readonly output?: ListFormat
}

export function addListCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('list'))
    .description(
      'Lists clients: whether they are Ready, how old their secrets are, when they were last used, and what was refused in the last hour.',
    )
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--not-ready', 'only those that are not Ready')
    .option('--refused', 'only those in whose name requests were refused')
    .option(
      '--expiring <duration>',
      'only those whose secret rotates, or whose previous secret ends, within this time, such as 48h or 7d',
    )
    .option(
      '--unused <duration>',
      'only those that have shown no secret or token of a platform for this time, such as 30d. Uses of other clients are not counted: they are never listed',
    )
    .addOption(outputOption('wide'))
    .addHelpText('after', '\nExample:\n  kubectl nauthera list -A --unused 30d')
    .action((options: ListOptions) => list(options, session))
}

function list(options: ListOptions, { terminal, exit }: PluginSession): void {
  const { notReady = false, refused = false, expiring, unused, output } = options
  const [expiringMs, unusedMs] = [expiring, unused].map((span) => span && spanMs(span))
  for (const [flag, span, ms] of [
    ['--expiring', expiring, expiringMs],
    ['--unused', unused, unusedMs],
  ]) {
    if (span === undefined || ms !== undefined) continue
    terminal.error(`${flag}: must be a time such as 90m, 48h or 30d\n`)
    return exit(2)
  }
  const found = readClients(terminal.kubectl, options)
  if (found.kind !== 'found') return exit(reportFault(found, terminal))
  const filter = { notReady, refused, expiringMs: expiringMs || undefined, unusedMs: unusedMs || undefined }
  const rows = listRows(found.value, filter, terminal.now())
  printList(terminal, rows, { columns, output, none: `none of ${found.value.length} clients` })
}

/** @returns milliseconds of a duration as Go writes it, or of days such as `30d` */
function spanMs(text: string): number | undefined {
  const days = /^([0-9]{1,5})d$/.exec(text)
  return days ? Number(days[1]) * 86_400_000 : durationMs(text)
}

/** @param now epoch milliseconds
 *  @returns by namespace, then name */
function listRows(clients: readonly OIDCClient[], filter: ListFilter, now: number): readonly ListRow[] {
  return clients.filter((client) => isWanted(client, filter, now)).map((client) => rowOf(client, now))
}

function isWanted(client: OIDCClient, filter: ListFilter, now: number): boolean {
  const { status } = client
  if (filter.notReady && isTrue(status, 'Ready')) return false
  if (filter.refused && (status?.refusals ?? []).length === 0) return false
  if (filter.unusedMs !== undefined && !isUnused(client, now - filter.unusedMs)) return false
  if (filter.expiringMs === undefined) return true
  const { nextRotation, previous = [] } = status?.secret ?? {}
  const listed = (status?.verifiers ?? []).map(({ notAfter }) => notAfter)
  const ends = [nextRotation, ...previous.map(({ expiresAt }) => expiresAt), ...listed]
  return ends.some((end) => end !== undefined && Date.parse(end) - now <= filter.expiringMs!)
}

/** When a secret or an identity of it was used last. Nobody counts the uses of keys, certificates and public clients. */
function lastUseOf({ status }: OIDCClient): number | undefined {
  const times = [status?.secret?.lastUsed, status?.identity?.lastUsed].flatMap((time) => timeOf(time) ?? [])
  return times.length === 0 ? undefined : Math.max(...times)
}

/** Whether its uses are counted, and there is none since `since`. One that is younger than that may yet begin. */
function isUnused(client: OIDCClient, since: number): boolean {
  const { status, spec, metadata } = client
  const hasSecret = status?.secret?.activeId !== undefined || status?.verifiers !== undefined
  if (!hasSecret && authMethodOf(spec) !== federatedMethod) return false
  return Math.max(lastUseOf(client) ?? 0, Date.parse(metadata.creationTimestamp)) < since
}

function rowOf(client: OIDCClient, now: number): ListRow {
  const { metadata, spec, status } = client
  const ready = findCondition(status, 'Ready')
  const [refusal, ...others] = status?.refusals ?? []
  const { lastRotated, nextRotation } = status?.secret ?? {}
  const lastUse = lastUseOf(client)
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    ready: ready === undefined ? 'Unknown' : ready.status === 'True' ? 'True' : `${ready.status} (${ready.reason})`,
    servers: status?.replicas?.summary ?? '-',
    secretAge: lastRotated === undefined ? '-' : spanText(now - Date.parse(lastRotated)),
    nextRotation: nextRotation === undefined ? '-' : `in ${spanText(Date.parse(nextRotation) - now)}`,
    lastUse: lastUse === undefined ? '-' : lastUseText(now - lastUse),
    refused:
      refusal === undefined
        ? '-'
        : `${refusal.code} x${refusal.count}${others.length > 0 ? `, ${others.length} more` : ''}`,
    type: spec.type,
    clientId: status?.clientId ?? '-',
    policies: status?.policySummary ?? '-',
    issuer: status?.issuer ?? '-',
  }
}

/** It is written to within a day. */
const lastUseText = (age: number): string => (age < 2 * 86_400_000 ? 'lately' : `${spanText(age)} ago`)

function spanText(milliseconds: number): string {
  const minutes = Math.max(0, Math.floor(milliseconds / 60_000))
  if (minutes < 60) return `${minutes}m`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`
}

const columns: readonly ListColumn<keyof ListRow>[] = [
  ['NAMESPACE', 'namespace'],
  ['NAME', 'name'],
  ['TYPE', 'type', 'wide'],
  ['READY', 'ready'],
  ['SERVERS', 'servers'],
  ['SECRET-AGE', 'secretAge'],
  ['NEXT-ROTATION', 'nextRotation'],
  ['LAST-USE', 'lastUse'],
  ['REFUSED', 'refused'],
  ['CLIENT-ID', 'clientId', 'wide'],
  ['POLICIES', 'policies', 'wide'],
  ['ISSUER', 'issuer', 'wide'],
]
