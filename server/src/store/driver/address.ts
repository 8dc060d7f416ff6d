// What the driver needs to connect to PostgreSQL, or to a pooler before it.
import { checkServerIdentity } from 'node:tls'
import type { PeerCertificate } from 'node:tls'
import type { Secret } from '@nauthera/runtime/secret'

/** An address of PostgreSQL. `password` is read at each connect, so that a new password in the file is used. */
export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly user: string
  readonly password: () => Secret | undefined
  /** false: no TLS; else what node:tls takes. */
  readonly tls: false | { ca?: string; rejectUnauthorized: boolean; checkName: boolean }
  /** For tests on a busy machine: the factor by which all time-outs grow. */
  readonly patience?: number | undefined
}

/** How to reach PostgreSQL. */
export interface DatabaseConnection extends DatabaseAddress {
  readonly poolMax: number
  /** PostgreSQL itself; then the other address is that of a pooler such as PgBouncer, which shares its connections between transactions. */
  readonly direct?: DatabaseAddress | undefined
}

/** Milliseconds. A call ends well within the 10 s of a request, whatever PostgreSQL does. */
export const databaseTimeouts = {
  slot: 1000,
  connect: 2000,
  greeting: 1000,
  statement: 3000,
  idleInTransaction: 5000,
  answer: 4000,
  idle: 30_000,
}

/** @returns `databaseTimeouts` as this connection has them */
export function timeoutsOf({ patience = 1 }: DatabaseAddress): typeof databaseTimeouts {
  const { slot, connect, greeting, statement, idleInTransaction, answer, idle } = databaseTimeouts
  return {
    slot: slot * patience,
    connect: connect * patience,
    greeting: greeting * patience,
    statement: statement * patience,
    idleInTransaction: idleInTransaction * patience,
    answer: answer * patience,
    idle,
  }
}

/** @returns the address for what needs one connection for long: LISTEN, migrations, advisory locks of a session */
export const directAddress = (connection: DatabaseConnection): DatabaseAddress => connection.direct ?? connection

export function clientConfig(address: DatabaseAddress, applicationName: string) {
  const { tls } = address
  return {
    host: address.host,
    port: address.port,
    database: address.name,
    user: address.user,
    password: () => address.password()?.reveal() ?? '',
    ssl:
      tls === false
        ? false
        : {
            ...(tls.ca === undefined ? {} : { ca: tls.ca }),
            rejectUnauthorized: tls.rejectUnauthorized,
            // for an IP address the driver gives no host name, and node:tls would then check for localhost
            checkServerIdentity: (_: string, certificate: PeerCertificate) =>
              tls.checkName ? checkServerIdentity(address.host, certificate) : undefined,
          },
    connectionTimeoutMillis: timeoutsOf(address).connect,
    keepAlive: true,
    application_name: applicationName,
  }
}

/** Without the limits that a pooler refuses at the start of a connection. */
export function poolConfig(connection: DatabaseConnection, applicationName: string) {
  const timeouts = timeoutsOf(connection)
  return {
    ...clientConfig(connection, applicationName),
    max: connection.poolMax,
    ...(connection.direct === undefined
      ? {
          statement_timeout: timeouts.statement,
          idle_in_transaction_session_timeout: timeouts.idleInTransaction,
        }
      : {}),
    // a server that hangs does not obey statement_timeout, so the client has a time-out too
    query_timeout: timeouts.answer,
    idleTimeoutMillis: timeouts.idle,
    allowExitOnIdle: true,
  }
}

/** For connections that listen: one, and another one while it is proved that notifications come. */
export function listenConfig(connection: DatabaseConnection, applicationName: string) {
  const address = directAddress(connection)
  return { ...clientConfig(address, applicationName), query_timeout: timeoutsOf(address).answer }
}
