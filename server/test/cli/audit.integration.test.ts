import { expect } from 'chai'
import { addPerson } from '../store/fresh-store.ts'
import { openNauthera } from './run-nauthera.ts'
import type { Nauthera } from './run-nauthera.ts'

describe('nauthera audit', () => {
  let nauthera: Nauthera
  let person: { id: string; username: string }
  before(async () => {
    nauthera = await openNauthera()
    const store = nauthera.fresh.replica()
    person = await addPerson(store)
    const about = { userId: person.id, clientId: 'team-a.web', address: '192.0.2.7' }
    for (let turn = 0; turn < 3; turn++)
      store.audit.record({ event: 'signin.success', outcome: 'success', ...about, correlationId: `c${turn}` })
    store.audit.record({ event: 'signin.refused', outcome: 'failure', reason: 'busy', ...about })
    store.audit.record({ event: 'token.issued', outcome: 'success', clientId: 'team-b.api' })
    await store.audit.flush()
  })
  after(() => nauthera.stop())

  const search = async (...filters: string[]) =>
    (await nauthera.run(['audit', 'search', '-o', 'json', ...filters])).json()
  const names = async (...filters: string[]) => (await search(...filters)).map(({ event }) => event)

  it('searches by person, client, event, family of events, address, outcome and time', async () => {
    expect(await names('--user', person.username)).to.have.length(4)
    expect(await names('--user', person.id.toUpperCase())).to.have.length(4)
    expect(await names('--client', 'team-b.api')).to.deep.equal(['token.issued'])
    expect(await names('--event', 'signin.refused')).to.deep.equal(['signin.refused'])
    expect(await names('--event', 'signin')).to.have.length(4)
    expect(await names('--event', 'sign')).to.deep.equal([])
    expect(await names('--address', '192.0.2.7', '--outcome', 'failure')).to.deep.equal(['signin.refused'])
    expect(await names('--since', '1h', '--event', 'token')).to.have.length(1)
    expect(await names('--since', '2999-01-01')).to.deep.equal([])
    expect(await names('--until', '1h')).to.deep.equal([])
    expect(await names('--limit', '2')).to.have.length(2)
  })

  it('shows in a table how many events a row counts, and when the last one was', async () => {
    const detail = { count: 2, lastAt: '2026-01-31T08:00:59.000Z' }
    const store = nauthera.fresh.replica()
    store.audit.record({ event: 'token.issued', outcome: 'success', clientId: 'team-c.api', detail })
    await store.audit.flush()
    const [heading, row] = (await nauthera.run(['audit', 'search', '--client', 'team-c.api'])).out.split('\n')
    expect(heading).to.match(/ADDRESS +COUNT +LAST-AT +CORRELATION-ID$/)
    expect(row).to.match(/ 2 +2026-01-31T08:00:59Z +-$/)
  })

  it('names the person, and still has the id when the person is gone', async () => {
    const gone = await addPerson(nauthera.fresh.replica())
    await nauthera.run(['users', 'delete', gone.username, '--yes'])
    const [row] = await search('--user', gone.id, '--event', 'account.deleted')
    expect(row).to.include({ userId: gone.id }).and.not.have.property('username')
    expect((await search('--user', person.username, '--limit', '1'))[0]).to.include({ username: person.username })
  })

  it('E8 takes every filter as text', async () => {
    for (const filter of ['--client', '--event', '--address'])
      expect(await names(filter, `x' OR '1'='1; DROP TABLE audit --`)).to.deep.equal([])
    expect(await names('--event', "signin.' OR ''='")).to.deep.equal([])
  })

  const wrong: [string, string[]][] = [
    ['a time', ['--since', 'yesterday']],
    ['an outcome', ['--outcome', 'maybe']],
    ['a number of rows', ['--limit', '-1']],
  ]
  for (const [what, filter] of wrong)
    it(`refuses ${what} that it does not understand`, async () => {
      const refused = await nauthera.run(['audit', 'search', ...filter])
      expect([refused.code, refused.out]).to.deep.equal([2, ''])
      expect(refused.err).to.contain(filter[0]).and.contain('It must be')
    })

  it('shows the latest, the oldest of them first', async () => {
    const shown = await nauthera.run(['audit', 'tail', '-n', '2', '-o', 'json', '--user', person.username])
    expect(shown.json().map(({ event }) => event)).to.deep.equal(['signin.success', 'signin.refused'])
  })

  it('follows what happens, each event once, until Ctrl-C', async () => {
    const { audit } = nauthera.fresh.replica()
    const happens = async (...reasons: string[]) => {
      for (const reason of reasons) audit.record({ event: 'session.ended', outcome: 'success', reason })
      audit.record({ event: 'token.issued', outcome: 'success' })
      await audit.flush()
    }
    await happens('before')
    const lines: string[] = []
    let press = () => undefined as void
    const followed = nauthera.run(['audit', 'tail', '--follow', '-n', '1', '--event', 'session', '-o', 'json'], {
      interrupt: (interrupt) => (press = interrupt),
      onOut(text) {
        lines.push(...text.trim().split('\n'))
        if (lines.length === 1) void happens('one', 'two')
        if (lines.length === 3) void happens('three')
        if (lines.length === 4) press()
      },
    })
    expect((await followed).code).to.equal(0)
    expect(lines.map((line) => (JSON.parse(line) as { reason: string }).reason)).to.deep.equal([
      'before',
      'one',
      'two',
      'three',
    ])
  })
})
