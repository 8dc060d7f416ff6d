import { expect } from 'chai'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import { readSource } from '../../src/secret/read-source.ts'
import { createOneClient, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

describe('readSource', () => {
  let one: OneClient
  const source = () => readSource(one.secrets, one.client, { needsSecret: true, isTaken: true })
  const give = (value: string, label = 'app') =>
    one.secrets.put('given', {
      metadata: { labels: { 'auth.nauthera.io/client': label } } as never,
      data: { value: Buffer.from(value).toString('base64') },
    })
  beforeEach(() => {
    one = createOneClient({ spec: { secret: { existingSecretRef: { name: 'given', key: 'value' } } } })
  })

  it('is minted unless the client names a Secret', async () => {
    one = createOneClient()
    expect(await source()).to.deep.include({ source: { kind: 'minted' }, missing: undefined })
    expect(one.secrets.calls).to.deep.equal([])
  })

  it('is the value of the Secret that it names', async () => {
    give('x'.repeat(32))
    const { source: found, given } = await source()
    expect(found.kind === 'existing' && found.secret?.id).to.match(/^[0-9a-f]{8}$/)
    expect(given?.reveal()).to.equal('x'.repeat(32))
  })

  for (const [what, put, says] of [
    ['it is not there', () => {}, /does not exist/],
    ['its label names another client', () => give('x'.repeat(32), 'other'), /must have the label/],
    ['its value is short', () => give('x'.repeat(31)), /32 to 512/],
    ['its value has a line break', () => give(`${'x'.repeat(40)}\n`), /printable/],
  ] as const) {
    it(`K2 is missing when ${what}`, async () => {
      put()
      expect(await source()).to.deep.include({ source: { kind: 'existing', secret: undefined }, given: undefined })
      expect((await source()).missing).to.match(says)
    })
  }

  it('is missing where the operator may not read it, and unknown where nobody answers', async () => {
    one.secrets.failure = new ApiError('KUBERNETES_REFUSED', { message: 'no', status: 403 })
    expect((await source()).missing).to.match(/not allowed to read/)
    one.secrets.failure = unreachable
    expect(await source().catch((error: unknown) => error)).to.equal(unreachable)
  })
})
