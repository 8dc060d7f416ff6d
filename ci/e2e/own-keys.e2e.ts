import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { headerOfJwt } from '@nauthera/harness/flows'
import { applyClients, credentialsOf } from './support/clients.ts'
import { kubectl, until } from './support/kubernetes.ts'
import { lastValues, ownKeys, writeOwnKeys } from './support/own-keys.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'
import { rotateKeys } from './support/signing-rotation.ts'

/** Asks one server by its address: what it publishes, a token of it, and what it says of another token. Prints JSON. */
const ask = `
const { request } = require('node:https')
const [host, client, secret, token] = process.argv.slice(1)
const { hostname } = new URL(process.env.ISSUER)
const call = (path, form) => new Promise((resolve, reject) => {
  const headers = { host: hostname, authorization: 'Basic ' + Buffer.from([client, secret].map(encodeURIComponent).join(':')).toString('base64') }
  const body = form && new URLSearchParams(form).toString()
  if (body) Object.assign(headers, { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length })
  request({ host, port: 8080, path, servername: hostname, method: body ? 'POST' : 'GET', headers }, async (answer) => {
    let text = ''
    for await (const chunk of answer) text += chunk
    resolve(JSON.parse(text))
  }).once('error', reject).end(body)
})
;(async () => {
  const { keys } = await call('/jwks')
  const { access_token } = await call('/token', { grant_type: 'client_credentials' })
  const { active } = token ? await call('/introspect', { token }) : {}
  console.log(JSON.stringify({ kids: keys.map(({ kid }) => kid), token: access_token, active }))
})()`

interface Said {
  readonly kids: readonly string[]
  readonly token: string
  /** Whether the token of before is of use. */
  readonly active?: boolean
}

describe('signing keys of a Secret, on a real cluster', function () {
  this.timeout(300_000)
  let product: InstalledProduct
  let clientId: string
  let clientSecret: string
  const { first, second } = ownKeys

  before(async () => {
    product = await useProduct()
    await useDriver()
    // no pod rolls when uninstall.e2e.ts has installed with these
    await product.release.upgrade({ values: await lastValues(product.release) })
    await product.release.settled()
    await applyClients(product.team, { 'of-own-keys': machine })
    ;({ clientId, clientSecret } = await credentialsOf(product.team, 'of-own-keys'))
    // else the keys of before sign for as long as others may keep /jwks
    await rotateKeys(product, '--now', '--cut', '--yes')
  })

  const write = (...keys: readonly Json[]) => writeOwnKeys(product.release, ...keys)
  const servers = async () => product.release.pods('server')
  /** What each server says. */
  const askAll = async (token = ''): Promise<Said[]> => {
    const { pod } = await useDriver()
    const addresses = (await servers()).map(({ status }) => status.podIP as string)
    expect(addresses).to.have.length(2)
    return Promise.all(
      addresses.map(async (address) => {
        const command = ['exec', pod, '--', '/usr/local/bin/node', '-e', ask, address, clientId, clientSecret, token]
        return JSON.parse(await kubectl('-n', product.team, ...command)) as Said
      }),
    )
  }
  /** The kubelet looks at the volumes of a pod that changes at once, and else about once a minute. */
  const lookAtVolumes = async (why: string) => {
    for (const { metadata } of await servers())
      await kubectl(
        '-n',
        product.release.namespace,
        'annotate',
        'pod',
        metadata.name as string,
        '--overwrite',
        `e2e/own-keys=${why}`,
      )
  }
  const kidOf = ({ token }: Said) => headerOfJwt(token)['kid']
  const published = (kid: string) =>
    until(
      `every server to publish ${kid}`,
      async () => (await askAll()).every(({ kids }) => kids.includes(kid)),
      180_000,
    )
  const restarts = async () =>
    (await servers())
      .flatMap(({ metadata, status }) =>
        (status.containerStatuses as Json[]).map((one) => `${metadata.uid} ${one.name} ${one.restartCount}`),
      )
      .toSorted()

  it('the first of an algorithm signs at every server', async () => {
    await until('own-1 to sign', async () => (await askAll()).every((said) => kidOf(said) === 'own-1'), 60_000)
  })

  it('a key that the kubelet brings is published and used without a restart, and old tokens are of use', async () => {
    const before = await restarts()
    const [{ token }] = (await askAll()) as [Said, Said]
    const began = performance.now()
    await write(second, ...first)
    await lookAtVolumes('added')
    await published('own-2')
    record({ name: 'own-keys.published', value: (performance.now() - began) / 1000, unit: 's', target: null })
    for (const said of await askAll(token))
      expect([kidOf(said), said.active, said.kids.includes('own-1')]).to.deep.equal(['own-1', true, true])

    // the old one leaked, as docs/keys.md says: out of the Secret, and when every server has that, cut
    await write(second, first[1])
    await lookAtVolumes('cut')
    await until('the file of every pod to change', filesLack('own-1'), 180_000)
    for (const said of await askAll(token)) expect([kidOf(said), said.active]).to.deep.equal(['own-1', true])
    await rotateKeys(product, '--now', '--cut', '--yes')
    await until('own-2 to sign', async () => (await askAll()).every((said) => kidOf(said) === 'own-2'), 60_000)
    for (const said of await askAll(token))
      expect([said.active, said.kids.includes('own-1')]).to.deep.equal([false, false])
    expect(await restarts()).to.deep.equal(before)
  })

  const filesLack = (kid: string) => async () => {
    const texts = await Promise.all(
      (await servers()).map(({ metadata }) => {
        const read = "console.log(require('node:fs').readFileSync('/var/run/nauthera/signing/jwks.json', 'utf8'))"
        const command = ['exec', metadata.name as string, '-c', 'server', '--', '/usr/local/bin/node', '-e', read]
        return kubectl('-n', product.release.namespace, ...command)
      }),
    )
    return texts.every((text) => !text.includes(kid))
  }
})
