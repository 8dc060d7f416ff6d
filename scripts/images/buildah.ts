// Images without a container daemon: buildah with storage of our own, so that nothing of the machine's images is seen or changed.
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Storage, and below `context` the directories that are built from. */
export const buildahDirectory = join(resolve(import.meta.dirname, '../..'), '.nauthera/buildah')

/** Builds with nothing from a registry; the same context gives the same image.
 *  @throws Error with what buildah said */
export async function buildImage(options: {
  dockerfile: string
  context: string
  image: string
  args?: Readonly<Record<string, string>>
}): Promise<void> {
  await buildah([
    'build',
    '--quiet',
    '--isolation=chroot',
    '--pull=never',
    '--layers=false',
    '--timestamp=0',
    '--format=oci',
    ...Object.entries(options.args ?? {}).map(([key, value]) => `--build-arg=${key}=${value}`),
    `--file=${options.dockerfile}`,
    `--tag=${options.image}`,
    options.context,
  ])
}

/** Writes an image as an archive that containerd and docker load. */
export async function saveImage(image: string, archive: string): Promise<void> {
  await rm(archive, { force: true })
  await buildah(['push', '--quiet', image, `docker-archive:${archive}:${image}`])
}

/** @throws Error that says how to install buildah */
export async function checkBuildah(): Promise<void> {
  await run('buildah', ['--version']).catch((cause: unknown) => {
    const remedy =
      'install it (Debian: apt-get install --no-install-recommends buildah crun), then run this command again'
    throw new Error(`buildah is missing; ${remedy}`, { cause })
  })
  await mkdir(join(buildahDirectory, 'context'), { recursive: true })
}

async function buildah(command: readonly string[]): Promise<void> {
  const storage = ['--root', join(buildahDirectory, 'storage'), '--runroot', join(buildahDirectory, 'run')]
  try {
    await run('buildah', [...storage, '--storage-driver', 'overlay', ...command], {
      timeout: 300_000,
      maxBuffer: 64 << 20,
    })
  } catch (cause) {
    const { stderr } = cause as { stderr?: string }
    throw new Error(`buildah ${command[0]} failed:\n${stderr ?? String(cause)}`, { cause })
  }
}
