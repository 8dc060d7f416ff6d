import { expect } from 'chai'
import { ownPath } from '../../../src/account/frame/own-path.ts'

describe('ownPath', () => {
  const ours = [
    '/account',
    '/account/security',
    '/account/sessions/a-b_c~d.e',
    '/admin',
    '/admin/people?q=ada%20b&page=2',
  ]
  for (const path of ours) {
    it(`keeps ${path}`, () => {
      expect(ownPath(path)).to.equal(path)
    })
  }

  const others: [string, string | null | undefined][] = [
    ['nothing', undefined],
    ['no state', null],
    ['an empty text', ''],
    ['another origin', 'https://evil.test/account'],
    ['another host', '//evil.test/account'],
    ['another host, with the slash of Windows', '/\\evil.test/account'],
    ['an empty part', '/account//evil.test'],
    ['a way up', '/account/../token'],
    ['a line break', '/account\r\nset-cookie:a=b'],
    ['an encoded line break', '/account%0d%0a'],
    ['a script', 'javascript:alert(1)'],
    ['a path that only begins alike', '/accounts'],
    ['another part of this service', '/logout'],
    ['a fragment', '/account#x'],
    ['a query with other characters', '/account?a=<b>'],
    ['a long text', `/account/${'a'.repeat(300)}`],
  ]
  for (const [what, text] of others) {
    it(`L31 refuses ${what}`, () => {
      expect(ownPath(text)).to.equal(undefined)
    })
  }
})
