import { expect } from 'chai'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { cookieScope } from '../../src/oidc/cookies.ts'
import { createRememberedAccounts } from '../../src/oidc/remembered-accounts.ts'
import { cookieKeys } from './test-keys.ts'

describe(createRememberedAccounts.name, () => {
  const scope = cookieScope(new URL('https://login.example.com'))
  let now = Date.UTC(2030, 0, 1)
  const startWith = (keys: ReturnType<typeof cookieKeys>) =>
    createRememberedAccounts({ scope, keys: () => keys, now: () => now })
  const accounts = startWith(cookieKeys('aaaaaaaa'))

  /** One browser: keeps what a response sets. */
  function browser() {
    let cookie = ''
    return {
      exchange() {
        const request = new IncomingMessage(new Socket())
        if (cookie !== '') request.headers.cookie = cookie
        return { request, response: new ServerResponse(request) }
      },
      keep({ response }: { response: ServerResponse }) {
        const [line = ''] = (response.getHeader('set-cookie') as string[] | undefined) ?? []
        if (line !== '') cookie = /Max-Age=0/.test(line) ? '' : line.split(';')[0]!
        return line
      },
      cookie: () => cookie,
      show: (value: string) => void (cookie = value),
    }
  }
  type Someone = ReturnType<typeof browser>
  function change(at: Someone, work: (exchange: ReturnType<Someone['exchange']>) => void) {
    const exchange = at.exchange()
    work(exchange)
    return at.keep(exchange)
  }
  const add = (at: Someone, username: string, name?: string) =>
    change(at, (exchange) => accounts.add(exchange, name === undefined ? { username } : { username, name }))

  it('has the last one first, each once, five at most', () => {
    const at = browser()
    for (const name of ['one', 'two', 'three', 'one', 'four', 'five', 'six']) add(at, name, `Called ${name}`)
    const read = accounts.read(at.exchange())
    expect(read.map(({ username }) => username)).to.deep.equal(['six', 'five', 'four', 'one', 'three'])
    expect(read[0]).to.deep.equal({ username: 'six', name: 'Called six' })
  })

  it('goes to the pages of a sign-in alone, and says nothing to who reads the cookie', () => {
    const at = browser()
    const line = add(at, 'ada@example.com', 'Ada Lovelace')
    expect(line).to.contain('Path=/interaction;').and.contain('HttpOnly').and.contain('SameSite=Lax; Secure')
    expect(Buffer.from(line, 'base64url').toString('latin1') + line).to.not.match(/ada@|lovelace/i)
  })

  it('stays below 2 KB, whatever the names are: the oldest ones go, a very long one is not remembered', () => {
    const at = browser()
    for (let index = 0; index < 5; index++) add(at, `${index}${'名'.repeat(99)}`, '氏'.repeat(60))
    expect(at.cookie().length).to.be.below(2000)
    const kept = accounts.read(at.exchange()).map(({ username }) => username[0])
    expect(kept).to.include('4').and.to.have.length.within(1, 4)
    add(at, 'x'.repeat(101))
    expect(accounts.read(at.exchange()).map(({ username }) => username[0])).to.deep.equal(kept)
  })

  it('keeps all while name and value of the cookie have 1900 characters, and one less with more', () => {
    const cookieOf = (length: number) => {
      const at = browser()
      for (const username of ['1'.padEnd(100, '名'), '2'.padEnd(100, '名'), '3'.repeat(length)])
        add(at, username, '氏'.repeat(60))
      return { length: at.cookie().replace('=', '').length, kept: accounts.read(at.exchange()).length }
    }
    const cookies = Array.from({ length: 100 }, (_, length) => cookieOf(length + 1))
    expect(Math.max(...cookies.filter(({ kept }) => kept === 3).map(({ length }) => length))).to.equal(1900)
    expect(cookies.at(-1)!.kept).to.equal(2)
  })

  it('forgets one, and with the last one the cookie', () => {
    const at = browser()
    add(at, 'one')
    add(at, 'two')
    change(at, (exchange) => accounts.remove(exchange, 'two'))
    expect(accounts.read(at.exchange())).to.deep.equal([{ username: 'one' }])
    expect(change(at, (exchange) => accounts.remove(exchange, 'nobody'))).to.equal('')
    expect(change(at, (exchange) => accounts.remove(exchange, 'one'))).to.contain('Max-Age=0')
  })

  it('remembers nobody for a cookie that is forged, too old, or encrypted with a key that is gone', () => {
    const at = browser()
    add(at, 'ada')
    const value = at.cookie()
    expect(startWith(cookieKeys('bbbbbbbb')).read(at.exchange())).to.deep.equal([])
    at.show(`${value.slice(0, -4)}AAAA`)
    expect(accounts.read(at.exchange())).to.deep.equal([])
    at.show(`${scope.remembered.name}=nonsense`)
    expect(accounts.read(at.exchange())).to.deep.equal([])
    at.show(value)
    expect(accounts.read(at.exchange())).to.have.length(1)
    now += 61 * 86_400_000
    expect(accounts.read(at.exchange())).to.deep.equal([])
  })
})
