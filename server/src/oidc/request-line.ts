// Fields that the protocol adds to a request's log line: its audit event, whether the lane answered, and whether words of `prompt` were
// ignored.
import type { IncomingMessage } from 'node:http'
import type { Fields } from '@nauthera/runtime/log'

/** On the request itself: a WeakMap takes a microsecond to add to. */
const granted = Symbol('granted')
const inLane = Symbol('in lane')
const promptIgnored = Symbol('prompt ignored')

type WithLine = IncomingMessage & { [granted]?: Fields; [inLane]?: true; [promptIgnored]?: true }

/** @param line of an audit event that waits for the line of its request */
export function recordGrantedLine(request: WithLine, line: Fields): void {
  request[granted] = line
}

/** @returns undefined for a request that was granted nothing, or whose event has a line of its own */
export const grantedTo = (request: WithLine): Fields | undefined => request[granted]

export function markLane(request: WithLine): void {
  request[inLane] = true
}

/** Whether lane/machine-lane answered it. */
export const wasInLane = (request: WithLine): boolean => request[inLane] === true

export function markPromptIgnored(request: WithLine): void {
  request[promptIgnored] = true
}

/** Whether its `prompt` had words that no standard defines (library/params/keep-known-prompts). */
export const hadOddPrompt = (request: WithLine): boolean => request[promptIgnored] === true
