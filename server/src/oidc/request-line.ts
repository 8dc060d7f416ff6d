// Fields that the protocol adds to a request's log line: its audit event, whether the lane answered, and whether words of `prompt` were
// ignored.
import type { IncomingMessage } from 'node:http'
import type { Fields } from '@nauthera/runtime/log'

const granted = new WeakMap<IncomingMessage, Fields>()
const inLane = new WeakSet<IncomingMessage>()
const promptIgnored = new WeakSet<IncomingMessage>()

/** @param line of an audit event that waits for the line of its request */
export const recordGrantedLine = (request: IncomingMessage, line: Fields): void => void granted.set(request, line)

/** @returns undefined for a request that was granted nothing, or whose event has a line of its own */
export const grantedTo = (request: IncomingMessage): Fields | undefined => granted.get(request)

export const markLane = (request: IncomingMessage): void => void inLane.add(request)

/** Whether lane/machine-lane answered it. */
export const wasInLane = (request: IncomingMessage): boolean => inLane.has(request)

export const markPromptIgnored = (request: IncomingMessage): void => void promptIgnored.add(request)

/** Whether its `prompt` had words that no standard defines (library/params/keep-known-prompts). */
export const hadOddPrompt = (request: IncomingMessage): boolean => promptIgnored.has(request)
