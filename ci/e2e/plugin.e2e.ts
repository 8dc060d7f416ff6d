import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { applyClients, clientsIn, credentialsOf } from './support/clients.ts'
import type { Driver } from './support/driver.ts'
import { whenObject } from './support/kubernetes.ts'
import { kubectlNauthera } from './support/plugin.ts'
import { machine, useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

const name = 'of-plugin'

describe('kubectl nauthera as one file, on a real cluster', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let driver: Driver

  before(async function () {
    if (process.arch !== 'x64') {
      process.stderr.write(`the one file is built for x64 here, and this is ${process.arch}: it is not tested\n`)
      this.skip()
    }
    product = await useProduct()
    driver = await useDriver()
    await applyClients(product.team, { [name]: machine })
  })
  /** @throws Error with what it said when it ends with another code */
  const must = async (code: number, ...args: string[]): Promise<string> => {
    const answer = await kubectlNauthera(...args, '-n', product.team)
    expect(answer.code, `${args.join(' ')}: ${answer.stdout}${answer.stderr}`).to.equal(code)
    return answer.stdout
  }

  it('doctor finds nothing missing, and list shows the client', async () => {
    expect(await must(0, 'doctor'))
      .to.match(/^operator +ok /m)
      .and.match(/^server +ok /m)
    expect(await must(0, 'list')).to.match(new RegExp(`^\\S+ +${name} +True`, 'm'))
  })

  it('secret prints what the Secret holds', async () => {
    const { clientId, clientSecret } = await credentialsOf(product.team, name)
    expect(JSON.parse(await must(0, 'secret', name, '--as', 'json'))).to.include({
      client_id: clientId,
      client_secret: clientSecret,
    })
  })

  it('why names a refused secret within 10 s, and what to do', async () => {
    expect(await must(0, 'why', name)).to.include('servers')
    const { clientId } = await credentialsOf(product.team, name)
    const began = performance.now()
    expect(await driver.ask(clientId, 'wrong')).to.include({ status: 401, error: 'invalid_client' })
    const refusalsOf = (object: Json): Json[] => object?.status?.refusals ?? []
    const isTold = (object: Json) => refusalsOf(object).some(({ code }) => code === 'SECRET_WRONG')
    await whenObject(clientsIn(product.team), name, isTold, 30_000)
    const seconds = (performance.now() - began) / 1000
    record({ name: 'refusal.told', value: seconds, unit: 's', target: 10 })
    expect(await must(1, 'why', name))
      .to.match(/^1\. SECRET_WRONG: /m)
      .and.match(/^ +-> /m)
  })

  it('rotate --wait ends when the new secret is accepted', async () => {
    const before = await credentialsOf(product.team, name)
    expect(await must(0, 'rotate', name, '--wait')).to.match(new RegExp(`is in Secret ${name}-oidc`))
    const after = await credentialsOf(product.team, name)
    expect(after.clientSecret).to.not.equal(before.clientSecret)
    expect(await driver.ask(after.clientId, after.clientSecret)).to.deep.equal({ status: 200 })
  })

  it('tail shows how operator, agents and servers took that change', async () => {
    const lines = (await must(0, 'tail', name, '--since', '5m', '--no-follow')).trim().split('\n')
    const processes = new Set(lines.map((line) => line.split(' ')[1]))
    expect([...processes]).to.include.members(['operator', 'config-agent', 'server'])
  })
})
