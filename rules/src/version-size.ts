// The size limit of one client. The operator checks it before a write, and the server before it parses.
import type { ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientFault } from './client-fault.ts'
import { maxVersionBytes } from './limits.ts'

/** @returns a fault when the version is larger than a client may be */
export function sizeFaults({ config }: Pick<ClientVersion, 'config'>): readonly ClientFault[] {
  const bytes = Buffer.byteLength(config)
  return bytes > maxVersionBytes ? [tooLarge(bytes)] : []
}

/** @param bytes the size of the client, or a number over the limit when the rest was not counted */
export function tooLarge(bytes: number): ClientFault {
  const kibibytes = (count: number): string => `${Math.ceil(count / 1024)} KiB`
  const message = `must take at most ${kibibytes(maxVersionBytes)}, and takes ${kibibytes(bytes)}; shorten its lists of URIs, keys, claims and scopes, or make two clients of it`
  return { field: 'spec', code: 'CLIENT_METADATA_INVALID', message }
}
