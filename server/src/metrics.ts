// Every metric of the server. docs/metrics.md is generated from this.
import { grantTypes } from '@nauthera/rules/grants'
import { shardCount } from '@nauthera/proto/names'
import { defineCounter, defineGauge, defineHistogram } from '@nauthera/runtime/metrics'

const routes = { of: 'path of a page or endpoint, as the log has it', most: 150 }
const shards = { of: 'number of a shard', most: shardCount }
const outboxKinds = { of: 'kind of work', most: 8 }

export const serverMetrics = {
  requests: defineCounter(
    'nauthera_requests_total',
    'Requests at the public port, by route and status of the answer; 499: the browser went away.',
    {
      route: routes,
      status: { of: 'status code', most: 30 },
    },
  ),
  requestSeconds: defineHistogram('nauthera_request_seconds', 'Time until a request was answered, by route.', {
    route: routes,
  }),
  auditEvents: defineCounter(
    'nauthera_audit_events_total',
    'Events of the audit log, as they happen (docs/audit.md).',
    {
      event: { of: 'name of the event', most: 150 },
      outcome: ['success', 'failure'],
    },
  ),
  upstreamRequests: defineCounter(
    'nauthera_server_upstream_requests_total',
    'Requests to other identity providers, and whether they answered.',
    { upstream: { of: 'id of a provider in the settings', most: 20 }, outcome: ['answered', 'failed'] },
  ),
  untrusted: defineCounter(
    'nauthera_untrusted_forwarding_requests_total',
    'Requests whose forwarding headers were ignored: they came from a peer that is not in trustedProxies.',
  ),
  tokenRequests: defineCounter(
    'nauthera_token_requests_total',
    'Token requests by grant and outcome: ok, or the error of OAuth.',
    {
      grant: { of: 'grant type, or other', most: grantTypes.length + 1 },
      outcome: { of: 'ok, or an error code of OAuth', most: 30 },
    },
  ),
  clients: defineGauge('nauthera_server_clients', 'Clients that are served.'),
  rejected: defineGauge('nauthera_server_rejected_clients', 'Clients whose newest version is refused.'),
  shardSeq: defineGauge('nauthera_server_shard_seq', 'Seq of each shard that is live.', { shard: shards }),
  keysDue: defineGauge(
    'nauthera_server_keys_due_timestamp_seconds',
    'When keys for signing and sealing next change, or when the first that is late should have been made, as this replica has them.',
  ),
  keysUnreadable: defineGauge(
    'nauthera_server_keys_unreadable',
    'Keys for signing and sealing in the database that do not open here. They are left as they are.',
  ),
  clockAhead: defineGauge(
    'nauthera_server_clock_ahead_seconds',
    'How far the clock of this replica is ahead of that of the database, at the least; negative: behind.',
  ),
  ring: defineGauge('nauthera_server_ring_current', '1 for the key of the mounted ring that encrypts.', {
    key: { of: 'name of a key in the Secret of keys', most: 4 },
  }),
  certificateExpiry: defineGauge(
    'nauthera_server_certificate_expiry_timestamp_seconds',
    'When each certificate that the server shows expires.',
    { certificate: ['public', 'mutual-tls'] },
  ),
  keyFileOk: defineGauge(
    'nauthera_signing_keys_file_ok',
    'Whether the signing keys of signing.jwksFile could be used when they were last read: 1 or 0.',
  ),
  auditWaiting: defineGauge('nauthera_audit_waiting_rows', 'Rows of the audit log that are not written yet.'),
  auditRows: defineCounter(
    'nauthera_audit_rows_total',
    'Rows of the audit log that are not stored as they were: set_aside as text since PostgreSQL refused them, or lost.',
    { outcome: ['set_aside', 'lost'] },
  ),
  cacheFailures: defineCounter(
    'nauthera_server_cache_failures_total',
    'What failed of the cache: a command that somebody waited for, or a connection.',
    { what: ['command', 'connection'] },
  ),
  cacheUp: defineGauge('nauthera_server_cache_up', 'Whether the cache can be used now: 1 or 0.'),
  cacheReads: defineCounter('nauthera_server_cache_reads_total', 'Lookups in the cache: hit or miss.', {
    outcome: ['hit', 'miss'],
  }),
  databaseSeconds: defineHistogram(
    'nauthera_server_database_seconds',
    'Time of a statement that was answered.',
    {},
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 3],
  ),
  databaseUp: defineGauge('nauthera_server_database_up', 'Whether PostgreSQL answered when it was last asked: 1 or 0.'),
  databaseConnections: defineGauge(
    'nauthera_server_database_connections',
    'Work that has a connection to PostgreSQL, and work that waits for one.',
    { state: ['in_use', 'waiting'] },
  ),
  databaseRefused: defineCounter(
    'nauthera_server_database_refused_total',
    'Work that was refused since all connections of this replica were in use.',
  ),
  databaseFailures: defineCounter(
    'nauthera_server_database_failures_total',
    'Statements and transactions that failed.',
  ),
  outboxWaiting: defineGauge(
    'nauthera_outbox_waiting_rows',
    'Work that waits in the outbox of all replicas, by kind.',
    { kind: outboxKinds },
  ),
  outboxOldest: defineGauge(
    'nauthera_outbox_oldest_seconds',
    'Age of the oldest work that waits in the outbox, by kind.',
    { kind: outboxKinds },
  ),
  outboxTries: defineCounter(
    'nauthera_outbox_tries_total',
    'Tries of work in the outbox, such as mails, by kind and outcome.',
    {
      kind: outboxKinds,
      outcome: ['done', 'later', 'put_off', 'given_up'],
    },
  ),
  directorySeconds: defineHistogram(
    'nauthera_server_directory_seconds',
    'What was asked of a directory, and whether it answered.',
    {
      source: { of: 'id of a source in the settings', most: 10 },
      operation: ['connect', 'search', 'bind'],
      outcome: ['answered', 'failed'],
    },
    [0.005, 0.02, 0.1, 0.5, 1, 2, 3, 5],
  ),
}
