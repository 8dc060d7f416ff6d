import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { create } from '@bufbuild/protobuf'
import { IdentitySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { claimedIdentity, judgeToken, readClaims } from '../../../src/oidc/authentication/platform-token.ts'
import type { TokenClaims, TokenTerms } from '../../../src/oidc/authentication/platform-token.ts'

const issuer = 'https://login.example.com'
const clusterIssuer = 'https://kubernetes.default.svc'
const now = 1_800_000_000
const worker = create(IdentitySchema, { serviceAccount: { namespace: 'shop', name: 'worker' } })
const pipeline = create(IdentitySchema, { issuer: 'https://ci.example.com', subject: 'repo:shop' })
const terms: TokenTerms = {
  identities: [worker, pipeline],
  clusterIssuer: () => clusterIssuer,
  audience: issuer,
  accountsSince: undefined,
  longest: 7200,
  now,
  tolerance: 5,
}
const ofWorker: TokenClaims = {
  iss: clusterIssuer,
  sub: 'system:serviceaccount:shop:worker',
  aud: [issuer],
  iat: now,
  nbf: now,
  exp: now + 600,
  'kubernetes.io': {
    namespace: 'shop',
    serviceaccount: { name: 'worker', uid: 'a' },
    pod: { name: 'worker-0', uid: 'b' },
  },
}
const ofPipeline: TokenClaims = {
  iss: 'https://ci.example.com',
  sub: 'repo:shop',
  aud: issuer,
  iat: now,
  exp: now + 60,
}

describe('judgeToken', () => {
  it('takes the token of each identity', () => {
    expect(judgeToken(ofWorker, terms)).to.deep.equal({ kind: 'proved', identity: worker })
    expect(judgeToken(ofPipeline, terms)).to.deep.equal({ kind: 'proved', identity: pipeline })
  })

  for (const [sentence, about, why] of [
    ['no pod', { pod: undefined }, 'unbound'],
    ['a pod without a uid', { pod: { name: 'worker-0' } }, 'unbound'],
    ['a pod without a name', { pod: { name: '', uid: 'b' } }, 'unbound'],
    ['a pod that is a text', { pod: 'worker-0' }, 'unbound'],
    ['another namespace', { namespace: 'other' }, 'malformed'],
    ['another account', { serviceaccount: { name: 'other' } }, 'malformed'],
    ['no account', { serviceaccount: undefined }, 'malformed'],
  ] as const)
    it(`T30 takes no token of a ServiceAccount that is bound to ${sentence}`, () =>
      expect(
        judgeToken({ ...ofWorker, 'kubernetes.io': { ...(ofWorker['kubernetes.io'] as object), ...about } }, terms),
      ).to.deep.equal({ kind: 'refused', why }))

  for (const [claim, last, next, why] of [
    ['exp', now - 4, now - 5, 'expired'],
    ['nbf', now + 5, now + 6, 'not-yet-valid'],
    ['iat', now + 5, now + 6, 'not-yet-valid'],
    ['exp', now - 600 + 7200, now - 600 + 7201, 'over-long'],
  ] as const)
    it(`T30 refuses a token as ${why} by its ${claim} from the second on, and not before`, () => {
      const from = { ...ofWorker, iat: now - 600, nbf: now - 600 }
      expect(judgeToken({ ...from, [claim]: last }, terms)).to.deep.equal({ kind: 'proved', identity: worker })
      expect(judgeToken({ ...from, [claim]: next }, terms)).to.deep.equal({ kind: 'refused', why })
    })

  it('T30 takes no token in which any of issuer, subject, audience, times, namespace or pod is another', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.double(),
      fc.constantFrom<unknown>(
        undefined,
        null,
        true,
        issuer,
        clusterIssuer,
        now,
        [],
        {},
        ['x', issuer],
        [issuer, issuer],
      ),
      fc.constantFrom('system:serviceaccount:shop:worker2', 'system:serviceaccount:other:worker', `${issuer}/`),
    )
    const good = [ofWorker, ofPipeline].map((claims) => JSON.stringify(judgeToken(claims, terms)))
    const change = fc.constantFrom('iss', 'sub', 'aud', 'iat', 'exp', 'nbf', 'kubernetes.io')
    fc.assert(
      fc.property(fc.constantFrom(ofWorker, ofPipeline), change, anything, (claims, name, value) => {
        const changed = { ...claims, [name]: value }
        if (!isRight(changed)) expect(judgeToken(changed, terms).kind).to.equal('refused')
        else expect(good).to.include(JSON.stringify(judgeToken(changed, terms)))
      }),
      { numRuns: propertyRuns(2_000) },
    )
  })

  it('T30 takes a token at no other time than between nbf and exp, and none that is older than its namespace', () => {
    const time = fc.integer({ min: now - 10_000, max: now + 10_000 })
    const births = fc.option(time, { nil: undefined })
    fc.assert(
      fc.property(time, time, time, time, births, (iat, nbf, exp, at, since) => {
        const accountsSince = new Map([
          ['other', now + 20_000],
          ...(since === undefined ? [] : [['shop', since] as const]),
        ])
        const { kind } = judgeToken({ ...ofWorker, iat, nbf, exp }, { ...terms, now: at, accountsSince })
        const isRightTime = at < exp + 5 && iat <= at + 5 && nbf <= at + 5 && exp - iat <= 7200
        expect(kind).to.equal(isRightTime && iat >= (since ?? iat) - 5 ? 'proved' : 'refused')
      }),
      { numRuns: propertyRuns(1_000) },
    )
  })

  for (const [whose, identity, of] of [
    ['this cluster', worker, 'shop'],
    [
      'a joined one',
      create(IdentitySchema, { clusterServiceAccount: { cluster: 'eu', namespace: 'shop', name: 'worker' } }),
      'shop',
    ],
  ] as const)
    it(`T30 takes a token of ${whose} from the second of its namespace on, by clocks of API servers that are 5 s apart`, () => {
      const at = (since: number) =>
        judgeToken(ofWorker, { ...terms, identities: [identity], accountsSince: new Map([[of, since]]) })
      expect(at(now + 5)).to.deep.equal({ kind: 'proved', identity })
      expect(at(now + 6)).to.deep.equal({ kind: 'refused', why: 'before-namespace' })
    })

  it('T30 asks no token of another issuer for the age of a namespace', () => {
    const accountsSince = new Map([
      ['', now + 6],
      ['shop', now + 6],
    ])
    expect(judgeToken(ofPipeline, { ...terms, accountsSince })).to.deep.equal({ kind: 'proved', identity: pipeline })
  })
})

/** The same rule, said in another way: every claim one by one. */
function isRight({ iss, sub, aud, iat, exp, nbf, 'kubernetes.io': about }: TokenClaims): boolean {
  const isWorker = iss === clusterIssuer && sub === 'system:serviceaccount:shop:worker'
  const isPipeline = iss === 'https://ci.example.com' && sub === 'repo:shop'
  if (!isWorker && !isPipeline) return false
  if (JSON.stringify([aud].flat()) !== JSON.stringify([issuer])) return false
  if (![iat, exp].every((time) => Number.isFinite(time))) return false
  if (nbf !== undefined && !(Number.isFinite(nbf) && Number(nbf) <= now + 5)) return false
  if (Number(exp) <= now - 5 || Number(iat) > now + 5 || Number(exp) - Number(iat) > 7200) return false
  return isPipeline || JSON.stringify(about) === JSON.stringify(ofWorker['kubernetes.io'])
}

describe('claimedIdentity', () => {
  const foreign = create(IdentitySchema, { issuer: clusterIssuer, subject: 'system:serviceaccount:shop:worker' })

  it('T31 keeps a ServiceAccount of this cluster apart from one of another cluster with the same issuer', () => {
    expect(claimedIdentity(ofWorker, { identities: [worker, foreign], clusterIssuer: () => clusterIssuer })).to.equal(
      worker,
    )
    expect(claimedIdentity(ofWorker, { identities: [worker, foreign], clusterIssuer: () => undefined })).to.equal(
      foreign,
    )
    expect(claimedIdentity(ofWorker, { identities: [worker], clusterIssuer: () => undefined })).to.equal(undefined)
  })

  it('T31 no identity without a word is anybody', () => {
    const empty = create(IdentitySchema, {})
    expect(claimedIdentity({ iss: '', sub: '' }, { identities: [empty], clusterIssuer: () => '' })).to.equal(undefined)
  })
})

describe('readClaims', () => {
  for (const text of ['', 'a.b', 'a.b.c.d', 'a.bm8.c', `a.${Buffer.from('[1]').toString('base64url')}.c`])
    it(`finds no claims in ${JSON.stringify(text)}`, () => expect(readClaims(text)).to.equal(undefined))
})
