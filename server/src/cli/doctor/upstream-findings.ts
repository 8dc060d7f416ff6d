// Checks of `nauthera doctor`: the other providers at which people sign in.
import { describeError } from '@nauthera/runtime/log'
import { readSecretFile } from '@nauthera/runtime/settings'
import { isLoopback } from '@nauthera/rules/issuer'
import { createUpstreamMetadata } from '../../login/upstream/metadata.ts'
import { describeUpstream } from '../../login/upstream/presets.ts'
import type { UpstreamDescription } from '../../login/upstream/presets.ts'
import { clockTolerance } from '../../login/upstream/relying-party.ts'
import { addressRule } from '../../oidc/outbound/address-rule.ts'
import { createOutboundFetch } from '../../oidc/outbound/outbound-fetch.ts'
import type { Fetch } from '../../oidc/outbound/outbound-fetch.ts'
import type { ServerSettings } from '../../settings.ts'
import { isPlainHttp } from '../../settings/upstream.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import type { Finding } from './findings.ts'

/** Checks metadata, keys and clock of each provider, and that our client id and secret can be read. */
export async function checkUpstreams(settings: ServerSettings): Promise<Finding[]> {
  const answered = await Promise.all(settings.upstreams.map((upstream) => checkUpstream(upstream, settings)))
  return [...answered, ...settings.upstreams.flatMap((upstream) => checkSecondStep(upstream, settings))]
}

/** Finds providers without `auth_time`, when second factors are required: setting one up needs the time of the sign-in
 *  (`login/proof/set-up-factor.ts`). */
function checkSecondStep(upstream: UpstreamSettings, settings: ServerSettings): Finding[] {
  const { policy, requiredGroups } = settings.secondFactor
  const isWanted = policy === 'required' || (policy === 'optional' && requiredGroups.length > 0)
  if (!isWanted || describeUpstream(upstream, settings).protocol !== 'github') return []
  const whom = policy === 'required' ? 'secondFactor.policy is required' : 'secondFactor.requiredGroups names groups'
  const says = `${whom}, and this provider says neither when nor how somebody signed in: who has no other way to sign in cannot set up a second factor, and does not get in. Let them have a password or another provider too, or send each a link (nauthera login-link)`
  return [{ check: `upstream ${upstream.id}`, state: 'warning', says }]
}

async function checkUpstream(upstream: UpstreamSettings, settings: ServerSettings): Promise<Finding> {
  const { issuer, outbound } = settings
  const check = `upstream ${upstream.id}`
  const rule = addressRule('upstream', { ...outbound, loopback: isLoopback(new URL(issuer).hostname) })
  const fetch = createOutboundFetch({ rule, purpose: 'upstream', wholeMs: 5000 })
  let date: string | null = null
  const watched: Fetch = async (url, init) => {
    const answer = await fetch(url, init)
    date = answer.headers.get('date')
    return answer
  }
  try {
    readFiles(upstream)
    const found = await ask(describeUpstream(upstream, settings), watched)
    const seconds = date === null ? 0 : Math.round((Date.parse(date) - Date.now()) / 1000)
    if (Math.abs(seconds) > clockTolerance) {
      const says = `its clock and ours differ by ${Math.abs(seconds)} s; more than ${clockTolerance} s and no sign-in is accepted. Set the clock of this machine`
      return { check, state: 'fault', says }
    }
    return { check, state: 'ok', says: found }
  } catch (error) {
    return { check, state: 'fault', says: `${describeError(error)}; people cannot sign in there` }
  }
}

function readFiles({ id, clientIdFile, clientSecretFile }: UpstreamSettings): void {
  for (const [name, file] of Object.entries({ clientIdFile, clientSecretFile })) {
    if (file !== undefined) readSecretFile(file, `upstreams.${id}.${name}`)
  }
}

async function ask({ issuer, protocol }: UpstreamDescription, fetch: Fetch): Promise<string> {
  if (protocol === 'github') {
    await fetch(issuer)
    return `${issuer} answers`
  }
  const plainHttp = isPlainHttp(issuer)
  const { keys } = await createUpstreamMetadata({
    issuer,
    plainHttp,
    fetch,
    cache: undefined,
    log,
    now: Date.now,
  }).load()
  return `${issuer} says what it is; keys: ${keys.keys.length}`
}

const nothing = () => undefined
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing, later: nothing, child: () => log }
