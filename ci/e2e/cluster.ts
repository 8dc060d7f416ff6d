// A real Kubernetes of one node on this machine: from the kit of built programs beside the checkout, else built by ci/cluster.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { reapPid } from '@nauthera/local/processes/reaper'

const root = fileURLToPath(new URL('../..', import.meta.url))
const packed = join(root, '../shared/cluster')
const isPacked = existsSync(join(packed, 'packed/SHA256SUMS')) && process.env['NAUTHERA_E2E_CLUSTER'] !== 'built'
const kit = isPacked ? packed : join(root, 'ci/cluster')
/** Of the cluster on this machine: its programs, data, keys and logs. */
export const clusterDirectory = join(root, '.nauthera/e2e')
const environment = {
  ...process.env,
  KIT_BIN: join(clusterDirectory, 'bin'),
  KIT_STATE: join(clusterDirectory, 'state'),
  // of src/build.sh
  OUT: join(clusterDirectory, 'bin'),
}

/** What building the cluster's programs needs, in Debian's packages; Go itself must be there. */
const buildPackages = ['gcc', 'libc6-dev', 'pkg-config', 'libseccomp-dev']

/** What the building of images needs -> the Debian package that brings it. */
const imagePrograms: Readonly<Record<string, string>> = {
  buildah: 'buildah',
  crun: 'crun',
  debootstrap: 'debootstrap',
  slapd: 'slapd',
}
/** What the kit and the test in a browser need besides. */
const programs: Readonly<Record<string, string>> = {
  ...imagePrograms,
  ip: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  ipset: 'ipset',
  openssl: 'openssl',
  zstd: 'zstd',
  chromium: 'chromium',
}

export interface TestedCluster {
  readonly kubeconfig: string
  /** Makes images (docker archives) known to the node. */
  loadImages(...archives: string[]): Promise<void>
  /** Ends it and forgets everything. */
  down(): Promise<void>
  /** Lets it outlive this process. */
  leave(): void
}

/** @returns why no cluster can be started here; undefined when one can */
export function missingForCluster(): string | undefined {
  if (process.platform !== 'linux') return 'the cluster kit runs on Linux only'
  if (!isPacked && spawnSync('go', ['version']).status !== 0) {
    return `there is no kit of built programs in ${packed}, and no Go (1.26.6 or newer) to build it by ci/cluster`
  }
  if (process.getuid?.() !== 0) return 'the cluster kit needs root'
  return undefined
}

/** @param say gets a line for each step
 *  @throws Error with the last lines of the step that failed */
export async function startCluster(say: (line: string) => void): Promise<TestedCluster> {
  mkdirSync(clusterDirectory, { recursive: true })
  await installPrograms(programs, say)
  await (isPacked ? unpack(say) : build(say))
  await step('removing what an earlier run left', ['cluster.sh', 'down'], () => undefined)
  // `down` keeps the flags of components, which may name files that are gone
  rmSync(join(environment.KIT_STATE, 'flags'), { recursive: true, force: true })
  tellRegistry()
  await step('starting the cluster', ['cluster.sh', 'up'], say)
  const [pid] = readFileSync(join(environment.KIT_STATE, 'pid'), 'utf8').split(' ')
  const forget = reapPid(Number(pid), 'KILL')
  return {
    kubeconfig: join(environment.KIT_STATE, 'kubeconfig'),
    loadImages: (...archives) => step('loading images', ['cluster.sh', 'load-image', ...archives], say),
    down: async () => {
      await step('removing the cluster', ['cluster.sh', 'down'], say)
      forget()
    },
    leave: forget,
  }
}

export const installImagePrograms = (say: (line: string) => void): Promise<void> => installPrograms(imagePrograms, say)

async function installPrograms(wanted: Readonly<Record<string, string>>, say: (line: string) => void): Promise<void> {
  const isThere = (program: string) =>
    spawnSync('sh', ['-c', `PATH="$PATH:/usr/sbin:/sbin"; command -v ${program}`]).status === 0
  const packages = Object.entries(wanted)
    .filter(([program]) => !isThere(program))
    .map(([, name]) => name)
  if (packages.length > 0) await install(packages, say)
}

async function install(packages: readonly string[], say: (line: string) => void): Promise<void> {
  await run('apt-get update', 'apt-get', ['update', '-q'], say)
  await run(
    `installing ${packages.join(' ')}`,
    'apt-get',
    ['install', '-y', '--no-install-recommends', ...packages],
    say,
  )
}

async function unpack(say: (line: string) => void): Promise<void> {
  const stamp = join(clusterDirectory, 'unpacked')
  const wanted = readFileSync(join(kit, 'packed/SHA256SUMS'), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await step('unpacking Kubernetes', ['unpack.sh'], say)
  writeFileSync(stamp, wanted)
}

/** Where the node asks for images of `localhost`, when it is told to ask: ci/e2e/images/registry.ts answers in some tests. */
function tellRegistry(): void {
  const directory = join(clusterDirectory, 'containerd')
  const [hosts, flags] = [join(directory, 'certs.d/localhost'), join(environment.KIT_STATE, 'flags')]
  for (const place of [hosts, flags]) mkdirSync(place, { recursive: true })
  writeFileSync(join(hosts, 'hosts.toml'), 'server = "http://127.0.0.1:5000"\n')
  // what stands here takes the place of the same table of the kit
  const configuration = `version = 3
imports = ["${join(environment.KIT_STATE, 'conf/containerd.toml')}"]
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "${join(directory, 'certs.d')}"
`
  writeFileSync(join(directory, 'config.toml'), configuration)
  writeFileSync(join(flags, 'containerd'), `--config ${join(directory, 'config.toml')}`)
}

/** Once for each set of versions. */
async function build(say: (line: string) => void): Promise<void> {
  const stamp = join(clusterDirectory, 'built')
  const modules = readdirSync(join(kit, 'src'))
    .map((name) => join(kit, 'src', name, 'go.sum'))
    .filter((file) => existsSync(file))
  const wanted = modules.map((file) => createHash('sha256').update(readFileSync(file)).digest('hex')).join('\n')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await install(buildPackages, say)
  await run(
    'building Kubernetes from its modules (12 min on 2 cores the first time)',
    'bash',
    [join(kit, 'src/build.sh')],
    say,
  )
  writeFileSync(stamp, wanted)
}

const step = (title: string, [script = '', ...args]: string[], say: (line: string) => void): Promise<void> =>
  run(title, 'bash', [join(kit, script), ...args], say)

async function run(title: string, program: string, args: string[], say: (line: string) => void): Promise<void> {
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  say(`${title} ...`)
  const child = spawn(program, args, {
    // RUNLEVEL=1: packages are installed without starting their services
    env: { ...environment, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 1_800_000,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const timer = setInterval(() => say(`${title}: ${seconds()} s`), 5_000)
  // `exit`, not `close`: what the kit starts in the background keeps the pipes open
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('exit', resolve))
  clearInterval(timer)
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  if (code !== 0) throw new Error(`${title} failed:\n${output.trim().split('\n').slice(-15).join('\n')}`)
  if (seconds() > 1) say(`${title}: done in ${seconds()} s`)
}
