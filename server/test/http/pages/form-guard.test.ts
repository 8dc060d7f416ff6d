import { createSecretKey } from 'node:crypto'
import { expect } from 'chai'
import { checkForm, createFormTokens } from '../../../src/http/pages/form-guard.ts'

const key = (byte: number) => createSecretKey(Buffer.alloc(32, byte))
const tokens = createFormTokens(() => [key(1)])
const origin = 'https://login.example.com'

describe('createFormTokens', () => {
  it('accepts its own token for the same binding only', () => {
    const token = tokens.mint('interaction:a')
    expect(tokens.check('interaction:a', token)).to.equal(true)
    expect(tokens.check('interaction:b', token)).to.equal(false)
  })

  it('accepts a token of an older key of the ring, and none of an unknown key', () => {
    const old = createFormTokens(() => [key(1)]).mint('a')
    expect(createFormTokens(() => [key(2), key(1)]).check('a', old)).to.equal(true)
    expect(createFormTokens(() => [key(2)]).check('a', old)).to.equal(false)
  })

  for (const token of [null, '', 'x', tokens.mint('a').slice(1), `${tokens.mint('a')}AAAA`]) {
    it(`refuses ${token === null ? 'none' : JSON.stringify(token.slice(0, 4))}`, () => {
      expect(tokens.check('a', token)).to.equal(false)
    })
  }
})

describe('checkForm', () => {
  const good = tokens.mint('interaction:a')
  const rules: [string, Record<string, string>, string[], string | undefined][] = [
    ['accepts a form of ours', { origin, 'sec-fetch-site': 'same-origin' }, [good], undefined],
    ['accepts a caller that is no browser, with the token', {}, [good], undefined],
    ['accepts what the person did in the address bar', { origin, 'sec-fetch-site': 'none' }, [good], undefined],
    ['refuses another origin', { origin: 'https://evil.test' }, [good], 'foreign-origin'],
    ['refuses a hidden origin', { origin: 'null' }, [good], 'foreign-origin'],
    ['refuses our host over http', { origin: 'http://login.example.com' }, [good], 'foreign-origin'],
    ['refuses another site', { 'sec-fetch-site': 'cross-site' }, [good], 'foreign-site'],
    ['refuses a neighbour of our site', { 'sec-fetch-site': 'same-site' }, [good], 'foreign-site'],
    ['refuses no token', { origin }, [], 'token'],
    ['refuses the token of another interaction', { origin }, [tokens.mint('interaction:b')], 'token'],
    ['refuses two tokens', { origin }, [good, good], 'token'],
  ]
  for (const [sentence, headers, given, fault] of rules) {
    it(`L1 ${sentence}`, () => {
      const form = new URLSearchParams(given.map((token): [string, string] => ['form_token', token]))
      expect(checkForm({ headers, form, binding: 'interaction:a' }, { origin, tokens })).to.equal(fault)
    })
  }
})
