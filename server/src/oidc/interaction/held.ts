import type { Progress } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'

/** An interaction as its cookie holds it: a value, and what changes it. */
export interface Held {
  /** Epoch seconds. */
  readonly begun: number
  readonly until: number
  readonly client: string
  /** The object that the client was then: another one may have its id by now. */
  readonly clientUid: string
  /** Gone when the interaction is over: what is left says only where to start again. */
  readonly payload?: LibraryPart
  readonly progress?: Progress
}

/** The library begins or goes on; what sign-in keeps stays.
 *  @param now epoch seconds; @param clientUid of the client as it is registered now */
export function withLibraryPart(
  before: Held | undefined,
  payload: LibraryPart,
  at: { now: number; clientUid: string },
): Held {
  return {
    begun: before?.begun ?? at.now,
    until: payload.exp,
    client: payload.params.client_id,
    clientUid: before?.clientUid ?? at.clientUid,
    payload,
    ...(before?.progress === undefined ? {} : { progress: before.progress }),
  }
}

/** @returns undefined when it is over: there is nothing to go on with */
export function withProgress(before: Held, progress: Progress): Held | undefined {
  return before.payload === undefined ? undefined : { ...before, progress }
}

export function finished({ begun, until, client, clientUid }: Held): Held {
  return { begun, until, client, clientUid }
}

/** Where it waits: at its pages for the person, or with a result at the resume endpoint for the library. */
export function placeOf({ payload }: Held): 'pages' | 'resume' {
  return payload?.result === undefined ? 'pages' : 'resume'
}
