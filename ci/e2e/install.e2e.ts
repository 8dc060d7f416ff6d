import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { kubectl, mustRun, tryKubectl } from './support/kubernetes.ts'
import { isReady, restartsOf } from './support/pods.ts'
import { useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'

describe('the chart on a real cluster', function () {
  this.timeout(300_000)
  let product: InstalledProduct
  before(async () => {
    product = await useProduct()
  })
  const auth = () => product.release.namespace
  const canI = async (account: string, verb: string, resource: string, namespace: string) => {
    const as = `system:serviceaccount:${auth()}:nauthera-${account}`
    const { stdout } = await tryKubectl('auth', 'can-i', verb, resource, '-n', namespace, `--as=${as}`)
    return stdout.trim()
  }

  it('is ready within 120 s: 2 servers, 2 operators, 3 Valkeys with Sentinels', async () => {
    record({ name: 'install.ready', value: product.installMs / 1000, unit: 's', target: 120 })
    expect(product.installMs).to.be.lessThan(120_000)
    const pods = (
      await Promise.all((['server', 'operator', 'valkey'] as const).map((part) => product.release.pods(part)))
    ).flat()
    expect(pods.filter(isReady)).to.have.length(7)
    expect(product.installNotes).to.include(product.release.issuer).and.to.include('users add')
  })

  it('starts every container once, under Pod Security restricted', async () => {
    const { metadata } = JSON.parse(await kubectl('get', 'namespace', auth(), '-o', 'json')) as Json
    expect(metadata.labels['pod-security.kubernetes.io/enforce']).to.equal('restricted')
    for (const part of ['server', 'operator', 'valkey'] as const) {
      for (const pod of await product.release.pods(part)) {
        const names = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(
          ({ name }: Json) => name as string,
        )
        expect(
          names.map((name) => restartsOf(pod, name)),
          pod.metadata.name,
        ).to.deep.equal(names.map(() => 0))
      }
    }
  })

  it('gives the server pod no token of the API', async () => {
    const [pod] = await product.release.pods('server')
    expect(pod.spec.automountServiceAccountToken).to.equal(false)
    const look = "fs.readdirSync('/var/run/secrets/kubernetes.io')"
    const { code, stderr } = await tryKubectl(
      '-n',
      auth(),
      'exec',
      pod.metadata.name,
      '-c',
      'server',
      '--',
      'node',
      '-p',
      look,
    )
    expect(code).to.not.equal(0)
    expect(stderr).to.include('ENOENT')
  })

  it('lets the operator list no Secret anywhere, run nothing and become nobody', async () => {
    for (const namespace of [auth(), product.team, 'kube-system']) {
      for (const verb of ['list', 'watch', 'deletecollection']) {
        expect(await canI('operator', verb, 'secrets', namespace), `${verb} in ${namespace}`).to.equal('no')
      }
    }
    for (const [verb, resource] of [
      ['create', 'pods'],
      ['create', 'pods/exec'],
      ['update', 'pods'],
      ['update', 'oidcclients'],
      ['patch', 'oidcclients'],
      ['create', 'deployments'],
      ['escalate', 'roles'],
      ['bind', 'roles'],
      ['impersonate', 'users'],
      ['create', 'serviceaccounts/token'],
    ] as const) {
      expect(await canI('operator', verb, resource, auth()), `${verb} ${resource}`).to.equal('no')
    }
    expect(await canI('operator', 'get', 'secrets', product.team)).to.equal('yes')
    expect(await canI('operator', 'list', 'oidcclients', product.team)).to.equal('yes')
  })

  it('lets the account of server and agent do nothing', async () => {
    for (const [verb, resource] of [
      ['get', 'secrets'],
      ['list', 'secrets'],
      ['get', 'pods'],
      ['get', 'configmaps'],
      ['list', 'oidcclients'],
      ['create', 'events'],
    ] as const) {
      expect(await canI('server', verb, resource, auth()), `${verb} ${resource}`).to.equal('no')
    }
  })

  it('passes helm test', async () => {
    const said = await mustRun('helm4', ['test', 'nauthera', '-n', auth(), '--timeout', '90s'])
    expect(said)
      .to.match(/Phase:\s+Succeeded/)
      .and.to.not.match(/Phase:\s+Failed/)
  })

  it('rolls no pod when the same chart is applied again', async () => {
    // the Job that made the keys goes with the first upgrade, and its ended pod with it
    const running = () => kubectl('-n', auth(), 'get', 'pods', '--field-selector=status.phase=Running', '-o', 'name')
    const before = await running()
    await product.release.upgrade()
    expect(await running()).to.equal(before)
  })
})
