import { hasShape } from '@nauthera/runtime/json'
import type { InteractionPlace, ResumePlace } from '../cookies.ts'
import type { Progress } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'

/** The content of an interaction's cookie. */
export interface HeldInteraction {
  /** Epoch seconds. */
  readonly begun: number
  readonly until: number
  readonly client: string
  /** UID of the client when the interaction began: by now another client may have the same id. */
  readonly clientUid: string
  /** Absent once the interaction is over. The rest only tells where the person can start again. */
  readonly payload?: LibraryPart
  readonly progress?: Progress
}

const heldShape = {
  required: { begun: 'number', until: 'number', client: 'string', clientUid: 'string' },
  optional: {
    payload: { required: { returnTo: 'string', exp: 'number', params: 'record', prompt: 'record' } },
    progress: 'record',
  },
} as const

/** Only this server can have encrypted it, so this is enough to know a cookie of this form. */
export const isHeld = (value: unknown): value is HeldInteraction => hasShape(value, heldShape)

/** Stores the library's part of a new or running interaction; the progress of the sign-in stays.
 *  @param now epoch seconds; @param clientUid UID of the client that is registered now */
export function withLibraryPart(
  before: HeldInteraction | undefined,
  payload: LibraryPart,
  at: { now: number; clientUid: string },
): HeldInteraction {
  return {
    begun: before?.begun ?? at.now,
    until: payload.exp,
    client: payload.params.client_id,
    clientUid: before?.clientUid ?? at.clientUid,
    payload: { ...payload, prompt: withoutDetails(payload.prompt) },
    ...(before?.progress === undefined ? {} : { progress: before.progress }),
  }
}

/** The library repeats parameters there, such as a whole id_token_hint, and nobody reads them: a cookie has no room. */
const withoutDetails = ({ name, reasons }: LibraryPart['prompt']) => ({ name, reasons })

/** @returns undefined when the interaction is over */
export function withProgress(before: HeldInteraction, progress: Progress): HeldInteraction | undefined {
  if (before.payload === undefined) return undefined
  // that a device is one's own stays said, whoever signs in
  const { deviceConfirmed = progress.deviceConfirmed } = before.progress ?? {}
  return { ...before, progress: { ...progress, ...(deviceConfirmed === undefined ? {} : { deviceConfirmed }) } }
}

export function finished({ begun, until, client, clientUid }: HeldInteraction): HeldInteraction {
  return { begun, until, client, clientUid }
}

/** The path of the cookie: the pages during the interaction, then the resume endpoint. */
export function placeOf({ payload }: HeldInteraction): InteractionPlace {
  return payload?.result === undefined ? 'pages' : resumePlaceOf(payload)
}

export const resumePlaceOf = (payload: LibraryPart | undefined): ResumePlace =>
  payload?.deviceCode === undefined ? 'resume' : 'device'
