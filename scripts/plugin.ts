// npm run plugin: kubectl-nauthera as one file for each platform, with checksums and the manifest of krew. Nothing of it is committed.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, chmod, copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { bundleFile } from './bundle.ts'
import { readCommandLine, refuse } from './command-line.ts'
import { platforms, postject } from './plugin/platforms.ts'
import type { PluginPlatform } from './plugin/platforms.ts'

const usage = `Usage: npm run plugin -- [--platform OS-ARCH] [--out DIR] [--url URL]

Builds kubectl-nauthera as one file for each platform, and the archives, SHA256SUMS and nauthera.yaml of a release.
It takes Node's binaries from the npm registry (about 55 MB each, once, into .nauthera/tools).

  --platform OS-ARCH  one of ${platforms.map(nameOf).join(', ')}; may be said again. Default: all
  --out DIR           where it goes. Default: .nauthera/plugin
  --url URL           the folder in which the archives will lie, for the manifest of krew
`

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

const { values } = readCommandLine(usage, {
  platform: { type: 'string', multiple: true, default: [] },
  out: { type: 'string', default: join(root, '.nauthera/plugin') },
  url: { type: 'string', default: 'https://downloads.example.com/nauthera' },
})
const wanted =
  values.platform.length === 0 ? platforms : platforms.filter((one) => values.platform.includes(nameOf(one)))
if (wanted.length < values.platform.length) refuse(usage, `--platform ${values.platform.join(' ')}: is not known`)
await build(wanted, resolve(values.out))

function nameOf({ os, arch }: PluginPlatform): string {
  return `${os}-${arch}`
}

async function build(wanted: readonly PluginPlatform[], out: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  const work = await mkdtemp(join(out, '.build-'))
  try {
    const blob = await prepareBlob(work)
    const { inject } = createRequire(import.meta.url)(join(await fetchPackage(postject), 'dist/api.js')) as Postject
    const archives: Archive[] = []
    for (const platform of wanted) {
      const directory = join(out, nameOf(platform))
      const program = join(directory, `kubectl-nauthera${platform.os === 'windows' ? '.exe' : ''}`)
      await mkdir(directory)
      await copyFile(join(await fetchPackage(platform), platform.binary), program)
      await chmod(program, 0o755)
      const segment = platform.os === 'darwin' ? { machoSegmentName: 'NODE_SEA' } : {}
      await inject(program, 'NODE_SEA_BLOB', blob, { sentinelFuse: fuse, ...segment })
      await copyFile(join(root, 'LICENSE'), join(directory, 'LICENSE'))
      const completion = join(directory, 'kubectl_complete-nauthera')
      await writeFile(completion, '#!/bin/sh\nexec kubectl-nauthera __complete "$@"\n', { mode: 0o755 })
      archives.push(await pack(platform, { directory, out, version }))
      process.stderr.write(`${nameOf(platform)}: ${archives.at(-1)!.file}\n`)
    }
    await writeFile(join(out, 'SHA256SUMS'), archives.map(({ sha256, file }) => `${sha256}  ${file}\n`).join(''))
    await writeFile(join(out, 'nauthera.yaml'), krewManifest(version, archives))
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

interface Postject {
  readonly inject: (
    file: string,
    resource: string,
    data: Buffer,
    options: { readonly sentinelFuse: string; readonly machoSegmentName?: string },
  ) => Promise<void>
}

/** The program as Node takes it into its binary. The version of Node that runs it prepares it. */
async function prepareBlob(work: string): Promise<Buffer> {
  const main = join(work, 'kubectl-nauthera.cjs')
  await bundleFile(join(root, 'operator/src/kubectl/main.ts'), main, [], [], [], 'cjs')
  const output = join(work, 'kubectl-nauthera.blob')
  const config = join(work, 'sea.json')
  await writeFile(config, JSON.stringify({ main, output, disableExperimentalSEAWarning: true, useCodeCache: false }))
  const [linux] = platforms
  const node =
    process.platform === 'linux' && process.arch === 'x64'
      ? join(await fetchPackage(linux!), linux!.binary)
      : process.execPath
  await run(node, ['--experimental-sea-config', config])
  return readFile(output)
}

/** @returns the unpacked package, which is fetched once
 *  @throws Error when its bytes are not those that are expected */
async function fetchPackage({ pack, sha512 }: { readonly pack: string; readonly sha512: string }): Promise<string> {
  const directory = join(root, '.nauthera/tools', createHash('sha256').update(sha512).digest('hex').slice(0, 12))
  const isThere = await access(directory).then(
    () => true,
    () => false,
  )
  if (isThere) return directory
  await mkdir(join(root, '.nauthera/tools'), { recursive: true })
  const work = await mkdtemp(join(root, '.nauthera/tools/.fetch-'))
  try {
    const npm = process.env['npm_execpath']
    const [program, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
    const { stdout } = await run(program!, [...first, 'pack', '--silent', pack], { cwd: work, timeout: 300_000 })
    const file = join(work, stdout.trim().split('\n').at(-1)!)
    const digest = createHash('sha512')
      .update(await readFile(file))
      .digest('base64')
    if (digest !== sha512) throw new Error(`${pack} has digest ${digest}, expected ${sha512}`)
    await run('tar', ['-xzf', file], { cwd: work })
    await rename(join(work, 'package'), directory)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return directory
}

interface Archive {
  readonly platform: PluginPlatform
  readonly file: string
  readonly sha256: string
}

/** The same files give the same bytes. */
async function pack(
  platform: PluginPlatform,
  { directory, out, version }: { readonly directory: string; readonly out: string; readonly version: string },
): Promise<Archive> {
  const file = `kubectl-nauthera_${version}_${platform.os}_${platform.arch}.tar.gz`
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
  await run('tar', [...same, '--use-compress-program=gzip -n', '-cf', join(out, file), '-C', directory, '.'])
  const sha256 = createHash('sha256')
    .update(await readFile(join(out, file)))
    .digest('hex')
  return { platform, file, sha256 }
}

/** https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/ */
function krewManifest(version: string, archives: readonly Archive[]): string {
  return stringify(
    {
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'nauthera' },
      spec: {
        version: `v${version}`,
        homepage: values.url,
        shortDescription: 'Explains and manages OIDCClients of Nauthera',
        description:
          'Says why a sign-in fails and what to do, rotates client secrets and follows the rotation, tests what a policy would change, imports clients of other products, and renders OIDCClients without a cluster.',
        platforms: archives.map(({ platform: { os, arch }, file, sha256 }) => ({
          selector: { matchLabels: { os, arch } },
          uri: `${values.url}/${file}`,
          sha256,
          bin: os === 'windows' ? 'kubectl-nauthera.exe' : 'kubectl-nauthera',
        })),
      },
    },
    { lineWidth: 0 },
  )
}
