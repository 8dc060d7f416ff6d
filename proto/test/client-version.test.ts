import { create, equals } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { maxVersionLength, parseVersion, renderVersion } from '../src/client-version.ts'
import { ClientConfigSchema } from '../src/generated/nauthera/config/v1/config_pb.ts'

const config = create(ClientConfigSchema, {
  generation: 2n ** 60n,
  type: 'Web',
  clientName: 'Grüße \u{1f511}',
  redirectUris: ['https://a.example.com/cb'],
  jwks: { keys: [{ kty: 'EC', nested: { list: [1, null, true], b: 1, a: 2 } }] },
  defaultMaxAge: 0,
  resourceServer: { identifier: 'urn:api', scopes: ['read'] },
  claims: [{ name: 'roles', fromGroups: [{ group: 'ops', values: ['Admin'] }], join: 'CSV' }],
})

describe('renderVersion', () => {
  it('gives text without the generation, which is a field of its own', () => {
    const { generation, config: text } = renderVersion(create(ClientConfigSchema, { generation: 7n, type: 'M2M' }))
    expect({ generation, text }).to.deep.equal({ generation: 7n, text: '{"type":"M2M"}' })
  })

  it('gives the same text for two versions that differ only in their generation', () => {
    expect(renderVersion({ ...config, generation: 1n }).config).to.equal(renderVersion(config).config)
  })

  it('gives the same text again after the version was read', () => {
    const version = renderVersion(config)
    expect(renderVersion(parseVersion(version))).to.deep.equal(version)
  })
})

describe('parseVersion', () => {
  it('gives the config that was rendered, jwks and generation included', () => {
    expect(equals(ClientConfigSchema, parseVersion(renderVersion(config)), config)).to.equal(true)
  })

  it('ignores fields of a newer version', () => {
    expect(parseVersion({ generation: 1n, config: '{"type":"Web","later":[1]}' }).type).to.equal('Web')
  })

  const tooLong = JSON.stringify({ jwks: { keys: Array<number>(maxVersionLength / 2).fill(1) } })
  for (const text of ['', '{', '[]', '{"type":1}', tooLong]) {
    it(`refuses ${text.slice(0, 20) || 'an empty text'}`, () =>
      void expect(() => parseVersion({ generation: 1n, config: text })).to.throw())
  }
})
