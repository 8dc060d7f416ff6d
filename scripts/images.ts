// npm run images: the three images, built without a container daemon and without a registry, as archives that containerd
// and docker load, each with a list of what is in it. The same sources give the same digests.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { writeRootfs } from './images/base-rootfs.ts'
import { buildImage, buildahDirectory, checkBuildah, saveImage } from './images/buildah.ts'
import { bundlePart, parts } from './bundle.ts'
import { readCommandLine, refuse } from './command-line.ts'
import type { Part } from './bundle.ts'
import { renderSbom } from './images/sbom.ts'

const usage = `Usage: npm run images [-- [--part NAME ...] [--tag TAG] [--prefix P] [--base IMAGE] [--out DIR] [--check | --again] [--json]]

Builds the images of the product as archives, without a container engine. It needs buildah and crun.

  --part NAME   server, config-agent or operator; default: all three
  --tag TAG     tag of the images; default: the version in package.json
  --prefix P    what stands before the name; default: localhost/nauthera
  --base IMAGE  image with Node 24 to build on; default: one made here from the node binary of node_modules
  --out DIR     where the archives go; default: .nauthera/images
  --check       builds everything a second time, and fails when a digest differs
  --again       the second time alone: the archives of the first one are there
  --json        one JSON line of {part, image, archive, sbom, bytes, digest} each

Beside each archive lies NAME.cdx.json: the packages and libraries in the image (CycloneDX).
`

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')

const { values } = readCommandLine(usage, {
  part: { type: 'string', multiple: true },
  tag: { type: 'string' },
  prefix: { type: 'string', default: 'localhost/nauthera' },
  base: { type: 'string' },
  out: { type: 'string', default: join(root, '.nauthera/images') },
  check: { type: 'boolean', default: false },
  again: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
})
const wanted = values.part ?? [...parts]
for (const name of wanted) {
  if (!(parts as readonly string[]).includes(name)) refuse(usage, `--part ${name}: there is ${parts.join(', ')}`)
}

const version = (JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }).version
const tag = values.tag ?? version
const baseRootfs = join(buildahDirectory, 'context/base/rootfs')
const say = (text: string) => process.stderr.write(`${text}\n`)

try {
  await checkBuildah()
} catch (error) {
  say((error as Error).message)
  process.exit(1)
}
const revision = await readRevision()
const archiveOf = (part: string) => join(values.out, `${part}.tar`)
if (!values.again)
  await buildAll(values.out, ({ took, ...one }) => {
    const { image, archive, bytes, digest } = one
    if (values.json) process.stdout.write(`${JSON.stringify(one)}\n`)
    else say(`${image}  ${Math.round(bytes / 1e6)} MB  sha256:${digest.slice(0, 12)}  ${archive}  (${took})`)
  })
if (values.check || values.again) {
  const first = await Promise.all(wanted.map((part) => sha256(archiveOf(part))))
  const again = join(values.out, 'again')
  const differing = (await buildAll(again, () => undefined)).filter(({ digest }, index) => digest !== first[index])
  await rm(again, { recursive: true, force: true })
  if (differing.length === 0) say('built twice: the same digests')
  for (const { image } of differing) say(`${image}: the second build has another digest`)
  process.exitCode = differing.length === 0 ? 0 : 1
}

interface Built {
  readonly part: Part
  readonly image: string
  readonly archive: string
  readonly sbom: string
  readonly bytes: number
  readonly digest: string
  readonly took: string
}

async function buildAll(out: string, onBuilt: (built: Built) => void): Promise<Built[]> {
  await mkdir(out, { recursive: true })
  await rm(join(buildahDirectory, 'context'), { recursive: true, force: true })
  const base = values.base ?? (await buildBase())
  const all: Built[] = []
  for (const part of wanted as Part[]) {
    const one = await buildPart(part, base, out)
    onBuilt(one)
    all.push(one)
  }
  return all
}

async function buildPart(part: Part, base: string, out: string): Promise<Built> {
  const began = Date.now()
  const context = join(buildahDirectory, 'context', part)
  await bundlePart(part, context)
  const image = `${values.prefix}/${part}:${tag}`
  await buildImage({
    dockerfile: join(root, `ci/${part}.Dockerfile`),
    context,
    image,
    args: { BASE: base, VERSION: version, REVISION: revision },
  })
  const archive = join(out, `${part}.tar`)
  await saveImage(image, archive)
  const sbom = join(out, `${part}.cdx.json`)
  const rootfs = values.base === undefined ? baseRootfs : undefined
  await writeFile(sbom, await renderSbom({ name: `nauthera/${part}`, version: tag, directory: context, rootfs }))
  const { size: bytes } = await stat(archive)
  return { part, image, archive, sbom, bytes, digest: await sha256(archive), took: seconds(began) }
}

/** The node binary of this checkout on nothing but its libraries. */
async function buildBase(): Promise<string> {
  const began = Date.now()
  const context = dirname(baseRootfs)
  const require = createRequire(join(root, 'server/package.json'))
  const addons = ['argon2', 'bcrypt'].map((name) => {
    const folder = dirname(require.resolve(`@node-rs/${name}-linux-${process.arch}-gnu/package.json`))
    return join(folder, `${name}.linux-${process.arch}-gnu.node`)
  })
  const files = [process.execPath, ...addons]
  await writeRootfs(files, baseRootfs)
  const image = `localhost/nauthera-base:${process.version}`
  await buildImage({ dockerfile: join(root, 'ci/base.Dockerfile'), context, image })
  say(`${image}  (${seconds(began)})`)
  return image
}

async function readRevision(): Promise<string> {
  const answer = await run('git', ['rev-parse', 'HEAD'], { cwd: root }).catch(() => undefined)
  return answer?.stdout.trim() ?? 'unknown'
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function seconds(began: number): string {
  return `${((Date.now() - began) / 1000).toFixed(1)} s`
}
