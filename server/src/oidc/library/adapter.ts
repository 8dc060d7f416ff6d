import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'
import type { ArtefactPlace, Places } from '../artefacts/place.ts'
import type { RequestContext } from '../request-context.ts'
import { currentRequest, fromStore } from './current-request.ts'

/** Connects the library to the places where its artefacts are stored. */
export function createAdapter(places: Places): AdapterFactory {
  // must be an arrow function: the library calls `new` on any other function
  return (model) => adapterOf(model, places[model] ?? {})
}

function adapterOf(model: string, place: ArtefactPlace): Adapter {
  const call =
    <Values extends readonly unknown[], Answer>(
      method: string,
      work: ((request: RequestContext, ...values: Values) => Promise<Answer>) | undefined,
    ) =>
    async (...values: Values): Promise<Answer> => {
      if (work === undefined) throw new TypeError(`artefacts/places.ts has no ${method} for ${model}`)
      return fromStore(() => work(currentRequest(), ...values))
    }
  const find = (method: string, work: ArtefactPlace['find']) => {
    const found = call(method, work)
    return async (key: string): Promise<AdapterPayload | undefined> => {
      const payload = await found(key)
      return payload && { ...payload }
    }
  }
  return {
    find: find('find', place.find),
    findByUid: find('findByUid', place.findByUid),
    findByUserCode: find('findByUserCode', place.findByUserCode),
    upsert: call('upsert', place.upsert),
    consume: call('consume', place.consume),
    destroy: call('destroy', place.destroy),
    revokeByGrantId: call('revokeByGrantId', place.revokeByGrantId),
  }
}
