// The smallest root file system in which Node runs: no shell, no package manager.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** @param programs Node first, then the native addons whose libraries are needed too
 *  @param directory is emptied first */
export async function writeRootfs(programs: readonly string[], directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  for (const path of ['usr/local/bin', 'usr/lib', 'etc/ssl/certs', 'tmp', 'run', 'var', 'app', 'home/nonroot']) {
    await mkdir(join(directory, path), { recursive: true })
  }
  // One usr, as distributions have it: the loader looks in /lib and /lib64.
  await symlink('usr/lib', join(directory, 'lib'))
  await symlink('usr/lib64', join(directory, 'lib64'))
  await symlink('../run', join(directory, 'var/run'))
  await mkdir(join(directory, 'usr/lib64'), { recursive: true })
  await chmod(join(directory, 'tmp'), 0o1777)

  const libraries = new Set<string>()
  for (const program of programs) for (const library of await librariesOf(program)) libraries.add(library)
  const home = dirname([...libraries].find((library) => basename(library).startsWith('libc.so'))!)
  // Loaded by name at run time to resolve host names, so ldd does not list them.
  for (const name of ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']) {
    if ((await readdir(home)).includes(name)) libraries.add(join(home, name))
  }
  for (const library of [...libraries].sort()) {
    const target = join(directory, library.replace(/^\/(lib(64)?\/)/, '/usr/$1'))
    await mkdir(dirname(target), { recursive: true })
    await copyFile(await realpath(library), target)
    await chmod(target, 0o755)
  }
  await copyFile(programs[0]!, join(directory, 'usr/local/bin/node'))
  await chmod(join(directory, 'usr/local/bin/node'), 0o755)
  await copyFile('/etc/ssl/certs/ca-certificates.crt', join(directory, 'etc/ssl/certs/ca-certificates.crt'))
  await writeFile(join(directory, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n')
  await writeFile(
    join(directory, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  )
  await writeFile(join(directory, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n')
}

async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program])
  const found = [...stdout.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, path]) => path!)
  // libraries that a program brings with it
  return found.filter((path) => /^\/(usr\/)?lib/.test(path))
}
