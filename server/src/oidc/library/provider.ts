// One generation: settings and keys -> the library's Provider.
import { IncomingMessage } from 'node:http'
import type { RequestListener } from 'node:http'
import { Socket } from 'node:net'
import { paths } from '@nauthera/rules/endpoints'
import { createJwtSigner } from '../keys/jwt-signer.ts'
import { createMachineLane } from '../lane/machine-lane.ts'
import { watchAnswers } from './answers.ts'
import { buildConfiguration } from './configuration.ts'
import { currentRequest, runInRequest } from './current-request.ts'
import type { Generation } from './generations.ts'
import { createProvider } from './grant-handlers.ts'
import { InnerResponse } from './inner-response.ts'
import { createLogoutTokens } from './logout-tokens.ts'
import { createMadeTokens } from './made-tokens.ts'
import type { LibraryNeeds } from './needs.ts'
import { applyOverrides } from './overrides.ts'
import { listenToProtocol } from './protocol-events.ts'
import { clientClassOf, internalsOf } from './shapes.ts'
import type { Internals } from './shapes.ts'
import { registerTokenExchange } from './token-exchange.ts'
import { createToldClaims } from './told-claims.ts'

export async function createGeneration(needs: LibraryNeeds): Promise<Generation> {
  const { issuer } = needs.settings
  const { provider, handlerOf } = createProvider(issuer, buildConfiguration(needs))
  provider.proxy = true
  const internals = internalsOf(provider)
  applyOverrides(internals, needs)
  registerTokenExchange(provider, handlerOf('client_credentials'), needs)
  watchAnswers(provider, needs)
  listenToProtocol(provider, needs)
  const library = provider.callback()
  const metadata = await readDocument(library, issuer, paths.discovery)
  // the library has only keys with a private part; another replica may sign with one that this one has not got yet
  const jwks = Buffer.from(JSON.stringify({ keys: needs.keys.published }))
  const mintLogoutToken = createLogoutTokens(internals, needs)
  const handle = afterLane(library, internals, needs)
  return { handle, clientClass: clientClassOf(provider), mintLogoutToken, documents: { metadata, jwks } }
}

/** The lane is first, and what it passes on goes to the library. A server that has no key for it, or whose settings take it out, has none. */
function afterLane(library: RequestListener, internals: Internals, needs: LibraryNeeds): RequestListener {
  const { issuer, signing, lane: wanted } = needs.settings
  const signer = wanted === 'on' ? createJwtSigner(needs.keys.signing, 'at+jwt') : undefined
  if (signer === undefined) return library
  const lane = createMachineLane({
    ...needs,
    issuer,
    signer,
    algorithm: signing.accessToken,
    makeTokens: createMadeTokens(internals, needs),
    tell: createToldClaims(internals, needs),
  })
  return (request, response) => {
    const context = currentRequest()
    const passOn = () => runInRequest(context, () => library(request, response))
    const fail = (error: unknown) => context.passOn!(error)
    lane(context, { passOn, fail })
  }
}

/** Reads a document that depends only on the library's configuration, without a network. */
async function readDocument(handle: RequestListener, issuer: string, path: string): Promise<Buffer> {
  const { host, protocol, pathname } = new URL(issuer)
  const request = Object.assign(new IncomingMessage(new Socket()), {
    method: 'GET',
    url: path,
    originalUrl: `${pathname.replace(/\/$/, '')}${path}`,
    headers: { host, 'x-forwarded-proto': protocol.slice(0, -1), accept: 'application/json' },
  })
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const response = new InnerResponse(request, resolve)
  handle(request, response)
  const body = await promise
  if (response.statusCode !== 200) throw new TypeError(`oidc-provider answers ${response.statusCode} for ${path}`)
  return Buffer.from(String(body))
}
