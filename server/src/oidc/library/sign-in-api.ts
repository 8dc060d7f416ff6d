// The API of a token request that names none: one of its sign-in, or none for a token for userinfo.
import type { GrantPayload } from '../artefacts/grants.ts'
import { allowedScope } from '../artefacts/resources.ts'
import { targetOfSignIn } from '../apis/asked.ts'
import type { ApisOf } from '../apis/apis.ts'
import { parameterOf } from './shapes.ts'
import type { Artefact, Context } from './shapes.ts'

/** @param about.source the code or refresh token
 *  @returns undefined for a token for userinfo
 *  @throws ProtocolError invalid_target when it may be one of several */
export function apiOfSignIn(
  context: Context,
  about: {
    readonly source: Pick<Artefact, 'scope' | 'resource'>
    readonly grant: Pick<GrantPayload, 'authorizationDetails'> | undefined
    readonly client: ApisOf
  },
): string | undefined {
  const { source, grant, client } = about
  const target = targetOfSignIn(
    {
      scope: parameterOf(context, 'scope'),
      had: source.scope,
      apis: [source.resource ?? []].flat(),
      withDetails: Object.keys(grant?.authorizationDetails ?? {}),
    },
    client,
  )
  if (target.kind === 'refused') allowedScope(target)
  return target.kind === 'api' ? target.identifier : undefined
}
