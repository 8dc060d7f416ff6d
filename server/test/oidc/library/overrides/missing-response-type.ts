import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { configs, entry } from '@nauthera/harness/server'
import { clients } from './clients.ts'
import type { Contract } from './contract.ts'

const others = clients.filter(({ clientId }) => clientId !== 'app.web')

export const contract: Contract = {
  replaces: ['Client.prototype.responseModeAllowed'],
  holds: {
    'missingResponseType: a request without it is told so, also of a client with a list of modes': async (replicas) => {
      await replicas.serve([...others, entry('app.web', { ...configs.web, responseModes: ['query', 'form_post'] })])
      const descriptionOf = async (more: Record<string, string>) => {
        const { response_type: _type, ...asked } = { ...request(pkce()), ...more }
        const { location } = await new Browser(replicas).follow(authorizationUrl(replicas.issuer, asked))
        const { searchParams } = new URL(location!)
        return [searchParams.get('error'), searchParams.get('error_description')]
      }
      expect(await descriptionOf({})).to.deep.equal(['invalid_request', "missing required parameter 'response_type'"])
      expect((await descriptionOf({ response_mode: 'query' }))[1]).to.contain('response_type')
      await replicas.serve(clients)
    },
  },
}
