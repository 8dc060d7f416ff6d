// nauthera audit: searches the audit log, and follows it.
import { setTimeout } from 'node:timers/promises'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { AuditFilter, AuditRecord } from '../store/audit/audit.ts'
import { printPages, withDatabase } from './terminal/session.ts'
import type { Opened, CommandSession } from './terminal/session.ts'
import { findUser } from './people/one-user.ts'

const columns = [
  'at',
  'event',
  'outcome',
  'reason',
  'actor',
  'target',
  'clientId',
  'address',
  'count',
  'lastAt',
  'correlationId',
]
/** Rows of one query. */
const pageSize = 500
/** Milliseconds between two queries of `tail --follow`. */
const lookEvery = 1000

export function addAuditCommands(program: Command, session: CommandSession): void {
  const audit = program.command('audit').description('read the audit log')
  addSearch(audit, session)
  addTail(audit, session)
}

interface FilterOptions {
  readonly user?: string
  readonly client?: string
  readonly event?: string
  readonly address?: string
  readonly outcome?: 'success' | 'failure'
}

const addFilters = (command: Command): Command =>
  command
    .option('--user <user>', 'user name or e-mail address of a person; of one who is deleted, the id')
    .option('--client <id>', 'client id of an application')
    .option('--event <name>', 'an event such as signin.failure, or a family such as signin')
    .option('--address <address>', 'address that the request came from')
    .option('--outcome <outcome>', 'success or failure', parseOutcome)

function addSearch(audit: Command, session: CommandSession): void {
  addFilters(audit.command('search').description('list what happened, the newest first'))
    .option(
      '--since <time>',
      'no older than this: a time such as 2026-01-31T08:00Z, or how long ago, such as 2h or 7d',
      parseTime,
    )
    .option('--until <time>', 'older than this; written as --since', parseTime)
    .option('--limit <rows>', 'how many rows at most', parseCount, 100)
    .addHelpText(
      'after',
      `
Refusals that are alike, and tokens of machines, are counted: one row for each minute and replica, written when the minute is over. AT is the first
of them, LAST-AT the last, COUNT how many. The setting audit.retention says how long rows are kept.

Examples:
  nauthera audit search --user alice --since 7d
  nauthera audit search --event signin.failure --address 192.0.2.7 --limit 1000 -o json`,
    )
    .action(async (options: FilterOptions & { since?: Date; until?: Date; limit: number }) =>
      withDatabase(session, async (opened) => {
        const { since, until, limit } = options
        const filter = { ...(await filterOf(opened, options)), since, until }
        await printPages(session, rowsOf(session, pagesOf(opened, filter, limit)), columns)
      }),
    )
}

function addTail(audit: Command, session: CommandSession): void {
  addFilters(audit.command('tail').description('show the latest events, the oldest of them first'))
    .option('-f, --follow', 'go on with what happens, until Ctrl-C')
    .option('-n, --lines <rows>', 'how many of the latest to show first', parseCount, 20)
    .addHelpText(
      'after',
      `
With --follow, JSON is an object a line.

Examples:
  nauthera audit tail -n 50
  nauthera audit tail --follow --event signin -o json`,
    )
    .action(async (options: FilterOptions & { follow?: boolean; lines: number }) =>
      withDatabase(session, async (opened) => {
        const filter = await filterOf(opened, options)
        await printPages(session, rowsOf(session, tail(session, opened, { filter, ...options })), columns, {
          asLines: options.follow === true,
        })
      }),
    )
}

async function filterOf(opened: Opened, options: FilterOptions): Promise<Omit<AuditFilter, 'limit'>> {
  const { user, client, event, address, outcome } = options
  const isId = user !== undefined && /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(user)
  const userId = user === undefined || isId ? user?.toLowerCase() : (await findUser(opened, user)).id
  return { userId, clientId: client, event, address, outcome }
}

/** A table shows of the detail how many events a row counts; JSON and YAML have all of it. */
async function* rowsOf(session: CommandSession, pages: AsyncIterable<readonly AuditRecord[]>) {
  const isTable = session.outputFormat() === 'table'
  for await (const page of pages)
    yield page.map((record) => {
      const { count, lastAt } = record.detail ?? {}
      return isTable ? { ...record, count, lastAt: lastAt && new Date(String(lastAt)) } : { ...record }
    })
}

/** @param most rows in all */
async function* pagesOf({ audit }: Opened, filter: Omit<AuditFilter, 'limit'>, most: number) {
  let before: AuditFilter['before']
  for (let left = most; left > 0; left -= pageSize) {
    const limit = Math.min(left, pageSize)
    const page = await audit.search({ ...filter, before, limit })
    yield page
    if (page.length < limit) return
    before = page.at(-1)
  }
}

/** The latest rows; with `follow` also new ones, until Ctrl-C. */
async function* tail(
  session: CommandSession,
  { audit }: Opened,
  about: { filter: Omit<AuditFilter, 'limit'>; lines: number; follow?: boolean },
) {
  const { filter, lines, follow } = about
  // it starts before the first query, so that no row is missed
  const follower = follow ? await audit.follow(filter) : undefined
  const first = lines === 0 ? [] : await audit.search({ ...filter, limit: lines })
  follower?.skip(first)
  yield first.toReversed()
  if (follower === undefined) return
  for await (const _ of ticks(session)) yield await follower.next()
}

/** Until Ctrl-C. */
async function* ticks({ terminal }: CommandSession) {
  const stopping = new AbortController()
  const forget = terminal.onInterrupt(() => stopping.abort())
  try {
    for (;;) {
      await setTimeout(lookEvery, undefined, { signal: stopping.signal })
      yield
    }
  } catch (error) {
    if (!stopping.signal.aborted) throw error
  } finally {
    forget()
  }
}

function parseOutcome(text: string): 'success' | 'failure' {
  if (text === 'success' || text === 'failure') return text
  throw new InvalidArgumentError('It must be success or failure.')
}

function parseCount(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `2h` is two hours ago. */
function parseTime(text: string): Date {
  const ago = /^(\d{1,6})([smhd])$/.exec(text)
  if (ago !== null) return new Date(Date.now() - Number(ago[1]) * unitMs[ago[2]!]!)
  const time = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(NaN)
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('It must be a time such as 2026-01-31T08:00Z, or how long ago, such as 2h or 7d.')
  return time
}
