// Makes the one file of each process for its image, and copies the files that the process reads while it runs.
import { chmod, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import type { Plugin } from 'rolldown'

const root = resolve(import.meta.dirname, '..')

export type Part = 'server' | 'config-agent' | 'operator'
export const parts: readonly Part[] = ['server', 'config-agent', 'operator']

interface Recipe {
  /** Source -> file in the image, below /app. The layout keeps the relative paths that files.ts relies on. */
  readonly entries: Readonly<Record<string, string>>
  readonly copies: readonly string[]
  /** Command on the PATH -> the entry that it runs. */
  readonly commands: Readonly<Record<string, string>>
  /** Native addons: a bundle cannot hold them. */
  readonly externals: readonly string[]
  /** Libraries that few need, and the door of one, which are loaded when they are first used. V8 keeps the text of a file that it has loaded, so
   *  each is a file for itself, below `libraries`. */
  readonly apart: readonly string[]
}

const recipes: Readonly<Record<Part, Recipe>> = {
  server: {
    entries: { 'src/main.ts': 'src/main.js', 'src/cli/main.ts': 'src/nauthera.js' },
    copies: ['views', 'locales', 'assets', 'src/store/sql'],
    commands: { nauthera: 'src/nauthera.js' },
    externals: ['@node-rs/argon2', '@node-rs/bcrypt'],
    apart: [
      '@nauthera/proto/certificate-facts',
      '@simplewebauthn/server',
      '@simplewebauthn/server/helpers',
      'ioredis',
      'node-pg-migrate',
      'nodemailer',
      'nodemailer/lib/smtp-connection',
    ],
  },
  'config-agent': { entries: { 'src/main.ts': 'src/main.js' }, copies: [], commands: {}, externals: [], apart: [] },
  operator: {
    entries: { 'src/main.ts': 'src/main.js', 'src/keys/main.ts': 'src/create-keys.js' },
    copies: [],
    commands: {},
    externals: [],
    apart: [],
  },
}

/** Writes `app/` and `bin/` of one part, and an empty `compiled/` for what V8 makes of it. The same sources give the same bytes.
 *  @param directory is emptied first */
export async function bundlePart(part: Part, directory: string): Promise<void> {
  const { entries, copies, commands, externals, apart } = recipes[part]
  const app = join(directory, 'app')
  await rm(directory, { recursive: true, force: true })
  for (const name of ['bin', 'compiled']) await mkdir(join(directory, name), { recursive: true })
  for (const [source, file] of Object.entries(entries)) {
    await bundleFile(join(root, part, source), join(app, file), externals, apart)
  }
  for (const name of apart)
    await bundleLibrary(name, join(root, part, 'src/main.ts'), join(app, 'src', libraryFile(name)))
  for (const path of copies) await cp(join(root, part, path), join(app, path), { recursive: true })
  for (const name of externals) await copyAddon(name, app)
  await writeFile(join(app, 'package.json'), `${JSON.stringify({ name: `nauthera-${part}`, type: 'module' })}\n`)
  for (const [command, file] of Object.entries(commands)) {
    const path = join(directory, 'bin', command)
    await writeFile(path, `#!/usr/local/bin/node\nimport('/app/${file}')\n`)
    await chmod(path, 0o755)
  }
}

/** Bundles every part.
 *  @returns the source of each program and its file, as `scriptOf` reads them from NAUTHERA_BUNDLES */
export async function bundleAll(directory: string): Promise<Record<string, string>> {
  await Promise.all(parts.map((part) => bundlePart(part, join(directory, part))))
  return Object.fromEntries(
    parts.flatMap((part) =>
      Object.entries(recipes[part].entries).map(([source, file]) => [
        `${part}/${source}`,
        join(directory, part, 'app', file),
      ]),
    ),
  )
}

/** Writes one file that needs no node_modules, and its source map.
 *  @param externals packages that stay outside
 *  @param apart packages that lie in files of their own
 *  @param plugins for what only this file wants */
export async function bundleFile(
  source: string,
  file: string,
  externals: readonly string[] = [],
  apart: readonly string[] = [],
  plugins: readonly Plugin[] = [],
  format: 'esm' | 'cjs' = 'esm',
): Promise<void> {
  const bundle = await rolldown({
    input: source,
    cwd: root,
    platform: 'node',
    external: [...externals, ...apart],
    logLevel: 'warn',
    // depd, deep below oidc-provider, makes its wrappers with eval.
    checks: { eval: false },
    plugins: [leanHttp, leanGrpc, leanCharsets, ...plugins],
  })
  await bundle.write({
    file,
    format,
    sourcemap: true,
    paths: Object.fromEntries(apart.map((name) => [name, libraryFile(name)])),
    // As in the repository, whatever place it was built at: the same bytes everywhere.
    sourcemapPathTransform: (path, map) => relative(root, resolve(dirname(map), path)),
    codeSplitting: false,
    minify: false,
    // V8 keeps the text of what it has not compiled yet
    comments: { legal: true, annotation: false, jsdoc: false },
  })
  await bundle.close()
  await writeFile(file, escapeWide(await readFile(file, 'utf8')))
}

/** Writes a library that is apart, with the names that it has for Node: of a CommonJS module a bundle would have one, `default`. A library that
 *  has no other name keeps it.
 *  @param importer decides which version is meant */
async function bundleLibrary(name: string, importer: string, file: string): Promise<void> {
  const entry = `\0library:${name}`
  const library: Plugin = {
    name: 'library',
    resolveId: (id) => (id === entry ? { id } : undefined),
    async load(id) {
      if (id !== entry) return undefined
      const resolved = await this.resolve(name, importer)
      if (!resolved) throw new Error(`${name} is not there; run npm ci`)
      const names = namesOf(await import(pathToFileURL(resolved.id).href))
      const from = JSON.stringify(resolved.id)
      return names.length === 0
        ? `export { default } from ${from}\n`
        : `import * as all from ${from}\nexport const { ${names.join(', ')} } = all\n`
    },
  }
  await bundleFile(entry, file, [], [], [library])
  // loaded here once: a fault would else show only at the first use in production
  const bundled = (await import(pathToFileURL(file).href)) as Record<string, unknown>
  const missing = Object.keys(bundled).filter((each) => bundled[each] === undefined)
  if (missing.length > 0 || Object.keys(bundled).length === 0)
    throw new Error(`${name}: ${missing.join()} is not there when it is bundled`)
}

const namesOf = (module: object): string[] =>
  Object.keys(module).filter((name) => /^\w+$/.test(name) && !['default', '__esModule'].includes(name))

/** Where a library lies that is apart, from the file of a process. */
const libraryFile = (name: string): string => `../libraries/${name.replace(/^@/, '').replaceAll('/', '-')}.js`

const leanName = '\0lean:http'

/** `import` of node:http reads each of its exports, and so loads the whole of fetch and WebSocket: a tenth of a second of a start, and 6 MB in
 *  each process. To ask for the module by a call reads none that nobody wants. */
const leanHttp: Plugin = {
  name: 'lean-http',
  resolveId: (source, _importer, { kind }) =>
    kind !== 'require-call' && /^(node:)?http$/.test(source) ? { id: leanName } : undefined,
  load: (id) => (id === leanName ? leanSource : undefined),
}

const plainExports = Object.entries(Object.getOwnPropertyDescriptors(http)).flatMap(([name, { get }]) =>
  get ? [] : [name],
)
const leanSource = `const http = process.getBuiltinModule('node:http')
export default http
export const { ${plainExports.join(', ')} } = http
`

/** A module that stands in the place of another one. */
const instead = (name: string, source: string): Plugin => {
  const id = `\0lean:${name}`
  return {
    name: `lean-${name}`,
    resolveId: (wanted) => (wanted === name ? { id } : undefined),
    load: (wanted) => (wanted === id ? source : undefined),
  }
}

/** Left out: the .proto files that gRPC reads for two services of its own. We do not offer them. */
const leanGrpc = instead('@grpc/proto-loader', 'export const loadSync = () => ({})')

/** The charset of a form. Node knows those of the web; the tables of the library are half a megabyte. */
const leanCharsets = instead(
  'iconv-lite',
  `const open = (label) => {
  try {
    return new TextDecoder(label)
  } catch {
    // as the library says it, and raw-body knows it: status 415
    throw new Error('Encoding not recognized: ' + label)
  }
}
export const encodingExists = (label) => {
  try {
    open(label)
    return true
  } catch {
    return false
  }
}
export const decode = (bytes, label) => open(label).decode(bytes)
export const getDecoder = (label) => {
  const decoder = open(label)
  return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() }
}`,
)

/** A single character outside Latin-1 makes V8 keep the whole source at two bytes a character. */
function escapeWide(source: string): string {
  return source.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A package with its binary for this platform, which npm has put beside it. */
async function copyAddon(name: string, app: string): Promise<void> {
  const require = createRequire(join(root, 'server/package.json'))
  const source = dirname(require.resolve(`${name}/package.json`))
  const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
    optionalDependencies?: Record<string, string>
  }
  const installed = Object.keys(manifest.optionalDependencies ?? {}).flatMap((dependency) => {
    try {
      return [[dependency, dirname(require.resolve(`${dependency}/package.json`))] as const]
    } catch {
      return []
    }
  })
  if (installed.length === 0) throw new Error(`${name} has no binary for this platform; run npm ci`)
  for (const [dependency, path] of [[name, source] as const, ...installed]) {
    await cp(path, join(app, 'node_modules', dependency), { recursive: true, dereference: true })
  }
}
