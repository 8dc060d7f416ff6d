import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema, IdentitySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import { createClusterIssuer } from '../../../src/clients/cluster-issuer.ts'
import { createPlatformProofs } from '../../../src/oidc/authentication/platform-proof.ts'
import type { OidcClient } from '../../../src/oidc/clients/oidc-client.ts'
import { createSigner, projected } from '../platform-tokens.ts'
import type { PlatformSigner } from '../platform-tokens.ts'

// ServiceAccounts of joined clusters. kubeadm gives every cluster the same issuer, and most the same names.

const issuer = 'https://login.example.com'
const everywhere = 'https://kubernetes.default.svc.cluster.local'

describe('createPlatformProofs', () => {
  let hub: PlatformSigner
  let berlin: PlatformSigner
  let madrid: PlatformSigner
  let own: PlatformSigner
  let stranger: PlatformSigner
  let unknownKeys: number
  let proofs: ReturnType<typeof createPlatformProofs>
  const cluster = createClusterIssuer()

  const keysOf = (...signers: readonly PlatformSigner[]) => signers.map(({ jwk }) => ({ jwk }))
  const tell = (clusters: readonly object[]) =>
    cluster.apply(Buffer.from(JSON.stringify({ issuer: everywhere, keys: keysOf(hub), change: 'abcd', clusters })))
  const clientWith = (identity: object) =>
    ({ config: create(ClientConfigSchema, { identities: [create(IdentitySchema, identity)] }) }) as OidcClient
  const mirrorOf = (name: string) =>
    clientWith({ clusterServiceAccount: { cluster: name, namespace: 'shop', name: 'worker' } })
  const hubClient = clientWith({ serviceAccount: { namespace: 'shop', name: 'worker' } })
  const worker = () => projected(issuer, 'shop', 'worker')

  before(async () => {
    // every cluster has called its key alike: a kid proves nothing
    hub = await createSigner(everywhere, 'kid')
    berlin = await createSigner(everywhere, 'kid')
    madrid = await createSigner(everywhere, 'kid')
    own = await createSigner('https://oidc.paris.example.com', 'paris-1')
    stranger = await createSigner(everywhere, 'kid')
  })
  beforeEach(() => {
    unknownKeys = 0
    proofs = createPlatformProofs({
      issuer,
      cluster,
      issuers: [],
      onUnknownKey: () => unknownKeys++,
      now: Date.now,
    })
    tell([
      { cluster: 'berlin', issuer: everywhere, keys: keysOf(berlin) },
      { cluster: 'madrid', issuer: everywhere, keys: keysOf(madrid) },
      { cluster: 'paris', issuer: own.issuer, keys: keysOf(own) },
    ])
  })

  const prove = async (signer: PlatformSigner, client: OidcClient, claims: object = worker()) => {
    const proof = await proofs.prove(await signer.sign({ ...claims }), client)
    return proof.kind === 'proved' ? 'proved' : proof.why
  }

  it('a ServiceAccount of each cluster proves the mirrors of its own cluster, whatever its issuer is called', async () => {
    for (const [signer, name] of [
      [berlin, 'berlin'],
      [madrid, 'madrid'],
      [own, 'paris'],
    ] as const)
      expect(await prove(signer, mirrorOf(name)), name).to.equal('proved')
    expect(await prove(hub, hubClient)).to.equal('proved')
  })

  const attacks: readonly (readonly [string, string, () => Promise<string>])[] = [
    [
      'of another cluster with the same issuer, names and kid',
      'bad-signature',
      () => prove(madrid, mirrorOf('berlin')),
    ],
    ['of the hub, for a mirror', 'bad-signature', () => prove(hub, mirrorOf('berlin'))],
    ['of a joined cluster, for a client of the hub', 'bad-signature', () => prove(berlin, hubClient)],
    [
      'with a kid that a cluster has, signed by a key that none has',
      'bad-signature',
      () => prove(stranger, mirrorOf('berlin')),
    ],
    ['of a cluster that has another issuer', 'unknown-issuer', () => prove(own, mirrorOf('berlin'))],
    [
      'that names the issuer of the mirror, signed by a cluster with another issuer',
      'unknown-key',
      () => prove(own, mirrorOf('berlin'), { ...worker(), iss: everywhere }),
    ],
    [
      'of another namespace there',
      'wrong-subject',
      () => prove(berlin, mirrorOf('berlin'), projected(issuer, 'other', 'worker')),
    ],
    ['for a cluster that publishes no keys', 'unknown-issuer', () => prove(berlin, mirrorOf('lisbon'))],
    ['for a cluster named as a member of every object', 'unknown-issuer', () => prove(berlin, mirrorOf('constructor'))],
  ]
  for (const [sentence, why, attack] of attacks)
    it(`T33 refuses a token ${sentence}`, async () => expect(await attack()).to.equal(why))

  it('T33 the keys of a cluster end with it, and those of the others stay', async () => {
    tell([{ cluster: 'madrid', issuer: everywhere, keys: keysOf(madrid) }])
    expect(await prove(berlin, mirrorOf('berlin'))).to.equal('unknown-issuer')
    expect(await prove(madrid, mirrorOf('madrid'))).to.equal('proved')
  })

  it('asks for the keys of a cluster again when a token of it shows a new one', async () => {
    const next = await createSigner(everywhere, 'next')
    expect(await prove(next, mirrorOf('berlin'))).to.equal('unknown-key')
    expect(unknownKeys).to.equal(1)
    expect(await prove(next, hubClient)).to.equal('unknown-key')
    expect(unknownKeys).to.equal(2)
  })

  it('asks nobody for the keys of an issuer that the settings name: its source asks by itself', async () => {
    const source = { keys: async () => ({ issuer: own.issuer, keys: keysOf(own) }) }
    const settings = { issuer, cluster, onUnknownKey: () => unknownKeys++, now: Date.now }
    proofs = createPlatformProofs({ ...settings, issuers: [{ issuer: own.issuer, ofCluster: true, source }] })
    expect(await prove(own, hubClient)).to.equal('proved')
    const next = await createSigner(own.issuer, 'next')
    expect(await prove(next, hubClient)).to.equal('unknown-key')
    expect(unknownKeys).to.equal(0)
  })
})
