import { expect } from 'chai'
import { Redis } from 'ioredis'
import { Browser } from '@nauthera/harness/browser'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { waitFor } from '../../store/wait-for.ts'
import { Traveller, moveOnOf, startParties } from './parties.ts'
import type { Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'

const learned = ['/.well-known/openid-configuration', '/jwks']

describe('what replicas know of another provider, with Valkey between them', () => {
  const names = ['known', 'forged', 'later'] as const
  let providers: Record<(typeof names)[number], OddProvider>
  let valkey: Valkey
  let raw: Redis
  let parties: Parties
  before(async () => {
    const [known, forged, later] = await Promise.all([startOddProvider(), startOddProvider(), startOddProvider()])
    providers = { known, forged, later }
    valkey = await startValkey()
    const more = names.map((id) => ({ id, name: id, issuer: providers[id].issuer, clientId: 'down' }))
    // long, so that a busy machine does not look like a fault
    parties = await startParties({ count: 2, more, cache: { url: valkey.url, timeout: '5s' } })
    await Promise.all(parties.down.apps.map(({ store }) => store.cache!.settled()))
    raw = new Redis(valkey.url)
    raw.on('error', () => undefined)
  })
  after(async () => {
    raw.disconnect()
    await parties.stop()
    await valkey.stop()
    await Promise.all(names.map((name) => providers[name].stop()))
  })

  /** Signs somebody in through a provider. @returns what the provider was asked for meanwhile */
  async function signIn(name: (typeof names)[number], replica: number): Promise<string[]> {
    const provider = providers[name]
    const { issuer } = parties.down
    const browser = new Browser({ issuer, origin: () => parties.down.origin(replica) })
    const person = new Traveller(parties, { down: browser })
    const before = provider.asked.length
    const sub = `${name}-${replica}-${before}`
    provider.says.claims = { sub, preferred_username: sub }
    const asked = new URL(moveOnOf(await person.submit(await person.begin(), `/upstream/${name}`, {}, () => true))!)
    provider.nonce = asked.searchParams.get('nonce')!
    const answer = { code: 'a-code', state: asked.searchParams.get('state')!, iss: provider.issuer }
    const seen = await person.go(`${issuer}/federation/${name}/callback?${new URLSearchParams(answer).toString()}`)
    expect(seen.location).to.include('code=')
    return provider.asked.slice(before).filter((path) => path !== '/token' && path !== '/userinfo')
  }
  const entryOf = (name: (typeof names)[number]) => `nauthera:upstream-metadata:${providers[name].issuer}`
  /** Nobody waits until it is written. @returns it sealed */
  async function written(name: (typeof names)[number]): Promise<Buffer> {
    const look = async () => {
      const found = await raw.getBuffer(entryOf(name))
      return found === null || found.includes('{"server"') ? undefined : found
    }
    await waitFor(async () => ((await look()) === undefined ? `no entry of ${name}` : undefined))
    return (await look())!
  }

  it('one replica asks for all: the second one signs people in and asks the provider for nothing', async () => {
    expect(await signIn('known', 0)).to.deep.equal(learned)
    await written('known')
    expect(await signIn('known', 1)).to.deep.equal([])
    expect(await signIn('known', 0)).to.deep.equal([])
  })

  it('the entry is sealed: nothing that the provider says of itself can be read in it, and it ends after a day', async () => {
    const entry = await written('known')
    const { keys } = (await (await fetch(`${providers.known.issuer}/jwks`)).json()) as { keys: { x: string }[] }
    for (const text of [providers.known.issuer, '/token', 'jwks', 'ES256', '"keys"', keys[0]!.x])
      expect(entry.includes(text), text).to.equal(false)
    expect(await raw.pttl(entryOf('known'))).to.be.within(1, 86_400_000)
  })

  it('F7 an entry that somebody else wrote or put in another place is a miss: the provider itself is asked', async () => {
    const own = { issuer: providers.forged.issuer, jwks_uri: `${providers.known.issuer}/jwks` }
    await raw.set(entryOf('forged'), JSON.stringify({ server: own, keys: { keys: [] }, at: Date.now() }))
    expect(await signIn('forged', 0)).to.deep.equal(learned)
    // its own is there by now, and is put away
    await written('forged')
    await raw.set(entryOf('forged'), await written('known'))
    expect(await signIn('forged', 1)).to.deep.equal(learned)
  })

  it('F5 without Valkey people sign in as ever, and each replica asks for itself', async () => {
    await valkey.stop()
    for (const replica of [0, 1]) {
      expect(await signIn('later', replica)).to.deep.equal(learned)
      expect(await signIn('later', replica)).to.deep.equal([])
    }
    expect(await signIn('known', 1)).to.deep.equal([])
  })
})
