// How large one client may be. The operator asks before it tells a server of a version, and the server before it reads one.
import type { ClientVersion } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientFault } from './client-fault.ts'
import { maxVersionBytes } from './limits.ts'

/** @returns a fault when the version is larger than a client may be */
export function sizeFaults({ config }: Pick<ClientVersion, 'config'>): readonly ClientFault[] {
  const bytes = Buffer.byteLength(config)
  return bytes > maxVersionBytes ? [tooLarge(bytes)] : []
}

/** @param bytes that the client takes, or more than the limit when nobody has looked at the rest */
export function tooLarge(bytes: number): ClientFault {
  const kibibytes = (count: number): string => `${Math.ceil(count / 1024)} KiB`
  const message = `must take at most ${kibibytes(maxVersionBytes)}, and takes ${kibibytes(bytes)}; shorten its lists of URIs, keys, claims and scopes, or make two clients of it`
  return { field: 'spec', code: 'CLIENT_METADATA_INVALID', message }
}
