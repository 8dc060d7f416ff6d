// The page with signing and cookie keys and their state; it never shows key material.
import { paths } from '@nauthera/rules/endpoints'
import { personalRoutes } from '../account/frame/gate.ts'
import type { KeyRing } from '../oidc/keys/ring.ts'
import type { Route } from '../reply.ts'
import type { Keys } from '../store/tokens/keys.ts'
import { deskArea } from './frame.ts'
import type { FrameNeeds } from './frame.ts'
import type { DeskGate } from './gate.ts'

export interface KeyNeeds extends FrameNeeds {
  readonly desk: DeskGate
  readonly keys: Pick<Keys, 'summaries'>
  readonly keyRing: Pick<KeyRing, 'statesOf'>
}

export function createKeysRoute(needs: KeyNeeds): Route {
  return personalRoutes(needs, needs.desk.toLook).page(`${paths.admin}/keys`, async (_, admin, request) => {
    const keys = await needs.keys.summaries()
    const states = needs.keyRing.statesOf(keys)
    return {
      kind: 'page',
      view: 'admin-keys',
      model: {
        area: deskArea(needs, admin, request, 'keys'),
        keys: keys.map(({ id, use, alg, createdAt, activeAt }) => ({
          id,
          use,
          alg,
          state: states.get(id)!,
          created: createdAt,
          active: activeAt,
        })),
      },
    }
  })
}
