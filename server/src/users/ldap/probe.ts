// Checks a directory against the settings, for `nauthera doctor`.
import { describeError } from '@nauthera/runtime/log'
import type { LdapSourceSettings } from '../../settings/sources.ts'
import { DirectoryConnection } from './connection.ts'
import type { DirectoryPatience } from './connection.ts'
import { parseFilters } from './directory.ts'
import { readFiles } from './directory-client.ts'
import { attributesOf, keyOf, usernameOf } from './entry.ts'

/** Milliseconds. No sign-in waits for the probe, so it may wait long enough to tell a slow server from one that is away. */
const patience: DirectoryPatience = { connect: 10_000, answer: 10_000 }

export interface ServerProbe {
  readonly url: string
  /** What is wrong; undefined when it works. */
  readonly fault: string | undefined
  readonly certificateEnd: Date | undefined
}

/** Asks each server for one person. Never throws. */
export async function probeDirectory(settings: LdapSourceSettings): Promise<ServerProbe[]> {
  return Promise.all(settings.urls.map((url) => probeServer(settings, url)))
}

async function probeServer(settings: LdapSourceSettings, url: string): Promise<ServerProbe> {
  let connection: DirectoryConnection | undefined
  try {
    const { ca, account } = readFiles({ id: settings.id, servers: settings })
    connection = await DirectoryConnection.open({ url, ca, patience })
    if (account) await connection.authenticate(account.dn.reveal(), account.password.reveal())
    return { url, fault: await findSomebody(settings, connection), certificateEnd: connection.certificateEnd }
  } catch (error) {
    return { url, fault: describeError(error), certificateEnd: connection?.certificateEnd }
  } finally {
    connection?.close()
  }
}

async function findSomebody(
  settings: LdapSourceSettings,
  connection: DirectoryConnection,
): Promise<string | undefined> {
  const { userBase, attributes } = settings
  const filter = parseFilters(settings).user
  const wanted = attributesOf(attributes)
  const [entry] = await connection.search({ base: userBase, scope: 'sub', filter, attributes: wanted, limit: 1 })
  if (entry === undefined) return `finds nobody below ${userBase} by userFilter; may the account read there?`
  if (keyOf(entry, attributes.key) === undefined)
    return `${entry.dn} has no ${attributes.key} that the account can read; set attributes.key`
  return usernameOf(entry, attributes) === undefined
    ? `${entry.dn} has no ${attributes.username}; set attributes.username`
    : undefined
}
