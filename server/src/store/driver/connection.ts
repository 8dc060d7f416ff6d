// How to reach PostgreSQL, from the settings: a DSN in a file, or its parts.
import { CodedError } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { readCaFile, readSecretFile } from '@nauthera/runtime/settings'
import type { DatabaseAddress, DatabaseConnection } from './address.ts'

export type SslMode = 'disable' | 'require' | 'verify-ca' | 'verify-full'

/** `database` of the server's settings. */
export interface DatabaseSettings {
  readonly dsnFile?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly name?: string | undefined
  readonly usernameFile?: string | undefined
  readonly passwordFile?: string | undefined
  readonly sslMode?: SslMode | undefined
  readonly caFile?: string | undefined
  readonly poolMax?: number | undefined
  readonly direct?:
    | {
        readonly dsnFile?: string | undefined
        readonly host?: string | undefined
        readonly port?: number | undefined
        readonly name?: string | undefined
      }
    | undefined
}

/** Reads the files that the settings name. A DSN's own `sslmode` wins over `sslMode`.
 *  @throws CodedError SETTINGS_INVALID with the path of what is wrong */
export function databaseConnection(settings: DatabaseSettings): DatabaseConnection {
  const ca = settings.caFile === undefined ? undefined : readCaFile(settings.caFile, 'database.caFile')
  const address = addressOf(settings, ca)
  const { direct } = settings
  return {
    ...address,
    poolMax: settings.poolMax ?? 10,
    ...(direct === undefined ? {} : { direct: directOf(direct, address, settings.sslMode, ca) }),
  }
}

function addressOf(settings: DatabaseSettings, ca: string | undefined): DatabaseAddress {
  if (settings.dsnFile !== undefined) {
    const dsn = readSecretFile(settings.dsnFile, 'database.dsnFile')
    return parseDsn(dsn, settings.sslMode ?? 'verify-full', ca)
  }
  const passwordFile = settings.passwordFile
  return {
    host: settings.host ?? 'localhost',
    port: settings.port ?? 5432,
    name: settings.name ?? 'nauthera',
    user:
      settings.usernameFile === undefined
        ? 'nauthera'
        : readSecretFile(settings.usernameFile, 'database.usernameFile').reveal(),
    password: () => (passwordFile === undefined ? undefined : readSecretFile(passwordFile, 'database.passwordFile')),
    tls: tlsOf(settings.sslMode ?? 'verify-full', ca),
  }
}

function directOf(
  { dsnFile, host, port = 5432, name }: NonNullable<DatabaseSettings['direct']>,
  pooler: DatabaseAddress,
  sslMode: SslMode = 'verify-full',
  ca: string | undefined,
): DatabaseAddress {
  if (dsnFile === undefined) return { ...pooler, host: host ?? pooler.host, port, name: name ?? pooler.name }
  const path = 'database.direct.dsnFile'
  return parseDsn(readSecretFile(dsnFile, path), sslMode, ca, path)
}

/** @throws CodedError SETTINGS_INVALID; the text of the DSN is in no message */
export function parseDsn(
  dsn: Secret,
  defaultSslMode: SslMode,
  ca?: string,
  path = 'database.dsnFile',
): DatabaseAddress {
  const invalid = (message: string) => new CodedError('SETTINGS_INVALID', { faults: [{ path, message }] })
  const url = URL.canParse(dsn.reveal()) ? new URL(dsn.reveal()) : undefined
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol) || url.hostname === '') {
    throw invalid('must contain postgres://USER:PASSWORD@HOST:PORT/NAME')
  }
  const mode = url.searchParams.get('sslmode') ?? defaultSslMode
  if (!isSslMode(mode)) throw invalid('sslmode must be disable, require, verify-ca or verify-full')
  const password = new Secret(decodeURIComponent(url.password))
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 5432 : Number(url.port),
    name: decodeURIComponent(url.pathname.slice(1)) || 'nauthera',
    user: decodeURIComponent(url.username) || 'nauthera',
    password: () => password,
    tls: tlsOf(mode, ca),
  }
}

const isSslMode = (mode: string): mode is SslMode => ['disable', 'require', 'verify-ca', 'verify-full'].includes(mode)

function tlsOf(mode: SslMode, ca: string | undefined): DatabaseConnection['tls'] {
  if (mode === 'disable') return false
  const trust = ca === undefined ? {} : { ca }
  return { ...trust, rejectUnauthorized: mode !== 'require', checkName: mode === 'verify-full' }
}
