// How large an installation has to be: formulae over measured costs (docs/sizing.md says them in words). Pure.

/** What is asked of it. Rates are those of the busiest minute. */
export interface Demand {
  readonly people: number
  /** Sign-ins with a password, a minute. */
  readonly signIns: number
  /** Tokens for machines, a second. */
  readonly tokens: number
  readonly refreshes: number
  readonly introspections: number
  readonly clients: number
  /** Of a whole day. */
  readonly tokensOfDay: number
  readonly signInsOfDay: number
  readonly refreshesOfDay: number
  /** Days that rows of the audit log are kept, and that a grant lives. */
  readonly auditDays: number
  readonly grantDays: number
  readonly poolMax: number
}

/** A measured cost, and the middle half of its rounds or the lowest and highest run. */
export interface MeasuredCost {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** In units of CPU, bytes and rows; docs/measurements/sizing.json and report.json. */
export interface Costs {
  /** Microseconds of CPU of a unit. */
  readonly unit: MeasuredCost
  readonly server: Readonly<Record<'token' | 'introspection' | 'refresh' | 'signIn' | 'hash', MeasuredCost>>
  readonly database: Readonly<Record<'introspection' | 'refresh' | 'signIn', MeasuredCost>>
  readonly bytes: Readonly<
    Record<'person' | 'grant' | 'auditOfSignIn' | 'auditOfRefresh' | 'auditOfMachineMinute', number>
  >
  readonly wal: Readonly<Record<'signIn' | 'refresh', number>>
  readonly commits: Readonly<Record<'signIn' | 'refresh', number>>
  /** Resident: with no client, and for each thousand more. */
  readonly megabytes: Readonly<
    Record<'server' | 'operator', { readonly idle: number; readonly ofThousandClients: number }>
  >
}

export interface Size {
  readonly replicas: number
  /** Of processors: each replica, and PostgreSQL. */
  readonly serverCores: Range
  readonly databaseCores: Range
  readonly serverMemory: PodMemory
  readonly operatorMemory: PodMemory
  readonly connections: number
  readonly iops: number
  readonly diskGigabytes: number
  readonly walGigabytesOfDay: number
}

/** Megabytes. */
export interface PodMemory {
  readonly request: number
  readonly limit: number
}

export interface Range {
  readonly likely: number
  readonly low: number
  readonly high: number
}

/** The one thread of a replica is busy for at most this share in the busiest minute: the rest is for what comes at once. */
const busy = 0.6
/** Of a table that vacuum keeps: rows that are dead, and pages with room. */
const slack = 1.3
const gigabyte = 1e9

export function planSize(demand: Demand, costs: Costs): Size {
  const signIns = demand.signIns / 60
  const coresOf = (units: (pick: keyof MeasuredCost) => number): Range => {
    const at = (pick: keyof MeasuredCost) => (units(pick) * costs.unit[pick]) / 1e6
    return { likely: at('median'), low: at('low'), high: at('high') }
  }
  const { server, database } = costs
  const thread = coresOf(
    (pick) =>
      demand.tokens * server.token[pick] +
      demand.introspections * server.introspection[pick] +
      demand.refreshes * server.refresh[pick] +
      signIns * server.signIn[pick],
  )
  const hashes = coresOf((pick) => signIns * server.hash[pick])
  const working = Math.max(1, Math.ceil(thread.high / busy))
  const replicas = working + 1
  const each = (pick: keyof Range) => (thread[pick] + hashes[pick]) / working
  const memoryOf = ({ idle, ofThousandClients }: Costs['megabytes']['server']): PodMemory => {
    const resident = idle + (demand.clients / 1000) * ofThousandClients
    return { request: Math.ceil(resident), limit: Math.ceil(resident * 2) }
  }
  return {
    replicas,
    serverCores: { likely: each('likely'), low: each('low'), high: each('high') },
    databaseCores: coresOf(
      (pick) =>
        demand.introspections * database.introspection[pick] +
        demand.refreshes * database.refresh[pick] +
        signIns * database.signIn[pick],
    ),
    serverMemory: memoryOf(costs.megabytes.server),
    operatorMemory: memoryOf(costs.megabytes.operator),
    // one replica more during a rollout; each listens with one of its own; migrations and a person with a terminal
    connections: (replicas + 1) * (demand.poolMax + 1) + 4,
    // a commit waits for the disk once; a replica writes batched rows of the audit log once a second
    iops: Math.ceil(signIns * costs.commits.signIn + demand.refreshes * costs.commits.refresh + replicas),
    diskGigabytes: diskOf(demand, costs),
    walGigabytesOfDay: (demand.signInsOfDay * costs.wal.signIn + demand.refreshesOfDay * costs.wal.refresh) / gigabyte,
  }
}

/** Once a year has passed: by then every kind of row has reached its age. */
function diskOf(demand: Demand, { bytes }: Costs): number {
  const audit =
    demand.signInsOfDay * bytes.auditOfSignIn +
    demand.refreshesOfDay * bytes.auditOfRefresh +
    // a row for each client and minute, however many tokens it gets then
    Math.min(demand.tokensOfDay, demand.clients * 1440) * bytes.auditOfMachineMinute
  const rows =
    demand.people * bytes.person + demand.signInsOfDay * demand.grantDays * bytes.grant + audit * demand.auditDays
  return (rows * slack) / gigabyte
}
