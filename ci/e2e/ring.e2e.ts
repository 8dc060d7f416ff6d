import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@nauthera/stand-in/kube-client'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { findTool } from '@nauthera/local/programs/tools'
import { expect } from 'chai'
import { get, kubectl, root } from './support/kubernetes.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { record } from './support/report.ts'
import { nautheraKeys, publishedKeys } from './support/signing-rotation.ts'

/** The commands of the section, in their order. */
const heading = '## The key-encryption ring'
const docs = readFileSync(join(root, 'docs/keys.md'), 'utf8')
const section = docs.slice(docs.indexOf(heading)).split(/\n## (?!The key)/)[0]!
const commands = [...section.matchAll(/`(kubectl (?:rollout restart|patch|exec) [^`]+)`/g)].map((match) => match[1]!)

describe('the key-encryption ring on a real cluster', function () {
  this.timeout(300_000)
  let product: InstalledProduct
  before(async () => {
    product = await useProduct()
    await useDriver()
    await product.release.settled()
  })

  const ring = async (): Promise<string[]> =>
    Object.keys((await get(`/api/v1/namespaces/${product.release.namespace}/secrets/nauthera-keys`)).data as object)
  /** The key-encryption keys that signing and cookie keys need. */
  const needed = async () => {
    const rows = JSON.parse(await nautheraKeys(product, 'list', '--output', 'json')) as Json[]
    return [...new Set(rows.map((row) => row['encryptedBy'] as string))]
  }

  it('F19 is replaced as docs/keys.md says: none of its rolling restarts fails a request, and keys and sessions stay', async () => {
    const [restart, add, choose, reencrypt, remove] = commands as [string, string, string, string, string]
    expect(commands.map((command) => command.split(' ').slice(1, 3).join(' '))).to.deep.equal([
      'rollout restart',
      'patch secret',
      'patch secret',
      'exec deploy/nauthera-server',
      'patch secret',
    ])
    const { release } = product
    const old = (await ring()).find((name) => name !== 'current')!
    const keys = await publishedKeys(product)
    const generations: string[] = []
    const change = async (command: string) => {
      await runHere(command.replace('OLD', old), release.namespace)
      await runHere(restart, release.namespace)
      await kubectl('-n', release.namespace, 'rollout', 'status', 'deploy/nauthera-server', '--timeout=120s')
      await release.settled()
      const [pod] = await release.pods('server')
      generations.push(pod.metadata.labels['pod-template-hash'])
    }
    const replace = async () => {
      await change(add)
      await change(choose)
      expect(await needed()).to.deep.equal([old])
      expect(await runHere(reencrypt, release.namespace)).to.match(/\b2027a\b/)
      expect(await needed()).to.deep.equal(['2027a'])
      await change(remove)
    }
    const outcome = await (await useDriver()).underLoad(replace, 'slow')
    record({ name: 'rolling-restart.requests', value: outcome.requests, unit: 'requests', target: null })
    record({ name: 'rolling-restart.failed-requests', value: outcome.failures.length, unit: 'requests', target: 0 })
    expect(outcome.failures).to.deep.equal([])
    expect(outcome.requests).to.be.greaterThan(200)
    expect(new Set(generations).size).to.equal(3)
    expect(await ring()).to.have.members(['2027a', 'current'])
    expect(await publishedKeys(product)).to.deep.equal(keys)
  })
})

/** As a person runs it whose context names the namespace.
 *  @throws Error with what it said */
async function runHere(command: string, namespace: string): Promise<string> {
  const script = `kubectl() { "$KUBECTL" --namespace "$NAMESPACE" "$@"; }\n${command}`
  const env = { ...process.env, KUBECTL: await findTool('kubectl'), NAMESPACE: namespace }
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'], env })
  reapProcess(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${output}`)
  return output
}
