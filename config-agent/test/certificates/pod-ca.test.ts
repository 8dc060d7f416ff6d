import { X509Certificate, createPrivateKey } from 'node:crypto'
import { mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { checkCertificateSet, splitPem } from '@nauthera/proto/certificate-source'
import { dnsNamesOf, isIssuedBy } from '@nauthera/proto/certificates'
import { podLocalNames } from '@nauthera/proto/names'
import { createPodCa } from '../../src/certificates/pod-ca.ts'

const hourMs = 3_600_000

describe('createPodCa', () => {
  let directory: string
  let now: number
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'pod-ca-'))
    now = Date.parse('2026-11-25T00:00:00Z')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const create = () => createPodCa({ directory, now: () => now })
  const read = (name: string) => readFile(join(directory, name), 'utf8')

  it('writes what the server needs and nothing else: the key of the CA and of the agent never touch a disk', async () => {
    const podCa = await create()
    expect((await readdir(directory)).sort()).to.deep.equal(['ca.crt', 'server.crt', 'server.key'])
    checkCertificateSet({ ca: await read('ca.crt'), cert: await read('server.crt'), key: await read('server.key') })
    expect((await stat(join(directory, 'server.key'))).mode & 0o077).to.equal(0)

    const own = podCa.certificates.current()!
    expect(dnsNamesOf(own.cert)).to.deep.equal([podLocalNames.agent])
    expect(dnsNamesOf(await read('server.crt'))).to.deep.equal([podLocalNames.server])
    const onDisk = createPrivateKey(await read('server.key'))
    for (const cert of [own.cert, own.ca]) expect(new X509Certificate(cert).checkPrivateKey(onDisk)).to.equal(false)
  })

  it('F17 renews the leaves at two thirds of their life, and not before', async () => {
    const podCa = await create()
    const first = await read('server.crt')
    now += 15 * hourMs
    expect(await podCa.renewDue()).to.equal('nothing')
    expect(await read('server.crt')).to.equal(first)
    now += 2 * hourMs
    expect(await podCa.renewDue()).to.equal('leaves')
    expect(await read('server.crt')).not.to.equal(first)
    expect(isIssuedBy(await read('server.crt'), await read('ca.crt'))).to.equal(true)
    expect(podCa.expiry()).to.equal(now + 24 * hourMs)
  })

  it('F17 renews the CA too, and the bundle carries the one before for the life of one leaf', async () => {
    const podCa = await create()
    const [first] = splitPem(await read('ca.crt'))
    let renewed = 'nothing'
    while (renewed !== 'authority') {
      now += 17 * hourMs
      renewed = await podCa.renewDue()
    }
    const [second, ...before] = splitPem(await read('ca.crt'))
    expect(before).to.deep.equal([first])
    expect(isIssuedBy(await read('server.crt'), second!)).to.equal(true)
    now += 17 * hourMs
    await podCa.renewDue()
    expect(splitPem(await read('ca.crt'))).to.deep.equal([second, first])
    now += 17 * hourMs
    await podCa.renewDue()
    expect(splitPem(await read('ca.crt'))).to.deep.equal([second])
  })

  it('F13 an agent that starts again still trusts the leaf that the server got from the one before', async () => {
    await create()
    const [first] = splitPem(await read('ca.crt'))
    const again = await create()
    expect(splitPem(again.certificates.current()!.ca)).to.include(first)
    await create()
    await create()
    expect(splitPem(await read('ca.crt')), 'however often it starts').to.have.length(2)
  })

  it('tries again at the next call when the files could not be written', async () => {
    const podCa = await create()
    const own = podCa.certificates.current()
    now += 20 * hourMs
    await rm(directory, { recursive: true })
    const failed = await podCa.renewDue().then(
      () => false,
      () => true,
    )
    expect(failed).to.equal(true)
    expect(podCa.certificates.current()).to.equal(own)
    await mkdir(directory)
    expect(await podCa.renewDue()).to.equal('leaves')
    expect(podCa.certificates.current()).not.to.equal(own)
  })
})
