import { generateKeyPairSync } from 'node:crypto'
import { digestOf } from '@nauthera/proto/digest'
import { createFileSigner } from '@nauthera/proto/file-signature'
import { issuersSecretName, platformKeysFile } from '@nauthera/proto/names'
import { operatorSigner } from '@nauthera/harness/agent/make-shards'
import type { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { expect } from 'chai'
import type { ClusterIssuer } from '../../src/kubernetes/issuer.ts'
import { Issuers } from '../../src/replicas/issuers.ts'
import { signatureIn, signedData, trustsKey } from '../../src/shards/shard-secret.ts'
import type { TrustsFile } from '../../src/shards/shard-secret.ts'
import { createOneClient, home, unreachable } from '../secret/one-client.ts'

const name = issuersSecretName(home.release)
const before = createFileSigner(Buffer.alloc(32, 2))
const issuer = 'https://cluster.example.com'
const rsa = (kid: string) => ({ jwk: { kty: 'RSA', kid } })

const configMapOf = (kid: string) => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { data: { issuer, jwks: JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid }] }) } }
}

describe('Issuers', () => {
  const ending = { ...rsa('old'), notAfter: '2026-01-01T00:05:00Z' }
  let clock: ReturnType<typeof createManualClock>
  let secrets: ReturnType<typeof createOneClient>['secrets']
  let issuers: Issuers
  /** What the API server says; undefined: nothing. */
  let published: ClusterIssuer | undefined
  let looks: number
  /** The joined clusters, and the ConfigMap of each; undefined while nobody knows them. */
  let joined: Readonly<Record<string, object | undefined>> | undefined
  let faults: number

  /** Begins, and waits for the first look. */
  const start = async (isBelieved: TrustsFile) => {
    issuers = new Issuers({
      ...home,
      secrets,
      signer: operatorSigner,
      isBelieved,
      read: async () => {
        looks++
        if (published === undefined) throw unreachable
        return published
      },
      clusters: () =>
        joined && Object.keys(joined).map((name, createdAt) => ({ name, createdAt, uid: name, keyIds: [] })),
      readCluster: async (name) => {
        const configMap = joined?.[name]
        if (configMap === unreachable) throw unreachable
        return configMap
      },
      clock,
      log: createRecordedLog().log,
      onWritten: () => {},
      onFault: () => faults++,
    })
    issuers.start()
    await settle()
  }
  const settle = () => new Promise(setImmediate)
  const lookAgain = async () => {
    for (const wait of [10_000, 50_000]) {
      clock.advance(wait)
      await settle()
    }
  }
  const put = (keys: readonly object[], signer?: typeof operatorSigner) => {
    const bytes = Buffer.from(JSON.stringify({ issuer, keys }))
    const file = { name: platformKeysFile, bytes, digest: digestOf(bytes) }
    const unsigned = { [platformKeysFile]: bytes.toString('base64') }
    secrets.put(name, { data: signer ? signedData(signer, file) : unsigned })
  }
  /** The keys that agents take: those that the operator of now has signed. */
  const told = () => {
    const secret = secrets.held.get(name)
    const bytes = Buffer.from(secret?.data?.[platformKeysFile] ?? '', 'base64')
    const file = { name: platformKeysFile, digest: digestOf(bytes) }
    if (!trustsKey(operatorSigner.publicKey)(file, signatureIn(secret, platformKeysFile))) return undefined
    return (JSON.parse(bytes.toString()) as { keys: object[] }).keys
  }
  const toldOf = (cluster: string) => {
    const file = JSON.parse(Buffer.from(secrets.held.get(name)!.data![platformKeysFile]!, 'base64').toString()) as {
      clusters?: { cluster: string; keys: { jwk: { kid: string } }[] }[]
    }
    return file.clusters?.find((one) => one.cluster === cluster)?.keys.map(({ jwk }) => jwk.kid)
  }

  beforeEach(() => {
    ;({ secrets, clock } = createOneClient())
    published = undefined
    looks = 0
    joined = {}
    faults = 0
  })
  afterEach(async () => await issuers.stop())

  for (const [what, signer, isBelieved] of [
    ['nobody has signed, where the manifest names no key', undefined, () => true],
    ['the operator of before has signed', before, trustsKey(before.publicKey)],
  ] as const)
    it(`signs anew at its start what ${what}, also while the API server does not say what is published`, async () => {
      put([rsa('now'), ending], signer)
      await start(isBelieved)
      expect(looks).to.equal(1)
      expect(issuers.fault).to.include('no answer')
      expect(told()).to.deep.equal([rsa('now'), ending])
      published = { issuer, keys: [rsa('now').jwk] }
      await lookAgain()
      expect(told(), 'the old one keeps its time').to.deep.equal([rsa('now'), ending])
    })

  it('K20 believes no key but its own from the second look on, and writes what it has told', async () => {
    put([rsa('now')], before)
    await start(trustsKey(before.publicKey))
    put([rsa('now'), rsa('forged')], before)
    await lookAgain()
    expect([looks, told()]).to.deep.equal([2, [rsa('now')]])
  })

  it('K20 believes nobody later because there was nothing at its start', async () => {
    await start(() => true)
    put([rsa('forged')])
    await lookAgain()
    expect([looks, told()]).to.deep.equal([2, undefined])
  })

  describe('with joined clusters', () => {
    const digestNow = () => {
      const file = secrets.held.get(name)!.data![platformKeysFile]!
      return digestOf(Buffer.from(file, 'base64'))
    }

    it('writes the keys of each, also while those of this cluster cannot be read, and knows which file holds them', async () => {
      joined = { berlin: configMapOf('berlin-1') }
      await start(() => true)
      expect([toldOf('berlin'), issuers.clusterFault('berlin')]).to.deep.equal([['berlin-1'], undefined])
      const first = digestNow()
      expect([issuers.holdsCluster(first, 'berlin'), issuers.holdsCluster(first, 'madrid')]).to.deep.equal([
        true,
        false,
      ])
      joined = { ...joined, madrid: configMapOf('madrid-1') }
      await lookAgain()
      expect(issuers.holdsCluster(digestNow(), 'madrid')).to.equal(true)
      expect(issuers.holdsCluster(first, 'berlin'), 'a replica may still have the file of before').to.equal(true)
      expect(issuers.holdsCluster('another', 'berlin')).to.equal(false)
    })

    it('knows that a file of before lacks the keys of the cluster that has the name now', async () => {
      const rotating = configMapOf('berlin-1')
      joined = { berlin: rotating }
      await start(() => true)
      const first = digestNow()
      const { keys } = JSON.parse(rotating.data.jwks) as { keys: object[] }
      const more = JSON.parse(configMapOf('berlin-2').data.jwks) as { keys: object[] }
      joined = { berlin: { data: { issuer, jwks: JSON.stringify({ keys: [...keys, ...more.keys] }) } } }
      await lookAgain()
      expect(issuers.holdsCluster(first, 'berlin'), 'one key more').to.equal(true)
      joined = { berlin: configMapOf('another') }
      await lookAgain()
      expect([issuers.holdsCluster(first, 'berlin'), issuers.holdsCluster(digestNow(), 'berlin')]).to.deep.equal([
        false,
        true,
      ])
    })

    it('keeps what it told while nobody knows which clusters there are, and while a ConfigMap cannot be read', async () => {
      joined = { berlin: configMapOf('berlin-1') }
      await start(() => true)
      joined = undefined
      await lookAgain()
      expect(toldOf('berlin')).to.deep.equal(['berlin-1'])
      const before = faults
      joined = { berlin: unreachable }
      await lookAgain()
      expect(toldOf('berlin')).to.deep.equal(['berlin-1'])
      expect(issuers.clusterFault('berlin')).to.include('no answer')
      expect(faults).to.equal(before + 1)
    })

    it('T33 takes the keys of a cluster away at the next look when they are not believed any more', async () => {
      const madrid = configMapOf('madrid-1')
      joined = { berlin: configMapOf('berlin-1'), madrid }
      await start(() => true)
      joined = { madrid }
      await lookAgain()
      expect([toldOf('berlin'), toldOf('madrid')]).to.deep.equal([undefined, ['madrid-1']])
    })

    it('tells of no cluster any more when the last one is gone', async () => {
      joined = { berlin: configMapOf('berlin-1') }
      await start(() => true)
      joined = {}
      await lookAgain()
      expect(toldOf('berlin')).to.equal(undefined)
    })
  })
})
