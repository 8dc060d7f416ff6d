// What an image is made of, in CycloneDX 1.6: read from the source maps of the bundles, so it names what is in them and nothing else.
import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')

interface Component {
  readonly type: 'application' | 'library' | 'file'
  readonly name: string
  readonly version?: string
  readonly purl?: string
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[]
}

/** The same image gives the same text.
 *  @param image.directory what bundlePart wrote
 *  @param image.rootfs what writeRootfs wrote; undefined when the image stands on a base of somebody else, which is not described */
export async function renderSbom(image: {
  name: string
  version: string
  directory: string
  rootfs: string | undefined
}): Promise<string> {
  const components = [
    ...(await packagesOf(join(image.directory, 'app'))),
    ...(image.rootfs === undefined ? [] : [nodeItself, ...(await librariesOf(image.rootfs))]),
  ]
  const told = { metadata: { component: { type: 'container', name: image.name, version: image.version } }, components }
  const document = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: serialOf(told), version: 1, ...told }
  return `${JSON.stringify(document, null, 1)}\n`
}

const nodeItself: Component = {
  type: 'application',
  name: 'node',
  version: process.versions.node,
  purl: `pkg:generic/node@${process.versions.node}`,
}

/** Packages with a source in one of the bundles, and those that lie beside them as they are. */
async function packagesOf(app: string): Promise<Component[]> {
  const files = await readdir(app, { recursive: true })
  const directories = new Set<string>()
  for (const file of files) {
    if (file.endsWith('.js.map') && !file.startsWith('node_modules')) {
      const { sources } = JSON.parse(await readFile(join(app, file), 'utf8')) as { sources: string[] }
      for (const source of sources) {
        const [directory] = /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(source) ?? []
        if (directory !== undefined) directories.add(join(root, directory))
      }
    } else if (/^node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file)) {
      directories.add(join(app, file, '..'))
    }
  }
  const found = new Map<string, Component>()
  for (const directory of directories) {
    const text = await readFile(join(directory, 'package.json'), 'utf8')
    const { name, version } = JSON.parse(text) as { name: string; version: string }
    found.set(`${name}@${version}`, {
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    })
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component)
}

/** The libraries of the machine that built the image: their files, since their packages are not known here. */
async function librariesOf(rootfs: string): Promise<Component[]> {
  const entries = await readdir(rootfs, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const libraries = paths.filter((path) => /\.so(\.\d+)*$/.test(path)).sort()
  return Promise.all(
    libraries.map(async (path): Promise<Component> => {
      const content = createHash('sha256')
        .update(await readFile(path))
        .digest('hex')
      return { type: 'file', name: `/${relative(rootfs, path)}`, hashes: [{ alg: 'SHA-256', content }] }
    }),
  )
}

/** A UUID (version 8) out of the content, since the number must differ when the content does. */
function serialOf(content: unknown): string {
  const hex = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)]
  return `urn:uuid:${parts.join('-')}`
}
