import { expect } from 'chai'
import { plainForm, plainLength, plainSecret, wantsJson } from '../../../src/oidc/lane/plain-request.ts'

const type = 'application/x-www-form-urlencoded'
const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe(plainLength.name, () => {
  it('is that of the body of a form', () => {
    for (const kind of [type, `${type};charset=UTF-8`, `${type}; charset=utf-8`, type.toUpperCase()])
      expect(plainLength({ 'content-type': kind, 'content-length': '12' }), kind).to.equal(12)
  })

  const odd = [
    { 'content-type': 'application/json' },
    { 'content-type': `${type}; charset=latin1` },
    { 'content-length': undefined },
    { 'content-length': '0' },
    { 'content-length': '9000' },
    { dpop: 'x' },
    { origin: 'https://app.example.com' },
    { 'transfer-encoding': 'chunked' },
    { expect: '100-continue' },
    { 'content-encoding': 'gzip' },
    { 'oauth-client-attestation': 'x' },
  ]
  for (const headers of odd)
    it(`is none with ${JSON.stringify(headers)}`, () =>
      expect(plainLength({ 'content-type': type, 'content-length': '12', ...headers })).to.equal(undefined))
})

describe(plainForm.name, () => {
  it('reads what programs write', () => {
    const form = plainForm(
      'grant_type=client_credentials&scope=read+write%20all&resource=https%3A%2F%2Fapi.example.com%2Fv1',
    )
    expect(Object.fromEntries(form!)).to.deep.equal({
      grant_type: 'client_credentials',
      scope: 'read write all',
      resource: 'https://api.example.com/v1',
    })
  })

  const odd = [
    '',
    'scope',
    'scope=',
    '=x',
    'scope=a&scope=b',
    'scope=a&',
    'audience=x',
    'scope=%',
    'scope=%C3%B6',
    'scope=ä',
  ]
  for (const body of [
    ...odd,
    'scope=a=b',
    'scope=a;b',
    'scope=%00',
    'scope=%ff',
    '__proto__=x',
    'SCOPE=a',
    'scope%5B%5D=a',
  ])
    it(`leaves ${JSON.stringify(body)} to the library`, () => expect(plainForm(body)).to.equal(undefined))
})

describe(plainSecret.name, () => {
  it('is in the header, or in the body', () => {
    const none = new Map<string, string>()
    expect(plainSecret({ authorization: encoded('app.a:s-1') }, none)).to.deep.equal({
      clientId: 'app.a',
      secret: 's-1',
      way: 'client_secret_basic',
    })
    expect(
      plainSecret(
        {},
        new Map([
          ['client_id', 'app.a'],
          ['client_secret', 's-1'],
        ]),
      ),
    ).to.deep.equal({
      clientId: 'app.a',
      secret: 's-1',
      way: 'client_secret_post',
    })
  })

  const odd: readonly [string, string | undefined, readonly (readonly [string, string])[]][] = [
    ['both', encoded('a:s'), [['client_secret', 's']]],
    ['another id in the body', encoded('a:s'), [['client_id', 'b']]],
    ['none', undefined, [['client_id', 'a']]],
    ['one that has to be decoded', encoded('a:s%20'), []],
    ['a plus', encoded('a:s+t'), []],
    ['an empty one', encoded('a:'), []],
    ['another scheme', encoded('a:s').replace('Basic', 'basic'), []],
    ['two spaces', encoded('a:s').replace(' ', '  '), []],
    ['no padding', 'Basic YTpzcw', []],
    ['characters of another alphabet', encoded('a:ä'), []],
  ]
  for (const [what, authorization, fields] of odd)
    it(`is none with ${what}`, () =>
      expect(plainSecret(authorization === undefined ? {} : { authorization }, new Map(fields))).to.equal(undefined))
})

describe(wantsJson.name, () => {
  for (const accept of [undefined, '*/*', 'application/json', 'text/html, */*'])
    it(`is so with Accept ${accept}`, () => expect(wantsJson(accept)).to.equal(true))
  for (const accept of ['application/token-introspection+jwt', 'application/json;q=0.1, */*'])
    it(`is not certain with Accept ${accept}`, () => expect(wantsJson(accept)).to.equal(false))
})
