import type { Adapter, AdapterFactory } from 'oidc-provider'
import type { ArtefactPlace, Places } from '../artefacts/place.ts'
import { currentRequest, fromStore } from './current-request.ts'

/** Connects the library to the places where its artefacts are stored. */
export function createAdapter(places: Places): AdapterFactory {
  // must be an arrow function: the library calls `new` on any other function
  return (model) => adapterOf(model, places[model] ?? {})
}

function adapterOf(model: string, place: ArtefactPlace): Adapter {
  const call =
    (method: keyof ArtefactPlace) =>
    async (...values: readonly unknown[]): Promise<unknown> => {
      const work = place[method] as ((...all: readonly unknown[]) => Promise<unknown>) | undefined
      if (work === undefined) throw new TypeError(`artefacts/places.ts has no ${method} for ${model}`)
      return fromStore(() => work(currentRequest(), ...values))
    }
  return {
    find: call('find'),
    findByUid: call('findByUid'),
    findByUserCode: call('findByUserCode'),
    upsert: call('upsert'),
    consume: call('consume'),
    destroy: call('destroy'),
    revokeByGrantId: call('revokeByGrantId'),
  } as Adapter
}
