import { expect } from 'chai'
import { addPerson, password } from '@nauthera/harness/server'
import { claimsOfJwt, redeem, tokensOf } from '@nauthera/harness/flows'
import { Traveller, alertOf, hasPage, moveOnOf, startParties } from './parties.ts'
import type { PageSeen, Parties } from './parties.ts'
import { startOddProvider } from './provider.ts'
import type { OddProvider } from './provider.ts'
import { newName, sourceOf, startTestDirectory } from '../../users/ldap/test-directory.ts'
import type { TestDirectory } from '../../users/ldap/test-directory.ts'

describe('which account an identity at another provider leads to', () => {
  let odd: OddProvider
  let other: OddProvider
  let parties: Parties
  let directory: TestDirectory
  before(async () => {
    odd = await startOddProvider()
    other = await startOddProvider()
    const more = [
      { id: 'odd', name: 'Odd', issuer: odd.issuer, clientId: 'down', emailDomains: ['example.com'] },
      {
        id: 'other',
        name: 'Other',
        issuer: other.issuer,
        clientId: 'down',
        emailDomains: ['example.com'],
        newPeople: false,
      },
    ]
    directory = await startTestDirectory()
    const sources = [{ id: 'postgres', type: 'postgres' }, sourceOf(directory)]
    parties = await startParties({ more, settings: { sources } })
  })
  after(async () => {
    await parties.stop()
    await directory.stop()
    await Promise.all([odd.stop(), other.stop()])
  })

  /** Comes back from a provider that says these claims. */
  async function comeBack(
    claims: Record<string, unknown>,
    options: {
      person?: Traveller
      page?: PageSeen
      provider?: OddProvider
      id?: string
      fields?: Record<string, string>
    } = {},
  ) {
    const { person = new Traveller(parties), provider = odd, id = 'odd', fields = {} } = options
    const page = options.page ?? (await person.begin())
    const leaving = await person.submit(page, `/upstream/${id}`, fields, () => true)
    const asked = new URL(moveOnOf(leaving)!)
    provider.nonce = asked.searchParams.get('nonce')!
    provider.says.claims = claims
    const query = new URLSearchParams({ code: 'a-code', state: asked.searchParams.get('state')!, iss: provider.issuer })
    return { person, seen: await person.go(`${parties.down.issuer}/federation/${id}/callback?${query.toString()}`) }
  }
  async function subjectOf({ person, seen }: { person: Traveller; seen: PageSeen }): Promise<Record<string, unknown>> {
    const code = new URL(seen.location ?? 'http://no.code').searchParams.get('code')
    if (code === null) throw new Error(`not signed in: ${seen.url} ${alertOf(seen)}`)
    return claimsOfJwt(tokensOf(await redeem(parties.down, { value: code, proof: person.proof })).id)
  }
  const verified = (sub: string, name: string) => ({
    sub,
    preferred_username: name,
    email: `${name}@example.com`,
    email_verified: true,
  })

  it('L12 finds the same account by issuer and subject alone, whatever the name has become', async () => {
    const first = await subjectOf(await comeBack({ ...verified('s-1', 'nora'), name: 'Nora One' }))
    const second = await subjectOf(await comeBack({ ...verified('s-1', 'nora-new'), name: 'Nora Two' }))
    expect(second['sub']).to.equal(first['sub'])
    expect(second).to.include({ preferred_username: 'nora', email: 'nora-new@example.com', name: 'Nora Two' })
  })

  it('L12 gives nobody the account of another by an equal e-mail address or user name', async () => {
    const id = await addPerson(parties.down, 'bob')
    const byEmail = await comeBack(verified('s-2', 'bob'))
    expect(hasPage(byEmail.seen, 'sign-in')).to.equal(true)
    expect(byEmail.seen.body).to.include('already has the address')
    const byName = await comeBack({ sub: 's-3', preferred_username: 'BOB' })
    expect(byName.seen.body).to.include('belongs to an account here')
    // a wrong password is no proof
    const refused = await byEmail.person.submit(byEmail.seen, '/sign-in', { username: 'bob', password: 'a wrong one' })
    expect(alertOf(refused)).to.match(/^The user name or password is wrong/)
    expect(await parties.down.apps[0]!.store.upstreamLinks.lastOf(id)).to.equal(undefined)
  })

  it('L12 gives nobody a name that a person of a directory has who was never here; whose it is can link the two', async () => {
    const username = newName()
    await directory.add({ username, email: `${username}@example.com`, password, groups: [] })
    const byName = await comeBack({ sub: `n-${username}`, preferred_username: username })
    expect(byName.seen.body).to.include('belongs to an account here')
    const newAccount = { person: byName.person, page: byName.seen, fields: { new: 'yes' } }
    const other = await subjectOf(await comeBack({ sub: `n-${username}`, preferred_username: username }, newAccount))
    expect(other).to.include({ preferred_username: `${username}-odd` })
    const { person, seen } = await comeBack(verified(`e-${username}`, username))
    expect(seen.body).to.include('already has the address')
    const proved = await person.submit(seen, '/sign-in', { username, password })
    const linked = await person.submit(proved, '/link', { decision: 'link' })
    const mine = await subjectOf({ person, seen: linked })
    expect(mine).to.include({ preferred_username: username })
    expect(mine['sub']).to.not.equal(other['sub'])
  })

  it('L12 links an account after its own proof, and only when the person says so', async () => {
    const id = await addPerson(parties.down, 'carol')
    const { person, seen } = await comeBack(verified('s-4', 'carol'))
    const asked = await person.submit(seen, '/sign-in', { username: 'carol', password })
    expect(hasPage(asked, 'link-account')).to.equal(true)
    const skipped = await person.submit(asked, '/link', { decision: 'skip' })
    expect((await subjectOf({ person, seen: skipped }))['sub']).to.equal(id)
    expect(await parties.down.apps[0]!.store.upstreamLinks.lastOf(id)).to.equal(undefined)

    const again = await comeBack(verified('s-4', 'carol'))
    const once = await again.person.submit(again.seen, '/sign-in', { username: 'carol', password })
    const linked = await again.person.submit(once, '/link', { decision: 'link' })
    expect((await subjectOf({ person: again.person, seen: linked }))['sub']).to.equal(id)
    expect(parties.down.lines.some((line) => line.includes('account.linked') && line.includes(id))).to.equal(true)

    const later = await subjectOf(await comeBack(verified('s-4', 'carol-renamed')))
    expect(later['sub']).to.equal(id)
    // the account is its own: the provider does not describe it
    expect(later).to.include({ preferred_username: 'carol', email: 'carol@example.com' })
  })

  it('L12 does not confuse an identifier that another provider, or somebody later, has too', async () => {
    const mine = await subjectOf(await comeBack({ sub: 's-5', preferred_username: 'dora' }))
    const elsewhere = await comeBack({ sub: 's-5', preferred_username: 'dora' }, { provider: other, id: 'other' })
    expect(hasPage(elsewhere.seen, 'sign-in')).to.equal(true)
    // the name was given to somebody else there, who has another subject
    const recycled = await comeBack({ sub: 's-6', preferred_username: 'dora' })
    expect(hasPage(recycled.seen, 'sign-in')).to.equal(true)
    const own = await comeBack(
      { sub: 's-6', preferred_username: 'dora' },
      { person: recycled.person, page: recycled.seen, fields: { new: 'yes' } },
    )
    const theirs = await subjectOf(own)
    expect(theirs['sub']).not.to.equal(mine['sub'])
    expect(theirs['preferred_username']).to.equal('dora-odd')
  })

  it('does not take over an e-mail address that nobody verified', async () => {
    const said = { sub: 's-7', preferred_username: 'emil', email: 'emil@example.com' }
    for (const claims of [said, { ...said, email_verified: false }]) {
      const taken = await subjectOf(await comeBack(claims))
      expect(taken).not.to.have.property('email')
    }
    expect((await subjectOf(await comeBack({ ...said, email_verified: true })))['email']).to.equal('emil@example.com')
  })

  it('makes no account where the provider brings nobody new, and links one that is proved', async () => {
    const id = await addPerson(parties.down, 'frida')
    const { person, seen } = await comeBack(verified('o-1', 'frida-there'), { provider: other, id: 'other' })
    expect(seen.body).to.include('no account here is linked')
    const asked = await person.submit(seen, '/sign-in', { username: 'frida', password })
    const linked = await person.submit(asked, '/link', { decision: 'link' })
    expect((await subjectOf({ person, seen: linked }))['sub']).to.equal(id)
    expect((await subjectOf(await comeBack(verified('o-1', 'x'), { provider: other, id: 'other' })))['sub']).to.equal(
      id,
    )
  })

  it('links an account that a sign-in at a second provider proves', async () => {
    const before = await subjectOf(await comeBack(verified('s-8', 'gina')))
    const pending = await comeBack(verified('o-2', 'gina-there'), { provider: other, id: 'other' })
    const proved = await comeBack(verified('s-8', 'gina'), { person: pending.person, page: pending.seen })
    expect(hasPage(proved.seen, 'link-account')).to.equal(true)
    const linked = await proved.person.submit(proved.seen, '/link', { decision: 'link' })
    expect((await subjectOf({ person: proved.person, seen: linked }))['sub']).to.equal(before['sub'])
    expect((await subjectOf(await comeBack(verified('o-2', 'x'), { provider: other, id: 'other' })))['sub']).to.equal(
      before['sub'],
    )
  })

  it('lets nobody in whose account is disabled here', async () => {
    const claims = verified('s-9', 'hans')
    const { sub } = await subjectOf(await comeBack(claims))
    await parties.down.apps[0]!.store.users.setDisabled(String(sub), true, [])
    const { seen } = await comeBack(claims)
    expect(alertOf(seen)).to.equal('Your account here is not active. Ask the people who run this service.')
  })

  it('lets a person of a provider in with no password, and does not say that there is none', async () => {
    await subjectOf(await comeBack(verified('s-10', 'ines')))
    const person = new Traveller(parties)
    const seen = await person.submit(await person.begin(), '/sign-in', { username: 'ines', password })
    expect(alertOf(seen)).to.match(/^The user name or password is wrong/)
  })
})
