import { currentRequest } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import type { Artefact, Internals } from '../shapes.ts'

/** getValueAndPayload: returns a sealed string without a payload, so that the adapter stores nothing. JWTs are unchanged. */
export function sealValues(library: Internals, { sealer }: Pick<OverrideNeeds, 'sealer'>): void {
  for (const kind of ['AuthorizationCode', 'AccessToken', 'ClientCredentials'] as const) {
    replace(
      library[kind].prototype,
      'getValueAndPayload',
      (original) =>
        async function getValueAndPayload(this: Artefact) {
          const { value, payload } = await original.call(this)
          const shown = payload === undefined ? value : sealer.seal(kind, payload)
          if (kind === 'AccessToken') currentRequest().accessToken = shown
          return { value: shown }
        },
    )
  }
}
