// Reads an object that may be missing.
import { insteadWhen, isNotFound } from './api-error.ts'
import type { ApiCall, KubeConnection } from './connection.ts'

/** @returns undefined only when the API itself says that there is none
 *  @throws ApiError for every other answer: it is unknown then */
export const findObject = async <T>(
  connection: Pick<KubeConnection, 'call'>,
  path: string,
  how: Pick<ApiCall, 'accept' | 'lane'> = {},
): Promise<T | undefined> =>
  await connection.call<T>({ method: 'GET', path, ...how }).catch(insteadWhen(isNotFound, undefined))
