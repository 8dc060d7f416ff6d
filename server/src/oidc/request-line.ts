// What the line of a request in the log says besides: the audit event of what it was granted. One line stands in the place of two.
import type { IncomingMessage } from 'node:http'
import type { Fields } from '@nauthera/runtime/log'

const granted = new WeakMap<IncomingMessage, Fields>()

/** @param line of an audit event that waits for the line of its request */
export const keepGranted = (request: IncomingMessage, line: Fields): void => void granted.set(request, line)

/** @returns undefined for a request that was granted nothing, or whose event has a line of its own */
export const grantedTo = (request: IncomingMessage): Fields | undefined => granted.get(request)
