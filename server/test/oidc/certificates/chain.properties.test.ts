import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createCertificate, x509 } from '@nauthera/harness/certificates'
import type { Made, Wanted } from '@nauthera/harness/certificates'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { judgeChain, tryFacts } from '../../../src/oidc/certificates/chain.ts'
import type { Judged } from '../../../src/oidc/certificates/chain.ts'

// What OpenSSL says of a chain for a client of TLS, and what we say.

const [forServers, forClients, forAnything, forCode] = [
  '1.3.6.1.5.5.7.3.1',
  '1.3.6.1.5.5.7.3.2',
  '2.5.29.37.0',
  '1.3.6.1.5.5.7.3.3',
]
const { keyCertSign, cRLSign, digitalSignature, keyEncipherment, keyAgreement } = x509.KeyUsageFlags

type Said = Pick<Wanted, 'authority' | 'usages' | 'keyUsage' | 'pathLength' | 'from' | 'until'>

const usages = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 3, arbitrary: fc.constant([forClients]) },
  fc.subarray([forServers, forClients, forAnything, forCode], { minLength: 1 }),
)
const times = fc.oneof(
  { weight: 12, arbitrary: fc.constant({}) },
  fc.constantFrom({ from: -3, until: -2 }, { from: 2, until: 3 }),
)
const anyAuthority: fc.Arbitrary<Said> = fc
  .record({
    authority: fc.oneof({ weight: 12, arbitrary: fc.constant(true) }, fc.constant(false)),
    usages,
    keyUsage: fc.oneof({ weight: 8, arbitrary: fc.constant(keyCertSign) }, fc.constantFrom(null, cRLSign)),
    times,
    pathLength: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, fc.nat(2)),
  })
  .map(({ times: within, pathLength, ...said }) => ({
    ...said,
    ...within,
    ...(said.authority && pathLength !== undefined ? { pathLength } : {}),
  }))
const anyLeaf: fc.Arbitrary<Said> = fc
  .record({
    authority: fc.oneof({ weight: 12, arbitrary: fc.constant(false) }, fc.constant(true)),
    usages,
    keyUsage: fc.oneof(
      { weight: 8, arbitrary: fc.constant(digitalSignature) },
      fc.constantFrom(null, keyEncipherment, keyAgreement),
    ),
    times,
  })
  .map(({ times: within, ...said }) => ({ ...said, ...within }))
const anyChain = fc
  .record({ authorities: fc.array(anyAuthority, { minLength: 1, maxLength: 3 }), leaf: anyLeaf, known: fc.nat(2) })
  .map(({ authorities, leaf, known }) => ({ authorities, leaf, known: Math.min(known, authorities.length - 1) }))

describe(`${judgeChain.name} and OpenSSL`, function () {
  this.timeout(300_000)
  let directory: string
  before(() => (directory = temporaryDirectory('chain')))

  const file = (name: string, made: readonly Made[]) => {
    const path = join(directory, name)
    writeFileSync(path, made.map(({ pem }) => `${pem}\n`).join(''))
    return path
  }
  function opensslTakes(leaf: Made, known: Made, others: readonly Made[]): boolean {
    const given = [
      '-CAfile',
      file('known.pem', [known]),
      ...(others.length > 0 ? ['-untrusted', file('others.pem', others)] : []),
    ]
    const strict = ['-no-CApath', '-no-CAstore', '-partial_chain', '-purpose', 'sslclient']
    const { status, stderr, error } = spawnSync('openssl', ['verify', ...strict, ...given, file('leaf.pem', [leaf])])
    if (error !== undefined || status === null)
      throw new Error(`openssl did not run: ${String(stderr)}`, { cause: error })
    return status === 0
  }
  const wePass = (leaf: Made, known: Made, others: readonly Made[]): Judged =>
    judgeChain(
      { leaf: leaf.certificate, between: others.map(({ certificate }) => certificate) },
      [{ certificate: known.certificate, facts: tryFacts(known.certificate)! }],
      Date.now(),
    )

  it('T40 agree on every chain, but for leaves that are stricter here: none of an authority, and none that may not sign', async () => {
    await fc.assert(
      fc.asyncProperty(anyChain, async ({ authorities, leaf: said, known }) => {
        const chain: Made[] = []
        for (const [at, authority] of authorities.entries())
          chain.push(
            await createCertificate({
              name: `authority ${at}`,
              ...authority,
              ...(at > 0 ? { issuer: chain[at - 1]! } : {}),
            }),
          )
        const leaf = await createCertificate({ name: 'leaf', issuer: chain.at(-1)!, ...said })
        const others = chain.filter((_, at) => at !== known)
        const ours = wePass(leaf, chain[known]!, others)
        const isStricterHere = said.authority === true || said.keyUsage === keyAgreement
        const theirs = opensslTakes(leaf, chain[known]!, others) && !isStricterHere
        expect(ours.kind === 'trusted' ? 'trusted' : 'refused', JSON.stringify(ours)).to.equal(
          theirs ? 'trusted' : 'refused',
        )
      }),
      { numRuns: propertyRuns(60) },
    )
  })
})
