import { readFileSync, readdirSync } from 'node:fs'
import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { fetchTokens } from '@nauthera/harness/flows'
import { addPerson, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { overrides } from '../../../src/oidc/library/overrides.ts'
import { clients } from './overrides/clients.ts'
import type { Contract } from './overrides/contract.ts'
import { contract as addGroupClaims } from './overrides/add-group-claims.ts'
import { contract as aliasAddresses } from './overrides/alias-addresses.ts'
import { contract as authorizationDetails } from './overrides/authorization-details.ts'
import { contract as compareSecrets } from './overrides/compare-secrets.ts'
import { contract as consumeCodes } from './overrides/consume-codes.ts'
import { contract as consumePushedRequests } from './overrides/consume-pushed-requests.ts'
import { contract as deviceCodes } from './overrides/device-codes.ts'
import { contract as encryptUserinfo } from './overrides/encrypt-userinfo.ts'
import { contract as endSessions } from './overrides/end-sessions.ts'
import { contract as exchangeTokens } from './overrides/exchange-tokens.ts'
import { contract as findClients } from './overrides/find-clients.ts'
import { contract as finishCodes } from './overrides/finish-codes.ts'
import { contract as idTokens } from './overrides/id-tokens.ts'
import { contract as loadGrants } from './overrides/load-grants.ts'
import { contract as meantApi } from './overrides/meant-api.ts'
import { contract as missingResponseType } from './overrides/missing-response-type.ts'
import { contract as readKeysFirst } from './overrides/read-keys-first.ts'
import { contract as refuseGrants } from './overrides/refuse-grants.ts'
import { contract as replayOnce } from './overrides/replay-once.ts'
import { contract as rotateRefreshTokens } from './overrides/rotate-refresh-tokens.ts'
import { contract as sealValues } from './overrides/seal-values.ts'
import { contract as sidForAll } from './overrides/sid-for-all.ts'
import { contract as statelessSessions } from './overrides/stateless-sessions.ts'
import { contract as stayAfterLogout } from './overrides/stay-after-logout.ts'
import { contract as watchParams } from './overrides/watch-params.ts'
import { stockInternals } from './overrides/stock.ts'

// One contract for each override of an internal of oidc-provider, in a file with the name of the override. When an
// update of the library breaks one, its test fails here.

type Name = keyof typeof overrides

/** The type checker makes sure that it has the same names as the table of overrides. */
const contracts = Object.entries({
  findClients,
  readKeysFirst,
  compareSecrets,
  sidForAll,
  sealValues,
  consumeCodes,
  finishCodes,
  deviceCodes,
  exchangeTokens,
  authorizationDetails,
  rotateRefreshTokens,
  consumePushedRequests,
  replayOnce,
  refuseGrants,
  loadGrants,
  meantApi,
  statelessSessions,
  endSessions,
  addGroupClaims,
  idTokens,
  encryptUserinfo,
  watchParams,
  aliasAddresses,
  stayAfterLogout,
  missingResponseType,
} as const satisfies Readonly<Record<Name, Contract>>) as [Name, Contract][]

/** The value of `Client.prototype.find` in the classes of one Provider. */
function memberOf(internals: object, path: string): unknown {
  return path.split('.').reduce<unknown>((owner, key) => (owner as Record<string, unknown>)[key], internals)
}

describe('the internals of oidc-provider that are overridden', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve(clients)
    await addPerson(replicas, 'ada', ['engineers'])
  })
  after(() => replicas.stop())

  it('the version is the one that the contracts were written for', () => {
    const wanted = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const main = import.meta.resolve('oidc-provider')
    const root = main.slice(0, main.lastIndexOf('/oidc-provider/') + '/oidc-provider/'.length)
    const installed = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string }
    expect(installed.version).to.equal(wanted.dependencies['oidc-provider'])
  })

  it('each file of an override is in the table', () => {
    const files = readdirSync(new URL('../../../src/oidc/library/overrides/', import.meta.url))
    const names = files.map((file) =>
      file.slice(0, -'.ts'.length).replace(/-./g, (part) => part.slice(1).toUpperCase()),
    )
    expect(names).to.have.members(Object.keys(overrides))
  })

  for (const [name, { replaces, payload, holds }] of contracts) {
    for (const member of replaces) {
      it(`oidc-provider still has ${member}`, () => expect(memberOf(stockInternals(), member)).to.be.a('function'))
    }

    if (payload) {
      it(`${payload.model}.IN_PAYLOAD names the properties that we need`, () => {
        expect(memberOf(stockInternals(), `${payload.model}.IN_PAYLOAD`)).to.include.members([...payload.names])
      })
    }

    it(`${name} replaces exactly what its contract names`, () => {
      const stock = stockInternals()
      const all = [...new Set(contracts.flatMap(([, contract]) => contract.replaces))]
      const before = new Map(all.map((member) => [member, memberOf(stock, member)]))
      overrides[name](stock, {} as never)
      const replaced = all.filter((member) => memberOf(stock, member) !== before.get(member))
      expect(replaced).to.deep.equal(replaces)
    })

    for (const [sentence, run] of Object.entries(holds)) it(sentence, () => run(replicas))
  }

  it('a logout when nobody is signed in redirects at once, without a script', async () => {
    const { id } = await fetchTokens(replicas)
    const query = new URLSearchParams({
      id_token_hint: id,
      post_logout_redirect_uri: 'https://app.example.com/bye',
      state: 'x',
    })
    const left = await new Browser(replicas).follow(`${replicas.issuer}/logout?${query.toString()}`)
    expect(left.location).to.equal('https://app.example.com/bye?state=x')
    const plain = await new Browser(replicas).follow(`${replicas.issuer}/logout`)
    expect(plain.status).to.equal(200)
  })
})
